"""What the use cases need from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from esign_notifier.domain.messages import Channel, Closure, Contact, ContractFacts, Kind, Message, Outcome, State


class Announcements(Protocol):
    """Message rows within one open transaction (the consumer's)."""

    async def add(
        self, event_id: str, kind: Kind, channel: Channel, person_id: str, facts: ContractFacts, dropped: str | None
    ) -> None:
        """Adds the message to send (or, with a reason, one that is dropped from the start). The same event, person and channel again changes nothing."""
        ...

    async def close(self, contract_id: str, closure: Closure) -> None:
        """Remembers that the contract has ended; the first ending stays."""
        ...

    async def closure(self, contract_id: str) -> Closure | None:
        """How the contract ended, None while it has not. Holds off a concurrent `close` of the same contract until the transaction ends."""
        ...

    async def invitation_states(self, contract_id: str) -> dict[tuple[str, Channel], State]:
        """The state of every invitation to the contract, by person and channel, locked until the transaction ends."""
        ...

    async def drop_pending_invitations(self, contract_id: str, reason: str) -> None:
        """Drops the invitations that have not been handed to a provider."""
        ...


class MessageStore(Protocol):
    """Message rows for delivery; every method is one transaction of its own."""

    async def claim(self, channel: Channel, limit: int, lease: timedelta) -> Sequence[Message]:
        """Claims messages that are due, oldest first. A claimed message is due again when the lease runs out."""
        ...

    async def begin_attempt(self, message: Message, lease: timedelta) -> Message | None:
        """Commits that the provider is about to be called. None when the claim was lost or the message was dropped meanwhile."""
        ...

    async def postpone(self, message: Message, state: State, due: datetime, reason: str) -> None:
        """Puts the message back, to be looked at again when due."""
        ...

    async def sent(self, message: Message, receipt: str) -> None:
        """Records that the provider took it, with the event MessageSent."""
        ...

    async def failed(self, message: Message, reason: str) -> None:
        """Records that it was given up, with the event MessageFailed."""
        ...

    async def dropped(self, message: Message, reason: str) -> None:
        """Records that it makes no sense any more."""
        ...


class Contacts(Protocol):
    """Where people are reached."""

    async def resolve(self, person_id: str, message_id: str) -> Contact:
        """The person's contact now. Raises NotFound for an unknown person, Unavailable or TimedOut when it cannot be had now."""
        ...


class Sender(Protocol):
    """A provider of one channel. Neither method raises for what the provider or the network does: the outcome tells."""

    async def send(self, message: Message, contact: Contact) -> Outcome:
        """Hands the message over."""
        ...

    async def reconcile(self, message: Message, contact: Contact) -> Outcome:
        """What became of an attempt that was begun at `message.sending_since`: NotSent when it may be sent again, Uncertain when that cannot be told yet."""
        ...


class CodeSender(Protocol):
    """The SMS provider, for codes."""

    async def send_code(
        self, message_id: str, kind: Kind, phone: str, code: str, valid_minutes: int, document_number: str
    ) -> Outcome:
        """Hands a code over, under the id `message_id`."""
        ...

    async def find(self, message_id: str, phone: str, since: datetime) -> Outcome:
        """Looks up by that id what was sent since: Accepted when it was, NotSent when the provider knows nothing of it, Uncertain when it does not answer."""
        ...


@dataclass(frozen=True, slots=True)
class CodeAttempt:
    """How far a code came before this call, which now holds the intent to send it unless one of the first three is set."""

    accepted_at: datetime | None = None
    rejected: str | None = None
    in_flight: bool = False
    # An earlier call may have sent it, begun at this time: look it up first.
    uncertain_since: datetime | None = None


class CodeStore(Protocol):
    """Rows of codes; every method is one transaction of its own."""

    async def begin(self, message_id: str, kind: Kind, digest: bytes, lease: timedelta) -> CodeAttempt:
        """Commits the intent to send, or tells how far an earlier call with the same id came. Raises Conflict when that one was for another code, phone or purpose."""
        ...

    async def accepted(self, message_id: str, kind: Kind, receipt: str) -> datetime:
        """Records that the provider took it, with the event MessageSent, and returns when that was."""
        ...

    async def rejected(self, message_id: str, kind: Kind, reason: str) -> None:
        """Records that the provider will not take it, with the event MessageFailed."""
        ...

    async def release(self, message_id: str, reason: str, *, surely_not_sent: bool) -> None:
        """Gives the intent back, so that the next call with the same id may try again; first looking it up unless it was surely not sent."""
        ...
