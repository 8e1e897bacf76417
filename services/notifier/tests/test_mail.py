"""The mail adapter against a mail server."""

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from esign_kit.testing import Pki
from esign_notifier.adapters.mail import SmtpMail
from esign_notifier.adapters.texts import Texts
from esign_notifier.domain.messages import Accepted, Channel, Contact, NotSent, Rejected
from esign_notifier.settings import SmtpSettings
from pydantic import ValidationError

from .world import SetClock, World, free_port, message

Settings = Callable[..., SmtpSettings]


@pytest.fixture
def mailer(clock: SetClock) -> Callable[[SmtpSettings], SmtpMail]:
    texts = Texts("zh", "https://sign.example.com", "SOHO中国电子签章平台", "010-58515511")
    return lambda settings: SmtpMail(settings, texts, clock)


Mailer = Callable[[SmtpSettings], SmtpMail]


async def test_a_mail_arrives(world: World, smtp_settings: Settings, mailer: Mailer, mailbox: str) -> None:
    one = message(channel=Channel.EMAIL)
    outcome = await mailer(smtp_settings()).send(one, Contact("欧阳样例", "", mailbox))
    [found] = world.mails(mailbox)
    assert outcome == Accepted(f"<{one.id}@sign.example.com>")
    assert found["subject"] == "【待签署】房屋租赁合同（ZL-20261123000001）"
    assert "欧阳样例，您好" in found["text"]
    assert '<a href="https://sign.example.com">' in found["html"]


async def test_sending_again_after_a_lost_answer_does_no_harm(
    world: World, smtp_settings: Settings, mailer: Mailer, mailbox: str
) -> None:
    one, contact = message(channel=Channel.EMAIL), Contact("李样例", "", mailbox)
    mail = mailer(smtp_settings())
    world.fault("smtp", "lost")
    assert isinstance(await mail.send(one, contact), NotSent)
    world.fault("smtp", "ok")
    assert isinstance(await mail.reconcile(one, contact), NotSent)
    assert isinstance(await mail.send(one, contact), Accepted)
    [found] = world.mails(mailbox)
    assert found["attempts"] == 2


@pytest.mark.parametrize(("mode", "reason"), [("down", ""), ("error", "MESSAGE_REFUSED_451")])
async def test_a_bad_day_is_no_refusal(
    world: World, smtp_settings: Settings, mailer: Mailer, mailbox: str, mode: str, reason: str
) -> None:
    world.fault("smtp", mode)
    outcome = await mailer(smtp_settings()).send(message(channel=Channel.EMAIL), Contact("李样例", "", mailbox))
    assert isinstance(outcome, NotSent)
    assert outcome.reason.startswith(reason)


async def test_a_slow_server_meets_the_deadline(
    world: World, smtp_settings: Settings, mailer: Mailer, mailbox: str
) -> None:
    world.fault("smtp", "slow", 2000)
    settings = smtp_settings(deadline_seconds=0.5)
    outcome = await mailer(settings).send(message(channel=Channel.EMAIL), Contact("李样例", "", mailbox))
    assert isinstance(outcome, NotSent)


async def test_wrong_credentials_are_ours_to_mend(
    world: World, smtp_settings: Settings, mailer: Mailer, mailbox: str, pki: Pki
) -> None:
    settings = smtp_settings(password_file=pki.secret("wrong", "wrong"))
    outcome = await mailer(settings).send(message(channel=Channel.EMAIL), Contact("李样例", "", mailbox))
    assert outcome == NotSent("SMTP_535")


async def test_nobody_at_the_address(smtp_settings: Settings, mailer: Mailer, mailbox: str) -> None:
    outcome = await mailer(smtp_settings(port=free_port())).send(
        message(channel=Channel.EMAIL), Contact("李样例", "", mailbox)
    )
    assert isinstance(outcome, NotSent)


@pytest.mark.parametrize(
    "address",
    [
        "li@mail.example\r\nRCPT TO:<x@mail.example>",
        "li@mail.example, x@mail.example",
        "<li@mail.example>",
        "李@mail.example",
        "li@localhost",
        "li@@mail.example",
        "a" * 250 + "@mail.example",
    ],
)
async def test_what_is_no_address_is_never_tried(smtp_settings: Settings, mailer: Mailer, address: str) -> None:
    mail = mailer(smtp_settings(port=free_port()))
    outcome = await mail.send(message(channel=Channel.EMAIL), Contact("李样例", "", address))
    assert outcome == Rejected("ADDRESS_INVALID")


class Refusing:
    """A server's handler that knows no mailbox."""

    async def handle_RCPT(
        self, server: object, session: object, envelope: object, address: str, options: object
    ) -> str:
        return "550 5.1.1 no such mailbox"


class Taking:
    """A server's handler that takes everything."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        self.taken.append(envelope.content)  # type: ignore[attr-defined]
        return "250 OK"


async def test_an_unknown_mailbox_is_a_refusal(smtp_settings: Settings, mailer: Mailer) -> None:
    controller = Controller(Refusing(), hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        settings = smtp_settings(port=controller.port, user="")
        outcome = await mailer(settings).send(message(channel=Channel.EMAIL), Contact("李", "", "li@mail.example"))
    finally:
        controller.stop()
    assert outcome == Rejected("RECIPIENT_REFUSED_550")


@pytest.fixture(scope="module")
def server_certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("smtp")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


async def test_starttls_with_a_checked_certificate(
    smtp_settings: Settings, mailer: Mailer, server_certificate: tuple[Path, Path]
) -> None:
    cert, key = server_certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    handler = Taking()

    def authenticate(server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
        return AuthResult(success=getattr(data, "password", b"") == b"a-mail-password")

    controller = Controller(
        handler,
        hostname="localhost",
        port=free_port(),
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
    )
    controller.start()
    try:
        settings = smtp_settings(host="localhost", port=controller.port, security="starttls", ca_file=cert)
        contact = Contact("李样例", "", "li@mail.example")
        assert isinstance(await mailer(settings).send(message(channel=Channel.EMAIL), contact), Accepted)
        assert len(handler.taken) == 1
        stranger = smtp_settings(host="localhost", port=controller.port, security="starttls")
        assert isinstance(await mailer(stranger).send(message(channel=Channel.EMAIL), contact), NotSent)
        assert len(handler.taken) == 1
    finally:
        controller.stop()


async def test_a_server_without_starttls_gets_nothing(
    world: World, smtp_settings: Settings, mailer: Mailer, mailbox: str
) -> None:
    outcome = await mailer(smtp_settings(security="starttls")).send(
        message(channel=Channel.EMAIL), Contact("李样例", "", mailbox)
    )
    assert isinstance(outcome, NotSent)
    assert world.mails(mailbox) == []


def test_a_user_needs_a_password(smtp_settings: Settings) -> None:
    with pytest.raises(ValidationError, match="user without password_file"):
        smtp_settings(password_file=None)
