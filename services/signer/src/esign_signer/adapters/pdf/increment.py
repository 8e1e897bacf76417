"""Incremental updates of documents of the plain form (ISO 32000-2, 7.5.6): objects, a cross-reference section, and the
gap in which a signature's bytes are put once they exist."""

import binascii
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from esign_signer.adapters.pdf.clean import CleanDocument, Dictionary, NotClean, reference, written

_BYTE_RANGE: Final = b"/ByteRange[0 %010d %010d %010d]"
_BYTE_RANGE_LENGTH: Final = len(_BYTE_RANGE % (0, 0, 0))


class Hash(Protocol):
    """As hashlib has them."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Takes more in."""

    def digest(self) -> bytes:
        """The hash of all that was taken in."""

    def copy(self) -> "Hash":
        """One that goes on by itself."""


@dataclass(slots=True)
class Gap:
    """An update whose signature is missing: `before` and `after` are what the signature covers besides the document,
    `reserved` is how many bytes it may have."""

    before: bytes
    after: bytes
    reserved: int

    def digest(self, document: Hash) -> bytes:
        """The hash of what is signed, from that of the document before the update."""
        covered = document.copy()
        covered.update(self.before)
        covered.update(self.after)
        return covered.digest()

    def filled(self, signature: bytes) -> bytes:
        """The update with `signature` (DER) in its place. Raises ValueError when it is too long."""
        if len(signature) > self.reserved:
            raise ValueError("the signature is longer than the room for it")
        contents = binascii.hexlify(signature).ljust(2 * self.reserved, b"0")
        return b"".join((self.before, b"<", contents, b">", self.after))


class Increment:
    """Objects to append to a document. Those put under a number that exists replace it."""

    def __init__(self, document: CleanDocument) -> None:
        self.document = document
        self.catalog: Dictionary = dict(document.catalog)
        self._next = document.next_number
        self._objects: dict[int, bytes] = {}

    def reserve(self) -> int:
        """A number for an object that is still to come."""
        self._next += 1
        return self._next - 1

    def add(self, body: bytes) -> int:
        """A new object's number."""
        number = self.reserve()
        self._objects[number] = body
        return number

    def put(self, number: int, body: bytes) -> None:
        """The object under a number."""
        self._objects[number] = body

    def refer(self, dictionary: Dictionary, key: bytes, body: bytes) -> None:
        """Writes what `dictionary` refers to by `key`: under its number when it has one, else as a new object that
        `dictionary` then names."""
        value = dictionary.get(key, b"")
        if value.endswith(b"R"):
            self.put(reference(value), body)
        else:
            dictionary[key] = b"%d 0 R" % self.add(body)

    def with_gap(self, number: int, entries: bytes, reserved: int) -> Gap:
        """The whole update, its last object a signature dictionary of `entries` and room for `reserved` bytes of
        /Contents. The catalog is written when it was changed."""
        if self.catalog != self.document.catalog:
            self.put(self.document.root_number, written(self.catalog))
        document = self.document
        pieces = [] if document.ends_with_newline else [b"\n"]
        at, offsets = document.size + sum(map(len, pieces)), {}
        for each, body in self._objects.items():
            piece = b"%d 0 obj\n%b\nendobj\n" % (each, body)
            offsets[each] = at
            at += len(piece)
            pieces.append(piece)
        offsets[number] = at
        head = b"%d 0 obj\n<<%b" % (number, entries)
        gap_at = at + len(head) + _BYTE_RANGE_LENGTH + len(b"/Contents")
        gap_end = gap_at + 2 * reserved + 2
        close = b">>\nendobj\n"
        after = close + self._references(offsets, gap_end + len(close))
        byte_range = _BYTE_RANGE % (gap_at, gap_end, len(after))
        pieces += [head, byte_range, b"/Contents"]
        return Gap(b"".join(pieces), after, reserved)

    def _references(self, offsets: dict[int, int], at: int) -> bytes:
        """The cross-reference section and the trailer, which stand at `at`."""
        pieces = [b"xref\n"]
        document, before = self.document, -1
        runs: list[list[int]] = []
        for number in sorted(offsets):
            if number != before + 1:
                runs.append([])
            runs[-1].append(before := number)
        for run in runs:
            pieces.append(b"%d %d\n" % (run[0], len(run)))
            pieces += [b"%010d 00000 n \n" % offsets[number] for number in run]
        trailer: Dictionary = {key: document.trailer[key] for key in (b"/Root", b"/Info") if key in document.trailer}
        trailer[b"/Size"] = b"%d" % self._next
        trailer[b"/Prev"] = b"%d" % document.startxref
        trailer[b"/ID"] = b"[%b<%b>]" % (_first_id(document.trailer), binascii.hexlify(os.urandom(16)))
        pieces.append(b"trailer\n%b\nstartxref\n%d\n%%%%EOF\n" % (written(trailer), at))
        return b"".join(pieces)


def _first_id(trailer: Dictionary) -> bytes:
    """The permanent half of the file's identifier (ISO 32000-2, 14.4)."""
    value = trailer.get(b"/ID", b"").removeprefix(b"[").lstrip()
    end = value.find(b">")
    if not value.startswith(b"<") or end < 0:
        raise NotClean("/ID")
    return value[: end + 1]


def stream(dictionary: Dictionary, data: bytes) -> bytes:
    """A stream's body."""
    return b"%b\nstream\n%b\nendstream" % (written({**dictionary, b"/Length": b"%d" % len(data)}), data)


def text_string(text: str) -> bytes:
    """A text string (ISO 32000-2, 7.9.2.2) in UTF-16BE."""
    return b"<FEFF%b>" % binascii.hexlify(text.encode("utf-16-be")).upper()


@lru_cache(maxsize=4096)
def number(value: float) -> bytes:
    """A number with at most four decimals."""
    if value == (whole := int(value)):
        return b"%d" % whole
    return (b"%.4f" % value).rstrip(b"0").rstrip(b".") or b"0"
