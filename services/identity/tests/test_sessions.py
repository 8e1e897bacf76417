"""Sessions: their end by time and by people, changing tokens, races, reuse."""

import asyncio
from datetime import UTC, timedelta
from typing import Any

from esign.identity.v1 import identity_pb2
from esign_identity.main import MIGRATIONS, build
from esign_identity.settings import IdentitySettings
from esign_kit.errors import EsignError
from esign_kit.testing import Platform
from identity_login import acting, authenticate, company_session, invent_company, signer_of
from identity_world import Someone, World, known, moment, reason_of


async def sign_in(world: World, who: Someone, user_agent: str = "Chrome") -> str:
    await world.request_code(who)
    request = identity_pb2.LoginRequest(
        phone=who.phone, code=world.notifier.code(who.phone), client_address=who.address, user_agent=user_agent
    )
    return str((await world.portal.Login(request)).session_token)


async def signed_in(world: World) -> str:
    return await sign_in(world, (await known(world))[0])


async def listed(world: World, answer: identity_pb2.AuthenticateResponse) -> list[identity_pb2.SessionSummary]:
    found = await world.portal.ListSessions(identity_pb2.ListSessionsRequest(), metadata=acting(world, answer))
    return list(found.sessions)


async def revoke(world: World, answer: identity_pb2.AuthenticateResponse, session_id: str = "") -> int:
    request = identity_pb2.RevokeSessionsRequest(session_id=session_id)
    return int((await world.portal.RevokeSessions(request, metadata=acting(world, answer))).ended)


async def ended(world: World, session_id: str) -> list[str]:
    return [event.cause for event in await world.events("SessionEnded", session_id=session_id)]


async def rotated(world: World) -> tuple[str, str, str]:
    """A token, its successor, and their session."""
    token = await signed_in(world)
    world.clock.advance(minutes=15)
    answer = await authenticate(world, token)
    assert answer.renewed_session_token
    return token, answer.renewed_session_token, answer.session_id


async def test_session_ends_by_logout(world: World) -> None:
    token = await signed_in(world)
    session_id = (await authenticate(world, token)).session_id
    for _ in range(2):
        await world.portal.Logout(identity_pb2.LogoutRequest(session_token=token))
    assert await reason_of(authenticate(world, token)) == "SESSION_EXPIRED"
    assert await ended(world, session_id) == ["logout"]
    await world.portal.Logout(identity_pb2.LogoutRequest(session_token="never was"))
    for nonsense in ("", "x", token + "x", token[:-1]):
        assert await reason_of(authenticate(world, nonsense)) == "SESSION_EXPIRED"


async def test_logout_with_the_former_token_ends_the_session(world: World) -> None:
    token, renewed, session_id = await rotated(world)
    await world.portal.Logout(identity_pb2.LogoutRequest(session_token=token))
    assert await reason_of(authenticate(world, renewed)) == "SESSION_EXPIRED"
    assert await ended(world, session_id) == ["logout"]


async def test_session_ends_by_idling(world: World) -> None:
    token = await signed_in(world)
    for _ in range(3):
        world.clock.advance(minutes=29)
        token = (await authenticate(world, token)).renewed_session_token
    session_id = (await authenticate(world, token)).session_id
    world.clock.advance(minutes=30)
    assert await reason_of(authenticate(world, token)) == "SESSION_EXPIRED"
    assert await ended(world, session_id) == []


async def test_session_ends_after_twelve_hours(world: World) -> None:
    token = await signed_in(world)
    for _ in range(28):
        world.clock.advance(minutes=25)
        token = (await authenticate(world, token)).renewed_session_token
    world.clock.advance(minutes=20)
    assert await reason_of(authenticate(world, token)) == "SESSION_EXPIRED"


async def test_idle_time_is_written_at_most_once_a_minute(world: World) -> None:
    token = await signed_in(world)
    query = "SELECT seen_at, xmin::text AS version FROM session ORDER BY started_at DESC LIMIT 1"
    before = (await world.rows(query))[0]
    for _ in range(3):
        await authenticate(world, token)
    assert (await world.rows(query))[0] == before
    world.clock.advance(seconds=60)
    for _ in range(3):
        await authenticate(world, token)
    after = (await world.rows(query))[0]
    assert after.version != before.version
    assert after.seen_at.astimezone(UTC) - before.seen_at.astimezone(UTC) < timedelta(seconds=75)


