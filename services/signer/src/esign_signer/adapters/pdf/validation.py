"""Validates signed PDFs: PAdES (ETSI EN 319 142-1) by the validation model of ETSI EN 319 102-1. Runs in a worker
process.

Every signature is judged at the time of its own timestamp, and that timestamp as of the next document timestamp, or
now: with the material that the file brings, as B-LT promises. Present revocation state is asked for only where that is
not enough and asking is allowed, and only for certificates that our own roots vouch for, so a stranger's file cannot
name addresses.

Verdicts are strict: a signature passes that is valid, intact and trusted, with nothing forbidden appended.
"""

# mypy: disable-error-code="no-untyped-call"
# pyHanko is typed in part only.

import asyncio
import hashlib
import io
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, Final

from cryptography import x509
from pyhanko.pdf_utils.decode_limits import DecodePurpose
from pyhanko.pdf_utils.misc import PdfDecodeLimitError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError

from esign_signer.adapters.pdf.chains import Chains
from esign_signer.adapters.pdf.reading import quick_reading
from esign_signer.adapters.pdf.revocation import Evidence
from esign_signer.adapters.pdf.revocation_online import fetch
from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.adapters.pdf.signed_data import Token
from esign_signer.adapters.pdf.signed_file import UNREADABLE, Placed, SignedFile
from esign_signer.adapters.pdf.standing import Judge, Standing, Times, common_name
from esign_signer.adapters.pdf.structure import diagnose, signatures
from esign_signer.domain.document import DocumentRejected, Level
from esign_signer.domain.report import (
    Problem,
    SignatureReport,
    TimeSource,
    ValidationReport,
)

MAX_SIGNATURES: Final = 100
_AT_ONCE: Final = 16 * 2**20
VALIDATOR: Final = f"esign-signer/{version('esign-signer')}"
_UNTRUSTED: Final = frozenset(
    {Problem.REVOCATION_UNKNOWN, Problem.CERTIFICATE_EXPIRED, Problem.TIMESTAMP_INVALID, Problem.CERTIFICATE_REVOKED}
)

_UNNAMED: Final = frozenset(
    {
        Problem.ALTERED,
        Problem.SIGNATURE_INVALID,
        Problem.NOT_COVERED,
        Problem.CHANGED_AFTERWARDS,
        Problem.FORMAT_INVALID,
    }
)
"""Of a document timestamp, these say no more than that it does not hold."""

logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)


class PdfValidator:
    """Validates files against the platform's trust roots. What it learned of authorities, it remembers.

    Without `online`, nothing is asked for: then a timestamp authority's revocation state as of its own timestamp must
    do, and the report says of when it is.
    """

    def __init__(self, settings: TrustSettings, *, online: bool = True) -> None:
        self._chains = Chains(settings.roots)
        self._roots = [x509.load_der_x509_certificate(root) for root in settings.roots]
        self._evidence = Evidence()
        self._deadline = settings.revocation_deadline
        self._tolerance = timedelta(seconds=settings.clock_tolerance)
        self._online = online

    def validate(self, source: Path) -> ValidationReport:
        """The report on `source`, as things stand now.

        Raises DocumentRejected: PDF_INVALID for a file that is not a PDF or beyond reading, PDF_ENCRYPTED for one that
        asks for a password, PDF_TOO_COMPLEX for one that asks for more work than any contract does. A signed file whose
        structure broke is a report, not an error.
        """
        with _opened(source) as stream:
            empty = ValidationReport(
                hashlib.file_digest(stream, "sha256").hexdigest(),
                source.stat().st_size,
                validators=(VALIDATOR,),
                validated_at=datetime.now(UTC),
            )
            stream.seek(0)
            if b"%PDF-" not in stream.read(1024):
                raise DocumentRejected("PDF_INVALID", "no PDF header")
            try:
                with quick_reading():
                    return asyncio.run(self._validate(stream, empty))
            except (PdfDecodeLimitError, MemoryError) as error:
                raise DocumentRejected("PDF_TOO_COMPLEX") from error
            except UNREADABLE as error:
                if (problem := diagnose(stream)) is not None:
                    return replace(empty, problems=(problem,))
                raise DocumentRejected("PDF_INVALID", type(error).__name__) from error

    async def _validate(self, stream: BinaryIO, empty: ValidationReport) -> ValidationReport:
        reader = PdfFileReader(stream)
        if reader.encrypted:
            raise DocumentRejected("PDF_ENCRYPTED")
        found = signatures(reader, stream)
        if len(found) > MAX_SIGNATURES:
            raise DocumentRejected("PDF_TOO_COMPLEX", f"{len(found)} signatures")
        evidence = self._evidence.renewed()
        pool = [*self._roots, *_brought(reader, evidence)]
        file = SignedFile(reader, stream, found)
        judge = Judge(self._chains, evidence, self._tolerance, present=self._online)
        now = empty.validated_at or datetime.now(UTC)
        judgement = _Judgement(file, judge, pool, now)
        report = await judgement.on(empty)
        if judgement.lacking and self._online and report.all_problems <= _UNTRUSTED:
            ocsps, crls = await fetch(judgement.lacking, self._deadline)
            evidence.add(ocsps=ocsps, crls=crls, online=True)
            report = await _Judgement(file, judge, pool, now).on(empty)
        return report


