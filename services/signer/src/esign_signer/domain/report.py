"""What validation found: the report on a file and on each of its signatures, and the one verdict over them."""

from dataclasses import dataclass, field
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
    """Stable codes of what can be wrong with a signature or with the whole file.

    The second group names known attacks on signed PDFs (universal signature forgery, signature wrapping, incremental
    saving, shadow documents, evil annotation, sneaky signature).
    """

    ALTERED = "ALTERED"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    ALGORITHM_WEAK = "ALGORITHM_WEAK"
    CERTIFICATE_UNTRUSTED = "CERTIFICATE_UNTRUSTED"
    CERTIFICATE_REVOKED = "CERTIFICATE_REVOKED"
    CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
    CERTIFICATE_USAGE = "CERTIFICATE_USAGE"
    REVOCATION_UNKNOWN = "REVOCATION_UNKNOWN"
    TIMESTAMP_INVALID = "TIMESTAMP_INVALID"
    NO_TIMESTAMP = "NO_TIMESTAMP"
    CHANGED_AFTERWARDS = "CHANGED_AFTERWARDS"
    NOT_COVERED = "NOT_COVERED"
    FORMAT_INVALID = "FORMAT_INVALID"
    STRUCTURE_DAMAGED = "STRUCTURE_DAMAGED"
    ARCHIVE_TIMESTAMP_INVALID = "ARCHIVE_TIMESTAMP_INVALID"

    CONTENTS_FORGED = "CONTENTS_FORGED"
    BYTE_RANGE_FORGED = "BYTE_RANGE_FORGED"
    SIGNATURE_WRAPPED = "SIGNATURE_WRAPPED"
    SIGNATURE_COPIED = "SIGNATURE_COPIED"
    SIGNATURE_HIDDEN = "SIGNATURE_HIDDEN"
    INCREMENT_DAMAGED = "INCREMENT_DAMAGED"
    PAGE_CHANGED = "PAGE_CHANGED"
    SHADOW_CONTENT = "SHADOW_CONTENT"
    ANNOTATION_ADDED = "ANNOTATION_ADDED"
    SIGNATURE_FIELD_ADDED = "SIGNATURE_FIELD_ADDED"
    FIELD_CHANGED = "FIELD_CHANGED"
    OBJECTS_REMOVED = "OBJECTS_REMOVED"
    ACTION_ADDED = "ACTION_ADDED"


class ChangeKind(StrEnum):
    """What an incremental update did. The first group is what a signature allows to follow it."""

    SIGNATURE = "signature"
    TIMESTAMP = "timestamp"
    VALIDATION_DATA = "validation_data"
    METADATA = "metadata"
    BOOKKEEPING = "bookkeeping"

    PAGE = "page"
    PAGES = "pages"
    SHADOW = "shadow"
    ANNOTATION = "annotation"
    FIELD = "field"
    SIGNATURE_FIELD = "signature_field"
    REMOVED = "removed"
    CATALOG = "catalog"
    OTHER = "other"

    @property
    def allowed(self) -> bool:
        """Whether a signature allows it."""
        return self in _ALLOWED_KINDS

    @property
    def problem(self) -> Problem:
        """The code of a forbidden change."""
        return _PROBLEMS_OF_KINDS.get(self, Problem.CHANGED_AFTERWARDS)


