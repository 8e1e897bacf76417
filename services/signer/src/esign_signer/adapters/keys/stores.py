"""The key stores behind one door. Each is built when its first key is asked for, in the process that asks."""

from functools import cached_property
from pathlib import Path
from typing import Protocol

from esign_signer.domain.keys import KeyAlgorithm, KeyStoreError, KeyStoreKind, NewKey, StoredKey, Subject


class DigestSigner(Protocol):
    """Uses private keys."""

    def sign_digest(self, stored: StoredKey, digest: bytes) -> bytes:
        """The signature over a SHA-256 digest, in the form that `KeyAlgorithm` says. Raises KeyStoreError,
        KeyStoreUnavailable."""


class KeyMaker(DigestSigner, Protocol):
    """Makes private keys as well."""

    def create(self, key_id: str, subject: Subject, algorithm: KeyAlgorithm) -> NewKey:
        """A new key and its certification request. Raises KeyStoreError, KeyStoreUnavailable."""


class KeyStores:
    """Picks the store of a key."""

    def __init__(self, master_key_file: Path) -> None:
        self._master_key_file = master_key_file

    def create(self, store: KeyStoreKind, key_id: str, subject: Subject, algorithm: KeyAlgorithm) -> NewKey:
        """A new key in `store`. Raises KeyStoreError, KeyStoreUnavailable."""
        return self._store(store).create(key_id, subject, algorithm)

    def sign_digest(self, stored: StoredKey, digest: bytes) -> bytes:
        """See DigestSigner."""
        return self._store(stored.store).sign_digest(stored, digest)

    def _store(self, kind: KeyStoreKind) -> KeyMaker:
        if kind is KeyStoreKind.SOFTWARE:
            return self._software
        raise KeyStoreError(f"the key store {kind} is not set up")

    @cached_property
    def _software(self) -> KeyMaker:
        from esign_signer.adapters.keys.software import SoftwareKeyStore
        from esign_signer.adapters.keys.wrapping import MasterKeys

        return SoftwareKeyStore(MasterKeys.from_file(self._master_key_file))
