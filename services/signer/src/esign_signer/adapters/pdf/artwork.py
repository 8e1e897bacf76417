"""What a seal looks like, as PDF operators: whatever a seal is stored as becomes the same kind of drawing.

A seal is stored as a PNG with transparency, or as SVG (SVG 1.1) of a strict subset, in canonical bytes:

    <svg xmlns="http://www.w3.org/2000/svg" width="40mm" height="40mm" viewBox="0 0 40000 40000"><path d="M0 0L5 5Z"
    fill="#d7191f" fill-rule="evenodd"/>…</svg>

without line breaks; paths only, filled in one opaque colour each; commands M, L, C and Z with absolute coordinates inside
the view box. Nothing is left to an XML parser, and nothing else can be said in it: no text, scripts, references, styles.
"""

import io
import math
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from esign_signer.domain.seal import ImageInvalid

MAX_SVG: Final = 1024 * 1024
MAX_PATHS: Final = 256
POINTS_PER_MILLIMETRE: Final = 72 / 25.4

_NUMBER: Final = rb"(?:0|[1-9]\d{0,6})(?:\.\d{1,4})?"
_HEAD: Final = re.compile(
    rb'<svg xmlns="http://www\.w3\.org/2000/svg" width="(%b)mm" height="(%b)mm" viewBox="0 0 (%b) (%b)">'
    % (_NUMBER, _NUMBER, _NUMBER, _NUMBER)
)
_PATH: Final = re.compile(rb'<path d="([0-9. MLCZ]+)" fill="#([0-9a-f]{6})"(?: fill-rule="(evenodd|nonzero)")?/>')
_TAIL: Final = b"</svg>"
_COMMAND: Final = re.compile(rb"([MLC])(%b(?: %b){1,5})|(Z)" % (_NUMBER, _NUMBER))
_OPERANDS: Final = {b"M": 2, b"L": 2, b"C": 6}
_OPERATORS: Final = {b"M": b"m", b"L": b"l", b"C": b"c"}
_PNG: Final = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Pixels:
    """A decoded image."""

    width: int
    height: int
    rgb: bytes
    """8-bit RGB samples, deflated."""
    alpha: bytes
    """8-bit opacity samples, deflated."""
    mask: bytes
    """A stencil, deflated: one bit for each pixel, set where nothing is painted."""


@dataclass(frozen=True, slots=True)
class Artwork:
    """`operators` draw into the box [0 0 `width` `height`], y up. Where there is an `image`, they name it `/Seal`.

    The box of SVG is its size on paper in points; that of an image is its size in pixels.
    """

    width: float
    height: float
    operators: bytes
    image: Pixels | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """A path of the SVG subset: `outline` in its commands, in the units of the view box, y down."""

    outline: str
    fill: str
    even_odd: bool = False


@lru_cache(maxsize=32)
def artwork(content: bytes) -> Artwork:
    """The drawing of a seal's stored content. Made once: a seal is used many times.

    Raises ImageInvalid for what is neither a PNG nor SVG exactly of the subset.
    """
    if content.startswith(_PNG):
        return _from_png(content)
    return _from_svg(content)


@dataclass(frozen=True, slots=True)
class Impression:
    """A seal in a widget: what a form XObject (ISO 32000-2, 12.5.5) needs. Where there is an `image`, `operators` name it
    `/Seal`."""

    matrix: tuple[float, ...]
    width: float
    height: float
    operators: bytes
    image: Pixels | None


@lru_cache(maxsize=32)
def impression(seal: bytes, width: float, height: float, rotation: int) -> Impression:
    """The seal in a widget of `width` and `height`: in proportion, centred, upright on the page whatever the page's
    rotation. Raises ImageInvalid."""
    matrix, box_width, box_height = {
        90: ((0, 1, -1, 0, width, 0), height, width),
        180: ((-1, 0, 0, -1, width, height), width, height),
        270: ((0, -1, 1, 0, 0, height), height, width),
    }.get(rotation, ((1, 0, 0, 1, 0, 0), width, height))
    drawing = artwork(seal)
    scale = min(box_width / drawing.width, box_height / drawing.height)
    left, below = (box_width - drawing.width * scale) / 2, (box_height - drawing.height * scale) / 2
    operators = b"q %.6f 0 0 %.6f %.4f %.4f cm\n%b\nQ" % (scale, scale, left, below, drawing.operators)
    return Impression(matrix, box_width, box_height, operators, drawing.image)


def slices(whole: Artwork, pages: int) -> list[Artwork]:
    """骑缝章: the seal cut into as many upright strips of one width as there are pages, the leftmost for the first.

    Laid edge to edge they show the whole seal. Raises ValueError without pages.
    """
    if pages < 1:
        raise ValueError(pages)
    strip = whole.width / pages
    return [
        Artwork(
            strip,
            whole.height,
            b"q 0 0 %b %b re W n 1 0 0 1 %b 0 cm\n%b\nQ"
            % (_decimal(strip), _decimal(whole.height), _decimal(-strip * page), whole.operators),
            whole.image,
        )
        for page in range(pages)
    ]


