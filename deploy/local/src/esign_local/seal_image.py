"""Draws an organisation's round seal as a PNG with transparency, for the set-up of a local platform."""

import math
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

RED = (214, 33, 33, 255)


def round_seal(name: str, title: str, font_file: Path, *, pixels: int = 800) -> bytes:
    """A 公章: ring, star, the company's name along the arc, `title` below the star. Raises OSError without the font."""
    scale = 2
    size = pixels * scale
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    centre, ring = size / 2, size * 0.024
    draw.ellipse((ring, ring, size - ring, size - ring), outline=RED, width=round(ring))
    points = []
    for corner in range(10):
        radius = size * (0.15 if corner % 2 == 0 else 0.0573)
        angle = math.pi * (corner / 5 - 0.5)
        points.append((centre + radius * math.cos(angle), centre + radius * math.sin(angle)))
    draw.polygon(points, fill=RED)
    sweep = math.radians(min(270, 19 * len(name)))
    font = ImageFont.truetype(str(font_file), round(size * 0.105))
    for index, character in enumerate(name):
        share = index / (len(name) - 1) if len(name) > 1 else 0.5
        angle = -math.pi / 2 - sweep / 2 + sweep * share
        tile = Image.new("RGBA", (round(size * 0.16), round(size * 0.16)), (0, 0, 0, 0))
        ImageDraw.Draw(tile).text((tile.width / 2, tile.height / 2), character, font=font, fill=RED, anchor="mm")
        turned = tile.rotate(-math.degrees(angle) - 90, resample=Image.Resampling.BICUBIC)
        radius = size * 0.38
        left = round(centre + radius * math.cos(angle) - turned.width / 2)
        top = round(centre + radius * math.sin(angle) - turned.height / 2)
        image.alpha_composite(turned, (left, top))
    small = ImageFont.truetype(str(font_file), round(size * 0.075))
    draw.text((centre, size * 0.76), title, font=small, fill=RED, anchor="mm")
    output = BytesIO()
    image.resize((pixels, pixels), Image.Resampling.LANCZOS).save(output, "PNG", optimize=True)
    return output.getvalue()
