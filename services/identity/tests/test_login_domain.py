"""Rules of logins that need no database: tokens and their successors, captchas, tickets, claims, masks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from esign_identity.adapters.captcha import ImagePainter
from esign_identity.domain.captcha import (
    Captcha,
    CaptchaCheck,
    CaptchaRules,
    check_answer,
    creation_limit,
    new_answer,
    normalise_answer,
)
from esign_identity.domain.login import LoginRules, Ticket
from esign_identity.domain.organisation import check_country
from esign_identity.domain.session import (
    FormerToken,
    Session,
    SessionRules,
    mask_address,
    new_nonce,
    new_token,
    successor,
    token_digest,
)
from esign_identity.domain.sign_on import SignOn, SignOnRefusal, SignOnRules, parse_claims, refusal
from esign_kit.errors import InvalidInput, Limited
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def test_a_successor_takes_token_and_nonce() -> None:
    token, nonce = new_token(), new_nonce()
    assert successor(token, nonce) == successor(token, nonce)
    assert len(successor(token, nonce)) == len(token)
    assert len({token, successor(token, nonce), successor(token, new_nonce()), successor(new_token(), nonce)}) == 4


def test_when_a_token_changes() -> None:
    rules = SessionRules()
    session = Session("s", "p", NOW, NOW, NOW + rules.absolute, token_digest("token"), NOW)
    assert not session.needs_rotation(NOW + timedelta(minutes=14, seconds=59), rules)
    assert session.needs_rotation(NOW + timedelta(minutes=15), rules)
    former = FormerToken(b"", b"", NOW)
    assert former.good(NOW + timedelta(seconds=59), rules, session)
    assert not former.good(NOW + timedelta(seconds=60), rules, session)
    # The successor has not come back: whoever was told of it may have missed it.
    assert former.good(NOW + timedelta(seconds=60), rules, replace(session, token_used=False))
    before = replace(session, token_used=False, token_since=NOW + timedelta(minutes=15))
    assert not former.good(NOW + timedelta(minutes=15), rules, before)


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("203.0.113.77", "203.0.113.*"),
        ("2001:db8:1:2::", "2001:db8:1:*"),
        ("2001:db8::", "2001:db8:0:*"),
        ("::1", "0:0:0:*"),
        ("", ""),
    ],
)
def test_masked_addresses(address: str, masked: str) -> None:
    assert mask_address(address) == masked


def test_answers_are_many_and_readable() -> None:
    answers = [new_answer() for _ in range(2000)]
    assert len(set(answers)) > 1990
    assert set("".join(answers)) == set("34679ACEFGHJKMNPRTWXY")
    assert {len(answer) for answer in answers} == {5}


def test_what_people_type() -> None:
    for typed in ("ac3wx", " A C 3 W X ", "ＡＣ３ＷＸ", "ac3WX\n"):
        assert normalise_answer(typed) == "AC3WX"
    assert len(normalise_answer("x" * 10_000)) == 64


def test_when_an_answer_counts() -> None:
    captcha = Captcha("c", b"right", NOW, NOW + timedelta(minutes=2))
    assert check_answer(captcha, b"right", NOW + timedelta(seconds=119)) is CaptchaCheck.RIGHT
    assert check_answer(captcha, b"wrong", NOW) is CaptchaCheck.WRONG
    assert check_answer(captcha, b"right", NOW + timedelta(minutes=2)) is CaptchaCheck.EXPIRED


def test_how_many_captchas() -> None:
    rules = CaptchaRules(per_address_hour=2)
    times = [NOW - timedelta(minutes=50), NOW - timedelta(minutes=20)]
    assert creation_limit(times[:1], NOW, rules) is None
    refused = creation_limit(times, NOW, rules)
    assert isinstance(refused, Limited)
    assert refused.metadata["retry_after_seconds"] == "600"


async def test_a_picture_differs_each_time() -> None:
    painter = ImagePainter()
    assert len({await painter.paint("AC3WX") for _ in range(3)}) == 3


def test_tickets() -> None:
    rules = LoginRules(ticket_attempts=2)
    ticket = Ticket(b"", "p", NOW + rules.ticket_lifetime)
    assert ticket.good(NOW)
    assert not ticket.good(NOW + timedelta(minutes=5))
    assert not ticket.used(NOW).good(NOW)
    once = ticket.refused(NOW, rules)
    assert once.good(NOW)
    assert not once.refused(NOW, rules).good(NOW)


def test_countries() -> None:
    for mainland in ("", "CN", "cn", " Ｃn "):
        check_country(mainland)
    for elsewhere, reason in (
        ("HK", "ORGANISATION_NOT_MAINLAND"),
        ("TW", "ORGANISATION_NOT_MAINLAND"),
        ("MO", "ORGANISATION_NOT_MAINLAND"),
        ("VG", "ORGANISATION_NOT_MAINLAND"),
        ("中国", "COUNTRY_INVALID"),
        ("C", "COUNTRY_INVALID"),
        ("CHN", "COUNTRY_INVALID"),
    ):
        with pytest.raises(InvalidInput, match=reason):
            check_country(elsewhere)


CLAIMS: dict[str, object] = {
    "iss": "procurement",
    "aud": "esign",
    "sub": "person",
    "org": "91110105MA9W7K2LX8",
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 120,
    "jti": "once",
}


def test_a_tokens_time() -> None:
    rules = SignOnRules()
    token = parse_claims("procurement", CLAIMS)
    assert isinstance(token, SignOn)
    assert refusal(token, NOW, rules) is None
    assert refusal(token, NOW - timedelta(seconds=5), rules) is None
    assert refusal(token, NOW - timedelta(seconds=6), rules) is SignOnRefusal.EARLY
    assert refusal(token, NOW + timedelta(seconds=119), rules) is None
    assert refusal(token, NOW + timedelta(seconds=120), rules) is SignOnRefusal.EXPIRED
    longer = replace(token, expires_at=NOW + timedelta(seconds=121))
    assert refusal(longer, NOW, rules) is SignOnRefusal.TOO_LONG
    assert token.digest != replace(token, platform="other").digest
    assert token.digest != replace(token, token_id="twice").digest


@given(
    st.sampled_from(sorted(CLAIMS)),
    st.none() | st.booleans() | st.floats() | st.lists(st.text()) | st.just("") | st.just(-1),
)
def test_claims_of_other_kinds_are_refused(name: str, value: object) -> None:
    said = parse_claims("procurement", CLAIMS | {name: value})
    assert said is SignOnRefusal.CLAIMS or name in ("iss", "aud")  # these two are compared with the signature
    without = {key: claim for key, claim in CLAIMS.items() if key != name}
    assert parse_claims("procurement", without) is SignOnRefusal.CLAIMS
