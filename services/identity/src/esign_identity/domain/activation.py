"""Activations: identity's signed statement that one exact signature is wanted (cf. signature activation data, EN 419 241-2)."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from esign_kit.errors import EsignError
from esign_kit.refs import Placement

from esign_identity.domain import signing_refusals as refusals
from esign_identity.domain.organisation import CountersignPolicy
from esign_identity.domain.verification import Verification, VerificationState

STATEMENT_TYPE = "esign-activation+jwt"
ISSUER = "identity"
AUDIENCE = ("signer", "ca-broker")
SUBJECT_LIFETIME = timedelta(hours=24)
"""How long after an activation its subject may still be asked for, for the certificate."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_REASON_LENGTH = 200
_ID_LENGTH = 100


class ActivationKind(StrEnum):
    """Who wants the signature: a person who was verified, or an organisation's standing policy."""

    PERSON = "PERSON"
    POLICY = "POLICY"


@dataclass(frozen=True, slots=True)
class SignatureFacts:
    """What exactly is to be signed, with which seal, where, and why. Texts in `reason` are for people."""

    contract_id: str
    party_id: str
    document_sha256: str
    seal_id: str
    seal_sha256: str
    placement: Placement
    reason: str

    def __post_init__(self) -> None:
        """Raises InvalidInput ACTIVATION_FACTS_INVALID (metadata `field`)."""
        for field in ("contract_id", "party_id", "seal_id"):
            check_id(field, getattr(self, field))
        for field in ("document_sha256", "seal_sha256"):
            check_sha256(field, getattr(self, field))
        place = self.placement
        if place.page < 1 or not (0 <= place.x1 < place.x2 and 0 <= place.y1 < place.y2):
            raise refusals.facts_invalid("placement")
        if len(self.reason) > _REASON_LENGTH or not self.reason.isprintable():
            raise refusals.facts_invalid("reason")


@dataclass(frozen=True, slots=True)
class Activation:
    """An issued activation. Of a person: `person_id`, `verification_id`; of a policy: `policy_id`, `organisation` (its code).

    `receipts` name the checks on which it rests. `statement` is the JWS that the signer trusts.
    """

    activation_id: str
    kind: ActivationKind
    facts: SignatureFacts
    person_id: str
    verification_id: str
    policy_id: str
    organisation: str
    receipts: dict[str, str]
    issued_at: datetime
    expires_at: datetime
    statement: str = ""

    def claims(self) -> dict[str, object]:
        """The statement's claims (RFC 7519); times are whole seconds since the epoch."""
        facts = self.facts
        who: dict[str, object] = (
            {"person_id": self.person_id}
            if self.kind is ActivationKind.PERSON
            else {"policy_id": self.policy_id, "organisation": self.organisation}
        )
        return {
            "iss": ISSUER,
            "aud": list(AUDIENCE),
            "jti": self.activation_id,
            "iat": int(self.issued_at.timestamp()),
            "nbf": int(self.issued_at.timestamp()),
            "exp": int(self.expires_at.timestamp()),
            "kind": self.kind.value,
            **who,
            "contract_id": facts.contract_id,
            "party_id": facts.party_id,
            "document_sha256": facts.document_sha256,
            "seal_id": facts.seal_id,
            "seal_sha256": facts.seal_sha256,
            "page": facts.placement.page,
            "rect": [facts.placement.x1, facts.placement.y1, facts.placement.x2, facts.placement.y2],
            "reason": facts.reason,
            "receipts": self.receipts,
        }


@dataclass(frozen=True, slots=True)
class SignedDocument:
    """What the signer reported: an activation turned the document `source_sha256` into `result_sha256`."""

    activation_id: str
    contract_id: str
    party_id: str
    kind: str
    source_sha256: str
    result_sha256: str
    signed_at: datetime


def check_id(field: str, value: str) -> None:
    """An opaque id is printable and short. Raises InvalidInput ACTIVATION_FACTS_INVALID."""
    if not 1 <= len(value) <= _ID_LENGTH or not value.isprintable():
        raise refusals.facts_invalid(field)


def check_sha256(field: str, value: str) -> None:
    """A hash is 64 lower-case hex digits. Raises InvalidInput ACTIVATION_FACTS_INVALID."""
    if not _SHA256.fullmatch(value):
        raise refusals.facts_invalid(field)


def person_refusal(verification: Verification, person_id: str, facts: SignatureFacts) -> EsignError | None:
    """Why a verification, as it stands now and not consumed yet, cannot become an activation of these facts; None when it can."""
    if verification.person_id != person_id:
        return refusals.verification_not_found()
    if verification.contract_id != facts.contract_id:
        return refusals.verification_other_contract()
    if verification.party_id != facts.party_id:
        return refusals.verification_other_party()
    if verification.document_sha256 != facts.document_sha256:
        return refusals.verification_other_document()
    if verification.state is not VerificationState.PASSED:
        return verification.not_at()
    return None


def policy_document_refusal(
    result: SignedDocument, activation: Activation | None, policy_facts: SignatureFacts
) -> EsignError | None:
    """Why a reported document may not be countersigned by policy; None when a person's activation of this contract made it.

    `activation` is the one that identity itself issued under the reported id, None when it issued none.
    """
    if result.contract_id != policy_facts.contract_id:
        return refusals.policy_document_other_contract()
    genuine = (
        activation is not None
        and activation.kind is ActivationKind.PERSON
        and result.kind == ActivationKind.PERSON
        and activation.facts.contract_id == result.contract_id
        and activation.facts.party_id == result.party_id
        and activation.facts.document_sha256 == result.source_sha256
    )
    return None if genuine else refusals.policy_document_not_by_person()


def policy_receipts(policy: CountersignPolicy) -> dict[str, str]:
    """The receipts of a policy's activation."""
    return {"policy": policy.receipt}
