"""Makes PAdES signatures and archive timestamps (ETSI EN 319 142-1) with pyHanko, file to file. Runs in a worker
process.

A signature is one incremental update: the seal, the signature with its timestamp, and the validation data (DSS) for
signer and timestamp authority, all B-LT. A document timestamp is another: validation data for its authority, and a
timestamp over everything before it, B-LTA.
"""

# mypy: disable-error-code="no-untyped-call"
# pyHanko is typed in part only.

import asyncio
import hashlib
import shutil
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

import aiohttp
from asn1crypto import x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.signers.pdf_cms import Signer
from pyhanko.sign.signers.pdf_signer import (
    DSSContentSettings,
    PdfSignatureMetadata,
    PdfSigner,
    PdfTimeStamper,
    SigDSSPlacementPreference,
    TimestampDSSContentSettings,
)
from pyhanko.stamp.noop import NoOpStampStyle
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from esign_signer.adapters.keys.stores import DigestSigner
from esign_signer.adapters.pdf.appearance import lay_out, stamp
from esign_signer.adapters.pdf.trust import (
    DIGEST,
    TimestampAuthority,
    TrustServices,
    validate_authority,
    validate_signer,
)
from esign_signer.domain.document import DocumentRejected, Level, SignedFile, SigningOrder, TrustServiceUnavailable
from esign_signer.domain.keys import StoredKey

CHUNK: Final = 1024 * 1024
_CMS_OVERHEAD: Final = 1024
"""Bytes of a CMS signature beside certificates, signature value and timestamp token: measured 390, with room for long
issuer names."""


class StoredKeySigner(Signer):
    """Signs with a key of a key store: RSA with PKCS #1 v1.5, as every Chinese and Adobe verifier understands it, or
    ECDSA."""

    def __init__(
        self, keys: DigestSigner, key: StoredKey, certificate: x509.Certificate, chain: list[x509.Certificate]
    ) -> None:
        super().__init__(signing_cert=certificate, cert_registry=SimpleCertificateStore.from_certs(chain))
        self._keys, self._key = keys, key
        self.signature_length = key.algorithm.signature_length

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        """The raw signature over `data`; zeros of its length in a dry run."""
        if dry_run:
            return bytes(self.signature_length)
        if digest_algorithm != DIGEST:
            raise ValueError(digest_algorithm)
        return self._keys.sign_digest(self._key, hashlib.sha256(data).digest())


