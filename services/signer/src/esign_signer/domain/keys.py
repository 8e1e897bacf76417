"""Keys and the certificates that belong to them."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

_USCC: Final = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")
_USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"


class KeyPurpose(StrEnum):
    """EVENT keys make one signature and are destroyed; ORGANISATION keys are hosted for as long as their certificates
    last."""

    EVENT = "EVENT"
    ORGANISATION = "ORGANISATION"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A private key as the key store gave it out: an opaque handle, never the key itself. `hosted` keys serve many
    signatures."""

    key_id: str
    wrapped: bytes
    hosted: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certification request names. The CA has the last word on the certificate's subject."""

    common_name: str
    organisation: str | None = None
    unified_social_credit_code: str | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: its handle, SHA-256 of its SubjectPublicKeyInfo (hex), and the request it signed (PKCS#10, RFC
    2986, DER)."""

    wrapped: bytes
    public_key_sha256: str
    certification_request: bytes


@dataclass(frozen=True, slots=True)
class Key:
    """A key on record. `wrapped` is None once it is destroyed."""

    key_id: str
    purpose: KeyPurpose
    wrapped: bytes | None
    public_key_sha256: str
    certification_request: bytes
    organisation: str | None = None
    unified_social_credit_code: str | None = None

    def stored(self) -> StoredKey | None:
        """The handle for signing, None once it is destroyed."""
        return (
            None
            if self.wrapped is None
            else StoredKey(self.key_id, self.wrapped, self.purpose is KeyPurpose.ORGANISATION)
        )


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate on record: `chain` is DER, leaf first, without the root."""

    certificate_id: str
    key_id: str
    chain: tuple[bytes, ...]
    sha256: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class SigningIdentity:
    """A key that may sign now, and its certificate chain."""

    key: StoredKey
    chain: tuple[bytes, ...]


def is_unified_social_credit_code(code: str) -> bool:
    """Whether `code` is well formed with its check character right (GB 32100-2015).

    >>> is_unified_social_credit_code("91110000MA0DEM0X18")
    True
    """
    if not _USCC.fullmatch(code):
        return False
    total = sum(_USCC_ALPHABET.index(character) * 3**position % 31 for position, character in enumerate(code[:17]))
    return _USCC_ALPHABET[-total % 31] == code[17]
