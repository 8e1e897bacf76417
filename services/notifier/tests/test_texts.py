"""The wording of mails, and what hostile content can do to it."""

import email
import email.policy
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from esign_notifier.adapters.mail import SmtpMail
from esign_notifier.adapters.texts import Language, Texts, one_line
from esign_notifier.domain.messages import Channel, Contact, Kind
from esign_notifier.settings import SmtpSettings

from .world import SetClock, facts, message

CONTRACT_KINDS = [kind for kind in Kind if kind.value.startswith("contract_")]


def texts(language: Language = "zh") -> Texts:
    return Texts(language, "https://sign.example.com", "SOHO中国电子签章平台", "010-58515511")


@pytest.mark.parametrize("kind", CONTRACT_KINDS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_letter_names_recipient_contract_and_address(kind: Kind, language: Language) -> None:
    contract = facts(
        expires_at=datetime(2026, 12, 1, 16, 30, tzinfo=UTC),
        completed_at=datetime(2026, 12, 1, 16, 30, tzinfo=UTC),
        reason="条款有误",
    )
    letter = texts(language).letter(kind, contract, "李样例")
    for body in (letter.text, letter.html):
        for part in ("李样例", contract.title, contract.document_number, "https://sign.example.com", "010-58515511"):
            assert part in body
    assert contract.title in letter.subject
    assert contract.document_number in letter.subject
    assert "{{" not in letter.text + letter.html
    assert letter.language == {"zh": "zh-CN", "en": "en"}[language]


def test_times_are_shown_in_shanghai() -> None:
    contract = facts(expires_at=datetime(2026, 12, 31, 16, 5, tzinfo=UTC))
    assert "2027年1月1日 00:05（北京时间）" in texts().letter(Kind.CONTRACT_INVITATION, contract, "李样例").text
    assert "2027-01-01 00:05" in texts("en").letter(Kind.CONTRACT_INVITATION, contract, "李样例").text


def test_what_is_not_known_is_not_mentioned() -> None:
    letter = texts().letter(Kind.CONTRACT_WITHDRAWN, facts(), "李样例")
    assert "撤回原因" not in letter.text + letter.html
    assert "None" not in letter.text + letter.html


def test_hostile_content_is_text_in_html() -> None:
    contract = facts(title="<script>alert(1)</script>", document_number='"><img src=x>', reason="{{ 7*7 }}")
    letter = texts().letter(Kind.CONTRACT_WITHDRAWN, contract, "<b>李</b>")
    assert "<script" not in letter.html
    assert "<img" not in letter.html
    assert "<b>李" not in letter.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in letter.html
    assert "{{ 7*7 }}" in letter.html
    # In plain text nothing needs escaping.
    assert "<script>alert(1)</script>" in letter.text
    assert "&lt;" not in letter.text
    assert "&lt;" not in letter.subject


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("合同\r\nBcc: everyone@mail.example", "合同 Bcc: everyone@mail.example"),
        ("a\u2028b\u2029c\x00d\x85e", "a b c d e"),
        ("evil\u202etxt\u200b", "eviltxt"),
        ("  两  端  ", "两 端"),
    ],
)
def test_one_line(value: str, expected: str) -> None:
    assert one_line(value) == expected


def parsed(mail: EmailMessage) -> EmailMessage:
    return email.message_from_bytes(mail.as_bytes(), policy=email.policy.default)


def test_headers_cannot_be_injected(smtp_settings: Callable[..., SmtpSettings], clock: SetClock) -> None:
    contract = facts(title="合同\r\nBcc: everyone@mail.example\r\n\r\nbody", document_number="1\nX-Evil: 1")
    mail = SmtpMail(smtp_settings(), texts(), clock)
    made = mail.compose(
        message(channel=Channel.EMAIL, facts=contract), Contact("李\r\nCc: x@mail.example", "", "li@mail.example")
    )
    headers = made.as_bytes().split(b"\r\n\r\n")[0].decode("ascii")
    names = {line.split(":")[0].lower() for line in headers.split("\r\n") if line[:1] not in (" ", "\t")}
    assert names == {
        *("from", "to", "subject", "date", "message-id", "auto-submitted", "content-language"),
        *("mime-version", "content-type"),
    }
    back = parsed(made)
    assert [address.addr_spec for address in back["To"].addresses] == ["li@mail.example"]
    assert back["To"].addresses[0].display_name == "李 Cc: x@mail.example"


def test_chinese_survives_the_wire(smtp_settings: Callable[..., SmtpSettings], clock: SetClock) -> None:
    contract = facts(title="SOHO现代城" * 12 + "房屋租赁合同")
    mail = SmtpMail(smtp_settings(), texts(), clock)
    made = mail.compose(message(channel=Channel.EMAIL, facts=contract), Contact("欧阳样例", "", "li@mail.example"))
    raw = made.as_bytes()
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    back = parsed(made)
    assert back["Subject"] == f"【待签署】{contract.title}（{contract.document_number}）"
    assert back["To"].addresses[0].display_name == "欧阳样例"
    assert back["From"].addresses[0].display_name == "SOHO中国电子签章平台"
    plain, html = back.get_body(("plain",)), back.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert "欧阳样例，您好" in plain.get_content()
    assert "欧阳样例，您好" in html.get_content()


def test_message_id_is_the_messages_own(smtp_settings: Callable[..., SmtpSettings], clock: SetClock) -> None:
    mail, one = SmtpMail(smtp_settings(), texts(), clock), message(channel=Channel.EMAIL)
    contact = Contact("李样例", "", "li@mail.example")
    assert mail.compose(one, contact)["Message-ID"] == mail.compose(one, contact)["Message-ID"]
    assert mail.compose(one, contact)["Message-ID"] == f"<{one.id}@sign.example.com>"
