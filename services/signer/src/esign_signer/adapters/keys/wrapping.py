"""Wrapping: how a private key is encrypted before it leaves the process that made it."""

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from esign_signer.domain.keys import KeyStoreError

MASTER_KEY_LENGTH: Final = 32
_FORMAT: Final = b"\x01"
_KEK_ID_LENGTH: Final = 4
_NONCE_LENGTH: Final = 12


class KeyWrapping(Protocol):
    """Encrypts secrets of at most 4 KiB, each bound to the id of its key. A file of master keys does it, and a key
    management service can: what it returns is opaque to everyone else."""

    def wrap(self, key_id: str, secret: bytes) -> bytes:
        """`secret`, encrypted and bound to `key_id`. Raises KeyStoreUnavailable."""

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """The secret. Raises KeyStoreError for another key id, another master key or altered bytes,
        KeyStoreUnavailable."""


class MasterKeys:
    """Plays `KeyWrapping` with AES-256-GCM (NIST SP 800-38D) under the first of several master keys; secrets that the
    others wrapped still open. Wrapped: format, master key id, nonce, ciphertext and tag."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != MASTER_KEY_LENGTH for key in keys):
            raise KeyStoreError("a master key must be 32 bytes")
        self._ciphers = {_kek_id(key): AESGCM(key) for key in keys}
        self._newest = _kek_id(keys[0])

    @classmethod
    def from_file(cls, path: Path) -> "MasterKeys":
        """Reads master keys: one of 32 bytes as they are, or some in base64, one a line, the newest first. Raises
        KeyStoreError when it is neither."""
        content = path.read_bytes()
        if len(content) == MASTER_KEY_LENGTH:
            return cls([content])
        try:
            return cls([base64.b64decode(line, validate=True) for line in content.split()])
        except binascii.Error as error:
            raise KeyStoreError("a master key must be 32 bytes, as they are or in base64") from error

    def wrap(self, key_id: str, secret: bytes) -> bytes:
        """`secret` under the newest master key."""
        nonce = os.urandom(_NONCE_LENGTH)
        sealed = self._ciphers[self._newest].encrypt(nonce, secret, key_id.encode())
        return self.head + nonce + sealed

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """The secret in `wrapped`."""
        start = len(_FORMAT) + _KEK_ID_LENGTH
        cipher = self._ciphers.get(wrapped[len(_FORMAT) : start])
        if wrapped[: len(_FORMAT)] != _FORMAT or cipher is None:
            raise KeyStoreError("the key was wrapped under another master key")
        nonce, sealed = wrapped[start : start + _NONCE_LENGTH], wrapped[start + _NONCE_LENGTH :]
        try:
            return cipher.decrypt(nonce, sealed, key_id.encode())
        except (InvalidTag, ValueError) as error:
            raise KeyStoreError("the wrapped key was altered or belongs to another id") from error

    @property
    def head(self) -> bytes:
        """What starts everything that the newest master key wraps."""
        return _FORMAT + self._newest


def _kek_id(key: bytes) -> bytes:
    return hashlib.sha256(b"esign-signer master key" + key).digest()[:_KEK_ID_LENGTH]
