"""What time does to what is kept."""

import asyncio

from esign_kit.clock import Clock

from esign_identity.app.personal_data import PersonalData
from esign_identity.app.ports import Store
from esign_identity.app.verifications import Verifications
from esign_identity.domain.codes import DAY, HOUR


class Housekeeping:
    """What nobody asks for but time does."""

    def __init__(
        self, store: Store, verifications: Verifications, data: PersonalData, clock: Clock, pause: float = 30.0
    ) -> None:
        self._store, self._verifications, self._data = store, verifications, data
        self._clock, self._pause = clock, pause

    async def run(self) -> None:
        """Tidy up again and again; ends only by cancellation. Any number of replicas may do so."""
        while True:
            await self.once()
            await asyncio.sleep(self._pause)

    async def once(self) -> None:
        """Expire verifications, forget old codes and sessions, erase what no longer has to be kept."""
        while await self._verifications.expire_overdue():
            pass
        now = self._clock()
        async with self._store.begin() as tx:
            await tx.codes.forget(now - 2 * DAY)
            await tx.sessions.forget(now - 30 * DAY)
            await tx.captchas.forget(now - DAY)
            await tx.tickets.forget(now - DAY)
            # Long after their time, for replicas' clocks differ.
            await tx.sign_ons.forget(now - HOUR)
        while await self._data.erase_due():
            pass
