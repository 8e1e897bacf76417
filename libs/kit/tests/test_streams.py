"""Answers that are streams: access rules, the acting person, typed errors, deadlines, and callers that leave."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from esign.identity.v1 import identity_pb2 as pb
from esign.identity.v1 import identity_pb2_grpc as rpc
from esign_kit import context
from esign_kit.errors import Conflict, Forbidden, Internal, TimedOut, Unauthenticated
from esign_kit.service import App
from esign_kit.settings import ServiceSettings
from esign_kit.testing import Platform, Running, eventually


class Portal(rpc.PortalServiceServicer):
    """Streams by what the verification id says."""

    def __init__(self) -> None:
        self.running = 0
        self.budget = 0.0

    async def WatchVerification(
        self, request: pb.WatchVerificationRequest, call: Any
    ) -> AsyncIterator[pb.Verification]:
        self.running += 1
        self.budget = context.remaining(1000)
        try:
            for count in range(3):
                who = f"{context.caller()} {context.actor().person_id}"
                yield pb.Verification(verification_id=who, attempts_left=count)
                await asyncio.sleep(0.01)
            match request.verification_id:
                case "conflict":
                    raise Conflict("VERIFICATION_BUSY", zh="正忙", en="Busy", step="2")
                case "crash":
                    raise RuntimeError("secret detail")
                case "silent":
                    await asyncio.sleep(60)
                case "busy":
                    while True:
                        yield pb.Verification(verification_id="x" * 100_000)
        finally:
            self.running -= 1


@pytest.fixture(scope="module")
def portal() -> Portal:
    return Portal()  # type: ignore[abstract]


@pytest.fixture(scope="module")
async def running(platform: Platform, portal: Portal) -> AsyncIterator[Running]:
    await platform.reset_events()

    async def build(app: App[ServiceSettings]) -> None:
        app.serve(rpc.add_PortalServiceServicer_to_server, portal)

    settings = ServiceSettings(**platform.settings("ca-broker"))
    async with platform.service(settings, build, migrations="kit_test_migrations") as service:
        yield service


def _watch(running: Running, what: str, caller: str = "gateway", **options: Any) -> Any:
    stub = rpc.PortalServiceStub(running.channel(caller))
    return stub.WatchVerification(pb.WatchVerificationRequest(verification_id=what), **options)


async def test_person_and_caller_reach_a_stream(running: Running, portal: Portal) -> None:
    found = [item async for item in _watch(running, "x", metadata=running.as_person("p1"), timeout=7)]
    assert [(item.verification_id, item.attempts_left) for item in found] == [("gateway p1", n) for n in range(3)]
    assert 5 < portal.budget <= 7


async def test_a_stream_is_refused_as_any_call_is(running: Running, portal: Portal) -> None:
    with pytest.raises(Forbidden, match="CALLER_NOT_ALLOWED"):
        [item async for item in _watch(running, "x", "signer", metadata=running.as_person("p1"))]
    with pytest.raises(Unauthenticated, match="ACTOR_MISSING"):
        [item async for item in _watch(running, "x")]
    assert portal.running == 0


async def test_errors_in_the_middle_keep_their_type_and_say_nothing_more(running: Running, portal: Portal) -> None:
    person = running.as_person("p1")
    seen = 0
    with pytest.raises(Conflict) as conflict:
        async for _ in _watch(running, "conflict", metadata=person):
            seen += 1
    assert (seen, conflict.value.reason, conflict.value.zh) == (3, "VERIFICATION_BUSY", "正忙")
    assert conflict.value.metadata == {"step": "2"}
    with pytest.raises(Internal) as crash:
        [item async for item in _watch(running, "crash", metadata=person)]
    assert "secret" not in repr(crash.value) + crash.value.zh
    with pytest.raises(TimedOut):
        [item async for item in _watch(running, "silent", metadata=person, timeout=0.5)]
    await eventually(lambda: _idle(portal))


@pytest.mark.parametrize("what", ["silent", "busy"])
async def test_a_caller_that_leaves_ends_the_stream(running: Running, portal: Portal, what: str) -> None:
    call = _watch(running, what, metadata=running.as_person("p1"))
    async for _ in call:
        break
    call.cancel()
    await eventually(lambda: _idle(portal), seconds=3)


async def _idle(portal: Portal) -> bool:
    return portal.running == 0
