"""Starts worker processes, a bounded number at a time, and makes sure that each ends."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from esign_kit.telemetry import logger

from esign_contract.domain import refusals
from esign_contract.domain.document import PageSize
from esign_contract.settings import WorkerSettings

log = logger(__name__)

MODULE = "esign_contract.adapters.pdf.worker"


class JobFailed(Exception):
    """A worker died or ran into its limits."""


class PdfProcesses:
    """Plays `PdfWork`."""

    def __init__(self, settings: WorkerSettings, max_pages: int, max_file_bytes: int) -> None:
        self._settings, self._max_pages, self._max_file_bytes = settings, max_pages, max_file_bytes
        self._slots = asyncio.Semaphore(settings.processes)

    async def take_in(self, source: Path, target: Path) -> tuple[PageSize, ...]:
        """Write the clean form of `source` to `target`. Raises InvalidInput with the document's refusal."""
        job = {"do": "take-in", "source": str(source), "target": str(target), "max_pages": self._max_pages}
        try:
            answer = await self._run(job)
        except JobFailed:
            raise refusals.document_refused("DOCUMENT_TOO_COMPLEX") from None
        if "refused" in answer:
            raise refusals.document_refused(answer["refused"], self._max_pages)
        return tuple(PageSize(*page) for page in answer["pages"])

    async def render(self, source: Path, target: Path, pages: list[int], width: int) -> dict[int, str]:
        """Draw pages into the folder `target` as <page>.webp; returns their SHA-256. Raises Conflict PREVIEW_FAILED."""
        job = {"do": "render", "source": str(source), "target": str(target), "pages": pages, "width": width}
        try:
            answer = await self._run(job)
        except JobFailed:
            raise refusals.preview_failed() from None
        return {int(page): sha256 for page, sha256 in answer["images"].items()}

    async def _run(self, job: dict[str, Any]) -> dict[str, Any]:
        bounds = {
            "cpu_seconds": self._settings.cpu_seconds,
            "memory_bytes": self._settings.memory_mib << 20,
            "file_bytes": 2 * self._max_file_bytes,
        }
        async with self._slots:
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
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    await process.wait()
        if process.returncode != 0:
            log.warning("pdf worker failed", job=job["do"], status=process.returncode)
            raise JobFailed
        answer: dict[str, Any] = json.loads(output)
        return answer
