"""What a face vendor answers, and when that proves that the person is there."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from hashlib import sha256

from esign_identity.domain.person import Person

PASSING_SCORE = Decimal(70)
"""Similarity from which the vendor itself calls two faces the same (Tencent FaceID, `Sim`: 误通过率 1/10000)."""


class FaceChannel(StrEnum):
    """The vendor that checks."""

    TENCENT = "TENCENT"


class FaceCheckState(StrEnum):
    """EXPIRED: the vendor no longer knows the check; it counts for nothing."""

    OPEN = "OPEN"
    PASSED = "PASSED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class FaceVerdict(StrEnum):
    """What an answer comes to."""

    PASSED = "PASSED"
    NOT_FINISHED = "FACE_NOT_FINISHED"
    LIVENESS_FAILED = "FACE_LIVENESS_FAILED"
    NOT_SAME_PERSON = "FACE_NOT_SAME_PERSON"
    OTHER_SUBJECT = "FACE_OTHER_SUBJECT"


@dataclass(frozen=True, slots=True)
class FaceCheck:
    """One visit to a vendor. `token` is the vendor's handle of it; `consent_version` the statement accepted at `opened_at`.

    `receipt` is the vendor's answer by which it was judged, without images.
    """

    face_check_id: str
    verification_id: str
    channel: FaceChannel
    token: str
    url: str
    consent_version: str
    opened_at: datetime
    expires_at: datetime
    state: FaceCheckState = FaceCheckState.OPEN
    verdict: FaceVerdict | None = None
    score: str = ""
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class FaceAnswer:
    """A vendor's answer; None is what it did not say. Codes are the vendor's, 0 is success; `score` is decimal text, 0 to 100.

    `reference` is what was handed over when the check was opened; `receipt` the answer's text part, JSON, no images.
    """

    error_code: int | None
    live_status: int | None
    compare_status: int | None
    score: str | None
    id_number: str | None
    name: str | None
    reference: str | None
    receipt: str

    @property
    def receipt_sha256(self) -> str:
        """SHA-256 of the receipt, hex: what others may know of it."""
        return sha256(self.receipt.encode()).hexdigest()


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


def _reaches_threshold(score: str | None) -> bool:
    try:
        value = Decimal(score or "")
    except InvalidOperation:
        return False
    return value.is_finite() and PASSING_SCORE <= value <= 100
