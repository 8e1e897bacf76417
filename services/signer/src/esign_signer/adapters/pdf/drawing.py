"""Draws seals as vectors. Glyphs become outlines, so that nobody needs a font to show them, and every viewer and printer
shows the same.

A drawing counts in 1/200 mm, x to the right, y down. The same design and fonts always give the same bytes.
"""

import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from fontTools.pens.basePen import BasePen
from fontTools.pens.boundsPen import BoundsPen
from fontTools.ttLib import TTFont

from esign_signer.adapters.pdf.artwork import Shape, svg
from esign_signer.domain.seal_design import NameUndrawable, RoundSeal, SquareSeal

RED: Final = "#d7191f"
UNITS_PER_MM: Final = 200

Point = tuple[float, float]
Map = Callable[[float, float], Point]
"""From a glyph's own coordinates (fractions of the em, y up, the middle of its square at 0, 0) to the drawing."""

_CIRCLE: Final = 0.5522847498
"""Length of a Bézier control arm for a quarter of the unit circle."""
_GLYPH_SHARE: Final = 0.93
"""How much of the em square a Chinese character's strokes fill."""
# Radial lengths, as shares of the radius: 20 mm have an edge of 1.2 mm and characters of 5.3 mm.
_EDGE: Final = 0.06
_GAP: Final = 0.045
_TALLEST: Final = 0.265
_LOWEST: Final = 0.16
_WIDEST: Final = 0.80
_NARROWEST: Final = 0.62
"""Widths of a character as shares of its height: a longer name is set closer, then smaller, then narrower still."""
_MOST_PITCH: Final = math.radians(30)
_MOST_SWEEP: Final = math.radians(276)
_MOST_SWEEP_WITH_TITLE: Final = math.radians(246)
_STAR: Final = 0.35
_LARGEST_STAR: Final = 7 * UNITS_PER_MM
_STAR_NOTCH: Final = math.sin(math.radians(18)) / math.sin(math.radians(54))


@dataclass(frozen=True, slots=True)
class _Glyph:
    """`middle` is where it is centred, and `width` what it takes, as fractions of the em."""

    draw: Callable[[BasePen], None]
    middle: float
    width: float


class _Typeface:
    def __init__(self, file: Path) -> None:
        font = TTFont(file, lazy=True)
        self._glyphs, self._names = font.getGlyphSet(), font.getBestCmap()
        self._em: int = font["head"].unitsPerEm

    def glyph(self, character: str) -> _Glyph | None:
        """None when the font lacks it."""
        name = self._names.get(ord(character))
        if name is None or name == ".notdef":
            return None
        glyph = self._glyphs[name]
        if unicodedata.category(character) == "Lo":
            return _Glyph(glyph.draw, 0.5, 1.0)
        # Latin letters, digits and brackets take what they fill.
        bounds = BoundsPen(self._glyphs)
        glyph.draw(bounds)
        left, _, right, _ = bounds.bounds or (0, 0, glyph.width, 0)
        return _Glyph(glyph.draw, (left + right) / 2 / self._em, (right - left) / self._em + 0.12)

    def outline(self, glyph: _Glyph, place: Map) -> str:
        """The glyph where `place` puts it."""
        pen = _OutlinePen(self._glyphs, lambda x, y: place(x / self._em - glyph.middle, y / self._em - 0.38))
        glyph.draw(pen)
        return pen.outline()


class _OutlinePen(BasePen):  # type: ignore[misc]
    """Writes outlines in the commands of the SVG subset, rounded to whole units."""

    def __init__(self, glyphs: object, place: Map) -> None:
        super().__init__(glyphs)
        self._place, self._parts = place, list[str]()

    def _point(self, point: Point) -> str:
        x, y = self._place(*point)
        return f"{round(x)} {round(y)}"

    def _moveTo(self, point: Point) -> None:
        self._parts.append(f"M{self._point(point)}")

    def _lineTo(self, point: Point) -> None:
        self._parts.append(f"L{self._point(point)}")

    def _curveToOne(self, first: Point, second: Point, point: Point) -> None:
        self._parts.append(f"C{self._point(first)} {self._point(second)} {self._point(point)}")

    def _closePath(self) -> None:
        self._parts.append("Z")

    def outline(self) -> str:
        return "".join(self._parts)


