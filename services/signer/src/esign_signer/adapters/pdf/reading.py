"""Reads signed PDFs for validation with pyHanko's reader, quickly.

pyHanko reads a hexadecimal string one character at a time, and a signature's value is tens of thousands of them: over
half of the time that a validation takes. `quick_hex` puts a reader in its place that takes the string in blocks; it
accepts and refuses exactly the same (ISO 32000-2, 7.3.4.3).
"""

# mypy: disable-error-code="no-untyped-call"
# pyHanko is typed in part only.

import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfStreamError

_BLOCK: Final = 16 * 1024
_WHITE: Final = b" \n\r\t\x00\x0c"


@contextmanager
def quick_hex() -> Iterator[None]:
    """While it lasts, pyHanko reads hexadecimal strings in blocks. Not for several threads at once."""
    stock = generic.read_hex_string_from_stream
    generic.read_hex_string_from_stream = _read_hex
    try:
        yield
    finally:
        generic.read_hex_string_from_stream = stock


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
