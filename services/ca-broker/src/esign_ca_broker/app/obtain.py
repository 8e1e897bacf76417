"""One certificate from the CA, for an order that is committed."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

from esign_kit import context
from esign_kit.errors import Conflict, Unavailable
from esign_kit.telemetry import logger

from esign_ca_broker.app.ports import Answer, CertificationAuthority, Issued, OrderStore, Pending, Refused
from esign_ca_broker.domain.certificates import Expectations, WrongCertificateError, check_issued
from esign_ca_broker.domain.orders import Order, Subject
from esign_ca_broker.domain.requests import read_request

log = logger(__name__)


class Obtain:
    """Asks the CA, waits a little while it decides, checks what comes back and records how it ended."""

    def __init__(
        self,
        ca: CertificationAuthority,
        orders: OrderStore,
        expected: Expectations,
        clock: Callable[[], datetime],
        *,
        wait_seconds: float,
        poll_seconds: float,
    ) -> None:
        self._ca, self._orders, self._expected, self._clock = ca, orders, expected, clock
        self._wait, self._poll = wait_seconds, poll_seconds

    async def __call__(self, order: Order, subject: Subject) -> Order:
        """The order with its certificate.

        Raises Unavailable CA_UNAVAILABLE when the CA does not answer or has not decided (the same call may be made again),
        Conflict CERTIFICATE_REFUSED when there will be no certificate.
        """
        request = read_request(order.request)
        answer = await self._settled(order, await self._ca.submit(order.order_no, order.profile, request, subject))
        if isinstance(answer, Refused):
            raise refused(await self._orders.refuse(order.order_no, f"CA_REFUSED:{answer.code}", revoke=False))
        chain = answer.chain or tuple(await self._ca.chain())
        try:
            certificate = check_issued(
                answer.leaf,
                chain,
                profile=order.profile,
                subject=subject,
                public_key=request.public_key,
                expected=self._expected,
                now=self._clock(),
            )
        except WrongCertificateError as error:
            log.error("the CA's certificate is not what was ordered", order_no=order.order_no, reason=error.reason)
            raise refused(await self._orders.refuse(order.order_no, error.reason, revoke=True)) from None
        return await self._orders.issued(order.order_no, certificate)

    async def _settled(self, order: Order, answer: Answer) -> Issued | Refused:
        end = time.monotonic() + time_left(self._wait)
        while isinstance(answer, Pending):
            if time.monotonic() + self._poll >= end:
                raise unavailable("PENDING")
            await asyncio.sleep(self._poll)
            answer = await self._ca.status(order.order_no) or Pending()
        return answer


def refused(order: Order) -> Conflict:
    """The refusal of an order, as the caller sees it."""
    return Conflict(
        "CERTIFICATE_REFUSED",
        zh="证书未能签发",
        en="The certificate was refused",
        cause=order.refusal,
        order_no=order.order_no,
    )


def time_left(most: float) -> float:
    """Seconds for the CA: at most so many, and a little less than the caller waits, who is then told what it was that took so long."""
    margin = 0.5
    return max(0.1, context.remaining(most + margin) - margin)


def unavailable(cause: str) -> Unavailable:
    """The CA cannot be had now."""
    return Unavailable(
        "CA_UNAVAILABLE", zh="证书颁发机构暂时无法服务，请稍后重试", en="The CA is not available", cause=cause
    )
