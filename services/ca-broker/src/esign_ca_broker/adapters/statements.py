"""Activation statements: JWS compact (RFC 7515) with Ed25519 (RFC 8037), signed by identity."""

import re
from datetime import UTC, datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from esign_kit.clock import Clock
from esign_kit.errors import Forbidden

from esign_ca_broker.domain.orders import Activation

TYPE = "esign-activation+jwt"
MAX_STATEMENT = 16384
# The signer consumes an activation within its few minutes and may then wait for a CA that is down.
LONGEST_AGE = timedelta(hours=24)
CLOCK_SKEW = timedelta(minutes=1)
_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


class IdentityStatements:
    """Plays `Statements`. The PEM may hold several keys: while identity changes its key, both are taken."""

    def __init__(self, public_keys_pem: bytes, clock: Clock) -> None:
        """Raises ValueError when there is no Ed25519 public key."""
        keys = [load_pem_public_key(block) for block in _PEM.findall(public_keys_pem)]
        self._keys = [key for key in keys if isinstance(key, Ed25519PublicKey)]
        if not self._keys or len(self._keys) != len(keys):
            raise ValueError("expected Ed25519 public keys in PEM")
        self._clock = clock

    def verify(self, statement: str) -> Activation:
        """Checks signature, type, issuer, audience, kind and age. Expiry is the signer's to judge, at the moment it consumes the activation."""
        claims = self._claims(statement)
        texts = {name: claims.get(name) for name in ("jti", "person_id", "contract_id")}
        if claims.get("kind") != "PERSON" or not all(isinstance(text, str) and text for text in texts.values()):
            raise _invalid()
        issued_at = datetime.fromtimestamp(int(str(claims["iat"])), UTC)
        age = self._clock() - issued_at
        if age < -CLOCK_SKEW:
            raise _invalid()
        if age > LONGEST_AGE:
            raise Forbidden("ACTIVATION_TOO_OLD", zh="签署授权已失效", en="The activation is too old")
        return Activation(str(texts["jti"]), str(texts["person_id"]), str(texts["contract_id"]), issued_at)

    def _claims(self, statement: str) -> dict[str, object]:
        if len(statement) > MAX_STATEMENT:
            raise _invalid()
        for key in self._keys:
            try:
                decoded = jwt.decode_complete(
                    statement,
                    key,
                    algorithms=["EdDSA"],
                    issuer="identity",
                    audience="ca-broker",
                    options={
                        "require": ["iss", "aud", "jti", "iat", "exp"],
                        "verify_exp": False,
                        "verify_iat": False,
                        "verify_nbf": False,
                    },
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.InvalidTokenError:
                raise _invalid() from None
            if decoded["header"].get("typ") != TYPE or not isinstance(decoded["payload"].get("iat"), int):
                raise _invalid()
            claims: dict[str, object] = decoded["payload"]
            return claims
        raise _invalid()


def _invalid() -> Forbidden:
    return Forbidden("ACTIVATION_INVALID", zh="签署授权无效", en="Not a valid activation statement for a certificate")
