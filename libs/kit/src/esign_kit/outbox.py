"""Transactional outbox: state and event in one commit; a relay publishes in order, with the event id as `Nats-Msg-Id`."""

import asyncio
from datetime import timedelta

import psycopg
from google.protobuf.message import Message
from nats.errors import Error as NatsError
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.engine import make_url
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_kit.bus import Bus, subject_of
from esign_kit.clock import system_clock
from esign_kit.db import NAMING, UTCDateTime, new_id
from esign_kit.telemetry import inject, logger

log = logger(__name__)

metadata = MetaData(naming_convention=NAMING)
outbox = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=True),
    Column("event_id", String(36), nullable=False, unique=True),
    Column("type", String(200), nullable=False),
    Column("contract_id", String(64), nullable=False),
    Column("occurred_at", UTCDateTime, nullable=False),
    Column("traceparent", String(64), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("published_at", UTCDateTime),
)
Index("ix_outbox_unpublished", outbox.c.seq, postgresql_where=outbox.c.published_at.is_(None))
inbox = Table(
    "inbox",
    metadata,
    Column("consumer", String(100), primary_key=True),
    Column("event_id", String(36), primary_key=True),
    Column("received_at", UTCDateTime, nullable=False, server_default=func.now()),
)
parked = Table(
    "parked",
    metadata,
    Column("consumer", String(100), primary_key=True),
    Column("event_id", String(36), primary_key=True),
    Column("type", String(200), nullable=False),
    Column("contract_id", String(64), nullable=False),
    Column("occurred_at", UTCDateTime, nullable=False),
    Column("traceparent", String(64), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("error", String(2000), nullable=False),
    Column("deliveries", Integer, nullable=False),
    Column("parked_at", UTCDateTime, nullable=False, server_default=func.now()),
)

KEEP_PUBLISHED = timedelta(days=7)


def create_kit_tables(connection: object) -> None:
    """For a service's first migration: `create_kit_tables(op.get_bind())`."""
    metadata.create_all(connection)  # type: ignore[arg-type]


async def emit(session: AsyncSession, event: Message, *, contract_id: str = "") -> str:
    """Have `event` published once this transaction has committed; returns the event id.

    `contract_id` names the contract that the event is about, if any; events hold no personal data.
    """
    event_id = new_id()
    connection = await session.connection()
    await connection.execute(
        insert(outbox).values(
            event_id=event_id,
            type=event.DESCRIPTOR.full_name,
            contract_id=contract_id,
            occurred_at=system_clock(),
            traceparent=inject().get("traceparent", ""),
            data=event.SerializeToString(deterministic=True),
        )
    )
    await connection.execute(text("SELECT pg_notify('outbox', '')"))
    return event_id


async def last_traceparent(session: AsyncSession, contract_id: str) -> str:
    """The trace in which this service last had something to tell about a contract; empty when that is long ago.

    For work that a loop picks up later, so that it goes on in the trace of what made it due.
    """
    connection = await session.connection()
    query = (
        select(outbox.c.traceparent).where(outbox.c.contract_id == contract_id).order_by(outbox.c.seq.desc()).limit(1)
    )
    return str((await connection.execute(query)).scalar_one_or_none() or "")


class Relay:
    """Publishes a service's outbox. Of all replicas one is the leader (advisory lock), so that order is kept."""

    BATCH = 200
    LOCK = 7305118

    def __init__(self, url: str, bus: Bus, *, poll_seconds: float = 2.0) -> None:
        parsed = make_url(url)
        self._dsn = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        self._bus = bus
        self._poll = poll_seconds

    async def run(self) -> None:
        """Lead when possible, publish while leading; ends only by cancellation."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._dsn, autocommit=True, connect_timeout=5
                ) as connection:
                    await connection.execute("SET statement_timeout = '15s'")
                    await self._lead(connection)
            except (psycopg.Error, OSError) as error:
                log.warning("outbox relay lost its database", error=type(error).__name__)
                await asyncio.sleep(0.5)

    async def _lead(self, connection: psycopg.AsyncConnection) -> None:
        while True:
            row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", (self.LOCK,))).fetchone()
            if row and row[0]:
                break
            await asyncio.sleep(self._poll)
        await connection.execute("LISTEN outbox")
        await connection.execute("DELETE FROM outbox WHERE published_at < now() - %s", (KEEP_PUBLISHED,))
        while True:
            try:
                if await self._publish_batch(connection) == self.BATCH:
                    continue
            except (NatsError, OSError, TimeoutError) as error:
                log.warning("outbox relay cannot publish", error=type(error).__name__)
                await asyncio.sleep(0.3)
                continue
            async for _ in connection.notifies(timeout=self._poll, stop_after=1):
                pass

    async def _publish_batch(self, connection: psycopg.AsyncConnection) -> int:
        rows = await (
            await connection.execute(
                "SELECT seq, event_id, type, contract_id, occurred_at, traceparent, data FROM outbox "
                "WHERE published_at IS NULL ORDER BY seq LIMIT %s",
                (self.BATCH,),
            )
        ).fetchall()
        for seq, event_id, type_, contract_id, occurred_at, traceparent, data in rows:
            headers = {
                "Nats-Msg-Id": event_id,
                "ce-specversion": "1.0",
                "ce-id": event_id,
                "ce-type": type_,
                "ce-source": self._bus.service,
                "ce-time": occurred_at.isoformat(),
                "ce-subject": contract_id or "-",
            }
            if traceparent:
                headers["traceparent"] = traceparent
            await self._bus.publish(subject_of(type_), bytes(data), headers)
            await connection.execute("UPDATE outbox SET published_at = now() WHERE seq = %s", (seq,))
        return len(rows)
