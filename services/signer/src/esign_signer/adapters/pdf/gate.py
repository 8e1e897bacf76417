"""The release gate: nobody is told that a contract is complete before independent implementations have accepted the
finished file.

Our own validator judges everything, and so does pyHanko by its AdES algorithm. Poppler's `pdfsig` (NSS) judges the signatures and what each covers.
Document timestamps, which pdfsig lists but cannot judge, are cut out at the offsets that pdfsig reports and go to
rfc3161-client (OpenSSL).
"""

import hashlib
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from cryptography import x509
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

from esign_signer.adapters.pdf.ades import NAME, AdesValidator
from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.adapters.pdf.validation import VALIDATOR, PdfValidator
from esign_signer.domain.document import DocumentRejected, Level
from esign_signer.domain.report import GateResult, Problem, SignatureReport, ValidationReport, Verdict

PDFSIG_DEADLINE: Final = 60.0
_TIMESTAMP_CLIENT: Final = f"rfc3161-client/{version('rfc3161-client')}"
_OURS: Final = VALIDATOR.partition("/")[0]
_NOT_OURS_TO_JUDGE: Final = frozenset(
    {
        Problem.ALGORITHM_WEAK,
        Problem.CERTIFICATE_UNTRUSTED,
        Problem.CERTIFICATE_REVOKED,
        Problem.CERTIFICATE_EXPIRED,
        Problem.CERTIFICATE_USAGE,
        Problem.REVOCATION_UNKNOWN,
        Problem.TIMESTAMP_INVALID,
        Problem.NO_TIMESTAMP,
        Problem.SIGNATURE_FIELD_ADDED,
    }
)
_GRANTED: Final = bytes.fromhex("3003020100")
"""PKIStatusInfo of a granted response (RFC 3161, section 2.4.2), which a token in a file comes without."""


@dataclass(frozen=True, slots=True)
class _Signature:
    """One signature as pdfsig describes it; `ranges` are the two signed byte ranges: start and end of each."""

    field: str
    kind: str
    valid: bool
    whole: bool
    ranges: tuple[int, int, int, int]


class ReleaseGate:
    """Judges finished files."""

    def __init__(self, settings: TrustSettings, pdfsig: str) -> None:
        self._validator = PdfValidator(settings)
        self._ades = AdesValidator(settings)
        self._roots = [x509.load_der_x509_certificate(root) for root in settings.roots]
        self._pdfsig = pdfsig

    def judge(self, source: Path, signature_count: int, earlier_signatures: int = 0) -> GateResult:
        """Judges `source`, which must hold exactly `signature_count` signatures, each B-LTA, and end in a document
        timestamp over all of it. Before them stand the `earlier_signatures` with which the document came: they must go
        with their bytes, and whom they are of is not ours to vouch for.

        Raises OSError when pdfsig cannot be run: that says nothing about the file.
        """
        problems: list[str] = []
        try:
            report = self._validator.validate(source)
        except DocumentRejected as error:
            with source.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            return GateResult(digest, (f"{_OURS}: {error.code}",), ())
        problems += [f"{_OURS}: {text}" for text in _expectations(report, signature_count, earlier_signatures)]
        problems += [f"pyhanko: {text}" for text in self._ades.problems(source, earlier_signatures)]
        judged = [*report.validators, NAME]
        try:
            name, found = self._run_pdfsig(source)
        except (subprocess.SubprocessError, ValueError) as error:
            problems.append(f"pdfsig: {type(error).__name__}")
        else:
            judged += [name, _TIMESTAMP_CLIENT]
            problems += [f"pdfsig: {text}" for text in _pdfsig_problems(found, signature_count + earlier_signatures)]
            problems += [f"rfc3161-client: {text}" for text in self._timestamp_problems(source, found)]
        return GateResult(report.sha256, tuple(problems), tuple(judged))

    def _run_pdfsig(self, source: Path) -> tuple[str, list[_Signature]]:
        """pdfsig's name with version, and what it says. Certificates are pyHanko's to judge: pdfsig gets no trust store
        of ours or the user's."""
        with tempfile.TemporaryDirectory() as home:

            def run(*arguments: str) -> str:
                done = subprocess.run(  # noqa: S603 - fixed program, a path of our own as argument
                    [self._pdfsig, *arguments],
                    capture_output=True,
                    timeout=PDFSIG_DEADLINE,
                    env={"HOME": home, "LC_ALL": "C.UTF-8", "PATH": os.defpath},
                    check=False,
                )
                return (done.stdout + done.stderr).decode(errors="replace")

            found = re.search(r"pdfsig version (\S+)", run("-v"))
            output = run("-nocert", str(source))
        if found is None:
            raise ValueError("pdfsig tells no version")
        return f"pdfsig/{found[1]}", [
            _parsed(block) for block in re.split(r"^Signature #\d+:$", output, flags=re.M)[1:]
        ]

    def _timestamp_problems(self, source: Path, found: list[_Signature]) -> list[str]:
        timestamps = [signature for signature in found if _is_timestamp(signature)]
        if not timestamps:
            return ["no document timestamp"]
        content = source.read_bytes()
        problems = []
        for timestamp in timestamps:
            start, gap, resume, end = timestamp.ranges
            try:
                token = _trimmed(bytes.fromhex(content[gap:resume].strip(b"<>").decode("ascii")))
                digest = hashlib.sha256(content[start:gap] + content[resume:end]).digest()
                VerifierBuilder(roots=list(self._roots)).build().verify(
                    decode_timestamp_response(_response(token)), digest
                )
            except (VerificationError, ValueError) as error:
                problems.append(f"{timestamp.field}: {error}"[:200])
        return problems


