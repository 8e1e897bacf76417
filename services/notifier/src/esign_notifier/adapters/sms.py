"""SMS by Tencent Cloud's own SDK (SMS API 3.0, version 2021-01-11).

An HTTP 200 is not "sent": the status of the number is. What the API's answer leaves open is looked up by
PullSmsSendStatusByPhoneNumber, which gives back the `SessionContext` that was sent along: our message id.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from esign_kit import context
from esign_kit.clock import Clock

from esign_notifier.domain.messages import Accepted, Contact, Kind, Message, NotSent, Outcome, Rejected, Uncertain

if TYPE_CHECKING:
    from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
    from tencentcloud.sms.v20210111.sms_client import SmsClient

    from esign_notifier.settings import SmsSettings

T = TypeVar("T")

# The lookup gives this many statuses at most, and no second page.
_MOST_STATUSES = 100
# Error codes that say something about this message or number: trying again cannot help. Everything else that the API
# refuses (credentials, signature, template, balance, limits) is ours to mend, and the message waits for that.
_FOR_GOOD = frozenset(
    {
        "FailedOperation.ContainSensitiveWord",
        "FailedOperation.PhoneNumberInBlacklist",
        "FailedOperation.PhoneNumberParseFail",
        "InvalidParameter.DirtyWordFound",
        "InvalidParameterValue.ContentLengthLimit",
        "InvalidParameterValue.IncorrectPhoneNumber",
        "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
        "InvalidParameterValue.TemplateParameterFormatError",
        "InvalidParameterValue.TemplateParameterLengthLimit",
        "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone",
    }
)


class TencentSms:
    """Sends codes and messages by SMS; plays `Sender` and `CodeSender`."""

    def __init__(self, settings: "SmsSettings", clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        # The SDK blocks: a provider that hangs takes these threads and no others.
        self._threads = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="sms")
        self._client: SmsClient | None = None

    async def close(self) -> None:
        """Lets go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, message: Message, contact: Contact) -> Outcome:
        """Sends a message about a contract."""
        facts = message.facts
        values = {
            "name": contact.name,
            "title": facts.title,
            "document_number": facts.document_number,
        }
        return await self._send(message.id, message.kind, contact.phone, values)

    async def send_code(
        self, message_id: str, kind: Kind, phone: str, code: str, valid_minutes: int, document_number: str
    ) -> Outcome:
        """Sends a code."""
        values = {"code": code, "minutes": str(valid_minutes), "document_number": document_number}
        return await self._send(message_id, kind, phone, values)

    async def reconcile(self, message: Message, contact: Contact) -> Outcome:
        """Looks up what became of the last attempt. A report may be late: only after `report_grace_seconds` does none mean "not sent"."""
        since = message.sending_since or message.created_at
        found = await self.find(message.id, contact.phone, since)
        grace = timedelta(seconds=self._settings.report_grace_seconds)
        if isinstance(found, NotSent) and self._clock() - since < grace:
            return Uncertain("REPORT_OUTSTANDING")
        return found

    async def find(self, message_id: str, phone: str, since: datetime) -> Outcome:
        """Looks a message up by its id among what was sent to the phone since."""
        begin, end = int(since.timestamp()) - 60, int(self._clock().timestamp()) + 60
        return await self._in_thread(lambda: self._find(message_id, _e164(phone), begin, end))

    async def _send(self, message_id: str, kind: Kind, phone: str, values: Mapping[str, str]) -> Outcome:
        template = self._settings.templates.of(kind)
        parameters = [_shorten(values[name], self._settings.max_parameter_length) for name in template.parameters]
        return await self._in_thread(lambda: self._call(message_id, template.id, _e164(phone), parameters))

    async def _in_thread(self, call: Callable[[], Outcome]) -> Outcome:
        # The SDK's own timeouts are per socket operation; this one is for the whole call, and ends before a caller's patience does.
        margin = 0.3
        left = max(0.1, context.remaining(self._settings.deadline_seconds + margin) - margin)
        try:
            async with asyncio.timeout(left):
                return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except TimeoutError:
            return Uncertain("TIMEOUT")

    def _sdk(self) -> "SmsClient":
        if self._client is None:
            from tencentcloud.common.credential import Credential
            from tencentcloud.common.profile.client_profile import ClientProfile
            from tencentcloud.common.profile.http_profile import HttpProfile
            from tencentcloud.sms.v20210111.sms_client import SmsClient

            # At level debug the SDK logs whole requests, codes and phones included.
            logging.getLogger("tencentcloud_sdk_common").setLevel(logging.WARNING)
            http = HttpProfile(
                protocol=self._settings.scheme,
                endpoint=self._settings.endpoint,
                reqTimeout=max(1, int(self._settings.deadline_seconds)),
            )
            credential = Credential(self._settings.secret_id, self._settings.secret_key_file.read())
            self._client = SmsClient(credential, self._settings.region, ClientProfile(httpProfile=http))
        return self._client

    def _call(self, message_id: str, template_id: str, phone: str, parameters: Sequence[str]) -> Outcome:
        from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
        from tencentcloud.sms.v20210111.models import SendSmsRequest

        request = SendSmsRequest()
        request.PhoneNumberSet = [phone]
        request.SmsSdkAppId = self._settings.sdk_app_id
        request.SignName = self._settings.sign_name
        request.TemplateId = template_id
        request.TemplateParamSet = list(parameters)
        request.SessionContext = message_id
        try:
            response = self._sdk().SendSms(request)
        except TencentCloudSDKException as error:
            return _refusal(error)
        statuses = response.SendStatusSet or []
        if len(statuses) != 1 or not statuses[0].Code:
            return Uncertain("ANSWER_UNREADABLE")
        if statuses[0].Code == "Ok":
            return Accepted(statuses[0].SerialNo or "")
        return _by_code(statuses[0].Code)

    def _find(self, message_id: str, phone: str, begin: int, end: int) -> Outcome:
        from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
        from tencentcloud.sms.v20210111.models import PullSmsSendStatusByPhoneNumberRequest

        request = PullSmsSendStatusByPhoneNumberRequest()
        request.BeginTime, request.EndTime = begin, end
        request.Offset, request.Limit = 0, _MOST_STATUSES
        request.PhoneNumber = phone
        request.SmsSdkAppId = self._settings.sdk_app_id
        try:
            response = self._sdk().PullSmsSendStatusByPhoneNumber(request)
        except TencentCloudSDKException as error:
            return Uncertain(f"LOOKUP_FAILED:{error.get_code()}")
        statuses = response.PullSmsSendStatusSet or []
        for status in statuses:
            if status.SessionContext == message_id:
                return Accepted(status.SerialNo or "")
        return Uncertain("LOOKUP_INCOMPLETE") if len(statuses) >= _MOST_STATUSES else NotSent("NOT_FOUND_AT_PROVIDER")


