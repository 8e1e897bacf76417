"""Captchas: made for anyone, demanded where a stranger could cause costs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from esign.identity.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import new_id
from esign_kit.errors import EsignError

from esign_identity.app.codes import CodeRequest
from esign_identity.app.login_ports import CaptchaPainter
from esign_identity.app.ports import CodeDigests, Store, Transaction
from esign_identity.domain import refusals
from esign_identity.domain.captcha import (
    Captcha,
    CaptchaCheck,
    CaptchaRules,
    check_answer,
    creation_limit,
    new_answer,
    normalise_answer,
)
from esign_identity.domain.codes import HOUR, parse_client_address


@dataclass(frozen=True, slots=True)
class Picture:
    """A captcha as a person gets it."""

    captcha_id: str
    png: bytes
    expires_at: datetime


class CaptchaDesk:
    """Hands out captchas, and says when one is needed."""

    def __init__(
        self,
        store: Store,
        painter: CaptchaPainter,
        digests: CodeDigests,
        clock: Clock,
        rules: CaptchaRules,
        sending_grace: timedelta,
    ) -> None:
        self._store, self._painter, self._digests = store, painter, digests
        self._clock, self._rules, self._grace = clock, rules, sending_grace

    async def create(self, client_address: str) -> Picture:
        """A new captcha. Raises InvalidInput CLIENT_ADDRESS_INVALID, Limited CLIENT_ADDRESS_LIMIT."""
        address, now = parse_client_address(client_address), self._clock()
        answer, captcha_id = new_answer(), new_id()
        captcha = Captcha(captcha_id, self._digests.digest(captcha_id, answer), now, now + self._rules.lifetime)
        async with self._store.begin() as tx:
            await tx.serialise("captcha address", address)
            refused = creation_limit(await tx.captchas.times_for_address(address, now - HOUR), now, self._rules)
            if refused:
                raise refused
            await tx.captchas.add(captcha, address)
        return Picture(captcha_id, await self._painter.paint(answer), captcha.expires_at)

    async def solve(self, captcha_id: str, answer: str) -> None:
        """Take an answer; right or wrong, the captcha is used up. Raises InvalidInput CAPTCHA_WRONG, CAPTCHA_EXPIRED."""
        now = self._clock()
        async with self._store.begin() as tx:
            check = await self._check(tx, captcha_id, normalise_answer(answer), now)
            if check is not CaptchaCheck.RIGHT:
                # What was never made is somebody's own text, which has no place in an event.
                reference = "" if check is CaptchaCheck.UNKNOWN else captcha_id
                await tx.emit(events_pb2.AttemptRefused(kind="captcha", reason=check.value, reference=reference))
        if check is CaptchaCheck.WRONG:
            raise refusals.captcha_wrong()
        if check is not CaptchaCheck.RIGHT:
            raise refusals.captcha_expired()

    async def _check(self, tx: Transaction, captcha_id: str, typed: str, now: datetime) -> CaptchaCheck:
        captcha = await tx.captchas.use(captcha_id, now)
        if captcha is None:
            known = await tx.captchas.was_made(captcha_id)
            return CaptchaCheck.REUSED if known else CaptchaCheck.UNKNOWN
        return check_answer(captcha, self._digests.digest(captcha_id, typed), now)

    async def gate(
        self, tx: Transaction, request: CodeRequest, address_times: list[datetime], now: datetime
    ) -> EsignError | None:
        """Plays `CodeGate`: a client or a phone that had several codes needs a solved captcha for the next."""
        if request.captcha_solved:
            return None
        if len(address_times) >= self._rules.after_address_codes:
            return refusals.captcha_required()
        unused = await tx.codes.unused_for_phone(request.phone, now - HOUR, now - self._grace)
        return refusals.captcha_required() if unused >= self._rules.after_phone_codes else None
