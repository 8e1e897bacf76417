"""Single sign-on of trusted platforms: what a token says, and when it is good."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

MAX_LENGTH = 4096
"""Characters of a token; longer ones are not looked at."""
CLAIMS = frozenset({"iss", "aud", "sub", "org", "iat", "exp", "jti"})
"""All of these have to be there, and no others: a token holds no personal data."""


class SignOnRefusal(StrEnum):
    """Why a token is not taken."""

    MALFORMED = "SIGN_ON_MALFORMED"
    HEADER = "SIGN_ON_HEADER_WRONG"
    KEY = "SIGN_ON_KEY_UNKNOWN"
    SIGNATURE = "SIGN_ON_SIGNATURE_WRONG"
    ISSUER = "SIGN_ON_ISSUER_WRONG"
    AUDIENCE = "SIGN_ON_AUDIENCE_WRONG"
    CLAIMS = "SIGN_ON_CLAIMS_WRONG"
    EARLY = "SIGN_ON_NOT_YET_VALID"
    TOO_LONG = "SIGN_ON_LIFETIME_TOO_LONG"
    EXPIRED = "SIGN_ON_EXPIRED"
    REPLAYED = "SIGN_ON_REPLAYED"
    NOT_SIGNER = "SIGN_ON_NOT_SIGNER"


@dataclass(frozen=True, slots=True)
class SignOnRules:
    """`lifetime` bounds a token from its issue to its expiry; `skew` is by how much the platform's clock may be ahead."""

    lifetime: timedelta = timedelta(seconds=120)
    skew: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class SignOn:
    """What a genuine token says: this person comes from `platform` as a signer of the company with this code."""

    platform: str
    person_id: str
    unified_social_credit_code: str
    issued_at: datetime
    expires_at: datetime
    token_id: str

    @property
    def digest(self) -> bytes:
        """By what the token is remembered: SHA-256 of who issued it and its id."""
        return hashlib.sha256(f"{self.platform}\x00{self.token_id}".encode()).digest()


def parse_claims(platform: str, claims: Mapping[str, object]) -> SignOn | SignOnRefusal:
    """The claims of a token of `platform` whose signature, issuer and audience hold."""
    if claims.keys() != CLAIMS:
        return SignOnRefusal.CLAIMS
    texts = [claims.get(name) for name in ("sub", "org", "jti")]
    if not all(isinstance(text, str) and 1 <= len(text) <= 128 and text.isprintable() for text in texts):
        return SignOnRefusal.CLAIMS
    issued_at, expires_at = _moment(claims.get("iat")), _moment(claims.get("exp"))
    if issued_at is None or expires_at is None:
        return SignOnRefusal.CLAIMS
    return SignOn(platform, str(texts[0]), str(texts[1]), issued_at, expires_at, str(texts[2]))


def refusal(token: SignOn, now: datetime, rules: SignOnRules) -> SignOnRefusal | None:
    """Why a genuine token is not good at this moment; None when it is."""
    if token.issued_at > now + rules.skew:
        return SignOnRefusal.EARLY
    if token.expires_at - token.issued_at > rules.lifetime:
        return SignOnRefusal.TOO_LONG
    if now >= token.expires_at:
        return SignOnRefusal.EXPIRED
    return None


def _moment(value: object) -> datetime | None:
    """A NumericDate (RFC 7519) in whole seconds."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**33:
        return None
    return datetime.fromtimestamp(value, UTC)
