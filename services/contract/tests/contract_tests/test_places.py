"""Places by words of the document: finding the words, putting seals there, and contracts made so."""

import asyncio
import io
import math
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pypdfium2
import pytest
from esign.common.v1 import common_pb2
from esign.contract.v1 import contract_pb2
from esign_contract.adapters.pdf.process import PdfProcesses
from esign_contract.adapters.pdf.search import search
from esign_contract.domain.document import PageSize
from esign_contract.domain.places import Found, KeywordPlace, Occurrence, check_apart, places_of, plain
from esign_contract.settings import WorkerSettings
from esign_kit.errors import Conflict, InvalidInput
from esign_kit.refs import Placement
from pikepdf import Array, Dictionary, Name, Pdf

from .documents import bomb, build
from .samples import FONT
from .world import PLACE, SOHO_PLACE, World, unique

SIZE = 20
SEAL = (113_386, 113_386)
PAGE = PageSize(595_000, 842_000, 0)
LATIN = b"BT /F1 20 Tf 60 700 Td (Who will ) Tj 100 0 Td (\\(Seal\\) illicit) Tj ET"
Run = tuple[str, float, float] | tuple[str, float, float, int]


def written(*pages: list[Run], **boxes: object) -> bytes:
    """Pages with runs of text of 20 units: what, where (x, y), and turned how far to the left."""
    pdf = Pdf.new()
    measures: dict[str, Any] = {"Flags": 4, "ItalicAngle": 0, "Ascent": 880, "Descent": -120, "CapHeight": 880}
    descriptor = Dictionary(Type=Name.FontDescriptor, FontName=Name("/STSong-Light"), StemV=93, **measures)
    descriptor.FontBBox = Array([-25, -254, 1000, 880])
    system = Dictionary(Registry=pikepdf.String("Adobe"), Ordering=pikepdf.String("GB1"), Supplement=2)
    glyphs = Dictionary(Type=Name.Font, Subtype=Name.CIDFontType0, BaseFont=Name("/STSong-Light"), DW=1000)
    glyphs.CIDSystemInfo, glyphs.FontDescriptor = system, pdf.make_indirect(descriptor)
    font = Dictionary(
        Type=Name.Font, Subtype=Name.Type0, BaseFont=Name("/STSong-Light"), Encoding=Name("/UniGB-UCS2-H")
    )
    font.DescendantFonts = Array([pdf.make_indirect(glyphs)])
    fonts = Dictionary(F1=pdf.make_indirect(font))
    for runs in pages:
        page = pdf.add_blank_page(page_size=(595, 842))
        content = [f"BT /F1 {SIZE} Tf"]
        for text, x, y, *turn in runs:
            angle = math.radians(turn[0] if turn else 0)
            matrix = f"{math.cos(angle):.6f} {math.sin(angle):.6f} {-math.sin(angle):.6f} {math.cos(angle):.6f} {x} {y}"
            content.append(f"{matrix} Tm <{text.encode('utf-16-be').hex()}> Tj")
        page.Contents = pdf.make_stream("\n".join([*content, "ET"]).encode())
        page.Resources = Dictionary(Font=fonts)
        for key, value in boxes.items():
            page.obj["/" + key] = value
    out = io.BytesIO()
    pdf.save(out)
    return out.getvalue()


def find(content: bytes, text: str, folder: Path, first: int = 1, last: int = 1) -> Found:
    path = folder / "document.pdf"
    path.write_bytes(content)
    return search(path, [(text, first, last)])[0]


