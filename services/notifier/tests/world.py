"""The outside world as a child process, a clock that tests move, and messages to try things with."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from esign_kit.db import new_id
from esign_kit.engines import free_ports
from esign_kit.testing import Sandbox
from esign_notifier.domain.messages import Channel, ContractFacts, Kind, Message, State

TEMPLATES = {
    "login_code": ("1001", "登录验证码{1}，{2}分钟内有效。", ["code", "minutes"]),
    "signing_code": ("1002", "您正在签署文档{2}，验证码{1}，{3}分钟内有效。", ["code", "document_number", "minutes"]),
    **{
        f"contract_{what}": (number, f"{{1}}，您的合同《{{2}}》（{{3}}）{text}。", ["name", "title", "document_number"])
        for what, number, text in (
            ("invitation", "1003", "等待您签署，请登录 https://sign.example.com"),
            ("completed", "1004", "已签署完成，请登录 https://sign.example.com 下载"),
            ("withdrawn", "1005", "已撤回"),
            ("expired", "1006", "已过期"),
        )
    },
}
CREDENTIALS: dict[str, Any] = {
    "tencent": {"secret_id": "AKIDtest", "secret_key": "a-tencent-secret"},
    "sms": {
        "sdk_app_id": "1400006666",
        "sign_name": "SOHO中国",
        "templates": {number: text for number, text, _ in TEMPLATES.values()},
    },
    "faceid": {"rule_ids": ["1"]},
    "antchain": {"access_key": "ANTKEY", "access_secret": "an-antchain-secret"},
    "ca": {"client_secret": "a-ca-client-secret"},
    "smtp": {"user": "esign", "password": "a-mail-password"},
}


def free_port() -> int:
    """A port that nobody listens on now."""
    return free_ports(1)[0]


class World(Sandbox):
    """The sandbox of this test session."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, CREDENTIALS)

    def sms(self, phone: str) -> list[dict[str, Any]]:
        """What arrived on a phone, newest first."""
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/mailbox/sms", params={"phone": phone}).json()
        return found

    def mails(self, to: str) -> list[dict[str, Any]]:
        """What arrived in a mailbox, newest first; `attempts` counts copies."""
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/mailbox/mails", params={"to": to}).json()
        return found

    def raw(self, mail_id: int) -> bytes:
        """A mail as it was handed in."""
        return httpx.get(f"{self.url}/mailbox/mails/{mail_id}.eml").content


class SetClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def forward(self, **amount: float) -> None:
        """Moves on."""
        self.offset += timedelta(**amount)


def facts(**changes: Any) -> ContractFacts:
    """A contract."""
    values = {"contract_id": new_id(), "document_number": "ZL-20261123000001", "title": "房屋租赁合同"}
    return ContractFacts(**{**values, **changes})


def message(kind: Kind = Kind.CONTRACT_INVITATION, channel: Channel = Channel.SMS, **changes: Any) -> Message:
    """A message whose first attempt has just begun."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "id": new_id(),
        "kind": kind,
        "channel": channel,
        "person_id": new_id(),
        "facts": facts(),
        "state": State.SENDING,
        "attempts": 1,
        "created_at": now,
        "sending_since": now,
        "lease": new_id(),
    }
    return Message(**{**values, **changes})
