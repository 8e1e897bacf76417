"""Starts worker processes, a bounded number at a time, and makes sure that each ends, and whatever it started."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from esign_kit.telemetry import logger

from esign_contract.adapters.facts import found_of, pages_of, signatures_of
from esign_contract.domain import refusals
from esign_contract.domain.document import TakenIn
from esign_contract.domain.places import Found, Words
from esign_contract.settings import WorkerSettings

log = logger(__name__)

MODULE = "esign_contract.adapters.pdf.worker"
WORD_MAGIC: Final = b"PK\x03\x04"
HEAVY: Final = 16 * 1024 * 1024
"""Bytes from which on a file counts as large."""


class JobFailed(Exception):
    """A worker died or ran into its limits."""


class PdfProcesses:
    """Plays `PdfWork`. Intake and drawing have places of their own, and large files and Word documents leave one of
    intake's free: whatever is slow, others get on. `font` is that of watermarks."""

    def __init__(self, settings: WorkerSettings, max_pages: int, max_file_bytes: int, font: Path) -> None:
        self._font = font
        self._settings, self._max_pages, self._max_file_bytes = settings, max_pages, max_file_bytes
        self._drawing = asyncio.Semaphore(settings.processes)
        self._intake = asyncio.Semaphore(settings.processes)
        self._heavy = asyncio.Semaphore(max(1, settings.processes - 1))

    async def take_in(self, source: Path, target: Path) -> TakenIn:
        """Write what is to be signed to `target`. Raises InvalidInput with the document's refusal."""
        start, size = await asyncio.to_thread(_looked_at, source)
        is_word = start == WORD_MAGIC
        async with self._heavy if is_word or size > HEAVY else contextlib.nullcontext(), self._intake:
            if is_word:
                source = await self._convert(source, target.with_suffix(".word.pdf"))
            job = {"do": "take-in", "source": str(source), "target": str(target), "max_pages": self._max_pages}
            answer = await self._judged(job, "DOCUMENT_TOO_COMPLEX")
        return TakenIn(pages_of(answer["pages"]), signatures_of(answer["signatures"]))

    async def render(self, source: Path, target: Path, pages: list[int], width: int, mark: str = "") -> dict[int, str]:
        """Draw pages into the folder `target` as <page>.webp; returns their SHA-256. Raises Conflict PREVIEW_FAILED."""
        job = {"do": "render", "source": str(source), "target": str(target), "pages": pages, "width": width}
        job |= {"mark": mark, "font": str(self._font)}
        try:
            async with self._drawing:
                answer = await self._run(job)
        except JobFailed:
            raise refusals.preview_failed() from None
        return {int(page): sha256 for page, sha256 in answer["images"].items()}

    async def search(self, source: Path, words: Sequence[Words]) -> list[Found]:
        """Look for words on pages. Raises InvalidInput KEYWORD_SEARCH_FAILED."""
        _, size = await asyncio.to_thread(_looked_at, source)
        job = {"do": "search", "source": str(source), "target": "", "words": words}
        try:
            async with self._heavy if size > HEAVY else contextlib.nullcontext(), self._intake:
                answer = await self._run(job)
        except JobFailed:
            raise refusals.keyword_search_failed() from None
        if "refused" in answer:
            raise refusals.keyword_search_failed()
        return found_of(answer["found"])

    async def _convert(self, source: Path, target: Path) -> Path:
        soffice = shutil.which(self._settings.soffice) or ""
        job = {"do": "convert", "source": str(source), "target": str(target), "soffice": soffice}
        await self._judged(job, "DOCUMENT_WORD_FAILED")
        return target

    async def _judged(self, job: dict[str, Any], when_dead: str) -> dict[str, Any]:
        """The answer, or the refusal that it is; `when_dead` is what a worker's end means."""
        try:
            answer = await self._run(job)
        except JobFailed:
            raise refusals.document_refused(when_dead) from None
        if "refused" in answer:
            raise refusals.document_refused(answer["refused"], self._max_pages)
        return answer

    async def _run(self, job: dict[str, Any]) -> dict[str, Any]:
        converts = job["do"] == "convert"
        bounds = {
            "cpu_seconds": self._settings.cpu_seconds,
            "memory_bytes": (self._settings.word_memory_mib if converts else self._settings.memory_mib) << 20,
            "file_bytes": 2 * self._max_file_bytes,
            "open_files": 1024 if converts else 64,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            MODULE,
            json.dumps({**job, **bounds}),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._settings.wall_seconds):
                output, _ = await process.communicate()
        except TimeoutError:
            log.warning("pdf worker took too long", job=job["do"])
            raise JobFailed from None
        finally:
            # A converter may leave processes behind even when it ends well.
            if process.returncode is None or converts:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode != 0:
            log.warning("pdf worker failed", job=job["do"], status=process.returncode)
            raise JobFailed
        answer: dict[str, Any] = json.loads(output)
        return answer


def _looked_at(source: Path) -> tuple[bytes, int]:
    """A file's first bytes and its size."""
    with source.open("rb") as file:
        return file.read(len(WORD_MAGIC)), source.stat().st_size
