"""Our own face channel: order, nonces, time windows, one judgement per nonce, the same face all along, what is kept."""

import asyncio
import json
from collections import Counter

import pytest
from esign.identity.v1 import identity_pb2 as pb
from esign_e2e import face_clip
from esign_e2e.face_clip import Portrait
from esign_identity.domain.liveness import FrameReport, FrameVerdict, LivenessRules, distance
from esign_identity.main import MIGRATIONS, compose
from esign_identity.main import build as real_build
from esign_identity.settings import IdentitySettings
from esign_kit.crypto import FieldCipher
from esign_kit.errors import Conflict, InvalidInput, Unavailable
from esign_kit.service import App
from esign_kit.testing import Platform
from identity_bjca import Bjca
from identity_engine import SeeingEngine, embedding, frames
from identity_tencent import TencentCloud
from identity_world import Scanned, Someone, World, known, reason_of

SCANNED, PASSED, FAILED = pb.FACE_CHECK_STATE_SCANNED, pb.FACE_CHECK_STATE_PASSED, pb.FACE_CHECK_STATE_FAILED
EXPIRED = pb.FACE_CHECK_STATE_EXPIRED
RULES = LivenessRules()


def action(challenge: pb.FaceChallenge) -> str:
    return pb.FaceAction.Name(challenge.action).removeprefix("FACE_ACTION_")


async def enrolled(world: World, bjca: Bjca, face: str) -> tuple[Someone, str]:
    """Somebody whose portrait is enrolled."""
    who, person = await known(world)
    verification = await world.face_pending(who, person, "enrol")
    check = await world.start_face(person, verification, channel=pb.FACE_CHANNEL_BJCA)
    bjca.act(check.url, image=face.encode())
    assert (await world.finish_relay(check)).state == PASSED
    return who, person


async def begin(world: World, bjca: Bjca, contract: str, face: str = "zhang") -> tuple[str, str, Scanned]:
    """A check of our own, held by a phone: person, verification, check."""
    who, person = await enrolled(world, bjca, face)
    verification = await world.face_pending(who, person, contract)
    return person, verification, await world.start_face(person, verification, channel=pb.FACE_CHANNEL_OWN)


async def act(world: World, check: Scanned, challenge: pb.FaceChallenge, face: str = "zhang") -> pb.FaceRelay:
    """Does what is asked, a second later."""
    world.clock.advance(seconds=1)
    return await world.submit(check, challenge.nonce, frames(face, action(challenge)))


async def third_step(world: World, check: Scanned) -> pb.FaceChallenge:
    """The last challenge, with the first two met."""
    return (await act(world, check, (await act(world, check, check.challenge)).challenge)).challenge


async def test_the_whole_way(world: World, settings: IdentitySettings, bjca: Bjca) -> None:
    person, verification, check = await begin(world, bjca, "own")
    first = check.challenge
    assert (first.action, first.step, first.steps, first.min_frames, first.max_frames) == (
        pb.FACE_ACTION_LOOK,
        1,
        3,
        8,
        40,
    )
    assert len(first.nonce) == 43
    second = await act(world, check, first)
    assert (second.state, second.challenge.step, second.reason) == (SCANNED, 2, "")
    [kept] = await world.rows(
        "SELECT embedding_sealed FROM face_check WHERE face_check_id = :id", id=check.face_check_id
    )
    assert kept.embedding_sealed
    third = await act(world, check, second.challenge, "zhang~")
    done = await act(world, check, third.challenge)
    assert (done.state, done.reason, done.HasField("challenge")) == (PASSED, "", False)
    actions = {first.action, second.challenge.action, third.challenge.action}
    assert len(actions) == 3
    assert (await world.get(person, verification)).state == pb.VERIFICATION_STATE_PASSED
    [event] = await world.events("VerificationFacePassed", verification_id=verification)
    assert (event.channel, event.score) == ("OWN", "82.00")
    [row] = await world.rows("SELECT * FROM face_check WHERE face_check_id = :id", id=check.face_check_id)
    assert row.embedding_sealed is None
    cipher = FieldCipher.from_file(settings.field_keyring_file)
    receipt = json.loads(cipher.open(row.receipt_sealed, f"face_check {check.face_check_id} receipt"))
    assert (receipt["basis"], receipt["score"], receipt["max_distance"]) == ("与留存照一致", "82.00", 0.5)
    assert [c["distance"] for c in receipt["challenges"]] == [0.0, 0.3, 0.0]
    assert [len(c["frames"]) for c in receipt["challenges"]] == [10, 10, 10]
    assert receipt["challenges"][0]["quality"] == {"brightness": 120.0}
    assert {len(frame["sha256"]) for c in receipt["challenges"] for frame in c["frames"]} == {64}
    everything = await world.rows(
        "SELECT c::text AS face_check, array_agg(x::text) AS challenges FROM face_check c"
        " JOIN face_challenge x USING (face_check_id) WHERE face_check_id = :id GROUP BY c.*",
        id=check.face_check_id,
    )
    assert '"who"' not in str(everything)
    activation = await world.issue(person, verification, "own")
    assert activation.statement


