"""Face checks: channels, consent, the relay to a phone and who holds it, vendors' answers, portraits, pauses, watching."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from esign.identity.v1 import identity_pb2 as pb
from esign_identity.adapters.bjca import BjcaFace
from esign_identity.settings import IdentitySettings
from esign_kit.crypto import FieldCipher
from esign_kit.errors import Conflict, InvalidInput, Limited, NotFound, Unavailable
from identity_bjca import Bjca
from identity_engine import SeeingEngine
from identity_world import MovableClock, Scanned, World, known, moment, reason_of

BJCA, TENCENT, OWN = pb.FACE_CHANNEL_BJCA, pb.FACE_CHANNEL_TENCENT, pb.FACE_CHANNEL_OWN


async def pending(world: World, contract: str, name: str = "张三") -> tuple[str, str]:
    """Somebody whose SMS step has passed: their id and their verification's."""
    who, person = await known(world, name)
    return person, await world.face_pending(who, person, contract)


async def channels(world: World, person: str, verification: str) -> list[tuple[int, bool, str]]:
    request = pb.ListFaceChannelsRequest(verification_id=verification)
    answer = await world.portal.ListFaceChannels(request, metadata=world.acting(person))
    return [(option.channel, option.available, option.reason) for option in answer.channels]


async def text_of(world: World, kind: "pb.ConsentKind.ValueType") -> pb.ConsentText:
    return await world.portal.GetConsentText(pb.GetConsentTextRequest(kind=kind))


async def test_channels_in_their_order(world: World, engine: SeeingEngine) -> None:
    person, verification = await pending(world, "channels")
    assert await channels(world, person, verification) == [
        (BJCA, True, ""),
        (TENCENT, True, ""),
        (OWN, False, "NO_PORTRAIT"),
    ]
    with pytest.raises(Conflict, match="NO_PORTRAIT"):
        await world.open_face(person, verification, channel=OWN)


async def test_consent_texts_and_what_is_kept_of_them(world: World) -> None:
    text = await text_of(world, pb.CONSENT_KIND_BIOMETRIC)
    assert (text.kind, text.version, text.title) == (pb.CONSENT_KIND_BIOMETRIC, "1", "生物特征信息使用声明")
    for said in ("单独同意", "立即删除", "撤回同意", "个人信息保护法", "纸质盖章流程", "不向境外"):
        assert said in text.text
    terms = await text_of(world, pb.CONSENT_KIND_TERMS)
    assert (terms.title, len(terms.sha256)) == ("平台服务协议与个人信息保护政策", 64)
    with pytest.raises(InvalidInput, match="CONSENT_KIND_UNKNOWN"):
        await text_of(world, pb.CONSENT_KIND_UNSPECIFIED)
    person, verification = await pending(world, "consent")
    for changes in (
        {"consent_version": "0"},
        {"consent_version": ""},
        {"consent_sha256": terms.sha256},
        {"consent_version": "2", "consent_sha256": text.sha256},
    ):
        with pytest.raises(InvalidInput, match="CONSENT_REQUIRED"):
            await world.open_face(person, verification, **changes)
    with pytest.raises(InvalidInput, match="CLIENT_ADDRESS_INVALID"):
        await world.open_face(person, verification, client_address="somewhere")
    assert await world.events("ConsentGiven", person_id=person, kind="biometric") == []
    for _ in range(2):
        await world.open_face(person, verification, consent_sha256=text.sha256)
    [given] = await world.events("ConsentGiven", person_id=person, kind="biometric")
    assert (given.version, given.text_sha256) == ("1", text.sha256)
    [row] = await world.rows("SELECT * FROM consent WHERE person_id = :id AND kind = 'BIOMETRIC'", id=person)
    assert (row.version, row.text_sha256) == ("1", text.sha256)
    assert b"203.0.113.7" not in row.device_sealed


