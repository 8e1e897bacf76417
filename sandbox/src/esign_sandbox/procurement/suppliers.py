"""The procurement platform's own record of its suppliers and their signers (签章人), past ones included."""

import sqlite3
import uuid
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from esign_sandbox.store import Store, iso_utc, now_ms

SCHEMA = """
CREATE TABLE IF NOT EXISTS procurement_supplier (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, uscc TEXT NOT NULL UNIQUE, country TEXT NOT NULL,
  organisation_id TEXT NOT NULL, created_at INTEGER NOT NULL,
  certificate_first_day TEXT, certificate_last_day TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS procurement_signer (
  id INTEGER PRIMARY KEY AUTOINCREMENT, supplier_id TEXT NOT NULL REFERENCES procurement_supplier,
  person_id TEXT NOT NULL, name TEXT NOT NULL, phone TEXT NOT NULL, id_type TEXT NOT NULL, id_number TEXT NOT NULL,
  email TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS procurement_present_signer ON procurement_signer (supplier_id) WHERE until IS NULL;
"""


class ProcurementError(Exception):
    """What a person asked for was refused or failed: `status` is HTTP's, `code` a stable reason, the text Chinese."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Signer(_Strict):
    """签章人, as the platform's staff enters it; the signing platform judges it."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    phone: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    id_type: Literal["resident_id", "other"] = "resident_id"
    id_number: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    email: Annotated[str, StringConstraints(max_length=254)] = ""


class Company(_Strict):
    """A supplier's company; `country` is ISO 3166-1 alpha-2."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    unified_social_credit_code: Annotated[str, StringConstraints(min_length=1, max_length=32, to_upper=True)]
    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")] = "CN"


class NewSupplier(Company):
    """What is asked to add a supplier."""

    signer: Signer


@dataclass(frozen=True)
class SignerRecord:
    """A signer and when (RFC 3339) they were it; `until` is None for the present one."""

    person_id: str
    signer: Signer
    since: str
    until: str | None


@dataclass(frozen=True)
class Supplier:
    """A supplier, its present signer, and its certificate's first and last day once it has one."""

    id: str
    company: Company
    organisation_id: str
    created_at: str
    certificate_first_day: str | None
    certificate_last_day: str | None
    present: SignerRecord


class Suppliers:
    """The record. Whoever changes it has asked the signing platform before."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, search: str = "") -> list[Supplier]:
        """The newest first; `search` is part of a name or a code."""
        pattern = f"%{search.strip().replace('%', '').replace('_', '')}%"
        rows = self._store.rows(f"{_SELECT} WHERE s.name LIKE ? OR s.uscc LIKE ? {_NEWEST}", pattern, pattern)
        return [_supplier(row) for row in rows]

    def get(self, supplier_id: str) -> Supplier:
        """Raises ProcurementError when it is unknown."""
        row = self._store.row(f"{_SELECT} WHERE s.id = ?", supplier_id)
        if row is None:
            raise ProcurementError(404, "SUPPLIER_NOT_FOUND", "没有这家供应商")
        return _supplier(row)

    def refuse_known(self, unified_social_credit_code: str) -> None:
        """Raises ProcurementError when a supplier with this code is on record."""
        if self._store.row("SELECT 1 FROM procurement_supplier WHERE uscc = ?", unified_social_credit_code):
            raise _exists()

    def history(self, supplier_id: str) -> list[SignerRecord]:
        """All signers, the present one first."""
        rows = self._store.rows("SELECT * FROM procurement_signer WHERE supplier_id = ? ORDER BY id DESC", supplier_id)
        return [_record(row) for row in rows]

    def add(self, company: Company, signer: Signer, organisation_id: str, person_id: str) -> str:
        """Records a supplier; returns its id. Raises ProcurementError."""
        supplier_id, at = str(uuid.uuid4()), now_ms()
        with self._store.write() as db:
            try:
                db.execute(
                    "INSERT INTO procurement_supplier (id, name, uscc, country, organisation_id, created_at)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        *(supplier_id, company.name, company.unified_social_credit_code, company.country),
                        *(organisation_id, at),
                    ),
                )
            except sqlite3.IntegrityError:
                raise _exists() from None
            _insert(db, supplier_id, person_id, signer, at)
        return supplier_id

    def change_signer(self, supplier_id: str, signer: Signer, person_id: str) -> None:
        """Records the new signer; the same one with the same data again changes nothing."""
        at = now_ms()
        with self._store.write() as db:
            row = db.execute(
                "SELECT * FROM procurement_signer WHERE supplier_id = ? AND until IS NULL", (supplier_id,)
            ).fetchone()
            present = _record(row)
            if (present.person_id, present.signer) == (person_id, signer):
                return
            db.execute("UPDATE procurement_signer SET until = ? WHERE id = ?", (at, row["id"]))
            _insert(db, supplier_id, person_id, signer, at)


_SELECT = (
    "SELECT s.id AS supplier, s.name AS company, s.uscc, s.country, s.organisation_id, s.created_at,"
    " s.certificate_first_day, s.certificate_last_day, p.*"
    " FROM procurement_supplier s JOIN procurement_signer p ON p.supplier_id = s.id AND p.until IS NULL"
)
_NEWEST = "ORDER BY s.created_at DESC, s.id LIMIT 500"


def _exists() -> ProcurementError:
    return ProcurementError(409, "SUPPLIER_EXISTS", "该统一社会信用代码的供应商已登记")


def _insert(db: sqlite3.Connection, supplier_id: str, person_id: str, signer: Signer, at: int) -> None:
    db.execute(
        "INSERT INTO procurement_signer (supplier_id, person_id, name, phone, id_type, id_number, email, since)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (supplier_id, person_id, signer.name, signer.phone, signer.id_type, signer.id_number, signer.email, at),
    )


def _record(row: sqlite3.Row) -> SignerRecord:
    signer = Signer(**{name: row[name] for name in Signer.model_fields})
    until = None if row["until"] is None else iso_utc(row["until"])
    return SignerRecord(row["person_id"], signer, iso_utc(row["since"]), until)


def _supplier(row: sqlite3.Row) -> Supplier:
    return Supplier(
        id=row["supplier"],
        company=Company(name=row["company"], unified_social_credit_code=row["uscc"], country=row["country"]),
        organisation_id=row["organisation_id"],
        created_at=iso_utc(row["created_at"]),
        certificate_first_day=row["certificate_first_day"],
        certificate_last_day=row["certificate_last_day"],
        present=_record(row),
    )
