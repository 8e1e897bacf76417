"""Makes one signature for one activation, however often and wherever the request arrives, and whatever dies in
between."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from esign_kit.clock import Clock
from esign_kit.telemetry import logger

from esign_signer.app.ports import (
    CertificateAuthorityUnavailable,
    CertificateBroker,
    CertificateRefused,
    ContentDiffers,
    Documents,
    Keys,
    KeyStores,
    PdfSigning,
    Seals,
    SigningJobs,
    TryAgain,
)
from esign_signer.app.prepare_document import PreparedDocuments
from esign_signer.domain import activation as activations
from esign_signer.domain import certificates
from esign_signer.domain.activation import Reason, RequestFacts, SignatureRefused
from esign_signer.domain.document import (
    DocumentRejected,
    SignatureField,
    SigningOrder,
    TrustServiceUnavailable,
    is_layout,
)
from esign_signer.domain.jobs import JobState, SignatureRequest, SigningJob
from esign_signer.domain.keys import (
    Certificate,
    Key,
    KeyAlgorithm,
    KeyPurpose,
    KeyStoreError,
    KeyStoreKind,
    KeyStoreUnavailable,
    SigningIdentity,
    Subject,
)
from esign_signer.domain.seal import Seal

log = logger(__name__)


class SignDocument:
    """The use case. Each step is committed before the next, and each can be repeated."""

    def __init__(
        self,
        identity_keys: Sequence[Ed25519PublicKey],
        jobs: SigningJobs,
        keys: Keys,
        seals: Seals,
        documents: Documents,
        prepared: PreparedDocuments,
        broker: CertificateBroker,
        key_stores: KeyStores,
        pdf: PdfSigning,
        clock: Clock,
        spool: Path | None,
        event_algorithm: KeyAlgorithm = KeyAlgorithm.RSA_2048,
    ) -> None:
        self._identity_keys = identity_keys
        self._jobs, self._keys, self._seals, self._documents = jobs, keys, seals, documents
        self._prepared = prepared
        self._broker, self._key_stores, self._pdf = broker, key_stores, pdf
        self._clock, self._spool, self._event_algorithm = clock, spool, event_algorithm

    async def __call__(self, request: SignatureRequest) -> None:
        """Signs, or refuses, and says so in an event; done when it returns.

        Raises TryAgain while an outside service is away or another process is at it, esign_kit.errors.Unavailable while
        the object store is away, WorkerFailed.
        """
        async with self._jobs.exclusive(request.request_id) as alone:
            if not alone:
                raise TryAgain("IN_PROGRESS")
            state = await self._jobs.state(request.request_id)
            if state in (JobState.DONE, JobState.REFUSED):
                return
            activation_id = ""
            try:
                activation = activations.read(request.statement, self._identity_keys)
                activation_id = activation.activation_id
                job = SigningJob(activation, request)
                if state is None:
                    await self._consume(job)
                with tempfile.TemporaryDirectory(prefix="sign-", dir=self._spool) as folder:
                    await self._sign(job, Path(folder))
            except SignatureRefused as error:
                await self._jobs.refused(request, activation_id, error.reason)

    async def _consume(self, job: SigningJob) -> None:
        """Checks the activation and commits the intent: from here on only time, never expiry, stands between it and the
        signature."""
        request, seal = job.request, await self._seals.get(job.request.seal_id)
        facts = RequestFacts(
            contract_id=request.contract_id,
            party_id=request.party_id,
            document_sha256=request.document.sha256,
            seal_id=request.seal_id,
            placement=request.placement,
        )
        activations.check(job.activation, facts, seal, self._clock())
        if not is_layout(_layout(request)):
            raise SignatureRefused(Reason.FIELD_NOT_AVAILABLE, "layout")
        if not await self._jobs.open(job):
            raise SignatureRefused(Reason.ACTIVATION_REUSED)

    async def _sign(self, job: SigningJob, folder: Path) -> None:
        activation, request = job.activation, job.request
        source, seal_image = folder / "source.pdf", folder / "seal.png"
        seal = await self._fetch(job, source, seal_image)
        try:
            identity = await self._identity(job)
            if not certificates.names(identity.chain[0], seal.owner):
                raise SignatureRefused(Reason.SEAL_OWNER_MISMATCH, "certificate")
            order = SigningOrder(
                source=source,
                target=source,
                sha256=request.document.sha256,
                size=request.document.size,
                field_name=request.field_name,
                layout=_layout(request),
                placement=request.placement,
                seal_image=seal_image,
                key=identity.key,
                certificates=identity.chain,
                reason=activation.reason,
            )
            result = await self._pdf.sign(order)
        except TrustServiceUnavailable as error:
            raise await self._wait(job, f"{error.which}_UNAVAILABLE") from error
        except CertificateAuthorityUnavailable as error:
            raise await self._wait(job, "CA_UNAVAILABLE") from error
        except KeyStoreUnavailable as error:
            raise await self._wait(job, "KEY_STORE_UNAVAILABLE") from error
        except KeyStoreError as error:
            log.error("a key cannot be used", contract_id=request.contract_id, cause=str(error))
            raise SignatureRefused(Reason.KEY_UNUSABLE, str(error)) from error
        except DocumentRejected as error:
            raise SignatureRefused(Reason.DOCUMENT_UNREADABLE, error.code) from error
        # The key is the activation's, so that a repetition replaces what an interrupted attempt left behind.
        key = f"contracts/{request.contract_id}/signed/{activation.activation_id}.pdf"
        document = await self._documents.store_document(key, order.target, result.sha256)
        await self._jobs.signed(job, document, result)

    async def _fetch(self, job: SigningJob, source: Path, seal_image: Path) -> Seal:
        """Brings document and seal here. The bytes must have the very hashes that the activation was checked against, and
        the seal must be in use: it may have been suspended while the job waited."""
        request, seal = job.request, await self._seals.get(job.request.seal_id)
        if seal is None:
            raise SignatureRefused(Reason.ACTIVATION_SEAL_MISMATCH, "no such seal")
        activations.check_seal(job.activation, seal, self._clock())
        try:
            png = await self._documents.fetch_seal(seal.image)
        except ContentDiffers as error:
            raise SignatureRefused(Reason.ACTIVATION_SEAL_MISMATCH, "image") from error
        await asyncio.to_thread(seal_image.write_bytes, png)
        try:
            await self._prepared.fetch(request.document, source)
        except ContentDiffers as error:
            raise SignatureRefused(Reason.ACTIVATION_DOCUMENT_MISMATCH, "content") from error
        return seal

    async def _wait(self, job: SigningJob, reason: str) -> TryAgain:
        await self._jobs.delayed(job, reason)
        return TryAgain(reason)

    async def _identity(self, job: SigningJob) -> SigningIdentity:
        """The key and certificate that sign: the organisation's hosted ones, or a person's made for this one
        signature."""
        organisation = job.activation.organisation
        if organisation is not None:
            hosted = await self._keys.of_organisation(organisation, self._clock())
            if hosted is None:
                raise SignatureRefused(Reason.CERTIFICATE_MISSING)
            return hosted
        key = await self._event_key(job)
        stored = key.stored()
        if stored is None:
            raise SignatureRefused(Reason.ACTIVATION_REUSED, "its key is destroyed")
        certificate = await self._keys.certificate_of(key.key_id)
        if certificate is None:
            certificate = await self._event_certificate(job, key)
        return SigningIdentity(stored, certificate.chain)

    async def _event_key(self, job: SigningJob) -> Key:
        activation_id = job.activation.activation_id
        existing = await self._keys.of_activation(activation_id)
        if existing is not None:
            return existing
        key_id = f"event-{activation_id}"
        subject = Subject(common_name=activation_id)
        new = await self._key_stores.create_key(KeyStoreKind.SOFTWARE, key_id, subject, self._event_algorithm)
        key = new.on_record(key_id, KeyPurpose.EVENT)
        return await self._keys.add_event_key(key, activation_id, job.request.contract_id)

    async def _event_certificate(self, job: SigningJob, key: Key) -> Certificate:
        try:
            chain = await self._broker.issue_event_certificate(job.request.statement, key.certification_request)
            certificate = certificates.certificate_for(key, chain, str(job.activation.person_id), self._clock())
        except CertificateRefused as error:
            raise SignatureRefused(Reason.CERTIFICATE_REFUSED, error.reason) from error
        except certificates.CertificateUnfit as error:
            raise SignatureRefused(Reason.CERTIFICATE_UNTRUSTED, error.code) from error
        return await self._keys.add_certificate(certificate)


def _layout(request: SignatureRequest) -> tuple[SignatureField, ...]:
    """Every field that is asked for, the signer's own among them."""
    if any(field.name == request.field_name for field in request.layout):
        return request.layout
    return (*request.layout, SignatureField(request.field_name, request.placement))
