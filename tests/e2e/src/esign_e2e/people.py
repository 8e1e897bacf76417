"""Invented tenants: names, resident ID numbers with valid check digits (GB 11643), phones, mail addresses."""

import io
import math
import random
from dataclasses import dataclass
from datetime import date, timedelta

from PIL import Image, ImageDraw

_SURNAMES = "林周沈陆顾江秦许韩叶"
_GIVEN = ("知夏", "予安", "清和", "亦舒", "书宁", "怀瑾", "若水", "景行", "思远", "嘉禾")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@dataclass(frozen=True)
class Tenant:
    """An individual tenant who does not exist."""

    name: str
    id_number: str
    phone: str
    email: str


def invent(seed: int) -> Tenant:
    """The tenant of a number; different numbers below 10 000 000 give different ID numbers, phones and addresses."""
    name = _SURNAMES[seed % len(_SURNAMES)] + _GIVEN[seed // len(_SURNAMES) % len(_GIVEN)]
    born = date(1970, 1, 1) + timedelta(days=seed // 1000 % 10_000)
    body = f"110105{born:%Y%m%d}{seed % 1000:03d}"
    check = "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11]
    return Tenant(name, body + check, f"139{seed:08d}", f"tenant{seed}@mail.example")


def handwritten_signature(seed: int = 1) -> bytes:
    """A PNG of something like a signature: a pen's strokes on transparent ground, 600 x 240 pixels."""
    rng = random.Random(seed)
    scale = 3
    image = Image.new("RGBA", (600 * scale, 240 * scale), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    for stroke in range(5):
        x, y = 70 + stroke * 100 + rng.uniform(-15, 15), 120 + rng.uniform(-30, 30)
        phase, turn = rng.uniform(0, 6.28), rng.uniform(1.2, 2.4)
        for step in range(240):
            t = step / 240
            px = x + 95 * t + 26 * math.sin(phase + 7 * turn * t)
            py = y + 58 * math.sin(phase + 9 * t) * (1 - t / 2) - 20 * math.cos(5 * turn * t)
            radius = 2.2 + 1.8 * math.sin(math.pi * t) + 0.6 * math.sin(11 * t)
            box = [(px - radius) * scale, (py - radius) * scale, (px + radius) * scale, (py + radius) * scale]
            draw.ellipse(box, fill=(20, 24, 60, 255))
    output = io.BytesIO()
    image.resize((600, 240), Image.Resampling.LANCZOS).save(output, "PNG", optimize=True)
    return output.getvalue()
