"""Looks for words on pages, as people read them: on a line, in a column, or from line to line of a cell.

Runs in a worker process (`worker`). What is found is text that the page carries; pictures of text are not read.
"""

import ctypes
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pypdfium2
import pypdfium2.raw as pdfium

from esign_contract.adapters.pdf.refused import Refused
from esign_contract.domain.places import Found, Occurrence, Words, plain

MAX_OCCURRENCES: Final = 5000
WIDEST_GAP: Final = 6.0
"""Between two characters of a line, in heights of a character: 乙      方（盖 章）."""
LONGEST_STEP: Final = 1.6
"""From one character of a column to the next, likewise."""
NEXT_LINE: Final = 2.2
"""From one line of a cell to the next, likewise."""
CELL_GAP: Final = 1.5
SAME_LINE: Final = 0.3
NEIGHBOUR: Final = 1.3

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Character:
    """A character: what it stands for, its ink, and, turned so that its line runs to the right, its origin, where its ink
    begins, its baseline, how long its ink is, and how high characters of its size are."""

    plain: str
    box: Box
    turn: int
    origin: float
    along: float
    across: float
    length: float
    size: float


@dataclass(frozen=True, slots=True)
class Turned:
    """What is written in one direction, `turn` degrees to the left of the page's own: lines from their starts, columns from
    their tops, and pieces of lines that stand under one another, as in the cell of a table, line by line."""

    turn: int
    lines: list[list[Character]]
    columns: list[list[Character]]
    cells: list[list[Character]]


Distance = Callable[[Character, Character], float]


def search(source: Path, wanted: Sequence[Words]) -> list[Found]:
    """Finds each of some words between two pages (from 1, both included). Raises Refused, pypdfium2.PdfiumError."""
    needles = [(plain(text), first, last) for text, first, last in wanted]
    found: list[list[Occurrence]] = [[] for _ in needles]
    legible = [False for _ in needles]
    with pypdfium2.PdfDocument(source) as document:
        for number in range(min(n[1] for n in needles), max(n[2] for n in needles) + 1):
            here = [i for i, (_, first, last) in enumerate(needles) if first <= number <= last]
            if not here:
                continue
            page = document[number - 1]
            text = page.get_textpage()
            letters = set(plain(text.get_text_range()))
            possible = [i for i in here if letters.issuperset(needles[i][0])]
            layout = _layout(text) if possible else []
            for i in here:
                legible[i] |= bool(letters)
            for i in possible:
                found[i] += (_occurrence(number, match) for match in _matches(layout, needles[i][0]))
                if len(found[i]) > MAX_OCCURRENCES:
                    raise Refused("DOCUMENT_TOO_COMPLEX")
            text.close()
            page.close()
    return [Found(tuple(those), seen) for those, seen in zip(found, legible, strict=True)]


def _layout(text: pypdfium2.PdfTextPage) -> list[Turned]:
    characters = list(_characters(text))
    return [_turned(characters, turn) for turn in sorted({one.turn for one in characters})]


def _characters(text: pypdfium2.PdfTextPage) -> Iterator[Character]:
    x, y, matrix = ctypes.c_double(), ctypes.c_double(), pdfium.FS_MATRIX()
    index, count = 0, text.count_chars()
    while index < count:
        at, code = index, pdfium.FPDFText_GetUnicode(text, index)
        index += 1
        if 0xD800 <= code < 0xDC00 and index < count:
            low = pdfium.FPDFText_GetUnicode(text, index)
            code = 0x10000 + (code - 0xD800 << 10) + (low - 0xDC00 & 0x3FF)
            index += 1
        letters = plain(chr(code)) if 0 < code < 0x110000 else ""
        if not letters or pdfium.FPDFText_IsGenerated(text, at) == 1:
            continue
        box, loose = text.get_charbox(at), text.get_charbox(at, loose=True)
        pdfium.FPDFText_GetCharOrigin(text, at, x, y)
        # Not by FPDFText_GetCharAngle: it takes slanted letters for turned ones.
        pdfium.FPDFText_GetMatrix(text, at, matrix)
        angle = math.atan2(matrix.b, matrix.a)
        cosine, sine = math.cos(angle), math.sin(angle)
        size = max(loose[2] - loose[0], loose[3] - loose[1], 1.0)
        length = abs((box[2] - box[0]) * cosine) + abs((box[3] - box[1]) * sine)
        yield Character(
            letters,
            box,
            round(math.degrees(angle)) % 360,
            x.value * cosine + y.value * sine,
            ((box[0] + box[2]) * cosine + (box[1] + box[3]) * sine - length) / 2,
            y.value * cosine - x.value * sine,
            length,
            size,
        )


def _matches(layout: Iterable[Turned], needle: str) -> Iterator[tuple[int, list[Character]]]:
    """The characters of each occurrence, and how many degrees the way in which it is read is turned to the left."""
    taken: set[int] = set()
    for turned in layout:
        for line in turned.lines:
            for match in _in_run(line, needle, WIDEST_GAP, _gap):
                taken.update(map(id, match))
                yield turned.turn, match
        for column in turned.columns if len(needle) > 1 else ():
            for match in _in_run(column, needle, LONGEST_STEP, _step):
                if taken.isdisjoint(map(id, match)) and not any(_has_neighbour(one, turned) for one in match):
                    taken.update(map(id, match))
                    yield (turned.turn - 90) % 360, match
        for cell in turned.cells if len(needle) > 1 else ():
            for match in _in_run(cell, needle, math.inf, _gap):
                if taken.isdisjoint(map(id, match)):
                    last = match[-1]
                    yield turned.turn, [one for one in match if abs(_step(one, last)) < SAME_LINE * last.size]


