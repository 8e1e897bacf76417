"""E-mail by SMTP (RFC 5321, 5322, 6409) with AUTH and TLS.

Every attempt of a message carries the same Message-ID, so sending again after an uncertain end does no harm: mail systems
collapse the copies.
"""

import asyncio
import re
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import TYPE_CHECKING

import aiosmtplib
from esign_kit.clock import Clock

from esign_notifier.adapters.texts import Texts, one_line
from esign_notifier.domain.messages import Accepted, Contact, Message, NotSent, Outcome, Rejected

if TYPE_CHECKING:
    from esign_notifier.settings import SmtpSettings

# What mail systems at large accept (a subset of RFC 5322's addr-spec): nothing that a header or a command could be broken with.
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
)


class SmtpMail:
    """Sends messages by e-mail; plays `Sender`."""

    def __init__(self, settings: "SmtpSettings", texts: Texts, clock: Clock) -> None:
        self._settings = settings
        self._texts = texts
        self._clock = clock

    async def send(self, message: Message, contact: Contact) -> Outcome:
        """Sends a message; the receipt is its Message-ID."""
        if len(contact.email) > 254 or not _ADDRESS.fullmatch(contact.email):
            return Rejected("ADDRESS_INVALID")
        mail = self.compose(message, contact)
        try:
            async with asyncio.timeout(self._settings.deadline_seconds):
                await self._submit(mail, contact.email)
        except aiosmtplib.SMTPRecipientsRefused as error:
            # One recipient, one refusal.
            return _by_code("RECIPIENT_REFUSED", error.recipients[0].code)
        except aiosmtplib.SMTPDataError as error:
            return _by_code("MESSAGE_REFUSED", error.code)
        except aiosmtplib.SMTPResponseException as error:
            # Greeting, AUTH, MAIL FROM: ours to mend, the message waits for that.
            return NotSent(f"SMTP_{error.code}")
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            return NotSent(type(error).__name__)
        return Accepted(str(mail["Message-ID"]))

    async def reconcile(self, message: Message, contact: Contact) -> Outcome:
        """SMTP cannot be asked what became of a mail; a copy under the same Message-ID does no harm."""
        return NotSent("INTERRUPTED")

    def compose(self, message: Message, contact: Contact) -> EmailMessage:
        """The mail: plain text with an HTML alternative, UTF-8."""
        settings, letter = self._settings, self._texts.letter(message.kind, message.facts, contact.name)
        mail = EmailMessage(policy=SMTP_POLICY)
        mail["From"] = Address(one_line(settings.from_name), addr_spec=settings.from_address)
        mail["To"] = Address(one_line(contact.name), addr_spec=contact.email)
        mail["Subject"] = letter.subject
        mail["Date"] = format_datetime(self._clock())
        mail["Message-ID"] = f"<{message.id}@{settings.message_id_domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(letter.text, charset="utf-8", cte="base64")
        mail.add_alternative(letter.html, subtype="html", charset="utf-8", cte="base64")
        # Last: setting the content drops every Content- header that is there.
        mail["Content-Language"] = letter.language
        return mail

    async def _submit(self, mail: EmailMessage, recipient: str) -> None:
        settings = self._settings
        context = None if settings.security == "plain" else ssl.create_default_context(cafile=settings.ca_file)
        smtp = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=context,
            timeout=settings.deadline_seconds,
        )
        async with smtp:
            if settings.user:
                assert settings.password_file is not None
                await smtp.login(settings.user, settings.password_file.read())
            await smtp.sendmail(settings.from_address, [recipient], mail.as_bytes())


def _by_code(what: str, code: int) -> Outcome:
    return Rejected(f"{what}_{code}") if 500 <= code < 600 else NotSent(f"{what}_{code}")