async def test_the_phone_goes_through_the_portal_to_the_vendor(world: World, bjca: Bjca) -> None:
    who, person = await known(world, "欧阳修远")
    verification = await world.face_pending(who, person, "relay")
    check = await world.open_face(person, verification, channel=BJCA)
    base, _, token = check.url.rpartition("/")
    assert base == "https://sign.example/f"
    assert len(token) == 43
    path, asked = bjca.requests[-1]
    assert (path, asked) == (
        "/bjca/face/v1/sessions",
        {
            "app_id": bjca.app_id,
            "request_id": check.face_check_id,
            "name": who.name,
            "id_number": who.id_number,
            "return_url": "https://sign.example/f/return",
        },
    )
    face = (await world.get(person, verification)).face
    assert (face.face_check_id, face.channel, face.state) == (check.face_check_id, BJCA, pb.FACE_CHECK_STATE_OPEN)
    relay = await world.scan(check.url)
    assert (relay.state, relay.channel, relay.attempts_left) == (pb.FACE_CHECK_STATE_SCANNED, BJCA, 3)
    assert (relay.masked_name, relay.masked_id_number[3:14]) == ("***远", "***********")
    assert (relay.face_check_id, relay.verification_id) == (check.face_check_id, verification)
    assert len(relay.claim) == 43
    assert not relay.HasField("challenge")
    assert (await world.get(person, verification)).face.state == pb.FACE_CHECK_STATE_SCANNED
    again = await world.scan(check.url, relay.claim)
    assert (again.vendor_url, again.claim) == (relay.vendor_url, "")
    phone = Scanned(check.face_check_id, relay.vendor_url, token, relay.claim, relay.challenge)
    assert (await world.finish_relay(phone)).state == pb.FACE_CHECK_STATE_SCANNED
    bjca.act(relay.vendor_url)
    for _ in range(2):
        done = await world.finish_relay(phone)
        assert (done.state, done.reason, done.vendor_url) == (pb.FACE_CHECK_STATE_PASSED, "", "")
    found = await world.get(person, verification)
    assert (found.state, found.face.state) == (pb.VERIFICATION_STATE_PASSED, pb.FACE_CHECK_STATE_PASSED)
    [event] = await world.events("VerificationFacePassed", verification_id=verification)
    assert (event.channel, event.score) == ("BJCA", "91.25")
    [row] = await world.rows("SELECT * FROM face_check WHERE face_check_id = :id", id=check.face_check_id)
    for secret in (token, relay.claim, who.name, who.id_number, "198.51.100.23", relay.vendor_url):
        assert secret.encode() not in b"".join(value for value in row if isinstance(value, bytes))
        assert not any(secret in value for value in row if isinstance(value, str))


async def test_the_first_device_holds_the_check(world: World) -> None:
    person, verification = await pending(world, "first")
    check = await world.open_face(person, verification)
    answers = await asyncio.gather(*(world.scan(check.url) for _ in range(5)), return_exceptions=True)
    [held] = [answer for answer in answers if isinstance(answer, pb.FaceRelay)]
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert [error.reason for error in refused] == ["RELAY_CLAIMED"] * 4
    for claim in ("", "guess", held.claim[:-1], held.claim + "x"):
        assert await reason_of(world.scan(check.url, claim)) == "RELAY_CLAIMED"
    phone = Scanned(check.face_check_id, "", check.url.rpartition("/")[2], "guess", held.challenge)
    assert await reason_of(world.finish_relay(phone)) == "RELAY_CLAIMED"
    seen = await world.attempts(person_id=person, reference=check.face_check_id)
    assert seen == [("face-relay", "RELAY_CLAIMED")] * 9


