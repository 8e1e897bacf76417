"""Validates signed PDFs with pyHanko by the AdES algorithm for long-term validation (ETSI EN 319 102-1, clause 5.6.3). Runs in a worker process.

Chains and past revocation data must be in the file, as B-LT promises. Present revocation state is asked for only where the last timestamp needs it,
and only for certificates that our own roots vouch for (path validation checks their signatures first), so a stranger's file cannot name addresses.
"""

# mypy: disable-error-code="no-untyped-call"
# pyHanko is typed in part only.

import asyncio
import hashlib
import logging
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, Final

from asn1crypto import x509
from asn1crypto.crl import CertificateList
from asn1crypto.ocsp import OCSPResponse
from pyhanko.pdf_utils.decode_limits import DecodePurpose
from pyhanko.pdf_utils.misc import PdfDecodeLimitError, PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESFailure, AdESIndeterminate, AdESPassed, AdESSubIndic
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.general import CMSExtractionError, MultivaluedAttributeError
from pyhanko.sign.validation import DocumentSecurityStore, EmbeddedPdfSignature
from pyhanko.sign.validation.ades import (
    AdESLTAValidationResult,
    AdESWithTimeValidationResult,
    ades_lta_validation,
    ades_timestamp_validation,
    ades_with_time_validation,
)
from pyhanko.sign.validation.errors import NoDSSFoundError, SignatureValidationError
from pyhanko.sign.validation.policy_decl import (
    CertificateFetchingRule,
    LocalKnowledge,
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko.sign.validation.status import DocumentTimestampStatus, PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator.fetchers.aiohttp_fetchers import AIOHttpFetcherBackend
from pyhanko_certvalidator.revinfo.archival import CRLContainer, OCSPContainer

from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.adapters.pdf.trust import policy
from esign_signer.domain.document import DocumentRejected, Level
from esign_signer.domain.report import Changes, Problem, SignatureReport, TimeSource, ValidationReport

MAX_SIGNATURES: Final = 100
VALIDATOR: Final = f"pyhanko/{version('pyhanko')}"
_UNREADABLE: Final = (
    PdfError,
    CMSExtractionError,
    MultivaluedAttributeError,
    SignatureValidationError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    RecursionError,
    OverflowError,
    NotImplementedError,
)
"""What pyHanko and asn1crypto raise over malformed input; they promise no common base class."""

_PROBLEMS: Final[dict[AdESSubIndic, Problem]] = {
    AdESFailure.FORMAT_FAILURE: Problem.FORMAT_INVALID,
    AdESFailure.HASH_FAILURE: Problem.ALTERED,
    AdESFailure.SIG_CRYPTO_FAILURE: Problem.SIGNATURE_INVALID,
    AdESFailure.REVOKED: Problem.CERTIFICATE_REVOKED,
    AdESIndeterminate.REVOKED_NO_POE: Problem.CERTIFICATE_REVOKED,
    AdESIndeterminate.REVOKED_CA_NO_POE: Problem.CERTIFICATE_REVOKED,
    AdESIndeterminate.EXPIRED: Problem.CERTIFICATE_EXPIRED,
    AdESIndeterminate.OUT_OF_BOUNDS_NO_POE: Problem.CERTIFICATE_EXPIRED,
    AdESIndeterminate.OUT_OF_BOUNDS_NOT_REVOKED: Problem.CERTIFICATE_EXPIRED,
    AdESIndeterminate.NO_CERTIFICATE_CHAIN_FOUND: Problem.CERTIFICATE_UNTRUSTED,
    AdESIndeterminate.CERTIFICATE_CHAIN_GENERAL_FAILURE: Problem.CERTIFICATE_UNTRUSTED,
    AdESIndeterminate.CHAIN_CONSTRAINTS_FAILURE: Problem.CERTIFICATE_UNTRUSTED,
    AdESIndeterminate.NO_SIGNING_CERTIFICATE_FOUND: Problem.CERTIFICATE_UNTRUSTED,
    AdESIndeterminate.TRY_LATER: Problem.REVOCATION_UNKNOWN,
    AdESIndeterminate.NO_POE: Problem.REVOCATION_UNKNOWN,
    AdESIndeterminate.REVOCATION_OUT_OF_BOUNDS_NO_POE: Problem.REVOCATION_UNKNOWN,
    AdESIndeterminate.TIMESTAMP_ORDER_FAILURE: Problem.TIMESTAMP_INVALID,
}

logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)


