"""Encryption of single fields, with key rotation, and a keyed blind index for look-up.

The key ring is a JSON file: `{"current": "k2", "keys": {"k1": "<base64, 32 bytes>", "k2": …}, "index_key": "<base64, 32 bytes>"}`.
A sealed field is `0x01 | len(key id) | key id | nonce (12) | AES-256-GCM ciphertext and tag` (NIST SP 800-38D); the
context (table, column, row) is authenticated, so that a value cannot be moved elsewhere.
"""

import base64
import hashlib
import hmac
import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from esign_kit.settings import SecretFile


class FieldCipher:
    """Seals and opens text fields under a key ring."""

    def __init__(self, keyring: str) -> None:
        """`keyring` is the JSON text described above; `current` is then the id of the key that seals.

        Raises ValueError when it is not one.
        """
        try:
            ring = json.loads(keyring)
            keys = {name: base64.b64decode(key, validate=True) for name, key in ring["keys"].items()}
            index_key = base64.b64decode(ring["index_key"], validate=True)
            current = ring["current"]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not a field key ring") from error
        if current not in keys or any(len(key) != 32 for key in [*keys.values(), index_key]):
            raise ValueError("a field key ring needs 32-byte keys and a current one")
        self._keys = {name: AESGCM(key) for name, key in keys.items()}
        self.current: str = current
        self._index_key = index_key

    @classmethod
    def from_file(cls, file: SecretFile) -> "FieldCipher":
        """Read the ring from a secret file."""
        return cls(file.read())

    def seal(self, text: str, context: str) -> bytes:
        """Encrypt `text` under the current key, bound to `context`."""
        nonce = os.urandom(12)
        sealed = self._keys[self.current].encrypt(nonce, text.encode(), context.encode())
        return self.head + nonce + sealed

    @property
    def head(self) -> bytes:
        """What every value that is sealed under the current key begins with."""
        name = self.current.encode()
        return b"\x01" + bytes([len(name)]) + name

    def open(self, blob: bytes, context: str) -> str:
        """Decrypt what `seal` made for the same context. Raises ValueError when it was altered, moved, or its key is gone."""
        if len(blob) < 2 or blob[0] != 1:
            raise ValueError("not a sealed field")
        end = 2 + blob[1]
        cipher = self._keys.get(blob[2:end].decode(errors="replace"))
        if cipher is None:
            raise ValueError("sealed under a key that is not in the ring")
        try:
            return cipher.decrypt(blob[end : end + 12], blob[end + 12 :], context.encode()).decode()
        except InvalidTag:
            raise ValueError("the sealed field was altered or moved") from None

    def needs_rotation(self, blob: bytes) -> bool:
        """Whether `blob` is sealed under another key than the current one."""
        return not blob.startswith(self.head)

    def blind_index(self, text: str, context: str) -> bytes:
        """A keyed digest (HMAC-SHA256, 32 bytes) by which equal values of one column can be found. Normalise first."""
        return hmac.new(self._index_key, context.encode() + b"\x00" + text.encode(), hashlib.sha256).digest()


def constant_time_equals(a: str | bytes, b: str | bytes) -> bool:
    """Compare secrets without telling by the time where they differ."""
    left = a.encode() if isinstance(a, str) else a
    right = b.encode() if isinstance(b, str) else b
    return hmac.compare_digest(left, right)
