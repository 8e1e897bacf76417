"""Rotation of the field encryption's key: what was sealed under a former key is sealed again under the current one."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from esign_kit.crypto import FieldCipher
from esign_kit.db import Database
from esign_kit.telemetry import logger
from sqlalchemy import Table, bindparam, func, inspect, select, update
from sqlmodel import SQLModel

from esign_identity.adapters.login_rows import SessionRow
from esign_identity.adapters.rows import ConsentRow, FaceChallengeRow, FaceCheckRow, PersonRow, PolicyRow, PortraitRow

log = logger(__name__)

BATCH = 200
PAUSE_SECONDS = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed column, and the context to which a row's value is bound."""

    row: type[SQLModel]
    column: str
    context: Callable[..., str]


def _of(row: type[SQLModel], table: str, key: str, *fields: str) -> list[Sealed]:
    return [
        Sealed(row, f"{field}_sealed", lambda row, field=field: f"{table} {getattr(row, key)} {field}")
        for field in fields
    ]


SEALED = (
    *_of(PersonRow, "person", "person_id", "name", "id_number", "phone", "email"),
    *_of(SessionRow, "session", "session_id", "address"),
    *_of(FaceCheckRow, "face_check", "face_check_id", "token", "url", "receipt", "relay", "phone", "embedding"),
    *_of(PortraitRow, "portrait", "person_id", "embedding"),
    *_of(ConsentRow, "consent", "consent_id", "device"),
    Sealed(PolicyRow, "custodian_sealed", lambda row: f"policy {row.policy_id} {row.version} custodian"),
    Sealed(FaceChallengeRow, "nonce_sealed", lambda row: f"face_check {row.face_check_id} nonce {row.step}"),
)


class Reseal:
    """Goes through all sealed columns, in small transactions that skip what others hold. Any number of replicas may."""

    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._db, self._cipher = db, cipher

    async def run(self) -> None:
        """At start and every few hours; ends only by cancellation."""
        while True:
            await self.once()
            await asyncio.sleep(PAUSE_SECONDS)

    async def once(self) -> int:
        """Seal again what is under a former key; returns how many values. Raises ValueError when a key is missing."""
        total = 0
        for sealed in SEALED:
            while count := await self._batch(sealed):
                total += count
        if total:
            log.info("fields sealed again under the current key", fields=total, key=self._cipher.current)
        return total

    async def _batch(self, sealed: Sealed) -> int:
        table: Table = inspect(sealed.row).local_table
        column, head = table.c[sealed.column], self._cipher.head
        keys = list(table.primary_key.columns)
        stale = (
            select(*keys, column)
            .where(column.is_not(None), func.substring(column, 1, len(head)) != head)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        change = (
            update(table)
            .where(*(key == bindparam(f"at_{key.name}") for key in keys))
            .values({sealed.column: bindparam("again")})
        )
        async with self._db.begin() as session:
            connection = await session.connection()
            rows = (await connection.execute(stale)).all()
            for row in rows:
                context = sealed.context(row)
                text = self._cipher.open(getattr(row, sealed.column), context)
                values = {f"at_{key.name}": getattr(row, key.name) for key in keys}
                await connection.execute(change, {**values, "again": self._cipher.seal(text, context)})
        return len(rows)
