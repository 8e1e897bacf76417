"""Sessions of signed-in people, and the tokens by which they are known."""

import base64
import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class SessionRules:
    """How long sessions last, how often their idle time is written down, and how often their token changes.

    `grace`: how long a token that was replaced stays good, for requests under way.
    """

    idle: timedelta = timedelta(minutes=30)
    absolute: timedelta = timedelta(hours=12)
    touch: timedelta = timedelta(minutes=1)
    rotation: timedelta = timedelta(minutes=15)
    grace: timedelta = timedelta(seconds=60)


class EndCause(StrEnum):
    """Why a session ended before its time."""

    LOGOUT = "logout"
    REVOKED = "revoked"
    SIGNER_CHANGED = "signer-changed"
    PHONE_CHANGED = "phone-changed"
    TOKEN_REUSED = "token-reused"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is signed in, for a company or (`organisation_id` empty) as an individual.

    Whoever holds its token is that person until it ends. `token_used`: whether its present token ever came back.
    """

    session_id: str
    person_id: str
    started_at: datetime
    seen_at: datetime
    expires_at: datetime
    token_digest: bytes
    token_since: datetime
    token_used: bool = True
    organisation_id: str = ""
    user_agent: str = ""
    address: str = ""
    ended_at: datetime | None = None

    def alive(self, now: datetime, rules: SessionRules) -> bool:
        """Whether the session still stands for the person."""
        return self.ended_at is None and now < self.expires_at and now < self.seen_at + rules.idle

    def needs_touch(self, now: datetime, rules: SessionRules) -> bool:
        """Whether it is time to write down that it was used."""
        return now >= self.seen_at + rules.touch

    def needs_rotation(self, now: datetime, rules: SessionRules) -> bool:
        """Whether it is time for another token."""
        return now >= self.token_since + rules.rotation


@dataclass(frozen=True, slots=True)
class FormerToken:
    """A token that was replaced. With it and `nonce` its successor can be told again, see `successor`."""

    digest: bytes
    nonce: bytes
    replaced_at: datetime

    def good(self, now: datetime, rules: SessionRules, session: Session) -> bool:
        """Whether it still stands for its session: until its successor came back, for the answer that told of it may have
        been lost, and for the grace time after that."""
        if now < self.replaced_at + rules.grace:
            return True
        return self.replaced_at == session.token_since and not session.token_used


def new_token() -> str:
    """A session token: 256 bits of randomness, base64url."""
    return secrets.token_urlsafe(32)


def new_nonce() -> bytes:
    """What makes a token's successor unpredictable to whoever only holds the token: 256 bits of randomness."""
    return secrets.token_bytes(32)


def successor(token: str, nonce: bytes) -> str:
    """The token that takes the place of `token`: HMAC-SHA256, base64url.

    It takes both the token, which is not stored, and the nonce, which does not leave the service. So it can be told again
    to a client that missed the answer with it, and several requests at once get the same one.
    """
    digest = hmac.new(token.encode(), b"session token\x00" + nonce, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def token_digest(token: str) -> bytes:
    """What is stored of a token: SHA-256, 32 bytes. Enough, for a token cannot be guessed."""
    return hashlib.sha256(token.encode()).digest()


def mask_address(address: str) -> str:
    """The network part of an address: 203.0.113.*, 2001:db8:1:*; empty when there is none."""
    if not address:
        return ""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return f"{address.rpartition('.')[0]}.*"
    return ":".join(f"{int(part, 16):x}" for part in parsed.exploded.split(":")[:3]) + ":*"