async def test_the_token_changes_every_fifteen_minutes(world: World) -> None:
    token = await signed_in(world)
    world.clock.advance(minutes=14, seconds=50)
    assert (await authenticate(world, token)).renewed_session_token == ""
    world.clock.advance(seconds=15)
    first = await authenticate(world, token)
    renewed = first.renewed_session_token
    assert len(renewed) == len(token) == 43
    assert renewed != token
    second = await authenticate(world, renewed)
    assert (second.renewed_session_token, second.session_id) == ("", first.session_id)
    assert second.expires_at == first.expires_at
    world.clock.advance(minutes=15)
    third = (await authenticate(world, renewed)).renewed_session_token
    assert third not in ("", token, renewed)
    stored = b"".join(
        value
        for row in await world.rows("SELECT token_digest FROM session UNION SELECT nonce FROM former_token")
        for value in row
    )
    assert token.encode() not in stored
    assert renewed.encode() not in stored


async def test_the_former_token_serves_requests_under_way(world: World) -> None:
    token, renewed, session_id = await rotated(world)
    await authenticate(world, renewed)
    world.clock.advance(seconds=55)
    late = await authenticate(world, token)
    assert (late.session_id, late.renewed_session_token) == (session_id, "")


async def test_a_client_that_missed_the_new_token_gets_it_again(world: World) -> None:
    """An aborted request loses its answer; until the new token was seen, the next request with the old one gets it."""
    token, renewed, _ = await rotated(world)
    world.clock.advance(seconds=30)
    assert (await authenticate(world, token)).renewed_session_token == renewed
    world.clock.advance(minutes=5)
    assert (await authenticate(world, token)).renewed_session_token == renewed
    await authenticate(world, renewed)
    world.clock.advance(seconds=55)
    assert (await authenticate(world, token)).renewed_session_token == ""
    world.clock.advance(seconds=6)
    assert await reason_of(authenticate(world, token)) == "SESSION_EXPIRED"


async def test_requests_at_once_get_one_successor(world: World) -> None:
    token = await signed_in(world)
    world.clock.advance(minutes=15)
    answers = await asyncio.gather(*(authenticate(world, token) for _ in range(10)))
    assert len({answer.renewed_session_token for answer in answers}) == 1
    renewed = answers[0].renewed_session_token
    assert (await authenticate(world, renewed)).session_id == answers[0].session_id
    query = "SELECT count(*) AS n FROM former_token WHERE session_id = :session_id"
    assert (await world.rows(query, session_id=answers[0].session_id))[0].n == 1


async def test_replicas_change_a_token_once(platform: Platform, settings: IdentitySettings, world: World) -> None:
    token = await signed_in(world)
    world.clock.advance(minutes=15)
    async with platform.service(settings, build, migrations=MIGRATIONS, clock=world.clock) as second:
        other = World(second, world.notifier, world.tencent, world.clock, platform, world.captchas)
        answers = await asyncio.gather(*(authenticate(w, token) for w in (world, other) for _ in range(4)))
        (renewed,) = {answer.renewed_session_token for answer in answers}
        assert (await authenticate(other, renewed)).session_id == answers[0].session_id
        await world.portal.Logout(identity_pb2.LogoutRequest(session_token=renewed))
        assert await reason_of(authenticate(other, renewed)) == "SESSION_EXPIRED"


async def test_a_replayed_token_ends_the_session(world: World) -> None:
    """Somebody kept a copy of the token: whichever of the two comes late, nobody goes on."""
    token, renewed, session_id = await rotated(world)
    await authenticate(world, renewed)
    world.clock.advance(seconds=61)
    outcomes = await asyncio.gather(*(authenticate(world, token) for _ in range(5)), return_exceptions=True)
    assert {o.reason for o in outcomes if isinstance(o, EsignError)} == {"SESSION_EXPIRED"}
    assert await reason_of(authenticate(world, renewed)) == "SESSION_EXPIRED"
    assert await ended(world, session_id) == ["token-reused"]
    told = await world.events("AttemptRefused", kind="session", reference=session_id)
    assert [event.reason for event in told] == ["SESSION_TOKEN_REUSED"] * 5
    assert await reason_of(authenticate(world, token)) == "SESSION_EXPIRED"
    assert len(await world.events("AttemptRefused", kind="session", reference=session_id)) == 6