def svg(width_mm: float, height_mm: float, units_per_mm: int, shapes: Iterable[Shape]) -> bytes:
    """A drawing in canonical bytes. Raises ImageInvalid when it is not of the subset after all."""
    width, height = _decimal(width_mm), _decimal(height_mm)
    box = b"0 0 %b %b" % (_decimal(width_mm * units_per_mm), _decimal(height_mm * units_per_mm))
    content = b"".join(
        [
            b'<svg xmlns="http://www.w3.org/2000/svg" width="%bmm" height="%bmm" viewBox="%b">' % (width, height, box),
            *(
                b'<path d="%b" fill="%b"%b/>'
                % (shape.outline.encode(), shape.fill.encode(), b' fill-rule="evenodd"' if shape.even_odd else b"")
                for shape in shapes
            ),
            b"</svg>",
        ]
    )
    artwork(content)
    return content


def _from_png(content: bytes) -> Artwork:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as opened:
            image = opened.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageInvalid from error
    alpha = image.getchannel("A")
    stencil = alpha.point(lambda opacity: 0 if opacity >= 128 else 255).convert("1", dither=Image.Dither.NONE)
    pixels = Pixels(
        image.width,
        image.height,
        zlib.compress(image.convert("RGB").tobytes()),
        zlib.compress(alpha.tobytes()),
        zlib.compress(stencil.tobytes()),
    )
    return Artwork(image.width, image.height, b"q %d 0 0 %d 0 0 cm /Seal Do Q" % image.size, pixels)


def _from_svg(content: bytes) -> Artwork:
    head = _HEAD.match(content, endpos=min(len(content), MAX_SVG))
    if head is None or len(content) > MAX_SVG:
        raise ImageInvalid
    width_mm, height_mm, box_width, box_height = (float(number) for number in head.groups())
    if not all((width_mm, height_mm, box_width, box_height)):
        raise ImageInvalid
    # As in SVG's default preserveAspectRatio both directions have one scale, or viewers would differ.
    scale = width_mm / box_width
    if not math.isclose(scale, height_mm / box_height, rel_tol=1e-6):
        raise ImageInvalid
    drawn = [b"q %b 0 0 %b 0 %b cm" % _matrix(scale, height_mm)]
    position, end, paths = head.end(), len(content) - len(_TAIL), 0
    while position < end and paths < MAX_PATHS:
        path = _PATH.match(content, position)
        if path is None:
            raise ImageInvalid
        outline, colour, rule = path.groups()
        drawn += [_colour(colour), *_outline(outline, box_width, box_height), b"f*" if rule == b"evenodd" else b"f"]
        position, paths = path.end(), paths + 1
    if not paths or position != end or not content.endswith(_TAIL):
        raise ImageInvalid
    drawn.append(b"Q")
    return Artwork(width_mm * POINTS_PER_MILLIMETRE, height_mm * POINTS_PER_MILLIMETRE, b"\n".join(drawn))


def _outline(outline: bytes, width: float, height: float) -> list[bytes]:
    """One line per command. Every subpath begins with M, says something, and is closed."""
    lines: list[bytes] = []
    position, length = 0, len(outline)
    is_open = False
    while position < length:
        found = _COMMAND.match(outline, position)
        if found is None:
            raise ImageInvalid
        command, operands, close = found.groups()
        position = found.end()
        # M begins what Z ends, and everything else stands between them.
        if is_open is (command == b"M"):
            raise ImageInvalid
        if close:
            lines.append(b"h")
            is_open = False
            continue
        numbers = operands.split(b" ")
        if len(numbers) != _OPERANDS[command] or not _inside(numbers, width, height):
            raise ImageInvalid
        lines.append(operands + b" " + _OPERATORS[command])
        is_open = True
    if is_open or not lines:
        raise ImageInvalid
    return lines


def _inside(numbers: Sequence[bytes], width: float, height: float) -> bool:
    return all(float(x) <= width for x in numbers[::2]) and all(float(y) <= height for y in numbers[1::2])


def _colour(colour: bytes) -> bytes:
    parts = [_decimal(int(colour[start : start + 2], 16) / 255) for start in (0, 2, 4)]
    return b" ".join(parts) + b" rg"


def _matrix(scale: float, height_mm: float) -> tuple[bytes, bytes, bytes]:
    """Points from units of the view box, and y up."""
    factor = scale * POINTS_PER_MILLIMETRE
    return b"%.10f" % factor, b"%.10f" % -factor, b"%.6f" % (height_mm * POINTS_PER_MILLIMETRE)


def _decimal(value: float) -> bytes:
    """Without an exponent, a negative zero, or zeros at the end."""
    text = f"{value + 0.0:.4f}".rstrip("0").rstrip(".")
    return (text or "0").encode()
