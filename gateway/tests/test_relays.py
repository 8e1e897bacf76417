"""The phone's side of a face check: one device each, frames with limits, what the PC is told meanwhile."""

import tempfile
from typing import Any

import pytest
from esign.identity.v1 import identity_pb2
from esign_gateway.frames import FRAMES_LIMIT, MAX_FRAMES
from esign_gateway.limits import RateLimiter
from esign_gateway.routes.relays import FRAMES, OPENINGS
from esign_kit.testing import Pki

from .doubles import RELAY, SHA, Site, relay, running

OPEN = f"/v1/face-relays/{RELAY}/open"
SUBMIT = f"/v1/face-relays/{RELAY}/frames"
RESULT = f"/v1/face-relays/{RELAY}/result"
JPEG = b"\xff\xd8" + bytes(range(256)) * 40


def frames(count: int = 3, *, content: bytes = JPEG) -> dict[str, Any]:
    """The body that the portal sends."""
    return {
        "data": {"nonce": "n-1", "at_ms": [str(120 * i) for i in range(count)]},
        "files": [("frames", (f"{i}.jpg", content, "image/jpeg")) for i in range(count)],
    }


async def test_the_first_phone_holds_the_check(site: Site) -> None:
    async with site.client(session="") as phone, site.client(session="") as other:
        first = await phone.post(OPEN, headers={"user-agent": "Phone"})
        again = await phone.post(OPEN)
        taken = await other.post(OPEN)
        result = await other.post(RESULT)
    assert first.json() == {
        "face_check_id": "f-1",
        "verification_id": "v-1",
        "channel": "own",
        "state": "scanned",
        "masked_name": "张**",
        "masked_id_number": "110***********1234",
        "expires_at": "2030-01-01T00:00:00Z",
        "vendor_url": None,
        "challenge": {
            "nonce": "n-2",
            "action": "turn_left",
            "step": 2,
            "steps": 3,
            "answer_by": "2026-11-23T08:30:00.250000Z",
            "min_frames": 5,
            "max_frames": 20,
        },
        "reason": None,
        "attempts_left": 2,
    }
    assert again.is_success
    assert "set-cookie" not in again.headers
    for refused in (taken, result):
        assert (refused.status_code, refused.json()["code"]) == (409, "RELAY_CLAIMED")
    opened = site.doubles.asked("OpenFaceRelay")
    assert [asked.claim for asked in opened] == ["", f"claim-of-{RELAY}", ""]
    assert (opened[0].relay_token, opened[0].client_address, opened[0].user_agent) == (RELAY, "127.0.0.1", "Phone")


@pytest.mark.parametrize("environment", ["local", "production"])
async def test_the_claim_stays_out_of_reach_of_scripts_and_of_other_checks(pki: Pki, environment: str) -> None:
    async with running(pki, environment=environment) as site, site.client(session="") as phone:
        answer = await phone.post(OPEN)
        header = answer.headers["set-cookie"].lower().split("; ")
        assert header[0] == f"esign_face=claim-of-{RELAY}"
        attributes = {"httponly", "samesite=strict", f"path=/v1/face-relays/{RELAY}"}
        assert attributes | {"expires=tue, 01 jan 2030 00:00:00 gmt"} <= set(header[1:])
        assert ("secure" in header) is (environment == "production")
        assert "claim" not in answer.text
        if environment == "local":
            # Two checks on one phone do not get into each other's way.
            await phone.post("/v1/face-relays/another/open")
            await phone.post(RESULT)
            await phone.post("/v1/face-relays/another/result")
            asked = site.doubles.asked("FinishFaceRelay")
            assert [a.claim for a in asked] == [f"claim-of-{RELAY}", "claim-of-another"]


async def test_a_vendors_check_ends_with_the_vendors_word(site: Site) -> None:
    async with site.client(session="") as phone:
        await phone.post(OPEN)
        answer = (await phone.post(f"{RESULT}?result=passed&score=99")).json()
    assert (answer["state"], answer["reason"], answer["challenge"]) == ("failed", "FACE_LIVENESS_FAILED", None)
    finished = site.doubles.asked("FinishFaceRelay")[0]
    assert identity_pb2.FinishFaceRelayRequest(relay_token=RELAY, claim=f"claim-of-{RELAY}") == finished


async def test_frames_arrive_in_order_with_their_times(site: Site) -> None:
    body = frames(5)
    body["files"] = [("frames", (f"{i}.jpg", JPEG + bytes([i]), "image/jpeg")) for i in range(5)]
    async with site.client(session="") as phone:
        await phone.post(OPEN)
        answer = await phone.post(SUBMIT, **body)
    assert answer.json()["challenge"]["nonce"] == "n-2"
    asked = site.doubles.asked("SubmitFaceFrames")[0]
    assert (asked.relay_token, asked.claim, asked.nonce) == (RELAY, f"claim-of-{RELAY}", "n-1")
    assert [(frame.jpeg, frame.at_ms) for frame in asked.frames] == [(JPEG + bytes([i]), 120 * i) for i in range(5)]


