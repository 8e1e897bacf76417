"""Reads signed PDFs for validation with pyHanko's reader, quickly.

pyHanko reads hexadecimal strings and names one character at a time, and a signature's value is tens of thousands of them:
over half of the time that a validation takes. `quick_reading` puts functions in their place that read in blocks; they
accept and refuse exactly the same (ISO 32000-2, 7.3.4.3 and 7.3.5).
"""

# mypy: disable-error-code="no-untyped-call,attr-defined"
# pyHanko is typed in part only.

import binascii
import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PDF_DELIMITERS, PDF_WHITESPACE, PdfStreamError

_BLOCK: Final = 16 * 1024
_NAME_BLOCK: Final = 32
_WHITE: Final = b" \n\r\t\x00\x0c"
_DELIMITER: Final = re.compile(b"[" + re.escape(PDF_WHITESPACE + PDF_DELIMITERS) + b"]")
_PLAIN_NAME: Final = re.compile(rb"[A-Za-z0-9_.+-]+")
_decode_stock = generic._decode_name


@contextmanager
def quick_reading() -> Iterator[None]:
    """While it lasts, pyHanko reads in blocks, and nothing looks for garbage in between. Not for several threads at
    once."""
    stock = generic.read_hex_string_from_stream, generic.read_until_delimiter, generic._decode_name
    collects = gc.isenabled()
    gc.disable()
    generic.read_hex_string_from_stream = _read_hex
    generic.read_until_delimiter = _read_until_delimiter
    generic._decode_name = _decode_name
    try:
        yield
    finally:
        generic.read_hex_string_from_stream, generic.read_until_delimiter, generic._decode_name = stock
        if collects:
            gc.enable()


def _read_hex(stream: BinaryIO) -> generic.TextStringObject | generic.ByteStringObject:
    """The string at the stream's position, which is left behind its `>`. Raises PdfStreamError."""
    stream.read(1)
    found = []
    size = 64
    while True:
        block = stream.read(size)
        if not block:
            raise PdfStreamError("Stream ended inside a hex string")
        end = block.find(b">")
        if end >= 0:
            found.append(block[:end])
            stream.seek(end + 1 - len(block), 1)
            break
        found.append(block)
        size = _BLOCK
    digits = b"".join(found).translate(None, _WHITE)
    try:
        value = binascii.unhexlify(digits + b"0" if len(digits) % 2 else digits)
    except binascii.Error as error:
        raise PdfStreamError("Unexpected token in hex string") from error
    return generic.pdf_string(value)


def _read_until_delimiter(stream: BinaryIO) -> bytes:
    """The bytes up to the next delimiter or white space, at which the stream is left, or up to the end."""
    found = []
    while block := stream.read(_NAME_BLOCK):
        if match := _DELIMITER.search(block):
            found.append(block[: match.start()])
            stream.seek(match.start() - len(block), 1)
            break
        found.append(block)
    return b"".join(found)


def _decode_name(name_bytes: bytes) -> generic.NameObject:
    """The name that these bytes are. Raises PdfReadError."""
    if _PLAIN_NAME.fullmatch(name_bytes):
        return generic.NameObject(f"/{name_bytes.decode('ascii')}")
    return _decode_stock(name_bytes)
