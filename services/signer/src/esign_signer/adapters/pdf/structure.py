"""How the signatures of a file stand in its bytes, without trust in what the file says of itself.

A signature dictionary must be what its standard describes, byte for byte: two ranges from the file's start, and between
them nothing but its own value, in its own object (ISO 32000-2, 12.8.1). Universal signature forgery and signature
wrapping both live on readers that take less.
"""

# mypy: disable-error-code="no-untyped-call"
# pyHanko is typed in part only.

import binascii
import io
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigSeedSubFilter, enumerate_sig_fields

from esign_signer.domain.report import Problem

_SIGNATURES: Final = frozenset({SigSeedSubFilter.PADES.value, SigSeedSubFilter.ADOBE_PKCS7_DETACHED.value})
_TIMESTAMP: Final = SigSeedSubFilter.ETSI_RFC3161.value
_MAX_DICTIONARY: Final = 64 * 1024
_RANGES: Final = re.compile(rb"/ByteRange\s*\[\s*(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s*\]")
_OBJECT: Final = re.compile(rb"\d+\s+\d+\s+obj\b")


@dataclass(frozen=True, slots=True)
class FoundSignature:
    """A signature field with a value. `problems` speak against reading it any further."""

    name: str
    field: generic.DictionaryObject
    value: generic.DictionaryObject
    contents: bytes
    is_timestamp: bool
    problems: tuple[Problem, ...] = ()


def signatures(reader: PdfFileReader, stream: BinaryIO) -> list[FoundSignature]:
    """Every signature that the form leads to, with what is wrong about its place in the file. Raises what pyHanko raises
    over a form that cannot be read."""
    found = [
        _found(reader, stream, str(name), field) for name, _, field in enumerate_sig_fields(reader, filled_status=True)
    ]
    times = Counter(one.contents for one in found if one.contents)
    return [
        replace(one, problems=(*one.problems, Problem.SIGNATURE_COPIED)) if times[one.contents] > 1 else one
        for one in found
    ]


def _found(reader: PdfFileReader, stream: BinaryIO, name: str, reference: generic.PdfObject) -> FoundSignature:
    field = reference.get_object()
    value = field.raw_get("/V")
    place = value.reference if isinstance(value, generic.IndirectObject) else field.get_container_ref()
    value = value.get_object()
    if not isinstance(value, generic.DictionaryObject):
        return FoundSignature(name, field, generic.DictionaryObject(), b"", False, (Problem.FORMAT_INVALID,))
    kind = value.get("/SubFilter", None)
    is_timestamp = kind == _TIMESTAMP
    contents = _contents(value)
    ranges = _ranges(value)
    problems = []
    if not is_timestamp and kind not in _SIGNATURES:
        problems.append(Problem.FORMAT_INVALID)
    if contents is None:
        problems.append(Problem.CONTENTS_FORGED)
    if ranges is None or ranges[2] + ranges[3] > _size(stream):
        problems.append(Problem.BYTE_RANGE_FORGED)
    elif contents is not None and not _explains_gap(reader, stream, place, ranges, contents):
        problems.append(Problem.SIGNATURE_WRAPPED)
    return FoundSignature(name, field, value, contents or b"", is_timestamp, tuple(problems))


def _contents(value: generic.DictionaryObject) -> bytes | None:
    """The signature's value as it is in the file, None unless it starts like DER."""
    contents = dict.get(value, "/Contents")
    if not isinstance(contents, generic.TextStringObject | generic.ByteStringObject):
        return None
    content: bytes = contents.original_bytes
    return content if content[:1] == b"\x30" and len(content) > 64 else None


def _ranges(value: generic.DictionaryObject) -> tuple[int, int, int, int] | None:
    """The two ranges, None unless they start at the file's start and leave a gap."""
    ranges = dict.get(value, "/ByteRange")
    if not isinstance(ranges, generic.ArrayObject) or len(ranges) != 4:
        return None
    numbers = [list.__getitem__(ranges, index) for index in range(4)]
    if not all(isinstance(number, generic.NumberObject) for number in numbers):
        return None
    first, before, second, after = (int(number) for number in numbers)
    if first != 0 or before <= 0 or after <= 0 or second <= before:
        return None
    return first, before, second, after


def _explains_gap(
    reader: PdfFileReader,
    stream: BinaryIO,
    place: generic.Reference,
    ranges: tuple[int, int, int, int],
    contents: bytes,
) -> bool:
    """Whether the gap is exactly the value of the dictionary's own /Contents."""
    _, before, second, _ = ranges
    if second - before != 2 * len(contents) + 2:
        return False
    stream.seek(before)
    gap = stream.read(second - before)
    try:
        if gap[:1] != b"<" or gap[-1:] != b">" or binascii.unhexlify(gap[1:-1]) != contents:
            return False
    except binascii.Error:
        return False
    offset = reader.xrefs[place]
    if not isinstance(offset, int) or not 0 < before - offset <= _MAX_DICTIONARY:
        return False
    stream.seek(offset)
    dictionary = stream.read(before - offset)
    return dictionary.rstrip().endswith(b"/Contents") and b"endobj" not in dictionary


def has_dirty_padding(contents: bytes, size: int) -> bool:
    """Whether anything but zeros stands behind the signature in the room that was reserved for it (ISO 32000-2,
    12.8.1)."""
    return bool(contents[size:].strip(b"\0"))


def loose_end(stream: BinaryIO, covered: int | None) -> Problem | None:
    """What to say of bytes behind the last revision: behind `covered`, where the last signature's ranges end when it
    signed the last revision, else behind the last end-of-file mark."""
    if covered is not None:
        stream.seek(covered)
        tail = stream.read()
    else:
        stream.seek(max(0, _size(stream) - 1024))
        tail = stream.read().rpartition(b"%%EOF")[2]
        if not tail.strip():
            return None
    if not tail:
        return None
    return Problem.INCREMENT_DAMAGED if _OBJECT.search(tail) else Problem.NOT_COVERED


def diagnose(stream: BinaryIO) -> Problem | None:
    """Why a file cannot be read that speaks of signatures; None when it does not.

    Where the part that a signature covers can be read by itself, something was appended that readers must repair.
    """
    stream.seek(0)
    content = stream.read()
    ends = {int(match[3]) + int(match[4]) for match in _RANGES.finditer(content)}
    if not ends and b"/ByteRange" not in content:
        return None
    for end in sorted((end for end in ends if end < len(content)), reverse=True)[:4]:
        if is_readable(content[:end]) and content[end:].strip():
            return Problem.INCREMENT_DAMAGED
    return Problem.STRUCTURE_DAMAGED


def is_readable(content: bytes) -> bool:
    """Whether these bytes are a PDF with a signature by themselves."""
    try:
        return next(enumerate_sig_fields(PdfFileReader(io.BytesIO(content)), filled_status=True), None) is not None
    except Exception:
        return False


def _size(stream: BinaryIO) -> int:
    return stream.seek(0, io.SEEK_END)