async def test_frames_never_touch_a_disk(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    spools: list[tempfile.SpooledTemporaryFile[bytes]] = []
    rolled: list[object] = []

    class Watched(tempfile.SpooledTemporaryFile):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            spools.append(self)

        def rollover(self) -> None:
            rolled.append(self)
            super().rollover()

    monkeypatch.setattr("starlette.formparsers.SpooledTemporaryFile", Watched)
    # One part nearly as large as a body may be.
    body = frames(1, content=b"\xff" * (FRAMES_LIMIT - 2000))
    async with site.client(session="") as phone:
        await phone.post(OPEN)
        assert (await phone.post(SUBMIT, **body)).is_success
    assert len(spools) == 1
    assert spools[0].closed
    assert rolled == []
    assert len(site.doubles.asked("SubmitFaceFrames")[0].frames[0].jpeg) == FRAMES_LIMIT - 2000


async def test_too_many_bytes_of_frames(site: Site) -> None:
    async with site.client(session="") as phone:
        answer = await phone.post(SUBMIT, **frames(25, content=b"\xff" * 100_000))
    assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")
    assert answer.json()["limit_bytes"] == str(2 * 2**20)
    assert site.doubles.calls == []


def changed(**data: Any) -> dict[str, Any]:
    body = frames()
    body["data"] = {key: value for key, value in (body["data"] | data).items() if value is not None}
    return body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (changed(nonce=None), "FACE_FRAMES_INCOMPLETE"),
        (changed(nonce=""), "FACE_FRAMES_INCOMPLETE"),
        (changed(nonce=["a", "b"]), "FACE_FRAMES_INCOMPLETE"),
        (changed(nonce="n" * 300), "MULTIPART_MALFORMED"),
        (changed(at_ms=None), "FACE_FRAMES_INCOMPLETE"),
        (changed(at_ms=["0", "100"]), "FACE_FRAMES_INCOMPLETE"),
        (changed(at_ms=["0", "1", "-1"]), "FACE_FRAMES_INCOMPLETE"),
        (changed(at_ms=["0", "1", "1.5"]), "FACE_FRAMES_INCOMPLETE"),
        (changed(at_ms=["0", "1", "9999999"]), "FACE_FRAMES_INCOMPLETE"),
        (changed(at_ms=["0", "1", "²"]), "FACE_FRAMES_INCOMPLETE"),
        ({"files": {"nonce": ("n", b"n-1"), "other": ("x", b"x")}}, "FACE_FRAMES_INCOMPLETE"),
        (frames(MAX_FRAMES + 1, content=b"\xff\xd8"), "MULTIPART_MALFORMED"),
        ({"json": {"nonce": "n-1"}}, "MULTIPART_MALFORMED"),
        ({"content": b"--x", "headers": {"content-type": "multipart/form-data"}}, "MULTIPART_MALFORMED"),
        ({"content": b"no", "headers": {"content-type": "multipart/form-data; boundary=x"}}, "MULTIPART_MALFORMED"),
        ({"content": b"", "headers": {"content-type": "multipart/form-data; boundary=x"}}, "FACE_FRAMES_INCOMPLETE"),
    ],
)
async def test_frames_that_are_none(site: Site, body: dict[str, Any], code: str) -> None:
    async with site.client(session="") as phone:
        answer = await phone.post(SUBMIT, **body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert site.doubles.calls == []


@pytest.mark.parametrize(("path", "rate"), [(OPEN, OPENINGS), (SUBMIT, FRAMES)])
async def test_relays_are_limited_by_address(site: Site, path: str, rate: Any) -> None:
    site.gateway.limiter = RateLimiter(clock=lambda: 0)
    site.doubles.claims[RELAY] = ""
    async with site.client(session="") as phone:
        answers = [await phone.post(path, **(frames(1) if path == SUBMIT else {})) for _ in range(rate.burst + 1)]
    assert [answer.status_code for answer in answers] == [200] * rate.burst + [429]


@pytest.mark.parametrize("token", ["a.b", "a%2Fb", "a b", "x" * 129, "%E4%BA%BA"])
async def test_tokens_that_cannot_be_any(site: Site, token: str) -> None:
    async with site.client(session="") as phone:
        answer = await phone.post(f"/v1/face-relays/{token}/open")
    assert answer.status_code in (400, 404, 405)
    assert site.doubles.calls == []


async def test_the_pc_chooses_a_channel_and_hears_how_it_stands(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    status = identity_pb2.FaceCheckStatus(
        face_check_id="f-1",
        channel=identity_pb2.FACE_CHANNEL_BJCA,
        state=identity_pb2.FACE_CHECK_STATE_FAILED,
        reason="FACE_NOT_SAME_PERSON",
        expires_at=relay().expires_at,
    )
    from . import doubles

    waiting = doubles.verification(identity_pb2.VERIFICATION_STATE_FACE_PENDING, status)
    body = {"channel": "bjca", "consent_version": "2026-01", "consent_sha256": SHA}
    async with site.client(headers={"user-agent": "Desktop"}) as pc:
        channels = (await pc.get("/v1/verifications/v-1/face-channels")).json()["items"]
        opened = await pc.post("/v1/verifications/v-1/face", json=body)
        before = (await pc.get("/v1/verifications/v-1")).json()
        monkeypatch.setattr(doubles, "verification", lambda: waiting)
        after = (await pc.get("/v1/verifications/v-1")).json()
    assert channels == [
        {"channel": "bjca", "available": True, "reason": None},
        {"channel": "own", "available": False, "reason": "NO_PORTRAIT"},
    ]
    assert opened.json()["url"].endswith(f"/f/{RELAY}")
    asked = site.doubles.asked("StartFaceCheck")[0]
    assert (asked.channel, asked.consent_version, asked.consent_sha256) == (2, "2026-01", SHA)
    assert (asked.client_address, asked.user_agent) == ("127.0.0.1", "Desktop")
    assert before["face"] is None
    assert after["state"] == "face_pending"
    assert after["face"] == {
        "face_check_id": "f-1",
        "channel": "bjca",
        "state": "failed",
        "reason": "FACE_NOT_SAME_PERSON",
        "expires_at": "2030-01-01T00:00:00Z",
    }
