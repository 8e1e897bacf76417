"""Validates a file that anyone sends."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from esign_kit.errors import InvalidInput, Limited, TooLarge, Unavailable

from esign_signer.app.ports import PdfJudging, WorkerFailed
from esign_signer.domain.document import DocumentRejected
from esign_signer.domain.report import ValidationReport
from esign_signer.domain.words import Language

T = TypeVar("T")

MAX_FILE_NAME: Final = 200
_MESSAGES = {
    "PDF_INVALID": ("文件不是有效的 PDF", "The file is not a readable PDF"),
    "PDF_ENCRYPTED": ("文件已加密，无法核验", "The file is encrypted"),
    "PDF_TOO_COMPLEX": ("文件过于复杂，无法核验", "The file asks for more work than any contract does"),
}


class ValidateDocument:
    """Takes a file in pieces, spools it, has it judged, forgets it. At most `at_once` files are on disk."""

    def __init__(self, judging: PdfJudging, spool: Path | None, max_size: int, at_once: int = 8) -> None:
        self._judging, self._spool, self._max_size = judging, spool, max_size
        self._free = at_once

    async def __call__(self, chunks: AsyncIterator[bytes]) -> ValidationReport:
        """The report. Raises as `_judged` does."""
        return await self._judged(chunks, self._judging.validate)

    async def printed(self, chunks: AsyncIterator[bytes], file_name: str, language: Language) -> bytes:
        """The report as a PDF that shows `file_name`. Raises as `_judged` does."""
        name = file_name[:MAX_FILE_NAME]
        return await self._judged(chunks, lambda path: self._judging.print_report(path, name, language))

    async def _judged(self, chunks: AsyncIterator[bytes], judge: Callable[[Path], Awaitable[T]]) -> T:
        """What `judge` makes of the file. Raises TooLarge FILE_TOO_LARGE, InvalidInput PDF_INVALID, PDF_ENCRYPTED, PDF_TOO_COMPLEX, Limited
        VALIDATION_BUSY, Unavailable VALIDATION_UNAVAILABLE."""
        if self._free <= 0:
            raise Limited(
                "VALIDATION_BUSY", zh="核验请求过多，请稍后重试", en="Too many files at once", retry_after_seconds="10"
            )
        self._free -= 1
        try:
            with tempfile.TemporaryDirectory(prefix="validate-", dir=self._spool) as folder:
                path = Path(folder) / "file.pdf"
                await self._receive(chunks, path)
                return await judge(path)
        except DocumentRejected as error:
            zh, en = _MESSAGES.get(error.code, _MESSAGES["PDF_INVALID"])
            raise InvalidInput(error.code, zh=zh, en=en) from error
        except WorkerFailed as error:
            raise Unavailable(
                "VALIDATION_UNAVAILABLE", zh="核验暂时不可用，请稍后重试", en="Validation does not answer"
            ) from error
        finally:
            self._free += 1

    async def _receive(self, chunks: AsyncIterator[bytes], path: Path) -> None:
        size = 0
        with path.open("wb") as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > self._max_size:
                    raise TooLarge(
                        "FILE_TOO_LARGE",
                        zh=f"文件不得超过 {self._max_size // 2**20} MB",
                        en="The file is too large",
                        limit_bytes=str(self._max_size),
                    )
                await asyncio.to_thread(file.write, chunk)
        if not size:
            raise InvalidInput("PDF_INVALID", zh="文件是空的", en="The file is empty")
