"""Revokes certificates that were issued and are not what was ordered."""

import asyncio

from esign_kit.errors import EsignError
from esign_kit.telemetry import logger

from esign_ca_broker.app.ports import CertificationAuthority, OrderStore

log = logger(__name__)


class RevokeRefused:
    """Works off the orders that wait for revocation; one that fails is tried again by and by."""

    def __init__(self, ca: CertificationAuthority, orders: OrderStore) -> None:
        self._ca, self._orders = ca, orders

    async def run(self, poll_seconds: float) -> None:
        """Works for ever."""
        while True:
            await self.once()
            await asyncio.sleep(poll_seconds)

    async def once(self) -> None:
        """Revokes what is due."""
        for order_no in await self._orders.to_revoke(10):
            try:
                await self._ca.revoke(order_no)
            except EsignError as error:
                log.warning("revocation failed, will be tried again", order_no=order_no, reason=error.reason)
                continue
            await self._orders.revoked(order_no)
