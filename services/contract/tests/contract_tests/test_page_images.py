"""What is drawn over the pages that people see."""

from pathlib import Path

from esign_contract.adapters.pdf.process import PdfProcesses
from esign_contract.settings import WorkerSettings
from PIL import Image, ImageChops

from .documents import build
from .samples import FONT


async def test_a_page_says_who_looks(tmp_path: Path) -> None:
    source = tmp_path / "in.pdf"
    source.write_bytes(build())
    pdf = PdfProcesses(WorkerSettings(), max_pages=20, max_file_bytes=10_000_000, font=FONT)
    drawn = {}
    for mark in ("", "*明 138****5678 2026-11-24 16:00", "*夏 139****1234 2026-11-24 16:00"):
        await pdf.render(source, tmp_path, [1], 800, mark)
        drawn[mark] = Image.open(tmp_path / "1.webp").convert("L")
        drawn[mark].load()
    plain, *marked = drawn.values()
    for image in marked:
        difference = ImageChops.difference(plain, image).point(lambda value: 255 if value > 8 else 0)
        # All over the page, and so faint that what is beneath can be read.
        left, top, right, bottom = difference.getbbox() or (0, 0, 0, 0)
        assert (left < 200, top < 200, right > 600, bottom > 930) == (True,) * 4
        assert 0.005 < difference.histogram()[255] / (image.width * image.height) < 0.1
        assert max(ImageChops.difference(plain, image).tobytes()) < 60
    assert marked[0].tobytes() != marked[1].tobytes()