_ALLOWED_KINDS = frozenset(
    {
        ChangeKind.SIGNATURE,
        ChangeKind.TIMESTAMP,
        ChangeKind.VALIDATION_DATA,
        ChangeKind.METADATA,
        ChangeKind.BOOKKEEPING,
    }
)
_PROBLEMS_OF_KINDS = {
    ChangeKind.PAGE: Problem.PAGE_CHANGED,
    ChangeKind.PAGES: Problem.PAGE_CHANGED,
    ChangeKind.SHADOW: Problem.SHADOW_CONTENT,
    ChangeKind.ANNOTATION: Problem.ANNOTATION_ADDED,
    ChangeKind.FIELD: Problem.FIELD_CHANGED,
    ChangeKind.SIGNATURE_FIELD: Problem.SIGNATURE_FIELD_ADDED,
    ChangeKind.REMOVED: Problem.OBJECTS_REMOVED,
    ChangeKind.CATALOG: Problem.ACTION_ADDED,
}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that an incremental update did. `revision` counts from 1, the first being the file as it was made;
    `page` from 1, 0 when it is about no page; `detail` names a field, an annotation's subtype or a catalog entry;
    `objects` are the numbers of the PDF objects."""

    kind: ChangeKind
    revision: int
    page: int = 0
    detail: str = ""
    objects: tuple[int, ...] = ()


class RevocationSource(StrEnum):
    """Where a statement on a certificate's revocation comes from; NONE for a root, or a responder that is exempt."""

    NONE = ""
    OCSP = "OCSP"
    CRL = "CRL"


@dataclass(frozen=True, slots=True)
class Revocation:
    """What is known of a certificate's revocation at the time that counts. `produced_at` is when the statement was
    made; `online`: it was fetched now, not brought by the file; `revoked_at` may lie after the time that counts."""

    source: RevocationSource
    produced_at: datetime | None = None
    next_update: datetime | None = None
    revoked_at: datetime | None = None
    online: bool = False


@dataclass(frozen=True, slots=True)
class ChainCertificate:
    """A certificate of a chain; `revocation` is None when nothing was found."""

    subject: str
    issuer: str
    serial_number: str
    sha256: str
    not_before: datetime
    not_after: datetime
    revocation: Revocation | None = None


@dataclass(frozen=True, slots=True)
class SealShown:
    """What people see in a signature's field: the page, from 1, 0 when it is on none; the rectangle in points; and whose
    seal it is by the certificate: an organisation's, or a person's signature. `picture` is a PNG of how the page shows
    it, empty when none was drawn."""

    page: int
    rect: tuple[float, float, float, float]
    of_organisation: bool
    picture: bytes = b""


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """One signature. `intact`: the bytes it covers are those that were signed. `valid`: the cryptography holds.
    `trusted`: the certificate leads to a root we trust and was good when the signature was made.

    `unified_social_credit_code` is the organisation's in the certificate. `covers_whole_file` is about the file as it
    is now, `covers_revision` as it was when the signature was made. `judged_at` is the time as of which the certificates
    were judged; chains start with the signer's (the authority's) certificate and end with the root.
    """

    field_name: str
    signer: str = ""
    organisation: str = ""
    unified_social_credit_code: str = ""
    issuer: str = ""
    serial_number: str = ""
    certificate_sha256: str = ""
    signed_at: datetime | None = None
    time_source: TimeSource = TimeSource.CLAIMED
    timestamp_authority: str = ""
    reason: str = ""
    level: Level = Level.B_B
    intact: bool = False
    valid: bool = False
    trusted: bool = False
    covers_whole_file: bool = False
    covers_revision: bool = False
    certifies: bool = False
    revision: int = 0
    changes_afterwards: Changes = Changes.FORBIDDEN
    changes: tuple[Change, ...] = ()
    seal: SealShown | None = None
    algorithm: str = ""
    chain: tuple[ChainCertificate, ...] = ()
    timestamp_chain: tuple[ChainCertificate, ...] = ()
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
    one; `validated_at` when it was judged."""

    sha256: str
    size: int
    signatures: tuple[SignatureReport, ...] = ()
    problems: tuple[Problem, ...] = ()
    archived_at: datetime | None = None
    validated_at: datetime | None = None
    validators: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> Verdict:
        """One word for the file."""
        if not self.signatures and not self.problems:
            return Verdict.NOT_SIGNED
        if self.signatures and not self.problems and all(signature.passed for signature in self.signatures):
            return Verdict.PASSED
        return Verdict.FAILED

    @property
    def all_problems(self) -> frozenset[Problem]:
        """Those of the file and of every signature."""
        return frozenset(self.problems).union(*(signature.problems for signature in self.signatures))


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
