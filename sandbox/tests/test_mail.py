"""Mail by SMTP, as a sender's library hands it in."""

import signal
import smtplib
from email.message import EmailMessage
from typing import Any

import pytest

from .conftest import CREDENTIALS, HTTP, Running

ACCOUNT = CREDENTIALS["smtp"]


def letter(message_id: str, to: str, html: str | None = None) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "SOHO中国 <noreply@sign.example>"
    message["To"] = to
    message["Subject"] = "您有一份合同等待签署"
    message["Message-ID"] = message_id
    message.set_content("请登录 http://127.0.0.1:8000/sign?a=1&b=2 签署。")
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message


def send(sandbox: Running, message: EmailMessage, *to: str, login: str = "PLAIN") -> None:
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port, timeout=5) as server:
        server.ehlo()
        server.user, server.password = ACCOUNT["user"], ACCOUNT["password"]
        server.auth(login, getattr(server, f"auth_{login.lower()}"))
        server.send_message(message, to_addrs=to or None)


def mails(sandbox: Running, to: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = HTTP.get(f"{sandbox.url}/mailbox/mails", params={"to": to}).json()
    return found


@pytest.mark.parametrize("login", ["PLAIN", "LOGIN"])
def test_mail_arrives_and_can_be_read(sandbox: Running, login: str) -> None:
    to = f"tenant-{login.lower()}@example.cn"
    send(sandbox, letter(f"<{login}@sign.example>", to, "<p>签署<script>alert(1)</script></p>"), login=login)
    (mail,) = mails(sandbox, to.upper())
    assert (mail["subject"], mail["attempts"], mail["to"]) == ("您有一份合同等待签署", 1, to)
    assert "SOHO中国" in mail["from"]
    assert "请登录" in mail["text"]
    assert mail["html"].startswith("<p>")
    page = HTTP.get(f"{sandbox.url}/mailbox", params={"to": to}).text
    assert 'href="http://127.0.0.1:8000/sign?a=1&amp;b=2"' in page
    assert "alert(1)" not in page
    raw = HTTP.get(f"{sandbox.url}/mailbox/mails/{mail['id']}.eml")
    assert b"Message-ID: <" in raw.content


def test_the_same_message_again_is_shown_once_and_counted(sandbox: Running) -> None:
    message = letter("<twice@sign.example>", "a@example.cn")
    for _ in range(3):
        send(sandbox, message, "a@example.cn", "A@example.cn", "b@example.cn")
    assert [mail["attempts"] for mail in mails(sandbox, "a@example.cn")] == [3]
    assert [mail["attempts"] for mail in mails(sandbox, "b@example.cn")] == [3]
    send(sandbox, letter("<another@sign.example>", "a@example.cn"))
    assert len(mails(sandbox, "a@example.cn")) == 2


def test_without_the_right_password_nothing_is_taken(sandbox: Running) -> None:
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port, timeout=5) as server:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            server.login(ACCOUNT["user"], "wrong")
        with pytest.raises(smtplib.SMTPResponseException, match="530"):
            server.sendmail("x@sign.example", "c@example.cn", "Subject: x\r\n\r\nx")
    assert mails(sandbox, "c@example.cn") == []


def test_a_lost_answer_makes_the_sender_repeat_without_harm(own_sandbox: Running) -> None:
    message = letter("<lost@sign.example>", "d@example.cn")
    own_sandbox.fault("smtp", "lost")
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(own_sandbox, message)
    own_sandbox.stop(signal.SIGKILL)
    own_sandbox.start()
    send(own_sandbox, message)
    assert [mail["attempts"] for mail in mails(own_sandbox, "d@example.cn")] == [2]


@pytest.mark.parametrize(
    ("mode", "error"), [("down", smtplib.SMTPServerDisconnected), ("error", smtplib.SMTPDataError)]
)
def test_faults_take_nothing(sandbox: Running, mode: str, error: type[Exception]) -> None:
    sandbox.fault("smtp", mode)
    with pytest.raises((error, ConnectionResetError)):
        send(sandbox, letter("<fault@sign.example>", "e@example.cn"))
    assert mails(sandbox, "e@example.cn") == []