async def test_nobody_foretells_the_order(world: World, bjca: Bjca) -> None:
    who, person = await enrolled(world, bjca, "zhang")
    orders: Counter[str] = Counter()
    for n in range(4):
        verification = await world.face_pending(who, person, f"order {n}")
        for _ in range(2):
            check = await world.start_face(person, verification, channel=pb.FACE_CHANNEL_OWN)
            last = await third_step(world, check)
            second = await world.rows(
                "SELECT action FROM face_challenge WHERE face_check_id = :id AND step = 2", id=check.face_check_id
            )
            assert second[0].action not in ("LOOK", action(last))
            assert action(last) != "LOOK"
            orders[f"{second[0].action} {action(last)}"] += 1
    assert len(orders) > 1


async def test_another_face_does_not_pass(world: World, bjca: Bjca) -> None:
    person, verification, check = await begin(world, bjca, "stranger")
    done = await act(world, check, check.challenge, "li")
    assert (done.state, done.reason, done.attempts_left) == (FAILED, "FACE_NOT_SAME_PERSON", 2)
    assert ("face", "FACE_NOT_SAME_PERSON") in await world.attempts(person_id=person)
    face = (await world.get(person, verification)).face
    assert (face.state, face.reason) == (FAILED, "FACE_NOT_SAME_PERSON")


@pytest.mark.parametrize("step", [2, 3])
async def test_a_face_that_changes_on_the_way_does_not_pass(world: World, bjca: Bjca, step: int) -> None:
    """Each is near enough to the portrait, but they are not one face."""
    person, _, check = await begin(world, bjca, f"changing {step}")
    relay = await act(world, check, check.challenge, "zhang~")
    if step == 3:
        relay = await act(world, check, relay.challenge, "zhang~")
    done = await act(world, check, relay.challenge, "zhang!")
    assert (done.state, done.reason) == (FAILED, "FACE_CHANGED")
    assert ("face", "FACE_CHANGED") in await world.attempts(person_id=person)


async def test_a_photograph_looks_and_does_nothing_else(world: World, bjca: Bjca) -> None:
    _, _, check = await begin(world, bjca, "photograph")
    relay = await act(world, check, check.challenge)
    world.clock.advance(seconds=1)
    done = await world.submit(check, relay.challenge.nonce, frames("zhang", "LOOK"))
    assert (done.state, done.reason, done.attempts_left) == (FAILED, "FACE_ACTION_NOT_SEEN", 2)


async def test_a_bad_picture_is_taken_again_at_the_first_step_only(world: World, bjca: Bjca) -> None:
    _, _, check = await begin(world, bjca, "dark")
    world.clock.advance(seconds=1)
    again = await world.submit(check, check.challenge.nonce, frames("zhang", "FACE_TOO_DARK"))
    assert (again.state, again.reason, again.challenge.step) == (SCANNED, "FACE_TOO_DARK", 1)
    assert again.challenge.nonce != check.challenge.nonce
    second = await act(world, check, again.challenge)
    assert (second.challenge.step, second.reason) == (2, "")
    world.clock.advance(seconds=1)
    done = await world.submit(check, second.challenge.nonce, frames("zhang", "FACE_TOO_DARK"))
    assert (done.state, done.reason, done.attempts_left) == (FAILED, "FACE_TOO_DARK", 2)