async def test_unknown_addresses_are_not_there_and_on_record(world: World) -> None:
    before = len(await world.attempts(kind="face-relay", reason="FACE_RELAY_NOT_FOUND"))
    phone = Scanned("", "", "A" * 43, "", pb.FaceChallenge())
    frames = [(n * 100, b"\xff\xd8\xff.") for n in range(10)]
    for attempt in (
        world.scan("https://sign.example/f/x"),
        world.finish_relay(phone),
        world.submit(phone, "n", frames),
    ):
        with pytest.raises(NotFound, match="FACE_RELAY_NOT_FOUND"):
            await attempt
    events = await world.events("AttemptRefused", kind="face-relay", reason="FACE_RELAY_NOT_FOUND")
    assert len(events) == before + 3
    assert {(event.person_id, event.reference) for event in events} == {("", "")}


async def test_another_persons_verification_is_not_there_and_on_record(world: World) -> None:
    owner, verification = await pending(world, "theirs")
    check = await world.start_face(owner, verification)
    _, thief = await known(world, "李四")
    watching = world.portal.WatchVerification(
        pb.WatchVerificationRequest(verification_id=verification), metadata=world.acting(thief)
    )
    attempts = [
        channels(world, thief, verification),
        world.open_face(thief, verification),
        world.complete_face(thief, verification, check.face_check_id),
        anext(aiter(watching)),
        world.get(thief, verification),
        world.confirm(thief, verification, "123456"),
    ]
    assert {await reason_of(attempt) for attempt in attempts} == {"VERIFICATION_NOT_FOUND"}
    seen = await world.attempts(person_id=thief, reference=verification)
    assert seen == [("verification", "VERIFICATION_NOT_FOUND")] * 6
    assert await reason_of(world.get(thief, "never was")) == "VERIFICATION_NOT_FOUND"
    assert len(await world.attempts(person_id=thief)) == 6


async def test_a_check_that_no_phone_opened_is_not_asked_for(world: World) -> None:
    person, verification = await pending(world, "unscanned")
    check = await world.open_face(person, verification)
    asked = len(world.tencent.requests)
    refused = world.complete_face(person, verification, check.face_check_id)
    assert await reason_of(refused) == "FACE_NOT_FINISHED"
    assert len(world.tencent.requests) == asked


async def test_a_change_of_channel_ends_the_former_check(world: World, bjca: Bjca) -> None:
    person, verification = await pending(world, "change")
    first = await world.open_face(person, verification)
    second = await world.open_face(person, verification, channel=BJCA)
    assert (await world.open_face(person, verification, channel=BJCA)).url == second.url
    with pytest.raises(Conflict, match="FACE_CHECK_EXPIRED"):
        await world.scan(first.url)
    old = await world.scan(second.url)
    phone = Scanned(second.face_check_id, old.vendor_url, second.url.rpartition("/")[2], old.claim, old.challenge)
    third = await world.start_face(person, verification)
    assert (await world.finish_relay(phone)).state == pb.FACE_CHECK_STATE_EXPIRED
    assert await reason_of(world.complete_face(person, verification, second.face_check_id)) == "FACE_CHECK_EXPIRED"
    bjca.act(old.vendor_url)
    assert (await world.finish_relay(phone)).state == pb.FACE_CHECK_STATE_EXPIRED
    found = await world.get(person, verification)
    assert (found.attempts_left, found.face.face_check_id) == (3, third.face_check_id)
    world.tencent.pass_check(third.url)
    assert (await world.finish_relay(third)).state == pb.FACE_CHECK_STATE_PASSED


async def test_a_failed_check_counts_even_when_another_is_begun_at_once(world: World) -> None:
    person, verification = await pending(world, "dodge")
    for left in (2, 1):
        check = await world.start_face(person, verification)
        world.tencent.fail_check(check.url)
        await world.open_face(person, verification, channel=BJCA)
        assert (await world.get(person, verification)).attempts_left == left
    check = await world.start_face(person, verification)
    world.tencent.fail_check(check.url)
    assert await reason_of(world.open_face(person, verification)) == "VERIFICATION_FAILED"


