"""The log: an event becomes a leaf, leaves become tiles, tiles a checkpoint."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from esign_kit.errors import Internal

from esign_evidence.app.ports import Appender, LogObjects, LogReader, LogStore, Publication, SignedCheckpoint
from esign_evidence.domain import dossier
from esign_evidence.domain.checkpoint import Checkpoint, Signer
from esign_evidence.domain.merkle import Subtree, fold, root
from esign_evidence.domain.record import Event
from esign_evidence.domain.tiles import WIDTH, Tile, bundle, changed_tiles, needed_tiles, subtree_of

T = TypeVar("T")

MAX_BATCH = 16 * WIDTH
"""Leaves per checkpoint, so that a backlog is published in bounded steps."""


PRUNE_TILES = 4


async def append(log: Appender, event: Event, now: datetime) -> int:
    """Append an event as the next leaf, in the caller's transaction; returns its index.

    A completed contract's evidence becomes due in the same transaction.
    """
    index = await log.append(event)
    if event.type == dossier.COMPLETED and event.contract_id:
        await log.open_dossier(event.contract_id, now)
    return index


async def load_tree(log: LogReader, tiles: Sequence[Tile]) -> Subtree:
    """The tree as far as `tiles` show it."""
    return subtree_of(
        {(tile.level, tile.index): await log.hashes(tile.level, tile.index * WIDTH, tile.width) for tile in tiles}
    )


class Publish:
    """Publishes what was appended: tiles and entry bundles first, the checkpoint only once they are stored.

    Every step may be repeated after a crash: tiles follow from the leaves, and the same checkpoint has the same signature.
    """

    def __init__(
        self, store: LogStore, objects: LogObjects, signer: Signer, origin: str, max_batch: int = MAX_BATCH
    ) -> None:
        self._store, self._objects, self._signer, self._origin = store, objects, signer, origin
        self._max_batch = max_batch

    async def run(self, poll_seconds: float) -> None:
        """Publish for ever."""
        while True:
            if not await self.once():
                await asyncio.sleep(poll_seconds)

    async def once(self) -> int:
        """Publish one batch; returns how many leaves it held, 0 when there was nothing to do or another replica does it.

        Raises Internal LOG_INCONSISTENT, and signs nothing, when the rows do not continue the last checkpoint.
        """
        async with self._store.publication() as log:
            if log is None:
                return 0
            last = await log.newest()
            before = last.checkpoint.size if last else 0
            size = min(await log.size(), before + self._max_batch)
            if size == before:
                return 0
            await self._store_tiles(log, changed_tiles(before, size))
            if last and await self._root(log, before) != last.checkpoint.root:
                raise Internal("LOG_INCONSISTENT")
            checkpoint = Checkpoint(self._origin, size, await self._root(log, size))
            signed = SignedCheckpoint(checkpoint, self._signer.sign(checkpoint.text))
            await self._objects.put_checkpoint(signed.note)
            await log.add_checkpoint(signed)
            return size - before

    async def _store_tiles(self, log: Publication, tiles: Sequence[Tile]) -> None:
        """Lower levels first: a full tile gives a hash to the level above."""
        for tile in tiles:
            hashes = await log.hashes(tile.level, tile.index * WIDTH, tile.width)
            full = tile.width == WIDTH
            puts = [self._objects.put_tile(tile.path, b"".join(hashes), full=full)]
            if tile.level == 0:
                entries = await log.entries(tile.index * WIDTH, tile.width)
                puts.append(self._objects.put_tile(tile.entries_path, bundle(entries), full=full))
            await asyncio.gather(*puts)
            if full:
                await log.add_hashes(tile.level + 1, tile.index, [fold(hashes)])

    @staticmethod
    async def _root(log: LogReader, size: int) -> bytes:
        return root(size, await load_tree(log, needed_tiles(lambda tree: root(size, tree))))


class Prune:
    """Deletes partial tiles and bundles once the full ones are there, as C2SP tlog-tiles allows; any number of replicas may."""

    def __init__(self, store: LogStore, objects: LogObjects) -> None:
        self._store, self._objects = store, objects

    async def run(self, poll_seconds: float) -> None:
        """Prune for ever."""
        while True:
            if not await self.once():
                await asyncio.sleep(poll_seconds)

    async def once(self) -> bool:
        """Prune what a few full tiles have replaced; false when there was nothing to do."""
        found = await self._store.superseded(PRUNE_TILES)
        if found is None:
            return False
        tiles, end = found
        for tile in tiles:
            await asyncio.gather(self._objects.drop_tile(tile.path), self._objects.drop_tile(tile.entries_path))
        await self._store.pruned(end)
        return True
