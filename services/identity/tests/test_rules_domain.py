"""Codes, sessions, verifications, face answers and activations as pure rules."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from esign_identity.domain.activation import (
    Activation,
    ActivationKind,
    SignatureFacts,
    SignedDocument,
    person_refusal,
    policy_document_refusal,
)
from esign_identity.domain.codes import (
    CodeCheck,
    CodePurpose,
    CodeRules,
    CodeState,
    OneTimeCode,
    limit,
    new_code,
    parse_client_address,
    parse_code,
)
from esign_identity.domain.face import FaceAnswer, FaceChannel, FaceCheck, FaceVerdict, judge
from esign_identity.domain.person import Person
from esign_identity.domain.session import Session, SessionRules, new_token, token_digest
from esign_identity.domain.verification import (
    OPEN_STATES,
    TRANSITIONS,
    Verification,
    VerificationRules,
    VerificationState,
)
from esign_kit.errors import Conflict, InvalidInput
from esign_kit.refs import Placement

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
RULES = CodeRules()
V_RULES = VerificationRules()
PERSON = Person("p1", "张三", "110105199003070028", "13800138000", "")


def code(**changes: object) -> OneTimeCode:
    kept = OneTimeCode("c1", CodePurpose.LOGIN, "", b"right", NOW, NOW + RULES.lifetime, CodeState.SENT)
    return replace(kept, **changes)  # type: ignore[arg-type]


def test_codes_are_six_digits_and_spread() -> None:
    codes = [new_code() for _ in range(3000)]
    assert all(len(c) == 6 and c.isdigit() for c in codes)
    assert len(set(codes)) > 2900
    first = Counter(c[0] for c in codes)
    assert set(first) == set("0123456789")
    assert min(first.values()) > 200


def test_code_typed() -> None:
    assert parse_code(" １２３ 456 ") == "123456"
    for wrong in ("", "12345", "1234567", "12345a", "١٢٣٤٥٦x"):
        with pytest.raises(InvalidInput):
            parse_code(wrong)


def test_right_code_works_once_and_in_time() -> None:
    check, used = code().check(b"right", NOW, RULES)
    assert (check, used.state) == (CodeCheck.RIGHT, CodeState.USED)
    assert used.check(b"right", NOW, RULES)[0] is CodeCheck.EXPIRED
    assert code().check(b"right", NOW + RULES.lifetime, RULES)[0] is CodeCheck.EXPIRED
    assert code(state=CodeState.SENDING).check(b"right", NOW, RULES)[0] is CodeCheck.RIGHT


def test_a_thousand_guesses_kill_the_code() -> None:
    kept = code()
    outcomes = []
    for guess in range(1000):
        check, kept = kept.check(f"guess {guess}".encode(), NOW, RULES)
        outcomes.append(check)
    assert outcomes[:4] == [CodeCheck.WRONG] * 4
    assert set(outcomes[4:]) == {CodeCheck.EXHAUSTED}
    assert kept.check(b"right", NOW, RULES)[0] is CodeCheck.EXHAUSTED


def test_code_limits() -> None:
    def reason(phone: list[datetime], address: list[datetime], now: datetime = NOW) -> tuple[str, str] | None:
        refused = limit(phone, address, now, RULES)
        return (refused.reason, refused.metadata["retry_after_seconds"]) if refused else None

    assert reason([], []) is None
    assert reason([NOW - timedelta(seconds=59.5)], []) == ("CODE_TOO_SOON", "1")
    assert reason([NOW], []) == ("CODE_TOO_SOON", "60")
    assert reason([NOW - timedelta(seconds=60)], []) is None
    day = [NOW - timedelta(hours=hour) for hour in range(1, 11)]
    assert reason(day, []) == ("CODE_DAILY_LIMIT", str(14 * 3600))
    assert reason(day[:-1], []) is None
    assert reason([], [NOW - timedelta(minutes=1)] * 30) == ("CLIENT_ADDRESS_LIMIT", str(59 * 60))


def test_client_addresses_share_what_a_subscriber_holds() -> None:
    assert parse_client_address("203.0.113.7") == "203.0.113.7"
    assert parse_client_address("::ffff:203.0.113.7") == "203.0.113.7"
    assert parse_client_address("2001:db8:1:2:3::4") == parse_client_address("2001:db8:1:2::ffff") == "2001:db8:1:2::"
    assert parse_client_address("2001:db8:1:3::") != parse_client_address("2001:db8:1:2::")
    for wrong in ("", "localhost", "1.2.3", "203.0.113.7, 10.0.0.1"):
        with pytest.raises(InvalidInput):
            parse_client_address(wrong)


def test_session_ends_by_idling_and_in_any_case() -> None:
    rules = SessionRules()
    session = Session("s", "p", NOW, NOW, NOW + rules.absolute, token_digest("token"), NOW)
    assert session.alive(NOW + timedelta(minutes=29, seconds=59), rules)
    assert not session.alive(NOW + timedelta(minutes=30), rules)
    busy = replace(session, seen_at=NOW + timedelta(hours=11, minutes=59))
    assert busy.alive(NOW + timedelta(hours=11, minutes=59, seconds=59), rules)
    assert not busy.alive(NOW + timedelta(hours=12), rules)
    assert not replace(session, ended_at=NOW).alive(NOW, rules)
    assert not session.needs_touch(NOW + timedelta(seconds=59), rules)
    assert session.needs_touch(NOW + timedelta(seconds=60), rules)


def test_session_tokens_have_256_bits() -> None:
    assert len(new_token()) == 43
    assert len({new_token() for _ in range(100)}) == 100
    assert len(token_digest(new_token())) == 32


def verification(**changes: object) -> Verification:
    opened = Verification("v1", "p1", "k1", "y1", "a" * 64, "JDE-1", NOW, NOW + V_RULES.lifetime)
    return replace(opened, **changes)  # type: ignore[arg-type]


def test_transition_table_is_the_whole_truth() -> None:
    """Every method of a verification, from every state: it does what the table allows, else it refuses."""
    steps = {
        VerificationState.FACE_PENDING: lambda v: v.sms_passed("m1"),
        VerificationState.PASSED: lambda v: v.face_passed("r1", NOW, V_RULES),
        VerificationState.CONSUMED: lambda v: v.consumed(),
        VerificationState.EXPIRED: lambda v: v.expired(),
    }
    for (target, step), source in product(steps.items(), VerificationState):
        if target in TRANSITIONS[source]:
            assert step(verification(state=source)).state is target
        else:
            with pytest.raises(Conflict):
                step(verification(state=source))
    assert {state for state, following in TRANSITIONS.items() if not following} == set(VerificationState) - OPEN_STATES


def test_attempts_run_out() -> None:
    v = verification()
    for left in (4, 3, 2, 1):
        v = v.sms_refused(V_RULES)
        assert (v.state, v.attempts_left(V_RULES)) == (VerificationState.SMS_PENDING, left)
    v = v.sms_refused(V_RULES)
    assert (v.state, v.attempts_left(V_RULES)) == (VerificationState.FAILED, 0)
    f = verification(state=VerificationState.FACE_PENDING)
    f = f.face_refused(NOW, V_RULES).face_refused(NOW, V_RULES)
    assert (f.state, f.attempts_left(V_RULES)) == (VerificationState.FACE_PENDING, 1)
    failed = f.face_refused(NOW, V_RULES)
    assert (failed.state, failed.face_failed_at) == (VerificationState.FAILED, NOW)


def test_time_runs_out_and_starts_anew_when_passed() -> None:
    v = verification()
    assert v.seen_at(NOW + timedelta(minutes=14, seconds=59)).state is VerificationState.SMS_PENDING
    assert v.seen_at(NOW + timedelta(minutes=15)).state is VerificationState.EXPIRED
    passed = verification(state=VerificationState.FACE_PENDING).face_passed("r", NOW + timedelta(minutes=14), V_RULES)
    assert passed.seen_at(NOW + timedelta(minutes=28)).state is VerificationState.PASSED
    assert passed.seen_at(NOW + timedelta(minutes=29)).state is VerificationState.EXPIRED
    assert passed.consumed().seen_at(NOW + timedelta(days=1)).state is VerificationState.CONSUMED


CHECK = FaceCheck(
    "f1", "v1", FaceChannel.TENCENT, "biz", "https://face.example/1", "1", NOW, NOW + timedelta(minutes=15)
)
GOOD = FaceAnswer(0, 0, 0, "98.50", PERSON.id_number, PERSON.name, "f1", "0" * 64)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, FaceVerdict.PASSED),
        ({"score": "70.00"}, FaceVerdict.PASSED),
        ({"score": "100"}, FaceVerdict.PASSED),
        ({"error_code": None, "live_status": None, "compare_status": None, "score": None}, FaceVerdict.NOT_FINISHED),
        ({"error_code": None}, FaceVerdict.NOT_FINISHED),
        ({"live_status": 1001, "error_code": 1001}, FaceVerdict.LIVENESS_FAILED),
        ({"live_status": None}, FaceVerdict.LIVENESS_FAILED),
        ({"compare_status": 2004, "error_code": 2004}, FaceVerdict.NOT_SAME_PERSON),
        ({"compare_status": None}, FaceVerdict.NOT_SAME_PERSON),
        ({"error_code": 1}, FaceVerdict.NOT_SAME_PERSON),
        ({"score": "69.99"}, FaceVerdict.NOT_SAME_PERSON),
        ({"score": None}, FaceVerdict.NOT_SAME_PERSON),
        ({"score": ""}, FaceVerdict.NOT_SAME_PERSON),
        ({"score": "NaN"}, FaceVerdict.NOT_SAME_PERSON),
        ({"score": "Infinity"}, FaceVerdict.NOT_SAME_PERSON),
        ({"score": "1e9"}, FaceVerdict.NOT_SAME_PERSON),
        ({"score": "high"}, FaceVerdict.NOT_SAME_PERSON),
        ({"id_number": "110105199003070036"}, FaceVerdict.OTHER_SUBJECT),
        ({"id_number": None}, FaceVerdict.OTHER_SUBJECT),
        ({"name": "李四"}, FaceVerdict.OTHER_SUBJECT),
        ({"name": None}, FaceVerdict.OTHER_SUBJECT),
        ({"reference": "f2"}, FaceVerdict.OTHER_SUBJECT),
        ({"reference": None}, FaceVerdict.OTHER_SUBJECT),
    ],
)
def test_face_answers(changes: dict[str, object], verdict: FaceVerdict) -> None:
    assert judge(replace(GOOD, **changes), CHECK, PERSON) is verdict  # type: ignore[arg-type]


FACTS = SignatureFacts("k1", "y1", "a" * 64, "s1", "b" * 64, Placement(12, 100, 200, 300, 400), "签署")


@pytest.mark.parametrize(
    "changes",
    [
        {"document_sha256": "A" * 64},
        {"seal_sha256": ""},
        {"contract_id": ""},
        {"seal_id": "x" * 101},
        {"party_id": "a\nb"},
        {"reason": "x" * 201},
        {"reason": "a\x00"},
        {"placement": Placement(0, 1, 1, 2, 2)},
        {"placement": Placement(1, 2, 1, 2, 2)},
        {"placement": Placement(1, -1, 1, 2, 2)},
    ],
)
def test_malformed_facts(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        replace(FACTS, **changes)  # type: ignore[arg-type]
    assert caught.value.reason == "ACTIVATION_FACTS_INVALID"


@pytest.mark.parametrize(
    ("changes", "person", "reason"),
    [
        ({}, "p1", None),
        ({}, "p2", "VERIFICATION_NOT_FOUND"),
        ({"contract_id": "k2"}, "p1", "VERIFICATION_OTHER_CONTRACT"),
        ({"party_id": "y2"}, "p1", "VERIFICATION_OTHER_PARTY"),
        ({"document_sha256": "c" * 64}, "p1", "VERIFICATION_OTHER_DOCUMENT"),
        ({"state": VerificationState.SMS_PENDING}, "p1", "VERIFICATION_AWAITS_SMS"),
        ({"state": VerificationState.FACE_PENDING}, "p1", "VERIFICATION_AWAITS_FACE"),
        ({"state": VerificationState.EXPIRED}, "p1", "VERIFICATION_EXPIRED"),
        ({"state": VerificationState.FAILED}, "p1", "VERIFICATION_FAILED"),
    ],
)
def test_what_a_verification_may_become(changes: dict[str, object], person: str, reason: str | None) -> None:
    v = verification(**({"state": VerificationState.PASSED} | changes))
    refused = person_refusal(v, person, FACTS)
    assert (refused.reason if refused else None) == reason


def activation(**changes: object) -> Activation:
    issued = Activation(
        "a1",
        ActivationKind.PERSON,
        FACTS,
        "p1",
        "v1",
        "",
        "",
        {"sms": "m1", "face": "f" * 64},
        NOW,
        NOW + timedelta(minutes=5),
    )
    return replace(issued, **changes)  # type: ignore[arg-type]


def test_claims_bind_every_fact() -> None:
    assert activation().claims() == {
        "iss": "identity",
        "aud": ["signer", "ca-broker"],
        "jti": "a1",
        "iat": int(NOW.timestamp()),
        "nbf": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 300,
        "kind": "PERSON",
        "person_id": "p1",
        "contract_id": "k1",
        "party_id": "y1",
        "document_sha256": "a" * 64,
        "seal_id": "s1",
        "seal_sha256": "b" * 64,
        "page": 12,
        "rect": [100, 200, 300, 400],
        "reason": "签署",
        "receipts": {"sms": "m1", "face": "f" * 64},
    }
    claims = activation(
        kind=ActivationKind.POLICY, person_id="", policy_id="lease", organisation="91110000600037341L"
    ).claims()
    assert "person_id" not in claims
    assert (claims["policy_id"], claims["organisation"]) == ("lease", "91110000600037341L")


def test_only_the_result_of_a_persons_activation_is_countersigned() -> None:
    reported = SignedDocument("a1", "k1", "y1", "PERSON", "a" * 64, "d" * 64, NOW)
    wanted = replace(FACTS, party_id="soho", document_sha256="d" * 64)

    def reason(result: SignedDocument, issued: Activation | None, facts: SignatureFacts = wanted) -> str | None:
        refused = policy_document_refusal(result, issued, facts)
        return refused.reason if refused else None

    assert reason(reported, activation()) is None
    assert reason(reported, activation(), replace(wanted, contract_id="k2")) == "POLICY_DOCUMENT_OTHER_CONTRACT"
    not_by_person = "POLICY_DOCUMENT_NOT_BY_PERSON"
    assert reason(reported, None) == not_by_person
    assert reason(reported, activation(kind=ActivationKind.POLICY)) == not_by_person
    assert reason(replace(reported, kind="POLICY"), activation()) == not_by_person
    assert reason(reported, activation(facts=replace(FACTS, contract_id="k2"))) == not_by_person
    assert reason(reported, activation(facts=replace(FACTS, document_sha256="e" * 64))) == not_by_person
    assert reason(replace(reported, party_id="y2"), activation()) == not_by_person
