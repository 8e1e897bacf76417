"""The software key store: RSA-2048 keys, wrapped with AES-256-GCM (NIST SP 800-38D) under a master key from a file.

It lives in the worker processes only; the service's main process and its database see wrapped keys. A wrapped key is
bound to its id, so a row cannot be swapped for another's. Wiping the row destroys the key: nothing else holds it once
the worker's short-lived copy is gone.
"""

import base64
import binascii
import hashlib
import os
from collections import OrderedDict
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

from esign_signer.domain.keys import NewKey, StoredKey, Subject

KEY_BITS: Final = 2048
_FORMAT: Final = b"\x01"
_KEK_ID_LENGTH: Final = 4
_NONCE_LENGTH: Final = 12
_LOADED_KEYS: Final = 64


class KeyStoreError(Exception):
    """A key cannot be unwrapped: wrong master key, altered or foreign data."""


class SoftwareKeyStore:
    """Makes, wraps and loads keys. Not safe for use from several threads."""

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != 32:
            raise KeyStoreError("the master key must be 32 bytes")
        self._aead = AESGCM(master_key)
        self._kek_id = hashlib.sha256(b"esign-signer master key" + master_key).digest()[:_KEK_ID_LENGTH]
        self._loaded: OrderedDict[bytes, rsa.RSAPrivateKey] = OrderedDict()

    @classmethod
    def from_file(cls, path: Path) -> "SoftwareKeyStore":
        """Reads the master key: 32 bytes, as they are or in base64. Raises KeyStoreError when it is neither."""
        content = path.read_bytes()
        if len(content) == 32:
            return cls(content)
        try:
            return cls(base64.b64decode(content.strip(), validate=True))
        except binascii.Error as error:
            raise KeyStoreError("the master key must be 32 bytes, as they are or in base64") from error

    def create(self, key_id: str, subject: Subject) -> NewKey:
        """A new RSA-2048 key, wrapped, with its certification request for `subject`."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        der = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        request = x509.CertificateSigningRequestBuilder().subject_name(_name(subject)).sign(key, hashes.SHA256())
        return NewKey(
            wrapped=self.wrap(key_id, der),
            public_key_sha256=public_key_sha256(key.public_key()),
            certification_request=request.public_bytes(serialization.Encoding.DER),
        )

    def wrap(self, key_id: str, secret: bytes) -> bytes:
        """`secret` encrypted under the master key and bound to `key_id`: format, master key id, nonce, ciphertext and
        tag."""
        nonce = os.urandom(_NONCE_LENGTH)
        return _FORMAT + self._kek_id + nonce + self._aead.encrypt(nonce, secret, key_id.encode())

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """The secret in `wrapped`. Raises KeyStoreError for another master key, another key id or altered bytes."""
        start = len(_FORMAT) + _KEK_ID_LENGTH
        if wrapped[: len(_FORMAT)] != _FORMAT or wrapped[len(_FORMAT) : start] != self._kek_id:
            raise KeyStoreError("the key was wrapped under another master key")
        try:
            return self._aead.decrypt(
                wrapped[start : start + _NONCE_LENGTH], wrapped[start + _NONCE_LENGTH :], key_id.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise KeyStoreError("the wrapped key was altered or belongs to another id") from error

    def load(self, stored: StoredKey) -> rsa.RSAPrivateKey:
        """The private key. Hosted keys stay loaded (loading costs more than signing), keys for one signature do not."""
        if (cached := self._loaded.get(stored.wrapped)) is not None:
            self._loaded.move_to_end(stored.wrapped)
            return cached
        der = self.unwrap(stored.key_id, stored.wrapped)
        # The consistency check costs 40 ms and adds nothing: we made the key, and the tag above vouches for every bit
        # of it.
        key = serialization.load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise KeyStoreError("not an RSA key")
        if stored.hosted:
            self._loaded[stored.wrapped] = key
            if len(self._loaded) > _LOADED_KEYS:
                self._loaded.popitem(last=False)
        return key


def public_key_sha256(key: rsa.RSAPublicKey) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, hex."""
    return hashlib.sha256(
        key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()


def _name(subject: Subject) -> x509.Name:
    """As an X.501 name; the credit code goes into organizationIdentifier (ETSI EN 319 412-1, clause 5.1.4)."""
    attributes = [x509.NameAttribute(NameOID.COUNTRY_NAME, "CN")]
    if subject.organisation:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject.organisation))
    if subject.unified_social_credit_code:
        attributes.append(
            x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, f"NTRCN-{subject.unified_social_credit_code}")
        )
    attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, subject.common_name[:64]))
    return x509.Name(attributes)
