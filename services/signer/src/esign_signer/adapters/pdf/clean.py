"""Reads PDF files of one plain form, strictly: the form in which intake stores every unsigned document and in which our
own signatures leave it. Anything else is `NotClean`, and pyHanko's complete reader takes over.

The form (ISO 32000-2, 7.5): cross-reference tables and no streams of them, every object by itself, generation 0, not
encrypted, a page tree whose nodes state their type and count. Objects are read when they are asked for, so that the
length of a document costs nothing; values stay the bytes that the file has, so that what is rewritten stays as it was.
"""

import mmap
import re
from collections.abc import Iterator
from typing import Final

Dictionary = dict[bytes, bytes]
"""Names with their slash, and values as the file writes them."""

_TAIL: Final = re.compile(rb"startxref\r?\n(\d{1,12})\r?\n%%EOF(?:\r?\n)?\Z")
_SUBSECTION: Final = re.compile(rb"(\d{1,8}) (\d{1,8}) ?\r?\n")
_ENTRY: Final = re.compile(rb"(\d{10}) 00000 n[ \r\n]{2}")
_XREF: Final = re.compile(rb"xref\r?\n")
_TRAILER: Final = re.compile(rb"trailer\s*")
_STREAM: Final = re.compile(rb"\s*stream\r?\n")
_OBJECT: Final = re.compile(rb"(\d+) 0 obj\s*")
_SPACE: Final = re.compile(rb"[\x00\t\n\x0c\r ]*")
_ATOM: Final = re.compile(
    rb"\d+ \d+ R(?![^\x00\t\n\x0c\r ()<>\[\]{}/%])|/[^\x00\t\n\x0c\r ()<>\[\]{}/%]*|[+-]?(?:\d+\.?\d*|\.\d+)|true|false|null"
    rb"|<[0-9A-Fa-f\x00\t\n\x0c\r ]*>"
)

_NAME: Final = rb"/[^\x00\t\n\x0c\r ()<>\[\]{}/%#]*+"
_SIMPLE: Final = (
    rb"(?>\d++ \d++ R(?![^\x00\t\n\x0c\r ()<>\[\]{}/%])|" + _NAME + rb"|[+-]?\d++(?:\.\d*+)?|true|false|null"
    rb"|<[0-9A-Fa-f]*+>|\([^()\\]*+\))"
)


def _nested(value: bytes) -> bytes:
    """The pattern of values that hold such as `value` describes. Its quantifiers give nothing back, so that a match takes
    time in proportion to the length."""
    return rb"(?>" + _SIMPLE + rb"|\[\s*+(?>" + value + rb"\s*+)*+\]|<<\s*+(?>" + value + rb"\s*+)*+>>)"


_SHALLOW: Final = _nested(_nested(_nested(_SIMPLE)))
_PLAIN_ENTRY: Final = re.compile(rb"(" + _NAME + rb")\s*+(" + _SHALLOW + rb")")
_PLAIN_DICTIONARY: Final = re.compile(rb"<<\s*+((?>" + _NAME + rb"\s*+" + _SHALLOW + rb"\s*+)*+)>>")
_IN_STRING: Final = re.compile(rb"[^()\\]*(?:\\.[^()\\]*)*", re.DOTALL)
_REFERENCE: Final = re.compile(rb"(\d+) 0 R")
_REFERENCES: Final = re.compile(rb"\s*\[\s*(?:\d+ 0 R\s*)*\]")
_INTEGER: Final = re.compile(rb"-?\d{1,10}")


_TAIL_LENGTH: Final = 64
_MAX_SECTIONS: Final = 200
_MAX_SUBSECTIONS: Final = 10_000
_MAX_DEPTH: Final = 60
_MAX_NUMBER: Final = 8_388_607
"""The largest object number that ISO 32000-2, annex C, speaks of."""


class NotClean(Exception):
    """The file is not of the plain form. It may be a good PDF all the same."""


