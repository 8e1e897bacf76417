"""Signatures and document timestamps by pyHanko's own writer, for documents that are not of the plain form (`clean`):
those that came to us signed, and whatever else keeps its own shape.
"""

# mypy: disable-error-code="no-untyped-call"
# pyHanko is typed in part only.

import hashlib
from pathlib import Path
from typing import BinaryIO, Final

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
from esign_signer.adapters.pdf.trust import DIGEST, TOKEN_MARGIN, TimestampAuthority
from esign_signer.domain.document import DocumentRejected, SigningOrder
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


async def sign(
    order: SigningOrder,
    keys: DigestSigner,
    authority: TimestampAuthority,
    context: ValidationContext,
) -> None:
    """Appends a signature, B-LT, to `order.target`, which is a copy of the source. `context` has validated the signer's
    certificate and the authority's.

    Raises SignatureRefused for a field that must not be used, DocumentRejected for a file that cannot be read,
    TrustServiceUnavailable.
    """
    certificate, *chain = [x509.Certificate.load(der) for der in order.certificates]
    signer = StoredKeySigner(keys, order.key, certificate, chain)
    with order.target.open("r+b") as stream:
        writer = _writer(stream)
        first = not any(enumerate_sig_fields(writer, filled_status=True))
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


async def timestamp(target: Path, authority: TimestampAuthority, context: ValidationContext) -> None:
    """Appends a document timestamp over the whole of `target`, with the validation data that its authority needs.

    Raises as `sign`.
    """
    with target.open("r+b") as stream:
        writer = _writer(stream)
        number = sum(1 for name, _, _ in enumerate_sig_fields(writer) if str(name).startswith("Archive"))
        await PdfTimeStamper(authority, field_name=f"Archive{number + 1}").async_timestamp_pdf(
            writer,
            DIGEST,
            context,
            bytes_reserved=2 * (authority.token_length() + TOKEN_MARGIN),
            in_place=True,
            dss_settings=TimestampDSSContentSettings(include_vri=False, update_before_ts=True),
            chunk_size=CHUNK,
        )


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