async def test_bad_pictures_come_to_an_end(world: World, bjca: Bjca) -> None:
    _, _, check = await begin(world, bjca, "dark for ever")
    challenge = check.challenge
    for _ in range(10):
        world.clock.advance(seconds=1)
        relay = await world.submit(check, challenge.nonce, frames("zhang", "FACE_BLURRED"))
        assert relay.state == SCANNED
        challenge = relay.challenge
    world.clock.advance(seconds=1)
    relay = await world.submit(check, challenge.nonce, frames("zhang", "FACE_BLURRED"))
    assert (relay.state, relay.reason) == (FAILED, "FACE_BLURRED")


async def test_two_faces_do_not_pass(world: World, bjca: Bjca) -> None:
    _, _, check = await begin(world, bjca, "crowd")
    done = await act(world, check, check.challenge, "zhang+li")
    assert (done.state, done.reason) == (FAILED, "FACE_SEVERAL_SEEN")


async def test_a_nonce_is_good_once_even_at_once(world: World, bjca: Bjca, engine: SeeingEngine) -> None:
    person, _, check = await begin(world, bjca, "once")
    world.clock.advance(seconds=1)
    engine.delay, judged = 0.3, len(engine.judged)
    sent = [world.submit(check, check.challenge.nonce, frames("zhang", "LOOK", 10 + n % 3)) for n in range(6)]
    answers = await asyncio.gather(*sent, return_exceptions=True)
    engine.mend()
    [relay] = [answer for answer in answers if isinstance(answer, pb.FaceRelay)]
    assert [a.reason for a in answers if isinstance(a, Conflict)] == ["FACE_NONCE_USED"] * 5
    assert (relay.challenge.step, len(engine.judged)) == (2, judged + 1)
    for nonce, reason in (
        (check.challenge.nonce, "FACE_NONCE_USED"),
        ("guess", "FACE_NONCE_WRONG"),
        ("", "FACE_NONCE_WRONG"),
    ):
        assert await reason_of(world.submit(check, nonce, frames("zhang", "BLINK"))) == reason
    seen = Counter(await world.attempts(person_id=person, reference=check.face_check_id))
    assert seen == {("face-frames", "FACE_NONCE_USED"): 6, ("face-frames", "FACE_NONCE_WRONG"): 2}
    assert len(engine.judged) == judged + 1
    assert (await act(world, check, relay.challenge)).challenge.step == 3


async def test_nonces_of_another_check_and_other_devices(world: World, bjca: Bjca) -> None:
    person, _, mine = await begin(world, bjca, "mine")
    other, _, theirs = await begin(world, bjca, "theirs", "li")
    world.clock.advance(seconds=1)
    look = frames("li", "LOOK")
    assert await reason_of(world.submit(theirs, mine.challenge.nonce, look)) == "FACE_NONCE_WRONG"
    assert await reason_of(world.submit(mine, theirs.challenge.nonce, look, claim=theirs.claim)) == "RELAY_CLAIMED"
    assert await reason_of(world.submit(mine, mine.challenge.nonce, look, claim="")) == "RELAY_CLAIMED"
    assert await world.attempts(person_id=person) == [("face-relay", "RELAY_CLAIMED")] * 2
    assert await world.attempts(person_id=other) == [("face-frames", "FACE_NONCE_WRONG")]
    assert (await act(world, theirs, theirs.challenge, "li")).challenge.step == 2


async def test_the_first_challenge_begins_anew_whenever_the_phone_is_ready(world: World, bjca: Bjca) -> None:
    _, _, check = await begin(world, bjca, "permission")
    world.clock.advance(seconds=60)
    assert await reason_of(world.submit(check, check.challenge.nonce, frames("zhang", "LOOK"))) == "FACE_FRAMES_LATE"
    ready = await world.scan("/" + check.relay_token, check.claim)
    assert ready.challenge.nonce != check.challenge.nonce
    assert await reason_of(world.submit(check, check.challenge.nonce, frames("zhang", "LOOK"))) == "FACE_NONCE_WRONG"
    second = await act(world, check, ready.challenge)
    again = await world.scan("/" + check.relay_token, check.claim)
    assert again.challenge == second.challenge