def _refusal(error: "TencentCloudSDKException") -> Outcome:
    """What an exception of the SDK says about the message.

    The SDK wraps every network error as ClientNetworkError: only one that arose before a connection stood means that nothing was sent.
    """
    from requests.exceptions import ConnectionError as RequestsConnectionError
    from requests.exceptions import ConnectTimeout
    from urllib3.exceptions import NewConnectionError

    code = str(error.get_code() or "")
    cause = error.__context__
    if code == "ClientNetworkError":
        pool_error = cause.args[0] if isinstance(cause, RequestsConnectionError) and cause.args else None
        if isinstance(cause, ConnectTimeout) or isinstance(getattr(pool_error, "reason", None), NewConnectionError):
            return NotSent("PROVIDER_UNREACHABLE")
        return Uncertain("CONNECTION_LOST")
    return _by_code(code)


def _by_code(code: str) -> Outcome:
    if code in _FOR_GOOD:
        return Rejected(code)
    # A code of the API's catalogue says "not sent", but for its own internal errors; anything else did not come from the API.
    families = ("AuthFailure", "FailedOperation", "InvalidParameter", "LimitExceeded", "MissingParameter")
    others = ("RequestLimitExceeded", "UnauthorizedOperation", "UnsupportedOperation", "ResourceInsufficient", "NoSuch")
    return NotSent(code) if code.startswith(families + others) else Uncertain(code or "ANSWER_UNREADABLE")


def _e164(phone: str) -> str:
    return phone if phone.startswith("+") else f"+86{phone}"


def _shorten(value: str, longest: int) -> str:
    plain = " ".join(value.split())
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"
