"""What runs in the worker processes. Functions take and return small values; documents pass as paths.

The service's main process imports this module too, to name the functions; what is heavy is therefore imported where it
is used.

A signing worker holds the key stores; a validating worker reads strangers' files and therefore has no key, little memory
and little time.
"""

import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from esign_signer.adapters.pdf.settings import WorkerSettings
from esign_signer.domain.document import DocumentRejected, SignedFile, SigningOrder
from esign_signer.domain.keys import KeyAlgorithm, KeyStoreKind, NewKey, Subject
from esign_signer.domain.report import GateResult, ValidationReport
from esign_signer.domain.seal import Image
from esign_signer.domain.seal_design import RoundSeal, SquareSeal

if TYPE_CHECKING:
    from esign_signer.adapters.keys.stores import KeyStores
    from esign_signer.adapters.pdf.drawing import Engraver
    from esign_signer.adapters.pdf.engine import PdfEngine
    from esign_signer.adapters.pdf.gate import ReleaseGate
    from esign_signer.adapters.pdf.validation import PdfValidator
    from esign_signer.domain.words import Language


class _Tools:
    """A worker's own instances, made on first use."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings

    @cached_property
    def keys(self) -> "KeyStores":
        from esign_signer.adapters.keys.stores import KeyStores

        if self._settings.keys is None:
            raise RuntimeError("this worker has no keys")
        return KeyStores(self._settings.keys)

    @cached_property
    def engine(self) -> "PdfEngine":
        from esign_signer.adapters.pdf.engine import PdfEngine
        from esign_signer.adapters.pdf.trust import TrustServices

        return PdfEngine(self.keys, TrustServices(self._settings.trust))

    @cached_property
    def validator(self) -> "PdfValidator":
        from esign_signer.adapters.pdf.validation import PdfValidator

        return PdfValidator(self._settings.trust)

    @property
    def font(self) -> Path:
        """What reports are printed with."""
        if not self._settings.fonts:
            raise RuntimeError("this worker has no fonts")
        return self._settings.fonts[0]

    @cached_property
    def gate(self) -> "ReleaseGate":
        from esign_signer.adapters.pdf.gate import ReleaseGate

        return ReleaseGate(self._settings.trust, self._settings.pdfsig)

    @cached_property
    def engraver(self) -> "Engraver":
        from esign_signer.adapters.pdf.drawing import Engraver

        return Engraver(self._settings.fonts)


_tools: _Tools | None = None


def start(settings: WorkerSettings) -> None:
    """Called once in a new worker process."""
    global _tools
    if settings.memory_limit and sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (settings.memory_limit, settings.memory_limit))
    _tools = _Tools(settings)


def process_id() -> int:
    """The worker's process id; also proof that it has started."""
    return os.getpid()


def create_key(store: KeyStoreKind, key_id: str, subject: Subject, algorithm: KeyAlgorithm) -> NewKey:
    """See KeyStores.create."""
    return _ready().keys.create(store, key_id, subject, algorithm)


def adopt_key(credential_id: str) -> NewKey:
    """See KeyStores.adopt."""
    return _ready().keys.adopt(credential_id)


def rewrap_key(key_id: str, wrapped: bytes) -> bytes:
    """See KeyStores.rewrap."""
    return _ready().keys.rewrap(key_id, wrapped)


def prepare(source: Path) -> str:
    """See PdfEngine.prepare."""
    return _ready().engine.prepare(source)


def sign(order: SigningOrder) -> SignedFile:
    """See PdfEngine.sign."""
    return _ready().engine.sign(order)


def archive(source: Path, target: Path) -> SignedFile:
    """See PdfEngine.archive."""
    return _ready().engine.archive(source, target)


def validate(source: Path, seconds: float) -> ValidationReport:
    """See PdfValidator.validate; with pictures of the seals. Raises DocumentRejected (PDF_TOO_COMPLEX) when it would
    take more than `seconds` or more memory than allowed."""
    from esign_signer.adapters.pdf.picture import with_pictures

    tools = _ready()
    with limited(seconds):
        return with_pictures(tools.validator.validate(source), source)


def print_report(source: Path, file_name: str, language: "Language", seconds: float) -> bytes:
    """The report on `source` as a PDF. Raises DocumentRejected as `validate` does."""
    from esign_signer.adapters.pdf.picture import with_pictures
    from esign_signer.adapters.pdf.report_pdf import render

    tools = _ready()
    with limited(seconds):
        report = with_pictures(tools.validator.validate(source), source)
        return render(report, file_name=file_name, font=tools.font, language=language)


def judge(source: Path, signature_count: int, earlier_signatures: int) -> GateResult:
    """See ReleaseGate.judge."""
    return _ready().gate.judge(source, signature_count, earlier_signatures)


def inspect_image(png: bytes) -> Image:
    """See `image.inspect`."""
    from esign_signer.adapters.pdf import image

    return image.inspect(png)


def clean_image(content: bytes) -> bytes:
    """See `cleaning.clean`."""
    from esign_signer.adapters.pdf import cleaning

    return cleaning.clean(content)


def draw_seal(design: RoundSeal | SquareSeal) -> bytes:
    """See Engraver.draw."""
    return _ready().engraver.draw(design)


def _ready() -> _Tools:
    if _tools is None:
        raise RuntimeError("not started")
    return _tools


class _TooLong(BaseException):
    """Not an Exception, so that no handler on the way takes it for its own."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    def late(_signal: int, _frame: FrameType | None) -> None:
        raise _TooLong

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except (_TooLong, MemoryError):
        raise DocumentRejected("PDF_TOO_COMPLEX") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
