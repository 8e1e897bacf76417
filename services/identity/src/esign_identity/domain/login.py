"""Logins for a company: between the right code and the chosen company stands a ticket."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class LoginRules:
    """`failures_per_address_hour` bounds what one client may try in vain, whatever it tries."""

    failures_per_address_hour: int = 100
    ticket_lifetime: timedelta = timedelta(minutes=5)
    ticket_attempts: int = 5


@dataclass(frozen=True, slots=True)
class Ticket:
    """That a person's login code was right. Kept by its digest; good once, and for a few wrong companies at most."""

    digest: bytes
    person_id: str
    expires_at: datetime
    attempts: int = 0
    closed_at: datetime | None = None

    def good(self, now: datetime) -> bool:
        """Whether it can still become a session."""
        return self.closed_at is None and now < self.expires_at

    def used(self, now: datetime) -> "Ticket":
        """It became a session."""
        return replace(self, closed_at=now)

    def refused(self, now: datetime, rules: LoginRules) -> "Ticket":
        """A company was asked for that is not the person's; the last attempt closes it."""
        attempts = self.attempts + 1
        return replace(self, attempts=attempts, closed_at=now if attempts >= rules.ticket_attempts else None)