async def test_a_later_challenge_waits_ten_seconds_only(world: World, bjca: Bjca) -> None:
    _, _, check = await begin(world, bjca, "slow")
    second = await act(world, check, check.challenge)
    world.clock.advance(seconds=11)
    done = await world.submit(check, second.challenge.nonce, frames("zhang", action(second.challenge)))
    assert (done.state, done.reason, done.attempts_left) == (FAILED, "FACE_TOO_LATE", 2)


@pytest.mark.parametrize("how", ["scan", "watch", "complete", "start"])
async def test_a_phone_that_stays_away_fails_the_check(world: World, bjca: Bjca, how: str) -> None:
    person, verification, check = await begin(world, bjca, f"away {how}")
    await act(world, check, check.challenge)
    world.clock.advance(seconds=11)
    match how:
        case "scan":
            assert (await world.scan("/" + check.relay_token, check.claim)).reason == "FACE_TOO_LATE"
        case "watch":
            request = pb.WatchVerificationRequest(verification_id=verification)
            call = world.portal.WatchVerification(request, metadata=world.acting(person), timeout=10)
            async for item in call:
                if item.face.state == FAILED:
                    break
            call.cancel()
        case "complete":
            refused = world.complete_face(person, verification, check.face_check_id)
            assert await reason_of(refused) == "FACE_TOO_LATE"
        case "start":
            await world.open_face(person, verification)
    assert (await world.get(person, verification)).attempts_left == 2


async def test_leaving_after_an_order_was_seen_costs_an_attempt(world: World, bjca: Bjca) -> None:
    who, person = await enrolled(world, bjca, "zhang")
    verification = await world.face_pending(who, person, "leaving")
    own = {"channel": pb.FACE_CHANNEL_OWN}
    check = await world.start_face(person, verification, **own)
    check = await world.start_face(person, verification, **own)
    assert (await world.get(person, verification)).attempts_left == 3
    for left in (2, 1):
        await act(world, check, check.challenge)
        check = await world.start_face(person, verification, **own)
        assert (await world.get(person, verification)).attempts_left == left
    await act(world, check, check.challenge)
    assert await reason_of(world.open_face(person, verification)) == "VERIFICATION_FAILED"
    reasons = [event.reason for event in await world.events("VerificationRefused", verification_id=verification)]
    assert reasons == ["FACE_ABANDONED"] * 3
    assert await reason_of(world.start(person, "leaving")) == "FACE_PAUSED"


BAD_FRAMES = {
    "too few": frames("zhang", "LOOK", RULES.min_frames - 1),
    "too many": frames("zhang", "LOOK", RULES.max_frames + 1),
    "none": [],
    "not jpeg": [(n * 100, b"GIF89a") for n in range(10)],
    "too big": [(n * 100, b"\xff\xd8\xff" + bytes(100_000)) for n in range(10)],
    "not in order": frames("zhang", "LOOK")[::-1],
    "at one time": [(100, jpeg) for _, jpeg in frames("zhang", "LOOK")],
    "before the challenge": [(at - 500, jpeg) for at, jpeg in frames("zhang", "LOOK")],
}


@pytest.mark.parametrize("bad", BAD_FRAMES)
async def test_frames_that_no_camera_takes(world: World, bjca: Bjca, engine: SeeingEngine, bad: str) -> None:
    _, _, check = await begin(world, bjca, f"frames {bad}")
    world.clock.advance(seconds=1)
    judged = len(engine.judged)
    with pytest.raises(InvalidInput, match="FACE_FRAMES_INVALID"):
        await world.submit(check, check.challenge.nonce, BAD_FRAMES[bad])
    assert len(engine.judged) == judged
    assert (await act(world, check, check.challenge)).challenge.step == 2


@pytest.mark.parametrize(("count", "step_ms"), [(10, 10), (10, 800)], ids=["in no time", "from the future"])
async def test_times_that_cannot_be(world: World, bjca: Bjca, count: int, step_ms: int) -> None:
    person, _, check = await begin(world, bjca, "times")
    world.clock.advance(seconds=2)
    with pytest.raises(InvalidInput, match="FACE_FRAMES_INVALID"):
        await world.submit(check, check.challenge.nonce, frames("zhang", "LOOK", count, step_ms))
    assert await world.attempts(person_id=person) == [("face-frames", "FACE_FRAMES_INVALID")]


