"""Finds the places that a system gives by words of its document."""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from esign_kit.refs import Placement

from esign_contract.app.ports import Files, PdfWork
from esign_contract.domain.document import Document
from esign_contract.domain.places import HANDWRITTEN, Size, places_of
from esign_contract.domain.terms import ContractTerms

AT_A_TIME: Final = 2
"""Documents that are fetched and searched: each takes disk and a worker."""


class FindPlaces:
    """Looks the words up in the document as it was stored."""

    def __init__(self, files: Files, pdf: PdfWork) -> None:
        self._files, self._pdf = files, pdf
        self._slots = asyncio.Semaphore(AT_A_TIME)

    async def __call__(
        self, terms: ContractTerms, document: Document, seals: Mapping[int, Size]
    ) -> dict[int, tuple[Placement, ...]]:
        """The places of every party with a keyword, by its index; `seals` are the sizes of policies' seals, likewise. More
        than one only for the first person.

        Raises InvalidInput KEYWORD_NOT_FOUND, KEYWORD_AMBIGUOUS, KEYWORD_SEARCH_FAILED, PLACEMENT_OUTSIDE_PAGE.
        """
        keywords = {i: party.keyword for i, party in enumerate(terms.parties) if party.keyword}
        if not keywords:
            return {}
        words = [(keyword.text, *keyword.page_range(len(document.pages))) for keyword in keywords.values()]
        async with self._slots:
            with tempfile.TemporaryDirectory(prefix="esign-search-") as folder:
                source = Path(folder, "document.pdf")
                await self._files.fetch(document.ref, source)
                found = await self._pdf.search(source, words)
        return {
            i: places_of(
                keyword, one, document.pages, seals.get(i, HANDWRITTEN), f"parties[{i}].keyword", several=i == 0
            )
            for (i, keyword), one in zip(keywords.items(), found, strict=True)
        }
