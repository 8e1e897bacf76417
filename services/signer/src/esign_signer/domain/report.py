"""What validation found: the report on a file and on each of its signatures, and the one verdict over them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from esign_signer.domain.document import Level


class Verdict(StrEnum):
    """The verdict on a whole file. PASSED needs every signature valid, intact and trusted, and nothing forbidden
    changed afterwards."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_SIGNED = "NOT_SIGNED"


class Changes(StrEnum):
    """What was appended after a signature: nothing, only what its rules allow (further signatures, validation data), or
    something else."""

    NONE = "none"
    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"


class TimeSource(StrEnum):
    """Who says when a signature was made: a timestamp authority (RFC 3161), or only the signer's own clock."""

    TIMESTAMP = "timestamp"
    CLAIMED = "claimed"


class Problem(StrEnum):
    """Stable codes of what can be wrong with a signature or with the whole file."""

    ALTERED = "ALTERED"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    CERTIFICATE_UNTRUSTED = "CERTIFICATE_UNTRUSTED"
    CERTIFICATE_REVOKED = "CERTIFICATE_REVOKED"
    CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
    REVOCATION_UNKNOWN = "REVOCATION_UNKNOWN"
    TIMESTAMP_INVALID = "TIMESTAMP_INVALID"
    NO_TIMESTAMP = "NO_TIMESTAMP"
    CHANGED_AFTERWARDS = "CHANGED_AFTERWARDS"
    NOT_COVERED = "NOT_COVERED"
    FORMAT_INVALID = "FORMAT_INVALID"
    STRUCTURE_DAMAGED = "STRUCTURE_DAMAGED"
    ARCHIVE_TIMESTAMP_INVALID = "ARCHIVE_TIMESTAMP_INVALID"


_TAMPERING = frozenset(
    {
        Problem.ALTERED,
        Problem.CHANGED_AFTERWARDS,
        Problem.STRUCTURE_DAMAGED,
        Problem.NOT_COVERED,
        Problem.ARCHIVE_TIMESTAMP_INVALID,
    }
)
_CERTIFICATE = frozenset({Problem.CERTIFICATE_UNTRUSTED, Problem.CERTIFICATE_REVOKED, Problem.CERTIFICATE_EXPIRED})


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """One signature. `intact`: the bytes it covers are those that were signed. `valid`: the cryptography holds.
    `trusted`: the certificate leads to a root we trust and was good when the signature was made."""

    field_name: str
    signer: str
    organisation: str
    issuer: str
    serial_number: str
    certificate_sha256: str
    signed_at: datetime | None
    time_source: TimeSource
    timestamp_authority: str
    level: Level
    intact: bool
    valid: bool
    trusted: bool
    covers_whole_file: bool
    changes_afterwards: Changes
    problems: tuple[Problem, ...] = ()

    @property
    def passed(self) -> bool:
        """Strict: everything holds."""
        return (
            self.intact
            and self.valid
            and self.trusted
            and self.changes_afterwards is not Changes.FORBIDDEN
            and not self.problems
        )


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """A whole file. `archived_at` is the time of the last valid document timestamp that covers the file, if there is
    one."""

    sha256: str
    size: int
    signatures: tuple[SignatureReport, ...] = ()
    problems: tuple[Problem, ...] = ()
    archived_at: datetime | None = None
    validators: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """One word for the file."""
        if not self.signatures and not self.problems:
            return Verdict.NOT_SIGNED
        if self.signatures and not self.problems and all(signature.passed for signature in self.signatures):
            return Verdict.PASSED
        return Verdict.FAILED

    def summary(self) -> tuple[str, str]:
        """The verdict in one plain sentence: Chinese, English."""
        match self.verdict:
            case Verdict.NOT_SIGNED:
                return "该文件没有电子签名。", "The file has no electronic signature."
            case Verdict.PASSED:
                count = len(self.signatures)
                plural = "signature is" if count == 1 else "signatures are"
                return (
                    f"核验通过：{count} 个签名均有效，签署后内容未被改动。",
                    f"Passed: {count} {plural} valid and the content is unchanged.",
                )
        found = set(self.problems).union(*(signature.problems for signature in self.signatures))
        if found & _TAMPERING:
            return (
                "核验未通过：文件在签署后被改动或已损坏。",
                "Failed: the file was changed or damaged after it was signed.",
            )
        if found & _CERTIFICATE:
            return (
                "核验未通过：签名证书不可信或当时已失效。",
                "Failed: a signer's certificate is not trusted or was not valid at that time.",
            )
        return (
            "核验未通过：签名无效或缺少验证所需的信息。",
            "Failed: a signature is invalid or lacks what its validation needs.",
        )


@dataclass(frozen=True, slots=True)
class GateResult:
    """What the release gate found. Released when `problems` is empty; `validators` are the implementations that judged
    the file."""

    sha256: str
    problems: tuple[str, ...]
    validators: tuple[str, ...]

    @property
    def released(self) -> bool:
        """Whether everybody accepted the file."""
        return not self.problems
