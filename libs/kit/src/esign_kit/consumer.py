"""Durable consumers: exactly one effect per event, whatever crashes.

A transactional handler runs in one transaction with its inbox row; the event is acknowledged after the commit. A
manual handler keeps its own transactions (for long work) and must be idempotent. What cannot be handled is retried
with backoff and then parked in the table `parked`, where people see it; what waits for something outside raises
`RetryLater` and never counts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import nats.errors
from google.protobuf.message import Message
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError
from opentelemetry import trace
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_kit.bus import STREAM, Bus, EventMeta, subject_of
from esign_kit.db import Database, is_transient
from esign_kit.errors import TimedOut, Unavailable
from esign_kit.outbox import inbox, parked
from esign_kit.telemetry import extract, logger, tracer

log = logger(__name__)

ACK_WAIT = 15.0
MAX_FAILURES = 6

Handler = Callable[[AsyncSession, Any, EventMeta], Awaitable[None]]
"""Transactional: `handler(session, event, meta)`."""
ManualHandler = Callable[[Any, EventMeta], Awaitable[None]]
"""Manual: `handler(event, meta)`."""


class RetryLater(Exception):
    """Deliver this event again after `delay` seconds; does not count towards parking."""

    def __init__(self, delay: float, reason: str) -> None:
        super().__init__(reason)
        self.delay = delay
        self.reason = reason


class Consumer:
    """One durable pull consumer of one service."""

    def __init__(
        self,
        bus: Bus,
        db: Database,
        durable: str,
        *,
        handlers: Mapping[type[Message], Handler] | None = None,
        manual: Mapping[type[Message], ManualHandler] | None = None,
        every: Callable[[AsyncSession, bytes, EventMeta], Awaitable[None]] | None = None,
        concurrency: int = 4,
    ) -> None:
        """`every` takes all events of the platform as bytes, transactionally, one after another."""
        self._bus, self._db, self.durable = bus, db, durable
        self._handlers = {cls.DESCRIPTOR.full_name: (cls, handler) for cls, handler in (handlers or {}).items()}
        self._manual = {cls.DESCRIPTOR.full_name: (cls, handler) for cls, handler in (manual or {}).items()}
        self._every = every
        self._concurrency = 1 if every else concurrency
        self._failures: dict[str, int] = {}

    async def run(self) -> None:
        """Consume until cancelled."""
        while True:
            try:
                await self._consume()
            except (nats.errors.Error, OSError, TimeoutError) as error:
                log.warning("consumer lost its stream", consumer=self.durable, error=repr(error))
                await asyncio.sleep(0.3)

    def _config(self) -> ConsumerConfig:
        names = [*self._handlers, *self._manual]
        return ConsumerConfig(
            durable_name=self.durable,
            ack_policy=AckPolicy.EXPLICIT,
            deliver_policy=DeliverPolicy.ALL,
            ack_wait=ACK_WAIT,
            max_deliver=-1,
            max_ack_pending=1 if self._every else 256,
            filter_subjects=None if self._every else sorted(subject_of(name) for name in names),
            filter_subject="esign.evt.>" if self._every else None,
        )

    async def _consume(self) -> None:
        js = self._bus.js
        try:
            await js.add_consumer(STREAM, config=self._config(), timeout=5)
        except (NotFoundError, APIError) as error:
            log.warning("consumer cannot be set up yet", consumer=self.durable, error=repr(error))
            await asyncio.sleep(0.5)
            return
        subscription = await js.pull_subscribe_bind(self.durable, STREAM)
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                while len(running) >= self._concurrency:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                try:
                    messages = await subscription.fetch(self._concurrency - len(running), timeout=5)
                except (TimeoutError, nats.errors.TimeoutError):
                    self._bus.ping()
                    continue
                for message in messages:
                    task = asyncio.create_task(self._process(message))
                    running.add(task)
                    task.add_done_callback(running.discard)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _process(self, message: Msg) -> None:
        headers = message.headers or {}
        meta = EventMeta(
            id=headers.get("ce-id", ""),
            type=headers.get("ce-type", ""),
            source=headers.get("ce-source", ""),
            occurred_at=datetime.fromisoformat(headers.get("ce-time", "1970-01-01T00:00:00+00:00")),
            contract_id=headers.get("ce-subject", "-").removeprefix("-"),
            traceparent=headers.get("traceparent", ""),
            deliveries=message.metadata.num_delivered,
        )
        heartbeat = asyncio.create_task(self._heartbeat(message))
        name = f"{self.durable} {meta.type.rsplit('.', 1)[-1]}"
        try:
            with tracer.start_as_current_span(name, context=extract(headers), kind=trace.SpanKind.CONSUMER):
                try:
                    if not meta.id or subject_of(meta.type) != message.subject:
                        raise ValueError("the event's type does not belong to its subject")
                    await self._dispatch(message.data, meta)
                except Exception as error:
                    heartbeat.cancel()
                    await self._failed(message, meta, error)
                else:
                    self._failures.pop(meta.id, None)
                    await message.ack()
        except (nats.errors.Error, OSError) as error:
            # The acknowledgement was lost: the event comes again and the inbox knows it.
            log.warning("acknowledgement lost", consumer=self.durable, error=repr(error))
        finally:
            heartbeat.cancel()

    async def _dispatch(self, data: bytes, meta: EventMeta) -> None:
        if meta.type in self._manual:
            cls, manual = self._manual[meta.type]
            await manual(cls.FromString(data), meta)
            return
        async with self._db.begin() as session:
            row = insert(inbox).values(consumer=self.durable, event_id=meta.id).on_conflict_do_nothing()
            connection = await session.connection()
            if (await connection.execute(row.returning(inbox.c.event_id))).first() is None:
                return
            if self._every:
                await self._every(session, data, meta)
                return
            cls, handler = self._handlers[meta.type]
            await handler(session, cls.FromString(data), meta)

    async def _failed(self, message: Msg, meta: EventMeta, error: Exception) -> None:
        if isinstance(error, RetryLater):
            log.info("event waits", consumer=self.durable, event_id=meta.id, type=meta.type, reason=error.reason)
            await message.nak(delay=error.delay)
            return
        if isinstance(error, Unavailable | TimedOut | OSError) or is_transient(error):
            log.warning(
                "event waits for a part that is away", consumer=self.durable, type=meta.type, error=str(error)[:200]
            )
            await message.nak(delay=min(5.0, 0.25 * 2 ** min(meta.deliveries, 5)))
            return
        count = self._failures[meta.id] = self._failures.get(meta.id, 0) + 1
        log.error(
            "event not handled", consumer=self.durable, event_id=meta.id, type=meta.type, failures=count, exc_info=error
        )
        # The log's order is the stream's order: an event that cannot be appended is never stepped over.
        if count < MAX_FAILURES or self._every:
            await message.nak(delay=min(5.0, 0.25 * 2 ** min(count, 5)))
            return
        try:
            async with self._db.begin() as session:
                connection = await session.connection()
                await connection.execute(
                    insert(parked)
                    .values(
                        consumer=self.durable,
                        event_id=meta.id,
                        type=meta.type,
                        contract_id=meta.contract_id,
                        occurred_at=meta.occurred_at,
                        traceparent=meta.traceparent,
                        data=message.data,
                        error=f"{type(error).__name__}: {error}"[:2000],
                        deliveries=meta.deliveries,
                    )
                    .on_conflict_do_nothing()
                )
        except Exception as failure:
            log.error("event could not be parked", event_id=meta.id, exc_info=failure)
            await message.nak(delay=5.0)
        else:
            self._failures.pop(meta.id, None)
            await message.term()

    async def _heartbeat(self, message: Msg) -> None:
        while True:
            await asyncio.sleep(ACK_WAIT / 3)
            try:
                await message.in_progress()
            except (nats.errors.Error, OSError):
                return
