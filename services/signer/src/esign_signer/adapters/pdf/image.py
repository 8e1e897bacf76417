"""Reads images of seals with Pillow. Strangers send them: everything is decoded once, with limits, before anything is
kept."""

import io
from typing import Final

from PIL import Image as Pillow

from esign_signer.domain.seal import Image, ImageInvalid

MAX_PIXELS: Final = 4000 * 4000
USEFUL_SIDE: Final = 1800
_END: Final = bytes.fromhex("0000000049454e44ae426082")
"""The closing chunk of a PNG: nothing may follow, or the file is something else as well."""
_BROKEN: Final = (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError)


def inspect(png: bytes) -> Image:
    """The facts of a PNG. Raises ImageInvalid for anything that is not exactly one, or is larger than any seal."""
    image, transparent = decoded(png, "PNG")
    alpha = image.getchannel("A")
    opacities = alpha.tobytes()
    return Image(alpha.width, alpha.height, transparent and min(opacities) < 255, visible=max(opacities) > 0)


def decoded(content: bytes, kind: str) -> tuple[Pillow.Image, bool]:
    """A `PNG` or `JPEG` as RGBA, and whether it can be transparent. Raises ImageInvalid as `inspect`."""
    try:
        with Pillow.open(io.BytesIO(content), formats=[kind]) as opened:
            if opened.width * opened.height > MAX_PIXELS or (kind == "PNG" and getattr(opened, "n_frames", 1) != 1):
                raise ImageInvalid
            transparent = opened.mode in ("RGBA", "LA", "PA") or "transparency" in opened.info
            # Of a large photograph no more is decoded than is of use.
            opened.draft("RGB", (USEFUL_SIDE, USEFUL_SIDE))
            image = opened.convert("RGBA")
    except _BROKEN as error:
        raise ImageInvalid from error
    if kind == "PNG" and not content.endswith(_END):
        raise ImageInvalid
    return image, transparent