async def test_checks_of_a_verification_are_limited(world: World) -> None:
    person, verification = await pending(world, "many")
    for n in range(10):
        await world.open_face(person, verification, channel=(BJCA, TENCENT)[n % 2])
    with pytest.raises(Limited, match="FACE_CHECK_LIMIT"):
        await world.open_face(person, verification, channel=BJCA)


async def test_a_picture_that_nobody_asked_for_is_dropped(
    settings: IdentitySettings, bjca: Bjca, clock: MovableClock
) -> None:
    assert settings.face.bjca is not None
    vendor = BjcaFace(settings.face.bjca, "https://sign.example/f/return", clock)
    token, url, _ = await vendor.open("check-1", "张三", "110105199003070012")
    bjca.act(url, image=b"a face")
    answers = [await vendor.result(token, with_image) for with_image in (True, False)]
    await vendor.close()
    assert [answer and answer.image for answer in answers] == [b"a face", None]


async def test_three_failures_are_followed_by_a_pause(world: World, bjca: Bjca) -> None:
    person, verification = await pending(world, "pause")
    for left in (2, 1, 0):
        check = await world.start_face(person, verification, channel=BJCA)
        bjca.act(check.url, "failed", "LIVENESS_FAILED" if left else "FACE_MISMATCH")
        done = await world.finish_relay(check)
        reason = "FACE_LIVENESS_FAILED" if left else "FACE_NOT_SAME_PERSON"
        assert (done.state, done.reason, done.attempts_left) == (pb.FACE_CHECK_STATE_FAILED, reason, left)
        assert (await world.get(person, verification)).face.reason == reason
    assert (await world.get(person, verification)).state == pb.VERIFICATION_STATE_FAILED
    with pytest.raises(Limited) as paused:
        await world.start(person, "pause")
    assert paused.value.reason == "FACE_PAUSED"
    assert 1700 < int(paused.value.metadata["retry_after_seconds"]) <= 1800
    await world.start(person, "another contract")
    world.clock.advance(minutes=30)
    opened = await world.start(person, "pause")
    assert opened.verification_id != verification


FORGERIES: list[dict[str, Any]] = [
    {"id_number": "110105199003070036"},
    {"name": "李四"},
    {"name": None},
    {"request_id": "another check"},
    {"request_id": None},
    {"score": 69.99},
    {"score": "NaN"},
    {"score": None},
    {"score": True},
    {"score": 1e9},
]


@pytest.mark.parametrize("forgery", FORGERIES, ids=str)
async def test_forged_answers_do_not_pass(world: World, bjca: Bjca, forgery: dict[str, Any]) -> None:
    person, verification = await pending(world, "forged")
    check = await world.start_face(person, verification, channel=BJCA)
    bjca.act(check.url)
    bjca.forge = forgery
    reason = await reason_of(world.complete_face(person, verification, check.face_check_id))
    assert reason == ("FACE_NOT_SAME_PERSON" if "score" in forgery else "FACE_OTHER_SUBJECT")
    assert ("face", reason) in await world.attempts(person_id=person, reference=check.face_check_id)
    bjca.mend()
    assert (await world.finish_relay(check)).state == pb.FACE_CHECK_STATE_FAILED


async def test_two_people_swap_their_vendors_sessions(world: World, bjca: Bjca) -> None:
    (a, va), (b, vb) = await pending(world, "swap"), await pending(world, "swap", "李四")
    ca, cb = await world.start_face(a, va, channel=BJCA), await world.start_face(b, vb, channel=BJCA)
    bjca.act(ca.url)
    one, two = bjca.session_id(ca.url), bjca.session_id(cb.url)
    bjca.sessions[one], bjca.sessions[two] = bjca.sessions[two], bjca.sessions[one]
    assert (await world.finish_relay(cb)).reason == "FACE_OTHER_SUBJECT"
    assert (await world.finish_relay(ca)).state == pb.FACE_CHECK_STATE_SCANNED
    assert await reason_of(world.finish_relay(ca, claim=cb.claim)) == "RELAY_CLAIMED"
    assert await reason_of(world.complete_face(a, va, cb.face_check_id)) == "FACE_CHECK_NOT_FOUND"
    assert await world.attempts(person_id=a, reference=cb.face_check_id) == [("verification", "FACE_CHECK_NOT_FOUND")]


