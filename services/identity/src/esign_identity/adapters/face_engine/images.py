"""Strangers' images, decoded within bounds."""

import io
import warnings
from typing import Final

from PIL import Image, ImageOps

FRAME_BYTES: Final = 100_000
FRAME_SIZE: Final = (640, 1280)
PORTRAIT_BYTES: Final = 4_000_000
PORTRAIT_PIXELS: Final = 16_000_000
SMALLEST_SIDE: Final = 64
_WORKING_SIDE: Final = 1280
# A progressive JPEG has about ten scans; each scan costs a pass over all pixels, whatever its few bytes say.
_MOST_SCANS: Final = 16
_SCAN_MARKER: Final = b"\xff\xda"


class BadImage(Exception):
    """Not an image of the agreed kind and size."""


def decode_frame(data: bytes) -> Image.Image:
    """A camera frame as RGB: JPEG, at most `FRAME_BYTES` and `FRAME_SIZE`. Raises BadImage."""
    if len(data) > FRAME_BYTES:
        raise BadImage("too many bytes")
    image = _open(data, ("JPEG",))
    if image.width > FRAME_SIZE[0] or image.height > FRAME_SIZE[1]:
        raise BadImage("too many pixels")
    return _load(image)


def decode_portrait(data: bytes) -> Image.Image:
    """A portrait as RGB, upright, no side above 1280 pixels: JPEG or PNG, at most `PORTRAIT_BYTES`. Raises BadImage."""
    if len(data) > PORTRAIT_BYTES:
        raise BadImage("too many bytes")
    image = _open(data, ("JPEG", "PNG"))
    if image.width * image.height > PORTRAIT_PIXELS:
        raise BadImage("too many pixels")
    image.draft("RGB", (_WORKING_SIDE, _WORKING_SIDE))
    upright = _load(image)
    upright.thumbnail((_WORKING_SIDE, _WORKING_SIDE), Image.Resampling.BILINEAR)
    return upright


def _open(data: bytes, formats: tuple[str, ...]) -> Image.Image:
    """The header only."""
    if data.count(_SCAN_MARKER) > _MOST_SCANS and data.startswith(b"\xff\xd8"):
        raise BadImage("too many scans")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            image = Image.open(io.BytesIO(data), formats=formats)
    except Exception as error:  # a stranger's bytes may bring a decoder to raise anything
        raise BadImage("not an image") from error
    if image.format not in formats or min(image.size) < SMALLEST_SIDE:
        raise BadImage("not an image of the agreed kind")
    return image


def _load(image: Image.Image) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            image.load()
            return ImageOps.exif_transpose(image).convert("RGB")
    except Exception as error:  # as above
        raise BadImage("broken image") from error
