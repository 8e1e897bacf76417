"""The signatures of a file and all about them that does not depend on trust, worked out once: where they stand, whether
the bytes are those that were signed, and what was appended.

Three things speak about what was appended: `structure` about the bytes, `changes` about pages and fields in words, and
pyHanko's difference analysis about every object. All must agree that it is harmless.
"""

# mypy: disable-error-code="no-untyped-call"
# pyHanko is typed in part only.

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from cryptography import x509
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel, SuspiciousModification
from pyhanko.sign.general import CMSExtractionError
from pyhanko.sign.validation import EmbeddedPdfSignature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.status import SignatureCoverageLevel

from esign_signer.adapters.pdf.changes import PageNumbers, Update, entry, visible
from esign_signer.adapters.pdf.signed_data import Malformed, SignedData, Token, read_signature, read_token, token_of
from esign_signer.adapters.pdf.standing import attribute, common_name, described
from esign_signer.adapters.pdf.structure import FoundSignature, diagnose, has_dirty_padding, loose_end
from esign_signer.domain.report import Change, ChangeKind, Changes, Problem, SealShown, SignatureReport

UNREADABLE: Final = (
    PdfError,
    CMSExtractionError,
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

_CODE: Final = re.compile(r"(?:NTRCN-|VATCN-)?([0-9A-HJ-NPQRTUWXY]{18})")


@dataclass(frozen=True, slots=True)
class Integrity:
    """Whether the signature covers a whole revision, or all of the file as it is; what was appended (`afterwards`,
    `changes`); and the problems with all that and with the signature itself."""

    covers_revision: bool
    covers_whole_file: bool
    afterwards: Changes
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A signature, where it stands in the file, and what it says.

    `intact`: it is about the bytes that it covers; `valid`: its cryptography holds. `token`: a document timestamp
    itself, or the timestamp over a signature's value, None unless that one holds; `token_broken`: there is one that does
    not.
    """

    found: FoundSignature
    embedded: EmbeddedPdfSignature
    signed: SignedData
    intact: bool
    valid: bool
    token: Token | None
    token_broken: bool = False

    @property
    def revision(self) -> int:
        """Counted from 0."""
        return int(self.embedded.signed_revision)


class SignedFile:
    """A file's signatures in the order of their revisions. `broken` are those that cannot be verified at all; `problems`
    those of the file as a whole."""

    def __init__(self, reader: PdfFileReader, stream: BinaryIO, found: Sequence[FoundSignature]) -> None:
        self._reader, self._stream = reader, stream
        self._pages = PageNumbers(reader)
        self.broken: list[SignatureReport] = []
        self.signatures: list[Placed] = []
        for one in found:
            try:
                self.signatures.append(_placed(reader, one))
            except (Malformed, *UNREADABLE) as error:
                problems = one.problems or (
                    (Problem.FORMAT_INVALID,) if isinstance(error, Malformed) else (Problem.CONTENTS_FORGED,)
                )
                self.broken.append(SignatureReport(one.name, problems=problems))
        self.signatures.sort(key=lambda one: one.revision)
        self._updates: dict[int, tuple[Change, ...]] = {}
        self._integrity: dict[int, Integrity] = {}
        self.problems = self._of_the_whole(found)

    def _of_the_whole(self, found: Sequence[FoundSignature]) -> list[Problem]:
        if not found:
            return [Problem.SIGNATURE_HIDDEN] if diagnose(self._stream) is not None else []
        if not self.signatures:
            return []
        last = self.signatures[-1].embedded
        covered = None
        if self.signatures[-1].revision == self._reader.xrefs.total_revisions - 1:
            covered = int(last.byte_range[2]) + int(last.byte_range[3])
        problem = loose_end(self._stream, covered)
        return [problem] if problem else []

    def integrity(self, one: Placed) -> Integrity:
        """What there is to say without trust."""
        if id(one) not in self._integrity:
            self._integrity[id(one)] = self._check(one)
        return self._integrity[id(one)]

    def _check(self, one: Placed) -> Integrity:
        one.embedded.compute_integrity_info()
        coverage = one.embedded.coverage or SignatureCoverageLevel.UNCLEAR
        covers = coverage >= SignatureCoverageLevel.ENTIRE_REVISION
        problems = list(one.found.problems)
        if not one.intact:
            problems.append(Problem.ALTERED)
        if not one.valid:
            problems.append(Problem.SIGNATURE_INVALID)
        if one.signed.weak:
            problems.append(Problem.ALGORITHM_WEAK)
        if has_dirty_padding(one.found.contents, one.signed.size):
            problems.append(Problem.FORMAT_INVALID)
        if not covers:
            problems.append(Problem.NOT_COVERED)
        later = range(one.revision + 1, self._reader.xrefs.total_revisions)
        changes = tuple(change for number in later for change in self._update(number))
        forbidden = [change for change in changes if not change.kind.allowed]
        if covers and not forbidden and not _is_harmless(one.embedded):
            forbidden = [Change(ChangeKind.OTHER, one.revision + 2)]
            changes = (*changes, *forbidden)
        if forbidden:
            problems += [Problem.CHANGED_AFTERWARDS, *(change.kind.problem for change in forbidden)]
        return Integrity(
            covers,
            coverage is SignatureCoverageLevel.ENTIRE_FILE,
            Changes.FORBIDDEN if forbidden else Changes.ALLOWED if changes else Changes.NONE,
            changes,
            tuple(dict.fromkeys(problems)),
        )

    def _update(self, number: int) -> tuple[Change, ...]:
        if number not in self._updates:
            certified = any(one.embedded.docmdp_level is not None for one in self.signatures if one.revision < number)
            self._updates[number] = Update(self._reader, number, self._pages, certified=certified).changes()
        return self._updates[number]

    def described(self, one: Placed) -> SignatureReport:
        """A report that says whose signature it is, and nothing of its worth yet."""
        certificate, value = one.signed.certificate, one.found.value
        organisation = attribute(certificate.subject, NameOID.ORGANIZATION_NAME)
        reason = entry(value, "/Reason")
        return SignatureReport(
            field_name=one.found.name,
            signer=common_name(certificate.subject),
            organisation=organisation,
            unified_social_credit_code=_credit_code(certificate) if organisation else "",
            issuer=common_name(certificate.issuer),
            serial_number=f"{certificate.serial_number:x}",
            certificate_sha256=described(certificate, None).sha256,
            reason=str(reason)[:200] if isinstance(reason, str) else "",
            certifies=one.embedded.docmdp_level is not None,
            revision=one.revision + 1,
            algorithm=one.signed.algorithm,
            seal=self._seal(one.found.field, of_organisation=bool(organisation)),
        )

    def _seal(self, field: generic.DictionaryObject, *, of_organisation: bool) -> SealShown | None:
        if not visible(field) or "/AP" not in field:
            return None
        page = field.raw_get("/P") if "/P" in field else None
        number = self._pages.of((page.idnum,)) if isinstance(page, generic.IndirectObject) else 0
        x1, y1, x2, y2 = (float(value) for value in field["/Rect"])
        return SealShown(number, (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)), of_organisation)


def _placed(reader: PdfFileReader, found: FoundSignature) -> Placed:
    """Raises Malformed, and what pyHanko raises over what cannot be read."""
    if not found.contents or Problem.BYTE_RANGE_FORGED in found.problems:
        raise Malformed("nothing to verify")
    embedded = EmbeddedPdfSignature(reader, found.field, found.name)
    digest = embedded.compute_digest()
    if found.is_timestamp:
        token = read_token(found.contents)
        holds = token.holds(digest)
        return Placed(found, embedded, token.signed, holds, holds, token)
    signed = read_signature(found.contents)
    intact, valid = signed.holds(digest)
    try:
        token_over_it = token_of(signed)
        broken = token_over_it is not None and (token_over_it.signed.weak or not token_over_it.holds_over(signed))
    except Malformed:
        token_over_it, broken = None, True
    return Placed(found, embedded, signed, intact, valid, None if broken else token_over_it, broken)


def _is_harmless(embedded: EmbeddedPdfSignature) -> bool:
    """pyHanko's word on what was appended."""
    difference = embedded.diff_result
    if embedded.coverage is SignatureCoverageLevel.ENTIRE_FILE:
        return True
    if difference is None or isinstance(difference, SuspiciousModification):
        return False
    allowed: bool = embedded.summarise_integrity_info()["docmdp_ok"]
    return allowed and difference.modification_level <= ModificationLevel.FORM_FILLING


def _credit_code(certificate: x509.Certificate) -> str:
    """统一社会信用代码 in the subject: organizationIdentifier (ETSI EN 319 412-1) or serialNumber."""
    for kind in (NameOID.ORGANIZATION_IDENTIFIER, NameOID.SERIAL_NUMBER, NameOID.ORGANIZATIONAL_UNIT_NAME):
        for found in certificate.subject.get_attributes_for_oid(kind):
            if match := _CODE.fullmatch(str(found.value)):
                return match[1]
    return ""
