"""The signatures that a document comes with: which they are, whether they go with its bytes, and whether they allow more."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import pikepdf
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID
from pikepdf import Array, Dictionary, Name, Pdf

from esign_contract.adapters.pdf.refused import Refused
from esign_contract.domain.document import EarlierSignature, SignatureKind

MAX_SIGNATURES: Final = 64
MAX_FIELDS: Final = 100_000
CHUNK: Final = 1 << 20
_ALGORITHMS: Final = ("sha256", "sha1", "sha384", "sha512", "sm3")
_NOT_CMS: Final = frozenset({"/adbe.x509.rsa_sha1"})
_CERTIFIED_FINAL: Final = 1
_DATE: Final = re.compile(r"D:(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:([+\-Z])(?:(\d\d)'?(\d\d)?)?)?")


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature field that is signed, and its signature dictionary."""

    name: str
    field: pikepdf.Object
    value: pikepdf.Object


def find(pdf: Pdf) -> list[Signed]:
    """Every signature, in the order of the bytes that they cover. Raises Refused for more fields than can be looked at."""
    found: dict[tuple[int, int], Signed] = {}
    for name, field in _fields(pdf):
        value = field.get("/V")
        if isinstance(value, Dictionary) and isinstance(value.get("/ByteRange"), Array) and "/Contents" in value:
            found.setdefault(value.objgen if value.is_indirect else field.objgen, Signed(name, field, value))
    if len(found) > MAX_SIGNATURES:
        raise Refused("DOCUMENT_TOO_COMPLEX")
    return sorted(found.values(), key=_covered)


def earlier(source: Path, pdf: Pdf, found: Iterable[Signed]) -> tuple[EarlierSignature, ...]:
    """What the signatures say. Raises Refused when one does not go with the bytes or allows no further signature."""
    signatures = list(found)
    if any(_forbids_more(one, pdf) for one in signatures):
        raise Refused("DOCUMENT_LOCKED")
    size = source.stat().st_size
    return tuple(_described(source, size, one) for one in signatures)


def _fields(pdf: Pdf) -> Iterator[tuple[str, pikepdf.Object]]:
    """Signature fields with their full names: those of the form, and widgets that only their page knows of."""
    form = pdf.Root.get("/AcroForm")
    listed = form.get("/Fields") if isinstance(form, Dictionary) else None
    waiting = [("", False, field) for field in listed] if isinstance(listed, Array) else []
    waiting += [("", False, widget) for page in pdf.pages for widget in page.obj.get("/Annots", ())]
    passed: set[tuple[int, int]] = set()
    while waiting:
        path, signs, field = waiting.pop()
        if not isinstance(field, Dictionary) or (field.is_indirect and field.objgen in passed):
            continue
        passed.add(field.objgen)
        if len(passed) > MAX_FIELDS:
            raise Refused("DOCUMENT_TOO_COMPLEX")
        name = ".".join(filter(None, (path, str(field.get("/T", "")))))
        signs = field["/FT"] == Name.Sig if "/FT" in field else signs
        if signs:
            yield name, field
        kids = field.get("/Kids")
        waiting += [(name, signs, kid) for kid in kids] if isinstance(kids, Array) else []


def _covered(one: Signed) -> int:
    return sum(_ranges(one)[2:])


def _ranges(one: Signed) -> tuple[int, int, int, int]:
    numbers = [int(number) for number in one.value["/ByteRange"]]
    if len(numbers) != 4:
        raise Refused("DOCUMENT_SIGNATURE_BROKEN")
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _forbids_more(one: Signed, pdf: Pdf) -> bool:
    """Whether the document is certified as final (ISO 32000-2, 12.8.2.2), or locked by this signature (12.8.2.4, and the
    lock of its field, 12.7.5.5). A lock of named fields does not concern the fields to come."""
    permissions = pdf.Root.get("/Perms")
    certified = permissions.get("/DocMDP") if isinstance(permissions, Dictionary) else None
    rules = [one.field.get("/Lock")]
    for value in (one.value, certified):
        references = value.get("/Reference", ()) if isinstance(value, Dictionary) else ()
        rules += [reference.get("/TransformParams") for reference in references if isinstance(reference, Dictionary)]
    return any(
        isinstance(rule, Dictionary)
        and (rule.get("/P") == _CERTIFIED_FINAL or rule.get("/Action") in (Name.All, Name.Exclude))
        for rule in rules
    )


