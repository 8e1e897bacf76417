"""Places given by words of the document: what is asked for, what was found, and where the seal then goes."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from esign_kit.refs import Placement

from esign_contract.domain import refusals
from esign_contract.domain.document import PageSize, lies_on_page

MAX_SUGGESTED: Final = 50
HANDWRITTEN: Final = (120_000, 42_000)
"""The size of a person's signature, in thousandths of a point."""

_THOUSANDTHS_PER_MICROMETRE: Final = 72_000 / 25_400
_MAX_OFFSET: Final = 1_000_000
_MAX_NUMBER: Final = 100_000
_BRACKETS: Final = str.maketrans("[{〔【〖〘〚「『〈《]}〕】〗〙〛」』〉》", 11 * "(" + 11 * ")")

Size = tuple[int, int]
Words = tuple[str, int, int]
"""What to look for, and the first and last page on which to look, from 1."""


@dataclass(frozen=True, slots=True)
class KeywordPlace:
    """Words that lead to a place, as `esign.contract.v1.KeywordPlace` says it. Pages and occurrences count from 1, or from
    -1 at the end; 0 is none in particular."""

    text: str
    occurrence: int = 0
    first_page: int = 0
    last_page: int = 0
    right_um: int = 0
    up_um: int = 0

    def check(self, field: str, pages: int) -> None:
        """Raises InvalidInput."""
        if not plain(self.text):
            raise refusals.invalid(f"{field}.text", "关键字不能为空", "A keyword has characters that can be seen")
        numbers = (self.occurrence, self.first_page, self.last_page)
        if max(map(abs, numbers)) > _MAX_NUMBER or max(abs(self.right_um), abs(self.up_um)) > _MAX_OFFSET:
            raise refusals.invalid(field, "关键字的序号、页码或偏移量超出范围", "A number is out of range")
        first, last = self.page_range(pages)
        if not 1 <= first <= last <= pages:
            raise refusals.invalid(f"{field}.first_page", "关键字的页码范围不正确", "No such pages")

    def page_range(self, pages: int) -> tuple[int, int]:
        """The first and last page in which to look, of a document of so many."""
        return _counted(self.first_page or 1, pages), _counted(self.last_page or -1, pages)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Where the words stand on a page, and where they end, in thousandths of a unit of the page's user space."""

    page: int
    x1: int
    y1: int
    x2: int
    y2: int
    end_x: int
    end_y: int


@dataclass(frozen=True, slots=True)
class Found:
    """What the search came to. `legible` is false when no page on which it looked has any text."""

    occurrences: tuple[Occurrence, ...]
    legible: bool = True


def plain(text: str) -> str:
    """A text without what makes no difference: white space, the forms of a character (Unicode NFKD), kinds of brackets."""
    decomposed = unicodedata.normalize("NFKD", text).translate(_BRACKETS)
    return "".join(c for c in decomposed if unicodedata.category(c)[0] not in "ZC")


def places_of(
    keyword: KeywordPlace, found: Found, pages: Sequence[PageSize], seal: Size, field: str, *, several: bool
) -> tuple[Placement, ...]:
    """Where a seal of this size (thousandths of a point) goes, in the order of reading; more than one only if `several`.

    Raises InvalidInput KEYWORD_NOT_FOUND, KEYWORD_AMBIGUOUS, and PLACEMENT_OUTSIDE_PAGE when it is larger than the page.
    """
    seen = _in_reading_order(found.occurrences, pages)
    if not seen or abs(keyword.occurrence) > len(seen):
        raise refusals.keyword_not_found(field, keyword.text, len(seen), found.legible)
    if keyword.occurrence:
        seen = [seen[_counted(keyword.occurrence, len(seen)) - 1]]
    elif len(seen) > (MAX_SUGGESTED if several else 1):
        raise refusals.keyword_ambiguous(field, keyword.text, len(seen))
    places = tuple(_placed(keyword, one, pages[one.page - 1], seal) for one in seen)
    if not all(lies_on_page(place, tuple(pages)) for place in places):
        raise refusals.placement_outside(field)
    return places


def check_apart(places: Mapping[int, Sequence[Placement]]) -> None:
    """Raises InvalidInput PLACES_OVERLAP when places of two parties, by their index, have an area in common."""
    for (one, here), (other, there) in combinations(sorted(places.items()), 2):
        for a in here:
            for b in there:
                if a.page == b.page and a.x1 < b.x2 and b.x1 < a.x2 and a.y1 < b.y2 and b.y1 < a.y2:
                    raise refusals.places_overlap(one, other, a.page)


def _counted(number: int, count: int) -> int:
    return number if number > 0 else count + 1 + number


def _in_reading_order(occurrences: Sequence[Occurrence], pages: Sequence[PageSize]) -> list[Occurrence]:
    """Those that are seen, page by page, line by line, from left to right, as the pages are turned."""
    boxes = []
    for one in occurrences:
        page = pages[one.page - 1]
        x, y = (one.x1 + one.x2) // 2 - page.left, (one.y1 + one.y2) // 2 - page.bottom
        if 0 <= x <= page.width and 0 <= y <= page.height:
            right, down, height = _seen(x, y, page, one)
            boxes.append((one.page, down, right, height, one))
    boxes.sort(key=lambda box: box[:3])
    lines: list[list[tuple[int, int, int, int, Occurrence]]] = []
    for box in boxes:
        start = lines[-1][0] if lines else None
        if start and start[0] == box[0] and box[1] - start[1] < max(start[3], box[3]) // 2:
            lines[-1].append(box)
        else:
            lines.append([box])
    return [box[4] for line in lines for box in sorted(line, key=lambda box: box[2])]


def _seen(x: int, y: int, page: PageSize, box: Occurrence) -> tuple[int, int, int]:
    """How far right and down a point of the visible box is seen, and how high the words are."""
    width, height = box.x2 - box.x1, box.y2 - box.y1
    match page.rotation:
        case 90:
            return y, x, width
        case 180:
            return page.width - x, y, height
        case 270:
            return page.height - y, page.width - x, width
        case _:
            return x, page.height - y, height


def _placed(keyword: KeywordPlace, one: Occurrence, page: PageSize, seal: Size) -> Placement:
    """The seal upright as the page is seen, its centre on the end of the words and moved, then onto the page."""
    scale = 1000 / page.unit
    right, up = (length * _THOUSANDTHS_PER_MICROMETRE * scale for length in (keyword.right_um, keyword.up_um))
    dx, dy = {90: (-up, right), 180: (-right, -up), 270: (up, -right)}.get(page.rotation, (right, up))
    width, height = (round(side * scale) for side in (seal if page.rotation % 180 == 0 else seal[::-1]))
    x1 = _within(round(one.end_x + dx - width / 2), page.left, page.left + page.width - width)
    y1 = _within(round(one.end_y + dy - height / 2), page.bottom, page.bottom + page.height - height)
    return Placement(one.page, x1, y1, x1 + width, y1 + height)


def _within(value: int, least: int, most: int) -> int:
    return max(least, min(value, most))
