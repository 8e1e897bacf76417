"""The notifier, which sends codes; and how not to tell by the clock who is registered."""

import asyncio
import contextlib
import random
import time
from collections import deque

import grpc
from esign.notifier.v1 import notifier_pb2, notifier_pb2_grpc
from esign_kit.errors import InvalidInput, TimedOut, Unavailable

from esign_identity.domain.codes import CodePurpose

DEADLINE = 5.0
_FAILURE_COUNTS = 30.0
_TYPICAL = 0.05
_LONGEST_NUMBER = 64

_PURPOSES = {
    CodePurpose.LOGIN: notifier_pb2.CODE_PURPOSE_LOGIN,
    CodePurpose.SIGNING: notifier_pb2.CODE_PURPOSE_SIGNING,
}


class NotifierCodes:
    """Plays `CodeSender`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = notifier_pb2_grpc.InternalServiceStub(channel)
        self._took: deque[float] = deque([_TYPICAL], maxlen=8)
        self._failed: tuple[float, Unavailable | TimedOut] | None = None

    async def send(
        self, code_id: str, phone: str, code: str, purpose: CodePurpose, valid_minutes: int, document_number: str
    ) -> None:
        """The message's id is the code's, so that a repeated call sends nothing twice."""
        request = notifier_pb2.SendCodeRequest(
            message_id=code_id,
            phone=phone,
            code=code,
            purpose=_PURPOSES[purpose],
            valid_minutes=valid_minutes,
            document_number=document_number[:_LONGEST_NUMBER],
        )
        began = time.monotonic()
        try:
            await self._stub.SendCode(request, timeout=DEADLINE)
        except (Unavailable, TimedOut) as error:
            self._failed = (time.monotonic(), error)
            raise
        self._failed = None
        self._took.append(time.monotonic() - began)

    async def pretend(self) -> None:
        """Calls the notifier with a request that it refuses; then takes as long as a late message, or fails as the last did.

        So an unknown phone cannot be told from a known one by the clock, nor by what happens while the notifier or its
        provider is away.
        """
        began = time.monotonic()
        with contextlib.suppress(InvalidInput):
            await self._stub.SendCode(notifier_pb2.SendCodeRequest(), timeout=DEADLINE)
        took = time.monotonic() - began
        await asyncio.sleep(max(0.0, random.choice(self._took) - took))  # noqa: S311 - not a secret
        if self._failed and began - self._failed[0] < _FAILURE_COUNTS:
            last = self._failed[1]
            raise type(last)(last.reason, zh=last.zh, en=last.en)
