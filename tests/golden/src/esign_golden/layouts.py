"""Pages that lie oddly, and what lies on pages beside their content."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from pikepdf import Array, Dictionary, Name, Pdf, String

from esign_golden.drawing import document, draw, save, text_font

_ORIGINS = ((-100, 50), (1000, -2000), (0, 0), (300, 300))


def rotated(path: Path) -> None:
    """Four pages, each turned another way, with media and crop boxes far from the origin, all inherited from a node."""
    pdf = Pdf.new()
    font = text_font(pdf)
    nodes = []
    for number, (x, y) in enumerate(_ORIGINS):
        page = pdf.add_blank_page(page_size=(595, 842))
        draw(pdf, page, f"Turned by {90 * number}", (x, y, x + 595, y + 842))
        page.obj["/Resources"]["/Font"] = Dictionary(F1=font)
        node = Dictionary(
            Type=Name.Pages,
            Count=1,
            Kids=Array([page.obj]),
            # Corners in the wrong order, and a crop box that reaches beyond the media box.
            MediaBox=Array([x + 600, y + 850, x, y]),
            CropBox=Array([x + Decimal("10.5"), y + Decimal("20.25"), x + 590, y + 2000]),
            Rotate=90 * number - 360,
        )
        nodes.append((page.obj, pdf.make_indirect(node)))
    for page_object, node in nodes:
        del page_object["/MediaBox"]
        page_object["/Parent"], node["/Parent"] = node, pdf.Root["/Pages"]
    pdf.Root["/Pages"]["/Kids"] = Array([node for _, node in nodes])
    save(pdf, path)


def user_units(path: Path) -> None:
    """A page whose unit is a quarter of an inch: the sheet is 18 times as large as its numbers say."""
    pdf = document(1)
    pdf.pages[0].obj["/UserUnit"] = 18
    save(pdf, path, min_version="1.6")


def landscape(path: Path) -> None:
    """A4 across, and A3 across by rotation."""
    pdf = document(1, (842, 595))
    wide = document(1, (842, 1191))
    wide.pages[0].obj["/Rotate"] = 90
    pdf.pages.extend(wide.pages)
    save(pdf, path)


def annotated(path: Path) -> None:
    """A link, a stamp that would not be printed, and a note that nobody sees."""
    pdf = document(1)
    form = {"/Type": Name.XObject, "/Subtype": Name.Form, "/BBox": [0, 0, 100, 40]}
    stamp = pdf.make_stream(b"0 0.6 0 rg 0 0 100 40 re f", form)
    link = Dictionary(S=Name.URI, URI=String("https://www.example.com/"))
    kept: dict[str, Any] = {"Subtype": Name.Stamp, "Rect": [300, 600, 400, 640], "AP": Dictionary(N=stamp)}
    unseen = kept | {"Rect": [300, 500, 400, 540], "F": 2}
    linked = {"Subtype": Name.Link, "Rect": [60, 300, 200, 330], "A": link, "Border": [0, 0, 0]}
    pdf.pages[0].obj["/Annots"] = Array(
        pdf.make_indirect(Dictionary(**{"Type": Name.Annot, **entries})) for entries in (linked, kept, unseen)
    )
    save(pdf, path)


def layered(path: Path) -> None:
    """Two layers, both always shown."""
    pdf = document(1)
    layers = [pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String(name))) for name in ("Text", "Plan")]
    page = pdf.pages[0].obj
    page["/Resources"]["/Properties"] = Dictionary(L1=layers[0], L2=layers[1])
    drawing = pdf.make_stream(
        b"/OC /L1 BDC 1 0 0 rg 300 600 80 40 re f EMC /OC /L2 BDC 0 0 1 rg 400 600 80 40 re f EMC"
    )
    page["/Contents"] = Array([page["/Contents"], drawing])
    pdf.Root["/OCProperties"] = Dictionary(OCGs=Array(layers), D=Dictionary(ON=Array(layers), Order=Array(layers)))
    save(pdf, path, min_version="1.5")
