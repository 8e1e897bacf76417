"""Clips of faces that move, made from two public-domain portraits when a test runs: what a camera would see.

The portraits are scikit-image's `astronaut` (Eileen Collins, NASA) and matplotlib's `grace_hopper` (US Navy), read from
the wheels. A head is turned by moving every pixel as if it lay on a rounded head with a nose; an eye is closed by drawing
the upper lid down; a mouth is opened by moving the jaw. A still photograph moves and tilts as flat paper does.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

WIDTH: Final = 640
HEIGHT: Final = 480
CHROMIUM_FPS: Final = 30
"""The rate at which Chromium plays a file of concatenated JPEGs."""

Floats = NDArray[np.float64]
Points = tuple[tuple[int, int], ...]
Clip = list[tuple[int, bytes]]
"""Frames: milliseconds and a JPEG."""
Movement = tuple[float, Callable[[float], "Pose"]]
"""Seconds, and the pose at each of them."""


@dataclass(frozen=True, slots=True)
class _Face:
    """Where a face is in its portrait, which is cut to `crop` and brought to 640 x 480 pixels. Lids run from left to right;
    `softened` is the radius in pixels that takes away the portrait's own compression."""

    package: str
    file: str
    crop: tuple[int, int, int, int]
    centre: tuple[int, int]
    half_width: int
    nose: tuple[int, int]
    mouth: Points
    chin: int
    upper_lids: tuple[Points, Points]
    lower_lids: tuple[Points, Points]
    softened: float = 0.0


class Portrait(Enum):
    """Two people who do not look alike."""

    ASTRONAUT = _Face(
        package="scikit-image",
        file="skimage/data/astronaut.png",
        crop=(85, 12, 365, 222),
        centre=(319, 240),
        half_width=130,
        nose=(314, 266),
        mouth=((270, 293), (290, 308), (314, 314), (340, 310), (364, 298)),
        chin=371,
        upper_lids=(
            ((253, 204), (257, 199), (262, 197), (269, 196), (277, 197), (285, 200), (293, 208)),
            ((347, 211), (357, 203), (366, 200), (374, 199), (382, 202), (386, 205), (389, 210)),
        ),
        lower_lids=(
            ((253, 205), (260, 210), (272, 212), (286, 211), (293, 210)),
            ((347, 213), (361, 216), (369, 218), (382, 217), (389, 212)),
        ),
    )
    HOPPER = _Face(
        package="matplotlib",
        file="matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        crop=(0, 30, 512, 414),
        centre=(331, 240),
        half_width=140,
        nose=(336, 264),
        mouth=((295, 310), (315, 311), (337, 311), (358, 309), (376, 305)),
        chin=378,
        upper_lids=(
            ((259, 203), (265, 194), (269, 191), (276, 189), (283, 190), (291, 195), (301, 204)),
            ((362, 202), (370, 191), (377, 186), (384, 185), (391, 186), (396, 190), (402, 197)),
        ),
        lower_lids=(
            ((261, 206), (270, 210), (282, 209), (295, 206), (300, 206)),
            ((363, 204), (375, 204), (382, 204), (393, 202), (399, 199)),
        ),
        softened=0.8,
    )


@dataclass(frozen=True, slots=True)
class Pose:
    """How a head is held. Degrees; `yaw` is positive towards the person's left, which an image that is not mirrored has on
    its right. `blink` and `mouth` go from 0 to 1. `paper` and `paper_pitch` turn the portrait as flat paper. `shift` is in
    pixels."""

    yaw: float = 0.0
    blink: float = 0.0
    mouth: float = 0.0
    roll: float = 0.0
    scale: float = 1.0
    paper: float = 0.0
    paper_pitch: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)


FRONTAL: Final = Pose()
LEFT: Final = Pose(yaw=30)
RIGHT: Final = Pose(yaw=-30)
EYES_CLOSED: Final = Pose(blink=1)
MOUTH_OPEN: Final = Pose(mouth=1)


def render(portrait: Portrait, pose: Pose) -> Image.Image:
    """The portrait in a pose, 640 x 480 pixels, RGB."""
    face, source = portrait.value, _pixels(portrait, pose.blink)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    x, y = _flat(face, pose, x, y)
    if pose.yaw:
        x = _turned(face, np.radians(pose.yaw), x, y)
    cavity = np.zeros(x.shape, dtype=bool)
    if pose.mouth:
        y, cavity = _opened(face, pose.mouth, x, y)
    image = _sample(source, x, y)
    image[cavity] = (50, 16, 18)
    return Image.fromarray(image.astype(np.uint8))


def jpeg(image: Image.Image, quality: int = 85) -> bytes:
    """As a camera's baseline JPEG, 4:2:0."""
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality, subsampling="4:2:0")
    return target.getvalue()


