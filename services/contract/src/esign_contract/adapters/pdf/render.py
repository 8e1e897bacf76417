"""Draws pages as WebP images. Runs in a worker process (`worker`)."""

import hashlib
import math
from pathlib import Path
from typing import Final

import pypdfium2

MAX_PIXELS: Final = 16_000_000
MAX_SIDE: Final = 16_383
"""WebP's largest side."""


def render(source: Path, target: Path, pages: list[int], width: int) -> dict[int, str]:
    """Draw `pages` (1-based) into `target`/<page>.webp, `width` pixels wide; returns each image's SHA-256.

    A page that is very high for its width comes out smaller. Raises pypdfium2.PdfiumError, IndexError.
    """
    hashes = {}
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
            path = target / f"{number}.webp"
            image.save(path, "WEBP", quality=82, method=2)
            hashes[number] = hashlib.sha256(path.read_bytes()).hexdigest()
            page.close()
    return hashes
