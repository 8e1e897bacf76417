"""Certificate orders: for whom, by which profile, how far they have come."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from esign_kit.errors import InvalidInput
from stdnum.cn import uscc as uscc_number


class Profile(StrEnum):
    """What sort of certificate."""

    EVENT = "event"
    ORGANISATION = "organisation"


class OrderState(StrEnum):
    """How far an order has come; each is committed before the step that follows it.

    NEW: an organisation's key is being made. REQUESTED: the certification request is there, the CA may have it. ISSUED: the CA's
    certificate was checked and kept (the end for an event). INSTALLED: the signer has it (the end for an organisation). REFUSED: the
    CA will not issue it, or what it issued is not what was ordered.
    """

    NEW = "NEW"
    REQUESTED = "REQUESTED"
    ISSUED = "ISSUED"
    INSTALLED = "INSTALLED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Activation:
    """What an activation statement, once verified, says that matters here."""

    activation_id: str
    person_id: str
    contract_id: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class PersonSubject:
    """A person. `id_number` is for the CA's identification duty only: it is not in the certificate and is not kept."""

    person_id: str
    name: str = field(repr=False)
    id_number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OrganisationSubject:
    """An organisation by its name and unified social credit code (GB 32100)."""

    name: str
    unified_social_credit_code: str


Subject = PersonSubject | OrganisationSubject


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate that passed every check. `chain` is DER, leaf first, without the root."""

    chain: tuple[bytes, ...]
    serial_number: str
    not_before: datetime
    not_after: datetime

    @property
    def sha256(self) -> str:
        """Of the leaf's DER, hex."""
        return hashlib.sha256(self.chain[0]).hexdigest()


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stands. `request` is the PKCS#10 in DER, empty while NEW."""

    order_no: str
    profile: Profile
    state: OrderState
    key_sha256: str
    request: bytes
    activation_id: str
    contract_id: str
    organisation_name: str
    unified_social_credit_code: str
    signer_key_id: str
    certificate_id: str
    refusal: str
    certificate: IssuedCertificate | None


def event_order_no(activation_id: str) -> str:
    """The order number of an activation: always the same one, so that the CA issues once however often it is asked."""
    return f"ev-{hashlib.sha256(activation_id.encode()).hexdigest()[:40]}"


def checked_organisation(name: str, unified_social_credit_code: str) -> OrganisationSubject:
    """The organisation, if the name can stand in a certificate (RFC 5280: at most 64 characters) and the code's check digit holds.

    Raises InvalidInput ORGANISATION_NAME_INVALID, USCC_INVALID.
    """
    if not 1 <= len(name) <= 64 or name != name.strip() or not name.isprintable():
        raise InvalidInput("ORGANISATION_NAME_INVALID", zh="单位名称无效", en="Not a valid name of an organisation")
    code = unified_social_credit_code
    # The library also takes spaced and lower-case spellings; a certificate holds one.
    if code != uscc_number.compact(code) or not uscc_number.is_valid(code):
        raise InvalidInput("USCC_INVALID", zh="统一社会信用代码无效", en="Not a valid unified social credit code")
    return OrganisationSubject(name, code)