@lru_cache(maxsize=256)
def _rendered(portrait: Portrait, pose: Pose) -> Image.Image:
    return render(portrait, pose)


@lru_cache(maxsize=512)
def frame(portrait: Portrait, pose: Pose, grain: int = 0) -> bytes:
    """`render` as a JPEG with a sensor's noise: no two grains give the same bytes, as no two frames of a camera do."""
    pixels = np.asarray(_rendered(portrait, pose), dtype=np.int16)
    noise = np.roll(_noise(), grain * 7919)[..., None]
    return jpeg(Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)))


@lru_cache(maxsize=1)
def _noise() -> NDArray[np.int16]:
    return np.random.default_rng(1).normal(0, 1.2, (HEIGHT, WIDTH)).round().astype(np.int16)


def live(
    portrait: Portrait, *poses: Pose, fps: int = 10, hold: float = 0.6, move: float = 0.4, blink: float = 0.15
) -> Clip:
    """A person who goes through poses, from frontal and back to frontal: each is reached in `move` seconds and held for
    `hold`. In a blink (only the eyes change) they are closed for `blink` seconds."""
    return _timed(portrait, _path(poses, hold, move, blink), fps)


def still(portrait: Portrait, seconds: float = 3.0, fps: int = 10) -> Clip:
    """A photograph that does not move."""
    return _timed(portrait, (seconds, lambda _: FRONTAL), fps)


def moving_still(portrait: Portrait, tilt: float = 25.0, seconds: float = 3.0, fps: int = 10) -> Clip:
    """A photograph in a hand: shifted, turned to both sides, leaned and brought nearer, `tilt` degrees at most."""
    return _timed(portrait, _in_hand(tilt, seconds), fps)


ROUND: Final = (EYES_CLOSED, LEFT, RIGHT, MOUTH_OPEN)
"""Every action once."""


def write_live(path: Path, portrait: Portrait) -> None:
    """A file for Chromium's `--use-file-for-fake-video-capture`: every action within 5 s, over and over."""
    _write(path, portrait, _path(ROUND, hold=0.3, move=0.25, blink=0.3))


def write_still(path: Path, portrait: Portrait, tilt: float = 0.0) -> None:
    """The same with a photograph, moved in a hand when `tilt` is not 0."""
    _write(path, portrait, _in_hand(tilt, 3.0) if tilt else (3.0, lambda _: FRONTAL))


