"""What people see of their contracts."""

import asyncio
import tempfile
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from esign.evidence.v1.evidence_pb2 import ContractEvidence
from esign_kit.clock import Clock
from esign_kit.refs import ObjectRef

from esign_contract.app.ports import Begin, Evidence, Files, Link, PdfWork, People, PersonList
from esign_contract.app.views import ContractView, downloads, named
from esign_contract.domain import refusals
from esign_contract.domain.contract import Contract

PAGES_AT_A_TIME: Final = 6
WIDTH_STEP: Final = 100
DEFAULT_WIDTH: Final = 1000
WIDTHS: Final = (200, 2000)
MAX_LIST_PAGE: Final = 10_000
DRAWINGS: Final = 4
"""Documents that are fetched and drawn at a time: each takes disk and a worker."""


class PersonContracts:
    """A person's contracts; another's are not there for them."""

    def __init__(self, begin: Begin, people: People, evidence: Evidence, clock: Clock) -> None:
        self._begin, self._people, self._evidence, self._clock = begin, people, evidence, clock

    async def list(self, person_id: str, which: PersonList, page: int, size: int) -> tuple[list[ContractView], int]:
        """A page of a list (from 1), newest first, and the list's length. Raises InvalidInput."""
        if not (1 <= page <= MAX_LIST_PAGE and 1 <= size <= 100):
            raise refusals.invalid("page", "页码或每页条数不正确", "page: 1 to 10000, size: 1 to 100")
        async with self._begin() as records:
            contracts, total = await records.contracts_of(person_id, which, (page - 1) * size, size)
            left = await downloads(records, person_id, contracts, self._clock())
        names = await named(self._people, contracts)
        return [ContractView(contract, names, left[contract.contract_id]) for contract in contracts], total

    async def get(self, person_id: str, contract_id: str) -> ContractView:
        """One contract. Raises NotFound."""
        async with self._begin() as records:
            contract = visible_to(await records.contract(contract_id), person_id)
            left = await downloads(records, person_id, [contract], self._clock())
        return ContractView(contract, await named(self._people, [contract]), left[contract_id])

    async def evidence(self, person_id: str, contract_id: str) -> ContractEvidence:
        """合同查验: what the evidence service has. Raises NotFound."""
        async with self._begin() as records:
            visible_to(await records.contract(contract_id), person_id)
        return await self._evidence.of_contract(contract_id)


class GetPageImage:
    """A page as an image: drawn once, several neighbours at a time, kept, and handed out by link."""

    def __init__(self, begin: Begin, files: Files, pdf: PdfWork) -> None:
        self._begin, self._files, self._pdf = begin, files, pdf
        self._slots = asyncio.Semaphore(DRAWINGS)
        self._drawing: WeakValueDictionary[tuple[str, int, int], asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, person_id: str, contract_id: str, page: int, width: int) -> Link:
        """The page of the document as it stands, at least `width` pixels wide (0: 1000; steps of 100).

        Raises NotFound, InvalidInput, Conflict PREVIEW_FAILED.
        """
        async with self._begin() as records:
            contract = visible_to(await records.contract(contract_id), person_id)
        width = width or DEFAULT_WIDTH
        if not WIDTHS[0] <= width <= WIDTHS[1]:
            raise refusals.invalid("width", "宽度须在200至2000像素之间", "width: 200 to 2000 pixels")
        if not 1 <= page <= len(contract.pages):
            raise refusals.invalid("page", "页码不存在", f"page: 1 to {len(contract.pages)}")
        # In steps, so that nobody can have the same page drawn in eighteen hundred widths.
        width = -(-width // WIDTH_STEP) * WIDTH_STEP
        found = await self._files.find_image(contract.head.sha256, page, width)
        return await self._files.link_image(found or await self._draw(contract, page, width))

    async def _draw(self, contract: Contract, page: int, width: int) -> ObjectRef:
        first = (page - 1) // PAGES_AT_A_TIME * PAGES_AT_A_TIME + 1
        pages = list(range(first, min(first + PAGES_AT_A_TIME, len(contract.pages) + 1)))
        sha256 = contract.head.sha256
        lock = self._drawing.setdefault((sha256, first, width), asyncio.Lock())
        async with lock:
            found = await self._files.find_image(sha256, page, width)
            if found:
                return found
            async with self._slots:
                return (await self._draw_pages(contract, pages, width))[page - first]

    async def _draw_pages(self, contract: Contract, pages: list[int], width: int) -> list[ObjectRef]:
        with tempfile.TemporaryDirectory(prefix="esign-preview-") as folder:
            source = Path(folder, "document.pdf")
            await self._files.fetch(contract.head, source)
            await self._pdf.render(source, Path(folder), pages, width)
            stored = [
                self._files.store_image(contract.head.sha256, page, width, Path(folder, f"{page}.webp"))
                for page in pages
            ]
            return await asyncio.gather(*stored)


def visible_to(contract: Contract | None, person_id: str) -> Contract:
    """The contract, when the person is a party to it and it was sent. Raises NotFound."""
    if contract is None:
        raise refusals.contract_not_found()
    contract.party_of(person_id)
    return contract