@pytest.mark.parametrize("trouble", ["garbage", "list", "code", "status", "slow", "huge", "open"])
async def test_vendor_trouble_costs_nothing(world: World, bjca: Bjca, trouble: str) -> None:
    person, verification = await pending(world, f"trouble {trouble}")

    def break_it() -> None:
        match trouble:
            case "garbage":
                bjca.raw = b"<html>502</html>"
            case "list":
                bjca.raw = b"[]"
            case "code":
                bjca.code = 50000
            case "status":
                bjca.forge = {"status": "fine", "page_url": "javascript:alert(1)"}
            case "slow":
                bjca.delay = 2.4
            case "huge":
                bjca.raw = b'{"code":0,"status":"passed","image":"' + b"A" * 5_000_000 + b'"}'
            case "open":
                bjca.forge = {"status": None, "session_id": "", "expires_in": "soon"}

    break_it()
    with pytest.raises(Unavailable, match="FACE_UNAVAILABLE"):
        await world.open_face(person, verification, channel=BJCA)
    opened = [path for path, _ in bjca.requests if path.endswith("sessions")]
    bjca.mend()
    check = await world.start_face(person, verification, channel=BJCA)
    assert len([path for path, _ in bjca.requests if path.endswith("sessions")]) == len(opened) + 1
    bjca.act(check.url)
    if trouble != "slow":
        break_it()
        with pytest.raises(Unavailable, match="FACE_UNAVAILABLE"):
            await world.finish_relay(check)
        bjca.mend()
    done = await world.finish_relay(check)
    assert (done.state, done.attempts_left) == (pb.FACE_CHECK_STATE_PASSED, 0)


async def test_a_session_that_the_vendor_closed_costs_nothing(world: World, bjca: Bjca) -> None:
    person, verification = await pending(world, "closed")
    check = await world.start_face(person, verification, channel=BJCA)
    bjca.act(check.url, "failed", "SESSION_EXPIRED")
    assert (await world.finish_relay(check)).state == pb.FACE_CHECK_STATE_EXPIRED
    check = await world.start_face(person, verification, channel=BJCA)
    del bjca.sessions[bjca.session_id(check.url)]
    assert (await world.finish_relay(check)).state == pb.FACE_CHECK_STATE_EXPIRED
    assert (await world.get(person, verification)).attempts_left == 3


async def test_time_runs_out(world: World, bjca: Bjca) -> None:
    person, verification = await pending(world, "late")
    unscanned = await world.open_face(person, verification, channel=BJCA)
    assert moment(unscanned.expires_at) == moment((await world.get(person, verification)).expires_at)
    scanned = await world.start_face(person, verification)
    world.tencent.pass_check(scanned.url)
    world.clock.advance(minutes=15)
    assert (await world.get(person, verification)).face.state == pb.FACE_CHECK_STATE_EXPIRED
    assert (await world.finish_relay(scanned)).state == pb.FACE_CHECK_STATE_EXPIRED
    assert await reason_of(world.scan(unscanned.url)) == "FACE_CHECK_EXPIRED"
    assert await reason_of(world.complete_face(person, verification, scanned.face_check_id)) == "FACE_CHECK_EXPIRED"
    assert (await world.get(person, verification)).state == pb.VERIFICATION_STATE_EXPIRED


async def test_a_changed_phone_ends_the_check(world: World) -> None:
    who, person = await known(world)
    verification = await world.face_pending(who, person, "moved")
    check = await world.start_face(person, verification)
    world.tencent.pass_check(check.url)
    await world.register(replace(who, phone=f"137{who.phone[3:]}"))
    assert (await world.finish_relay(check)).state == pb.FACE_CHECK_STATE_EXPIRED
    assert (await world.get(person, verification)).state == pb.VERIFICATION_STATE_EXPIRED


