"""Captchas: when they are demanded, what they are good for, and that they tell nothing about phones."""

import asyncio
from dataclasses import replace

import pytest
from esign.identity.v1 import identity_pb2
from esign_kit.errors import InvalidInput, Limited
from identity_login import PAINTER
from identity_world import Someone, World, invent, known, moment, reason_of


async def picture(world: World, address: str) -> identity_pb2.CreateCaptchaResponse:
    return await world.portal.CreateCaptcha(identity_pb2.CreateCaptchaRequest(client_address=address))


async def ask(
    world: World, who: Someone, captcha_id: str = "", answer: str = ""
) -> identity_pb2.RequestLoginCodeResponse:
    """Ask for a code with exactly this captcha."""
    return await world.portal.RequestLoginCode(
        identity_pb2.RequestLoginCodeRequest(
            phone=who.phone, client_address=who.address, captcha_id=captcha_id, captcha_answer=answer
        )
    )


async def demanded(world: World) -> Someone:
    """Someone of whom a captcha is demanded."""
    who, _ = await known(world)
    for _ in range(2):
        await ask(world, who)
        world.clock.advance(seconds=61)
    return who


async def test_a_picture(world: World) -> None:
    made = await picture(world, "192.0.2.1")
    assert made.png.startswith(b"\x89PNG")
    assert len(PAINTER.answers[made.png]) == 5
    assert 115 < (moment(made.expires_at) - world.clock()).total_seconds() <= 120
    assert (await picture(world, "192.0.2.1")).captcha_id != made.captcha_id
    answer = PAINTER.answers[made.png]
    for row in await world.rows("SELECT * FROM captcha"):
        assert answer not in str(row)
        assert answer.encode() not in bytes(row.digest)


async def test_a_phone_with_two_unused_codes(world: World) -> None:
    who = await demanded(world)
    elsewhere = replace(who, address="192.0.2.2")
    with pytest.raises(InvalidInput, match="CAPTCHA_REQUIRED") as refused:
        await ask(world, elsewhere)
    assert refused.value.zh
    made = await picture(world, elsewhere.address)
    await ask(world, elsewhere, made.captcha_id, f" {PAINTER.answers[made.png].lower()} ")
    assert len(world.notifier.sent[who.phone]) == 3
    # A login uses the last code; the two before it stay unused.
    await world.login(who, world.notifier.code(who.phone))
    world.clock.advance(seconds=61)
    assert await reason_of(ask(world, elsewhere)) == "CAPTCHA_REQUIRED"
    world.clock.advance(hours=1)
    await ask(world, elsewhere)


async def test_used_codes_demand_nothing(world: World) -> None:
    who, _ = await known(world)
    for n in range(4):
        asking = replace(who, address=f"192.0.2.{20 + n}")
        await ask(world, asking)
        await world.login(asking, world.notifier.code(who.phone))
        world.clock.advance(seconds=61)


async def test_an_address_with_three_codes(world: World) -> None:
    address = "192.0.2.3"
    for _ in range(3):
        await ask(world, replace(invent(), address=address))
    asking = replace((await known(world))[0], address=address)
    assert await reason_of(ask(world, asking)) == "CAPTCHA_REQUIRED"
    assert asking.phone not in world.notifier.sent
    made = await picture(world, address)
    await ask(world, asking, made.captcha_id, PAINTER.answers[made.png])
    world.clock.advance(hours=1)
    await ask(world, replace(invent(), address=address))


async def test_requests_at_once_do_not_get_round_it(world: World) -> None:
    address = "192.0.2.4"
    people = [replace(invent(), address=address) for _ in range(12)]
    outcomes = await asyncio.gather(*(ask(world, who) for who in people), return_exceptions=True)
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 3
    assert {str(o).split(":")[0] for o in outcomes if isinstance(o, Exception)} == {"CAPTCHA_REQUIRED"}


