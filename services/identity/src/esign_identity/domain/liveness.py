"""Our own face channel: what a person is asked to do, what the frames show, and when that proves that they are there."""

import itertools
import math
import secrets
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from esign_kit.errors import InvalidInput

from esign_identity.domain import face_refusals as refusals

EMBEDDING_SIZE = 128 * 4
"""Bytes of an embedding: 128 little-endian float32."""


class FaceAction(StrEnum):
    """What is asked of the person. Left and right are the person's own."""

    LOOK = "LOOK"
    BLINK = "BLINK"
    TURN_LEFT = "TURN_LEFT"
    TURN_RIGHT = "TURN_RIGHT"
    OPEN_MOUTH = "OPEN_MOUTH"


class FrameVerdict(StrEnum):
    """What the frames of one challenge come to. The first trouble counts, in this order; OK only when there is none."""

    OK = "OK"
    BAD_IMAGE = "FACE_BAD_IMAGE"
    TOO_FEW_FRAMES = "FACE_TOO_FEW_FRAMES"
    TOO_DARK = "FACE_TOO_DARK"
    NO_FACE = "FACE_NONE_SEEN"
    SEVERAL_FACES = "FACE_SEVERAL_SEEN"
    BLURRED = "FACE_BLURRED"
    ACTION_NOT_SEEN = "FACE_ACTION_NOT_SEEN"
    CHANGED = "FACE_CHANGED"


@dataclass(frozen=True, slots=True)
class FrameReport:
    """What an engine saw in the frames of one challenge.

    `faces` is the number of faces per frame, in the frames' order, as far as they were looked at. `embeddings` are those
    of frames in which the face looks straight ahead, best first, `EMBEDDING_SIZE` bytes each; an OK report has at least
    one. `quality` holds numbers for the receipt (e.g. `brightness`, `sharpness`, `yaw_max`), nothing that shows a face.
    """

    verdict: FrameVerdict
    faces: tuple[int, ...] = ()
    embeddings: tuple[bytes, ...] = field(default=(), repr=False)
    quality: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LivenessRules:
    """`window` is the time for one challenge, `judging` for looking at its frames; `retakes` how often the first challenge
    may be taken again for a bad picture; `max_distance` the largest between two embeddings of one face (dlib)."""

    steps: int = 3
    window: timedelta = timedelta(seconds=10)
    judging: timedelta = timedelta(seconds=30)
    lifetime: timedelta = timedelta(minutes=5)
    retakes: int = 10
    min_frames: int = 8
    max_frames: int = 40
    max_frame_bytes: int = 100_000
    shortest_take: timedelta = timedelta(milliseconds=500)
    max_distance: float = 0.50


RETAKE = frozenset(
    {
        FrameVerdict.BAD_IMAGE,
        FrameVerdict.TOO_FEW_FRAMES,
        FrameVerdict.TOO_DARK,
        FrameVerdict.NO_FACE,
        FrameVerdict.BLURRED,
    }
)
"""Troubles of the picture, for which the first challenge may be taken again."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of a check; `step` is 1-based. `taken_at` is when its frames came in: the nonce is used up.

    `takes` counts the frames looked at, with this one; `hint` says why it is shown again; `report` is what goes into the
    receipt once the frames are judged.
    """

    face_check_id: str
    step: int
    action: FaceAction
    nonce: str = field(repr=False)
    issued_at: datetime
    answer_by: datetime
    takes: int = 1
    taken_at: datetime | None = None
    hint: str = ""
    report: Mapping[str, object] = field(default_factory=dict)

    def again(self, nonce: str, now: datetime, rules: LivenessRules) -> "Challenge":
        """The same challenge shown anew, with a nonce and a window of its own."""
        return replace(self, nonce=nonce, issued_at=now, answer_by=now + rules.window, taken_at=None, hint="")

    def stuck(self, now: datetime, rules: LivenessRules) -> bool:
        """Whether its frames were taken and never judged: the process that did so is gone."""
        return self.taken_at is not None and not self.report and now > self.taken_at + rules.judging


@dataclass(frozen=True, slots=True)
class Portrait:
    """A person's enrolled face, from the check named here."""

    person_id: str
    embedding: bytes = field(repr=False)
    face_check_id: str
    enrolled_at: datetime


def first_challenge(face_check_id: str, nonce: str, now: datetime, rules: LivenessRules) -> Challenge:
    """Looking straight into the camera."""
    return Challenge(face_check_id, 1, FaceAction.LOOK, nonce, now, now + rules.window)


def next_challenge(before: Sequence[Challenge], nonce: str, now: datetime, rules: LivenessRules) -> Challenge:
    """One that was not asked yet; nobody can foretell which."""
    last = before[-1]
    action = _draw({challenge.action for challenge in before})
    return Challenge(last.face_check_id, last.step + 1, action, nonce, now, now + rules.window)


def _draw(done: Collection[FaceAction]) -> FaceAction:
    return secrets.choice([action for action in FaceAction if action not in done])


def check_frames(frames: Sequence[tuple[int, bytes]], rules: LivenessRules) -> None:
    """Number, size and order of JPEG frames, each with its milliseconds. Raises InvalidInput FACE_FRAMES_INVALID."""
    if not rules.min_frames <= len(frames) <= rules.max_frames:
        raise refusals.frames_invalid("count")
    for _, jpeg in frames:
        if not jpeg.startswith(b"\xff\xd8\xff") or len(jpeg) > rules.max_frame_bytes:
            raise refusals.frames_invalid("jpeg")
    times = [at for at, _ in frames]
    if times[0] < 0 or any(after <= before for before, after in itertools.pairwise(times)):
        raise refusals.frames_invalid("at_ms")


def implausible(frames: Sequence[tuple[int, bytes]], elapsed: timedelta, rules: LivenessRules) -> InvalidInput | None:
    """What is wrong with the frames' times, `elapsed` after the challenge was shown; None when nothing is.

    They cannot span less than the action takes, nor end after they arrived.
    """
    first, last = timedelta(milliseconds=frames[0][0]), timedelta(milliseconds=frames[-1][0])
    if last - first < rules.shortest_take or last > elapsed + timedelta(seconds=1):
        return refusals.frames_invalid("at_ms")
    return None


def distance(a: bytes, b: bytes) -> float:
    """Euclidean distance of two embeddings; the same face is near 0. Raises ValueError when one is no embedding."""
    return math.dist(_vector(a), _vector(b))


def farthest(reference: bytes, embeddings: Iterable[bytes]) -> float:
    """The largest distance from `reference`; infinite when there is nothing to compare."""
    return max((distance(reference, embedding) for embedding in embeddings), default=math.inf)


def score(apart: float, rules: LivenessRules) -> str:
    """A distance as similarity, decimal text: 100 for none, 70 at the largest that passes."""
    value = Decimal(100) - Decimal(30) * Decimal(min(apart, 10.0)) / Decimal(rules.max_distance)
    return str(max(value, Decimal(0)).quantize(Decimal("0.01")))


def _vector(embedding: bytes) -> tuple[float, ...]:
    if len(embedding) != EMBEDDING_SIZE:
        raise ValueError("not an embedding")
    values = struct.unpack("<128f", embedding)
    if not all(math.isfinite(value) for value in values):
        raise ValueError("not an embedding")
    return values