def _turned(characters: Sequence[Character], turn: int) -> Turned:
    those = [one for one in characters if one.turn == turn]
    clusters = _clusters(sorted(those, key=lambda one: -one.across), _step)
    lines = [_drawn_once(sorted(line, key=lambda one: one.along)) for line in clusters]
    columns = _clusters(sorted(those, key=lambda one: one.origin), lambda a, b: b.origin - a.origin)
    return Turned(turn, lines, [sorted(column, key=lambda one: -one.across) for column in columns], _cells(lines))


def _cells(lines: Sequence[list[Character]]) -> list[list[Character]]:
    """Each piece of a line goes on in the first piece below that stands under it and goes on none yet."""
    pieces = [_pieces(line) for line in lines]
    cells: dict[int, list[Character]] = {}
    for number, line in enumerate(pieces):
        for piece in line:
            cell = cells.pop(id(piece), list(piece))
            below = _below(pieces, number, piece[0])
            follows = next((under for under in below if id(under) not in cells and _is_under(piece, under)), None)
            if follows:
                cells[id(follows)] = cell + follows
            elif len(cell) > len(piece):
                cells[id(piece)] = cell
    return list(cells.values())


def _below(lines: Sequence[list[list[Character]]], number: int, start: Character) -> Iterator[list[Character]]:
    """The pieces of the lines that come soon enough after a line."""
    for later in range(number + 1, len(lines)):
        if _step(start, lines[later][0][0]) > NEXT_LINE * start.size:
            return
        yield from lines[later]


def _pieces(line: Sequence[Character]) -> list[list[Character]]:
    pieces: list[list[Character]] = []
    for one in line:
        if pieces and _gap(pieces[-1][-1], one) <= CELL_GAP * one.size:
            pieces[-1].append(one)
        else:
            pieces.append([one])
    return pieces


def _is_under(piece: Sequence[Character], under: Sequence[Character]) -> bool:
    """Whether two pieces of lines begin at, or have their middles at, one distance from the margin."""
    near = piece[0].size
    middle, lower = ((p[0].along + p[-1].along + p[-1].length) / 2 for p in (piece, under))
    return abs(piece[0].origin - under[0].origin) < near or abs(middle - lower) < near


def _drawn_once(line: list[Character]) -> list[Character]:
    """What is drawn twice, a little apart, is shadowed or bold type."""
    kept: list[Character] = []
    for one in line:
        if not any(_is_copy(before, one) for before in kept[-3:]):
            kept.append(one)
    return kept


def _is_copy(before: Character, one: Character) -> bool:
    return before.plain == one.plain and one.along - before.along < max(one.length, before.length) / 2


def _gap(before: Character, after: Character) -> float:
    return after.along - before.along - before.length


def _step(before: Character, after: Character) -> float:
    return before.across - after.across


def _clusters(characters: Iterable[Character], distance: Distance) -> Iterator[list[Character]]:
    """Pieces of a sorted sequence, cut where the next character is further away than the same line would be."""
    cluster: list[Character] = []
    for one in characters:
        if cluster and distance(cluster[-1], one) > SAME_LINE * min(cluster[-1].size, one.size):
            yield cluster
            cluster = []
        cluster.append(one)
    if cluster:
        yield cluster


def _in_run(run: Sequence[Character], needle: str, widest: float, distance: Distance) -> Iterator[list[Character]]:
    """Where the words follow one another with no gap that is too wide."""
    letters: list[str] = []
    owners: list[int] = []
    for index, one in enumerate(run):
        if index and distance(run[index - 1], one) > widest * max(one.size, run[index - 1].size):
            letters.append("\n")
            owners.append(index)
        letters += one.plain
        owners += len(one.plain) * [index]
    text = "".join(letters)
    start = text.find(needle)
    while start >= 0:
        end = start + len(needle)
        yield [run[index] for index in sorted(set(owners[start:end]))]
        start = text.find(needle, end)


def _has_neighbour(one: Character, turned: Turned) -> bool:
    """Whether a character stands in a line with others, rather than above or below them."""
    line = next((line for line in turned.lines if one in line), [])
    return any(SAME_LINE * one.size < abs(other.origin - one.origin) < NEIGHBOUR * one.size for other in line)


def _occurrence(page: int, match: tuple[int, list[Character]]) -> Occurrence:
    turn, characters = match
    boxes = [one.box for one in characters]
    left, bottom, right, top = zip(*boxes, strict=True)
    x1, y1, x2, y2 = (round(side * 1000) for side in (min(left), min(bottom), max(right), max(top)))
    middle = ((x1 + x2) // 2, (y1 + y2) // 2)
    ends = {0: (x2, middle[1]), 90: (middle[0], y2), 180: (x1, middle[1]), 270: (middle[0], y1)}
    last = boxes[-1]
    askew = (round((last[0] + last[2]) * 500), round((last[1] + last[3]) * 500))
    return Occurrence(page, x1, y1, x2, y2, *ends.get(turn, askew))