class _Judgement:
    """Trust in the signatures of one file, at the times that count."""

    def __init__(self, file: SignedFile, judge: Judge, pool: Sequence[x509.Certificate], now: datetime) -> None:
        self._file, self._judge, self._pool, self._now = file, judge, pool, now
        self.lacking: list[tuple[x509.Certificate, x509.Certificate]] = []

    async def on(self, empty: ValidationReport) -> ValidationReport:
        """The report. `lacking` has afterwards the certificates of which the revocation state is not known."""
        problems = list(self._file.problems)
        proofs: list[tuple[int, datetime]] = []
        timestamps = [one for one in self._file.signatures if one.found.is_timestamp]
        for one in reversed(timestamps):
            problem = await self._document_timestamp(one, proofs[-1][1] if proofs else self._now)
            if problem is not None:
                problems.append(problem)
            elif one.token is not None:
                proofs.append((one.revision, one.token.time))
        signatures = [await self._signature(one, proofs) for one in self._file.signatures if one not in timestamps]
        return replace(
            empty,
            signatures=(*self._file.broken, *signatures),
            problems=tuple(dict.fromkeys(problems)),
            archived_at=proofs[0][1] if proofs else None,
        )

    async def _document_timestamp(self, one: Placed, until: datetime) -> Problem | None:
        """What is wrong with a document timestamp as of `until`."""
        integrity = self._file.integrity(one)
        if integrity.problems:
            named = [problem for problem in integrity.problems if problem not in _UNNAMED]
            return named[0] if named else Problem.ARCHIVE_TIMESTAMP_INVALID
        return (await self._authority(one.token, until)).problem if one.token else Problem.ARCHIVE_TIMESTAMP_INVALID

    async def _authority(self, token: Token, until: datetime) -> Standing:
        pool = [*token.signed.certificates, *self._pool]
        standing = await self._judge.authority(token.signed.certificate, pool, Times(token.time, until))
        self.lacking += standing.lacking
        return standing

    async def _signature(self, one: Placed, proofs: list[tuple[int, datetime]]) -> SignatureReport:
        """`proofs` are revision and time of the document timestamps that hold, the last first."""
        signed, token = one.signed, one.token
        integrity = self._file.integrity(one)
        proof = next((moment for revision, moment in reversed(proofs) if revision > one.revision), None)
        until = proof or self._now
        stamping = await self._authority(token, until) if token else None
        stamped = token.time if token and stamping and stamping.problem is None else None
        pool = [*signed.certificates, *self._pool]
        standing = await self._judge.signer(signed.certificate, pool, Times(stamped or until, until))
        self.lacking += standing.lacking
        trusted = one.intact and one.valid and standing.problem is None and stamped is not None
        if stamped is None:
            level = Level.B_B
        elif not (trusted and standing.in_file):
            level = Level.B_T
        else:
            level = Level.B_LT if proof is None else Level.B_LTA
        return replace(
            self._file.described(one),
            signed_at=token.time if token else signed.claimed_at,
            time_source=TimeSource.TIMESTAMP if token else TimeSource.CLAIMED,
            timestamp_authority=common_name(token.signed.certificate.subject) if token else "",
            level=level,
            intact=one.intact,
            valid=one.valid,
            trusted=trusted,
            covers_revision=integrity.covers_revision,
            covers_whole_file=integrity.covers_whole_file,
            changes_afterwards=integrity.afterwards,
            changes=integrity.changes,
            chain=standing.certificates,
            timestamp_chain=stamping.certificates if stamping else (),
            problems=tuple(dict.fromkeys([*integrity.problems, *_about_time(one, standing, stamping)])),
        )


def _opened(source: Path) -> io.BytesIO | io.BufferedReader:
    """The file; one that is not large is read at once, for pyHanko seeks and reads it byte by byte."""
    if source.stat().st_size <= _AT_ONCE:
        return io.BytesIO(source.read_bytes())
    return source.open("rb")


def _about_time(one: Placed, standing: Standing, stamping: Standing | None) -> list[Problem]:
    """What is wrong with the certificate and with the timestamp. Problems of the certificate are told only of a
    signature that holds: of another's, nobody knows who made it."""
    problems = [standing.problem] if standing.problem and one.intact and one.valid else []
    if stamping is None:
        problems.append(Problem.TIMESTAMP_INVALID if one.token_broken else Problem.NO_TIMESTAMP)
    elif stamping.problem is Problem.REVOCATION_UNKNOWN:
        problems.append(Problem.REVOCATION_UNKNOWN)
    elif stamping.problem is not None and standing.problem is not Problem.CERTIFICATE_UNTRUSTED:
        problems.append(Problem.TIMESTAMP_INVALID)
    return problems


def _brought(reader: PdfFileReader, evidence: Evidence) -> list[x509.Certificate]:
    """The certificates of the file's security store (DSS); its OCSP responses and CRLs go to `evidence`."""
    try:
        store = DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        return []
    evidence.add(
        ocsps=[ref.get_object().read_data(DecodePurpose.OCSP_RESPONSE) for ref in store.ocsps],
        crls=[ref.get_object().read_data(DecodePurpose.CRL) for ref in store.crls],
    )
    return [x509.load_der_x509_certificate(one.dump()) for one in store.load_certs()]
