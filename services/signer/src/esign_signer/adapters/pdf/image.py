"""Reads seal images with Pillow. Strangers send them: everything is decoded once, with limits, before anything is
kept."""

import io
from typing import Final

from PIL import Image as Pillow

from esign_signer.domain.seal import Image, ImageInvalid

MAX_PIXELS: Final = 4000 * 4000
_END: Final = bytes.fromhex("0000000049454e44ae426082")
"""The closing chunk of a PNG: nothing may follow, or the file is something else as well."""


def inspect(png: bytes) -> Image:
    """The facts of a PNG. Raises ImageInvalid for anything that is not exactly one, or is larger than any seal."""
    try:
        with Pillow.open(io.BytesIO(png), formats=["PNG"]) as opened:
            if opened.width * opened.height > MAX_PIXELS or getattr(opened, "n_frames", 1) != 1:
                raise ImageInvalid
            transparent = opened.mode in ("RGBA", "LA", "PA") or "transparency" in opened.info
            alpha = opened.convert("RGBA").getchannel("A")
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError) as error:
        raise ImageInvalid from error
    if not png.endswith(_END):
        raise ImageInvalid
    opacities = alpha.tobytes()
    return Image(alpha.width, alpha.height, transparent and min(opacities) < 255, visible=max(opacities) > 0)
