"""Following a verification while a phone does the check, and the check on two replicas."""

import asyncio
from typing import Any

from esign.identity.v1 import identity_pb2 as pb
from esign_identity.main import MIGRATIONS, build
from esign_identity.settings import IdentitySettings
from esign_kit.errors import Conflict
from esign_kit.testing import Platform, eventually
from identity_bjca import Bjca
from identity_world import Scanned, World, known

BJCA = pb.FACE_CHANNEL_BJCA


async def pending(world: World, contract: str) -> tuple[str, str]:
    """Somebody whose SMS step has passed: their id and their verification's."""
    who, person = await known(world)
    return person, await world.face_pending(who, person, contract)


async def follow(world: World, person: str, verification: str, seen: list[pb.Verification], **options: Any) -> None:
    request = pb.WatchVerificationRequest(verification_id=verification)
    async for item in world.portal.WatchVerification(request, metadata=world.acting(person), **options):
        seen.append(item)  # noqa: PERF401 - the test looks while it grows


async def test_a_watched_verification_goes_on_by_itself(world: World) -> None:
    """The phone never comes back: the vendor is asked all the same, and the stream ends when all is decided."""
    person, verification = await pending(world, "watch")
    seen: list[pb.Verification] = []
    watching = asyncio.create_task(follow(world, person, verification, seen, timeout=30))
    second = asyncio.create_task(follow(world, person, verification, [], timeout=30))

    async def shows(state: int) -> bool:
        return bool(seen) and seen[-1].face.state == state

    check = await world.open_face(person, verification)
    await eventually(lambda: shows(pb.FACE_CHECK_STATE_OPEN), seconds=5)
    relay = await world.scan(check.url)
    await eventually(lambda: shows(pb.FACE_CHECK_STATE_SCANNED), seconds=5)
    asked = len(world.tencent.requests)
    await asyncio.sleep(0.5)
    assert len(world.tencent.requests) <= asked + 1
    world.tencent.pass_check(relay.vendor_url)
    world.clock.advance(seconds=3)
    await asyncio.wait_for(asyncio.gather(watching, second), 6)
    assert [item.state for item in seen][-1] == pb.VERIFICATION_STATE_PASSED
    states = [item.face.state for item in seen]
    assert states == [0, pb.FACE_CHECK_STATE_OPEN, pb.FACE_CHECK_STATE_SCANNED, pb.FACE_CHECK_STATE_PASSED]
    last: list[pb.Verification] = []
    await asyncio.wait_for(follow(world, person, verification, last), 2)
    assert [item.state for item in last] == [pb.VERIFICATION_STATE_PASSED]


async def test_a_watch_ends_before_its_deadline_and_outlives_a_dead_vendor(world: World) -> None:
    person, verification = await pending(world, "dead")
    check = await world.start_face(person, verification)
    world.tencent.error = "InternalError"
    seen: list[pb.Verification] = []
    await follow(world, person, verification, seen, timeout=1.5)
    assert [item.face.state for item in seen] == [pb.FACE_CHECK_STATE_SCANNED]
    world.tencent.mend()
    world.tencent.pass_check(check.url)
    world.clock.advance(seconds=3)
    await follow(world, person, verification, seen, timeout=8)
    assert seen[-1].state == pb.VERIFICATION_STATE_PASSED


async def test_two_replicas_are_one(platform: Platform, settings: IdentitySettings, world: World, bjca: Bjca) -> None:
    """The computer is served by one process, the phone by another; both devices open the address at once."""
    person, verification = await pending(world, "replicas")
    async with platform.service(settings, build, migrations=MIGRATIONS, clock=world.clock) as running:
        other = World(running, world.notifier, world.tencent, world.clock, platform, world.captchas)
        check = await world.open_face(person, verification, channel=BJCA)
        answers = await asyncio.gather(*(w.scan(check.url) for w in (world, other)), return_exceptions=True)
        [relay] = [answer for answer in answers if isinstance(answer, pb.FaceRelay)]
        assert [a.reason for a in answers if isinstance(a, Conflict)] == ["RELAY_CLAIMED"]
        seen: list[pb.Verification] = []
        watching = asyncio.create_task(follow(world, person, verification, seen, timeout=20))
        token = check.url.rpartition("/")[2]
        phone = Scanned(check.face_check_id, relay.vendor_url, token, relay.claim, relay.challenge)
        bjca.act(relay.vendor_url)
        results = await asyncio.gather(*(w.finish_relay(phone) for w in (world, other) * 3))
        assert {result.state for result in results} == {pb.FACE_CHECK_STATE_PASSED}
        await asyncio.wait_for(watching, 5)
        assert seen[-1].state == pb.VERIFICATION_STATE_PASSED
    assert len(await world.events("VerificationFacePassed", verification_id=verification)) == 1