class PdfValidator:
    """Validates files against the platform's trust roots."""

    def __init__(self, settings: TrustSettings) -> None:
        self._spec = SignatureValidationSpec(
            cert_validation_policy=policy(settings),
            # Past validation looks for the issuers of CRLs among the known certificates only, the roots included.
            local_knowledge=LocalKnowledge(known_certs=[x509.Certificate.load(root) for root in settings.roots]),
            revinfo_gathering_policy=RevocationInfoGatheringSpec(
                RevinfoOnlineFetchingRule.NO_HISTORICAL_FETCH,
                certificate_fetching_rule=CertificateFetchingRule.NEVER_FETCH,
            ),
        )
        self._deadline = settings.revocation_deadline

    def validate(self, source: Path) -> ValidationReport:
        """The report on `source`, as things stand now.

        Raises DocumentRejected: PDF_INVALID for a file that is not a PDF or beyond reading, PDF_ENCRYPTED for one that asks for a password,
        PDF_TOO_COMPLEX for one that asks for more work than any contract does. A signed file whose structure broke is a report, not an error.
        """
        with source.open("rb") as stream:
            empty = ValidationReport(
                hashlib.file_digest(stream, "sha256").hexdigest(), source.stat().st_size, validators=(VALIDATOR,)
            )
            stream.seek(0)
            if b"%PDF-" not in stream.read(1024):
                raise DocumentRejected("PDF_INVALID", "no PDF header")
            try:
                return asyncio.run(self._validate(stream, empty))
            except PdfDecodeLimitError as error:
                raise DocumentRejected("PDF_TOO_COMPLEX") from error
            except _UNREADABLE as error:
                if _looks_signed(stream):
                    return replace(empty, problems=(Problem.STRUCTURE_DAMAGED,))
                raise DocumentRejected("PDF_INVALID", type(error).__name__) from error

    async def _validate(self, stream: BinaryIO, empty: ValidationReport) -> ValidationReport:
        backend = AIOHttpFetcherBackend(per_request_timeout=self._deadline)
        try:
            gathering = replace(self._spec.revinfo_gathering_policy, fetcher_backend=backend)
            return await self._validate_with(replace(self._spec, revinfo_gathering_policy=gathering), stream, empty)
        finally:
            await backend.close()

    async def _validate_with(
        self, spec: SignatureValidationSpec, stream: BinaryIO, empty: ValidationReport
    ) -> ValidationReport:
        reader = PdfFileReader(stream)
        if reader.encrypted:
            raise DocumentRejected("PDF_ENCRYPTED")
        embedded = reader.embedded_signatures
        if len(embedded) > MAX_SIGNATURES:
            raise DocumentRejected("PDF_TOO_COMPLEX", f"{len(embedded)} signatures")
        problems: list[Problem] = []
        archived_at, archived_revision = None, -1
        for timestamp in reader.embedded_timestamp_signatures:
            moment = await _document_timestamp(spec, reader, timestamp)
            if moment is None:
                problems.append(Problem.ARCHIVE_TIMESTAMP_INVALID)
            else:
                archived_at, archived_revision = moment, timestamp.signed_revision
        signatures = [
            await _signature(spec, signature, archived_revision) for signature in reader.embedded_regular_signatures
        ]
        if not embedded and _looks_signed(stream):
            problems.append(Problem.STRUCTURE_DAMAGED)
        return replace(empty, signatures=tuple(signatures), problems=tuple(problems), archived_at=archived_at)


async def _signature(
    spec: SignatureValidationSpec, signature: EmbeddedPdfSignature, archived_revision: int
) -> SignatureReport:
    if archived_revision > signature.signed_revision:
        result: AdESWithTimeValidationResult = await ades_lta_validation(signature, PdfSignatureValidationSpec(spec))
    else:
        # Past validation presupposes a document timestamp: without one, even good revocation data counts as first seen just now.
        signature.compute_integrity_info()
        result = await ades_with_time_validation(
            signature.signed_data,
            replace(spec, local_knowledge=_knowledge(spec.local_knowledge, signature.reader)),
            raw_digest=signature.compute_digest(),
            extra_status_kwargs=signature.summarise_integrity_info(),
            status_cls=PdfSignatureStatus,
        )
    status = result.api_status
    certificate = signature.signer_cert
    if not isinstance(status, PdfSignatureStatus):
        return _unreadable(signature, certificate, _PROBLEMS.get(result.ades_subindic, Problem.FORMAT_INVALID))
    timestamp = status.timestamp_validity
    problems = _problems(result, status)
    trusted = (
        result.ades_subindic is AdESPassed.OK and status.intact and status.valid and status.validation_path is not None
    )
    if timestamp is None or not (timestamp.intact and timestamp.valid):
        level = Level.B_B
    elif not trusted or not _has_revocation_data(signature.reader, certificate):
        level = Level.B_T
    elif archived_revision > signature.signed_revision:
        level = Level.B_LTA
    else:
        level = Level.B_LT
    return replace(
        _described(signature, certificate),
        signed_at=timestamp.timestamp.astimezone(UTC) if timestamp else signature.self_reported_timestamp,
        time_source=TimeSource.TIMESTAMP if timestamp else TimeSource.CLAIMED,
        timestamp_authority=_name(timestamp.signing_cert.subject, "common_name") if timestamp else "",
        level=level,
        intact=status.intact,
        valid=status.valid,
        trusted=trusted,
        covers_whole_file=status.coverage is SignatureCoverageLevel.ENTIRE_FILE,
        changes_afterwards=_changes(status),
        problems=problems,
    )


