"""The log's rows."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from esign_kit.clock import Clock
from esign_kit.db import Database
from esign_kit.errors import Internal
from esign_kit.telemetry import inject
from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_evidence.adapters.rows import CheckpointRow, DossierRow, LogStateRow, RecordRow, TileHashRow
from esign_evidence.app.ports import SignedCheckpoint
from esign_evidence.domain.checkpoint import Checkpoint
from esign_evidence.domain.merkle import leaf_hash
from esign_evidence.domain.record import Event
from esign_evidence.domain.tiles import WIDTH, Tile

PUBLISHING_LOCK = 7305201


class SqlAppender:
    """Plays `Appender` on the open session of an event."""

    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        self._session, self._clock = session, clock

    async def append(self, event: Event) -> int:
        """The lock on the log's state is held until the commit: indexes are given in the order of commits, without gaps."""
        there: int | None = await self._session.scalar(
            select(col(RecordRow.index)).where(col(RecordRow.event_id) == event.event_id)
        )
        if there is not None:
            return there
        size: int | None = await self._session.scalar(
            update(LogStateRow)
            .where(col(LogStateRow.id) == 1)
            .values(size=col(LogStateRow.size) + 1)
            .returning(col(LogStateRow.size))
        )
        if size is None:
            raise Internal("LOG_STATE_MISSING")
        entry = event.entry()
        self._session.add(
            RecordRow(
                index=size - 1,
                event_id=event.event_id,
                type=event.type,
                contract_id=event.contract_id,
                entry=entry,
                leaf_hash=leaf_hash(entry),
                payload=event.payload,
                statement=event.statement,
                appended_at=self._clock(),
            )
        )
        await self._session.flush()
        return size - 1

    async def open_dossier(self, contract_id: str, now: datetime) -> None:
        """Adds the row."""
        trace = inject().get("traceparent", "")
        row = DossierRow(contract_id=contract_id, due_at=now, created_at=now, traceparent=trace)
        await self._session.exec(insert(DossierRow).values(**row.model_dump()).on_conflict_do_nothing())


class SqlLogReader:
    """Plays `LogReader` on an open session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def newest(self) -> SignedCheckpoint | None:
        """The checkpoint of the largest size."""
        note = await self._session.scalar(
            select(col(CheckpointRow.note)).order_by(col(CheckpointRow.size).desc()).limit(1)
        )
        if note is None:
            return None
        # Our own row: what was signed stands before the blank line.
        return SignedCheckpoint(Checkpoint.parse(note.rpartition("\n\n")[0] + "\n"), note)

    async def hashes(self, level: int, start: int, count: int) -> list[bytes]:
        """Raises Internal LOG_GAP when one is missing."""
        column, index = (
            (col(RecordRow.leaf_hash), col(RecordRow.index))
            if level == 0
            else (col(TileHashRow.hash), col(TileHashRow.index))
        )
        query = select(column).where(index >= start, index < start + count).order_by(index)
        if level:
            query = query.where(col(TileHashRow.level) == level)
        return _all(list(await self._session.exec(query)), count)


class SqlPublication(SqlLogReader):
    """Plays `Publication` on an open session that holds the publishing lock."""

    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        super().__init__(session)
        self._clock = clock

    async def size(self) -> int:
        """Committed leaves."""
        size: int | None = await self._session.scalar(select(col(LogStateRow.size)))
        if size is None:
            raise Internal("LOG_STATE_MISSING")
        return size

    async def entries(self, start: int, count: int) -> list[bytes]:
        """Raises Internal LOG_GAP when one is missing."""
        query = (
            select(col(RecordRow.entry))
            .where(col(RecordRow.index) >= start, col(RecordRow.index) < start + count)
            .order_by(col(RecordRow.index))
        )
        return _all(list(await self._session.exec(query)), count)

    async def add_hashes(self, level: int, start: int, hashes: Sequence[bytes]) -> None:
        """Adds rows."""
        rows = [{"level": level, "index": start + offset, "hash": value} for offset, value in enumerate(hashes)]
        await self._session.exec(insert(TileHashRow).values(rows).on_conflict_do_nothing())

    async def add_checkpoint(self, signed: SignedCheckpoint) -> None:
        """Adds the row."""
        self._session.add(CheckpointRow(size=signed.checkpoint.size, note=signed.note, created_at=self._clock()))
        await self._session.flush()


class SqlLogStore:
    """Plays `LogStore`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    @asynccontextmanager
    async def publication(self) -> AsyncIterator[SqlPublication | None]:
        """The lock ends with the transaction, however that ends."""
        async with self._db.begin() as session:
            locked = await session.scalar(select(func.pg_try_advisory_xact_lock(PUBLISHING_LOCK)))
            yield SqlPublication(session, self._clock) if locked else None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlLogReader]:
        """A read-only transaction."""
        async with self._db.read() as session:
            yield SqlLogReader(session)

    async def superseded(self, limit: int) -> tuple[list[Tile], int] | None:
        """One for each checkpoint that ended within a tile that is full by now."""
        async with self._db.read() as session:
            first: int = await session.scalar(select(col(LogStateRow.pruned))) or 0
            newest: int = await session.scalar(select(func.max(col(CheckpointRow.size)))) or 0
            end = min(newest // WIDTH, first + limit)
            if end <= first:
                return None
            sizes = await session.exec(
                select(col(CheckpointRow.size))
                .where(
                    col(CheckpointRow.size) > first * WIDTH,
                    col(CheckpointRow.size) < end * WIDTH,
                    col(CheckpointRow.size) % WIDTH != 0,
                )
                .order_by(col(CheckpointRow.size))
            )
            return [Tile(0, size // WIDTH, size % WIDTH) for size in sizes], end

    async def pruned(self, below: int) -> None:
        """Never backwards."""
        async with self._db.begin() as session:
            await session.exec(update(LogStateRow).where(col(LogStateRow.pruned) < below).values(pruned=below))


def _all(found: list[bytes], count: int) -> list[bytes]:
    if len(found) != count:
        raise Internal("LOG_GAP")
    return found
