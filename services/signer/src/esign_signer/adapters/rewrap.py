"""A change of the master key: software keys that a former one wraps are wrapped again under the newest."""

import asyncio
from typing import Final, Protocol

from esign_kit.db import Database
from esign_kit.telemetry import logger
from sqlalchemy import func, update
from sqlmodel import col, select

from esign_signer.adapters.rows import KeyRow
from esign_signer.domain.keys import KeyStoreError, KeyStoreKind

BATCH: Final = 100
PAUSE_SECONDS: Final = 4 * 3600.0

log = logger(__name__)


class Wrapper(Protocol):
    """What has the master keys."""

    async def rewrap(self, key_id: str, wrapped: bytes) -> bytes:
        """The same key under the newest master key. Raises KeyStoreError, WorkerFailed."""


class Rewrap:
    """Goes through all software keys. Any number of replicas may."""

    def __init__(self, db: Database, wrapper: Wrapper, newest: bytes) -> None:
        """`newest` is what starts a key that the newest master key wraps."""
        self._db, self._wrapper, self._newest = db, wrapper, newest

    async def run(self) -> None:
        """At start and every few hours; ends only by cancellation."""
        while True:
            await self.once()
            await asyncio.sleep(PAUSE_SECONDS)

    async def once(self) -> int:
        """Wraps again what a former master key wraps; returns how many keys. One that cannot be unwrapped stays as it is,
        and is named in the log. Raises WorkerFailed."""
        total, last = 0, ""
        while found := await self._stale(last):
            for key_id, wrapped in found:
                last = key_id
                try:
                    again = await self._wrapper.rewrap(key_id, wrapped)
                except KeyStoreError as error:
                    log.error("a key cannot be wrapped again", key_id=key_id, cause=str(error))
                    continue
                statement = (
                    update(KeyRow)
                    .where(col(KeyRow.key_id) == key_id, col(KeyRow.wrapped) == wrapped)
                    .values(wrapped=again)
                    .returning(col(KeyRow.key_id))
                )
                async with self._db.begin() as session:
                    total += len((await session.exec(statement)).all())
        if total:
            log.info("keys wrapped again under the newest master key", keys=total)
        return total

    async def _stale(self, after: str) -> list[tuple[str, bytes]]:
        query = (
            select(KeyRow.key_id, KeyRow.wrapped)
            .where(
                col(KeyRow.store) == KeyStoreKind.SOFTWARE.value,
                col(KeyRow.wrapped).is_not(None),
                func.substring(col(KeyRow.wrapped), 1, len(self._newest)) != self._newest,
                col(KeyRow.key_id) > after,
            )
            .order_by(col(KeyRow.key_id))
            .limit(BATCH)
        )
        async with self._db.read() as session:
            return [(key_id, wrapped) for key_id, wrapped in (await session.exec(query)).all() if wrapped is not None]
