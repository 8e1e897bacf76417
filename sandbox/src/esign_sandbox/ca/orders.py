"""Certificate orders: asked for once by an order number, issued once, revoked once."""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from esign_sandbox.ca.authority import Authority
from esign_sandbox.ca.policy import PROFILES, ProfileName, RefusedError, issue, not_after, public_key_of, subject_of
from esign_sandbox.ca.policy import utc_now as utc_now_seconds
from esign_sandbox.store import Store, iso_utc, now_ms

SCHEMA = """
CREATE TABLE IF NOT EXISTS ca_order (
  order_no TEXT PRIMARY KEY, request_hash TEXT NOT NULL, request TEXT NOT NULL, created_at INTEGER NOT NULL,
  serial TEXT UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS ca_certificate (
  serial TEXT PRIMARY KEY, cert_pem TEXT NOT NULL, issued_at INTEGER NOT NULL,
  revoked_at INTEGER, revocation_reason TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS ca_certificate_revoked ON ca_certificate (revoked_at) WHERE revoked_at IS NOT NULL;
"""
RevocationReason = Literal[
    "unspecified",
    "key_compromise",
    "affiliation_changed",
    "superseded",
    "cessation_of_operation",
    "privilege_withdrawn",
]


class OrderConflictError(Exception):
    """The order number was used for another request."""


class UnknownOrderError(Exception):
    """No such order, or no certificate yet."""


@dataclass(frozen=True)
class OrderRequest:
    order_no: str
    profile: ProfileName
    csr_pem: str
    name: str
    identifier: str
    validity_seconds: int | None = None


def serial_text(serial: int) -> str:
    """Serial numbers are written as lower-case hexadecimal without leading zeros, everywhere."""
    return f"{serial:x}"


class Orders:
    """`paused()` true: orders are accepted and stay pending, as with a CA that reviews before it issues."""

    def __init__(self, store: Store, authority: Authority, paused: Callable[[], bool]) -> None:
        self._store = store
        self._authority = authority
        self._paused = paused

    def place(self, request: OrderRequest) -> dict[str, object]:
        """Accepts the order and issues at once unless paused. The same order again: the same answer.

        Raises OrderConflictError for the same number with anything else, RefusedError for what is not certified.
        """
        key = public_key_of(request.csr_pem)
        subject_of(request.profile, request.name, request.identifier)
        not_after(PROFILES[request.profile], utc_now_seconds(), request.validity_seconds)
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()
        content = [request.profile, spki, request.name, request.identifier, request.validity_seconds]
        request_hash = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        with self._store.write() as db:
            known = db.execute("SELECT request_hash FROM ca_order WHERE order_no = ?", (request.order_no,)).fetchone()
            if known is None:
                db.execute(
                    "INSERT INTO ca_order (order_no, request_hash, request, created_at) VALUES (?, ?, ?, ?)",
                    (request.order_no, request_hash, json.dumps(request.__dict__), now_ms()),
                )
            elif known["request_hash"] != request_hash:
                raise OrderConflictError
            return self._settle(db, request.order_no)

    def status(self, order_no: str) -> dict[str, object]:
        """Raises UnknownOrderError."""
        with self._store.write() as db:
            return self._settle(db, order_no)

    def revoke(self, order_no: str, reason: RevocationReason) -> dict[str, object]:
        """Final; revoking again changes neither time nor reason. Raises UnknownOrderError."""
        with self._store.write() as db:
            changed = db.execute(
                "UPDATE ca_certificate SET revoked_at = coalesce(revoked_at, ?),"
                " revocation_reason = coalesce(revocation_reason, ?)"
                " WHERE serial = (SELECT serial FROM ca_order WHERE order_no = ?)",
                (now_ms(), reason, order_no),
            )
            if changed.rowcount == 0:
                raise UnknownOrderError
            return self._settle(db, order_no)

    def _settle(self, db: sqlite3.Connection, order_no: str) -> dict[str, object]:
        order = db.execute("SELECT * FROM ca_order WHERE order_no = ?", (order_no,)).fetchone()
        if order is None:
            raise UnknownOrderError
        serial = order["serial"]
        if serial is None and not self._paused():
            serial = self._issue(db, OrderRequest(**json.loads(order["request"])))
        answer: dict[str, object] = {
            "order_no": order_no,
            "profile": json.loads(order["request"])["profile"],
            "created_at": iso_utc(order["created_at"]),
        }
        if serial is None:
            return answer | {"status": "pending"}
        row = db.execute("SELECT * FROM ca_certificate WHERE serial = ?", (serial,)).fetchone()
        certificate = x509.load_pem_x509_certificate(row["cert_pem"].encode())
        answer |= {
            "status": "issued" if row["revoked_at"] is None else "revoked",
            "serial_number": serial,
            "not_before": certificate.not_valid_before_utc.isoformat().replace("+00:00", "Z"),
            "not_after": certificate.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
            "certificate_pem": row["cert_pem"],
            "chain_pem": self._authority.chain_pem(),
        }
        if row["revoked_at"] is not None:
            answer |= {"revoked_at": iso_utc(row["revoked_at"]), "revocation_reason": row["revocation_reason"]}
        return answer

    def _issue(self, db: sqlite3.Connection, request: OrderRequest) -> str:
        profile = PROFILES[request.profile]
        start = utc_now_seconds()
        certificate = issue(
            subject=subject_of(request.profile, request.name, request.identifier),
            key=public_key_of(request.csr_pem),
            usage=profile.usage,
            start=start,
            end=not_after(profile, start, request.validity_seconds),
            issuer=self._authority.issuing.certificate,
            issuer_key=self._authority.issuing.key,
            addresses=self._authority.addresses,
        )
        serial = serial_text(certificate.serial_number)
        db.execute(
            "INSERT INTO ca_certificate (serial, cert_pem, issued_at) VALUES (?, ?, ?)",
            (serial, certificate.public_bytes(Encoding.PEM).decode(), now_ms()),
        )
        db.execute("UPDATE ca_order SET serial = ? WHERE order_no = ?", (serial, request.order_no))
        return serial


__all__ = ["SCHEMA", "OrderConflictError", "OrderRequest", "Orders", "RefusedError", "UnknownOrderError"]
