"""Pictures of captchas."""

import asyncio
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from captcha.image import ImageCaptcha


class ImagePainter:
    """Plays `CaptchaPainter`."""

    async def paint(self, answer: str) -> bytes:
        """160 × 60 pixels. Drawn in a thread: it takes milliseconds of computing."""
        return await asyncio.to_thread(_draw, answer)


def _draw(answer: str) -> bytes:
    return _images().generate(answer, format="png").getvalue()


@cache
def _images() -> "ImageCaptcha":
    from captcha.image import ImageCaptcha  # Pillow: loaded when the first one is asked for

    return ImageCaptcha(width=160, height=60)