def _expectations(report: ValidationReport, signature_count: int, earlier_signatures: int) -> list[str]:
    earlier, parties = report.signatures[:earlier_signatures], report.signatures[earlier_signatures:]
    problems = [f"{one.field_name}: {problem}" for one in earlier for problem in _held_against(one)]
    if not earlier and report.verdict is not Verdict.PASSED:
        problems.append(f"verdict {report.verdict}")
    problems += [str(problem) for problem in report.problems]
    problems += [f"{signature.field_name}: {problem}" for signature in parties for problem in signature.problems]
    if (len(earlier), len(parties)) != (earlier_signatures, signature_count):
        problems.append(f"{len(report.signatures)} signatures instead of {earlier_signatures + signature_count}")
    problems += [
        f"{signature.field_name}: level {signature.level}"
        for signature in parties
        if signature.level is not Level.B_LTA
    ]
    if report.archived_at is None:
        problems.append("no valid document timestamp")
    return problems


def _held_against(earlier: SignatureReport) -> list[Problem]:
    """What is wrong with a signature that the document came with, its certificate's worth and the parties' own fields
    apart."""
    added = Problem.SIGNATURE_FIELD_ADDED in earlier.problems
    return [
        problem
        for problem in earlier.problems
        if problem not in _NOT_OURS_TO_JUDGE and not (added and problem is Problem.CHANGED_AFTERWARDS)
    ]


def _pdfsig_problems(found: list[_Signature], signature_count: int) -> list[str]:
    signatures = [signature for signature in found if not _is_timestamp(signature)]
    problems = [f"{signature.field}: not valid" for signature in signatures if not signature.valid]
    if len(signatures) != signature_count:
        problems.append(f"{len(signatures)} signatures instead of {signature_count}")
    if found and not (_is_timestamp(found[-1]) and found[-1].whole):
        problems.append("the last timestamp does not cover the whole document")
    problems += [
        f"{signature.field}: does not start at the file's start" for signature in found if signature.ranges[0] != 0
    ]
    return problems


def _is_timestamp(signature: _Signature) -> bool:
    return signature.kind in ("unknown", "ETSI.RFC3161")


def _parsed(block: str) -> _Signature:
    """One block of pdfsig's output. Raises ValueError for anything unknown, an unsigned field among it."""
    facts = dict(re.findall(r"^  - ([^:\n]+): (.*)$", block, flags=re.M))
    ranges = re.findall(r"\[(\d+) - (\d+)\]", facts.get("Signed Ranges", ""))
    if len(ranges) != 2 or "Signature Field Name" not in facts:
        raise ValueError("unsigned field or unknown output")
    (start, gap), (resume, end) = ranges
    return _Signature(
        field=facts["Signature Field Name"],
        kind=facts.get("Signature Type", "").strip(),
        valid=facts.get("Signature Validation") == "Signature is Valid.",
        whole=re.search(r"^  - Total document signed$", block, flags=re.M) is not None,
        ranges=(int(start), int(gap), int(resume), int(end)),
    )


def _trimmed(padded: bytes) -> bytes:
    """The DER value at the start of `padded`, without what was reserved behind it."""
    return padded[: _length(padded)]


def _length(der: bytes) -> int:
    """Bytes of the DER value at the start of `der`, header included (X.690, 8.1.3). Raises ValueError when it is cut
    off."""
    if len(der) < 2:
        raise ValueError("cut off")
    first = der[1]
    octets = first & 0x7F if first & 0x80 else 0
    size = int.from_bytes(der[2 : 2 + octets]) if octets else first
    if octets > 4 or 2 + octets + size > len(der):
        raise ValueError("cut off")
    return 2 + octets + size


def _response(token: bytes) -> bytes:
    """`token` as a granted TimeStampResp."""
    body = _GRANTED + token
    octets = len(body).to_bytes((len(body).bit_length() + 7) // 8)
    return b"\x30" + bytes([0x80 | len(octets)]) + octets + body