async def test_an_old_token_ends_the_session_after_many_changes(world: World) -> None:
    first, token, session_id = await rotated(world)
    for _ in range(4):
        world.clock.advance(minutes=20)
        token = (await authenticate(world, token)).renewed_session_token
    assert await reason_of(authenticate(world, first)) == "SESSION_EXPIRED"
    assert await reason_of(authenticate(world, token)) == "SESSION_EXPIRED"
    assert await ended(world, session_id) == ["token-reused"]


async def test_a_person_sees_their_sessions(world: World) -> None:
    company = invent_company()
    who, signer = await signer_of(world, company)
    phone = await sign_in(world, who, "Mozilla/5.0 (Android)\x00\n")
    world.clock.advance(seconds=61)
    desk = await company_session(world, who, signer.organisation_id)
    other = await authenticate(world, await signed_in(world))
    present = await authenticate(world, desk.session_token)
    found = await listed(world, present)
    assert [s.organisation.name for s in found] == [company.name, ""]
    assert [s.current for s in found] == [True, False]
    assert [s.user_agent for s in found] == ["Chrome", "Mozilla/5.0 (Android)"]
    assert [s.masked_address for s in found] == ["198.51.100.*", f"{who.address.rpartition('.')[0]}.*"]
    assert found[0].session_id == present.session_id
    assert found[0].expires_at == desk.expires_at
    assert moment(found[0].started_at) > moment(found[1].started_at)
    assert other.session_id not in {s.session_id for s in found}
    await world.portal.Logout(identity_pb2.LogoutRequest(session_token=phone))
    assert [s.session_id for s in await listed(world, present)] == [present.session_id]
    world.clock.advance(minutes=31)
    assert await listed(world, present) == []


async def test_a_person_ends_their_sessions(world: World) -> None:
    who, _ = await known(world)
    tokens: list[str] = []
    for _ in range(3):
        world.clock.advance(seconds=61)
        tokens.append(await sign_in(world, who))
    answers: list[Any] = [await authenticate(world, token) for token in tokens]
    stranger = await authenticate(world, await signed_in(world))
    assert await revoke(world, stranger, answers[0].session_id) == 0
    assert await revoke(world, answers[2], answers[0].session_id) == 1
    assert await revoke(world, answers[2], answers[0].session_id) == 0
    assert await reason_of(authenticate(world, tokens[0])) == "SESSION_EXPIRED"
    assert await revoke(world, answers[2]) == 1
    assert await reason_of(authenticate(world, tokens[1])) == "SESSION_EXPIRED"
    await authenticate(world, tokens[2])
    assert await revoke(world, answers[2], answers[2].session_id) == 1
    assert await reason_of(authenticate(world, tokens[2])) == "SESSION_EXPIRED"
    for answer in answers:
        assert await ended(world, answer.session_id) == ["revoked"]
    assert await revoke(world, answers[2], "never was") == 0


async def test_old_sessions_are_forgotten_with_their_tokens(
    platform: Platform, settings: IdentitySettings, world: World
) -> None:
    _, renewed, session_id = await rotated(world)
    await world.portal.Logout(identity_pb2.LogoutRequest(session_token=renewed))
    world.clock.advance(days=31)
    async with platform.service(settings, build, migrations=MIGRATIONS, clock=world.clock):
        query = (
            "SELECT 1 FROM session WHERE session_id = :id UNION ALL SELECT 1 FROM former_token WHERE session_id = :id"
        )
        for _ in range(100):
            if not await world.rows(query, id=session_id):
                break
            await asyncio.sleep(0.1)
    assert await world.rows(query, id=session_id) == []
