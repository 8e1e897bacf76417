"""Single sign-on into the signing platform: a signed token that names one signer of one company, good for a minute."""

import secrets
import time

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from esign_sandbox.credentials import CredentialsError, SignOnKey

ISSUER = "procurement"
AUDIENCE = "esign"
TYPE = "esign-sso+jwt"
LIFE_SECONDS = 60


class SignOnTokens:
    """Issues tokens: JWT (RFC 7519) with EdDSA (RFC 8037), no personal data in them."""

    def __init__(self, key: SignOnKey) -> None:
        """Raises CredentialsError when the file holds no Ed25519 private key."""
        try:
            loaded = load_pem_private_key(key.key_file.read_bytes(), None)
        except (OSError, ValueError, TypeError):
            loaded = None
        if not isinstance(loaded, Ed25519PrivateKey):
            raise CredentialsError(f"procurement.sign_on.key_file: no Ed25519 private key in {key.key_file}")
        self._key, self._key_id = loaded, key.key_id

    def issue(self, person_id: str, unified_social_credit_code: str) -> str:
        """A fresh token for this person as a signer of the company."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": person_id,
            "org": unified_social_credit_code,
            "iat": now,
            "exp": now + LIFE_SECONDS,
            "jti": secrets.token_urlsafe(18),
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"typ": TYPE, "kid": self._key_id})
