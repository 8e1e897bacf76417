"""Documents that are ready to be signed: hashed and read, so that a signature costs no more than what it adds.

Only documents of the plain form (`clean`) can be: an update is appended to them whatever their length, and the hash of
what stands before it is known.
"""

import hashlib
import mmap
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Final

from esign_signer.adapters.pdf import fields
from esign_signer.adapters.pdf.clean import CleanDocument
from esign_signer.adapters.pdf.cms import SignatureTemplate
from esign_signer.adapters.pdf.increment import Gap, Hash
from esign_signer.domain.document import SigningOrder

CHUNK: Final = 1024 * 1024
_IN_MEMORY: Final = 1024 * 1024
"""Documents up to this size are read at one stroke, longer ones mapped."""


template: Final = lru_cache(maxsize=64)(SignatureTemplate)
"""Certificates that sign again and again are encoded once."""


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document, and the hash of all of it, which goes on over what is appended."""

    document: CleanDocument
    hash: Hash
    sha256: str

    @classmethod
    def read(cls, path: Path) -> "PreparedDocument":
        """Reads a file. Raises NotClean, OSError."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= _IN_MEMORY:
                content = file.read()
                return cls.of(content, hashlib.sha256(content))
            content_hash = _hashed(file, size)
            return cls.of(mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ), content_hash)

    @classmethod
    def of(cls, data: bytes | mmap.mmap, content_hash: Hash) -> "PreparedDocument":
        """From what was read. Raises NotClean."""
        document = CleanDocument(data)
        document.page(0)
        fields.fields_of(document)
        return cls(document, content_hash, content_hash.copy().digest().hex())

    def signature(
        self, order: SigningOrder, seal: bytes, validation_data: fields.ValidationData, token_length: int = 0
    ) -> "PendingSignature":
        """An order's signature, for which only the key and a timestamp of up to `token_length` bytes are wanting. Raises
        NotClean, SignatureRefused."""
        cms = template(order.certificates, order.key.algorithm)
        gap = fields.signature(
            self.document,
            field_name=order.field_name,
            layout=order.layout,
            placement=order.placement,
            seal=seal,
            reason=order.reason,
            claimed_at=datetime.now(UTC),
            validation_data=validation_data,
            reserved=cms.length(order.key.algorithm.signature_length, token_length),
        )
        return PendingSignature(gap, cms, cms.signed_attributes(gap.digest(self.hash)))

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


@dataclass(frozen=True, slots=True)
class PendingSignature:
    """A signature that waits for the key."""

    gap: Gap
    cms: SignatureTemplate
    attributes: bytes

    def digest(self) -> bytes:
        """What the key signs, hashed."""
        return hashlib.sha256(self.attributes).digest()

    def update(self, signature: bytes, token: bytes | None = None) -> bytes:
        """What is to be appended."""
        return self.gap.filled(self.cms.assembled(self.attributes, signature, token))


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
