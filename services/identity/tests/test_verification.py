"""Verifications: SMS and face steps, other people's, wrong codes, forged and swapped answers, dead vendors, restarts."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from esign.identity.v1 import identity_pb2 as pb
from esign_identity.main import MIGRATIONS, build
from esign_identity.settings import IdentitySettings
from esign_kit.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from esign_kit.testing import Platform, eventually
from identity_world import SHA, World, known, moment, reason_of, wrong


async def test_the_whole_way(world: World) -> None:
    who, person = await known(world, "欧阳修远")
    opened = await world.start(person, "way")
    assert (opened.state, opened.attempts_left) == (pb.VERIFICATION_STATE_SMS_PENDING, 5)
    assert (opened.contract_id, opened.document_sha256) == ("way", SHA)
    assert opened.person.name == "***远"
    assert opened.person.masked_phone == f"138****{who.phone[-4:]}"
    assert timedelta(minutes=14) < moment(opened.expires_at) - world.clock() <= timedelta(minutes=15)
    ticket = await world.send_code(person, opened.verification_id)
    assert ticket.retry_after_seconds == 60
    sms = world.notifier.sent[who.phone][-1]
    assert sms.document_number == "JDE-20200700004830"
    after_sms = await world.confirm(person, opened.verification_id, sms.code)
    assert (after_sms.state, after_sms.attempts_left) == (pb.VERIFICATION_STATE_FACE_PENDING, 3)
    check = await world.start_face(person, opened.verification_id)
    assert check.url.startswith("https://face.example/")
    action, asked = world.tencent.requests[-1]
    assert (action, asked["IdCard"], asked["Name"], asked["Extra"], asked["RedirectUrl"]) == (
        "DetectAuth",
        who.id_number,
        who.name,
        check.face_check_id,
        "https://sign.example/f/return",
    )
    assert (
        await reason_of(world.complete_face(person, opened.verification_id, check.face_check_id)) == "FACE_NOT_FINISHED"
    )
    world.tencent.pass_check(check.url)
    world.clock.advance(minutes=5)
    passed = await world.complete_face(person, opened.verification_id, check.face_check_id)
    assert passed.state == pb.VERIFICATION_STATE_PASSED
    assert moment(passed.expires_at) - world.clock() > timedelta(minutes=14)
    assert world.tencent.requests[-1][1]["InfoType"] == "13"
    asked_before = len(world.tencent.requests)
    again = await world.complete_face(person, opened.verification_id, check.face_check_id)
    assert (again.state, len(world.tencent.requests)) == (pb.VERIFICATION_STATE_PASSED, asked_before)
    started = await world.events("VerificationStarted", verification_id=opened.verification_id)
    sms_passed = await world.events("VerificationSmsPassed", verification_id=opened.verification_id)
    face_passed = await world.events("VerificationFacePassed", verification_id=opened.verification_id)
    assert [(e.person_id, e.contract_id, e.document_sha256) for e in started] == [(person, "way", SHA)]
    assert [e.receipt for e in sms_passed] == [sms.message_id]
    assert [(e.channel, e.score, len(e.receipt_sha256)) for e in face_passed] == [("TENCENT", "98.50", 64)]
    row = (await world.rows("SELECT * FROM face_check WHERE face_check_id = :id", id=check.face_check_id))[0]
    assert (row.consent_version, row.score, row.state) == ("1", "98.50", "PASSED")
    subjects = await world.rows("SELECT DISTINCT contract_id FROM outbox WHERE type LIKE '%.Verification%'")
    assert "way" in {row.contract_id for row in subjects}


async def test_an_open_verification_is_given_again(world: World) -> None:
    _, person = await known(world)
    found = await asyncio.gather(*(world.start(person, "again") for _ in range(6)))
    assert len({v.verification_id for v in found}) == 1
    others = [
        await world.start(person, "again", "c" * 64),
        await world.start(person, "again", SHA, "guarantor"),
        await world.start(person, "another"),
        await world.start((await known(world))[1], "again"),
    ]
    assert len({v.verification_id for v in [*others, found[0]]}) == 5
    world.clock.advance(minutes=15)
    anew = await world.start(person, "again")
    assert anew.verification_id != found[0].verification_id
    old = await world.events("VerificationRefused", verification_id=found[0].verification_id)
    assert [event.reason for event in old] == ["VERIFICATION_EXPIRED"]


async def test_malformed_start(world: World) -> None:
    _, person = await known(world)
    for contract, sha, party in (("", SHA, "p"), ("k", "A" * 64, "p"), ("k", "", "p"), ("k", SHA, "")):
        with pytest.raises(InvalidInput, match="ACTIVATION_FACTS_INVALID"):
            await world.start(person, contract, sha, party)
    with pytest.raises(NotFound, match="PERSON_NOT_FOUND"):
        await world.start("nobody", "k", accepting=False)


async def test_another_persons_verification_is_not_there(world: World) -> None:
    who, owner = await known(world)
    _, thief = await known(world, "李四")
    verification = await world.face_pending(who, owner, "theirs")
    check = await world.start_face(owner, verification)
    world.tencent.pass_check(check.url)
    attempts = [
        world.get(thief, verification),
        world.send_code(thief, verification),
        world.confirm(thief, verification, "123456"),
        world.start_face(thief, verification),
        world.complete_face(thief, verification, check.face_check_id),
        world.get(thief, "no such thing"),
    ]
    assert {await reason_of(attempt) for attempt in attempts} == {"VERIFICATION_NOT_FOUND"}
    assert (await world.get(owner, verification)).state == pb.VERIFICATION_STATE_FACE_PENDING


async def test_a_verification_belongs_to_the_session_of_its_company(world: World) -> None:
    who, person = await known(world)
    opened = await world.start(person, "company's", organisation_id="company")
    get, start = world.portal.GetVerification, world.portal.StartFaceCheck
    request = pb.GetVerificationRequest(verification_id=opened.verification_id)
    assert (await get(request, metadata=world.acting(person, "company"))).verification_id == opened.verification_id
    face = pb.StartFaceCheckRequest(
        verification_id=opened.verification_id,
        channel=pb.FACE_CHANNEL_TENCENT,
        consent_version="1",
        client_address="203.0.113.7",
    )
    for organisation in ("", "another company"):
        elsewhere = world.acting(person, organisation)
        watched = world.portal.WatchVerification(
            pb.WatchVerificationRequest(verification_id=opened.verification_id), metadata=elsewhere
        )
        attempts = [
            get(request, metadata=elsewhere),
            world.portal.SendVerificationCode(
                pb.SendVerificationCodeRequest(verification_id=opened.verification_id), metadata=elsewhere
            ),
            world.portal.ConfirmVerificationCode(
                pb.ConfirmVerificationCodeRequest(verification_id=opened.verification_id, code="123456"),
                metadata=elsewhere,
            ),
            world.portal.ListFaceChannels(
                pb.ListFaceChannelsRequest(verification_id=opened.verification_id), metadata=elsewhere
            ),
            start(face, metadata=elsewhere),
            anext(aiter(watched)),
        ]
        assert {await reason_of(attempt) for attempt in attempts} == {"VERIFICATION_NOT_FOUND"}
    assert await world.events("AttemptRefused", kind="verification", person_id=person) == []
    # Signing goes on in the session that is there now, from the beginning; not with what the other has proved.
    private = await world.passed(who, person, "company's")
    assert private != opened.verification_id
    assert await reason_of(get(request, metadata=world.acting(person))) == "VERIFICATION_NOT_FOUND"
    refused = world.issue(person, private, "company's", organisation_id="company")
    assert await reason_of(refused) == "VERIFICATION_NOT_FOUND"
    await world.issue(person, private, "company's")


async def test_five_wrong_codes_fail_the_verification(world: World) -> None:
    who, person = await known(world)
    opened = await world.start(person, "wrong")
    await world.send_code(person, opened.verification_id)
    code = world.notifier.code(who.phone)
    for left in (4, 3, 2, 1):
        with pytest.raises(Conflict) as caught:
            await world.confirm(person, opened.verification_id, wrong(code))
        assert (caught.value.reason, caught.value.metadata["attempts_left"]) == ("VERIFICATION_CODE_WRONG", str(left))
    assert await reason_of(world.confirm(person, opened.verification_id, wrong(code))) == "VERIFICATION_FAILED"
    assert await reason_of(world.confirm(person, opened.verification_id, code)) == "VERIFICATION_FAILED"
    assert (await world.get(person, opened.verification_id)).state == pb.VERIFICATION_STATE_FAILED
    refused = await world.events("VerificationRefused", verification_id=opened.verification_id)
    assert [event.reason for event in refused] == ["SMS_CODE_WRONG"] * 4 + ["SMS_ATTEMPTS_EXHAUSTED"]


async def test_guesses_at_once_are_counted_one_by_one(world: World) -> None:
    who, person = await known(world)
    opened = await world.start(person, "parallel")
    await world.send_code(person, opened.verification_id)
    code = world.notifier.code(who.phone)
    guesses = [f"{n:06d}" for n in range(40) if f"{n:06d}" != code]
    reasons = await asyncio.gather(*(reason_of(world.confirm(person, opened.verification_id, g)) for g in guesses))
    assert reasons.count("VERIFICATION_CODE_WRONG") == 4
    assert reasons.count("VERIFICATION_FAILED") == len(guesses) - 4


async def test_five_failures_of_a_contract_are_enough_for_a_day(world: World) -> None:
    who, person = await known(world)
    for _ in range(5):
        opened = await world.start(person, "stubborn")
        world.clock.advance(seconds=61)
        await world.send_code(person, opened.verification_id)
        for _ in range(5):
            await reason_of(world.confirm(person, opened.verification_id, wrong(world.notifier.code(who.phone))))
    assert await reason_of(world.start(person, "stubborn")) == "VERIFICATION_LIMIT"
    await world.start(person, "something else")
    world.clock.advance(hours=24)
    await world.start(person, "stubborn")


async def test_codes_of_another_verification_or_time_do_not_work(world: World) -> None:
    who, person = await known(world)
    one, two = await world.start(person, "one"), await world.start(person, "two")
    assert await reason_of(world.confirm(person, one.verification_id, "123456")) == "VERIFICATION_CODE_EXPIRED"
    await world.send_code(person, one.verification_id)
    code = world.notifier.code(who.phone)
    assert await reason_of(world.send_code(person, two.verification_id)) == "CODE_TOO_SOON"
    assert await reason_of(world.confirm(person, two.verification_id, code)) == "VERIFICATION_CODE_EXPIRED"
    world.clock.advance(minutes=5)
    assert await reason_of(world.confirm(person, one.verification_id, code)) == "VERIFICATION_CODE_EXPIRED"
    assert (await world.get(person, one.verification_id)).attempts_left == 5
    await world.send_code(person, two.verification_id)
    await world.confirm(person, two.verification_id, world.notifier.code(who.phone))
    replay = world.confirm(person, two.verification_id, world.notifier.code(who.phone))
    assert await reason_of(replay) == "VERIFICATION_AWAITS_FACE"
    assert await reason_of(world.send_code(person, two.verification_id)) == "VERIFICATION_AWAITS_FACE"
    with pytest.raises(InvalidInput, match="CODE_MALFORMED"):
        await world.confirm(person, one.verification_id, "12345")


async def test_notifier_dead(world: World) -> None:
    who, person = await known(world)
    opened = await world.start(person, "dead")
    world.notifier.failure = Unavailable("SMS_UNAVAILABLE", zh="短信服务暂不可用", en="SMS cannot be sent now")
    for _ in range(3):
        assert await reason_of(world.send_code(person, opened.verification_id)) == "SMS_UNAVAILABLE"
    world.notifier.failure = None
    await world.send_code(person, opened.verification_id)
    await world.confirm(person, opened.verification_id, world.notifier.code(who.phone))


async def test_time_runs_out_by_itself(world: World) -> None:
    _, person = await known(world)
    opened = await world.start(person, "late")
    world.clock.advance(minutes=15)
    assert (await world.get(person, opened.verification_id)).state == pb.VERIFICATION_STATE_EXPIRED
    assert await reason_of(world.send_code(person, opened.verification_id)) == "VERIFICATION_EXPIRED"
    assert await reason_of(world.confirm(person, opened.verification_id, "123456")) == "VERIFICATION_EXPIRED"
    assert await reason_of(world.start_face(person, opened.verification_id)) == "VERIFICATION_EXPIRED"


async def test_face_needs_sms_consent_and_a_known_vendor(world: World) -> None:
    who, person = await known(world)
    opened = await world.start(person, "order")
    assert await reason_of(world.start_face(person, opened.verification_id)) == "VERIFICATION_AWAITS_SMS"
    verification = await world.face_pending(who, person, "order2")
    for consent in ("", "0", "next"):
        with pytest.raises(InvalidInput, match="CONSENT_REQUIRED"):
            await world.start_face(person, verification, consent_version=consent)
    with pytest.raises(InvalidInput, match="FACE_CHANNEL_UNKNOWN"):
        await world.start_face(person, verification, channel=pb.FACE_CHANNEL_UNSPECIFIED)


async def test_an_open_face_check_is_given_again(world: World) -> None:
    who, person = await known(world)
    verification = await world.face_pending(who, person, "twice")
    checks = await asyncio.gather(*(world.open_face(person, verification) for _ in range(4)))
    assert len({(c.face_check_id, c.url) for c in checks}) == 1


async def test_swapped_face_checks(world: World) -> None:
    """Two people at once; each hands in the other's check, then the vendor itself mixes them up."""
    (a, a_id), (b, b_id) = await known(world), await known(world, "李四")
    va, vb = await world.face_pending(a, a_id, "swap"), await world.face_pending(b, b_id, "swap")
    ca, cb = await world.start_face(a_id, va), await world.start_face(b_id, vb)
    world.tencent.pass_check(cb.url)
    assert await reason_of(world.complete_face(a_id, va, cb.face_check_id)) == "FACE_CHECK_NOT_FOUND"
    checks, token_a, token_b = world.tencent.checks, world.tencent.token(ca.url), world.tencent.token(cb.url)
    checks[token_a], checks[token_b] = checks[token_b], checks[token_a]
    assert await reason_of(world.complete_face(a_id, va, ca.face_check_id)) == "FACE_OTHER_SUBJECT"
    found = await world.get(a_id, va)
    assert (found.state, found.attempts_left) == (pb.VERIFICATION_STATE_FACE_PENDING, 2)