def _described(source: Path, size: int, one: Signed) -> EarlierSignature:
    start, gap, resume, rest = _ranges(one)
    contents = bytes(one.value["/Contents"])
    end = resume + rest
    if start != 0 or not 0 < gap < resume <= end <= size or not _goes_with(source, one, contents, (gap, resume, end)):
        raise Refused("DOCUMENT_SIGNATURE_BROKEN")
    return EarlierSignature(
        field_name=one.name[:200],
        kind=_kind(one.value),
        signer=_signer(one.value, contents)[:200],
        claimed_at=_claimed_at(one.value),
        covers_whole_file=end == size,
    )


def _goes_with(source: Path, one: Signed, contents: bytes, ranges: tuple[int, int, int]) -> bool:
    """Whether the hash of the covered bytes is in the signature. That it is signed there is for the validator to say."""
    if str(one.value.get("/SubFilter")) in _NOT_CMS:
        return True
    return any(_hash(source, ranges, name) in contents for name in _ALGORITHMS if name in hashlib.algorithms_available)


def _hash(source: Path, ranges: tuple[int, int, int], algorithm: str) -> bytes:
    gap, resume, end = ranges
    digest = hashlib.new(algorithm)
    with source.open("rb") as file:
        for at, until in ((0, gap), (resume, end)):
            file.seek(at)
            while at < until and (chunk := file.read(min(CHUNK, until - at))):
                digest.update(chunk)
                at += len(chunk)
    return digest.digest()


def _kind(value: pikepdf.Object) -> SignatureKind:
    if value.get("/Type") == Name.DocTimeStamp or str(value.get("/SubFilter")) == "/ETSI.RFC3161":
        return SignatureKind.TIMESTAMP
    methods = {
        str(reference.get("/TransformMethod"))
        for reference in value.get("/Reference", ())
        if isinstance(reference, Dictionary)
    }
    return SignatureKind.CERTIFICATION if "/DocMDP" in methods else SignatureKind.APPROVAL


def _signer(value: pikepdf.Object, contents: bytes) -> str:
    """The name that the signature's certificate gives, or else the one that the document gives; may be empty."""
    try:
        certificates = pkcs7.load_der_pkcs7_certificates(_trimmed(contents))
        issuers = {certificate.issuer for certificate in certificates if certificate.issuer != certificate.subject}
        leaf = next((one for one in certificates if one.subject not in issuers), None)
        names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME) if leaf else []
        if names:
            return str(names[0].value)
    except (ValueError, TypeError, IndexError, x509.UnsupportedGeneralNameType):
        pass
    return str(value.get("/Name", ""))


def _trimmed(padded: bytes) -> bytes:
    """The DER value at the start, without what was reserved behind it (X.690, 8.1.3)."""
    octets = padded[1] & 0x7F if padded[1] & 0x80 else 0
    size = int.from_bytes(padded[2 : 2 + octets], "big") if octets else padded[1]
    return padded[: 2 + octets + size]


def _claimed_at(value: pikepdf.Object) -> datetime | None:
    """The date of the entry /M (ISO 32000-2, 7.9.4)."""
    found = _DATE.match(str(value.get("/M", "")))
    if found is None:
        return None
    sign, hours, minutes = found[7], int(found[8] or 0), int(found[9] or 0)
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if sign == "-" else 1)
    try:
        year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
