"""Face checks: one visit to a channel, the phone that makes it, what a vendor answers, and when that proves the person."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from hashlib import sha256

from esign_identity.domain.person import Person
from esign_identity.domain.verification import Verification, VerificationState

PASSING_SCORE = Decimal(70)
"""Similarity from which the vendor itself calls two faces the same (Tencent FaceID, `Sim`: 误通过率 1/10000)."""


class FaceChannel(StrEnum):
    """Who checks, in the order in which channels are offered. OWN compares with the portrait enrolled before (与留存照一致)."""

    BJCA = "BJCA"
    TENCENT = "TENCENT"
    OWN = "OWN"


class FaceCheckState(StrEnum):
    """OPEN waits for a phone, SCANNED has one; EXPIRED: over without a result, it counts for nothing."""

    OPEN = "OPEN"
    SCANNED = "SCANNED"
    PASSED = "PASSED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


UNDECIDED = frozenset({FaceCheckState.OPEN, FaceCheckState.SCANNED})


class FaceVerdict(StrEnum):
    """What a check comes to. From BAD_IMAGE on: our own channel's; UNAVAILABLE goes with EXPIRED."""

    PASSED = "PASSED"
    NOT_FINISHED = "FACE_NOT_FINISHED"
    LIVENESS_FAILED = "FACE_LIVENESS_FAILED"
    NOT_SAME_PERSON = "FACE_NOT_SAME_PERSON"
    OTHER_SUBJECT = "FACE_OTHER_SUBJECT"
    BAD_IMAGE = "FACE_BAD_IMAGE"
    TOO_FEW_FRAMES = "FACE_TOO_FEW_FRAMES"
    TOO_DARK = "FACE_TOO_DARK"
    NONE_SEEN = "FACE_NONE_SEEN"
    SEVERAL_SEEN = "FACE_SEVERAL_SEEN"
    BLURRED = "FACE_BLURRED"
    ACTION_NOT_SEEN = "FACE_ACTION_NOT_SEEN"
    CHANGED = "FACE_CHANGED"
    TOO_LATE = "FACE_TOO_LATE"
    ABANDONED = "FACE_ABANDONED"
    UNAVAILABLE = "FACE_UNAVAILABLE"


SUSPICIOUS = frozenset({FaceVerdict.OTHER_SUBJECT, FaceVerdict.NOT_SAME_PERSON, FaceVerdict.CHANGED})
"""Verdicts that look like somebody else's face or answer."""


@dataclass(frozen=True, slots=True)
class FaceCheck:
    """One visit to a channel. `token` is the vendor's handle of it and `url` the vendor's page, both empty for our own.

    `relay` is the secret in the QR code's address, `claim_digest` that of the one phone that holds the check;
    `consent_version` the statement accepted at `opened_at`; `receipt` by what it was judged, JSON, without images.
    """

    face_check_id: str
    verification_id: str
    channel: FaceChannel
    token: str
    url: str
    consent_version: str
    opened_at: datetime
    expires_at: datetime
    relay: str = field(default="", repr=False)
    state: FaceCheckState = FaceCheckState.OPEN
    verdict: FaceVerdict | None = None
    score: str = ""
    receipt: str = field(default="", repr=False)
    claim_digest: bytes | None = field(default=None, repr=False)

    def seen_at(self, now: datetime, verification: Verification) -> "FaceCheck":
        """As it stands now: an undecided one whose time is over, or for which nothing waits any more, has expired."""
        if self.state not in UNDECIDED:
            return self
        waited_for = verification.seen_at(now).state is VerificationState.FACE_PENDING
        return self if waited_for and now < self.expires_at else self.expired()

    def claimed(self, claim: str) -> "FaceCheck":
        """Held by the phone that knows `claim`."""
        return replace(self, state=FaceCheckState.SCANNED, claim_digest=secret_digest(claim))

    def held_by(self, claim: str) -> bool:
        """Whether `claim` is the phone's; compared in constant time."""
        return self.claim_digest is not None and secrets.compare_digest(self.claim_digest, secret_digest(claim))

    def expired(self, verdict: FaceVerdict | None = None) -> "FaceCheck":
        """Over without a result."""
        return replace(self, state=FaceCheckState.EXPIRED, verdict=verdict)

    def decided(self, verdict: FaceVerdict, score: str, receipt: str) -> "FaceCheck":
        """With its result."""
        state = FaceCheckState.PASSED if verdict is FaceVerdict.PASSED else FaceCheckState.FAILED
        return replace(self, state=state, verdict=verdict, score=score[:20], receipt=receipt)

    @property
    def receipt_sha256(self) -> str:
        """SHA-256 of the receipt, hex: what others may know of it."""
        return sha256(self.receipt.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class FaceAnswer:
    """A vendor's answer; None is what it did not say. Codes are the vendor's, 0 is success; `score` is decimal text, 0 to 100.

    `reference` is what was handed over when the check was opened; `receipt` the answer's text part, JSON, no images;
    `image` the best picture of the person, where it was asked for.
    """

    error_code: int | None
    live_status: int | None
    compare_status: int | None
    score: str | None
    id_number: str | None
    name: str | None
    reference: str | None
    receipt: str = field(repr=False)
    image: bytes | None = field(default=None, repr=False)


def judge(answer: FaceAnswer, check: FaceCheck, person: Person) -> FaceVerdict:
    """Whether the answer proves that `person` stood before the camera for `check`.

    Passed only when every code is 0, the score reaches the threshold, and the answer is about this person and this
    check; what is missing from an answer never speaks for it.
    """
    if answer.error_code is None:
        return FaceVerdict.NOT_FINISHED
    if (answer.id_number or "").upper() != person.id_number or answer.name != person.name:
        return FaceVerdict.OTHER_SUBJECT
    if answer.reference != check.face_check_id:
        return FaceVerdict.OTHER_SUBJECT
    if answer.live_status != 0:
        return FaceVerdict.LIVENESS_FAILED
    if answer.error_code != 0 or answer.compare_status != 0 or not _reaches_threshold(answer.score):
        return FaceVerdict.NOT_SAME_PERSON
    return FaceVerdict.PASSED


def new_secret() -> str:
    """256 bits of randomness, base64url."""
    return secrets.token_urlsafe(32)


def secret_digest(secret: str) -> bytes:
    """SHA-256: a secret of 256 bits needs no key."""
    return sha256(secret.encode()).digest()


def _reaches_threshold(score: str | None) -> bool:
    try:
        value = Decimal(score or "")
    except InvalidOperation:
        return False
    return value.is_finite() and PASSING_SCORE <= value <= 100