FINDABLE: dict[str, tuple[str, list[Run], tuple[float, float]]] = {
    "as it stands": ("乙方（盖章）", [("乙方（盖章）：", 100, 500)], (220, 500)),
    "half-width for full-width": ("乙方(盖章):", [("乙方（盖章）：", 100, 500)], (240, 500)),
    "full-width for half-width": ("Ｂ（Ｓeal）", [("B(Seal)", 100, 500)], (240, 500)),
    "other brackets": ("乙方（盖章）", [("乙方【盖章】", 100, 500)], (220, 500)),
    "white space in the text": ("乙方（盖章）", [("乙 方（ 盖\u3000章 ）", 100, 500)], (300, 500)),
    "white space in the words": ("乙 方 （盖章）", [("乙方（盖章）", 100, 500)], (220, 500)),
    "several runs": ("乙方（盖章）", [("乙", 100, 500), ("方（盖", 160, 500), ("章）", 222, 500)], (262, 500)),
    "runs in another order": ("乙方（盖章）", [("（盖章）", 140, 500), ("X", 20, 20), ("乙方", 100, 500)], (220, 500)),
    "bold, drawn twice": ("乙方（盖章）", [("乙方（盖章）", 100, 500), ("乙方（盖章）", 100.4, 500)], (220, 500)),
    "with a shadow": (
        "乙方（盖章）",
        [("乙方（盖章）", 100, 500), *((c, 102.5 + 20 * n, 499) for n, c in enumerate("乙方（盖章）"))],
        (220, 500),
    ),
    "upwards": ("乙方（盖章）", [("乙方（盖章）", 100, 500, 90)], (100, 620)),
    "upside down": ("乙方（盖章）", [("乙方（盖章）", 300, 500, 180)], (180, 500)),
    "slanting": ("乙方（盖章）", [("乙方（盖章）", 100, 500, 30)], (204, 560)),
    "in a column": ("乙方盖章", [(c, 100, 500 - 24 * n) for n, c in enumerate("乙方盖章")], (110, 424)),
    "in narrow cells, side by side": (
        "乙方（盖章）",
        [("甲方（盖", 40, 500), ("乙方（盖", 200, 500), ("章）", 40, 474), ("章）", 200, 474)],
        (240, 474),
    ),
    "in a narrow cell, in its middle": ("乙方（盖章）", [("乙方（盖", 100, 500), ("章）", 120, 474)], (160, 474)),
    "two columns, side by side": (
        "乙方（盖章）",
        [("甲方（盖章）：", 60, 500), ("乙方（盖章）：", 360, 500)],
        (480, 500),
    ),
}


@pytest.mark.parametrize("name", FINDABLE)
def test_words_are_found_however_they_are_written(name: str, tmp_path: Path) -> None:
    words, runs, end = FINDABLE[name]
    (found,) = find(written(runs), words, tmp_path).occurrences
    # Of the last character, half is its own side bearing, and its middle lies a third above the line.
    assert math.dist((found.end_x / 1000, found.end_y / 1000), end) < SIZE * 0.95
    assert found.x1 - 1 <= found.end_x <= found.x2 + 1
    assert found.y1 - 1 <= found.end_y <= found.y2 + 1


@pytest.mark.parametrize(
    "runs",
    [
        [("乙方", 40, 500), ("（盖章）", 400, 500)],
        [("本合同由乙方", 400, 500), ("（盖章）后生效", 40, 470)],
        [("乙方（签字）", 100, 500)],
        [(line, 100, 500 - 25 * n) for n, line in enumerate(("乙甲", "方乙", "（方", "盖丙", "章丁", "）戊"))],
    ],
    ids=["far apart", "two lines", "other words", "by chance below one another"],
)
def test_what_nobody_would_read_as_the_words_is_not_found(runs: list[Run], tmp_path: Path) -> None:
    found = find(written(runs), "乙方（盖章）", tmp_path)
    assert (found.occurrences, found.legible) == ((), True)


def test_words_in_a_form_are_found_where_it_is_drawn(tmp_path: Path) -> None:
    pdf = Pdf.open(io.BytesIO(written([("乙方（盖章）", 10, 10)])))
    page = pdf.pages[0]
    form = pdf.make_stream(
        page.Contents.read_bytes(), Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 300, 50])
    )
    form.Resources = page.Resources
    page.Resources = Dictionary(XObject=Dictionary(Fm=form))
    page.Contents = pdf.make_stream(b"2 0 0 2 200 100 cm /Fm Do")
    out = io.BytesIO()
    pdf.save(out)
    (found,) = find(out.getvalue(), "乙方（盖章）", tmp_path).occurrences
    assert 425 < found.end_x / 1000 < 461
    assert 120 < found.end_y / 1000 < 150


