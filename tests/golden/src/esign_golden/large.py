"""Documents that are large in one way or another."""

import io
import random
from pathlib import Path
from typing import Final

from esign_e2e.lease import make_lease
from pikepdf import Dictionary, Name, Pdf, Stream
from PIL import Image

from esign_golden.drawing import save
from esign_golden.raw import RawFile, stream

DEEP_PAGES: Final = 500
SCANNED_PAGES: Final = 24
SCANNED_SIZE: Final = (1700, 2200)
PIECE: Final = 2_100_000


def lease(path: Path) -> None:
    """A Chinese lease of 80 pages."""
    make_lease(path, pages=80)


def scan(path: Path) -> None:
    """A scanned contract of 50 MB: a picture on each page."""
    width, height = SCANNED_SIZE
    noise = random.Random(20261124).randbytes(width * height // 4)
    picture = Image.frombytes("L", (width // 2, height // 2), noise).resize(SCANNED_SIZE)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    jpeg = out.getvalue()
    pdf = Pdf.new()
    for number in range(SCANNED_PAGES):
        page = pdf.add_blank_page(page_size=(595, 770))
        image = Stream(
            pdf,
            _with_comments(jpeg, number, PIECE),
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=width,
            Height=height,
            ColorSpace=Name.DeviceGray,
            BitsPerComponent=8,
            Filter=Name.DCTDecode,
        )
        page.obj["/Resources"] = Dictionary(XObject=Dictionary(Im=image))
        page.obj["/Contents"] = pdf.make_stream(b"q 595 0 0 770 0 0 cm /Im Do Q")
    save(pdf, path)


def deep_tree(path: Path) -> None:
    """500 pages; each node of the tree holds six pages and the node with the rest, size and fonts stand at the top."""
    path.write_bytes(chained(DEEP_PAGES, 6))


def chained(pages: int, each: int) -> bytes:
    """A file whose page tree is a chain of nodes that hold `each` pages."""
    file = RawFile("1.4")
    file.write(1, b"<</Type/Catalog /Pages 3 0 R>>")
    file.write(2, b"<</Type/Font /Subtype/Type1 /BaseFont/Helvetica>>")
    nodes = -(-pages // each)
    for index in range(nodes):
        node, first = 3 + index, index * each
        numbers = range(first, min(first + each, pages))
        kids = [3 + nodes + 2 * number for number in numbers] + ([node + 1] if index < nodes - 1 else [])
        place = b"/Parent %d 0 R" % (node - 1)
        top = b"/MediaBox[0 0 595 842] /Resources<</Font<</F1 2 0 R>>>>"
        listed = b" ".join(b"%d 0 R" % kid for kid in kids)
        file.write(node, b"<</Type/Pages /Count %d /Kids[%b] %b>>" % (pages - first, listed, place if index else top))
        for number in numbers:
            page = 3 + nodes + 2 * number
            file.write(page, b"<</Type/Page /Parent %d 0 R /Contents %d 0 R>>" % (node, page + 1))
            file.write(page + 1, stream(b"", b"BT /F1 40 Tf 60 700 Td (Page %d) Tj ET" % (number + 1)))
    return file.finish(b"/Root 1 0 R")


def _with_comments(jpeg: bytes, number: int, size: int) -> bytes:
    """The picture, another file for every page: comments (ITU-T T.81, B.2.4.5) fill it up to `size`."""
    filling, source = [], random.Random(number)
    missing = size - len(jpeg)
    while missing > 4:
        length = min(missing - 2, 0xFFFF)
        filling.append(b"\xff\xfe" + length.to_bytes(2, "big") + source.randbytes(length - 2))
        missing -= length + 2
    return jpeg[:2] + b"".join(filling) + jpeg[2:]
