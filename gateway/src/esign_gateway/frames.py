"""Camera frames that come in as multipart/form-data. They are held in memory only, never on disk."""

from typing import Any

from esign.identity.v1 import identity_pb2
from esign_kit.errors import InvalidInput
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from esign_gateway.uploads import media_type_of

FRAMES_LIMIT = 2 * 2**20
"""Bytes of one body."""
MAX_FRAMES = 64
MAX_AT_MS = 10 * 60 * 1000

FRAMES_BODY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "nonce": {"type": "string", "description": "The challenge's."},
        "at_ms": {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": MAX_AT_MS},
            "description": "One per frame: milliseconds since the challenge was shown, by the phone's clock.",
        },
        "frames": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "minItems": 1,
            "maxItems": MAX_FRAMES,
            "description": "JPEG, in the order taken; each at most 640 pixels wide and 100 kB.",
        },
    },
    "required": ["nonce", "at_ms", "frames"],
}


class _InMemory(MultiPartParser):
    """Starlette's parser, which would write a large part to disk."""

    spool_max_size = FRAMES_LIMIT + 1


async def read_frames(request: Request) -> tuple[str, list[identity_pb2.FaceFrame]]:
    """The nonce and the frames. Raises InvalidInput when the body is no such form, TooLarge by the request's own limit."""
    malformed = InvalidInput("MULTIPART_MALFORMED", zh="上传格式不正确", en="The multipart body is malformed")
    if media_type_of(request) != "multipart/form-data":
        raise malformed
    parser = _InMemory(
        request.headers, request.stream(), max_files=MAX_FRAMES, max_fields=MAX_FRAMES + 1, max_part_size=256
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError):
        # A missing boundary is a KeyError of the parser's.
        raise malformed from None
    try:
        return await _frames_of(form)
    finally:
        await form.close()


async def _frames_of(form: FormData) -> tuple[str, list[identity_pb2.FaceFrame]]:
    nonces, times, files = form.getlist("nonce"), form.getlist("at_ms"), form.getlist("frames")
    refusal = InvalidInput(
        "FACE_FRAMES_INCOMPLETE", zh="人脸采集数据不完整，请重试", en="Send one nonce, and a time for every frame"
    )
    if len(nonces) != 1 or not files or len(times) != len(files):
        raise refusal
    nonce = nonces[0]
    if not isinstance(nonce, str) or not nonce:
        raise refusal
    frames = []
    for at, file in zip(times, files, strict=True):
        if not isinstance(at, str) or not isinstance(file, UploadFile) or not (at.isascii() and at.isdigit()):
            raise refusal
        if len(at) > 6 or int(at) > MAX_AT_MS:
            raise refusal
        frames.append(identity_pb2.FaceFrame(jpeg=await file.read(), at_ms=int(at)))
    return nonce, frames