async def test_the_first_passed_check_enrols_a_portrait(world: World, bjca: Bjca, engine: SeeingEngine) -> None:
    who, person = await known(world)
    nobody = await world.face_pending(who, person, "portrait 0")
    check = await world.start_face(person, nobody, channel=BJCA)
    bjca.act(check.url, image=b"nobody")
    assert (await world.finish_relay(check)).state == pb.FACE_CHECK_STATE_PASSED
    broken = await world.face_pending(who, person, "portrait 1")
    check = await world.start_face(person, broken, channel=BJCA)
    bjca.act(check.url, image=b"zhang")
    engine.failure = Unavailable("FACE_UNAVAILABLE", zh="暂不可用", en="Not now")
    assert (await world.finish_relay(check)).state == pb.FACE_CHECK_STATE_PASSED
    engine.mend()
    assert await world.events("PortraitEnrolled", person_id=person) == []
    verification = await world.face_pending(who, person, "portrait 2")
    check = await world.start_face(person, verification, channel=BJCA)
    bjca.act(check.url, image=b"zhang")
    assert (await world.finish_relay(check)).state == pb.FACE_CHECK_STATE_PASSED
    [event] = await world.events("PortraitEnrolled", person_id=person)
    assert event.face_check_id == check.face_check_id
    following = await world.face_pending(who, person, "portrait 3")
    assert (OWN, True, "") in await channels(world, person, following)
    other = await world.start_face(person, following)
    world.tencent.pass_check(other.url)
    assert (await world.finish_relay(other)).state == pb.FACE_CHECK_STATE_PASSED
    assert world.tencent.requests[-1][1]["InfoType"] == "1"
    assert len(await world.events("PortraitEnrolled", person_id=person)) == 1
    [row] = await world.rows("SELECT * FROM portrait WHERE person_id = :id", id=person)
    assert row.face_check_id == check.face_check_id
    assert len(row.embedding_sealed) > 512


async def test_a_failed_check_enrols_nobody(world: World, bjca: Bjca) -> None:
    person, verification = await pending(world, "imposter")
    check = await world.start_face(person, verification, channel=BJCA)
    bjca.act(check.url, "failed", "LIVENESS_FAILED", image=b"zhang")
    assert (await world.finish_relay(check)).state == pb.FACE_CHECK_STATE_FAILED
    check = await world.start_face(person, verification, channel=BJCA)
    bjca.act(check.url, image=b"zhang")
    bjca.forge = {"name": "李四"}
    assert (await world.finish_relay(check)).state == pb.FACE_CHECK_STATE_FAILED
    assert await world.rows("SELECT 1 FROM portrait WHERE person_id = :id", id=person) == []


async def test_a_vendors_picture_is_nowhere_afterwards(
    world: World,
    settings: IdentitySettings,
    bjca: Bjca,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    person, verification = await pending(world, "picture")
    check = await world.start_face(person, verification, channel=BJCA)
    bjca.act(check.url, image=b"zhang-in-a-picture")
    assert (await world.finish_relay(check)).state == pb.FACE_CHECK_STATE_PASSED
    cipher = FieldCipher.from_file(settings.field_keyring_file)
    [row] = await world.rows("SELECT receipt_sealed FROM face_check WHERE face_check_id = :id", id=check.face_check_id)
    receipt = json.loads(cipher.open(row.receipt_sealed, f"face_check {check.face_check_id} receipt"))
    assert receipt["status"] == "passed"
    assert "image" not in receipt
    output = caplog.text + "".join(capfd.readouterr())
    for secret in ("zhang-in-a-picture", "emhhbmct", check.relay_token, check.claim, "110105"):
        assert secret not in output
