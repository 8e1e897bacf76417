"""What a seal looks like, as PDF operators: whatever a seal is stored as becomes the same kind of drawing."""

import io
import zlib
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image


@dataclass(frozen=True, slots=True)
class Pixels:
    """A decoded image."""

    width: int
    height: int
    rgb: bytes
    """8-bit RGB samples, deflated."""
    alpha: bytes
    """8-bit opacity samples, deflated."""


@dataclass(frozen=True, slots=True)
class Artwork:
    """`operators` draw into the box [0 0 `width` `height`], y up. Where there is an `image`, they name it `/Seal`."""

    width: float
    height: float
    operators: bytes
    image: Pixels | None = None


@lru_cache(maxsize=32)
def artwork(content: bytes) -> Artwork:
    """The drawing of a seal's stored content, a PNG. Decoded and deflated once: a seal is used many times."""
    with Image.open(io.BytesIO(content), formats=["PNG"]) as opened:
        image = opened.convert("RGBA")
    alpha = image.getchannel("A")
    pixels = Pixels(
        image.width, image.height, zlib.compress(image.convert("RGB").tobytes()), zlib.compress(alpha.tobytes())
    )
    return Artwork(image.width, image.height, b"q %d 0 0 %d 0 0 cm /Seal Do Q" % image.size, pixels)
