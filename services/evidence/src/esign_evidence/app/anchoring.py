"""Carries contents into the judicial chain, and finds out in which block they are."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from esign_kit.clock import Clock
from esign_kit.errors import EsignError
from esign_kit.telemetry import logger

from esign_evidence.app.ports import AnchorStore, Chain
from esign_evidence.domain.anchor import Anchor, AnchorKind, AnchorState, Verdict, retry_delay

log = logger(__name__)

LEASE = timedelta(seconds=60)
BATCH = 8
CONFIRM_DELAY = timedelta(seconds=0.5)
PHASES = {AnchorKind.CHECKPOINT: "log-checkpoint", AnchorKind.CONTRACT: "contract-evidence"}


class Anchoring:
    """Anchors what is queued, in any number of replicas.

    The chain knows no idempotence key and cannot be asked what became of a deposit whose answer was lost: the same
    content is deposited again, under the same 存证事务. A second transaction with the same content does no harm, since a
    number counts from the moment that it is committed here, and only then.
    """

    def __init__(self, store: AnchorStore, chain: Chain, clock: Clock, checkpoint_interval: timedelta) -> None:
        self._store, self._chain, self._clock, self._interval = store, chain, clock, checkpoint_interval

    async def run(self, poll_seconds: float) -> None:
        """Anchor for ever."""
        while True:
            if not await self.once():
                await asyncio.sleep(poll_seconds)

    async def once(self) -> int:
        """Queue a checkpoint when it is time, and move what is due one step on; returns how many anchors were moved."""
        await self._store.queue_checkpoint(self._clock(), self._interval)
        anchors = await self._store.claim(self._clock(), BATCH, LEASE)
        results = await asyncio.gather(*(self._step(anchor) for anchor in anchors), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return sum(result is True for result in results)

    async def _step(self, anchor: Anchor) -> bool:
        try:
            if anchor.state is AnchorState.QUEUED:
                return await self._submit(anchor)
            return await self._confirm(anchor)
        except EsignError as error:
            log.warning("anchor waits", anchor_id=anchor.anchor_id, kind=anchor.kind.value, reason=error.reason)
            await self._store.wait(anchor.anchor_id, self._clock() + retry_delay(anchor.attempts), error.reason)
            return False

    async def _submit(self, anchor: Anchor) -> bool:
        if not anchor.transaction_id:
            anchor = replace(anchor, transaction_id=await self._chain.open_transaction())
            await self._store.opened(anchor.anchor_id, anchor.transaction_id)
        tx_hash = await self._chain.deposit(anchor.transaction_id, PHASES[anchor.kind], anchor.content)
        return await self._store.submitted(anchor.anchor_id, tx_hash, self._clock())

    async def _confirm(self, anchor: Anchor) -> bool:
        finding = await self._chain.look_up(anchor.tx_hash, anchor.content)
        now = self._clock()
        if finding.verdict is Verdict.HELD:
            assert finding.block is not None
            return await self._store.confirmed(anchor, finding.block)
        if finding.verdict is Verdict.DIFFERS:
            # The chain holds something else under our number: nothing that a machine could put right.
            log.error("the chain holds another content", anchor_id=anchor.anchor_id, tx_hash=anchor.tx_hash)
            await self._store.wait(anchor.anchor_id, now + retry_delay(anchor.attempts + 8), "ANCHOR_DIFFERS")
        elif anchor.lost(now):
            log.error("the chain has lost a transaction", anchor_id=anchor.anchor_id, tx_hash=anchor.tx_hash)
            await self._store.requeue(anchor, now)
            return True
        else:
            await self._store.wait(anchor.anchor_id, now + max(CONFIRM_DELAY, retry_delay(anchor.attempts - 4)), "")
        return False