class CleanDocument:
    """A file of the plain form, in memory or mapped into it. Raises NotClean from every method."""

    def __init__(self, data: bytes | mmap.mmap) -> None:
        self.data = data
        self.size = len(data)
        tail = _TAIL.search(data, max(0, self.size - _TAIL_LENGTH))
        if tail is None:
            raise NotClean("no startxref at the end")
        self.startxref = int(tail[1])
        self.ends_with_newline = tail[0].endswith(b"\n")
        self._ranges: list[tuple[int, int, int]] = []
        self._objects: dict[int, Dictionary] = {}
        self.trailer = self._trailers(self.startxref)
        self.next_number = integer(self.trailer.get(b"/Size", b""))
        self.root_number = reference(self.trailer.get(b"/Root", b""))
        if not 1 <= self.next_number <= _MAX_NUMBER:
            raise NotClean("/Size")
        self.catalog = self.dictionary(self.root_number)
        if self.catalog.get(b"/Type") != b"/Catalog":
            raise NotClean("/Root")
        self._pages: list[tuple[int, int]] | None = None

    def _trailers(self, at: int) -> Dictionary:
        """Reads every cross-reference section; the newest trailer."""
        newest: Dictionary | None = None
        for _ in range(_MAX_SECTIONS):
            trailer = self._section(at)
            newest = trailer if newest is None else newest
            if b"/Encrypt" in trailer or b"/XRefStm" in trailer:
                raise NotClean("encrypted or hybrid")
            if b"/Prev" not in trailer:
                return newest
            before = integer(trailer[b"/Prev"])
            if not 0 <= before < at:
                break
            at = before
        raise NotClean("/Prev")

    def _section(self, at: int) -> Dictionary:
        start = _XREF.match(self.data, at)
        if start is None:
            raise NotClean("no cross-reference table")
        at = start.end()
        while found := _SUBSECTION.match(self.data, at):
            at = found.end()
            self._ranges.append((int(found[1]), int(found[2]), at))
            at += 20 * int(found[2])
            if len(self._ranges) > _MAX_SUBSECTIONS:
                raise NotClean("too many subsections")
        trailer = _TRAILER.match(self.data, at)
        if trailer is None:
            raise NotClean("no trailer")
        return _dictionary(self.data, trailer.end())[0]

    def _body(self, number: int) -> int:
        """Where an object's value starts."""
        for first, count, at in self._ranges:
            if first <= number < first + count:
                entry = _ENTRY.match(self.data, at + 20 * (number - first))
                if entry is None:
                    raise NotClean("an object that is free, or of another generation")
                found = _OBJECT.match(self.data, int(entry[1]))
                if found is None or int(found[1]) != number:
                    raise NotClean("an object that is not where the table says")
                return found.end()
        raise NotClean("an object that does not exist")

    def dictionary(self, number: int) -> Dictionary:
        """An object that is a dictionary, or a stream's dictionary. Not to be changed."""
        known = self._objects.get(number)
        if known is None:
            known = self._objects[number] = _dictionary(self.data, self._body(number))[0]
        return known

    def plain_stream(self, number: int) -> bytes | None:
        """The content of a stream that is not encoded; None when it is."""
        dictionary, end = _dictionary(self.data, self._body(number))
        if b"/Filter" in dictionary or not _INTEGER.fullmatch(dictionary.get(b"/Length", b"")):
            return None
        start = _STREAM.match(self.data, end)
        if start is None:
            raise NotClean("a stream without data")
        return self.data[start.end() : start.end() + integer(dictionary[b"/Length"])]

    def array(self, value: bytes) -> tuple[bytes, int | None]:
        """An array that stands here or elsewhere: as the file writes it, and its object's number."""
        if value.startswith(b"["):
            return value, None
        number = reference(value)
        at = self._body(number)
        if self.data[at : at + 1] != b"[":
            raise NotClean("not an array")
        return self.data[at : _value_end(self.data, at, 0)], number

    def page(self, index: int) -> tuple[int, int]:
        """Object number and rotation (0, 90, 180, 270: degrees clockwise) of a page, counted from 0. Raises IndexError
        beyond the last one."""
        if self._pages is None:
            root = reference(self.catalog.get(b"/Pages", b""))
            self._pages = list(self._leaves(root, 0, 0))
            if len(self._pages) != integer(self.dictionary(root).get(b"/Count", b"")):
                raise NotClean("/Count")
        return self._pages[index]

    def _leaves(self, number: int, rotation: int, depth: int) -> Iterator[tuple[int, int]]:
        """The pages below a node, in their order; the rotation is inherited (ISO 32000-2, table 31)."""
        node = self.dictionary(number)
        if b"/Rotate" in node:
            rotation = integer(node[b"/Rotate"]) % 360
            if rotation % 90:
                raise NotClean("/Rotate")
        match node.get(b"/Type"):
            case b"/Page":
                yield number, rotation
            case b"/Pages" if depth < _MAX_DEPTH:
                for kid in references(self.array(node.get(b"/Kids", b""))[0]):
                    yield from self._leaves(kid, rotation, depth + 1)
            case _:
                raise NotClean("a node of the page tree")


