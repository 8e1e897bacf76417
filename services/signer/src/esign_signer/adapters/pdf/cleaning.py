"""Takes a seal out of a scan or photograph of it: no paper, no print, no shadow, only the ink."""

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageFilter, ImageOps

from esign_signer.adapters.pdf.image import USEFUL_SIDE, decoded
from esign_signer.domain.seal import InkMissing

LONGEST_SIDE: Final = 900
"""Of a cleaned seal: 40 mm in 570 dots per inch."""
_INKS: Final = {"red": (0, 1, 2), "blue": (2, 0, 1)}
"""For each ink the channel that it leaves, and the two that it takes away."""
_FAINTEST: Final = 0.10
_LEAST_COLOURFUL: Final = 0.3
"""By how much an ink leaves more of its own light than of the other two. Paper, print, shadows and JPEG's noise lie under
the first, a full ink above the second."""
_LEAST_INK: Final = 0.004
"""Share of the image that a seal covers at least."""

Grey = NDArray[np.float32]


def clean(content: bytes) -> bytes:
    """The seal in a PNG or JPEG, on a transparent ground, cut to what can be seen, as a PNG.

    An image that is transparent already keeps its own opacity. From any other, paper, shadows and black print are taken
    away by their distance to red or blue ink, and what stays is the ink's one colour with a soft edge. Raises
    ImageInvalid, InkMissing when there is no such seal in it.
    """
    image, transparent = decoded(content, "JPEG" if content.startswith(b"\xff\xd8\xff") else "PNG")
    # A camera says beside the picture how it was held.
    image = ImageOps.exif_transpose(image)
    alpha = image.getchannel("A")
    if transparent and alpha.histogram()[0]:
        seal = _fitting(image.crop(_seen(alpha)))
    else:
        opacity, colour = _ink_on_paper(image.convert("RGB"))
        opacity = _fitting(opacity.crop(_seen(opacity)))
        seal = Pillow.new("RGBA", opacity.size, colour)
        seal.putalpha(opacity)
    out = io.BytesIO()
    seal.save(out, "PNG", compress_level=6)
    return out.getvalue()


def _fitting(image: Pillow.Image, side: int = LONGEST_SIDE) -> Pillow.Image:
    image.thumbnail((side, side), Pillow.Resampling.LANCZOS)
    return image


def _ink_on_paper(image: Pillow.Image) -> tuple[Pillow.Image, tuple[int, int, int]]:
    """The ink's opacity, and its colour. Raises InkMissing."""
    image = _fitting(image, USEFUL_SIDE)
    reflected = np.asarray(image, np.float32) / _paper(image)
    opacity, colour = max((_ink(reflected, *channels) for channels in _INKS.values()), key=lambda found: found[0].sum())
    if (opacity > 0.5).mean() < _LEAST_INK:
        raise InkMissing
    return Pillow.fromarray(np.rint(opacity * 255).astype(np.uint8)), colour


def _paper(image: Pillow.Image) -> NDArray[np.float32]:
    """The paper's colour everywhere, with the light that fell on it: the brightest around, smoothed."""
    width, height = image.size
    small = image.resize((max(1, width // 16), max(1, height // 16)), Pillow.Resampling.BOX)
    around = small.filter(ImageFilter.MaxFilter(9)).filter(ImageFilter.GaussianBlur(4))
    return np.maximum(np.asarray(around.resize(image.size, Pillow.Resampling.BILINEAR), np.float32), 1)


def _ink(reflected: NDArray[np.float32], left: int, one: int, other: int) -> tuple[Grey, tuple[int, int, int]]:
    """Opacity of one ink, and its colour. An ink darkens two channels more than the third; grey darkens all alike."""
    colourful = reflected[..., left] - (reflected[..., one] + reflected[..., other]) / 2
    strong = colourful > _FAINTEST
    if not strong.any():
        return np.zeros_like(colourful), (0, 0, 0)
    opaque = 0.8 * max(float(np.percentile(colourful[strong], 60)), _LEAST_COLOURFUL)
    opacity = np.clip((colourful - _FAINTEST) / (opaque - _FAINTEST), 0, 1).astype(np.float32)
    middle = np.median(reflected[opacity > 0.9], axis=0) if (opacity > 0.9).any() else np.zeros(3)
    red, green, blue = (int(value) for value in np.clip(middle * 255, 0, 255))
    return opacity, (red, green, blue)


def _seen(alpha: Pillow.Image) -> tuple[int, int, int, int]:
    """The box of what can be seen, but for specks. Raises InkMissing."""
    mask = alpha.point(lambda value: 255 if value > 48 else 0)
    box = mask.filter(ImageFilter.MinFilter(3)).getbbox() or mask.getbbox()
    if box is None:
        raise InkMissing
    left, top, right, bottom = box
    return max(0, left - 2), max(0, top - 2), min(alpha.width, right + 2), min(alpha.height, bottom + 2)
