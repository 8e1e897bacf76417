"""The face engine with its real models: what clips of people and of photographs come to, and workers that die."""

import asyncio
import io
import os
import signal
import struct
import sys
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from subprocess import run

import psutil
import pytest
from esign_e2e import face_clip
from esign_e2e.face_clip import EYES_CLOSED, FRONTAL, LEFT, MOUTH_OPEN, RIGHT, Clip, Portrait, Pose, frame, render
from esign_identity.adapters.face_engine.workers import FaceWorkers
from esign_identity.domain.liveness import FaceAction, FrameReport, FrameVerdict, distance
from esign_kit.errors import Unavailable
from PIL import Image, ImageEnhance, ImageFilter

ASTRONAUT, HOPPER = Portrait.ASTRONAUT, Portrait.HOPPER
SAME_PERSON = 0.50
POSES = {
    FaceAction.LOOK: FRONTAL,
    FaceAction.BLINK: EYES_CLOSED,
    FaceAction.TURN_LEFT: LEFT,
    FaceAction.TURN_RIGHT: RIGHT,
    FaceAction.OPEN_MOUTH: MOUTH_OPEN,
}
MOVES: list[FaceAction] = [action for action in FaceAction if action is not FaceAction.LOOK]


@pytest.fixture(scope="module")
async def engine() -> AsyncIterator[FaceWorkers]:
    engine = FaceWorkers(seconds=30)
    yield engine
    await engine.close()


def acted(portrait: Portrait, action: FaceAction) -> Clip:
    """A person does what is asked."""
    return face_clip.live(portrait, POSES[action], fps=8, hold=0.5, move=0.25)


def changed(clip: Clip, change: Callable[[Image.Image], Image.Image]) -> Clip:
    """Every frame changed."""
    return [(at, face_clip.jpeg(change(Image.open(io.BytesIO(data))))) for at, data in clip]


def repeated(data: bytes, count: int = 8) -> Clip:
    return [(index * 100, data) for index in range(count)]


@pytest.mark.parametrize("action", FaceAction)
@pytest.mark.parametrize("portrait", Portrait)
async def test_a_person_passes_by_doing_what_is_asked(
    engine: FaceWorkers, portrait: Portrait, action: FaceAction
) -> None:
    report = await engine.judge(action, acted(portrait, action))
    assert report.verdict is FrameVerdict.OK, report
    assert set(report.faces) == {1}
    assert report.embeddings
    enrolled = await engine.embed(frame(portrait, FRONTAL))
    assert enrolled is not None
    assert max(distance(enrolled, one) for one in report.embeddings) < SAME_PERSON / 2


@pytest.mark.parametrize("asked", MOVES)
async def test_doing_something_else_is_not_enough(engine: FaceWorkers, asked: FaceAction) -> None:
    for done in set(FaceAction) - {asked}:
        report = await engine.judge(asked, acted(ASTRONAUT, done))
        assert report.verdict is FrameVerdict.ACTION_NOT_SEEN, (asked, done, report)


@pytest.mark.parametrize("portrait", Portrait)
async def test_a_photograph_passes_for_nothing_but_looking(engine: FaceWorkers, portrait: Portrait) -> None:
    clips = [face_clip.still(portrait, seconds=0.8)]
    clips += [face_clip.moving_still(portrait, tilt, seconds=2, fps=7) for tilt in (20, 45)]
    for clip in clips:
        for action in MOVES:
            report = await engine.judge(action, clip)
            assert report.verdict is FrameVerdict.ACTION_NOT_SEEN, (action, report)
    assert (await engine.judge(FaceAction.LOOK, clips[0])).verdict is FrameVerdict.OK


async def test_turning_once_and_staying_is_not_a_look(engine: FaceWorkers) -> None:
    turned = [(index * 100, frame(ASTRONAUT, LEFT)) for index in range(10)]
    assert (await engine.judge(FaceAction.LOOK, turned)).verdict is FrameVerdict.ACTION_NOT_SEEN
    assert (await engine.judge(FaceAction.TURN_LEFT, turned)).verdict is FrameVerdict.ACTION_NOT_SEEN