async def test_a_captcha_is_good_once(world: World) -> None:
    who, other = await demanded(world), await demanded(world)
    made = await picture(world, who.address)
    answer = PAINTER.answers[made.png]
    outcomes = await asyncio.gather(
        *(ask(world, asking, made.captcha_id, answer) for asking in (who, other) for _ in range(3)),
        return_exceptions=True,
    )
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1
    assert {o.reason for o in outcomes if isinstance(o, InvalidInput)} == {"CAPTCHA_EXPIRED"}
    told = await world.events("AttemptRefused", kind="captcha", reference=made.captcha_id)
    assert [event.reason for event in told] == ["CAPTCHA_REUSED"] * 5


async def test_a_wrong_answer_uses_it_up(world: World) -> None:
    who = await demanded(world)
    for wrong in ("", "AAAAA", "0" * 2000):
        made = await picture(world, who.address)
        assert await reason_of(ask(world, who, made.captcha_id, wrong)) == "CAPTCHA_WRONG"
        right = PAINTER.answers[made.png]
        assert await reason_of(ask(world, who, made.captcha_id, right)) == "CAPTCHA_EXPIRED"
        told = await world.events("AttemptRefused", kind="captcha", reference=made.captcha_id)
        assert [event.reason for event in told] == ["CAPTCHA_WRONG", "CAPTCHA_REUSED"]
    assert len(world.notifier.sent[who.phone]) == 2


async def test_a_captcha_expires(world: World) -> None:
    who = await demanded(world)
    made = await picture(world, who.address)
    world.clock.advance(seconds=120)
    assert await reason_of(ask(world, who, made.captcha_id, PAINTER.answers[made.png])) == "CAPTCHA_EXPIRED"
    told = await world.events("AttemptRefused", kind="captcha", reference=made.captcha_id)
    assert [event.reason for event in told] == ["CAPTCHA_EXPIRED"]


async def test_a_captcha_that_never_was(world: World) -> None:
    who = await demanded(world)
    invented = "somebody's own words"
    assert await reason_of(ask(world, who, invented, "AAAAA")) == "CAPTCHA_EXPIRED"
    told = await world.events("AttemptRefused", kind="captcha", reason="CAPTCHA_UNKNOWN")
    assert told
    assert all(event.reference == "" for event in told)


async def test_another_captchas_answer(world: World) -> None:
    who = await demanded(world)
    one, two = await picture(world, who.address), await picture(world, who.address)
    if PAINTER.answers[one.png] != PAINTER.answers[two.png]:
        assert await reason_of(ask(world, who, one.captcha_id, PAINTER.answers[two.png])) == "CAPTCHA_WRONG"


async def test_one_network_gets_so_many(world: World) -> None:
    address = "192.0.2.5"
    await asyncio.gather(*(picture(world, address) for _ in range(60)))
    with pytest.raises(Limited) as limited:
        await picture(world, address)
    assert limited.value.reason == "CLIENT_ADDRESS_LIMIT"
    assert 3500 < int(limited.value.metadata["retry_after_seconds"]) <= 3600
    await picture(world, "192.0.2.6")
    with pytest.raises(InvalidInput, match="CLIENT_ADDRESS_INVALID"):
        await picture(world, "somewhere")


async def test_strangers_get_the_same_demands(world: World) -> None:
    (who, _), stranger = await known(world), invent()
    answers: dict[str, list[str]] = {who.phone: [], stranger.phone: []}
    for asking in (who, stranger):
        for n in range(6):
            elsewhere = replace(asking, address=f"192.0.2.{50 + n}")
            made = await picture(world, elsewhere.address)
            for attempt in (("", ""), (made.captcha_id, "AAAAA"), ("", "")):
                try:
                    given = await ask(world, elsewhere, *attempt)
                    answers[asking.phone].append(f"sent, again in {given.retry_after_seconds}")
                except (InvalidInput, Limited) as error:
                    answers[asking.phone].append(error.reason)
            world.clock.advance(seconds=61)
        world.clock.advance(hours=1)
    assert answers[who.phone] == answers[stranger.phone]
    assert "CAPTCHA_REQUIRED" in answers[who.phone]
    assert stranger.phone not in world.notifier.sent
