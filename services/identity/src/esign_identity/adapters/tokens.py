"""This service's Ed25519 keys: JWS in compact form (RFC 7515, RFC 8037), and keyed digests of codes."""

import base64
import hashlib
import json
from collections.abc import Mapping

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from esign_kit.crypto import FieldCipher


def thumbprint(key: Ed25519PublicKey) -> str:
    """The key's JWK thumbprint (RFC 7638 with RFC 8037, SHA-256), base64url."""
    x = base64.urlsafe_b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).rstrip(b"=").decode()
    canonical = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


class Ed25519Signer:
    """Plays `TokenSigner` with one private key."""

    def __init__(self, private_key_pem: bytes) -> None:
        """Raises ValueError when the PEM holds no Ed25519 private key."""
        key = load_pem_private_key(private_key_pem, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("expected an Ed25519 private key")  # noqa: TRY004 - it is the file that is wrong
        self._key = key
        self.key_id = thumbprint(key.public_key())

    def sign(self, type_: str, claims: Mapping[str, object]) -> str:
        """The claims as a signed token of this type."""
        return jwt.encode(dict(claims), self._key, algorithm="EdDSA", headers={"typ": type_, "kid": self.key_id})


class KeyedDigests:
    """Plays `CodeDigests` with the key of the blind indexes."""

    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    def digest(self, code_id: str, code: str) -> bytes:
        """HMAC-SHA256, bound to this code."""
        return self._cipher.blind_index(code, f"one-time code {code_id}")
