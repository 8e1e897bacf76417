"""How the lease is typeset: fonts, styles, Chinese line breaking, tables, the places for seals and signatures."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Paragraph, Table, TableStyle

FONT_PACKAGES: Final = "node_modules/@expo-google-fonts"
SERIF, SANS_BOLD = "lease", "lease-bold"
TEXT_WIDTH: Final = A4[0] - 50 * mm
NOT_FIRST: Final = set("，。、；：？！）》”’〕】％")
NOT_LAST: Final = set("（《“‘〔【")

BODY: Final = ParagraphStyle("body", fontName=SERIF, fontSize=10.5, leading=19, firstLineIndent=21, spaceAfter=2)
PLAIN: Final = ParagraphStyle("plain", fontName=SERIF, fontSize=10.5, leading=19, wordWrap="CJK")
CELL: Final = ParagraphStyle("cell", fontName=SERIF, fontSize=9.5, leading=14.5, wordWrap="CJK")
CELL_MID: Final = ParagraphStyle("cell-mid", CELL, alignment=TA_CENTER)
CELL_HEAD: Final = ParagraphStyle("cell-head", CELL_MID, fontName=SANS_BOLD)
ARTICLE: Final = ParagraphStyle("article", PLAIN, fontName=SANS_BOLD, fontSize=11.5, spaceBefore=8, spaceAfter=3)
HEADING: Final = ParagraphStyle("heading", CELL_HEAD, fontSize=15, leading=24, spaceAfter=10)
COVER: Final = ParagraphStyle("cover", CELL_HEAD, fontSize=30, leading=44)


@dataclass(frozen=True)
class SigningArea:
    """A rectangle on a page in thousandths of a PDF point, origin bottom left; pages count from 1."""

    page: int
    x1: int
    y1: int
    x2: int
    y2: int


class AreaFrame(Flowable):
    """A labelled, lightly framed place for a seal or a signature; it remembers where it was drawn."""

    def __init__(self, label: str, width: float = 64 * mm, height: float = 42 * mm) -> None:
        super().__init__()
        self.label, self.width, self.height = label, width, height
        self._drawn: SigningArea | None = None

    def wrap(self, _width: float, _height: float) -> tuple[float, float]:
        return self.width, self.height + 8 * mm

    def draw(self) -> None:
        canvas: Canvas = self.canv
        canvas.setFont(SANS_BOLD, 10.5)
        canvas.drawString(0, self.height + 3 * mm, self.label)
        canvas.setStrokeColor(colors.HexColor("#B8B8B8"))
        canvas.setDash(2, 2)
        canvas.rect(0, 0, self.width, self.height)
        x, y = canvas.absolutePosition(0, 0)
        corners = (round(1000 * v) for v in (x, y, x + self.width, y + self.height))
        self._drawn = SigningArea(canvas.getPageNumber(), *corners)

    def place(self) -> SigningArea:
        """Where it stands; only after the document was built."""
        assert self._drawn is not None
        return self._drawn


class FloorPlan(Flowable):
    """A sketch of one floor of a shopping centre in which unit 305 is the leased one."""

    def __init__(self) -> None:
        super().__init__()
        self.width, self.height = TEXT_WIDTH, 130 * mm

    def wrap(self, _width: float, _height: float) -> tuple[float, float]:
        return self.width, self.height

    def draw(self) -> None:
        canvas: Canvas = self.canv
        canvas.setFont(SERIF, 9.5)
        w, h, corridor = self.width / 5, self.height, 18 * mm
        room = (h - corridor) / 2
        for column in range(5):
            for row, base in ((0, 301), (1, 306)):
                number = str(base + column)
                x, y = column * w, (room + corridor) * (1 - row)
                canvas.setLineWidth(2 if number == "305" else 0.8)
                canvas.setFillColor(colors.HexColor("#DADADA") if number == "305" else colors.white)
                canvas.rect(x, y, w, room, fill=1)
                canvas.setFillColor(colors.black)
                label = "租赁房屋" if number == "305" else "电梯厅" if number == "308" else "商铺"
                canvas.drawCentredString(x + w / 2, y + room / 2, f"{number} {label}")
                door = y if row == 0 else y + room
                canvas.setLineWidth(0.6)
                canvas.arc(x + 6 * mm, door - 6 * mm, x + 18 * mm, door + 6 * mm, 0 if row == 0 else 270, 90)
        canvas.drawCentredString(self.width / 2, room + corridor / 2 - 3, "←　安全出口　　公共走廊　　安全出口　→")


def find_fonts() -> Path:
    """The folder that holds the npm packages `noto-serif-sc` and `noto-sans-sc`, in `node_modules` here or above."""
    for folder in (Path.cwd(), *Path.cwd().parents, *Path(__file__).resolve().parents):
        if (folder / FONT_PACKAGES / "noto-serif-sc").is_dir():
            return folder / FONT_PACKAGES
    raise FileNotFoundError(f"{FONT_PACKAGES}/noto-serif-sc is not installed (npm install)")


def register_fonts(folder: Path) -> None:
    """Make the two faces known; only the glyphs that a document uses are embedded."""
    pdfmetrics.registerFont(TTFont(SERIF, str(folder / "noto-serif-sc/400Regular/NotoSerifSC_400Regular.ttf")))
    pdfmetrics.registerFont(TTFont(SANS_BOLD, str(folder / "noto-sans-sc/700Bold/NotoSansSC_700Bold.ttf")))


def paragraph(text: str) -> Paragraph:
    """Body text, broken by the Chinese rules: no line begins with a closing mark or ends with an opening one."""
    lines: list[list[str]] = [[]]
    for token in re.findall(r"[!-~]+|.", text):
        room = TEXT_WIDTH - (BODY.firstLineIndent if len(lines) == 1 else 0)
        if pdfmetrics.stringWidth("".join([*lines[-1], token]), SERIF, BODY.fontSize) <= room:
            lines[-1].append(token)
            continue
        carried = [token]
        while lines[-1] and (carried[0] in NOT_FIRST or lines[-1][-1] in NOT_LAST):
            carried.insert(0, lines[-1].pop())
        lines.append(carried)
    return Paragraph("<br/>".join(escape("".join(line).strip(" ")) for line in lines), BODY)


def grid(rows: list[list[str]], widths: list[float], *, head: bool = True, labels: bool = False) -> Table:
    """A ruled table; `widths` in mm. With `head` the first row is one, with `labels` every other column is bold."""

    def cell(text: str, row: int, column: int) -> Paragraph:
        bold = (head and row == 0) or (labels and column % 2 == 0)
        return Paragraph(escape(text), CELL_HEAD if bold else CELL if labels else CELL_MID)

    style = TableStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.5, colors.HexColor("#555555")),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("TOPPADDING", (0, 0), (-1, -1), 4),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
        ]
    )
    if head:
        style.add("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#EDEDED"))
    cells = [[cell(text, r, c) for c, text in enumerate(row)] for r, row in enumerate(rows)]
    return Table(cells, [w * mm for w in widths], repeatRows=1 if head else 0, style=style)


def template(path: Path, title: str, number: str, author: str, pages: int) -> BaseDocTemplate:
    """A4 with a bare cover and, from the second page on, a running header and 第 n 页 / 共 N 页."""

    def decorate(canvas: Canvas, document: BaseDocTemplate) -> None:
        canvas.saveState()
        canvas.setFont(SERIF, 8.5)
        canvas.setFillColor(colors.HexColor("#444444"))
        canvas.drawString(25 * mm, A4[1] - 16 * mm, title)
        canvas.drawRightString(A4[0] - 25 * mm, A4[1] - 16 * mm, f"合同编号：{number}")
        canvas.setLineWidth(0.4)
        canvas.line(25 * mm, A4[1] - 18 * mm, A4[0] - 25 * mm, A4[1] - 18 * mm)
        canvas.drawCentredString(A4[0] / 2, 13 * mm, f"第 {document.page} 页 / 共 {pages} 页")
        canvas.restoreState()

    document = BaseDocTemplate(
        str(path), pagesize=A4, invariant=1, title=f"{title} {number}", author=author, lang="zh-CN"
    )
    frame = Frame(25 * mm, 20 * mm, TEXT_WIDTH, A4[1] - 42 * mm, 0, 0, 0, 0)
    document.addPageTemplates([PageTemplate("cover", [frame]), PageTemplate("text", [frame], onPage=decorate)])
    return document