class Engraver:
    """Draws seals with the fonts of `files`: for each character the first that has it."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = tuple(files)

    def draw(self, design: RoundSeal | SquareSeal) -> bytes:
        """The seal as SVG (see `artwork`). Raises NameUndrawable."""
        return self._round(design) if isinstance(design, RoundSeal) else self._square(design)

    def _round(self, design: RoundSeal) -> bytes:
        radius = design.size * UNITS_PER_MM / 2000
        letters = self._letters(design.name)
        title, code = self._letters(design.title), self._letters(design.code)
        edge = radius * (1 - _EDGE)
        outlines = self._arc(letters, radius, _MOST_SWEEP_WITH_TITLE if title else _MOST_SWEEP)
        if title:
            outlines += self._row(title, radius, radius * 1.545, radius * 0.205, radius * 0.15)
        if code:
            outlines += self._code(code, radius)
        star = Shape(_star(radius, min(radius * _STAR, _LARGEST_STAR)), RED)
        shapes = [Shape(_circle(radius, radius) + _circle(radius, edge), RED, even_odd=True), star]
        size = design.size / 1000
        return svg(size, size, UNITS_PER_MM, [*shapes, *(Shape(outline, RED) for outline in outlines)])

    def _arc(self, letters: "list[_Letter]", radius: float, most_sweep: float) -> list[str]:
        """The name along the upper arc, symmetrical, read from the left to the right."""
        widths = [letter.glyph.width for letter in letters]
        pitch, height, width = _spacing(sum(widths), radius, most_sweep)
        middle = radius * (1 - _EDGE - _GAP) - height / 2
        angle = -pitch * sum(widths) / 2
        outlines = []
        for letter in letters:
            angle += pitch * letter.glyph.width / 2
            outlines.append(letter.outline(_upright(radius, middle, angle, width, height)))
            angle += pitch * letter.glyph.width / 2
        return outlines

    def _code(self, letters: "list[_Letter]", radius: float) -> list[str]:
        """Digits along the lower arc, their heads to the middle, read from the left to the right."""
        height, pitch = radius * 0.085, math.radians(3.7)
        middle = radius * (1 - _EDGE - 0.03) - height * 0.4
        outlines = []
        for number, letter in enumerate(letters):
            angle = pitch * (number - (len(letters) - 1) / 2)
            outlines.append(letter.outline(_inverted(radius, middle, angle, height)))
        return outlines

    def _row(self, letters: "list[_Letter]", x: float, y: float, height: float, width: float) -> list[str]:
        pitch = width * 1.1
        left = x - pitch * (len(letters) - 1) / 2
        return [
            letter.outline(_level(left + pitch * number, y, width, height)) for number, letter in enumerate(letters)
        ]

    def _square(self, design: SquareSeal) -> bytes:
        side = design.size * UNITS_PER_MM / 1000
        edge, inner, gap = side * 0.055, side * 0.82, side * 0.02
        width = (inner - gap * (len(design.columns) - 1)) / len(design.columns)
        outlines = []
        for number, column in enumerate(design.columns):
            x = side - (side - inner) / 2 - width / 2 - number * (width + gap)
            height = (inner - gap * (len(column) - 1)) / len(column)
            for row, letter in enumerate(self._letters(column)):
                y = (side - inner) / 2 + height / 2 + row * (height + gap)
                outlines.append(letter.outline(_level(x, y, width, height)))
        frame = _rounded(0, side, side * 0.06) + _rounded(edge, side - edge, side * 0.025)
        size = design.size / 1000
        return svg(size, size, UNITS_PER_MM, [Shape(frame, RED, even_odd=True), *(Shape(one, RED) for one in outlines)])

    def _letters(self, text: str) -> "list[_Letter]":
        found = {character: self._letter(character) for character in text}
        missing = "".join(character for character, letter in found.items() if letter is None)
        if missing:
            raise NameUndrawable(missing)
        return [letter for character in text if (letter := found[character]) is not None]

    def _letter(self, character: str) -> "_Letter | None":
        for file in self._files:
            typeface = _typeface(file)
            glyph = typeface.glyph(character)
            if glyph is not None:
                return _Letter(typeface, glyph)
        return None


@dataclass(frozen=True, slots=True)
class _Letter:
    typeface: _Typeface
    glyph: _Glyph

    def outline(self, place: Map) -> str:
        return self.typeface.outline(self.glyph, place)


@lru_cache(maxsize=8)
def _typeface(file: Path) -> _Typeface:
    """Read once, and only when it is needed: a font has 15 MB."""
    return _Typeface(file)


def _spacing(widths: float, radius: float, most_sweep: float) -> tuple[float, float, float]:
    """Angle per em, height and width of the characters: the largest with which the name fits on the arc."""
    pitch = min(_MOST_PITCH, most_sweep / max(1.0, widths - 1))
    outer = radius * (1 - _EDGE - _GAP)
    height = radius * _TALLEST
    while True:
        # Characters come closest to each other near their feet.
        width = min(_WIDEST * height, 0.93 * pitch * (outer - 0.85 * height))
        if width >= _NARROWEST * height or height <= radius * _LOWEST:
            return pitch, height, width
        height -= radius * 0.005


def _upright(centre: float, radius: float, angle: float, width: float, height: float) -> Map:
    """At `angle`, clockwise from the top, the head away from the centre."""
    sine, cosine = math.sin(angle), math.cos(angle)
    width, height = width / _GLYPH_SHARE, height / _GLYPH_SHARE

    def place(x: float, y: float) -> Point:
        u, v = x * width, radius + y * height
        return centre + v * sine + u * cosine, centre - v * cosine + u * sine

    return place


def _inverted(centre: float, radius: float, angle: float, height: float) -> Map:
    """At `angle`, counter-clockwise from the bottom, the head towards the centre."""
    sine, cosine = math.sin(angle), math.cos(angle)

    def place(x: float, y: float) -> Point:
        u, v = x * height, radius - y * height
        return centre + v * sine + u * cosine, centre + v * cosine - u * sine

    return place


def _level(x: float, y: float, width: float, height: float) -> Map:
    width, height = width / _GLYPH_SHARE, height / _GLYPH_SHARE
    return lambda u, v: (x + u * width, y - v * height)


def _circle(centre: float, radius: float) -> str:
    arm = radius * _CIRCLE
    c, r = centre, radius
    return "M{} {}C{} {} {} {} {} {}C{} {} {} {} {} {}C{} {} {} {} {} {}C{} {} {} {} {} {}Z".format(
        *map(round, (c, c - r)),
        *map(round, (c + arm, c - r, c + r, c - arm, c + r, c)),
        *map(round, (c + r, c + arm, c + arm, c + r, c, c + r)),
        *map(round, (c - arm, c + r, c - r, c + arm, c - r, c)),
        *map(round, (c - r, c - arm, c - arm, c - r, c, c - r)),
    )


def _rounded(low: float, high: float, corner: float) -> str:
    """A square from (low, low) to (high, high)."""
    near, far, arm = low + corner, high - corner, corner * (1 - _CIRCLE)
    return "M{} {}L{} {}C{} {} {} {} {} {}L{} {}C{} {} {} {} {} {}L{} {}C{} {} {} {} {} {}L{} {}C{} {} {} {} {} {}Z".format(
        *map(round, (near, low, far, low)),
        *map(round, (high - arm, low, high, low + arm, high, near, high, far)),
        *map(round, (high, high - arm, high - arm, high, far, high, near, high)),
        *map(round, (low + arm, high, low, high - arm, low, far, low, near)),
        *map(round, (low, low + arm, low + arm, low, near, low)),
    )


def _star(centre: float, radius: float) -> str:
    """Five points, one up."""
    corners = []
    for corner in range(10):
        reach = radius if corner % 2 == 0 else radius * _STAR_NOTCH
        angle = math.pi * corner / 5
        corners.append(f"{round(centre + reach * math.sin(angle))} {round(centre - reach * math.cos(angle))}")
    return f"M{corners[0]}L{'L'.join(corners[1:])}Z"
