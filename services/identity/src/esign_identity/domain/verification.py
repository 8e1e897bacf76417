"""A person's verification for one contract and one exact document: SMS code, then face, then one activation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from esign_kit.errors import EsignError

from esign_identity.domain import signing_refusals as refusals


class VerificationState(StrEnum):
    """Where a verification stands."""

    SMS_PENDING = "SMS_PENDING"
    FACE_PENDING = "FACE_PENDING"
    PASSED = "PASSED"
    CONSUMED = "CONSUMED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


_S = VerificationState

TRANSITIONS: Mapping[VerificationState, frozenset[VerificationState]] = {
    _S.SMS_PENDING: frozenset({_S.FACE_PENDING, _S.FAILED, _S.EXPIRED}),
    _S.FACE_PENDING: frozenset({_S.PASSED, _S.FAILED, _S.EXPIRED}),
    _S.PASSED: frozenset({_S.CONSUMED, _S.EXPIRED}),
    _S.CONSUMED: frozenset(),
    _S.FAILED: frozenset(),
    _S.EXPIRED: frozenset(),
}
"""Every step that there is; a state without one is final."""

OPEN_STATES = frozenset(state for state, following in TRANSITIONS.items() if following)
"""States from which something may still come."""


@dataclass(frozen=True, slots=True)
class VerificationRules:
    """`lifetime` bounds both checks together, `passed_lifetime` how long the result may be used (reading, placing the seal).

    `failures_per_day` bounds the failed verifications of a person for one contract; after one that failed by the face the
    next waits for `face_pause`. `face_checks` bounds the checks that may be opened within one verification.
    """

    lifetime: timedelta = timedelta(minutes=15)
    passed_lifetime: timedelta = timedelta(minutes=15)
    sms_attempts: int = 5
    face_attempts: int = 3
    face_checks: int = 10
    face_pause: timedelta = timedelta(minutes=30)
    failures_per_day: int = 5


@dataclass(frozen=True, slots=True)
class Holder:
    """A person in a session for a company; `organisation_id` is empty for an individual's."""

    person_id: str
    organisation_id: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """A verification. `sms_receipt` is the id of the message whose code was right; `face_receipt` the hash of what the face check was judged by.

    `organisation_id` is the company of the session in which it was opened, empty for an individual's.
    """

    verification_id: str
    person_id: str
    contract_id: str
    party_id: str
    document_sha256: str
    document_number: str
    started_at: datetime
    expires_at: datetime
    state: VerificationState = VerificationState.SMS_PENDING
    sms_attempts: int = 0
    face_attempts: int = 0
    sms_receipt: str = ""
    face_receipt: str = ""
    face_failed_at: datetime | None = None
    organisation_id: str = ""

    @property
    def holder(self) -> Holder:
        """In whose sessions, of which kind, it is there."""
        return Holder(self.person_id, self.organisation_id)

    def seen_at(self, now: datetime) -> "Verification":
        """As it stands now: an open one whose time is over has expired."""
        return self.expired() if self.state in OPEN_STATES and now >= self.expires_at else self

    def attempts_left(self, rules: VerificationRules) -> int:
        """Attempts that the present step still has."""
        if self.state is VerificationState.SMS_PENDING:
            return rules.sms_attempts - self.sms_attempts
        if self.state is VerificationState.FACE_PENDING:
            return rules.face_attempts - self.face_attempts
        return 0

    def sms_passed(self, receipt: str) -> "Verification":
        """The code was right."""
        return replace(self._to(VerificationState.FACE_PENDING), sms_receipt=receipt)

    def sms_refused(self, rules: VerificationRules) -> "Verification":
        """A code was wrong; the last attempt fails the verification."""
        after = replace(self, sms_attempts=self.sms_attempts + 1)
        return after._to(VerificationState.FAILED) if after.sms_attempts >= rules.sms_attempts else after

    def face_passed(self, receipt: str, now: datetime, rules: VerificationRules) -> "Verification":
        """The vendor's answer proved the person."""
        return replace(self._to(VerificationState.PASSED), face_receipt=receipt, expires_at=now + rules.passed_lifetime)

    def face_refused(self, now: datetime, rules: VerificationRules) -> "Verification":
        """The face check did not; the last attempt fails the verification."""
        after = replace(self, face_attempts=self.face_attempts + 1)
        if after.face_attempts < rules.face_attempts:
            return after
        return replace(after._to(VerificationState.FAILED), face_failed_at=now)

    def consumed(self) -> "Verification":
        """It became an activation."""
        return self._to(VerificationState.CONSUMED)

    def expired(self) -> "Verification":
        """Its time was over, or what it rested on changed."""
        return self._to(VerificationState.EXPIRED)

    def require(self, state: VerificationState) -> "Verification":
        """Itself, when it stands at `state`. Raises the Conflict that says where it stands otherwise."""
        if self.state is not state:
            raise self.not_at()
        return self

    def not_at(self) -> EsignError:
        """The refusal of a step that does not fit the state in which it stands."""
        return _NOT_AT[self.state]()

    def _to(self, state: VerificationState) -> "Verification":
        if state not in TRANSITIONS[self.state]:
            raise self.not_at()
        return replace(self, state=state)


_NOT_AT = {
    _S.SMS_PENDING: refusals.verification_awaits_sms,
    _S.FACE_PENDING: refusals.verification_awaits_face,
    _S.PASSED: refusals.verification_already_passed,
    _S.CONSUMED: refusals.verification_consumed,
    _S.FAILED: refusals.verification_failed,
    _S.EXPIRED: refusals.verification_expired,
}
