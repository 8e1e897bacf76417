"""Pages: what is seen of each, and the page tree made flat (ISO 32000-2, 7.7.3)."""

from decimal import Decimal
from typing import Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf

from esign_contract.adapters.pdf.refused import Refused
from esign_contract.domain.document import PageSize

SMALLEST_SIDE: Final = 72_000
LARGEST_COORDINATE: Final = 14_400_000
"""Thousandths of a unit: 200 inches, the largest page that ISO 32000-1, annex C, speaks of."""

LARGEST_UNIT: Final = 75_000_000
"""Thousandths of a point: what Adobe's viewers take (ISO 32000-1, annex C)."""

INHERITABLE: Final = ("/Resources", "/MediaBox", "/CropBox", "/Rotate")

Box = tuple[Decimal, Decimal, Decimal, Decimal]
Attributes = dict[str, pikepdf.Object]


def flatten_tree(pdf: Pdf, max_pages: int) -> list[pikepdf.Object]:
    """Puts all pages under one node, with every attribute on its page; the pages in order. What is seen stays.

    Raises Refused for no page, for too many, and for a tree that runs in circles.
    """
    root = pdf.make_indirect(Dictionary(Type=Name.Pages))
    found: list[pikepdf.Object] = []
    seen: set[tuple[int, int]] = set()
    waiting: list[tuple[pikepdf.Object, Attributes]] = [(pdf.Root["/Pages"], {})]
    shared: dict[int, pikepdf.Object] = {}
    while waiting:
        node, held = waiting.pop()
        if not isinstance(node, Dictionary):
            continue
        if not node.is_indirect or node.objgen in seen:
            raise Refused("DOCUMENT_DAMAGED")
        seen.add(node.objgen)
        held = held | {key: node[key] for key in INHERITABLE if key in node}
        kids = node.get("/Kids")
        if isinstance(kids, Array):
            waiting += [(kid, held) for kid in reversed(list(kids))]
        elif node.get("/Type") != Name.Pages:
            if len(found) == max_pages:
                raise Refused("DOCUMENT_TOO_MANY_PAGES")
            found.append(node)
            _settle(pdf, node, held, shared)
            node["/Parent"] = root
    if not found:
        raise Refused("DOCUMENT_HAS_NO_PAGES")
    root["/Count"], root["/Kids"] = len(found), Array(found)
    pdf.Root["/Pages"] = root
    return found


def size_of(page: pikepdf.Object) -> PageSize:
    """What is seen of a page of a flat tree. Raises Refused for a page on which nothing could be placed."""
    x1, y1, x2, y2 = (round(side * 1000) for side in _rectangle(page.get("/CropBox", page["/MediaBox"])))
    if max(map(abs, (x1, y1, x2, y2))) > LARGEST_COORDINATE or min(x2 - x1, y2 - y1) < SMALLEST_SIDE:
        raise Refused("DOCUMENT_PAGE_SIZE")
    return PageSize(x2 - x1, y2 - y1, int(page.get("/Rotate", 0)), x1, y1, _unit(page.get("/UserUnit", 1)))


def _unit(value: object) -> int:
    """Thousandths of a point; what is no sensible length counts as absent, as viewers have it."""
    try:
        unit = round(Decimal(str(value)) * 1000)
    except (ArithmeticError, ValueError):
        return 1000
    return unit if 1 <= unit <= LARGEST_UNIT else 1000


def _settle(pdf: Pdf, page: pikepdf.Object, held: Attributes, shared: dict[int, pikepdf.Object]) -> None:
    """Writes a page's attributes on it. The crop box is the part of it that lies on the media box (ISO 32000-2,
    14.11.2.1), and is left out when nothing is cut."""
    # qpdf has given every page without one the box that viewers take, when it opened the file.
    media = _rectangle(held["/MediaBox"])
    crop = _rectangle(held["/CropBox"]) if "/CropBox" in held else media
    x1, y1, x2, y2 = (*map(max, media[:2], crop[:2]), *map(min, media[2:], crop[2:]))
    rotation = int(held.get("/Rotate", 0)) % 360
    if rotation % 90:
        raise Refused("DOCUMENT_DAMAGED")
    page["/Type"], page["/MediaBox"] = Name.Page, Array(media)
    for key in ("/CropBox", "/Rotate"):
        if key in page:
            del page[key]
    if (x1, y1, x2, y2) != media and x1 < x2 and y1 < y2:
        page["/CropBox"] = Array([x1, y1, x2, y2])
    if rotation:
        page["/Rotate"] = rotation
    if "/Resources" not in page:
        page["/Resources"] = _indirect(pdf, held.get("/Resources"), shared)


def _indirect(pdf: Pdf, resources: pikepdf.Object | None, shared: dict[int, pikepdf.Object]) -> pikepdf.Object:
    """Resources that several pages inherit, as one object; else every page would carry a copy."""
    if resources is None:
        return Dictionary()
    if resources.is_indirect:
        return resources
    return shared.setdefault(id(resources), pdf.make_indirect(resources))


def _rectangle(value: object) -> Box:
    if not isinstance(value, Array) or len(value) != 4:
        raise Refused("DOCUMENT_DAMAGED")
    a, b, c, d = (Decimal(str(number)) for number in value)
    return min(a, c), min(b, d), max(a, c), max(b, d)
