"""Archives a finished document and lets it out, when independent implementations accept it."""

import tempfile
from pathlib import Path

from esign_signer.app.ports import ContentDiffers, Documents, PdfJudging, PdfSigning, ReleaseJobs, TryAgain
from esign_signer.domain.document import DocumentRejected, TrustServiceUnavailable
from esign_signer.domain.jobs import ReleaseRequest
from esign_signer.domain.report import GateResult


class ReleaseDocument:
    """The use case."""

    def __init__(
        self, jobs: ReleaseJobs, documents: Documents, pdf: PdfSigning, judging: PdfJudging, spool: Path | None
    ) -> None:
        self._jobs, self._documents, self._pdf, self._judging, self._spool = jobs, documents, pdf, judging, spool

    async def __call__(self, request: ReleaseRequest) -> None:
        """Releases, or refuses, and says so in an event; done when it returns.

        Raises TryAgain while a trust service is away or another process is at it, esign_kit.errors.Unavailable while
        the object store is away, WorkerFailed.
        """
        async with self._jobs.exclusive(request.contract_id) as alone:
            if not alone:
                raise TryAgain("IN_PROGRESS")
            if await self._jobs.open(request):
                with tempfile.TemporaryDirectory(prefix="release-", dir=self._spool) as folder:
                    await self._release(request, Path(folder))

    async def _release(self, request: ReleaseRequest, folder: Path) -> None:
        source, target = folder / "source.pdf", folder / "archived.pdf"
        try:
            await self._documents.fetch_document(request.document, source)
            result = await self._pdf.archive(source, target)
        except ContentDiffers:
            await self._jobs.refused(request, GateResult(request.document.sha256, ("document: content differs",), ()))
            return
        except DocumentRejected as error:
            await self._jobs.refused(request, GateResult(request.document.sha256, (f"document: {error.code}",), ()))
            return
        except TrustServiceUnavailable as error:
            reason = f"{error.which}_UNAVAILABLE"
            await self._jobs.delayed(request, reason)
            raise TryAgain(reason) from error
        gate = await self._judging.judge(target, request.signature_count, request.earlier_signatures)
        if not gate.released or gate.sha256 != result.sha256:
            await self._jobs.refused(request, gate)
            return
        key = f"contracts/{request.contract_id}/released.pdf"
        document = await self._documents.store_document(key, target, result.sha256)
        await self._jobs.released(request, document, result, gate)