async def test_closing_the_eyes_without_opening_them_is_no_blink(engine: FaceWorkers) -> None:
    clip = [(index * 100, frame(ASTRONAUT, EYES_CLOSED if index > 4 else FRONTAL)) for index in range(9)]
    assert (await engine.judge(FaceAction.BLINK, clip)).verdict is FrameVerdict.ACTION_NOT_SEEN


async def test_two_people_have_different_embeddings(engine: FaceWorkers) -> None:
    first = await engine.judge(FaceAction.LOOK, acted(ASTRONAUT, FaceAction.LOOK))
    second = await engine.judge(FaceAction.LOOK, acted(HOPPER, FaceAction.LOOK))
    assert min(distance(a, b) for a in first.embeddings for b in second.embeddings) > 0.6


@pytest.mark.parametrize("action", MOVES)
async def test_one_face_cannot_act_for_another(engine: FaceWorkers, action: FaceAction) -> None:
    """A photograph of one is shown before and after; another does what is asked."""
    looks = [frame(ASTRONAUT, FRONTAL)] * 5
    moves = [frame(HOPPER, pose) for pose in (POSES[action], FRONTAL, POSES[action])]
    frames = [*looks, *moves, *looks]
    report = await engine.judge(action, [(index * 100, data) for index, data in enumerate(frames)])
    assert report.verdict in (FrameVerdict.CHANGED, FrameVerdict.ACTION_NOT_SEEN), report
    assert not report.embeddings


async def test_a_face_that_changes_while_looking_is_refused(engine: FaceWorkers) -> None:
    frames = [frame(ASTRONAUT, FRONTAL)] * 5 + [frame(HOPPER, FRONTAL)] * 5
    report = await engine.judge(FaceAction.LOOK, [(index * 100, data) for index, data in enumerate(frames)])
    assert report.verdict is FrameVerdict.CHANGED


async def test_two_faces_none_darkness_blur_and_distance_are_told_apart(engine: FaceWorkers) -> None:
    clip = acted(ASTRONAUT, FaceAction.LOOK)

    def pair(image: Image.Image) -> Image.Image:
        both = Image.new("RGB", (640, 480))
        both.paste(image.crop((160, 0, 480, 480)), (0, 0))
        both.paste(render(HOPPER, FRONTAL).crop((160, 0, 480, 480)), (320, 0))
        return both

    def empty(image: Image.Image) -> Image.Image:
        return image.crop((0, 0, 90, 90)).resize((640, 480))

    def far(image: Image.Image) -> Image.Image:
        small = Image.new("RGB", (640, 480), (120, 120, 120))
        small.paste(image.resize((200, 150)), (220, 160))
        return small

    expected: list[tuple[FrameVerdict, Callable[[Image.Image], Image.Image]]] = [
        (FrameVerdict.SEVERAL_FACES, pair),
        (FrameVerdict.NO_FACE, empty),
        (FrameVerdict.NO_FACE, far),
        (FrameVerdict.TOO_DARK, lambda image: ImageEnhance.Brightness(image).enhance(0.15)),
        (FrameVerdict.TOO_DARK, lambda image: ImageEnhance.Brightness(image).enhance(0)),
        (FrameVerdict.BLURRED, lambda image: image.filter(ImageFilter.GaussianBlur(5))),
    ]
    for verdict, change in expected:
        report = await engine.judge(FaceAction.LOOK, changed(clip, change))
        assert report.verdict is verdict, (verdict, report)
        assert not report.embeddings


async def test_dim_light_a_small_face_and_a_poor_camera_still_pass(engine: FaceWorkers) -> None:
    clip = acted(ASTRONAUT, FaceAction.BLINK)

    def dim(image: Image.Image) -> Image.Image:
        return ImageEnhance.Brightness(image).enhance(0.4)

    def phone(image: Image.Image) -> Image.Image:
        return image.crop((140, 0, 500, 480)).resize((240, 320))

    def soft(image: Image.Image) -> Image.Image:
        return image.filter(ImageFilter.GaussianBlur(1.5))

    for change in (dim, phone, soft):
        report = await engine.judge(FaceAction.BLINK, changed(clip, change))
        assert report.verdict is FrameVerdict.OK, (change.__name__, report)


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it is that large and has next to no bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def jpeg_of(width: int, height: int) -> bytes:
    """A JPEG whose header says another size than it has."""
    data = bytearray(frame(ASTRONAUT, FRONTAL))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def scans(count: int) -> bytes:
    """A progressive JPEG with many scans, each a pass over all pixels for a few bytes."""
    target = io.BytesIO()
    Image.new("RGB", (640, 480)).save(target, "JPEG", progressive=True)
    data = target.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + b"\xff\xd9"