async def _document_timestamp(
    spec: SignatureValidationSpec, reader: PdfFileReader, timestamp: EmbeddedPdfSignature
) -> datetime | None:
    """The time of a document timestamp that holds, or None."""
    timestamp.compute_integrity_info()
    result = await ades_timestamp_validation(
        timestamp.signed_data,
        replace(spec, local_knowledge=_knowledge(spec.local_knowledge, reader)),
        timestamp.compute_digest,
        extra_status_kwargs=timestamp.summarise_integrity_info(),
        status_cls=DocumentTimestampStatus,
    )
    status = result.api_status
    if status is None:
        return None
    holds = (
        status.intact
        and status.valid
        and result.ades_subindic is AdESPassed.OK
        and status.coverage is not None
        and status.coverage >= SignatureCoverageLevel.ENTIRE_REVISION
        and _changes(status) is not Changes.FORBIDDEN
    )
    return status.timestamp.astimezone(UTC) if holds else None


def _has_revocation_data(reader: PdfFileReader, certificate: x509.Certificate) -> bool:
    """Whether the file itself brings an OCSP response or a CRL about the signer, as B-LT means."""
    brought = _knowledge(LocalKnowledge(), reader)
    about = {
        single["cert_id"]["serial_number"].native
        for container in brought.known_ocsps
        for single in container.ocsp_response_data.response_data["responses"]
    }
    return certificate.serial_number in about or any(
        crl.crl_data.issuer == certificate.issuer for crl in brought.known_crls
    )


def _knowledge(known: LocalKnowledge, reader: PdfFileReader) -> LocalKnowledge:
    """`known` and what the file's own security store (DSS) brings along."""
    try:
        store = DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        return known
    ocsps = [OCSPResponse.load(ref.get_object().read_data(DecodePurpose.OCSP_RESPONSE)) for ref in store.ocsps]
    crls = [CertificateList.load(ref.get_object().read_data(DecodePurpose.CRL)) for ref in store.crls]
    return LocalKnowledge(
        known_ocsps=[container for response in ocsps for container in OCSPContainer.load_multi(response)],
        known_crls=[CRLContainer(crl) for crl in crls],
        known_certs=[*known.known_certs, *store.load_certs()],
    )


def _problems(result: AdESWithTimeValidationResult, status: PdfSignatureStatus) -> tuple[Problem, ...]:
    found: list[Problem] = []
    if not status.intact:
        found.append(Problem.ALTERED)
    if not status.valid:
        found.append(Problem.SIGNATURE_INVALID)
    if status.intact and status.valid and result.ades_subindic is not AdESPassed.OK:
        found.append(_PROBLEMS.get(result.ades_subindic, Problem.CERTIFICATE_UNTRUSTED))
    timestamp = status.timestamp_validity
    if timestamp is None:
        if Problem.ALTERED not in found:
            found.append(Problem.NO_TIMESTAMP)
    elif not (timestamp.intact and timestamp.valid) or (
        isinstance(result, AdESLTAValidationResult)
        and result.signature_timestamp_status is not None
        and result.signature_timestamp_status.ades_subindic is not AdESPassed.OK
    ):
        found.append(Problem.TIMESTAMP_INVALID)
    elif not status.signing_cert.not_valid_before <= timestamp.timestamp <= status.signing_cert.not_valid_after:
        found.append(Problem.CERTIFICATE_EXPIRED)
    if status.coverage is None or status.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        found.append(Problem.NOT_COVERED)
    if _changes(status) is Changes.FORBIDDEN:
        found.append(Problem.CHANGED_AFTERWARDS)
    return tuple(found)


def _changes(status: PdfSignatureStatus | DocumentTimestampStatus) -> Changes:
    if status.coverage is SignatureCoverageLevel.ENTIRE_FILE:
        return Changes.NONE
    level = status.modification_level
    if level is None or level > ModificationLevel.FORM_FILLING or status.docmdp_ok is False:
        return Changes.FORBIDDEN
    return Changes.ALLOWED


def _described(signature: EmbeddedPdfSignature, certificate: x509.Certificate) -> SignatureReport:
    return SignatureReport(
        field_name=str(signature.field_name),
        signer=_name(certificate.subject, "common_name"),
        organisation=_name(certificate.subject, "organization_name"),
        issuer=_name(certificate.issuer, "common_name"),
        serial_number=f"{certificate.serial_number:x}",
        certificate_sha256=certificate.sha256.hex(),
        signed_at=None,
        time_source=TimeSource.CLAIMED,
        timestamp_authority="",
        level=Level.B_B,
        intact=False,
        valid=False,
        trusted=False,
        covers_whole_file=False,
        changes_afterwards=Changes.FORBIDDEN,
    )


def _unreadable(signature: EmbeddedPdfSignature, certificate: x509.Certificate, problem: Problem) -> SignatureReport:
    return replace(_described(signature, certificate), problems=(problem,))


def _name(name: x509.Name, attribute: str) -> str:
    value = name.native.get(attribute, "")
    return value if isinstance(value, str) else ", ".join(map(str, value))


def _looks_signed(stream: BinaryIO) -> bool:
    """Whether the bytes speak of a signature, wherever they stand."""
    stream.seek(0)
    tail = b""
    while chunk := stream.read(1024 * 1024):
        if b"/ByteRange" in tail + chunk:
            return True
        tail = chunk[-16:]
    return False
