"""A mail system that takes the platform's mail by SMTP (AUTH PLAIN or LOGIN) and keeps it to be read.

As large mail systems do, it shows a message that arrives again (same Message-ID, same mailbox) once; it counts how
often it came, so that a sender's repetitions can be seen.
"""

import asyncio
import email
import email.policy
import hmac
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from esign_sandbox.credentials import SmtpAccount
from esign_sandbox.faults import Faults
from esign_sandbox.store import Store, iso_utc, now_ms

SCHEMA = """
CREATE TABLE IF NOT EXISTS mail (
  id INTEGER PRIMARY KEY AUTOINCREMENT, mailbox TEXT NOT NULL, message_id TEXT, mail_from TEXT NOT NULL,
  sender TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL, html TEXT NOT NULL, raw BLOB NOT NULL,
  received_at INTEGER NOT NULL, last_at INTEGER NOT NULL, attempts INTEGER NOT NULL,
  UNIQUE (mailbox, message_id)
) STRICT;
"""
MAX_SIZE = 20 << 20
MAX_RECIPIENTS = 100


class Mailboxes:
    """What arrived, by mailbox (the address in lower case)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def deliver(self, mail_from: str, recipients: list[str], raw: bytes) -> None:
        """Stores one copy per mailbox in one transaction, or counts one more attempt for a copy that is there."""
        message = email.message_from_bytes(raw, policy=email.policy.default)
        message_id = str(message.get("Message-ID", "")).strip() or None
        row = (
            message_id,
            mail_from,
            str(message.get("From", mail_from)),
            str(message.get("Subject", "")),
            _part(message, "plain"),
            _part(message, "html"),
            raw,
        )
        at = now_ms()
        with self._store.write() as db:
            for mailbox in dict.fromkeys(recipient.lower() for recipient in recipients):
                db.execute(
                    "INSERT INTO mail (mailbox, message_id, mail_from, sender, subject, text, html, raw,"
                    " received_at, last_at, attempts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)"
                    " ON CONFLICT (mailbox, message_id) DO UPDATE SET attempts = attempts + 1, last_at = excluded.last_at",
                    (mailbox, *row, at, at),
                )

    def messages(self, to: str | None = None, limit: int = 200) -> list[dict[str, object]]:
        """The newest first; `attempts` is how often this copy was handed in."""
        wanted = None if to is None else to.lower()
        rows = self._store.rows(
            "SELECT * FROM mail WHERE ? IS NULL OR mailbox = ? ORDER BY id DESC LIMIT ?", wanted, wanted, limit
        )
        return [
            {
                "id": row["id"],
                "time": iso_utc(row["received_at"]),
                "last_time": iso_utc(row["last_at"]),
                "to": row["mailbox"],
                "from": row["sender"],
                "message_id": row["message_id"],
                "subject": row["subject"],
                "text": row["text"],
                "html": row["html"],
                "attempts": row["attempts"],
            }
            for row in rows
        ]

    def state(self) -> str:
        """Changes with every delivery."""
        row = self._store.row("SELECT count(*) AS copies, coalesce(sum(attempts), 0) AS deliveries FROM mail")
        return "" if row is None else f"{row['copies']}.{row['deliveries']}"

    def recipients(self, limit: int) -> list[tuple[int, str]]:
        """When each mailbox was last written to (ms), and its address: the latest first."""
        rows = self._store.rows(
            "SELECT mailbox, max(received_at) AS latest FROM mail GROUP BY mailbox ORDER BY latest DESC LIMIT ?", limit
        )
        return [(row["latest"], row["mailbox"]) for row in rows]

    def html(self, mail_id: int) -> str | None:
        """The message's HTML part; empty when it has none, None when there is no such message."""
        row = self._store.row("SELECT html FROM mail WHERE id = ?", mail_id)
        return None if row is None else row["html"]

    def raw(self, mail_id: int) -> bytes | None:
        """The message as it was handed in (RFC 5322)."""
        row = self._store.row("SELECT raw FROM mail WHERE id = ?", mail_id)
        return None if row is None else row["raw"]


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, ValueError):  # unknown charset or broken transfer encoding
        return ""


class _Handler:
    def __init__(self, mailboxes: Mailboxes, faults: Faults) -> None:
        self._mailboxes = mailboxes
        self._faults = faults

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.count("@") != 1 or len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "553 5.1.3 bad destination mailbox address" if address.count("@") != 1 else "452 4.5.3 too many"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await self._faults.delay("smtp")
        if self._faults.mode("smtp") == "down":
            _drop(server)
        if self._faults.mode("smtp") in ("error", "down"):
            return "451 4.3.0 local error in processing"
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        await asyncio.to_thread(self._mailboxes.deliver, envelope.mail_from or "", envelope.rcpt_tos, content)
        if self._faults.mode("smtp") == "lost":
            _drop(server)
        return "250 2.6.0 message accepted"


def _drop(server: SMTP) -> None:
    """Closes the connection without an answer."""
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()


class _Server(SMTP):
    """Refuses connections at once while the part is down."""

    def __init__(self, handler: _Handler, account: SmtpAccount, faults: Faults) -> None:
        self._faults = faults

        def authenticate(
            server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth_data: object
        ) -> AuthResult:
            if not isinstance(auth_data, LoginPassword):
                return AuthResult(success=False, handled=False)
            user = hmac.compare_digest(auth_data.login, account.user.encode())
            password = hmac.compare_digest(auth_data.password, account.password.encode())
            return AuthResult(success=user and password, handled=False)

        super().__init__(
            handler,
            hostname="sandbox.mail",
            ident="ESMTP",
            data_size_limit=MAX_SIZE,
            enable_SMTPUTF8=True,
            auth_required=True,
            auth_require_tls=False,
            authenticator=authenticate,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._faults.mode("smtp") == "down" and isinstance(transport, asyncio.Transport):
            transport.abort()
            return
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self.session is not None:
            super().connection_lost(error)


async def serve_smtp(
    host: str, port: int, mailboxes: Mailboxes, account: SmtpAccount, faults: Faults
) -> asyncio.Server:
    """Listens until the server is closed."""
    handler = _Handler(mailboxes, faults)
    return await asyncio.get_running_loop().create_server(lambda: _Server(handler, account, faults), host, port)
