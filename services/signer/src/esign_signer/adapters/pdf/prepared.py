"""Documents that are ready to be signed: hashed and read, so that a signature costs no more than what it adds.

Only documents of the plain form (`clean`) can be: an update is appended to them whatever their length, and the hash of
what stands before it is known.
"""

import hashlib
import mmap
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from esign_signer.adapters.pdf.clean import CleanDocument
from esign_signer.adapters.pdf.fields import fields_of
from esign_signer.adapters.pdf.increment import Hash

CHUNK: Final = 1024 * 1024
_IN_MEMORY: Final = 1024 * 1024
"""Documents up to this size are read at one stroke, longer ones mapped."""


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document, and the hash of all of it, which goes on over what is appended."""

    document: CleanDocument
    hash: Hash
    sha256: str

    @classmethod
    def read(cls, path: Path, size: int | None = None) -> "PreparedDocument":
        """Reads the first `size` bytes of a file, by default all. Raises NotClean, OSError, ValueError for an empty
        file."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size if size is None else size
            if size <= _IN_MEMORY:
                content = file.read(size)
                return cls.of(content, hashlib.sha256(content))
            content_hash = _hashed(file, size)
            return cls.of(mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ), content_hash)

    @classmethod
    def of(cls, data: bytes | mmap.mmap, content_hash: Hash) -> "PreparedDocument":
        """From what was read. Raises NotClean."""
        document = CleanDocument(data)
        document.page(0)
        fields_of(document)
        return cls(document, content_hash, content_hash.copy().digest().hex())

    def append(self, source: Path, target: Path, update: bytes) -> str:
        """Writes the document, which stands in `source`, and an update to `target`; hex SHA-256 of the whole. When both
        are one file, only the update is written."""
        if target != source and isinstance(self.document.data, bytes):
            with target.open("wb") as file:
                file.writelines((self.document.data, update))
        else:
            if target != source:
                shutil.copyfile(source, target)
            _put(target, self.document.size, update)
        whole = self.hash.copy()
        whole.update(update)
        return whole.digest().hex()


def _put(path: Path, at: int, update: bytes) -> None:
    """Writes `update` at `at`, where the file then ends with it."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        # What a broken-off attempt left goes first: an update may be shorter than the one before it.
        if os.fstat(descriptor).st_size != at:
            os.ftruncate(descriptor, at)
        written = 0
        while written < len(update):
            written += os.pwrite(descriptor, update[written:], at + written)
    finally:
        os.close(descriptor)


def _hashed(file: BinaryIO, size: int) -> Hash:
    found, buffer, left = hashlib.sha256(), memoryview(bytearray(CHUNK)), size
    while left and (count := file.readinto(buffer[: min(CHUNK, left)])):  # type: ignore[attr-defined]
        found.update(buffer[:count])
        left -= count
    return found
