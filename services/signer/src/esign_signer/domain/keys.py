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


class KeyStoreKind(StrEnum):
    """Where a private key is kept: wrapped in our own database, in a PKCS#11 token, or with a provider that signs from
    afar (Cloud Signature Consortium API)."""

    SOFTWARE = "SOFTWARE"
    PKCS11 = "PKCS11"
    CSC = "CSC"


class KeyAlgorithm(StrEnum):
    """What a key is, and how it signs a SHA-256 digest: RSASSA-PKCS1-v1_5 (RFC 8017), or ECDSA as a DER ECDSA-Sig-Value
    (RFC 3279)."""

    RSA_2048 = "RSA_2048"
    EC_P256 = "EC_P256"

    @property
    def signature_length(self) -> int:
        """The most bytes that a signature takes. An ECDSA-Sig-Value may be shorter."""
        return 256 if self is KeyAlgorithm.RSA_2048 else 72


class KeyStoreError(Exception):
    """A key cannot be used, now or later: wrong master key or PIN, no such key in the store, altered or foreign
    data."""


class KeyStoreUnavailable(Exception):
    """A key store does not answer as it must. Trying again later may work."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A private key as the key store gave it out: an opaque handle, never the key itself. `hosted` keys serve many
    signatures.

    `wrapped` is the store's own: the wrapped key, a token's object id, a provider's credential id.
    """

    key_id: str
    wrapped: bytes
    hosted: bool
    store: KeyStoreKind = KeyStoreKind.SOFTWARE
    algorithm: KeyAlgorithm = KeyAlgorithm.RSA_2048


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certification request names. The CA has the last word on the certificate's subject."""

    common_name: str
    organisation: str | None = None
    unified_social_credit_code: str | None = None


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
    store: KeyStoreKind = KeyStoreKind.SOFTWARE
    algorithm: KeyAlgorithm = KeyAlgorithm.RSA_2048

    def stored(self) -> StoredKey | None:
        """The handle for signing, None once it is destroyed."""
        if self.wrapped is None:
            return None
        hosted = self.purpose is KeyPurpose.ORGANISATION
        return StoredKey(self.key_id, self.wrapped, hosted, self.store, self.algorithm)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: its handle, SHA-256 of its SubjectPublicKeyInfo (hex), and the request it signed (PKCS#10, RFC
    2986, DER; empty when the CA made the key itself)."""

    wrapped: bytes
    public_key_sha256: str
    certification_request: bytes
    store: KeyStoreKind = KeyStoreKind.SOFTWARE
    algorithm: KeyAlgorithm = KeyAlgorithm.RSA_2048

    def on_record(self, key_id: str, purpose: KeyPurpose) -> Key:
        """As the key `key_id`."""
        return Key(
            key_id,
            purpose,
            self.wrapped,
            self.public_key_sha256,
            self.certification_request,
            store=self.store,
            algorithm=self.algorithm,
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
