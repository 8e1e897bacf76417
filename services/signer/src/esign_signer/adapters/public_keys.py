"""Identity's public keys, from PEM."""

import re
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

_BLOCK: Final = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.S)


def ed25519_keys(pem: bytes) -> tuple[Ed25519PublicKey, ...]:
    """Every key in `pem`. Raises ValueError when there is none, or one of another kind."""
    keys = []
    for block in _BLOCK.findall(pem):
        key = load_pem_public_key(block)
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("not an Ed25519 key")  # noqa: TRY004 - the file is wrong, not a type
        keys.append(key)
    if not keys:
        raise ValueError("no public key")
    return tuple(keys)