def integer(value: bytes) -> int:
    """A whole number."""
    if not _INTEGER.fullmatch(value):
        raise NotClean("not a whole number")
    return int(value)


def reference(value: bytes) -> int:
    """The number of the object that is referred to."""
    found = _REFERENCE.fullmatch(value)
    if found is None:
        raise NotClean("not a reference")
    return int(found[1])


def references(array: bytes) -> list[int]:
    """The numbers of the objects that an array consists of."""
    if not _REFERENCES.fullmatch(array):
        raise NotClean("not an array of references")
    return [int(number) for number in _REFERENCE.findall(array)]


def numbers(array: bytes) -> tuple[float, ...]:
    """The numbers that an array consists of."""
    try:
        return tuple(float(number) for number in array.strip(b"[]").split())
    except ValueError:
        raise NotClean("not an array of numbers") from None


def plain_string(value: bytes) -> str:
    """A literal string of printable ASCII without escapes. Other strings are given back in the file's own notation, which no
    such string equals."""
    inside = value[1:-1]
    if value[:1] == b"(" and inside.isascii() and b"\\" not in inside and b"(" not in inside:
        return inside.decode("ascii")
    return repr(value)


def direct_dictionary(value: bytes) -> Dictionary:
    """A dictionary that stands where it is used."""
    found, end = _dictionary(value, 0)
    if end != len(value):
        raise NotClean("not a dictionary")
    return found


def written(dictionary: Dictionary) -> bytes:
    """A dictionary as a file has it."""
    return b"<<" + b" ".join([key + b" " + value for key, value in dictionary.items()]) + b">>"


def _space(data: bytes | mmap.mmap, at: int) -> int:
    found = _SPACE.match(data, at)
    return found.end() if found else at


def _dictionary(data: bytes | mmap.mmap, at: int, depth: int = 0) -> tuple[Dictionary, int]:
    """The dictionary at `at`, and where it ends."""
    # Nearly all at one stroke; what is nested more deeply, or holds stranger strings, by the long way.
    if plain := _PLAIN_DICTIONARY.match(data, at):
        entries = _PLAIN_ENTRY.findall(plain[1])
        result = dict(entries)
        if len(result) != len(entries):
            raise NotClean("a dictionary's key")
        return result, plain.end()
    at = _space(data, at)
    if data[at : at + 2] != b"<<":
        raise NotClean("not a dictionary")
    result = {}
    at = _space(data, at + 2)
    while data[at : at + 2] != b">>":
        name_end = _value_end(data, at, depth)
        name = data[at:name_end]
        value_at = _space(data, name_end)
        at = _value_end(data, value_at, depth)
        # A name may be written in several ways and stand twice: readers would disagree about what such a file says.
        if not name.startswith(b"/") or b"#" in name or name in result:
            raise NotClean("a dictionary's key")
        result[name] = data[value_at:at]
        at = _space(data, at)
    return result, at + 2


def _value_end(data: bytes | mmap.mmap, at: int, depth: int) -> int:
    """Where the value that starts at `at` ends."""
    if depth > _MAX_DEPTH:
        raise NotClean("nested too deeply")
    match data[at : at + 1]:
        case b"(":
            return _string_end(data, at)
        case b"[":
            end = _space(data, at + 1)
            while data[end : end + 1] != b"]":
                end = _space(data, _value_end(data, end, depth + 1))
            return end + 1
        case b"<" if data[at + 1 : at + 2] == b"<":
            return _dictionary(data, at, depth + 1)[1]
    found = _ATOM.match(data, at)
    if found is None:
        raise NotClean("not a value")
    return found.end()


def _string_end(data: bytes | mmap.mmap, at: int) -> int:
    """Where a literal string ends: parentheses in it are balanced or escaped (ISO 32000-2, 7.3.4.2)."""
    open_parentheses = 0
    while True:
        match data[at : at + 1]:
            case b"(":
                open_parentheses += 1
            case b")":
                open_parentheses -= 1
            case _:
                raise NotClean("a string without an end")
        at += 1
        if not open_parentheses:
            return at
        found = _IN_STRING.match(data, at)
        at = found.end() if found else at
