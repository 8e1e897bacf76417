"""Pages whose every part is recognisable."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pikepdf import Array, Dictionary, Name, Object, ObjectStreamMode, Page, Pdf

A4: Final = (595, 842)
Change = Callable[[Pdf], None]


def document(pages: int = 1, size: tuple[float, float] = A4) -> Pdf:
    """A frame, a line of text, a picture's worth of colour on every page."""
    pdf = Pdf.new()
    font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
    for number in range(1, pages + 1):
        page = pdf.add_blank_page(page_size=size)
        draw(pdf, page, f"Page {number}", (0, 0, *size))
        page.obj["/Resources"]["/Font"] = Dictionary(F1=font)
    return pdf


def draw(pdf: Pdf, page: Page, text: str, box: tuple[float, float, float, float]) -> None:
    """A frame along `box`, a shaded square whose colours depend on the page's own space, and `text`."""
    x1, y1, x2, y2 = box
    page.obj["/Contents"] = pdf.make_stream(
        f"0 0 1 RG 3 w {x1 + 20} {y1 + 20} {x2 - x1 - 40} {y2 - y1 - 40} re S "
        f"/Pattern cs /P1 scn {x1 + 60} {y1 + 400} 100 100 re f "
        f"0 g BT /F1 24 Tf {x1 + 60} {y1 + 300} Td ({text}) Tj ET".encode()
    )
    page.obj["/Resources"] = Dictionary(Pattern=Dictionary(P1=pdf.make_indirect(_shading(x1 + 60, x1 + 160))))


def text_font(pdf: Pdf) -> Object:
    """A font that every program knows."""
    return pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))


def save(pdf: Pdf, path: Path, **how: Any) -> None:
    """The same document gives the same bytes."""
    pdf.save(path, **{"deterministic_id": True, "object_stream_mode": ObjectStreamMode.disable, **how})


def _shading(start: float, end: float) -> Dictionary:
    ramp = Dictionary(FunctionType=2, Domain=Array([0, 1]), C0=Array([1, 0, 0]), C1=Array([0, 1, 0]), N=1)
    axial = Dictionary(
        ShadingType=2, ColorSpace=Name.DeviceRGB, Coords=Array([start, 0, end, 0]), Function=ramp, Extend=[True, True]
    )
    return Dictionary(Type=Name.Pattern, PatternType=2, Shading=axial)
