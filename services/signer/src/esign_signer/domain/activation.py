"""The activation: identity's signed statement that one signature is wanted, and what the signer checks before a key
moves.

The statement is a JWS in compact form (RFC 7515, EdDSA over Ed25519 as in RFC 8037), `typ` `esign-activation+jwt`. It
plays the part of the signature activation data of EN 419 241-2: it binds the person, the document, the seal and the
place. Nothing here reaches outside the process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hmac import compare_digest
from typing import Final, NoReturn

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from esign_kit.refs import Placement

from esign_signer.domain.document import is_placement
from esign_signer.domain.seal import Seal, SealState

STATEMENT_TYPE: Final = "esign-activation+jwt"
ISSUER: Final = "identity"
AUDIENCE: Final = "signer"
CLOCK_SKEW: Final = timedelta(seconds=30)
"""How far identity's clock may run ahead of ours. An expiry is never stretched."""

MAX_STATEMENT_LENGTH: Final = 8192


class Reason(StrEnum):
    """Why a signature is refused; stable codes, written to the evidence log."""

    ACTIVATION_MISSING = "ACTIVATION_MISSING"
    ACTIVATION_SIGNATURE_INVALID = "ACTIVATION_SIGNATURE_INVALID"
    ACTIVATION_EXPIRED = "ACTIVATION_EXPIRED"
    ACTIVATION_NOT_YET_VALID = "ACTIVATION_NOT_YET_VALID"
    ACTIVATION_REUSED = "ACTIVATION_REUSED"
    ACTIVATION_DOCUMENT_MISMATCH = "ACTIVATION_DOCUMENT_MISMATCH"
    ACTIVATION_SEAL_MISMATCH = "ACTIVATION_SEAL_MISMATCH"
    ACTIVATION_PLACE_MISMATCH = "ACTIVATION_PLACE_MISMATCH"
    ACTIVATION_PERSON_MISMATCH = "ACTIVATION_PERSON_MISMATCH"
    SEAL_OWNER_MISMATCH = "SEAL_OWNER_MISMATCH"
    SEAL_NOT_ACTIVE = "SEAL_NOT_ACTIVE"
    PERSON_NOT_GRANTED = "PERSON_NOT_GRANTED"
    KEY_UNUSABLE = "KEY_UNUSABLE"
    CERTIFICATE_MISSING = "CERTIFICATE_MISSING"
    CERTIFICATE_REVOKED = "CERTIFICATE_REVOKED"
    CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
    CERTIFICATE_UNTRUSTED = "CERTIFICATE_UNTRUSTED"
    CERTIFICATE_REFUSED = "CERTIFICATE_REFUSED"
    FIELD_NOT_AVAILABLE = "FIELD_NOT_AVAILABLE"
    DOCUMENT_UNREADABLE = "DOCUMENT_UNREADABLE"


class SignatureRefused(Exception):
    """A signature must not be made. `reason` is stable; the text holds no personal data."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)


class ActivationKind(StrEnum):
    """Who decided: a person who proved their identity, or an organisation's standing policy."""

    PERSON = "PERSON"
    POLICY = "POLICY"


