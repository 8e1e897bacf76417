"""Tencent Cloud SMS, API 2021-01-11: SendSms and PullSmsSendStatusByPhoneNumber.

Frequency limits are switched off, as an account's owner may do at the vendor's console. What is accepted is in the
mailbox and counts as delivered at once. Source: cloud.tencent.com/document/product/382/55981 and /55976.
"""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from esign_sandbox.credentials import SmsAccount
from esign_sandbox.store import Store, iso_utc, now_ms
from esign_sandbox.tencent import ApiError, Params, integer, text, texts

SCHEMA = """
CREATE TABLE IF NOT EXISTS sms (
  id INTEGER PRIMARY KEY AUTOINCREMENT, serial_no TEXT NOT NULL UNIQUE, phone TEXT NOT NULL, template_id TEXT NOT NULL,
  params TEXT NOT NULL, text TEXT NOT NULL, session_context TEXT NOT NULL, sent_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS sms_phone ON sms (phone, sent_at);
"""
MAX_NUMBERS = 200
MAX_CONTENT = 500
MAX_SESSION_BYTES = 512
PULL_WINDOW_SECONDS = 7 * 86400
_MAINLAND = re.compile(r"(?:\+86|0086|86)?(1[3-9]\d{9})")
_GLOBAL = re.compile(r"\+(?!86)[1-9]\d{5,14}")
_PLACEHOLDER = re.compile(r"\{(\d+)\}")
_URL = re.compile(r"https?://|www\.", re.IGNORECASE)


@dataclass(frozen=True)
class _Refusal:
    code: str
    message: str


def mainland(phone: str) -> str | None:
    """E.164 of a mainland mobile number in any of the vendor's spellings."""
    found = _MAINLAND.fullmatch(phone)
    return f"+86{found.group(1)}" if found else None