async def test_frames_for_a_vendors_check_are_not_wanted(world: World) -> None:
    who, person = await known(world)
    check = await world.start_face(person, await world.face_pending(who, person, "vendor's"))
    assert await reason_of(world.submit(check, "n", frames("zhang", "LOOK"))) == "FACE_FRAMES_NOT_WANTED"


async def test_an_engine_that_fails_costs_nothing(world: World, bjca: Bjca, engine: SeeingEngine) -> None:
    person, verification, check = await begin(world, bjca, "engine")
    world.clock.advance(seconds=1)
    engine.failure = Unavailable("FACE_UNAVAILABLE", zh="暂不可用", en="Not now")
    with pytest.raises(Unavailable, match="FACE_UNAVAILABLE"):
        await world.submit(check, check.challenge.nonce, frames("zhang", "LOOK"))
    engine.mend()
    found = await world.get(person, verification)
    assert (found.face.state, found.face.reason, found.attempts_left) == (EXPIRED, "FACE_UNAVAILABLE", 3)
    again = await world.start_face(person, verification, channel=pb.FACE_CHANNEL_OWN)
    assert again.face_check_id != check.face_check_id
    assert (await act(world, again, again.challenge)).challenge.step == 2


@pytest.mark.parametrize(
    "report",
    [
        FrameReport(FrameVerdict.OK),
        FrameReport(FrameVerdict.OK, (1,), (b"short",)),
        FrameReport(FrameVerdict.OK, (1,), (b"\xff" * 512,)),
    ],
    ids=["nothing", "short", "not numbers"],
)
async def test_a_report_without_a_face_proves_nothing(
    world: World, bjca: Bjca, engine: SeeingEngine, report: FrameReport
) -> None:
    _, _, check = await begin(world, bjca, "nonsense")
    engine.report = report
    done = await act(world, check, check.challenge)
    assert (done.state, done.reason, done.attempts_left) == (EXPIRED, "FACE_UNAVAILABLE", 3)


async def test_a_caller_that_leaves_while_frames_are_judged(world: World, bjca: Bjca, engine: SeeingEngine) -> None:
    """Whoever judged is gone: the check ends and costs nothing, and the frames cannot be handed in again."""
    person, verification, check = await begin(world, bjca, "lost")
    world.clock.advance(seconds=1)
    engine.delay = 30.0
    asking = asyncio.create_task(world.submit(check, check.challenge.nonce, frames("zhang", "LOOK")))
    await asyncio.sleep(0.3)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    engine.mend()
    waiting = await world.scan("/" + check.relay_token, check.claim)
    assert (waiting.state, waiting.HasField("challenge")) == (SCANNED, False)
    assert await reason_of(world.submit(check, check.challenge.nonce, frames("zhang", "LOOK"))) == "FACE_NONCE_USED"
    world.clock.advance(seconds=31)
    assert (await world.scan("/" + check.relay_token, check.claim)).reason == "FACE_UNAVAILABLE"
    found = await world.get(person, verification)
    assert (found.face.state, found.attempts_left) == (EXPIRED, 3)


async def test_a_check_that_was_left_is_not_judged_any_more(world: World, bjca: Bjca, engine: SeeingEngine) -> None:
    person, verification, check = await begin(world, bjca, "too late to pass")
    last = await third_step(world, check)
    world.clock.advance(seconds=1)
    engine.delay = 1.5
    judging = asyncio.create_task(world.submit(check, last.nonce, frames("zhang", action(last))))
    await asyncio.sleep(0.2)
    await world.open_face(person, verification)
    assert (await judging).state == FAILED
    found = await world.get(person, verification)
    assert (found.state, found.attempts_left) == (pb.VERIFICATION_STATE_FACE_PENDING, 2)


async def test_time_runs_out(world: World, bjca: Bjca) -> None:
    person, verification, check = await begin(world, bjca, "five minutes")
    second = await act(world, check, check.challenge)
    world.clock.advance(minutes=5)
    assert (await world.scan("/" + check.relay_token, check.claim)).state == EXPIRED
    late = await world.submit(check, second.challenge.nonce, frames("zhang", action(second.challenge)))
    assert late.state == EXPIRED
    assert (await world.get(person, verification)).face.state == EXPIRED


