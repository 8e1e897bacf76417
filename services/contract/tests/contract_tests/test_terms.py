"""Money, texts, parties, and when two requests are the same."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from esign_contract.domain.document import Document, PageSize
from esign_contract.domain.money import Money
from esign_contract.domain.terms import ContractTerms, PartyTerms, identifier, text
from esign_kit.errors import InvalidInput
from esign_kit.refs import Placement
from hypothesis import given
from hypothesis import strategies as st

from .samples import ANNA, BO, NOW, PLACE, SEAL_PLACE, ref

DOCUMENT = Document(
    "document-1", "leasing", "租赁合同.pdf", "a" * 64, ref("source"), (PageSize(595_000, 842_000, 0),), NOW
)
SOHO = PartyTerms(policy_id="policy-soho", placement=SEAL_PLACE, seal_id="seal-soho", name="SOHO中国")
TERMS = ContractTerms(
    "document-1", "JDE-1", "商业租赁合同", "租赁合同", Money.parse("CNY", "12800.5"), (PartyTerms(ANNA), SOHO), None
)


@given(st.decimals(min_value=0, max_value=Decimal("9999999999999.99"), places=2))
def test_money_is_exact(amount: Decimal) -> None:
    money = Money.parse("CNY", f"{amount:f}")
    assert money.amount == amount
    assert Money.parse("CNY", money.text()) == money
    assert len(money.text().split(".")[1]) == 2


def test_cents_that_floats_lose_are_kept() -> None:
    assert Money.parse("CNY", "9999999999999.99").text() == "9999999999999.99"
    assert Money.parse("CNY", "0.1").amount + Money.parse("CNY", "0.2").amount == Decimal("0.30")
    assert Money.parse("CNY", "12800").text() == "12800.00"


@pytest.mark.parametrize(
    "amount",
    ["", "-1", "+1", "1.234", "1e3", "1,000.00", "01", ".5", "5.", "NaN", "Infinity", "１２", "12 ", "12\n", "1" * 14],
)
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(InvalidInput):
        Money.parse("CNY", amount)


@pytest.mark.parametrize("currency", ["", "cny", "CN", "CNYY", "ＣＮＹ", "CN1"])
def test_what_is_no_currency_is_refused(currency: str) -> None:
    with pytest.raises(InvalidInput):
        Money.parse(currency, "1.00")


def test_texts_are_normalised() -> None:
    assert text("title", "  商业\u3000租赁\n合同 ", 100) == "商业 租赁 合同"
    assert text("title", "e\u0301", 100) == "é"
    assert text("title", "𠮷野家", 3) == "𠮷野家"


@pytest.mark.parametrize("value", ["", "   ", "a\x00b", "a\u202eb", "长" * 101, "\ud800"])
def test_texts_that_cannot_be_shown_are_refused(value: str) -> None:
    with pytest.raises(InvalidInput):
        text("title", value, 100)


@pytest.mark.parametrize("value", ["", "a b", "a\u3000b", "a\tb", "x" * 65, "a\u200bb"])
def test_identifiers_have_no_gaps(value: str) -> None:
    with pytest.raises(InvalidInput):
        identifier("document_number", value)


def test_good_terms_pass_and_make_a_draft() -> None:
    TERMS.check(DOCUMENT, NOW)
    made = TERMS.draft("contract-1", ["p1", "p2"], "leasing", DOCUMENT, NOW, timedelta(days=30), {})
    assert made.expires_at == NOW + timedelta(days=30)
    assert [party.position for party in made.parties] == [1, 2]
    assert made.head == DOCUMENT.ref
    assert len(made.happened) == 1


BAD_PARTIES = {
    "none": (),
    "no person": (SOHO,),
    "policy first": (SOHO, PartyTerms(ANNA)),
    "person twice": (PartyTerms(ANNA), PartyTerms(ANNA, placement=PLACE), SOHO),
    "policy twice": (PartyTerms(ANNA), SOHO, SOHO),
    "policy without a place": (PartyTerms(ANNA), replace(SOHO, placement=None)),
    "policy without a seal": (PartyTerms(ANNA), replace(SOHO, seal_id="")),
    "policy without a name": (PartyTerms(ANNA), replace(SOHO, name="")),
    "second person without a place": (PartyTerms(ANNA), PartyTerms(BO), SOHO),
    "person with a seal": (PartyTerms(ANNA, seal_id="seal"), SOHO),
    "place on no page": (PartyTerms(ANNA, placement=Placement(2, 1, 1, 2, 2)), SOHO),
    "too many": (PartyTerms(ANNA), *(PartyTerms(f"person-{n}", placement=PLACE) for n in range(20))),
}


@pytest.mark.parametrize("name", BAD_PARTIES)
def test_bad_parties_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        replace(TERMS, parties=BAD_PARTIES[name]).check(DOCUMENT, NOW)


def test_the_term_is_within_a_year_from_now() -> None:
    replace(TERMS, expires_at=NOW + timedelta(days=366)).check(DOCUMENT, NOW)
    for wrong in (NOW, NOW - timedelta(days=1), NOW + timedelta(days=366, seconds=1)):
        with pytest.raises(InvalidInput):
            replace(TERMS, expires_at=wrong).check(DOCUMENT, NOW)


def test_equal_requests_and_only_they_have_equal_fingerprints() -> None:
    base = TERMS.fingerprint(DOCUMENT)
    assert replace(TERMS, amount=Money.parse("CNY", "12800.50")).fingerprint(DOCUMENT) == base
    assert TERMS.fingerprint(replace(DOCUMENT, document_id="other", ref=ref("other"))) == base
    shanghai = datetime(2026, 12, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    assert replace(TERMS, expires_at=shanghai.astimezone(UTC)).fingerprint(DOCUMENT) != base
    others = [
        replace(TERMS, title="另一份合同"),
        replace(TERMS, business_type="采购合同"),
        replace(TERMS, amount=None),
        replace(TERMS, amount=Money.parse("USD", "12800.50")),
        replace(TERMS, parties=(PartyTerms(BO), SOHO)),
        replace(TERMS, parties=(PartyTerms(ANNA, placement=PLACE), SOHO)),
        replace(TERMS, parties=(PartyTerms(ANNA), replace(SOHO, seal_id="seal-2"))),
    ]
    prints = {other.fingerprint(DOCUMENT) for other in others} | {
        TERMS.fingerprint(replace(DOCUMENT, upload_sha256="b" * 64))
    }
    assert len(prints) == len(others) + 1
    assert base not in prints
