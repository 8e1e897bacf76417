"""What the use cases need of the world."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from esign_kit.refs import ObjectRef

from esign_signer.domain.activation import Reason
from esign_signer.domain.document import SignedFile, SigningOrder
from esign_signer.domain.jobs import JobState, ReleaseRequest, SignatureRequest, SigningJob
from esign_signer.domain.keys import (
    Certificate,
    Key,
    KeyAlgorithm,
    KeyStoreKind,
    NewKey,
    SigningIdentity,
    Subject,
)
from esign_signer.domain.report import GateResult, ValidationReport
from esign_signer.domain.seal import Change, Image, LogEntry, Seal
from esign_signer.domain.seal_design import RoundSeal, SquareSeal
from esign_signer.domain.words import Language


class WorkerFailed(Exception):
    """A worker died, or did not answer in time and was killed. The work may be tried again."""


class TryAgain(Exception):
    """The work waits for something outside and goes on when it is asked for again. `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CertificateAuthorityUnavailable(Exception):
    """No certificate can be had now; the same request may work later."""


class CertificateRefused(Exception):
    """No certificate will be issued for this activation and key. `reason` is the broker's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class KeyStores(Protocol):
    """Where private keys are made. Nobody gets one out."""

    async def create_key(self, store: KeyStoreKind, key_id: str, subject: Subject, algorithm: KeyAlgorithm) -> NewKey:
        """Makes a key under `key_id` in `store` and a certification request for `subject`. Raises KeyStoreError,
        KeyStoreUnavailable, WorkerFailed."""

    async def adopt_key(self, credential_id: str) -> NewKey:
        """The key behind a credential that the CA made and keeps with the remote signing service. Raises KeyStoreError
        when we cannot sign with it, KeyStoreUnavailable, WorkerFailed."""


class PdfSigning(Protocol):
    """Signatures and archive timestamps, file to file."""

    async def prepare(self, source: Path) -> None:
        """Reads a document that will be signed soon. Raises DocumentRejected, WorkerFailed."""

    async def sign(self, order: SigningOrder) -> SignedFile:
        """Makes a B-LT signature. Raises TrustServiceUnavailable, KeyStoreUnavailable, SignatureRefused,
        DocumentRejected, WorkerFailed; KeyStoreError when the key is lost."""

    async def archive(self, source: Path, target: Path) -> SignedFile:
        """Appends an archive timestamp, B-LTA. Raises TrustServiceUnavailable, DocumentRejected, WorkerFailed."""


class PdfJudging(Protocol):
    """Validation, and the gate before release."""

    async def validate(self, source: Path) -> ValidationReport:
        """The report on a file. Raises DocumentRejected, WorkerFailed."""

    async def print_report(self, source: Path, file_name: str, language: Language) -> bytes:
        """The report on a file as a PDF. Raises DocumentRejected, WorkerFailed."""

    async def judge(self, source: Path, signature_count: int, earlier_signatures: int) -> GateResult:
        """Whether independent implementations accept a finished file. Raises WorkerFailed."""


class SealImages(Protocol):
    """What is done with seals' images, where a hostile one harms nobody."""

    async def inspect_image(self, png: bytes) -> Image:
        """A PNG's facts, decoded completely. Raises ImageInvalid, WorkerFailed."""

    async def clean_image(self, content: bytes) -> bytes:
        """The seal in a PNG or JPEG, as a PNG with nothing around it. Raises ImageInvalid, InkMissing, WorkerFailed."""

    async def draw_seal(self, design: RoundSeal | SquareSeal) -> bytes:
        """A seal as SVG, always in the same bytes. Raises NameUndrawable, WorkerFailed."""


class Documents(Protocol):
    """Documents and seal images by reference. Every method raises esign_kit.errors.Unavailable when the store is
    away."""

    async def fetch_document(self, ref: ObjectRef, target: Path) -> None:
        """Writes exactly `ref` to `target`. Raises ContentDiffers."""

    async def store_document(self, key: str, source: Path, sha256: str) -> ObjectRef:
        """Stores a new version of `key`."""

    async def fetch_seal(self, ref: ObjectRef) -> bytes:
        """A seal's image. Raises ContentDiffers."""

    async def store_seal(self, key: str, content: bytes, media_type: str) -> ObjectRef:
        """Stores a seal's image."""


class ContentDiffers(Exception):
    """There is no such object, or it is not what the reference says."""


class CertificateBroker(Protocol):
    """The seam to the CA."""

    async def issue_event_certificate(self, statement: str, certification_request: bytes) -> tuple[bytes, ...]:
        """The one-off certificate chain of an activation. Raises CertificateAuthorityUnavailable,
        CertificateRefused."""


class Keys(Protocol):
    """Keys and certificates on record."""

    async def of_activation(self, activation_id: str) -> Key | None:
        """The key made for an activation."""

    async def add_event_key(self, key: Key, activation_id: str, contract_id: str) -> Key:
        """Records it, with its event; returns the one that is on record when another was quicker."""

    async def of_order(self, order_no: str) -> Key | None:
        """The key made for an organisation's order."""

    async def add_organisation_key(self, key: Key, order_no: str) -> Key:
        """Records it; returns the one that is on record when another was quicker."""

    async def get(self, key_id: str) -> Key | None:
        """A key."""

    async def certificate_of(self, key_id: str) -> Certificate | None:
        """The newest certificate of a key."""

    async def add_certificate(self, certificate: Certificate) -> Certificate:
        """Records it; the same one again changes nothing."""

    async def of_organisation(self, unified_social_credit_code: str, at: datetime) -> SigningIdentity | None:
        """The organisation's newest key with a certificate that is valid at `at`."""


class Seals(Protocol):
    """Seals on record."""

    async def get(self, seal_id: str) -> Seal | None:
        """A seal."""

    async def usable_by(self, person_id: str) -> Sequence[Seal]:
        """The seals with which a person may sign now, newest first."""

    async def of_organisation(self, unified_social_credit_code: str) -> Sequence[Seal]:
        """All of an organisation's, newest first."""

    async def add(self, created: Change) -> Seal:
        """Records it, with its entry and event; returns the one on record, unless destroyed, when owner, kind and image
        are the same."""

    async def change(self, seal_id: str, decide: Callable[[Seal], Change | None]) -> Seal | None:
        """Records what `decide` makes of the seal, with its entry and event, nothing when that is None; returns the seal
        as it is then, None when there is no such seal. Nobody else decides meanwhile. Raises what `decide` raises."""

    async def log(self, seal_id: str) -> Sequence[LogEntry]:
        """What was done with it, oldest first."""


class SigningJobs(Protocol):
    """Signatures to make. Every method that ends a job writes its events in the same commit."""

    def exclusive(self, work: str) -> AbstractAsyncContextManager[bool]:
        """Whether nobody else in any process works on `work`; held until the block ends, or the process does."""

    async def state(self, request_id: str) -> JobState | None:
        """How far this request has come; None when it is new."""

    async def open(self, job: SigningJob) -> bool:
        """Consumes the activation and commits the intent; False when the activation was consumed before."""

    async def delayed(self, job: SigningJob, reason: str) -> None:
        """Notes what the job waits for; told once per cause."""

    async def signed(self, job: SigningJob, document: ObjectRef, result: SignedFile) -> None:
        """Ends the job: the result, the end of its event key, and the events, in one commit. Nothing when it has ended
        already."""

    async def refused(self, request: SignatureRequest, activation_id: str, reason: Reason) -> None:
        """Ends the request: the refusal, the end of an event key, and the events, in one commit. Nothing when it has
        ended already."""


class ReleaseJobs(Protocol):
    """Documents to release. As with signatures, a job's end and its event are one commit."""

    def exclusive(self, work: str) -> AbstractAsyncContextManager[bool]:
        """As `SigningJobs.exclusive`."""

    async def open(self, request: ReleaseRequest) -> bool:
        """Commits the intent, or finds it; False when the contract was released, or this request refused, already."""

    async def delayed(self, request: ReleaseRequest, reason: str) -> None:
        """Notes what the job waits for; told once per cause."""

    async def released(
        self, request: ReleaseRequest, document: ObjectRef, result: SignedFile, gate: GateResult
    ) -> None:
        """Ends the job with a released document."""

    async def refused(self, request: ReleaseRequest, gate: GateResult) -> None:
        """Ends the job with the gate's problems."""
