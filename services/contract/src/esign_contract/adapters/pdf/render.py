"""Draws pages as WebP images. Runs in a worker process (`worker`)."""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pypdfium2
from PIL import Image, ImageDraw, ImageFont

MAX_PIXELS: Final = 16_000_000
MAX_SIDE: Final = 16_383
"""WebP's largest side."""
INK: Final = (22, 26, 35)
STRENGTH: Final = 30
"""Of a watermark, of 255: seen, and in nobody's way."""
SLOPE: Final = 24
"""Degrees."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A watermark: its text, and the file of its font."""

    text: str
    font: str


def render(source: Path, target: Path, pages: list[int], width: int, mark: Mark | None = None) -> dict[int, str]:
    """Draw `pages` (1-based) into `target`/<page>.webp, `width` pixels wide; returns each image's SHA-256.

    What is seen of a page fills the image to its edges. A page that is very high for its width comes out smaller. Raises
    pypdfium2.PdfiumError, IndexError, OSError for the font.
    """
    hashes = {}
    tile = _tile(mark, width) if mark else None
    with pypdfium2.PdfDocument(source) as document:
        # Without a form environment the appearances of signature fields are not drawn.
        document.init_forms()
        for number in pages:
            page = document[number - 1]
            page_width, page_height = page.get_size()
            scale = min(
                width / page_width,
                MAX_SIDE / page_height,
                math.sqrt(MAX_PIXELS / (page_width * page_height)),
            )
            # A hair less, for sides are rounded up to whole pixels.
            image = page.render(scale=scale * (1 - 1e-7)).to_pil()
            if tile:
                image = _marked(image.convert("RGB"), tile)
            path = target / f"{number}.webp"
            image.save(path, "WEBP", quality=82, method=2)
            hashes[number] = hashlib.sha256(path.read_bytes()).hexdigest()
            page.close()
    return hashes


def _tile(mark: Mark, width: int) -> Image.Image:
    """The text once, aslant, with the room that it keeps around it: how much of the ink each pixel takes."""
    font = ImageFont.truetype(mark.font, max(9, round(width / 46)))
    left, top, right, bottom = font.getbbox(mark.text)
    line = Image.new("L", (math.ceil(right - left), math.ceil(bottom - top)))
    ImageDraw.Draw(line).text((-left, -top), mark.text, fill=STRENGTH, font=font)
    turned = line.rotate(SLOPE, Image.Resampling.BICUBIC, expand=True)
    tile = Image.new("L", (turned.width + width // 24, turned.height + width // 24))
    tile.paste(turned)
    return tile


def _marked(image: Image.Image, tile: Image.Image) -> Image.Image:
    ink = Image.new("L", image.size)
    for row, top in enumerate(range(0, image.height, tile.height)):
        # Every other row half a tile to the side.
        for left in range(-(row % 2) * tile.width // 2, image.width, tile.width):
            ink.paste(tile, (left, top))
    image.paste(INK, mask=ink)
    return image
