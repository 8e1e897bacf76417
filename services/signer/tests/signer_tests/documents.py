"""Documents and seals for the tests, made on the spot."""

# mypy: disable-error-code="no-untyped-call"

import io
from pathlib import Path

import pikepdf
from PIL import Image, ImageDraw
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.content import RawContent
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter

NODE_MODULES = Path(__file__).resolve().parents[4] / "node_modules"
FONTS = [
    NODE_MODULES / "@expo-google-fonts" / "noto-serif-sc" / "700Bold" / "NotoSerifSC_700Bold.ttf",
    NODE_MODULES / "@expo-google-fonts" / "noto-sans-sc" / "400Regular" / "NotoSansSC_400Regular.ttf",
]


def seal_png(colour: tuple[int, int, int] = (200, 20, 20), size: int = 200) -> bytes:
    """A round seal on a transparent ground."""
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((4, 4, size - 5, size - 5), outline=(*colour, 255), width=8)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def write_pdf(path: Path, pages: int = 3, *, rotate: int = 0) -> Path:
    """A PDF of A4 pages with a line of content each."""
    writer = PdfFileWriter(stream_xrefs=False)
    for number in range(pages):
        content = RawContent(f"0 0 0 rg 72 {700 - number} 200 12 re f".encode())
        page = PageObject(
            contents=writer.add_object(generic.StreamObject(stream_data=content.data)), media_box=(0, 0, 595, 842)
        )
        if rotate:
            page[pdf_name("/Rotate")] = generic.NumberObject(rotate)
        writer.insert_page(page)
    with path.open("wb") as stream:
        writer.write(stream)
    return path


def plain(source: Path) -> Path:
    """A document in the form in which intake stores it."""
    target = source.with_name(f"plain-{source.name}")
    with pikepdf.open(source) as pdf:
        pdf.save(target, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return target
