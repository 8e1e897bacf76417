"""Documents whose pages lie oddly, or are many; and where a place of the screen is in them, computed apart from the portal."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pikepdf import Array, Dictionary, Name, Pdf

from esign_e2e.lease_layout import SigningArea

Rect = tuple[float, float, float, float]


@dataclass(frozen=True)
class Sheet:
    """A page as the PDF says: what is seen of its space (left, bottom, right, top, in its units), turned clockwise; `unit` is
    in points."""

    name: str
    seen: Rect
    media: Rect
    rotation: int = 0
    unit: float = 1.0

    @property
    def shown(self) -> tuple[float, float]:
        """Width and height as it is seen."""
        left, bottom, right, top = self.seen
        return (right - left, top - bottom) if self.rotation % 180 == 0 else (top - bottom, right - left)

    def rect(self, share: Rect) -> Rect:
        """The rectangle in the page's space for one of the page as seen: left, top, right, bottom as shares of it."""
        left, bottom, right, top = self.seen
        corners = [self._point(x, y) for x, y in ((share[0], share[1]), (share[2], share[3]))]
        xs = sorted(left + x * (right - left) for x, _ in corners)
        ys = sorted(bottom + y * (top - bottom) for _, y in corners)
        return xs[0], ys[0], xs[1], ys[1]

    def _point(self, x: float, y: float) -> tuple[float, float]:
        """Seen from the top left corner → from the bottom left corner of the page before it is turned."""
        return {0: (x, 1 - y), 90: (y, x), 180: (1 - x, y), 270: (1 - y, 1 - x)}[self.rotation]


ODD: Final = (
    Sheet("portrait", (0, 0, 595, 842), (0, 0, 595, 842)),
    Sheet("turned", (-100, 50, 495, 892), (-100, 50, 495, 892), 90),
    Sheet("landscape, cropped", (340.5, -169.75, 1040, 300), (300, -200, 1142, 395), unit=1.5),
)
"""Pages of `odd_pages`."""
LANDLORD: Final = SigningArea(1, 60_000, 560_000, 173_386, 673_386)
"""Where the landlord signs in them: off the corners and the middle."""
TENANT: Final = SigningArea(2, -40_000, 400_000, 80_000, 442_000)
"""Where the tenant is asked to."""


def odd_pages(path: Path) -> None:
    """The pages of `ODD`, each with its name and a frame along the edges of what is seen."""
    with Pdf.new() as pdf:
        font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
        for sheet in ODD:
            page = pdf.add_blank_page(page_size=(100, 100))
            left, bottom, right, top = sheet.seen
            page.obj["/MediaBox"], page.obj["/CropBox"] = Array(sheet.media), Array(sheet.seen)
            page.obj["/Rotate"], page.obj["/UserUnit"] = sheet.rotation, sheet.unit
            page.Resources = Dictionary(Font=Dictionary(F1=font))
            page.Contents = pdf.make_stream(
                f"0.6 0.7 0.9 RG {left + 2} {bottom + 2} {right - left - 4} {top - bottom - 4} re S\n"
                f"BT /F1 20 Tf {left + 200} {bottom + 240} Td ({sheet.name}) Tj ET".encode()
            )
        pdf.save(path, min_version="1.6")


def many_pages(path: Path, pages: int) -> None:
    """Small pages that show their number."""
    with Pdf.new() as pdf:
        font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
        for number in range(1, pages + 1):
            page = pdf.add_blank_page(page_size=(420, 700))
            page.Resources = Dictionary(Font=Dictionary(F1=font))
            page.Contents = pdf.make_stream(f"BT /F1 60 Tf 150 320 Td ({number}) Tj ET".encode())
        pdf.save(path)


def widgets(path: Path) -> list[tuple[int, Rect]]:
    """Page (from 1) and rectangle of every signature that is seen, in the order of the pages."""
    with Pdf.open(path) as pdf:
        return [
            (number, tuple(float(side) for side in note["/Rect"]))  # type: ignore[misc]
            for number, page in enumerate(pdf.pages, start=1)
            for note in page.obj.get("/Annots", [])
            if note.get("/FT") == Name.Sig and "/V" in note and note["/Rect"][2] != note["/Rect"][0]
        ]
