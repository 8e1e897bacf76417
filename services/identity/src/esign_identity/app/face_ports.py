"""What the use cases of face checks need to be kept."""

from datetime import datetime, timedelta
from typing import Protocol

from esign_identity.domain.consent import Consent, ConsentText, Device
from esign_identity.domain.face import FaceCheck
from esign_identity.domain.liveness import Challenge, Portrait


class Faces(Protocol):
    """Face checks, the challenges of our own, portraits, consents. Whoever changes a check holds its verification's lock."""

    async def get(self, face_check_id: str) -> FaceCheck | None:
        """By id."""

    async def by_relay(self, digest: bytes) -> FaceCheck | None:
        """By the digest of the secret in the QR code's address."""

    async def undecided(self, verification_id: str) -> FaceCheck | None:
        """The one that is kept as undecided; its time may be over."""

    async def latest(self, verification_id: str) -> FaceCheck | None:
        """The newest."""

    async def count(self, verification_id: str) -> int:
        """How many were opened."""

    async def add(self, check: FaceCheck) -> None:
        """Keep a new one."""

    async def update(self, check: FaceCheck) -> None:
        """Write down where it stands; what a decided one no longer needs is deleted."""

    async def claimed_with(self, face_check_id: str, phone: Device) -> None:
        """Keep which device holds it."""

    async def look_after(self, face_check_id: str, now: datetime, interval: timedelta) -> bool:
        """Whether it is time, and the caller's turn, to ask how a check goes: one caller per interval."""

    async def challenges(self, face_check_id: str) -> list[Challenge]:
        """In their order."""

    async def put_challenge(self, challenge: Challenge) -> None:
        """Keep it, in place of what stood at its step."""

    async def begun_with(self, face_check_id: str) -> bytes | None:
        """The embedding with which an undecided check of our own began."""

    async def begin_with(self, face_check_id: str, embedding: bytes) -> None:
        """Keep that embedding."""

    async def forget_embeddings(self, now: datetime) -> None:
        """Delete those of checks whose time is over."""

    async def portrait(self, person_id: str) -> Portrait | None:
        """The enrolled one."""

    async def enrol(self, portrait: Portrait) -> bool:
        """Keep a portrait; False when the person has one."""

    async def consented(self, person_id: str, text: ConsentText) -> bool:
        """Whether a person accepted this very text."""

    async def add_consent(self, consent: Consent) -> None:
        """Keep a consent."""
