"""Carries messages to a provider: one instance per channel, any number of replicas."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from esign_kit.errors import EsignError, NotFound
from esign_kit.telemetry import extract, logger, tracer

from esign_notifier.app.ports import Contacts, MessageStore, Sender
from esign_notifier.domain.messages import (
    Accepted,
    Channel,
    Contact,
    Message,
    NotSent,
    Outcome,
    Rejected,
    RetryPolicy,
    State,
    Uncertain,
)

log = logger(__name__)


class Deliver:
    """Delivers the messages of one channel.

    Promises: the provider is only called after SENDING is committed; a message found in SENDING is sent again only when the sender's
    `reconcile` says that it may; what ends well or badly ends in a state and an event.
    """

    def __init__(
        self,
        channel: Channel,
        store: MessageStore,
        contacts: Contacts,
        sender: Sender,
        policy: RetryPolicy,
        clock: Callable[[], datetime],
        *,
        lease: timedelta,
        batch: int,
    ) -> None:
        self._channel, self._store, self._contacts, self._sender = channel, store, contacts, sender
        self._policy, self._clock, self._lease, self._batch = policy, clock, lease, batch

    async def run(self, poll_seconds: float) -> None:
        """Delivers for ever; looks for work every `poll_seconds` when there was none. A failing round is logged and the next one comes."""
        while True:
            try:
                worked = await self.once()
            except Exception:
                log.exception("delivery round failed", channel=self._channel.value)
                worked = 0
            if worked == 0:
                await asyncio.sleep(poll_seconds)

    async def once(self) -> int:
        """Delivers what is due, at most one batch, side by side. Returns how many messages were looked at.

        When cancelled, what has begun is finished first (it is bounded by deadlines), so that an ordinary stop leaves nothing uncertain.
        """
        batch = asyncio.create_task(self._round())
        try:
            return await asyncio.shield(batch)
        except asyncio.CancelledError:
            while not batch.done():
                # Being cancelled again does not make it shorter.
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait({batch})
            raise

    async def _round(self) -> int:
        claimed_at = time.monotonic()
        messages = await self._store.claim(self._channel, self._batch, self._lease)
        results = await asyncio.gather(
            *(self._deliver(message, claimed_at) for message in messages), return_exceptions=True
        )
        for message, result in zip(messages, results, strict=True):
            if isinstance(result, Exception):
                log.error("message not handled", message_id=message.id, channel=self._channel.value, exc_info=result)
            elif result is not None:
                raise result
        return len(messages)

    async def _deliver(self, message: Message, claimed_at: float) -> None:
        # The trace of the event that called for the message goes on here.
        with tracer.start_as_current_span("deliver message", context=extract({"traceparent": message.traceparent})):
            await self._attempt(message, claimed_at)

    async def _attempt(self, message: Message, claimed_at: float) -> None:
        contact = await self._contact(message)
        if contact is None:
            return
        if message.state is State.SENDING:
            outcome = await self._sender.reconcile(message, contact)
            if not isinstance(outcome, NotSent):
                await self._settle(message, outcome)
                return
            if self._policy.exhausted(message.attempts):
                await self._store.failed(message, outcome.reason)
                return
        if time.monotonic() - claimed_at > self._lease.total_seconds() / 2:
            # Slept through the claim: another worker may have it by now.
            return
        begun = await self._store.begin_attempt(message, self._lease)
        if begun is not None:
            await self._settle(begun, await self._sender.send(begun, contact))

    async def _contact(self, message: Message) -> Contact | None:
        try:
            contact = await self._contacts.resolve(message.person_id, message.id)
        except NotFound:
            await self._store.failed(message, "PERSON_UNKNOWN")
            return None
        except EsignError as error:
            due = self._clock() + self._policy.delay(message.attempts + 1)
            await self._store.postpone(message, message.state, due, error.reason)
            return None
        if not contact.address(self._channel):
            await self._store.dropped(message, "NO_ADDRESS")
            return None
        return contact

    async def _settle(self, message: Message, outcome: Outcome) -> None:
        now = self._clock()
        match outcome:
            case Accepted(receipt):
                await self._store.sent(message, receipt)
            case Rejected(reason):
                await self._store.failed(message, reason)
            case NotSent(reason) if self._policy.exhausted(message.attempts):
                await self._store.failed(message, reason)
            case NotSent(reason):
                await self._store.postpone(message, State.PENDING, now + self._policy.delay(message.attempts), reason)
            case Uncertain(reason) if now - (message.sending_since or now) >= self._policy.uncertain_for:
                await self._store.failed(message, reason)
            case Uncertain(reason):
                await self._store.postpone(message, State.SENDING, now + self._policy.delay(message.attempts), reason)
