"""What a system asks a contract to be, checked before anything is stored."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Final

from esign_kit.refs import Placement

from esign_contract.domain import refusals
from esign_contract.domain.contract import Contract, Party
from esign_contract.domain.document import Document, lies_on_page
from esign_contract.domain.money import Money
from esign_contract.domain.places import KeywordPlace, check_apart

MAX_PARTIES: Final = 20
LONGEST_TERM: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class PartyTerms:
    """A party to be: a person, or a policy with its organisation's name, seal and place, which a keyword may lead to."""

    person_id: str = ""
    policy_id: str = ""
    placement: Placement | None = None
    seal_id: str = ""
    name: str = ""
    keyword: KeywordPlace | None = None


@dataclass(frozen=True, slots=True)
class ContractTerms:
    """A contract to be. Texts are as `text` gives them; `expires_at` is None where the default term counts."""

    document_id: str
    document_number: str
    title: str
    business_type: str
    amount: Money | None
    parties: tuple[PartyTerms, ...]
    expires_at: datetime | None

    def check(self, document: Document, now: datetime) -> None:
        """Raises InvalidInput naming the field that is wrong."""
        if self.expires_at is not None and not now < self.expires_at <= now + LONGEST_TERM:
            raise refusals.invalid(
                "expires_at", "签署期限须晚于现在且不超过一年", "The contract must expire within a year from now"
            )
        self._check_order()
        for index, party in enumerate(self.parties):
            self._check_party(index, party, document)

    def _check_order(self) -> None:
        kinds = [bool(party.person_id) for party in self.parties]
        if not 1 <= len(kinds) <= MAX_PARTIES or not kinds[0] or sorted(kinds, reverse=True) != kinds:
            raise refusals.invalid(
                "parties",
                f"签署方须为1至{MAX_PARTIES}个，个人在前、按策略签署的单位在后，且至少有一名个人",
                f"1 to {MAX_PARTIES} parties, people first, at least one person, organisations by policy last",
            )
        people = [party.person_id for party in self.parties if party.person_id]
        policies = [party.policy_id for party in self.parties if party.policy_id]
        if len(set(people)) != len(people) or len(set(policies)) != len(policies):
            raise refusals.invalid("parties", "同一签署方只能出现一次", "A party can be named only once")

    def _check_party(self, index: int, party: PartyTerms, document: Document) -> None:
        name = f"parties[{index}]"
        placed = party.placement is not None or party.keyword is not None
        if party.placement and party.keyword:
            raise refusals.invalid(name, "坐标与关键字只能指定一种", "A placement or a keyword, not both")
        if party.person_id and (party.policy_id or party.seal_id or party.name):
            raise refusals.invalid(name, "个人签署方不能指定策略、印章或名称", "A person has no policy, seal or name")
        if party.policy_id and not (party.seal_id and party.name and placed):
            raise refusals.invalid(
                name, "按策略签署的单位须指定印章、名称和签章位置", "A policy needs a seal, a name and a place"
            )
        if index > 0 and not placed:
            raise refusals.invalid(
                name, "第二个及以后的签署方须指定签章位置", "Every party after the first needs a place"
            )
        if party.placement and not lies_on_page(party.placement, document.pages):
            raise refusals.placement_outside(f"{name}.placement")
        if party.keyword:
            party.keyword.check(f"{name}.keyword", len(document.pages))

    def fingerprint(self, document: Document) -> str:
        """SHA-256 over what was agreed, the uploaded bytes included: equal exactly for equal requests."""
        content = {
            "document": document.upload_sha256,
            "title": self.title,
            "business_type": self.business_type,
            "amount": [self.amount.currency, self.amount.text()] if self.amount else None,
            "parties": [
                [
                    p.person_id,
                    p.policy_id,
                    p.seal_id,
                    p.name,
                    astuple(p.keyword) if p.keyword else _corners(p.placement),
                ]
                for p in self.parties
            ],
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
        }
        canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def draft(
        self,
        contract_id: str,
        party_ids: list[str],
        system: str,
        document: Document,
        now: datetime,
        term: timedelta,
        found: Mapping[int, tuple[Placement, ...]],
    ) -> Contract:
        """The contract that these terms make; `term` is how long it may be signed where they do not say, `found` are the
        places of parties with a keyword, by their index. Raises InvalidInput PLACES_OVERLAP."""
        places = {i: (p.placement,) if p.placement else found.get(i, ()) for i, p in enumerate(self.parties)}
        check_apart(places)
        parties = [
            Party(identifier, i + 1, p.person_id, p.policy_id, p.name, p.seal_id, next(iter(places[i]), None))
            for i, (identifier, p) in enumerate(zip(party_ids, self.parties, strict=True))
        ]
        parties[0].suggested = places[0]
        contract = Contract(
            contract_id=contract_id,
            system=system,
            document_number=self.document_number,
            fingerprint=self.fingerprint(document),
            title=self.title,
            business_type=self.business_type,
            amount=self.amount,
            document_id=document.document_id,
            pages=document.pages,
            head=document.ref,
            parties=parties,
            created_at=now,
            updated_at=now,
            expires_at=self.expires_at or now + term,
        )
        contract.created()
        return contract


def text(field: str, value: str, longest: int) -> str:
    """One line of text for people: Unicode NFC, white space collapsed. Raises InvalidInput when empty, long or unprintable."""
    clean = " ".join(unicodedata.normalize("NFC", value).split())
    if not clean or len(clean) > longest or not clean.isprintable():
        raise refusals.invalid(
            field, f"{field}须为1至{longest}个可显示的字符", f"{field}: 1 to {longest} printable characters"
        )
    return clean


def identifier(field: str, value: str, longest: int = 64) -> str:
    """An identifier: printable, no white space at all. Raises InvalidInput."""
    if not value or len(value) > longest or not value.isprintable() or any(c.isspace() for c in value):
        raise refusals.invalid(field, f"{field}格式不正确", f"{field}: 1 to {longest} printable characters, no spaces")
    return value


def _corners(placement: Placement | None) -> list[int] | None:
    return [placement.page, placement.x1, placement.y1, placement.x2, placement.y2] if placement else None
