"""The key stores behind one door. Each is built when its first key is asked for, in the process that asks."""

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from esign_signer.adapters.keys.settings import KeyStoreSettings
from esign_signer.domain.keys import KeyAlgorithm, KeyStoreError, KeyStoreKind, NewKey, StoredKey, Subject

if TYPE_CHECKING:
    from esign_signer.adapters.keys.csc import CscKeyStore
    from esign_signer.adapters.keys.pkcs11 import Pkcs11KeyStore
    from esign_signer.adapters.keys.software import SoftwareKeyStore


class DigestSigner(Protocol):
    """Uses private keys."""

    def sign_digest(self, stored: StoredKey, digest: bytes) -> bytes:
        """The signature over a SHA-256 digest, in the form that `KeyAlgorithm` says. Raises KeyStoreError,
        KeyStoreUnavailable."""


class KeyStores:
    """Picks the store of a key. Every method raises KeyStoreError, also for a store that is not set up, and
    KeyStoreUnavailable."""

    def __init__(self, settings: KeyStoreSettings) -> None:
        self._settings = settings

    def create(self, store: KeyStoreKind, key_id: str, subject: Subject, algorithm: KeyAlgorithm) -> NewKey:
        """A new key in `store`."""
        match store:
            case KeyStoreKind.SOFTWARE:
                return self._software.create(key_id, subject, algorithm)
            case KeyStoreKind.PKCS11:
                return self._pkcs11.create(key_id, subject, algorithm)
            case KeyStoreKind.CSC:
                raise KeyStoreError("a remote signing service's keys are made by the CA")

    def adopt(self, credential_id: str) -> NewKey:
        """The key of a credential with the remote signing service, made by the CA."""
        return self._csc.adopt(credential_id)

    def rewrap(self, key_id: str, wrapped: bytes) -> bytes:
        """A software key under the newest master key."""
        return self._software.rewrap(key_id, wrapped)

    def sign_digest(self, stored: StoredKey, digest: bytes) -> bytes:
        """See DigestSigner."""
        match stored.store:
            case KeyStoreKind.SOFTWARE:
                return self._software.sign_digest(stored, digest)
            case KeyStoreKind.PKCS11:
                return self._pkcs11.sign_digest(stored, digest)
            case KeyStoreKind.CSC:
                return self._csc.sign_digest(stored, digest)

    @cached_property
    def _software(self) -> "SoftwareKeyStore":
        from esign_signer.adapters.keys.software import SoftwareKeyStore
        from esign_signer.adapters.keys.wrapping import MasterKeys

        return SoftwareKeyStore(MasterKeys.from_file(self._settings.master_key_file))

    @cached_property
    def _pkcs11(self) -> "Pkcs11KeyStore":
        from esign_signer.adapters.keys.pkcs11 import Pkcs11KeyStore

        if self._settings.pkcs11 is None:
            raise KeyStoreError("no PKCS#11 token is set up")
        return Pkcs11KeyStore(self._settings.pkcs11)

    @cached_property
    def _csc(self) -> "CscKeyStore":
        from esign_signer.adapters.keys.csc import CscKeyStore

        if self._settings.csc is None:
            raise KeyStoreError("no remote signing service is set up")
        return CscKeyStore(self._settings.csc)
