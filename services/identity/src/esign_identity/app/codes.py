"""Sending one-time codes: promised first, sent, then confirmed or taken back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from esign_kit.clock import Clock
from esign_kit.db import new_id
from esign_kit.errors import EsignError, TimedOut

from esign_identity.app.ports import CodeDigests, CodeSender, Store, Transaction
from esign_identity.domain import refusals
from esign_identity.domain.codes import DAY, HOUR, CodePurpose, CodeRules, OneTimeCode, limit, new_code


@dataclass(frozen=True, slots=True)
class CodeTicket:
    """What the person who asked is told."""

    expires_at: datetime
    retry_after_seconds: int


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """A code to send. `phone` counts for the limits; without `known` nothing is sent to it."""

    purpose: CodePurpose
    phone: str
    known: bool
    verification_id: str = ""
    document_number: str = ""
    captcha_solved: bool = False


class CodeGate(Protocol):
    """What stands before a code beside its limits."""

    async def __call__(
        self, tx: Transaction, request: CodeRequest, address_times: list[datetime], now: datetime
    ) -> EsignError | None:
        """Why this code may not go out; `address_times` are those of the codes that the client asked for in the last hour."""


class CodeDesk:
    """Hands out codes of one purpose."""

    def __init__(
        self,
        store: Store,
        sender: CodeSender,
        digests: CodeDigests,
        clock: Clock,
        rules: CodeRules,
        gate: CodeGate | None = None,
    ) -> None:
        self._store, self._sender, self._digests, self._clock, self.rules = store, sender, digests, clock, rules
        self._gate = gate

    async def issue(self, address: str, ask: Callable[[Transaction], Awaitable[CodeRequest]]) -> CodeTicket:
        """Send a code for what `ask` says; `address` is the client's, empty where it has no limit.

        The code is kept before it is sent, so that one that arrives works whatever happens in between; when it did not
        go out it is forgotten and counts for nothing. Raises Limited, Unavailable, and what `ask` and the gate raise.
        """
        now = self._clock()
        code_id, code = new_id(), new_code()
        digest, expires_at = self._digests.digest(code_id, code), now + self.rules.lifetime
        async with self._store.begin() as tx:
            request = await ask(tx)
            await self._admit(tx, request, address, now)
            kept = OneTimeCode(code_id, request.purpose, request.verification_id, digest, now, expires_at)
            await tx.codes.add(kept, request.phone, address)
        try:
            await self._send(request, code_id, code)
        except EsignError as error:
            if isinstance(error, TimedOut) or error.reason == "SMS_UNCERTAIN":
                await self._confirm(code_id)
                raise refusals.sms_uncertain() from error
            async with self._store.begin() as tx:
                await tx.codes.remove(code_id)
            raise refusals.sms_unavailable() from error
        await self._confirm(code_id)
        return CodeTicket(expires_at, int(self.rules.interval.total_seconds()))

    async def _admit(self, tx: Transaction, request: CodeRequest, address: str, now: datetime) -> None:
        await tx.serialise("code", request.purpose, request.phone)
        phone_times = await tx.codes.times_for_phone(
            request.purpose, request.phone, now - DAY, now - self.rules.sending_grace
        )
        address_times: list[datetime] = []
        if address:
            await tx.serialise("code address", address)
            address_times = await tx.codes.times_for_address(address, now - HOUR)
        refused = limit(phone_times, address_times, now, self.rules)
        if refused is None and self._gate:
            refused = await self._gate(tx, request, address_times, now)
        if refused:
            raise refused

    async def _send(self, request: CodeRequest, code_id: str, code: str) -> None:
        if not request.known:
            await self._sender.pretend()
            return
        minutes = int(self.rules.lifetime.total_seconds() // 60)
        await self._sender.send(code_id, request.phone, code, request.purpose, minutes, request.document_number)

    async def _confirm(self, code_id: str) -> None:
        async with self._store.begin() as tx:
            await tx.codes.mark_sent(code_id)
