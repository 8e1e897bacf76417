"""What passes between the service and a worker: a message is two lengths (4 bytes each, big endian), JSON, and blobs.

No pickles: the worker has decoded strangers' images, and the service does not take code from it.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Final

from esign_identity.domain.liveness import EMBEDDING_SIZE, FrameReport, FrameVerdict

HEAD: Final = 8
LONGEST_ANSWER: Final = 1_000_000
_LENGTHS: Final = struct.Struct(">II")


def message(content: Mapping[str, object], blobs: Sequence[bytes] = ()) -> bytes:
    """A message; the JSON's `blobs` is their lengths."""
    text = json.dumps({**content, "blobs": [len(blob) for blob in blobs]}).encode()
    body = b"".join(blobs)
    return _LENGTHS.pack(len(text), len(body)) + text + body


def lengths(head: bytes) -> tuple[int, int]:
    """Of the JSON and of the blobs, from the first `HEAD` bytes."""
    text, body = _LENGTHS.unpack(head)
    return text, body


def content(text: bytes, body: bytes) -> tuple[dict[str, object], list[bytes]]:
    """The JSON and the blobs. Raises ValueError when they do not fit."""
    found = json.loads(text)
    if not isinstance(found, dict) or sum(found["blobs"]) != len(body):
        raise ValueError("not a message")
    blobs, at = [], 0
    for length in found["blobs"]:
        blobs.append(body[at : at + length])
        at += length
    return found, blobs


def report_message(report: FrameReport) -> bytes:
    """A report, as the worker answers."""
    return message(
        {"verdict": report.verdict.value, "faces": list(report.faces), "quality": dict(report.quality)},
        report.embeddings,
    )


def report_of(found: Mapping[str, object], blobs: Sequence[bytes]) -> FrameReport:
    """The report in an answer. Raises ValueError."""
    faces, quality = found.get("faces"), found.get("quality")
    if not (isinstance(faces, list) and isinstance(quality, dict)):
        raise ValueError("not a report")  # noqa: TRY004 - of another program's making
    return FrameReport(
        FrameVerdict(str(found.get("verdict"))),
        tuple(int(one) for one in faces),
        tuple(embedding_of(blob) for blob in blobs),
        {str(name): float(value) for name, value in quality.items()},
    )


def embedding_of(blob: bytes) -> bytes:
    """The blob, if it is as long as an embedding. Raises ValueError."""
    if len(blob) != EMBEDDING_SIZE:
        raise ValueError("not an embedding")
    return blob
