"""Login codes: limits, guesses, strangers, a dead notifier."""

import asyncio
import itertools
import logging
import re
import time
from dataclasses import replace
from datetime import timedelta
from statistics import median

import jwt
import pytest
from esign.identity.v1 import identity_pb2
from esign_identity.main import MIGRATIONS, build
from esign_identity.settings import IdentitySettings
from esign_kit.errors import EsignError, InvalidInput, Limited, TimedOut, Unauthenticated, Unavailable
from esign_kit.testing import Platform
from identity_login import authenticate
from identity_world import World, invent, known, moment, reason_of, wrong


async def test_from_code_to_actor_token(world: World) -> None:
    who, person_id = await known(world)
    ticket = await world.request_code(who)
    assert ticket.retry_after_seconds == 60
    assert timedelta(minutes=4, seconds=50) < moment(ticket.expires_at) - world.clock() <= timedelta(minutes=5)
    sms = world.notifier.sent[who.phone][-1]
    assert (sms.valid_minutes, sms.document_number, len(sms.code)) == (5, "", 6)
    session = await world.login(who, sms.code)
    assert (session.person.person_id, session.person.name) == (person_id, who.name)
    assert timedelta(hours=11, minutes=59) < moment(session.expires_at) - world.clock() <= timedelta(hours=12)
    answer = await authenticate(world, session.session_token)
    key = world.platform.pki.actor_key.public_key()
    decoded = jwt.decode_complete(
        answer.actor_token, key, algorithms=["EdDSA"], options={"verify_iat": False, "verify_exp": False}
    )
    claims = decoded["payload"]
    assert decoded["header"]["typ"] == "esign-actor+jwt"
    assert (claims["iss"], claims["sub"], claims["org"], claims["exp"] - claims["iat"]) == (
        "identity",
        person_id,
        "",
        60,
    )
    assert (answer.session_id, answer.expires_at) == (claims["sid"], session.expires_at)
    assert not answer.HasField("organisation")
    assert not session.HasField("organisation")
    (succeeded,) = await world.events("LoginSucceeded", person_id=person_id)
    assert (succeeded.session_id, succeeded.organisation_id, succeeded.method) == (claims["sid"], "", "code")


