"""Tokens of trusted platforms: JWT (RFC 7519) signed with Ed25519 (RFC 8037), checked against their key sets (RFC 7517)."""

import json
from collections.abc import Mapping
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm
from jwt.types import Options

from esign_identity.domain.sign_on import MAX_LENGTH, SignOn, SignOnRefusal, parse_claims

TYPE = "esign-sso+jwt"
AUDIENCE = "esign"
_HEADER = {"alg", "typ", "kid"}
# Times are looked at by the domain, with the service's clock.
_OPTIONS: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "strict_aud": True}


class PlatformKeys:
    """Plays `SignOnTokens` with the public keys of each platform."""

    def __init__(self, key_sets: Mapping[str, str]) -> None:
        """`key_sets`: platform → JWK set, JSON. Raises ValueError when one is not a set of public Ed25519 keys with ids."""
        self._keys: dict[str, tuple[str, Ed25519PublicKey]] = {}
        for platform, text in key_sets.items():
            for key_id, key in _public_keys(platform, text).items():
                if key_id in self._keys:
                    raise ValueError(f"the key id {key_id} is in more than one place")
                self._keys[key_id] = (platform, key)

    @classmethod
    def from_files(cls, files: Mapping[str, Path]) -> "PlatformKeys":
        """Read the sets. Raises OSError, ValueError."""
        return cls({platform: file.read_text() for platform, file in files.items()})

    def check(self, token: str) -> SignOn | SignOnRefusal:
        """What a token says; nothing in its header chooses how it is checked, but which of our keys."""
        if len(token) > MAX_LENGTH:
            return SignOnRefusal.MALFORMED
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError:
            return SignOnRefusal.MALFORMED
        if header.keys() != _HEADER or header["alg"] != "EdDSA" or header["typ"] != TYPE:
            return SignOnRefusal.HEADER
        found = self._keys.get(header["kid"])
        if found is None:
            return SignOnRefusal.KEY
        platform, key = found
        try:
            claims = jwt.decode(token, key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=platform, options=_OPTIONS)
        except jwt.InvalidSignatureError:
            return SignOnRefusal.SIGNATURE
        except (jwt.InvalidIssuerError, jwt.MissingRequiredClaimError) as error:
            missing_audience = isinstance(error, jwt.MissingRequiredClaimError) and error.claim == "aud"
            return SignOnRefusal.AUDIENCE if missing_audience else SignOnRefusal.ISSUER
        except jwt.InvalidAudienceError:
            return SignOnRefusal.AUDIENCE
        except jwt.InvalidTokenError:
            return SignOnRefusal.CLAIMS
        return parse_claims(platform, claims)


def _public_keys(platform: str, text: str) -> dict[str, Ed25519PublicKey]:
    found: dict[str, Ed25519PublicKey] = {}
    for jwk in json.loads(text)["keys"]:
        if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519" or "d" in jwk or not jwk.get("kid"):
            raise ValueError(f"{platform}: not a public Ed25519 key with an id")
        if jwk["kid"] in found:
            raise ValueError(f"{platform}: two keys with the same id")
        key = OKPAlgorithm.from_jwk(jwk)
        assert isinstance(key, Ed25519PublicKey)
        found[jwk["kid"]] = key
    if not found:
        raise ValueError(f"{platform}: an empty key set")
    return found
