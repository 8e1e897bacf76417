"""Following a verification by server-sent events: from the first message to the end of either side."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from esign.identity.v1 import identity_pb2
from esign_gateway import streams
from esign_gateway.streams import PER_SESSION
from esign_kit.errors import TimedOut, Unavailable
from esign_kit.testing import Pki

from .doubles import PERSON_ID, Site, running, verification

EVENTS = "/v1/verifications/v-1/events"


class Reader:
    """Reads a stream, block by block, as EventSource does."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def block(self) -> dict[str, str]:
        """The fields of the next block; a comment's field has no name. Empty at the end."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(10):
            async for line in self._lines:
                if not line:
                    return fields
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        return fields

    async def state(self) -> str:
        """The state in the next event."""
        while "event" not in (block := await self.block()):
            assert block, "the stream has ended"
        assert block["event"] == "verification"
        return str(json.loads(block["data"])["state"])


@asynccontextmanager
async def watching(client: httpx.AsyncClient, path: str = EVENTS) -> AsyncIterator[Reader]:
    async with client.stream("GET", path) as answer:
        yield Reader(answer)


async def until_unwatched(site: Site) -> None:
    async with asyncio.timeout(5):
        while site.doubles.watchers or site.gateway.streams.count():  # noqa: ASYNC110 - a poll is plain
            await asyncio.sleep(0.02)


async def test_each_change_is_told_until_it_is_decided(site: Site) -> None:
    async with site.client(headers={"accept-encoding": "gzip, br"}) as client, watching(client) as reader:
        headers = reader.answer.headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["x-accel-buffering"] == "no"
        assert headers["cache-control"] == "no-store"
        assert "content-encoding" not in headers
        assert "content-length" not in headers
        assert await reader.block() == {"retry": "1000"}
        assert await reader.state() == "sms_pending"
        site.doubles.updates.put_nowait(verification(identity_pb2.VERIFICATION_STATE_FACE_PENDING))
        assert await reader.state() == "face_pending"
        site.doubles.updates.put_nowait(verification(identity_pb2.VERIFICATION_STATE_PASSED))
        site.doubles.updates.put_nowait(None)
        assert await reader.state() == "passed"
        assert await reader.block() == {}
    assert site.doubles.acting == [PERSON_ID]
    await until_unwatched(site)


async def test_a_heartbeat_while_nothing_happens(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.1)
    async with site.client() as client, watching(client) as reader:
        await reader.state()
        assert await reader.block() == {"": "still here"}
        site.doubles.updates.put_nowait(verification(identity_pb2.VERIFICATION_STATE_FACE_PENDING))
        assert await reader.state() == "face_pending"
    await until_unwatched(site)


async def test_a_client_that_goes_ends_the_call(site: Site) -> None:
    async with site.client() as client, watching(client) as reader:
        await reader.state()
        assert len(site.doubles.watchers) == 1
    await until_unwatched(site)


async def test_a_stream_ends_after_a_while_and_another_begins_with_the_present_state(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "STREAM_SECONDS", 0.4)
    async with site.client() as client:
        for _ in range(2):
            async with watching(client) as reader:
                assert await reader.state() == "sms_pending"
                assert await reader.block() == {}
    await until_unwatched(site)
    # Each looked at the session anew.
    assert len(site.doubles.asked("Authenticate")) == 2


@pytest.mark.parametrize(
    "error",
    [
        TimedOut("DEADLINE_EXCEEDED", zh="超时", en="Late"),
        Unavailable("SERVICE_UNAVAILABLE", zh="不可用", en="Away"),
        ZeroDivisionError(),
    ],
)
async def test_an_error_midway_ends_the_stream_in_order(site: Site, error: Exception) -> None:
    async with site.client() as client, watching(client) as reader:
        await reader.state()
        site.doubles.updates.put_nowait(error)
        assert await reader.block() == {}
    await until_unwatched(site)


async def test_an_error_at_the_beginning_is_a_problem(site: Site) -> None:
    site.doubles.failures["WatchVerification"] = [Unavailable("SERVICE_UNAVAILABLE", zh="不可用", en="Away")]
    async with site.client() as client:
        away = await client.get(EVENTS)
        unknown = await client.get("/v1/verifications/unknown/events")
    async with site.client(session="forged") as stranger:
        forged = await stranger.get(EVENTS)
    assert (away.status_code, away.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "VERIFICATION_NOT_FOUND")
    assert (forged.status_code, forged.json()["code"]) == (401, "SESSION_INVALID")
    await until_unwatched(site)


async def test_at_most_three_streams_of_one_session(site: Site) -> None:
    async with site.client() as client:
        async with watching(client) as one, watching(client) as two, watching(client) as three:
            for reader in (one, two, three):
                await reader.state()
            refused = await client.get(EVENTS)
            assert PER_SESSION == 3
            assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_STREAMS")
            assert refused.headers["retry-after"] == "10"
        await until_unwatched(site)
        async with watching(client) as again:
            assert await again.state() == "sms_pending"
    await until_unwatched(site)


async def test_streams_that_never_began_are_not_counted(site: Site) -> None:
    async with site.client() as client:
        for _ in range(PER_SESSION + 1):
            assert (await client.get("/v1/verifications/unknown/events")).status_code == 404
    assert site.gateway.streams.count() == 0


async def test_a_gateway_that_stops_lets_go_of_its_streams(pki: Pki) -> None:
    async with running(pki) as site, site.client() as client, watching(client) as reader:
        await reader.state()
        site.gateway.streams.close()
        assert await reader.block() == {}
