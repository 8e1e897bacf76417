"""The worker processes behind the ports: some hold keys and sign, others read strangers' files."""

from pathlib import Path
from typing import Final

from esign_signer.adapters.pdf import worker
from esign_signer.adapters.pdf.pool import WorkerPool
from esign_signer.domain.document import SignedFile, SigningOrder
from esign_signer.domain.keys import KeyAlgorithm, KeyStoreKind, NewKey, Subject
from esign_signer.domain.report import GateResult, ValidationReport
from esign_signer.domain.seal import Image
from esign_signer.domain.seal_design import RoundSeal, SquareSeal
from esign_signer.domain.words import Language

KEY_SECONDS: Final = 15.0
SIGN_SECONDS: Final = 60.0
JUDGE_SECONDS: Final = 120.0
IMAGE_SECONDS: Final = 10.0
GRACE_SECONDS: Final = 5.0


class SigningWorkers:
    """Plays `KeyStores` and `PdfSigning`."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    async def create_key(self, store: KeyStoreKind, key_id: str, subject: Subject, algorithm: KeyAlgorithm) -> NewKey:
        """Makes a key."""
        return await self._pool.run(worker.create_key, KEY_SECONDS, store, key_id, subject, algorithm)

    async def adopt_key(self, credential_id: str) -> NewKey:
        """Takes a key that the CA made."""
        return await self._pool.run(worker.adopt_key, KEY_SECONDS, credential_id)

    async def rewrap(self, key_id: str, wrapped: bytes) -> bytes:
        """A software key under the newest master key."""
        return await self._pool.run(worker.rewrap_key, KEY_SECONDS, key_id, wrapped)

    async def prepare(self, source: Path) -> None:
        """Reads a document that will be signed soon."""
        await self._pool.run(worker.prepare, SIGN_SECONDS, source)

    async def sign(self, order: SigningOrder) -> SignedFile:
        """Makes a signature."""
        return await self._pool.run(worker.sign, SIGN_SECONDS, order)

    async def archive(self, source: Path, target: Path) -> SignedFile:
        """Appends an archive timestamp."""
        return await self._pool.run(worker.archive, SIGN_SECONDS, source, target)


class JudgingWorkers:
    """Plays `PdfJudging` and `SealImages`. A validation has `seconds`; a worker that does not keep to that is killed."""

    def __init__(self, pool: WorkerPool, seconds: float) -> None:
        self._pool, self._seconds = pool, seconds

    async def validate(self, source: Path) -> ValidationReport:
        """The report."""
        return await self._pool.run(worker.validate, self._seconds + GRACE_SECONDS, source, self._seconds)

    async def print_report(self, source: Path, file_name: str, language: Language) -> bytes:
        """The report as a PDF."""
        seconds = self._seconds + GRACE_SECONDS
        return await self._pool.run(worker.print_report, seconds, source, file_name, language, self._seconds)

    async def judge(self, source: Path, signature_count: int, earlier_signatures: int) -> GateResult:
        """The gate's result."""
        return await self._pool.run(worker.judge, JUDGE_SECONDS, source, signature_count, earlier_signatures)

    async def inspect_image(self, png: bytes) -> Image:
        """A PNG's facts."""
        return await self._pool.run(worker.inspect_image, IMAGE_SECONDS, png)

    async def clean_image(self, content: bytes) -> bytes:
        """The seal in an image."""
        return await self._pool.run(worker.clean_image, IMAGE_SECONDS, content)

    async def draw_seal(self, design: RoundSeal | SquareSeal) -> bytes:
        """A seal as SVG."""
        return await self._pool.run(worker.draw_seal, IMAGE_SECONDS, design)