@dataclass(frozen=True, slots=True)
class Activation:
    """A statement whose signature, issuer and audience hold. Not yet compared with any request, nor with the clock.

    Exactly one of `person_id` and `policy_id` is set, as `kind` says. `organisation` is the
    unified social credit code (GB 32100) of the organisation that signs, if one does.
    `receipts` are opaque ids of the checks that identity made (`sms`, `face`); a policy has none.
    """

    activation_id: str
    kind: ActivationKind
    person_id: str | None
    policy_id: str | None
    organisation: str | None
    contract_id: str
    party_id: str
    document_sha256: str
    seal_id: str
    seal_sha256: str
    placement: Placement
    reason: str
    receipts: Mapping[str, str]
    issued_at: datetime
    not_before: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What is asked for. `document_sha256` is the hash that the bytes to be signed must have, and are checked to
    have."""

    contract_id: str
    party_id: str
    document_sha256: str
    seal_id: str
    placement: Placement


def read(statement: str, keys: Sequence[Ed25519PublicKey]) -> Activation:
    """The activation in `statement`, when one of identity's `keys` signed it (there are two while they change).

    Raises SignatureRefused with ACTIVATION_MISSING for an empty statement, with ACTIVATION_SIGNATURE_INVALID for
    everything that is not exactly a well-formed, correctly signed activation for this service. Expiry is judged by
    `check`, not here.
    """
    if not statement:
        raise SignatureRefused(Reason.ACTIVATION_MISSING)
    if len(statement) > MAX_STATEMENT_LENGTH:
        _invalid("too long")
    try:
        if jwt.get_unverified_header(statement).get("typ") != STATEMENT_TYPE:
            _invalid("type")
        return _activation(_verified(statement, keys))
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise SignatureRefused(Reason.ACTIVATION_SIGNATURE_INVALID, type(error).__name__) from error


def check(activation: Activation, request: RequestFacts, seal: Seal | None, now: datetime) -> None:
    """Passes when `activation` covers exactly `request` with `seal` at `now`; raises SignatureRefused with the first
    reason otherwise.

    That the activation was not used before is for the store to say, atomically with the intent.
    """
    if now >= activation.expires_at:
        raise SignatureRefused(Reason.ACTIVATION_EXPIRED)
    if now < max(activation.not_before, activation.issued_at) - CLOCK_SKEW:
        raise SignatureRefused(Reason.ACTIVATION_NOT_YET_VALID)
    if activation.contract_id != request.contract_id or not compare_digest(
        activation.document_sha256, request.document_sha256
    ):
        raise SignatureRefused(Reason.ACTIVATION_DOCUMENT_MISMATCH)
    if activation.party_id != request.party_id:
        raise SignatureRefused(Reason.ACTIVATION_PERSON_MISMATCH)
    if activation.seal_id != request.seal_id or seal is None or seal.seal_id != request.seal_id:
        raise SignatureRefused(Reason.ACTIVATION_SEAL_MISMATCH)
    if not compare_digest(activation.seal_sha256, seal.image.sha256):
        raise SignatureRefused(Reason.ACTIVATION_SEAL_MISMATCH, "image")
    if activation.placement != request.placement:
        raise SignatureRefused(Reason.ACTIVATION_PLACE_MISMATCH)
    check_seal(activation, seal, now)


def check_seal(activation: Activation, seal: Seal, now: datetime) -> None:
    """Passes when the seal may be used at `now` by whom the activation names; raises SignatureRefused otherwise."""
    if seal.state is not SealState.ACTIVE:
        raise SignatureRefused(Reason.SEAL_NOT_ACTIVE)
    organisation = activation.organisation
    if organisation is None:
        if seal.owner_person_id is None or seal.owner_person_id != activation.person_id:
            raise SignatureRefused(Reason.SEAL_OWNER_MISMATCH)
        return
    if seal.owner_organisation != organisation:
        raise SignatureRefused(Reason.SEAL_OWNER_MISMATCH)
    if activation.kind is ActivationKind.PERSON and not seal.granted_to(activation.person_id or "", now):
        raise SignatureRefused(Reason.PERSON_NOT_GRANTED)


def _verified(statement: str, keys: Sequence[Ed25519PublicKey]) -> Mapping[str, object]:
    for key in keys:
        try:
            claims: Mapping[str, object] = jwt.decode(
                statement,
                key,
                algorithms=["EdDSA"],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={
                    "require": ["jti", "iat", "nbf", "exp"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.InvalidSignatureError:
            continue
        return claims
    raise SignatureRefused(Reason.ACTIVATION_SIGNATURE_INVALID, "signature")


def _activation(claims: Mapping[str, object]) -> Activation:
    kind = ActivationKind(_text(claims, "kind"))
    person_id, policy_id = _optional_text(claims, "person_id"), _optional_text(claims, "policy_id")
    organisation = _optional_text(claims, "organisation")
    if kind is ActivationKind.PERSON and (person_id is None or policy_id is not None):
        _invalid("person")
    if kind is ActivationKind.POLICY and (policy_id is None or person_id is not None or organisation is None):
        _invalid("policy")
    receipts = claims.get("receipts", {})
    if not isinstance(receipts, dict) or not all(isinstance(v, str) for v in receipts.values()):
        _invalid("receipts")
    rect = claims["rect"]
    if not isinstance(rect, list) or len(rect) != 4:
        _invalid("rect")
    x1, y1, x2, y2 = (_integer(value) for value in rect)
    placement = Placement(_integer(claims["page"]), x1, y1, x2, y2)
    if not is_placement(placement):
        _invalid("rect")
    return Activation(
        activation_id=_text(claims, "jti"),
        kind=kind,
        person_id=person_id,
        policy_id=policy_id,
        organisation=organisation,
        contract_id=_text(claims, "contract_id"),
        party_id=_text(claims, "party_id"),
        document_sha256=_digest(claims, "document_sha256"),
        seal_id=_text(claims, "seal_id"),
        seal_sha256=_digest(claims, "seal_sha256"),
        placement=placement,
        reason=str(claims.get("reason", "")),
        receipts=dict(receipts),
        issued_at=_instant(claims, "iat"),
        not_before=_instant(claims, "nbf"),
        expires_at=_instant(claims, "exp"),
    )


def _invalid(detail: str) -> NoReturn:
    raise SignatureRefused(Reason.ACTIVATION_SIGNATURE_INVALID, detail)


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str) or not value or len(value) > 200:
        _invalid(name)
    return value


def _optional_text(claims: Mapping[str, object], name: str) -> str | None:
    return _text(claims, name) if claims.get(name) is not None else None


def _digest(claims: Mapping[str, object], name: str) -> str:
    value = _text(claims, name)
    if len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        _invalid(name)
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        _invalid("integer")
    return value


def _instant(claims: Mapping[str, object], name: str) -> datetime:
    return datetime.fromtimestamp(_integer(claims[name]), tz=UTC)
