"""Has a document at hand before its signature is asked for, so that afterwards only the last step is left."""

import asyncio
import os
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

from esign_kit.errors import InvalidInput, NotFound, Unavailable
from esign_kit.refs import ObjectRef

from esign_signer.app.ports import ContentDiffers, Documents, PdfSigning, WorkerFailed
from esign_signer.domain.document import DocumentRejected

_NAME: Final = re.compile(r"[0-9a-f]{64}\.pdf")


class PreparedDocuments:
    """Documents that will be signed soon, in a folder of this process. They are a convenience: whatever is missing is
    fetched when it is needed. At most `max_bytes`, each for `keep_seconds`; the oldest goes first."""

    def __init__(
        self, documents: Documents, pdf: PdfSigning, spool: Path | None, *, max_bytes: int, keep_seconds: float
    ) -> None:
        self._documents, self._pdf = documents, pdf
        self._max_bytes, self._keep_seconds = max_bytes, keep_seconds
        self._folder = Path(tempfile.mkdtemp(prefix="prepared-", dir=spool))
        self._coming: dict[str, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """Removes the folder."""
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def prepare(self, ref: ObjectRef) -> None:
        """Fetches and reads a document. Those who ask for one that is coming wait for it together.

        Raises NotFound DOCUMENT_NOT_FOUND, InvalidInput DOCUMENT_UNREADABLE, Unavailable.
        """
        if not _NAME.fullmatch(f"{ref.sha256}.pdf") or ref.size > self._max_bytes:
            raise _unknown()
        coming = self._coming.get(ref.sha256)
        if coming is None:
            coming = self._coming[ref.sha256] = asyncio.ensure_future(self._prepare(ref))
            coming.add_done_callback(lambda _: self._coming.pop(ref.sha256, None))
        try:
            await asyncio.shield(coming)
        except ContentDiffers as error:
            raise _unknown() from error
        except DocumentRejected as error:
            raise InvalidInput(
                "DOCUMENT_UNREADABLE", zh="文件无法读取", en="The document cannot be read", code=error.code
            ) from error
        except WorkerFailed as error:
            raise Unavailable("SIGNER_BUSY", zh="服务繁忙，请稍后重试", en="The signer is busy") from error

    async def _prepare(self, ref: ObjectRef) -> None:
        target = self._folder / f"{ref.sha256}.pdf"
        if target.exists():
            os.utime(target)
            return
        self._make_room(ref.size)
        arriving = target.with_suffix(".part")
        try:
            await self._documents.fetch_document(ref, arriving)
            await self._pdf.prepare(arriving)
            arriving.rename(target)
        finally:
            arriving.unlink(missing_ok=True)

    def _make_room(self, size: int) -> None:
        """Removes what is old, and then the oldest until `size` more bytes fit."""
        kept = sorted(
            ((status.st_mtime, status.st_size, path) for path in self._folder.iterdir() if (status := path.stat())),
            reverse=True,
        )
        total, oldest = size, time.time() - self._keep_seconds
        for modified, length, path in kept:
            total += length
            if _NAME.fullmatch(path.name) and (modified < oldest or total > self._max_bytes):
                path.unlink(missing_ok=True)
                total -= length

    async def fetch(self, ref: ObjectRef, target: Path) -> None:
        """Moves exactly `ref` to `target`, or fetches it. Raises ContentDiffers, esign_kit.errors.Unavailable."""
        coming = self._coming.get(ref.sha256)
        if coming is not None:
            await asyncio.wait([coming])
        try:
            (self._folder / f"{ref.sha256}.pdf").rename(target)
        except FileNotFoundError:
            await self._documents.fetch_document(ref, target)


def _unknown() -> NotFound:
    return NotFound("DOCUMENT_NOT_FOUND", zh="文件不存在", en="No such document")
