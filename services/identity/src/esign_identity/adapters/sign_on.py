"""Tokens of trusted platforms: JWT (RFC 7519) signed with Ed25519 (RFC 8037), checked against their key sets (RFC 7517)."""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from esign_kit.clock import Clock
from esign_kit.telemetry import logger
from jwt.algorithms import OKPAlgorithm
from jwt.types import Options

from esign_identity.domain.sign_on import MAX_LENGTH, SignOn, SignOnRefusal, parse_claims

log = logger(__name__)

TYPE = "esign-sso+jwt"
AUDIENCE = "esign"
_HEADER = {"alg", "typ", "kid"}
# Times are looked at by the domain, with the service's clock.
_OPTIONS: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "strict_aud": True}


_Keys = Mapping[str, tuple[str, Ed25519PublicKey]]
LOOK = timedelta(seconds=3)
"""How often the files are looked at, at most."""


class PlatformKeys:
    """Plays `SignOnTokens` with the public keys of each platform, from files that may be replaced at any time."""

    def __init__(self, files: Mapping[str, Path], clock: Clock) -> None:
        """`files`: platform → JWK set. Raises OSError, ValueError when one is not a set of public Ed25519 keys with ids."""
        self._files, self._clock = files, clock
        self._looked_at, self._seen = clock(), _marks(files)
        self._keys = read_keys(files)

    async def _look(self) -> None:
        """Take up what the files hold now: new keys, and that former ones are gone. A file that is no key set changes nothing."""
        if self._clock() < self._looked_at + LOOK:
            return
        self._looked_at = self._clock()
        try:
            seen = await asyncio.to_thread(_marks, self._files)
            if seen == self._seen:
                return
            self._keys = await asyncio.to_thread(read_keys, self._files)
        except (OSError, ValueError) as error:
            log.error("the keys of single sign-on cannot be read", error=type(error).__name__)
            return
        self._seen = seen
        log.info("the keys of single sign-on changed", keys=sorted(self._keys))

    async def check(self, token: str) -> SignOn | SignOnRefusal:
        """What a token says; nothing in its header chooses how it is checked, but which of our keys."""
        await self._look()
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


def read_keys(files: Mapping[str, Path]) -> _Keys:
    """All platforms' keys by their ids. Raises OSError, ValueError."""
    keys: dict[str, tuple[str, Ed25519PublicKey]] = {}
    for platform, file in files.items():
        for key_id, key in _public_keys(platform, file.read_text()).items():
            if key_id in keys:
                raise ValueError(f"the key id {key_id} is in more than one place")
            keys[key_id] = (platform, key)
    return keys


def _marks(files: Mapping[str, Path]) -> list[tuple[int, int, int]]:
    """What differs when a file was written or replaced. Raises OSError."""
    return [(found.st_mtime_ns, found.st_size, found.st_ino) for found in map(Path.stat, files.values())]


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
