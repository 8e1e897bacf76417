"""Validates signed PDFs with pyHanko by the AdES building blocks (ETSI EN 319 102-1). Runs in a worker process.

Every signature is judged as of the first document timestamp after it, with the material that this timestamp proves to
have existed then; every document timestamp as of the next; only the last, or a signature without any, as things stand
now. (pyHanko's own long-term algorithm refuses a signature whose certificate expired before its revocation data went
stale, which certificates for one signature regularly do.)

Chains and revocation data must be in the file, as B-LT promises. Present revocation state is asked for only when the
file's own has gone stale, and only for certificates that our own roots vouch for (path validation checks their
signatures first), so a stranger's file cannot name addresses.
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

from asn1crypto import cms, x509
from asn1crypto.crl import CertificateList
from asn1crypto.ocsp import OCSPResponse
from pyhanko.pdf_utils.decode_limits import DecodePurpose
from pyhanko.pdf_utils.misc import PdfDecodeLimitError, PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESFailure, AdESIndeterminate, AdESPassed, AdESSubIndic
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.general import CMSExtractionError, MultivaluedAttributeError
from pyhanko.sign.validation import DocumentSecurityStore, EmbeddedPdfSignature
from pyhanko.sign.validation.ades import ades_timestamp_validation, ades_with_time_validation
from pyhanko.sign.validation.errors import NoDSSFoundError, SignatureValidationError
from pyhanko.sign.validation.generic_cms import extract_tst_data_iter
from pyhanko.sign.validation.policy_decl import (
    CertificateFetchingRule,
    LocalKnowledge,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko.sign.validation.status import DocumentTimestampStatus, PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator.fetchers.aiohttp_fetchers import AIOHttpFetcherBackend
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.revinfo.archival import CRLContainer, OCSPContainer

from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.adapters.pdf.trust import policy
from esign_signer.domain.document import DocumentRejected, Level
from esign_signer.domain.report import Changes, Problem, SignatureReport, TimeSource, ValidationReport, Verdict

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
    ArithmeticError,
    NotImplementedError,
    OSError,
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

_UNTRUSTED: Final = frozenset(
    {Problem.REVOCATION_UNKNOWN, Problem.CERTIFICATE_UNTRUSTED, Problem.CERTIFICATE_EXPIRED, Problem.TIMESTAMP_INVALID}
)

logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)


class PdfValidator:
    """Validates files against the platform's trust roots."""

    def __init__(self, settings: TrustSettings) -> None:
        self._spec = SignatureValidationSpec(
            cert_validation_policy=policy(settings),
            local_knowledge=LocalKnowledge(known_certs=[x509.Certificate.load(root) for root in settings.roots]),
            revinfo_gathering_policy=RevocationInfoGatheringSpec(RevinfoOnlineFetchingRule.LOCAL_ONLY),
        )
        self._deadline = settings.revocation_deadline

    def validate(self, source: Path) -> ValidationReport:
        """The report on `source`, as things stand now.

        Raises DocumentRejected: PDF_INVALID for a file that is not a PDF or beyond reading, PDF_ENCRYPTED for one that
        asks for a password, PDF_TOO_COMPLEX for one that asks for more work than any contract does. A signed file whose
        structure broke is a report, not an error.
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
            except (PdfDecodeLimitError, MemoryError) as error:
                raise DocumentRejected("PDF_TOO_COMPLEX") from error
            except _UNREADABLE as error:
                if _looks_signed(stream):
                    return replace(empty, problems=(Problem.STRUCTURE_DAMAGED,))
                raise DocumentRejected("PDF_INVALID", type(error).__name__) from error

    async def _validate(self, stream: BinaryIO, empty: ValidationReport) -> ValidationReport:
        reader = PdfFileReader(stream)
        if reader.encrypted:
            raise DocumentRejected("PDF_ENCRYPTED")
        if len(reader.embedded_signatures) > MAX_SIGNATURES:
            raise DocumentRejected("PDF_TOO_COMPLEX", f"{len(reader.embedded_signatures)} signatures")
        report = await _judged(self._spec, reader, stream, empty)
        if not _may_be_stale(report):
            return report
        backend = AIOHttpFetcherBackend(per_request_timeout=self._deadline)
        gathering = RevocationInfoGatheringSpec(
            RevinfoOnlineFetchingRule.NO_HISTORICAL_FETCH, backend, CertificateFetchingRule.NEVER_FETCH
        )
        try:
            asked = await _judged(replace(self._spec, revinfo_gathering_policy=gathering), reader, stream, empty)
        finally:
            await backend.close()
        return asked if asked.verdict is Verdict.PASSED else report


async def _judged(
    spec: SignatureValidationSpec, reader: PdfFileReader, stream: BinaryIO, empty: ValidationReport
) -> ValidationReport:
    embedded = reader.embedded_signatures
    problems: list[Problem] = []
    proofs: list[tuple[int, datetime]] = []
    for timestamp in reversed(reader.embedded_timestamp_signatures):
        moment, problem = await _document_timestamp(spec, timestamp, proofs[-1][1] if proofs else None)
        if problem is not None:
            problems.append(problem)
        elif moment is not None:
            proofs.append((timestamp.signed_revision, moment))
    signatures = [await _signature(spec, signature, proofs) for signature in reader.embedded_regular_signatures]
    if not embedded and _looks_signed(stream):
        problems.append(Problem.STRUCTURE_DAMAGED)
    if embedded and _has_loose_end(stream, reader, embedded[-1]):
        problems.append(Problem.NOT_COVERED)
    if any(_has_dirty_padding(signature) for signature in embedded):
        problems.append(Problem.FORMAT_INVALID)
    archived_at = proofs[0][1] if proofs else None
    return replace(empty, signatures=tuple(signatures), problems=tuple(problems), archived_at=archived_at)


def _may_be_stale(report: ValidationReport) -> bool:
    """Whether asking for present revocation data could lead to another verdict: nothing was altered, but something is
    not trusted."""
    problems = set(report.problems).union(*(signature.problems for signature in report.signatures))
    return bool(problems) and problems <= _UNTRUSTED


async def _signature(
    spec: SignatureValidationSpec, signature: EmbeddedPdfSignature, proofs: list[tuple[int, datetime]]
) -> SignatureReport:
    """`proofs` are revision and time of the document timestamps that hold, the last first."""
    proof = next((moment for revision, moment in reversed(proofs) if revision > signature.signed_revision), None)
    signature.compute_integrity_info()
    result = await ades_with_time_validation(
        signature.signed_data,
        replace(spec, local_knowledge=_knowledge(spec.local_knowledge, signature.reader)),
        timing_info=_as_of(proof),
        raw_digest=signature.compute_digest(),
        extra_status_kwargs=signature.summarise_integrity_info(),
        status_cls=PdfSignatureStatus,
    )
    status = result.api_status
    certificate = signature.signer_cert
    if not isinstance(status, PdfSignatureStatus):
        problem = _PROBLEMS.get(result.ades_subindic, Problem.FORMAT_INVALID)
        return replace(_described(signature, certificate), problems=(problem,))
    timestamp = status.timestamp_validity
    problems = _problems(result.ades_subindic, status, signature.signer_info)
    trusted = (
        result.ades_subindic is AdESPassed.OK and status.intact and status.valid and status.validation_path is not None
    )
    if timestamp is None or not (timestamp.intact and timestamp.valid):
        level = Level.B_B
    elif not trusted or not _has_revocation_data(signature.reader, certificate):
        level = Level.B_T
    else:
        level = Level.B_LT if proof is None else Level.B_LTA
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
    spec: SignatureValidationSpec, timestamp: EmbeddedPdfSignature, proof: datetime | None
) -> tuple[datetime | None, Problem | None]:
    """The time of a document timestamp, or what is wrong with it, as of `proof`."""
    timestamp.compute_integrity_info()
    result = await ades_timestamp_validation(
        timestamp.signed_data,
        replace(spec, local_knowledge=_knowledge(spec.local_knowledge, timestamp.reader)),
        timestamp.compute_digest,
        timing_info=_as_of(proof),
        extra_status_kwargs=timestamp.summarise_integrity_info(),
        status_cls=DocumentTimestampStatus,
    )
    status = result.api_status
    if (
        status is None
        or not (status.intact and status.valid)
        or status.coverage is None
        or status.coverage < SignatureCoverageLevel.ENTIRE_REVISION
        or _changes(status) is Changes.FORBIDDEN
    ):
        return None, Problem.ARCHIVE_TIMESTAMP_INVALID
    if result.ades_subindic is not AdESPassed.OK:
        return None, _PROBLEMS.get(result.ades_subindic, Problem.CERTIFICATE_UNTRUSTED)
    return status.timestamp.astimezone(UTC), None


def _as_of(proof: datetime | None) -> ValidationTimingInfo | None:
    if proof is None:
        return None
    return ValidationTimingInfo(validation_time=proof, best_signature_time=proof, point_in_time_validation=True)


def _has_loose_end(stream: BinaryIO, reader: PdfFileReader, last: EmbeddedPdfSignature) -> bool:
    """Whether bytes follow that belong to no revision, so that no comparison of revisions sees them."""
    if last.signed_revision == reader.xrefs.total_revisions - 1:
        return last.evaluate_signature_coverage() is not SignatureCoverageLevel.ENTIRE_FILE
    stream.seek(0, 2)
    stream.seek(max(0, stream.tell() - 1024))
    return bool(stream.read().rpartition(b"%%EOF")[2].strip())


def _has_dirty_padding(signature: EmbeddedPdfSignature) -> bool:
    """Whether anything but zeros stands behind the signature in the room that was reserved for it (ISO 32000-2,
    12.8.1)."""
    content: bytes = signature.pkcs7_content
    return bool(content[len(cms.ContentInfo.load(content).dump()) :].strip(b"\0"))


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


def _problems(outcome: AdESSubIndic, status: PdfSignatureStatus, signer_info: cms.SignerInfo) -> tuple[Problem, ...]:
    found: list[Problem] = []
    if not status.intact:
        found.append(Problem.ALTERED)
    if not status.valid:
        found.append(Problem.SIGNATURE_INVALID)
    timestamp = status.timestamp_validity
    if timestamp is None and next(extract_tst_data_iter(signer_info, signed=False), None) is None:
        found.append(Problem.NO_TIMESTAMP)
    elif status.intact and status.valid and outcome is not AdESPassed.OK:
        found.append(_PROBLEMS.get(outcome, Problem.CERTIFICATE_UNTRUSTED))
    if timestamp is not None:
        if not (timestamp.intact and timestamp.valid):
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