async def test_two_replicas_take_turns(
    platform: Platform, settings: IdentitySettings, world: World, bjca: Bjca
) -> None:
    engine = SeeingEngine()

    async def build(app: App[IdentitySettings]) -> None:
        await compose(app, engine)

    _, _, check = await begin(world, bjca, "turns")
    async with platform.service(settings, build, migrations=MIGRATIONS, clock=world.clock) as running:
        other = World(running, world.notifier, world.tencent, world.clock, platform, world.captchas)
        second = await act(other, check, check.challenge)
        world.clock.advance(seconds=1)
        shown = frames("zhang", action(second.challenge))
        sent = [w.submit(check, second.challenge.nonce, shown) for w in (world, other, world, other)]
        answers = await asyncio.gather(*sent, return_exceptions=True)
        [third] = [answer for answer in answers if isinstance(answer, pb.FaceRelay)]
        assert [a.reason for a in answers if isinstance(a, Conflict)] == ["FACE_NONCE_USED"] * 3
        assert (await act(world, check, third.challenge)).state == PASSED


async def test_many_guesses_at_a_nonce(world: World, bjca: Bjca, engine: SeeingEngine) -> None:
    person, _, check = await begin(world, bjca, "guesses")
    world.clock.advance(seconds=1)
    judged, look = len(engine.judged), frames("zhang", "LOOK", 8)
    for start in range(0, 200, 10):
        tries = (reason_of(world.submit(check, f"{n:043}", look)) for n in range(start, start + 10))
        assert set(await asyncio.gather(*tries)) == {"FACE_NONCE_WRONG"}
    assert len(await world.attempts(person_id=person, reason="FACE_NONCE_WRONG")) == 200
    assert len(engine.judged) == judged


async def test_with_real_faces(
    platform: Platform, settings: IdentitySettings, world: World, tencent: TencentCloud
) -> None:
    """The engine of the service itself: a vendor's picture enrols, the person passes, another person does not."""
    who, person = await known(world)
    enrolling = await world.face_pending(who, person, "real 0")
    verification = await world.face_pending(who, person, "real")
    async with platform.service(settings, real_build, migrations=MIGRATIONS, clock=world.clock) as running:
        real = World(running, world.notifier, tencent, world.clock, platform, world.captchas)
        check = await real.start_face(person, enrolling)
        tencent.pass_check(check.url)
        tencent.best_frame = face_clip.frame(Portrait.ASTRONAUT, face_clip.FRONTAL)
        assert (await real.finish_relay(check)).state == PASSED
        assert len(await world.events("PortraitEnrolled", person_id=person)) == 1
        check = await real.start_face(person, verification, channel=pb.FACE_CHANNEL_OWN)
        world.clock.advance(seconds=2)
        relay = await real.submit(check, check.challenge.nonce, moving(Portrait.HOPPER, check.challenge))
        assert (relay.state, relay.reason) == (FAILED, "FACE_NOT_SAME_PERSON")
        check = await real.start_face(person, verification, channel=pb.FACE_CHANNEL_OWN)
        challenge = check.challenge
        for _ in range(3):
            world.clock.advance(seconds=2)
            relay = await real.submit(check, challenge.nonce, moving(Portrait.ASTRONAUT, challenge))
            challenge = relay.challenge
    assert (relay.state, relay.reason) == (PASSED, "")
    [event] = await world.events("VerificationFacePassed", verification_id=verification)
    assert float(event.score) > 85


def moving(portrait: Portrait, challenge: pb.FaceChallenge) -> face_clip.Clip:
    """Somebody before a camera does what is asked."""
    poses = {
        "LOOK": face_clip.FRONTAL,
        "BLINK": face_clip.EYES_CLOSED,
        "TURN_LEFT": face_clip.LEFT,
        "TURN_RIGHT": face_clip.RIGHT,
        "OPEN_MOUTH": face_clip.MOUTH_OPEN,
    }
    return face_clip.live(portrait, poses[action(challenge)], fps=8, hold=0.5, move=0.25)


def test_the_doubles_distances_are_what_the_tests_take_them_for() -> None:
    assert distance(embedding("zhang"), embedding("zhang~")) == pytest.approx(0.3)
    assert distance(embedding("zhang~"), embedding("zhang!")) == pytest.approx(0.6)
    assert distance(embedding("zhang"), embedding("li")) > 1.4
