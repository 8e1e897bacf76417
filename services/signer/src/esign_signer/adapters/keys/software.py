"""The software key store: keys made in this process, wrapped before they leave it.

It lives in the worker processes only; the service's main process and its database see wrapped keys. A wrapped key is
bound to its id, so a row cannot be swapped for another's. Wiping the row destroys the key: nothing else holds it once
the worker's short-lived copy is gone.
"""

from collections import OrderedDict
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from esign_signer.adapters.keys.request import new_key
from esign_signer.adapters.keys.wrapping import KeyWrapping
from esign_signer.domain.keys import KeyAlgorithm, KeyStoreError, KeyStoreKind, NewKey, StoredKey, Subject

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_SHA256: Final = Prehashed(hashes.SHA256())
_LOADED_KEYS: Final = 64


class SoftwareKeyStore:
    """Makes, wraps and uses keys. Not safe for use from several threads."""

    def __init__(self, wrapping: KeyWrapping) -> None:
        self._wrapping = wrapping
        self._loaded: OrderedDict[bytes, PrivateKey] = OrderedDict()

    def create(self, key_id: str, subject: Subject, algorithm: KeyAlgorithm = KeyAlgorithm.RSA_2048) -> NewKey:
        """A new key, wrapped, with its certification request for `subject`. Raises KeyStoreUnavailable."""
        key = _generate(algorithm)
        der = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        wrapped = self._wrapping.wrap(key_id, der)

        def sign(digest: bytes) -> bytes:
            return _signature(key, digest)

        return new_key(KeyStoreKind.SOFTWARE, algorithm, wrapped, key.public_key(), subject, sign)

    def sign_digest(self, stored: StoredKey, digest: bytes) -> bytes:
        """The signature over a SHA-256 digest. Raises KeyStoreError, KeyStoreUnavailable."""
        return _signature(self.load(stored), digest)

    def rewrap(self, key_id: str, wrapped: bytes) -> bytes:
        """The same key, wrapped as new ones are now. Raises KeyStoreError, KeyStoreUnavailable."""
        return self._wrapping.wrap(key_id, self._wrapping.unwrap(key_id, wrapped))

    def load(self, stored: StoredKey) -> PrivateKey:
        """The private key. Hosted keys stay loaded (loading costs more than signing), keys for one signature do not."""
        if (cached := self._loaded.get(stored.wrapped)) is not None:
            self._loaded.move_to_end(stored.wrapped)
            return cached
        der = self._wrapping.unwrap(stored.key_id, stored.wrapped)
        # The consistency check costs 40 ms and adds nothing: we made the key, and the wrapping vouches for every bit
        # of it.
        key = serialization.load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise KeyStoreError("neither an RSA nor an EC key")
        if stored.hosted:
            self._loaded[stored.wrapped] = key
            if len(self._loaded) > _LOADED_KEYS:
                self._loaded.popitem(last=False)
        return key


def _generate(algorithm: KeyAlgorithm) -> PrivateKey:
    if algorithm is KeyAlgorithm.EC_P256:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _signature(key: PrivateKey, digest: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(digest, padding.PKCS1v15(), _SHA256)
    return key.sign(digest, ec.ECDSA(_SHA256))
