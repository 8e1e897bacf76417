"""What the platform needs before it can start and must keep for ever: secrets, keys, and where they are.

Every secret is a file of mode 0600 in a directory of its owner's own; what others need to know of it (public keys) is in
`trust/`. Nothing that exists is ever replaced.
"""

import base64
import hashlib
import json
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from esign_kit.engines.base import write_private


class Material:
    """Secrets below `secrets_dir/<owner>/`, public halves below `trust_dir/`."""

    def __init__(self, secrets_dir: Path, trust_dir: Path) -> None:
        self.secrets_dir = secrets_dir
        self.trust_dir = trust_dir
        secrets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        trust_dir.mkdir(parents=True, exist_ok=True)

    def password(self, owner: str, name: str) -> Path:
        """The file of a random password (32 URL-safe characters)."""
        return self.text(owner, name, secrets.token_urlsafe(24))

    def text(self, owner: str, name: str, initial: str) -> Path:
        """The file of a secret that starts as `initial`."""
        path = self._path(owner, name)
        if not path.exists():
            write_private(path, initial)
        return path

    def shared(self, owner: str, name: str, of: Path) -> Path:
        """A copy for `owner` of a secret that another program holds too; follows it when it changes."""
        path = self._path(owner, name)
        if not path.exists() or path.read_bytes() != of.read_bytes():
            write_private(path, of.read_text())
        return path

    def keyring(self, owner: str, name: str = "field-keyring.json") -> Path:
        """The file of a field-encryption key ring, as `esign_kit.crypto` reads it."""
        key, index_key = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2))
        return self.text(owner, name, json.dumps({"current": "k1", "keys": {"k1": key}, "index_key": index_key}))

    def signing_key(self, owner: str, name: str) -> Path:
        """The file `<name>.key` of an Ed25519 key, PKCS#8 PEM; its public half is `trust/<name>.pub.pem`."""
        fresh = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path = self.text(owner, f"{name}.key", fresh.decode())
        key = load_pem_private_key(path.read_bytes(), None)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.public(f"{name}.pub.pem").write_bytes(public)
        return path

    def key_set(self, name: str) -> Path:
        """`trust/<name>.jwks.json` (RFC 7517) with the public half of the signing key `name`; its `kid` is `key_id`."""
        key = {**self._jwk(name), "kid": self.key_id(name), "alg": "EdDSA", "use": "sig"}
        path = self.public(f"{name}.jwks.json")
        path.write_text(json.dumps({"keys": [key]}, indent=2))
        return path

    def key_id(self, name: str) -> str:
        """The thumbprint (RFC 7638) of the signing key `name`, of which the public half exists."""
        canonical = json.dumps(self._jwk(name), sort_keys=True, separators=(",", ":"))
        return _base64url(hashlib.sha256(canonical.encode()).digest())

    def _jwk(self, name: str) -> dict[str, str]:
        key = load_pem_public_key(self.public(f"{name}.pub.pem").read_bytes())
        assert isinstance(key, Ed25519PublicKey)
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}

    def public(self, name: str) -> Path:
        """A file that anyone may read."""
        return self.trust_dir / name

    def _path(self, owner: str, name: str) -> Path:
        directory = self.secrets_dir / owner
        directory.mkdir(exist_ok=True, mode=0o700)
        return directory / name


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