async def test_check_of_an_earlier_verification(world: World) -> None:
    who, person = await known(world)
    first = await world.face_pending(who, person, "first")
    old = await world.start_face(person, first)
    world.tencent.pass_check(old.url)
    second = await world.face_pending(who, person, "second")
    assert await reason_of(world.complete_face(person, second, old.face_check_id)) == "FACE_CHECK_NOT_FOUND"
    assert await reason_of(world.complete_face(person, second, "never")) == "FACE_CHECK_NOT_FOUND"


FORGERIES: list[dict[str, Any]] = [
    {"IdCard": "110105199003070036"},
    {"Name": "李四"},
    {"Extra": "another check"},
    {"Extra": None},
    {"ErrCode": "0"},
    {"ErrCode": False},
    {"LiveStatus": None},
    {"LiveStatus": "0"},
    {"Comparestatus": None},
    {"Comparestatus": 2004},
    {"Sim": "69.99"},
    {"Sim": 98.5},
    {"Sim": "NaN"},
]


@pytest.mark.parametrize("forgery", FORGERIES, ids=str)
async def test_forged_answers_do_not_pass(world: World, forgery: dict[str, Any]) -> None:
    who, person = await known(world)
    verification = await world.face_pending(who, person, "forged")
    check = await world.start_face(person, verification)
    world.tencent.pass_check(check.url)
    world.tencent.forge = forgery
    reason = await reason_of(world.complete_face(person, verification, check.face_check_id))
    assert reason in ("FACE_OTHER_SUBJECT", "FACE_LIVENESS_FAILED", "FACE_NOT_SAME_PERSON")
    assert (await world.get(person, verification)).attempts_left == 2
    assert [e.reason for e in await world.events("VerificationRefused", verification_id=verification)] == [reason]
    world.tencent.mend()
    assert await reason_of(world.complete_face(person, verification, check.face_check_id)) == reason
    assert (await world.get(person, verification)).attempts_left == 2


