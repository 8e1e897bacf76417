"""Keys in a PKCS#11 token (OASIS PKCS #11 3.0), made there and never seen outside.

A key is a pair of token objects whose CKA_LABEL is the key's id and whose CKA_ID, random, is the handle on record. The
private half is CKA_SENSITIVE and not CKA_EXTRACTABLE. Digests are signed directly (CKM_RSA_PKCS, CKM_ECDSA), so a
signature is one call to the token.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable
from typing import Final, TypeVar

import pkcs11
from asn1crypto import core
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass, SignMixin
from pkcs11.util.ec import encode_named_curve_parameters

from esign_signer.adapters.keys.request import PublicKey, new_key
from esign_signer.adapters.keys.settings import Pkcs11Settings
from esign_signer.domain.keys import (
    KeyAlgorithm,
    KeyStoreError,
    KeyStoreKind,
    KeyStoreUnavailable,
    NewKey,
    StoredKey,
    Subject,
)

_ID_LENGTH: Final = 16
_COORDINATE_LENGTH: Final = 32
_SHA256_DIGEST_INFO: Final = bytes.fromhex("3031300d060960864801650304020105000420")
"""What stands before a SHA-256 digest in a DigestInfo (RFC 8017, section 9.2, note 1)."""
_TYPES: Final = {KeyAlgorithm.RSA_2048: KeyType.RSA, KeyAlgorithm.EC_P256: KeyType.EC}
_PRIVATE: Final = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
_PIN_ERRORS: Final = (
    pkcs11.exceptions.PinIncorrect,
    pkcs11.exceptions.PinInvalid,
    pkcs11.exceptions.PinLenRange,
    pkcs11.exceptions.PinExpired,
    pkcs11.exceptions.PinLocked,
    pkcs11.exceptions.UserPinNotInitialized,
)

T = TypeVar("T")
Pair = tuple[pkcs11.Object, pkcs11.Object]
"""Public and private half."""


class Pkcs11KeyStore:
    """Makes and uses keys over one session, opened when it is needed and anew after an error of the token. Not safe for
    use from several threads; no other part of the process may use the same module."""

    def __init__(self, settings: Pkcs11Settings) -> None:
        self._settings = settings
        self._session: pkcs11.Session | None = None
        self._keys: dict[StoredKey, pkcs11.Object] = {}
        self._refused_pin = b""
        self._failed = False

    def create(self, key_id: str, subject: Subject, algorithm: KeyAlgorithm = KeyAlgorithm.RSA_2048) -> NewKey:
        """A new key in the token, or the one that an interrupted attempt for `key_id` left there, with its certification
        request for `subject`. Raises KeyStoreError, KeyStoreUnavailable."""

        def make(session: pkcs11.Session) -> NewKey:
            public, private = _existing(session, key_id, algorithm) or _generate(session, key_id, algorithm)
            if private[Attribute.EXTRACTABLE] or not private[Attribute.SENSITIVE]:
                raise KeyStoreError("the token made a key that can leave it")

            def sign(digest: bytes) -> bytes:
                return _signature(private, algorithm, digest)

            handle = bytes(private[Attribute.ID])
            return new_key(KeyStoreKind.PKCS11, algorithm, handle, _public_key(public, algorithm), subject, sign)

        return self._with_session(make)

    def sign_digest(self, stored: StoredKey, digest: bytes) -> bytes:
        """The signature over a SHA-256 digest. Raises KeyStoreError, KeyStoreUnavailable."""

        def sign(session: pkcs11.Session) -> bytes:
            key = self._keys.get(stored)
            if key is None:
                key = self._keys[stored] = _private_key(session, stored)
            return _signature(key, stored.algorithm, digest)

        return self._with_session(sign)

    def close(self) -> None:
        """Logs out."""
        session, self._session = self._session, None
        self._keys.clear()
        if session is not None:
            with contextlib.suppress(pkcs11.PKCS11Error):
                session.close()

    def _with_session(self, work: Callable[[pkcs11.Session], T]) -> T:
        """What `work` gives, which can be repeated: after an error once more, over a new session."""
        if self._session is not None:
            try:
                return work(self._session)
            except pkcs11.PKCS11Error:
                self._failed = True
                self.close()
        try:
            return work(self._open())
        except pkcs11.exceptions.NoSuchKey as error:
            raise KeyStoreError("the token has no such key") from error
        except (pkcs11.PKCS11Error, OSError) as error:
            self._failed = True
            self.close()
            raise KeyStoreUnavailable(f"PKCS#11: {type(error).__name__}") from error

    def _open(self) -> pkcs11.Session:
        pin = self._settings.pin_file.read_text().strip()
        fingerprint = hashlib.sha256(pin.encode()).digest()
        if fingerprint == self._refused_pin:
            # A few wrong attempts lock a token.
            raise KeyStoreUnavailable("PKCS#11: the token refused this PIN before")
        os.environ.update(self._settings.environment)
        library = pkcs11.lib(str(self._settings.module))
        if self._failed:
            # A module notices only at its initialisation that a token came back.
            library.reinitialize()
            self._failed = False
        try:
            token = library.get_token(token_label=self._settings.token)
            self._session = token.open(user_pin=pin, rw=True)
        except _PIN_ERRORS as error:
            self._refused_pin = fingerprint
            raise KeyStoreUnavailable(f"PKCS#11: {type(error).__name__}") from error
        return self._session


def _existing(session: pkcs11.Session, key_id: str, algorithm: KeyAlgorithm) -> Pair | None:
    kind = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.KEY_TYPE: _TYPES[algorithm]}
    # A session makes one search at a time: this one ends before the next begins.
    for private in list(session.get_objects({**kind, Attribute.LABEL: key_id})):
        public = session.get_key(object_class=ObjectClass.PUBLIC_KEY, id=private[Attribute.ID], label=key_id)
        return public, private
    return None


def _generate(session: pkcs11.Session, key_id: str, algorithm: KeyAlgorithm) -> Pair:
    handle, capabilities = os.urandom(_ID_LENGTH), MechanismFlag.SIGN | MechanismFlag.VERIFY
    if algorithm is KeyAlgorithm.RSA_2048:
        return session.generate_keypair(
            KeyType.RSA,
            2048,
            id=handle,
            label=key_id,
            store=True,
            capabilities=capabilities,
            private_template=_PRIVATE,
        )
    curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
    parameters = session.create_domain_parameters(KeyType.EC, curve, local=True)
    return parameters.generate_keypair(
        id=handle, label=key_id, store=True, capabilities=capabilities, private_template=_PRIVATE
    )


def _private_key(session: pkcs11.Session, stored: StoredKey) -> pkcs11.Object:
    """By handle and id together, so that a row cannot be swapped for another's."""
    kind = _TYPES[stored.algorithm]
    return session.get_key(object_class=ObjectClass.PRIVATE_KEY, key_type=kind, id=stored.wrapped, label=stored.key_id)


def _public_key(public: pkcs11.Object, algorithm: KeyAlgorithm) -> PublicKey:
    if algorithm is KeyAlgorithm.RSA_2048:
        modulus = int.from_bytes(public[Attribute.MODULUS], "big")
        return rsa.RSAPublicNumbers(int.from_bytes(public[Attribute.PUBLIC_EXPONENT], "big"), modulus).public_key()
    point = core.OctetString.load(public[Attribute.EC_POINT]).native
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def _signature(key: pkcs11.Object, algorithm: KeyAlgorithm, digest: bytes) -> bytes:
    if not isinstance(key, SignMixin):
        raise KeyStoreError("the token does not let this key sign")
    if algorithm is KeyAlgorithm.RSA_2048:
        return key.sign(_SHA256_DIGEST_INFO + digest, mechanism=Mechanism.RSA_PKCS)
    raw = key.sign(digest, mechanism=Mechanism.ECDSA)
    r, s = raw[:_COORDINATE_LENGTH], raw[_COORDINATE_LENGTH:]
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
