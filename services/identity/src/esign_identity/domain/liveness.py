"""Our own face channel: what a person is asked to do, what the frames show, and when that proves that they are there."""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class FrameReport:
    """What an engine saw in the frames of one challenge.

    `faces` is the number of faces per frame, in the frames' order, as far as they were looked at. `embeddings` are those
    of frames in which the face looks straight ahead, best first, `EMBEDDING_SIZE` bytes each; an OK report has at least
    one. `quality` holds numbers for the receipt (e.g. `brightness`, `sharpness`, `yaw_max`), nothing that shows a face.
    """

    verdict: FrameVerdict
    faces: tuple[int, ...] = ()
    embeddings: tuple[bytes, ...] = ()
    quality: Mapping[str, float] = field(default_factory=dict)


def distance(a: bytes, b: bytes) -> float:
    """Euclidean distance of two embeddings; the same face is near 0. Raises ValueError when one is no embedding."""
    return math.dist(_vector(a), _vector(b))


def _vector(embedding: bytes) -> tuple[float, ...]:
    if len(embedding) != EMBEDDING_SIZE:
        raise ValueError("not an embedding")
    values = struct.unpack("<128f", embedding)
    if not all(math.isfinite(value) for value in values):
        raise ValueError("not an embedding")
    return values