async def test_three_failed_face_checks_fail_the_verification(world: World) -> None:
    who, person = await known(world)
    verification = await world.face_pending(who, person, "three")
    urls = set()
    for left in (2, 1, 0):
        check = await world.start_face(person, verification)
        urls.add(check.url)
        world.tencent.fail_check(check.url)
        with pytest.raises(Conflict) as caught:
            await world.complete_face(person, verification, check.face_check_id)
        assert (caught.value.reason, caught.value.metadata["attempts_left"]) == ("FACE_LIVENESS_FAILED", str(left))
    assert len(urls) == 3
    assert (await world.get(person, verification)).state == pb.VERIFICATION_STATE_FAILED
    assert await reason_of(world.start_face(person, verification)) == "VERIFICATION_FAILED"


async def test_one_answer_counts_once(world: World) -> None:
    who, person = await known(world)
    verification = await world.face_pending(who, person, "race")
    check = await world.start_face(person, verification)
    world.tencent.fail_check(check.url)
    reasons = await asyncio.gather(
        *(reason_of(world.complete_face(person, verification, check.face_check_id)) for _ in range(5))
    )
    assert set(reasons) == {"FACE_LIVENESS_FAILED"}
    assert (await world.get(person, verification)).attempts_left == 2


@pytest.mark.parametrize("trouble", ["error", "nonsense", "empty", "slow"])
async def test_vendor_trouble_costs_nothing(world: World, trouble: str) -> None:
    who, person = await known(world)
    verification = await world.face_pending(who, person, f"trouble {trouble}")

    def break_it() -> None:
        match trouble:
            case "error":
                world.tencent.error = "InternalError"
            case "nonsense":
                world.tencent.raw = b"<html>502</html>"
            case "empty":
                world.tencent.raw = b'{"Response": {"RequestId": "r"}}'
            case "slow":
                world.tencent.delay = 1.3

    break_it()
    with pytest.raises(Unavailable, match="FACE_UNAVAILABLE"):
        await world.start_face(person, verification)
    world.tencent.mend()
    check = await world.start_face(person, verification)
    world.tencent.pass_check(check.url)
    if trouble != "slow":
        break_it()
        with pytest.raises(Unavailable, match="FACE_UNAVAILABLE"):
            await world.complete_face(person, verification, check.face_check_id)
        world.tencent.mend()
    passed = await world.complete_face(person, verification, check.face_check_id)
    assert passed.state == pb.VERIFICATION_STATE_PASSED


