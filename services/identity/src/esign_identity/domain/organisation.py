"""Organisations and the standing policies by which they countersign."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from esign_kit.errors import EsignError

from esign_identity.domain import refusals, signing_refusals


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation, known by its unified social credit code."""

    organisation_id: str
    name: str
    unified_social_credit_code: str


@dataclass(frozen=True, slots=True)
class Signer:
    """A person who signs for an organisation (签章人), as one internal system says; each system says it for itself."""

    signer_id: str
    organisation_id: str
    person_id: str
    system: str
    since: datetime


@dataclass(frozen=True, slots=True)
class CountersignPolicy:
    """That contracts of some business types are countersigned with one seal until a day.

    Each change makes a new version; old ones are kept, because activations refer to them.
    """

    policy_id: str
    version: int
    unified_social_credit_code: str
    seal_id: str
    business_types: tuple[str, ...]
    custodian: str
    valid_until: datetime

    @property
    def receipt(self) -> str:
        """How an activation names the exact version on which it rests."""
        return f"{self.policy_id}#{self.version}"

    def same_terms(self, other: "CountersignPolicy") -> bool:
        """Whether both say the same, whatever their versions."""
        return (
            self.unified_social_credit_code == other.unified_social_credit_code
            and self.seal_id == other.seal_id
            and self.business_types == other.business_types
            and self.custodian == other.custodian
            and self.valid_until == other.valid_until
        )

    def refusal(self, seal_id: str, business_type: str, now: datetime) -> EsignError | None:
        """Why it does not cover a countersignature; None when it does."""
        if now >= self.valid_until:
            return signing_refusals.policy_expired()
        if business_type not in self.business_types:
            return signing_refusals.policy_other_business_type()
        if seal_id != self.seal_id:
            return signing_refusals.policy_other_seal()
        return None


def parse_organisation_name(text: str) -> str:
    """A company's name: 2 to 120 characters without control characters. Raises InvalidInput ORGANISATION_NAME_INVALID.

    ASCII brackets become the full-width ones that business licences print.
    """
    name = "".join(unicodedata.normalize("NFC", text).split()).replace("(", "（").replace(")", "）")
    if not 2 <= len(name) <= 120 or any(unicodedata.category(c)[0] == "C" for c in name):
        raise refusals.organisation_name_invalid()
    return name


def parse_unified_social_credit_code(text: str) -> str:
    """A unified social credit code (GB 32100) with a right check digit. Raises InvalidInput USCC_INVALID."""
    from stdnum.cn import uscc
    from stdnum.exceptions import ValidationError

    code = re.sub(r"[\s\-]+", "", unicodedata.normalize("NFKC", text)).upper()
    try:
        return uscc.validate(code)
    except ValidationError:
        raise refusals.uscc_invalid() from None


def check_country(text: str) -> None:
    """Where a company is registered, ISO 3166-1 alpha-2; empty is CN.

    Raises InvalidInput ORGANISATION_NOT_MAINLAND for everywhere else (Hong Kong, Macao and Taiwan have codes of their
    own), COUNTRY_INVALID.
    """
    code = unicodedata.normalize("NFKC", text).strip().upper()
    if code and not re.fullmatch(r"[A-Z]{2}", code):
        raise refusals.country_invalid()
    if code not in ("", "CN"):
        raise refusals.organisation_not_mainland()


def parse_business_types(texts: list[str]) -> tuple[str, ...]:
    """1 to 50 distinct business types in a fixed order. Raises InvalidInput POLICY_INVALID."""
    types = sorted({text.strip() for text in texts})
    if not 1 <= len(types) <= 50 or any(not 1 <= len(kind) <= 50 for kind in types):
        raise refusals.policy_invalid("business_types")
    return tuple(types)