def _write(path: Path, portrait: Portrait, movement: Movement) -> None:
    """So many rounds that no frame comes back within some 9 s; each pose twice, for half the rate is smooth enough."""
    seconds, pose = movement
    fps = CHROMIUM_FPS // 2
    count = round(seconds * fps)
    with path.open("wb") as file:
        for index in range(2 * count * round(9 / seconds)):
            file.write(frame(portrait, pose(index // 2 % count / fps), index))


def _in_hand(tilt: float, seconds: float) -> Movement:
    def pose(at: float) -> Pose:
        sway = float(np.sin(2 * np.pi * at / seconds))
        nod = float(np.sin(4 * np.pi * at / seconds))
        return Pose(
            roll=round(6 * nod, 1),
            scale=round(1 + 0.08 * nod, 3),
            paper=round(tilt * sway, 1),
            paper_pitch=round(tilt * nod, 1),
            shift=(round(20 * sway), round(8 * nod)),
        )

    return seconds, pose


def _timed(portrait: Portrait, movement: Movement, fps: int) -> Clip:
    seconds, pose = movement
    return [
        (round(index * 1000 / fps), frame(portrait, pose(index / fps), index)) for index in range(round(seconds * fps))
    ]


def _path(poses: Sequence[Pose], hold: float, move: float, blink: float) -> Movement:
    stops: list[tuple[float, Pose]] = [(0.0, FRONTAL), (hold, FRONTAL)]
    for pose in poses:
        quick = pose == replace(FRONTAL, blink=pose.blink)
        reach, stay = (0.12, blink) if quick else (move, hold)
        start = stops[-1][0]
        stops += [(start + reach, pose), (start + reach + stay, pose), (start + 2 * reach + stay, FRONTAL)]
        stops.append((stops[-1][0] + hold, FRONTAL))
    times = [time for time, _ in stops]

    def at(time: float) -> Pose:
        def between(values: Iterator[float], digits: int) -> float:
            return round(float(np.interp(time, times, list(values))), digits)

        return Pose(
            yaw=between((pose.yaw for _, pose in stops), 0),
            blink=between((pose.blink for _, pose in stops), 1),
            mouth=between((pose.mouth for _, pose in stops), 1),
        )

    return times[-1], at


@lru_cache(maxsize=32)
def _pixels(portrait: Portrait, blink: float) -> Floats:
    """The portrait, with its eyes closed so far."""
    face = portrait.value
    with Image.open(str(distribution(face.package).locate_file(face.file))) as image:
        cut = image.convert("RGB").crop(face.crop).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    cut = cut.filter(ImageFilter.GaussianBlur(face.softened))
    if blink:
        for upper, lower in zip(face.upper_lids, face.lower_lids, strict=True):
            _draw_lid(cut, upper, lower, blink)
    return np.asarray(cut, dtype=np.float64)


def _draw_lid(image: Image.Image, upper: Points, lower: Points, blink: float) -> None:
    """The upper lid drawn down: plain skin, as there is under the eye, and the lashes at its edge."""
    xs = np.arange(upper[0][0], upper[-1][0] + 1, dtype=np.float64)
    top, bottom = _line(upper, xs), _line(lower, xs)
    edge = list(zip(xs, top + blink * np.maximum(bottom - top, 0), strict=True))
    middle, under = xs[len(xs) // 2], bottom.max() + 6
    skin = np.asarray(image.crop((int(middle) - 6, int(under), int(middle) + 7, int(under) + 6))).mean(axis=(0, 1))
    lid, lashes = (Image.new("L", image.size) for _ in range(2))
    ImageDraw.Draw(lid).polygon([*zip(xs, top - 2, strict=True), *edge[::-1]], fill=255)
    ImageDraw.Draw(lashes).line(edge, fill=255, width=3)
    for mask, colour in ((lid, skin), (lashes, skin * 0.3)):
        soft = mask.filter(ImageFilter.GaussianBlur(1))
        image.paste(tuple(int(one) for one in colour), mask=soft)


# What follows gives for every pixel of the result (x, y) the place in the portrait from which it is taken.


def _flat(face: _Face, pose: Pose, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Shift, roll, scale, and paper turned about its upright and level axes, seen from 900 pixels away."""
    cx, cy = face.centre
    u, v = (x - cx - pose.shift[0]) / pose.scale, (y - cy - pose.shift[1]) / pose.scale
    angle = np.radians(pose.roll)
    u, v = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
    for turn, level in ((pose.paper, True), (pose.paper_pitch, False)):
        if turn:
            sine, cosine = np.sin(np.radians(turn)), np.cos(np.radians(turn))
            if level:
                along = u / (cosine - u * sine / 900)
                u, v = along, v * (1 + along * sine / 900)
            else:
                along = v / (cosine - v * sine / 900)
                u, v = u * (1 + along * sine / 900), along
    return u + cx, v + cy


def _turned(face: _Face, angle: float, x: Floats, y: Floats) -> Floats:
    """A head turned about its upright axis: x' = x cos + z sin, solved for x."""
    (cx, cy), (nx, ny), half = face.centre, face.nose, face.half_width
    source = x.copy()
    for _ in range(10):
        radius = ((source - cx) / (1.35 * half)) ** 2 + ((y - cy) / (1.75 * half)) ** 2
        head = np.clip(1 - radius, 0, 1)
        nose = 0.22 * half * np.exp(-(((source - nx) / (0.2 * half)) ** 2) - ((y - ny) / (0.3 * half)) ** 2)
        depth = 1.15 * half * head + nose
        near = np.clip(head * 3, 0, 1)
        source = x - depth * np.sin(angle) + near * (source - cx) * (1 - np.cos(angle))
    return source


def _opened(face: _Face, amount: float, x: Floats, y: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The jaw moved down from the lower lip's inner edge; what opens is dark."""
    left, right = face.mouth[0][0], face.mouth[-1][0]
    lip = _line(face.mouth, x)
    half = (right - left) / 2
    across = np.clip(np.abs(x - (left + right) / 2) / half, 0, 1)
    drop = amount * 0.9 * half * (1 - across**2) ** 0.6
    end = face.chin + 2.5 * half
    below = np.clip((y - lip - drop) / np.maximum(end - lip - drop, 1), 0, 1)
    moved = lip + below * (end - lip)
    source = np.where((y > lip + drop) & (y < end), moved, np.where((y > lip) & (y < end), lip, y))
    return source, (y > lip) & (y < lip + drop)


def _line(points: Points, x: Floats) -> Floats:
    """How high a line through points, left to right, is at x."""
    return np.interp(x, [point[0] for point in points], [point[1] for point in points])


def _sample(source: Floats, x: Floats, y: Floats) -> Floats:
    """Bilinear; the edge goes on outside."""
    x, y = np.clip(x, 0, WIDTH - 1.001), np.clip(y, 0, HEIGHT - 1.001)
    left, top = x.astype(np.intp), y.astype(np.intp)
    across, down = (x - left)[..., None], (y - top)[..., None]
    above = source[top, left] * (1 - across) + source[top, left + 1] * across
    below = source[top + 1, left] * (1 - across) + source[top + 1, left + 1] * across
    return np.asarray(above * (1 - down) + below * down)