async def test_vendor_forgot_the_check(world: World) -> None:
    who, person = await known(world)
    verification = await world.face_pending(who, person, "forgot")
    check = await world.start_face(person, verification)
    del world.tencent.checks[world.tencent.token(check.url)]
    for _ in range(2):
        assert await reason_of(world.complete_face(person, verification, check.face_check_id)) == "FACE_CHECK_EXPIRED"
    assert (await world.get(person, verification)).attempts_left == 3
    assert (await world.start_face(person, verification)).face_check_id != check.face_check_id


async def test_only_contract_opens_verifications(world: World) -> None:
    _, person = await known(world)
    request = pb.StartVerificationRequest(contract_id="k", party_id="p", document_sha256=SHA, document_number="n")
    for caller in ("gateway", "signer", "notifier", "leasing"):
        with pytest.raises(Forbidden):
            await world.internal(caller).StartVerification(request, metadata=world.acting(person))


async def test_restart_in_the_middle(platform: Platform, settings: IdentitySettings, world: World) -> None:
    """Each step is done by a process that knows nothing of the one before."""
    who, person = await known(world)

    async def another() -> Any:
        return platform.service(settings, build, migrations=MIGRATIONS, clock=world.clock)

    opened = await world.start(person, "restart")
    async with await another() as running:
        fresh = World(running, world.notifier, world.tencent, world.clock, platform, world.captchas)
        await fresh.send_code(person, opened.verification_id)
    async with await another() as running:
        fresh = World(running, world.notifier, world.tencent, world.clock, platform, world.captchas)
        await fresh.confirm(person, opened.verification_id, world.notifier.code(who.phone))
        check = await fresh.start_face(person, opened.verification_id)
    world.tencent.pass_check(check.url)
    passed = await world.complete_face(person, opened.verification_id, check.face_check_id)
    assert passed.state == pb.VERIFICATION_STATE_PASSED
    late = await world.start(person, "restart late")
    world.clock.advance(minutes=16)
    async with await another():

        async def told() -> bool:
            events = await world.events("VerificationRefused", verification_id=late.verification_id)
            return [event.reason for event in events] == ["VERIFICATION_EXPIRED"]

        await eventually(told)
    row = (await world.rows("SELECT state FROM verification WHERE verification_id = :id", id=late.verification_id))[0]
    assert row.state == "EXPIRED"