async def test_a_code_works_once(world: World) -> None:
    who, _ = await known(world)
    await world.request_code(who)
    code = world.notifier.code(who.phone)
    outcomes = await asyncio.gather(*(world.login(who, code) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(outcome, identity_pb2.LoginResponse) for outcome in outcomes) == 1
    assert {o.reason for o in outcomes if isinstance(o, EsignError)} == {"LOGIN_CODE_EXPIRED"}


async def test_a_code_ends_after_five_minutes(world: World) -> None:
    who, person_id = await known(world)
    await world.request_code(who)
    world.clock.advance(minutes=5)
    assert await reason_of(world.login(who, world.notifier.code(who.phone))) == "LOGIN_CODE_EXPIRED"
    assert [e.reason for e in await world.events("LoginRefused", person_id=person_id)] == ["LOGIN_CODE_EXPIRED"]


async def test_only_the_last_code_counts(world: World) -> None:
    who, _ = await known(world)
    await world.request_code(who)
    first = world.notifier.code(who.phone)
    world.clock.advance(seconds=60)
    await world.request_code(who)
    if first != world.notifier.code(who.phone):
        assert await reason_of(world.login(who, first)) == "LOGIN_CODE_WRONG"
    await world.login(who, world.notifier.code(who.phone))


async def test_guesses_from_everywhere_at_once(world: World) -> None:
    who, person_id = await known(world)
    await world.request_code(who)
    code = world.notifier.code(who.phone)
    guesses = [f"{n:06d}" for n in range(80) if f"{n:06d}" != code]
    reasons: list[str] = []

    async def guess(part: list[str], host: int) -> None:
        for n, typed in enumerate(part):
            with pytest.raises(Unauthenticated) as caught:
                await world.login(who, typed, f"2001:db8:{host:x}:{n // 50:x}::1")
            reasons.append(caught.value.reason)

    await asyncio.gather(*(guess(guesses[host::8], host) for host in range(8)))
    assert reasons.count("LOGIN_CODE_WRONG") == 4
    assert reasons.count("LOGIN_CODE_EXHAUSTED") == len(guesses) - 4
    assert await reason_of(world.login(who, code)) == "LOGIN_CODE_EXHAUSTED"
    assert await world.events("LoginSucceeded", person_id=person_id) == []
    assert len(await world.events("AttemptRefused", kind="login", person_id=person_id)) == len(guesses) + 1


async def test_guesses_with_ever_new_codes(world: World) -> None:
    """Who can have codes sent and guess from anywhere gets ten codes a day to guess at, five times each."""
    who, person_id = await known(world)
    guesses = iter(f"{n:06d}" for n in range(200))
    reasons: list[str] = []
    for sent in range(13):
        world.clock.advance(seconds=61)
        requested = replace(who, address=f"2001:db8:{sent:x}::1")
        if sent < 10:
            await world.request_code(requested)
        else:
            assert await reason_of(world.request_code(requested)) == "CODE_DAILY_LIMIT"
        right = world.notifier.code(who.phone)
        typed = [code for code in itertools.islice(guesses, 11) if code != right][:10]
        for few in range(0, 10, 5):
            attempts = [world.login(who, code, f"2001:db8:{sent:x}:{few:x}::1") for code in typed[few : few + 5]]
            outcomes = await asyncio.gather(*attempts, return_exceptions=True)
            reasons += [outcome.reason for outcome in outcomes if isinstance(outcome, EsignError)]
    assert len(reasons) == 130
    assert len(world.notifier.sent[who.phone]) == 10
    assert reasons.count("LOGIN_CODE_WRONG") == 40
    assert set(reasons) == {"LOGIN_CODE_WRONG", "LOGIN_CODE_EXHAUSTED"}
    assert await world.events("LoginSucceeded", person_id=person_id) == []
    assert len(await world.events("AttemptRefused", kind="login", person_id=person_id)) == 130


async def test_one_network_cannot_go_on_guessing(world: World) -> None:
    address = "192.0.2.77"
    stranger = invent()
    for _ in range(10):
        guesses = (reason_of(world.login(stranger, "123456", address)) for _ in range(10))
        assert {*await asyncio.gather(*guesses)} == {"LOGIN_CODE_EXPIRED"}
    who, _ = await known(world)
    await world.request_code(who)
    with pytest.raises(Limited) as limited:
        await world.login(who, world.notifier.code(who.phone), address)
    assert limited.value.reason == "CLIENT_ADDRESS_LIMIT"
    assert 3500 < int(limited.value.metadata["retry_after_seconds"]) <= 3600
    assert await world.events("AttemptRefused", kind="login", reason="CLIENT_ADDRESS_LIMIT")
    await world.login(who, world.notifier.code(who.phone))


async def test_limits_of_a_phone(world: World) -> None:
    who, _ = await known(world)
    await world.request_code(who)
    with pytest.raises(Limited) as soon:
        await world.request_code(who)
    assert soon.value.reason == "CODE_TOO_SOON"
    assert 55 <= int(soon.value.metadata["retry_after_seconds"]) <= 60
    for _ in range(9):
        world.clock.advance(seconds=61)
        await world.request_code(who)
    world.clock.advance(seconds=61)
    assert await reason_of(world.request_code(who)) == "CODE_DAILY_LIMIT"
    assert len(world.notifier.sent[who.phone]) == 10
    world.clock.advance(hours=24)
    await world.request_code(who)


async def test_many_requests_at_once_send_one_code(world: World) -> None:
    who, _ = await known(world)
    outcomes = await asyncio.gather(*(world.request_code(who) for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1
    assert len(world.notifier.sent[who.phone]) == 1


async def test_limit_of_a_client_address(world: World) -> None:
    address = "192.0.2.99"
    for _ in range(30):
        await world.request_code(replace(invent(), address=address))
    request = identity_pb2.RequestLoginCodeRequest(phone="13900009999", client_address=address)
    assert await reason_of(world.portal.RequestLoginCode(request)) == "CLIENT_ADDRESS_LIMIT"
    request.client_address = "192.0.2.100"
    await world.portal.RequestLoginCode(request)
    request.client_address = "somewhere"
    with pytest.raises(InvalidInput, match="CLIENT_ADDRESS_INVALID"):
        await world.portal.RequestLoginCode(request)


async def test_a_stranger_learns_nothing(world: World) -> None:
    """An unknown phone gets the same answers, limits and refusals, at the same speed, and no SMS."""
    (who, _), stranger = await known(world), invent()
    world.notifier.delay = 0.1
    await asyncio.gather(*[world.request_code((await known(world))[0]) for _ in range(8)])
    times: dict[str, list[float]] = {who.phone: [], stranger.phone: []}
    answers: dict[str, list[object]] = {who.phone: [], stranger.phone: []}
    for _ in range(5):
        world.clock.advance(seconds=61)
        for asking in (who, stranger):
            began = time.perf_counter()
            answer = await world.request_code(asking)
            times[asking.phone].append(time.perf_counter() - began)
            answers[asking.phone].append(answer.retry_after_seconds)
            answers[asking.phone].append(await reason_of(world.request_code(asking)))
            typed = wrong(world.notifier.code(who.phone))
            for _ in range(6):
                answers[asking.phone].append(await reason_of(world.login(asking, typed)))
    assert answers[who.phone] == answers[stranger.phone]
    assert stranger.phone not in world.notifier.sent
    assert 1 / 3 < median(times[who.phone]) / median(times[stranger.phone]) < 3
    assert {event.person_id for event in await world.events("LoginRefused", reason="LOGIN_CODE_EXHAUSTED")} >= {""}


@pytest.mark.parametrize("is_known", [True, False])
async def test_notifier_refuses_everyone_alike(world: World, is_known: bool) -> None:
    who = invent()
    other, _ = await known(world)
    if is_known:
        await world.register(who)
    world.notifier.failure = Unavailable("SMS_UNAVAILABLE", zh="短信服务暂不可用", en="SMS cannot be sent now")
    assert await reason_of(world.request_code(other)) == "SMS_UNAVAILABLE"
    assert await reason_of(world.request_code(who)) == "SMS_UNAVAILABLE"
    world.notifier.failure = None
    await world.request_code(other)
    await world.request_code(who)


async def test_a_failed_message_costs_nothing(world: World) -> None:
    who, _ = await known(world)
    await world.request_code(who)
    good = world.notifier.code(who.phone)
    world.clock.advance(seconds=61)
    world.notifier.failure = Unavailable("SMS_UNAVAILABLE", zh="短信服务暂不可用", en="SMS cannot be sent now")
    for _ in range(12):
        assert await reason_of(world.request_code(who)) == "SMS_UNAVAILABLE"
    world.notifier.failure = None
    await world.login(who, good)
    await world.request_code(who)


@pytest.mark.parametrize(
    "failure",
    [
        TimedOut("DEADLINE_EXCEEDED", zh="处理超时", en="It took too long"),
        Unavailable("SMS_UNCERTAIN", zh="短信可能已发出", en="The SMS may have been sent"),
    ],
)
async def test_a_message_that_may_be_late_counts_and_its_code_works(world: World, failure: EsignError) -> None:
    """The notifier was slow, or was killed while it sent."""
    who, _ = await known(world)
    world.notifier.failure = failure
    with pytest.raises(Unavailable, match="SMS_UNCERTAIN"):
        await world.request_code(who)
    world.notifier.failure = None
    assert await reason_of(world.request_code(who)) == "CODE_TOO_SOON"
    await world.login(who, world.notifier.code(who.phone))


async def test_caller_gone_while_sending(world: World) -> None:
    """The gateway gave up while the message was on its way: the code that arrives works, the phone is not locked."""
    who, _ = await known(world)
    world.notifier.delay = 0.4
    with pytest.raises(TimedOut):
        await world.portal.RequestLoginCode(
            identity_pb2.RequestLoginCodeRequest(phone=who.phone, client_address=who.address), timeout=0.2
        )
    world.notifier.delay = 0.0
    assert await reason_of(world.request_code(who)) == "CODE_TOO_SOON"
    await world.login(who, world.notifier.code(who.phone))
    world.clock.advance(seconds=61)
    await world.request_code(who)


async def test_dead_notifier_then_restart(platform: Platform, settings: IdentitySettings, world: World) -> None:
    """Identity runs on while the notifier is not there at all; a code sent before the crash works after it."""
    who, _ = await known(world)
    await world.request_code(who)
    world.clock.advance(seconds=61)
    code = world.notifier.code(who.phone)
    nobody = settings.model_copy(update={"peers": {"notifier": "127.0.0.1:1"}})
    async with platform.service(nobody, build, migrations=MIGRATIONS, clock=world.clock) as lonely:
        alone = World(lonely, world.notifier, world.tencent, world.clock, platform, world.captchas)
        assert await reason_of(alone.request_code(who)) == "SMS_UNAVAILABLE"
        session = await alone.login(who, code)
    assert (await authenticate(world, session.session_token)).person.name == who.name


async def test_codes_are_in_no_event_and_no_log(
    world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    capfd.readouterr()
    who, person_id = await known(world)
    await world.request_code(who)
    code = world.notifier.code(who.phone)
    await reason_of(world.login(who, wrong(code)))
    session = await world.login(who, code)
    said = caplog.text + "".join(capfd.readouterr())
    assert "LOGIN_CODE_WRONG" in said
    for name in ("PersonRegistered", "LoginRefused", "LoginSucceeded"):
        found = await world.events(name, person_id=person_id)
        assert len(found) == 1
        said += str(found)
    for secret in (who.phone, who.id_number, who.name, who.address, session.session_token):
        assert secret not in said
    assert not re.search(rf"(?<![0-9a-f]){code}(?![0-9a-f])", said)