class SmsService:
    name = "sms"
    version = "2021-01-11"
    needs_region = True

    def __init__(self, store: Store, account: SmsAccount) -> None:
        self._store = store
        self._account = account

    def actions(self) -> Mapping[str, Callable[[Params], dict[str, object]]]:
        return {"SendSms": self.send, "PullSmsSendStatusByPhoneNumber": self.pull}

    def send(self, params: Params) -> dict[str, object]:
        """One status per number: whatever is wrong with app, signature, template or number is said there."""
        numbers = texts(params, "PhoneNumberSet")
        if not numbers:
            raise ApiError("MissingParameter.EmptyPhoneNumberSet", "The phone number set is empty.")
        if len(numbers) > MAX_NUMBERS:
            raise ApiError("LimitExceeded.PhoneNumberCountLimit", f"At most {MAX_NUMBERS} phone numbers per request.")
        template_id = text(params, "TemplateId")
        app_id = text(params, "SmsSdkAppId")
        sign_name = text(params, "SignName", required=False)
        values = texts(params, "TemplateParamSet")
        session = text(params, "SessionContext", required=False)
        if len(session.encode()) >= MAX_SESSION_BYTES:
            raise ApiError("InvalidParameterValue", f"SessionContext must be shorter than {MAX_SESSION_BYTES} bytes.")
        domestic = [mainland(number) for number in numbers]
        if any(domestic) and any(_GLOBAL.fullmatch(number) for number in numbers):
            raise ApiError(
                "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
                "Domestic and international phone numbers must not be mixed in one request.",
            )
        content = self._content(app_id, sign_name, template_id, values)
        statuses: list[dict[str, object]] = []
        with self._store.write() as db:
            for number, phone in zip(numbers, domestic, strict=True):
                outcome = _number_refusal(number, phone) or content
                if isinstance(outcome, _Refusal):
                    statuses.append(_status("", phone or number, 0, session, outcome.code, outcome.message))
                    continue
                serial_no = f"2640:{secrets.randbelow(10**10):010d}{now_ms()}"
                db.execute(
                    "INSERT INTO sms (serial_no, phone, template_id, params, text, session_context, sent_at)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (serial_no, phone, template_id, json.dumps(values, ensure_ascii=False), outcome, session, now_ms()),
                )
                fee = 1 if len(outcome) <= 70 else -(-len(outcome) // 67)
                statuses.append(_status(serial_no, phone or number, fee, session, "Ok", "send success"))
        return {"SendStatusSet": statuses}

    def pull(self, params: Params) -> dict[str, object]:
        """What was sent to one number since BeginTime, oldest first, at most Limit (100) entries."""
        begin = integer(params, "BeginTime")
        end = integer(params, "EndTime", default=now_ms() // 1000 + 1)
        if integer(params, "Offset") != 0:
            raise ApiError("InvalidParameterValue.OffsetVerifyFail", "Offset must be 0.")
        limit = integer(params, "Limit")
        if not 1 <= limit <= 100:
            raise ApiError("InvalidParameterValue.LimitVerifyFail", "Limit must be between 1 and 100.")
        if begin < now_ms() // 1000 - PULL_WINDOW_SECONDS:
            raise ApiError("InvalidParameterValue.BeginTimeVerifyFail", "BeginTime is more than 7 days ago.")
        if end < begin:
            raise ApiError("InvalidParameterValue.EndTimeVerifyFail", "EndTime must not be before BeginTime.")
        if text(params, "SmsSdkAppId") != self._account.sdk_app_id:
            raise ApiError("UnauthorizedOperation.SmsSdkAppIdVerifyFail", "Verification failed for SmsSdkAppId.")
        phone = mainland(text(params, "PhoneNumber"))
        if phone is None:
            raise ApiError("InvalidParameterValue.IncorrectPhoneNumber", "Incorrect phone number.")
        rows = self._store.rows(
            "SELECT * FROM sms WHERE phone = ? AND sent_at >= ? AND sent_at < ? ORDER BY id LIMIT ?",
            *(phone, begin * 1000, (end + 1) * 1000, limit),
        )
        statuses = [
            {
                "UserReceiveTime": row["sent_at"] // 1000,
                "CountryCode": "86",
                "SubscriberNumber": phone.removeprefix("+86"),
                "PhoneNumber": phone,
                "SerialNo": row["serial_no"],
                "ReportStatus": "SUCCESS",
                "Description": "DELIVRD",
                "SessionContext": row["session_context"],
            }
            for row in rows
        ]
        return {"PullSmsSendStatusSet": statuses}

    def _content(self, app_id: str, sign_name: str, template_id: str, values: list[str]) -> str | _Refusal:
        template = self._account.templates.get(template_id)
        if app_id != self._account.sdk_app_id:
            return _Refusal("UnauthorizedOperation.SmsSdkAppIdVerifyFail", "Verification failed for SmsSdkAppId")
        if sign_name != self._account.sign_name:
            return _Refusal(
                "FailedOperation.SignatureIncorrectOrUnapproved",
                "Signature is not approved or is in an incorrect format",
            )
        if template is None:
            return _Refusal(
                "FailedOperation.TemplateUnapprovedOrNotExist", "Template is not approved or does not exist"
            )
        wanted = {int(number) for number in _PLACEHOLDER.findall(template)}
        if len(values) != max(wanted, default=0):
            return _Refusal(
                "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
                "The request content does not match the approved template content",
            )
        if any(_URL.search(value) for value in values):
            return _Refusal(
                "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
                "URLs are prohibited in template parameters",
            )
        body = _PLACEHOLDER.sub(lambda found: values[int(found.group(1)) - 1], template)
        content = f"【{sign_name}】{body}"
        if len(content) > MAX_CONTENT:
            return _Refusal("InvalidParameterValue.ContentLengthLimit", "The message content is too long")
        return content

    def messages(self, phone: str | None = None, limit: int = 200) -> list[dict[str, object]]:
        """The newest messages first, as the mailbox shows them."""
        wanted = None if phone is None else (mainland(phone) or phone)
        rows = self._store.rows(
            "SELECT * FROM sms WHERE ? IS NULL OR phone = ? ORDER BY id DESC LIMIT ?", wanted, wanted, limit
        )
        return [
            {
                "id": row["id"],
                "time": iso_utc(row["sent_at"]),
                "phone": row["phone"],
                "template_id": row["template_id"],
                "params": json.loads(row["params"]),
                "text": row["text"],
                "session_context": row["session_context"],
                "serial_no": row["serial_no"],
            }
            for row in rows
        ]

    def state(self) -> int:
        """Grows with every message."""
        row = self._store.row("SELECT max(id) AS newest FROM sms")
        return (row and row["newest"]) or 0

    def recipients(self, limit: int) -> list[tuple[int, str]]:
        """When each number was last written to (ms), and the number: the latest first."""
        rows = self._store.rows(
            "SELECT phone, max(sent_at) AS latest FROM sms GROUP BY phone ORDER BY latest DESC LIMIT ?", limit
        )
        return [(row["latest"], row["phone"]) for row in rows]


def _number_refusal(number: str, phone: str | None) -> _Refusal | None:
    if phone is not None:
        return None
    if _GLOBAL.fullmatch(number):
        return _Refusal(
            "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone",
            "A Chinese mainland template cannot be sent to an international number",
        )
    return _Refusal("InvalidParameterValue.IncorrectPhoneNumber", "Incorrect phone number")


def _status(serial: str, phone: str, fee: int, session: str, code: str, message: str) -> dict[str, object]:
    return {
        "SerialNo": serial,
        "PhoneNumber": phone,
        "Fee": fee,
        "SessionContext": session,
        "Code": code,
        "Message": message,
        "IsoCode": "CN" if phone.startswith("+86") else "DEF",
    }
