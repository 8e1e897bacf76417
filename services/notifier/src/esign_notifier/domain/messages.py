"""What the platform tells people: kinds, channels, states, and the rules by which a message is sent, retried, given up or dropped."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Channel(StrEnum):
    """A way to reach a person."""

    SMS = "sms"
    EMAIL = "email"


class Kind(StrEnum):
    """What a message is about."""

    LOGIN_CODE = "login_code"
    SIGNING_CODE = "signing_code"
    CONTRACT_INVITATION = "contract_invitation"
    CONTRACT_COMPLETED = "contract_completed"
    CONTRACT_WITHDRAWN = "contract_withdrawn"
    CONTRACT_EXPIRED = "contract_expired"


class State(StrEnum):
    """Where a message stands.

    PENDING waits for its turn. SENDING is committed before the provider is called; a row found in it later may or may not have
    reached the provider. SENT, FAILED (given up) and DROPPED (made no sense any more) are final.
    """

    PENDING = "PENDING"
    SENDING = "SENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    DROPPED = "DROPPED"


class Closure(StrEnum):
    """How a contract ended, as far as messages are concerned."""

    COMPLETED = "COMPLETED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """What a message says about a contract."""

    contract_id: str
    document_number: str
    title: str
    expires_at: datetime | None = None
    completed_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a person is reached; resolved at the moment of sending, never kept."""

    name: str = field(repr=False)
    phone: str = field(repr=False)
    email: str = field(repr=False)

    def address(self, channel: Channel) -> str:
        """The address for a channel; empty when the person has none."""
        return self.phone if channel is Channel.SMS else self.email


@dataclass(frozen=True, slots=True)
class Message:
    """One message about a contract to one person by one channel, as claimed by one worker.

    `lease` is the claim: what the worker finds out is only recorded while the row still carries it. `attempts` counts calls to the
    provider that were begun. `sending_since` is when the last of them was begun.
    """

    id: str
    kind: Kind
    channel: Channel
    person_id: str
    facts: ContractFacts
    state: State
    attempts: int
    created_at: datetime
    sending_since: datetime | None
    lease: str
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message."""

    receipt: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider will never take this message."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """The message surely did not go out (or sending it again does no harm); it may be tried again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The message may have gone out: the provider has to be asked before it is sent again."""

    reason: str


Outcome = Accepted | Rejected | NotSent | Uncertain


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how far apart a message is tried."""

    max_attempts: int
    first_delay: timedelta
    longest_delay: timedelta
    # How long a message whose fate the provider cannot tell is looked into before it is given up.
    uncertain_for: timedelta

    def delay(self, attempts: int) -> timedelta:
        """The pause after the given number of attempts: doubles each time, up to the longest."""
        doublings = min(max(attempts - 1, 0), 30)
        return min(self.first_delay * (1 << doublings), self.longest_delay)

    def exhausted(self, attempts: int) -> bool:
        """Whether there is no further attempt."""
        return attempts >= self.max_attempts


def invitation_is_late(closure: Closure | None) -> str | None:
    """Why an invitation must not go out any more: nobody is asked to sign what is closed. None when it may."""
    return f"CONTRACT_{closure}" if closure else None


def closing_notice_is_pointless(invitation: State | None) -> str | None:
    """Why a person is not told that a contract was withdrawn or expired: they were never told of it by that channel. None when they are.

    `invitation` is the state of their invitation by the same channel; None when there is no such row (yet), in which case they are told.
    """
    return "INVITATION_NOT_SENT" if invitation in (State.PENDING, State.DROPPED) else None