async def test_hostile_bytes_are_bad_images(engine: FaceWorkers) -> None:
    good = frame(ASTRONAUT, FRONTAL)
    gif = io.BytesIO()
    render(ASTRONAUT, FRONTAL).resize((64, 64)).save(gif, "GIF")
    hostile = {
        "empty": b"",
        "noise": os.urandom(5000),
        "cut": good[: len(good) // 2],
        "marker only": b"\xff\xd8\xff",
        "png": png_of(640, 480),
        "png bomb": png_of(60000, 60000),
        "gif": gif.getvalue(),
        "wide": jpeg_of(65500, 480),
        "bomb": jpeg_of(65500, 65500),
        "large": good + b"\0" * 4_000_000,
        "tiny": face_clip.jpeg(Image.new("RGB", (8, 8))),
        "scans": scans(500),
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n",
    }
    before = engine.process_ids
    for name, data in hostile.items():
        began = time.monotonic()
        report = await engine.judge(FaceAction.LOOK, [*repeated(good, 2), (300, data), *repeated(good, 6)])
        assert report.verdict is FrameVerdict.BAD_IMAGE, (name, report)
        assert time.monotonic() - began < 5, name
        assert await engine.embed(data) is None, name
    assert engine.process_ids == before


async def test_too_few_frames(engine: FaceWorkers) -> None:
    assert (await engine.judge(FaceAction.LOOK, [])).verdict is FrameVerdict.TOO_FEW_FRAMES
    few = repeated(frame(ASTRONAUT, FRONTAL), 3)
    assert (await engine.judge(FaceAction.LOOK, few)).verdict is FrameVerdict.TOO_FEW_FRAMES


async def test_portraits(engine: FaceWorkers) -> None:
    """A vendor's picture may be large, a PNG, or lie on its side; only one face, seen from the front, is taken."""
    image = render(ASTRONAUT, FRONTAL)
    small = await engine.embed(frame(ASTRONAUT, FRONTAL))
    large, lying = io.BytesIO(), io.BytesIO()
    image.resize((1800, 1350)).save(large, "PNG")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(lying, "JPEG", exif=exif)
    assert len(small or b"") == 512
    for other in (large, lying):
        found = await engine.embed(other.getvalue())
        assert small
        assert found
        assert distance(small, found) < 0.2
    both = Image.new("RGB", (1280, 480))
    both.paste(image, (0, 0))
    both.paste(render(HOPPER, FRONTAL), (640, 0))
    assert await engine.embed(face_clip.jpeg(both)) is None
    assert await engine.embed(frame(ASTRONAUT, Pose(yaw=35))) is None
    assert await engine.embed(face_clip.jpeg(Image.new("RGB", (640, 480), (90, 90, 90)))) is None


async def refused(work: Awaitable[object]) -> str:
    with pytest.raises(Unavailable) as error:
        await work
    return error.value.reason


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - another process ends
            await asyncio.sleep(0.02)


async def test_a_worker_killed_in_mid_flight_is_told_and_replaced() -> None:
    engine = FaceWorkers()
    clip = acted(ASTRONAUT, FaceAction.LOOK)
    try:
        assert engine.process_ids == []
        assert (await engine.judge(FaceAction.LOOK, clip)).verdict is FrameVerdict.OK
        (first,) = engine.process_ids
        os.kill(first, signal.SIGSTOP)
        work = asyncio.create_task(engine.judge(FaceAction.LOOK, clip))
        await asyncio.sleep(0.1)
        os.kill(first, signal.SIGKILL)
        assert await refused(work) == "FACE_UNAVAILABLE"
        assert (await engine.judge(FaceAction.LOOK, clip)).verdict is FrameVerdict.OK
        assert engine.process_ids != [first]
    finally:
        await engine.close()


async def test_a_worker_that_hangs_is_replaced_and_few_wait_for_it() -> None:
    engine = FaceWorkers(seconds=1.5, queue=1)
    clip = acted(ASTRONAUT, FaceAction.LOOK)[:6]
    try:
        await engine.embed(frame(ASTRONAUT, FRONTAL))
        (first,) = engine.process_ids
        os.kill(first, signal.SIGSTOP)
        hanging = asyncio.create_task(refused(engine.judge(FaceAction.LOOK, clip)))
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(engine.judge(FaceAction.LOOK, clip))
        await asyncio.sleep(0.1)
        assert await refused(engine.judge(FaceAction.LOOK, clip)) == "FACE_ENGINE_BUSY"
        assert await hanging == "FACE_UNAVAILABLE"
        report: FrameReport | str
        try:
            report = await waiting
        except Unavailable as error:  # the time to wait for a worker was over at the same moment
            report = error.reason
        assert report == "FACE_ENGINE_BUSY" or (isinstance(report, FrameReport) and report.faces)
        assert not psutil.pid_exists(first) or psutil.Process(first).status() == psutil.STATUS_ZOMBIE
    finally:
        await engine.close()


async def test_an_idle_worker_ends_and_none_outlives_the_service() -> None:
    engine = FaceWorkers(idle_seconds=0.3)
    picture = frame(ASTRONAUT, FRONTAL)
    first = await engine.embed(picture)
    (process,) = engine.process_ids
    await until(lambda: engine.process_ids == [])
    await until(lambda: not psutil.pid_exists(process))
    assert await engine.embed(picture) == first
    (process,) = engine.process_ids
    await engine.close()
    assert not psutil.pid_exists(process)
    assert await refused(engine.embed(picture)) == "FACE_UNAVAILABLE"


async def test_a_caller_that_gives_up_does_not_lose_the_worker() -> None:
    engine = FaceWorkers()
    try:
        await engine.embed(frame(ASTRONAUT, FRONTAL))
        before = engine.process_ids
        work = asyncio.create_task(engine.judge(FaceAction.LOOK, acted(ASTRONAUT, FaceAction.LOOK)))
        await asyncio.sleep(0.05)
        work.cancel()
        assert await engine.embed(frame(ASTRONAUT, FRONTAL))
        assert engine.process_ids == before
    finally:
        await engine.close()


async def test_a_worker_stays_within_its_memory(engine: FaceWorkers) -> None:
    clip = acted(ASTRONAUT, FaceAction.BLINK) * 3
    assert (await engine.judge(FaceAction.BLINK, clip)).verdict is FrameVerdict.OK
    (process,) = engine.process_ids
    assert psutil.Process(process).memory_info().rss < 150 * 2**20


def imported(statement: str) -> Sequence[str]:
    code = f"import sys; {statement}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    return run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_the_service_itself_imports_nothing_heavy() -> None:
    modules = imported("import esign_identity.adapters.face_engine.workers")
    assert not {"numpy", "PIL", "dlib", "ai_edge_litert"} & set(modules)


@pytest.mark.parametrize("action", MOVES)
async def test_the_camera_clip_shows_every_action_from_wherever_it_is_seen(
    engine: FaceWorkers, action: FaceAction, tmp_path: Path
) -> None:
    """As a phone would record the file that Chromium plays: 5.4 s of it, 5 frames a second."""
    face_clip.write_live(tmp_path / "camera.mjpeg", ASTRONAUT)
    loop = [b"\xff\xd8" + one for one in (tmp_path / "camera.mjpeg").read_bytes().split(b"\xff\xd8")[1:]]
    assert len(set(loop)) == len(loop) > face_clip.CHROMIUM_FPS * 8
    for start in (MOVES.index(action) * 30, MOVES.index(action) * 30 + 67):
        clip = [(index * 200, loop[(start + index * 6) % len(loop)]) for index in range(27)]
        report = await engine.judge(action, clip)
        assert report.verdict is FrameVerdict.OK, (start, report)
