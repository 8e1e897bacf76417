"""Sessions of signed-in people."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class SessionRules:
    """How long sessions last, and how often their idle time is written down."""

    idle: timedelta = timedelta(minutes=30)
    absolute: timedelta = timedelta(hours=12)
    touch: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is signed in. Whoever holds its token is that person until it ends."""

    session_id: str
    person_id: str
    started_at: datetime
    seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None

    def alive(self, now: datetime, rules: SessionRules) -> bool:
        """Whether the session still stands for the person."""
        return self.ended_at is None and now < self.expires_at and now < self.seen_at + rules.idle

    def needs_touch(self, now: datetime, rules: SessionRules) -> bool:
        """Whether it is time to write down that it was used."""
        return now >= self.seen_at + rules.touch


def new_token() -> str:
    """A session token: 256 bits of randomness, base64url."""
    return secrets.token_urlsafe(32)


def token_digest(token: str) -> bytes:
    """What is stored of a token: SHA-256, 32 bytes. Enough, for a token cannot be guessed."""
    return hashlib.sha256(token.encode()).digest()
