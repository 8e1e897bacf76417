"""Sends a code by SMS, once per message id."""

from collections.abc import Callable
from datetime import datetime, timedelta

from esign_kit.errors import Conflict, Limited, Unavailable

from esign_notifier.app.ports import CodeSender, CodeStore
from esign_notifier.domain.messages import Accepted, Kind, NotSent, Outcome, Rejected, Uncertain


class SendCode:
    """Neither the code nor the phone is kept: `digest` makes a keyed hash of both, by which a reused id is told from a repeated call."""

    def __init__(
        self, store: CodeStore, sender: CodeSender, digest: Callable[[str, str], bytes], *, lease: timedelta
    ) -> None:
        self._store, self._sender, self._digest, self._lease = store, sender, digest, lease

    async def __call__(
        self, message_id: str, kind: Kind, phone: str, code: str, valid_minutes: int, document_number: str
    ) -> datetime:
        """Returns when the provider took it; the same call again returns the same time and sends nothing.

        Raises Conflict MESSAGE_ID_REUSED when the id stands for another code, SMS_REJECTED when the provider will not take it;
        Limited SMS_LIMITED when it has had too many; Unavailable SMS_UNAVAILABLE when the code surely did not go out, SMS_UNCERTAIN
        when it may have, or an earlier call still runs: then the same call may be made again.
        """
        digest = self._digest(message_id, f"{kind}\n{phone}\n{code}\n{document_number}")
        attempt = await self._store.begin(message_id, kind, digest, self._lease)
        if attempt.accepted_at is not None:
            return attempt.accepted_at
        if attempt.rejected is not None:
            raise _rejected(attempt.rejected)
        if attempt.in_flight:
            raise _uncertain("IN_FLIGHT")
        outcome: Outcome = NotSent("")
        if attempt.uncertain_since is not None:
            outcome = await self._sender.find(message_id, phone, attempt.uncertain_since)
        # A code lives for minutes: what the provider has no report of is sent again at once, with the same code.
        if isinstance(outcome, NotSent):
            outcome = await self._sender.send_code(message_id, kind, phone, code, valid_minutes, document_number)
        match outcome:
            case Accepted(receipt):
                return await self._store.accepted(message_id, kind, receipt)
            case Rejected(reason):
                await self._store.rejected(message_id, kind, reason)
                raise _rejected(reason)
            case NotSent(reason):
                await self._store.release(message_id, reason, surely_not_sent=True)
                if reason.startswith(("LimitExceeded", "RequestLimitExceeded")):
                    raise Limited(
                        "SMS_LIMITED",
                        zh="短信发送过于频繁，请稍后再试",
                        en="Too many messages were sent; try again later",
                        retry_after_seconds="60",
                    )
                raise _unavailable(reason)
            case Uncertain(reason):
                await self._store.release(message_id, reason, surely_not_sent=False)
                raise _uncertain(reason)


def _rejected(reason: str) -> Conflict:
    return Conflict(
        "SMS_REJECTED", zh="短信服务商拒绝发送该短信", en="The SMS provider refused the message", cause=reason
    )


def _unavailable(reason: str) -> Unavailable:
    return Unavailable("SMS_UNAVAILABLE", zh="短信服务暂不可用，请稍后再试", en="SMS cannot be sent now", cause=reason)


def _uncertain(reason: str) -> Unavailable:
    return Unavailable(
        "SMS_UNCERTAIN",
        zh="短信可能已发出，请稍后查看",
        en="The SMS may have been sent: look for it in a moment",
        cause=reason,
    )
