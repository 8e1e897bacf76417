"""Contracts that were not signed in time end by themselves."""

import asyncio
from typing import Final

from esign_kit.clock import Clock

from esign_contract.app.ports import Begin

BATCH: Final = 50


class Expire:
    """The background sweep; any number of processes may sweep at once."""

    def __init__(self, begin: Begin, clock: Clock) -> None:
        self._begin, self._clock = begin, clock

    async def run(self, poll_seconds: float) -> None:
        """Work for ever."""
        while True:
            if await self.once() < BATCH:
                await asyncio.sleep(poll_seconds)

    async def once(self) -> int:
        """Expire what is overdue; returns how many contracts that were."""
        now = self._clock()
        async with self._begin() as records:
            overdue = await records.overdue(now, BATCH)
            for contract in overdue:
                contract.expire(now)
                await records.save_contract(contract)
        return len(overdue)
