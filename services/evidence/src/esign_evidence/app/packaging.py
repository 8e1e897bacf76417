"""Turns a completed contract's records into its text evidence and, once that is anchored, into its package."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from esign_kit.clock import Clock
from esign_kit.errors import EsignError, Internal
from esign_kit.telemetry import extract, logger, tracer

from esign_evidence import checker
from esign_evidence.app.log import load_tree
from esign_evidence.app.ports import Dossier, DossierStore, LogStore, PackageObjects
from esign_evidence.domain import dossier as rules
from esign_evidence.domain.anchor import Anchor, AnchorState, retry_delay
from esign_evidence.domain.checkpoint import Verifier
from esign_evidence.domain.merkle import inclusion_proof
from esign_evidence.domain.package import AnchorReceipt, Evidence, build
from esign_evidence.domain.tiles import Tile, needed_tiles

log = logger(__name__)

LEASE = timedelta(seconds=60)
BATCH = 8
LOOK_AGAIN = timedelta(seconds=0.5)


@dataclass(frozen=True, slots=True)
class Published:
    """What packages carry beside a contract's own evidence; activation keys are PEM."""

    log_key: Verifier
    activation_keys: Sequence[bytes]
    verification_url: str


class Packaging:
    """Builds packages, in any number of replicas; the same evidence always gives the same package.

    A text is written once and never again: what the log gets later about the contract is in the log, not in the package.
    A package that the independent checker does not pass is not handed out.
    """

    def __init__(
        self, store: DossierStore, log_store: LogStore, objects: PackageObjects, published: Published, clock: Clock
    ) -> None:
        self._store, self._log, self._objects = store, log_store, objects
        self._published, self._clock = published, clock

    async def run(self, poll_seconds: float) -> None:
        """Package for ever."""
        while True:
            if not await self.once():
                await asyncio.sleep(poll_seconds)

    async def once(self) -> int:
        """Move what is due one step on; returns how many dossiers were moved."""
        moved = 0
        for dossier in await self._store.claim(self._clock(), BATCH, LEASE):
            trace = extract({"traceparent": dossier.traceparent} if dossier.traceparent else {})
            with tracer.start_as_current_span("evidence package", context=trace):
                moved += await self._step(dossier)
        return moved

    async def _step(self, dossier: Dossier) -> bool:
        try:
            return await (self._package(dossier) if dossier.text else self._write(dossier))
        except EsignError as error:
            log.warning("evidence waits", contract_id=dossier.contract_id, reason=error.reason)
            await self._wait(dossier, error.reason)
            return False

    async def _wait(self, dossier: Dossier, reason: str) -> None:
        pause = max(LOOK_AGAIN, retry_delay(dossier.attempts - 10))
        await self._store.wait(dossier.contract_id, self._clock() + pause, reason)

    async def _write(self, dossier: Dossier) -> bool:
        async with self._log.reading() as rows:
            newest = await rows.newest()
        events = await self._store.events(dossier.contract_id, newest.checkpoint.size) if newest else []
        try:
            if newest is None:
                raise rules.Incomplete(["checkpoint"])
            text = rules.text_evidence(dossier.contract_id, events, newest.checkpoint)
        except rules.Incomplete as incomplete:
            if dossier.attempts % 20 == 19:
                log.warning("evidence is incomplete", contract_id=dossier.contract_id, missing=incomplete.missing)
            await self._wait(dossier, f"INCOMPLETE {incomplete}")
            return False
        await self._store.written(
            dossier.contract_id,
            text,
            rules.text_hash(text),
            str(json.loads(text)["document_sha256"]),
            newest.checkpoint.size,
            self._clock(),
        )
        return True

    async def _package(self, dossier: Dossier) -> bool:
        anchor = await self._store.anchor(dossier.contract_id)
        if anchor is None or anchor.state is not AnchorState.CONFIRMED:
            await self._wait(dossier, "ANCHOR_PENDING")
            return False
        content = await self._build(dossier, anchor)
        package = await self._objects.put_package(dossier.contract_id, content)
        return await self._store.packaged(dossier, anchor, package, self._clock())

    async def _build(self, dossier: Dossier, anchor: Anchor) -> bytes:
        leaves = set(json.loads(dossier.text)["leaves"])
        events = [
            event for event in await self._store.events(dossier.contract_id, dossier.tree_size) if event.index in leaves
        ]
        assert anchor.anchored_at is not None
        evidence = Evidence(
            contract_id=dossier.contract_id,
            text=dossier.text,
            events=events,
            note=await self._store.note(dossier.tree_size),
            anchor=AnchorReceipt(
                tx_hash=anchor.tx_hash,
                transaction_id=anchor.transaction_id,
                content=anchor.content,
                block_hash=anchor.block_hash,
                block_height=anchor.block_height,
                anchored_at=anchor.anchored_at,
            ),
            log_key=self._published.log_key,
            activation_keys=self._published.activation_keys,
            verification_url=self._published.verification_url,
        )
        tiles: set[Tile] = set()
        for index in leaves:
            tiles.update(needed_tiles(partial(inclusion_proof, index, dossier.tree_size)))
        async with self._log.reading() as rows:
            tree = await load_tree(rows, sorted(tiles))
        content = await asyncio.to_thread(build, evidence, tree)
        report = await asyncio.to_thread(checker.check, content, log_key=self._published.log_key.vkey)
        if not report.passed:
            log.error("a package does not hold", contract_id=dossier.contract_id, problems=report.problems[:10])
            raise Internal("PACKAGE_INVALID")
        return content
