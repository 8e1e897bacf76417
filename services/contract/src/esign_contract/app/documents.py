"""Taking documents in from systems, and giving the completed file back to them."""

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from esign_kit.clock import Clock
from esign_kit.db import new_id
from esign_kit.objects import sha256_file

from esign_contract.app.ports import Begin, Chunks, Files, PdfWork, UploadLimits
from esign_contract.domain import refusals
from esign_contract.domain.document import Document
from esign_contract.domain.states import ContractState
from esign_contract.domain.terms import text

CHUNK: Final = 1 << 20
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a system says that it will send: `sha256` hex, `size` in bytes."""

    file_name: str
    size: int
    sha256: str


class UploadDocument:
    """Takes a PDF or a Word document: nothing is stored unless all of it came and all of it is fit to be signed."""

    def __init__(self, begin: Begin, files: Files, pdf: PdfWork, clock: Clock, limits: UploadLimits) -> None:
        self._begin, self._files, self._pdf, self._clock, self._limits = begin, files, pdf, clock, limits
        self._under_way = 0

    async def __call__(self, system: str, declared: Declaration, chunks: Chunks) -> Document:
        """The same bytes from the same system are the same document. Raises InvalidInput, TooLarge, Limited."""
        file_name = text("file_name", declared.file_name, 200)
        if not _SHA256.fullmatch(declared.sha256):
            raise refusals.invalid("sha256", "sha256须为64位小写十六进制", "sha256: 64 lower-case hex digits")
        if declared.size > self._limits.document_bytes:
            raise refusals.document_too_large(self._limits.document_bytes)
        if self._under_way >= self._limits.at_a_time:
            raise refusals.uploads_busy()
        self._under_way += 1
        try:
            with tempfile.TemporaryDirectory(prefix="esign-upload-") as folder:
                source, clean = Path(folder, "upload"), Path(folder, "clean.pdf")
                await self._receive(declared, chunks, source)
                return await self._take_in(system, file_name, declared.sha256, source, clean)
        finally:
            self._under_way -= 1

    async def _receive(self, declared: Declaration, chunks: Chunks, path: Path) -> None:
        digest, size = hashlib.sha256(), 0
        with path.open("wb") as file:
            async for chunk in chunks:
                size += len(chunk)
                if len(chunk) > self._limits.chunk_bytes:
                    raise refusals.invalid("chunk", "分片超过1MiB", "A chunk is larger than 1 MiB")
                if size > declared.size:
                    raise refusals.document_refused("DOCUMENT_SIZE_MISMATCH")
                digest.update(chunk)
                await asyncio.to_thread(file.write, chunk)
        if size != declared.size:
            raise refusals.document_refused("DOCUMENT_SIZE_MISMATCH")
        if digest.hexdigest() != declared.sha256:
            raise refusals.document_refused("DOCUMENT_HASH_MISMATCH")

    async def _take_in(self, system: str, file_name: str, upload_sha256: str, source: Path, clean: Path) -> Document:
        async with self._begin() as records:
            known = await records.document_by_upload(system, upload_sha256)
        if known:
            return known
        taken = await self._pdf.take_in(source, clean)
        document_id = new_id()
        sha256 = await asyncio.to_thread(sha256_file, clean)
        ref = await self._files.store_document(document_id, clean, sha256)
        document = Document(
            document_id, system, file_name, upload_sha256, ref, taken.pages, self._clock(), taken.signatures
        )
        async with self._begin() as records:
            if await records.add_document(document):
                return document
            earlier = await records.document_by_upload(system, upload_sha256)
        assert earlier is not None
        return earlier


class FetchDocument:
    """Gives a completed file to the system that created the contract; this is not counted."""

    def __init__(self, begin: Begin, files: Files) -> None:
        self._begin, self._files = begin, files

    async def __call__(self, system: str, contract_id: str) -> AsyncIterator[bytes]:
        """Chunks of at most 1 MiB; nothing is given before the whole file was found to be what it should be.

        Raises NotFound, Conflict while the contract is not complete.
        """
        async with self._begin() as records:
            contract = await records.contract(contract_id)
        if contract is None or contract.system != system:
            raise refusals.contract_not_found()
        if contract.state is not ContractState.COMPLETED:
            raise refusals.contract_in_state(contract.state)
        with tempfile.TemporaryDirectory(prefix="esign-fetch-") as folder:
            path = Path(folder, "contract.pdf")
            await self._files.fetch(contract.head, path)
            descriptor = os.open(path, os.O_RDONLY)
            try:
                while chunk := await asyncio.to_thread(os.read, descriptor, CHUNK):
                    yield chunk
            finally:
                os.close(descriptor)
