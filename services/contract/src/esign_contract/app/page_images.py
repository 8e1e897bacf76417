"""A document's pages as people see them: images of a few widths, which say who looks and when."""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

from esign_kit.clock import Clock
from esign_kit.refs import ObjectRef

from esign_contract.app.portal import visible_to
from esign_contract.app.ports import Begin, Files, Link, PdfWork
from esign_contract.domain import refusals
from esign_contract.domain.contract import Contract
from esign_contract.domain.terms import text

WIDTHS: Final = (200, 400, 600, 800, 1000, 1400, 2000, 2800)
"""Few, so that nobody can have the same page drawn in thousands."""
DEFAULT_WIDTH: Final = 1000
THUMBNAIL: Final = WIDTHS[0]
"""So small that nothing can be read, a watermark neither: it is the same for all viewers."""
PAGES_AT_A_TIME: Final = {200: 24, 1400: 4, 2000: 2, 2800: 1}
"""By width; of others six."""
DRAWINGS: Final = 4
"""Documents that are fetched and drawn at a time: each takes disk and a worker."""
LOCAL: Final = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class PageAsked:
    """Which page (1-based), at least how many pixels wide (0: 1000), for whom: a masked name, to be drawn over it."""

    contract_id: str
    page: int
    width: int
    viewer: str


class GetPageImage:
    """A page as an image: drawn once for a viewer and an hour, several neighbours at a time, kept, handed out by link."""

    def __init__(self, begin: Begin, files: Files, pdf: PdfWork, clock: Clock) -> None:
        self._begin, self._files, self._pdf, self._clock = begin, files, pdf, clock
        self._slots = asyncio.Semaphore(DRAWINGS)
        self._drawing: WeakValueDictionary[tuple[str, int, int, str], asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, person_id: str, asked: PageAsked) -> Link:
        """The page of the document as it stands. Raises NotFound, InvalidInput, Conflict PREVIEW_FAILED."""
        async with self._begin() as records:
            contract = visible_to(await records.contract(asked.contract_id), person_id)
        wanted = asked.width or DEFAULT_WIDTH
        if not WIDTHS[0] <= wanted <= WIDTHS[-1]:
            raise refusals.invalid("width", "宽度须在200至2800像素之间", "width: 200 to 2800 pixels")
        if not 1 <= asked.page <= len(contract.pages):
            raise refusals.invalid("page", "页码不存在", f"page: 1 to {len(contract.pages)}")
        width = next(step for step in WIDTHS if step >= wanted)
        mark = "" if width == THUMBNAIL else self._mark(asked.viewer)
        found = await self._files.find_image(contract.head.sha256, asked.page, width, mark)
        return await self._files.link_image(found or await self._draw(contract, asked.page, width, mark))

    def _mark(self, viewer: str) -> str:
        return f"{text('viewer', viewer, 60)} {self._clock().astimezone(LOCAL):%Y-%m-%d %H:00}"

    async def _draw(self, contract: Contract, page: int, width: int, mark: str) -> ObjectRef:
        at_a_time = PAGES_AT_A_TIME.get(width, 6)
        first = (page - 1) // at_a_time * at_a_time + 1
        pages = list(range(first, min(first + at_a_time, len(contract.pages) + 1)))
        sha256 = contract.head.sha256
        lock = self._drawing.setdefault((sha256, first, width, mark), asyncio.Lock())
        async with lock:
            found = await self._files.find_image(sha256, page, width, mark)
            if found:
                return found
            async with self._slots:
                return (await self._draw_pages(contract, pages, width, mark))[page - first]

    async def _draw_pages(self, contract: Contract, pages: list[int], width: int, mark: str) -> list[ObjectRef]:
        with tempfile.TemporaryDirectory(prefix="esign-preview-") as folder:
            source = Path(folder, "document.pdf")
            await self._files.fetch(contract.head, source)
            await self._pdf.render(source, Path(folder), pages, width, mark)
            stored = [
                self._files.store_image(contract.head.sha256, page, width, mark, Path(folder, f"{page}.webp"))
                for page in pages
            ]
            return await asyncio.gather(*stored)