def test_narrow_letters_beside_one_another_are_not_taken_for_shadows(tmp_path: Path) -> None:
    content = build(change=lambda pdf: setattr(pdf.pages[0], "Contents", pdf.make_stream(LATIN)))
    (found,) = find(content, "will (Seal) illicit", tmp_path).occurrences
    assert 100 < found.x1 / 1000 < found.end_x / 1000 < 400


def test_pictures_of_text_are_not_read(tmp_path: Path) -> None:
    with pypdfium2.PdfDocument(written([("乙方（盖章）", 100, 500)])) as document:
        picture = document[0].render(scale=1).to_pil()
    scan = io.BytesIO()
    picture.save(scan, "PDF")
    found = find(scan.getvalue(), "乙方（盖章）", tmp_path)
    assert (found.occurrences, found.legible) == ((), False)
    keyword = KeywordPlace("乙方")
    with pytest.raises(InvalidInput, match="KEYWORD_NOT_FOUND") as refusal:
        places_of(keyword, found, [PAGE], SEAL, "keyword", several=False)
    assert "扫描件" in refusal.value.zh


@pytest.mark.parametrize("content", [lambda: written([(100 * "章", 10, 24 * n) for n in range(51)]), bomb])
async def test_a_search_that_takes_too_much_is_given_up(content: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "document.pdf"
    path.write_bytes(content())
    settings = WorkerSettings(cpu_seconds=2, memory_mib=512)
    with pytest.raises(InvalidInput, match="KEYWORD_SEARCH_FAILED"):
        await PdfProcesses(settings, 20, 10_000_000, FONT).search(path, [("章", 1, 1)])


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_seal_covers_the_end_of_the_words_as_they_are_seen(rotation: int, tmp_path: Path) -> None:
    """Against the picture of a page that is turned, cut, begins anywhere, and has units of its own."""
    turned = {0: (300, 500), 90: (300, 400), 180: (400, 500), 270: (300, 450)}[rotation]
    boxes: dict[str, Any] = {"MediaBox": Array([-30, 70, 700, 900]), "CropBox": Array([10, 100, 560, 800])}
    content = written([("乙方（盖章", *turned, rotation)], Rotate=rotation, UserUnit=2, **boxes)
    found = find(content, "乙方（盖章", tmp_path)
    size = PageSize(550_000, 700_000, rotation, 10_000, 100_000, 2000)
    (place,) = places_of(KeywordPlace("x", 1, 0, 0, 5_000, 10_000), found, [size], (80_000, 40_000), "f", several=False)
    with pypdfium2.PdfDocument(content) as document:
        picture = np.asarray(document[0].render(scale=1).to_pil().convert("L")) < 128
    rows, columns = np.nonzero(picture)
    right, middle = columns.max() + 1, (rows.min() + rows.max() + 1) / 2
    x1, y1, x2, y2 = place.x1 / 1000 - 10, place.y1 / 1000 - 100, place.x2 / 1000 - 10, place.y2 / 1000 - 100
    shown = {
        0: (x1, 700 - y2, x2, 700 - y1),
        90: (y1, x1, y2, x2),
        180: (550 - x2, y1, 550 - x1, y2),
        270: (700 - y2, 550 - x2, 700 - y1, 550 - x1),
    }[rotation]
    # Half the numbers of points, for a unit is two of them; moved 5 mm to the right and 10 mm up.
    assert (shown[2] - shown[0], shown[3] - shown[1]) == pytest.approx((40, 20))
    assert (shown[0] + shown[2]) / 2 == pytest.approx(right + 5 * 72 / 25.4 / 2, abs=1.5)
    assert (shown[1] + shown[3]) / 2 == pytest.approx(middle - 10 * 72 / 25.4 / 2, abs=1.5)


def at(x: int, y: int, page: int = 1) -> Occurrence:
    return Occurrence(page, x, y, x + 60_000, y + 10_000, x + 60_000, y + 5_000)


def test_occurrences_count_as_pages_are_read(tmp_path: Path) -> None:
    pages = [PAGE, PageSize(595_000, 842_000, 90), PAGE]
    # Out of order, on one line a little askew, outside what is seen, and on a page that is turned.
    listed = (at(100_000, 300_000, 3), at(300_000, 602_000), at(100_000, 600_000), at(100_000, 700_000), at(-90_000, 1))
    turned = (at(400_000, 100_000, 2), at(100_000, 400_000, 2), at(100_000, 100_000, 2))
    found = Found((*listed, *turned))

    def places(occurrence: int) -> list[tuple[int, int, int]]:
        keyword = KeywordPlace("盖章", occurrence)
        made = places_of(keyword, found, pages, (2_000, 2_000), "f", several=True)
        return [(p.page, p.x1 - 59_000, p.y1 - 4_000) for p in made]

    everyone = places(0)
    assert everyone == [
        (1, 100_000, 700_000),
        (1, 100_000, 600_000),
        (1, 300_000, 602_000),
        (2, 100_000, 100_000),
        (2, 100_000, 400_000),
        (2, 400_000, 100_000),
        (3, 100_000, 300_000),
    ]
    assert [places(n) for n in (1, 3, -1, -7)] == [[everyone[n]] for n in (0, 2, 6, 0)]
    for occurrence in (8, -8):
        with pytest.raises(InvalidInput, match="KEYWORD_NOT_FOUND") as missing:
            places(occurrence)
        assert "只出现7次" in missing.value.zh
    with pytest.raises(InvalidInput, match="KEYWORD_AMBIGUOUS") as several:
        places_of(KeywordPlace("盖章"), found, pages, SEAL, "parties[1].keyword", several=False)
    assert several.value.metadata == {"field": "parties[1].keyword", "keyword": "盖章", "count": "7"}


def test_a_seal_that_would_leave_the_page_is_moved_onto_it() -> None:
    corners = [at(0, 0), at(535_000, 832_000)]
    low, high = (places_of(KeywordPlace("x"), Found((c,)), [PAGE], SEAL, "f", several=False)[0] for c in corners)
    assert low == Placement(1, 3_307, 0, 116_693, 113_386)
    assert high == Placement(1, 481_614, 728_614, 595_000, 842_000)
    with pytest.raises(InvalidInput, match="PLACEMENT_OUTSIDE_PAGE"):
        places_of(KeywordPlace("x"), Found((at(0, 0),)), [PageSize(100_000, 842_000, 0)], SEAL, "f", several=False)


def test_places_that_only_touch_do_not_overlap() -> None:
    one, beside, above = Placement(1, 0, 0, 100, 100), Placement(1, 100, 0, 200, 100), Placement(1, 0, 100, 200, 200)
    for apart in permutations((one, beside, above, Placement(2, 0, 0, 100, 100))):
        check_apart({0: (apart[0], apart[0]), **{n: (apart[n],) for n in (1, 2, 3)}})
    with pytest.raises(InvalidInput, match="PLACES_OVERLAP") as refusal:
        check_apart({0: (one,), 1: (beside,), 2: (Placement(1, 199, 99, 300, 300),)})
    assert refusal.value.metadata == {"field": "parties[2]", "page": "1"}


@pytest.mark.parametrize(
    "keyword",
    [
        KeywordPlace("\u200b"),
        KeywordPlace("x", 100_001),
        KeywordPlace("x", 0, 3),
        KeywordPlace("x", 0, 0, -3),
        KeywordPlace("x", 0, 2, 1),
        KeywordPlace("x", 0, 0, 0, 1_000_001),
        KeywordPlace("x", 0, 0, 0, 0, -1_000_001),
    ],
)
def test_keywords_that_lead_nowhere_are_refused(keyword: KeywordPlace) -> None:
    with pytest.raises(InvalidInput, match="CONTRACT_INPUT_INVALID"):
        keyword.check("parties[1].keyword", 2)


def test_page_ranges_count_from_both_ends() -> None:
    assert KeywordPlace("x").page_range(9) == (1, 9)
    assert KeywordPlace("x", 0, -2, -1).page_range(9) == (8, 9)
    assert KeywordPlace("x", 0, 3, 3).page_range(9) == (3, 3)
    assert plain("乙　方【盖 章】：") == plain("乙方(盖章):")


def keyword(text: str, **more: int) -> contract_pb2.KeywordPlace:
    return contract_pb2.KeywordPlace(text=text, **more)


async def test_contracts_are_made_by_words(world: World) -> None:
    blocks: list[Run] = [("甲方（盖章）：", 60, 400), ("乙方（签字）：", 360, 400)]
    document = await world.upload(written([("乙方（签字）", 60, 700)], [*blocks, (unique("x"), 40, 40)]))
    request = await world.request([unique("person")], document_id=document.document_id)
    request.parties[0].keyword.CopyFrom(keyword("乙方(签字)"))
    request.parties[1].ClearField("placement")
    request.parties[1].keyword.CopyFrom(keyword("甲方(盖章)", up_um=-10_000))
    made, again = await asyncio.gather(*(world.system().CreateContract(request) for _ in range(2)))
    assert made == again
    landlord = made.parties[1].placement
    assert (landlord.page, landlord.x2 - landlord.x1, landlord.y2 - landlord.y1) == (2, 113_386, 113_386)
    assert (landlord.x1 + landlord.x2) / 2000 == pytest.approx(174, abs=SIZE / 2)
    assert (landlord.y1 + landlord.y2) / 2000 == pytest.approx(408 - 28.3, abs=SIZE / 4)
    first, second = made.suggested_places
    assert made.parties[0].placement == first
    assert [(p.page, p.x2 - p.x1, p.y2 - p.y1) for p in (first, second)] == [(1, 120_000, 42_000), (2, 120_000, 42_000)]
    request.parties[1].keyword.up_um = 0
    with pytest.raises(Conflict, match="DOCUMENT_NUMBER_TAKEN"):
        await world.system().CreateContract(request)


@pytest.mark.parametrize(
    ("place", "reason", "field"),
    [
        (keyword("丙方（盖章）"), "KEYWORD_NOT_FOUND", "parties[1].keyword"),
        (keyword("Page", first_page=2), "PLACES_OVERLAP", "parties[1]"),
        (keyword("Page"), "KEYWORD_AMBIGUOUS", "parties[1].keyword"),
        (keyword("Page", occurrence=3), "KEYWORD_NOT_FOUND", "parties[1].keyword"),
        (keyword(""), "CONTRACT_INPUT_INVALID", "parties[1].keyword.text"),
        (keyword("Page", first_page=3), "CONTRACT_INPUT_INVALID", "parties[1].keyword.first_page"),
    ],
)
async def test_words_that_lead_to_no_place_are_refused_at_creation(
    world: World, place: contract_pb2.KeywordPlace, reason: str, field: str
) -> None:
    request = await world.request([unique("person")])
    request.parties[0].placement.CopyFrom(common_pb2.Placement(page=2, x1=100_000, y1=690_000, x2=300_000, y2=800_000))
    request.parties[1].ClearField("placement")
    request.parties[1].keyword.CopyFrom(place)
    with pytest.raises(InvalidInput) as refusal:
        await world.system().CreateContract(request)
    assert (refusal.value.reason, refusal.value.metadata["field"]) == (reason, field)
    assert place.text in refusal.value.metadata.get("keyword", place.text)
    assert await world.rows("SELECT 1 FROM contracts WHERE document_number = :n", n=request.document_number) == []


async def test_places_by_coordinates_may_not_overlap_either(world: World) -> None:
    request = await world.request([unique("person")])
    request.parties[0].placement.CopyFrom(SOHO_PLACE)
    with pytest.raises(InvalidInput, match="PLACES_OVERLAP"):
        await world.system().CreateContract(request)
    request.parties[0].placement.CopyFrom(PLACE)
    request.parties[1].keyword.CopyFrom(keyword("Page", occurrence=1))
    with pytest.raises(InvalidInput, match="CONTRACT_INPUT_INVALID"):
        await world.system().CreateContract(request)
    request.parties[1].ClearField("keyword")
    made = await world.system().CreateContract(request)
    assert list(made.suggested_places) == [PLACE]