class PdfEngine:
    """Signs and archives. One call at a time."""

    def __init__(self, keys: DigestSigner, trust: TrustServices) -> None:
        self._keys = keys
        self._trust = trust

    def sign(self, order: SigningOrder) -> SignedFile:
        """Makes one signature, B-LT (B-LTA with `preserve`); the first one also lays out all fields and certifies the
        document (DocMDP, only signing allowed).

        Raises TrustServiceUnavailable below that level, SignatureRefused for a certificate or field that must not be
        used, DocumentRejected for a file that cannot be read. `target` is complete or absent.
        """
        return _complete_or_absent(order.target, self._sign(order))

    def archive(self, source: Path, target: Path) -> SignedFile:
        """Appends an archive timestamp. Raises as `sign` does."""
        return _complete_or_absent(target, self._archive(source, target))

    async def _sign(self, order: SigningOrder) -> SignedFile:
        certificate, *chain = [x509.Certificate.load(der) for der in order.certificates]
        async with self._trust.session() as session:

            async def attempt(authority: TimestampAuthority) -> SignedFile:
                return await self._sign_with(order, certificate, chain, authority, session)

            return await self._first_authority(session, attempt)

    async def _sign_with(
        self,
        order: SigningOrder,
        certificate: x509.Certificate,
        chain: list[x509.Certificate],
        authority: TimestampAuthority,
        session: aiohttp.ClientSession,
    ) -> SignedFile:
        context = self._trust.validation_context(session, chain)
        await validate_signer(certificate, chain, context)
        await validate_authority(authority, context)
        signer = StoredKeySigner(self._keys, order.key, certificate, chain)
        shutil.copyfile(order.source, order.target)
        with order.target.open("r+b") as stream:
            writer = _writer(stream)
            first = not any(enumerate_sig_fields(writer, filled_status=True))
            if first:
                lay_out(writer, order.layout)
            stamp(writer, order.field_name, order.placement, order.seal_image)
            metadata = PdfSignatureMetadata(
                field_name=order.field_name,
                md_algorithm=DIGEST,
                reason=order.reason or None,
                certify=first,
                docmdp_permissions=MDPPerm.FILL_FORMS,
                subfilter=SigSeedSubFilter.PADES,
                embed_validation_info=True,
                validation_context=context,
                dss_settings=DSSContentSettings(
                    include_vri=False, placement=SigDSSPlacementPreference.TOGETHER_WITH_SIGNATURE
                ),
            )
            pdf_signer = PdfSigner(metadata, signer, timestamper=authority, stamp_style=NoOpStampStyle())
            await pdf_signer.async_sign_pdf(
                writer,
                existing_fields_only=True,
                bytes_reserved=2 * _container_length(order.certificates, signer, authority),
                in_place=True,
                chunk_size=CHUNK,
            )
            signed_at = authority.last_token_time
            if order.preserve:
                await _timestamp(stream, authority, context)
        return _result(order.target, Level.B_LTA if order.preserve else Level.B_LT, signed_at, certificate)

    async def _archive(self, source: Path, target: Path) -> SignedFile:
        async with self._trust.session() as session:

            async def attempt(authority: TimestampAuthority) -> SignedFile:
                context = self._trust.validation_context(session, ())
                await validate_authority(authority, context)
                shutil.copyfile(source, target)
                with target.open("r+b") as stream:
                    await _timestamp(stream, authority, context)
                (tsa_certificate,) = authority.certificates()
                return _result(target, Level.B_LTA, authority.last_token_time, tsa_certificate)

            return await self._first_authority(session, attempt)

    async def _first_authority(
        self, session: aiohttp.ClientSession, attempt: Callable[[TimestampAuthority], Awaitable[SignedFile]]
    ) -> SignedFile:
        """The result of the first authority that gives what was promised. Only an authority's own failure leads to the
        next."""
        failure = TrustServiceUnavailable("TSA", "none configured")
        for authority in self._trust.authorities(session):
            try:
                return await attempt(authority)
            except TrustServiceUnavailable as error:
                if error.which != "TSA":
                    raise
                failure = error
        raise failure


async def _timestamp(stream: BinaryIO, authority: TimestampAuthority, context: ValidationContext) -> None:
    """Appends a document timestamp over the whole of `stream`, with the validation data that its authority needs."""
    writer = _writer(stream)
    number = sum(1 for name, _, _ in enumerate_sig_fields(writer) if str(name).startswith("Archive"))
    await PdfTimeStamper(authority, field_name=f"Archive{number + 1}").async_timestamp_pdf(
        writer,
        DIGEST,
        context,
        bytes_reserved=2 * (authority.token_length() + 256),
        in_place=True,
        dss_settings=TimestampDSSContentSettings(include_vri=False, update_before_ts=True),
        chunk_size=CHUNK,
    )


def _complete_or_absent(target: Path, work: Coroutine[None, None, SignedFile]) -> SignedFile:
    try:
        return asyncio.run(work)
    except PdfError as error:
        target.unlink(missing_ok=True)
        raise DocumentRejected("PDF_DAMAGED", str(error)[:200]) from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _writer(stream: BinaryIO) -> IncrementalPdfFileWriter:
    try:
        writer = IncrementalPdfFileWriter(stream)
    except (PdfError, ValueError, KeyError, RecursionError) as error:
        raise DocumentRejected("PDF_INVALID", type(error).__name__) from error
    if writer.security_handler is not None:
        raise DocumentRejected("PDF_ENCRYPTED")
    return writer


def _container_length(certificates: tuple[bytes, ...], signer: StoredKeySigner, authority: TimestampAuthority) -> int:
    return sum(map(len, certificates)) + signer.signature_length + authority.token_length() + _CMS_OVERHEAD


def _result(target: Path, level: Level, signed_at: datetime | None, certificate: x509.Certificate) -> SignedFile:
    with target.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    if signed_at is None:
        raise TrustServiceUnavailable("TSA", "no token")
    return SignedFile(sha256, target.stat().st_size, level, signed_at, certificate.sha256.hex())
