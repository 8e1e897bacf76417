"""The store: one PostgreSQL transaction and its repositories."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from esign_kit.crypto import FieldCipher
from esign_kit.db import Database
from esign_kit.outbox import emit
from google.protobuf.message import Message
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_identity.adapters.accounts import SqlCodes, SqlOrganisations, SqlPeople
from esign_identity.adapters.faces import SqlFaces
from esign_identity.adapters.logins import SqlCaptchas, SqlSessions, SqlSigners, SqlSignOns, SqlTickets
from esign_identity.adapters.personal_data import SqlPersonalData
from esign_identity.adapters.rows import DisclosureRow
from esign_identity.adapters.signing import SqlActivations, SqlVerifications


class SqlTransaction:
    """Plays `Transaction` in a session that someone else commits."""

    def __init__(self, session: AsyncSession, cipher: FieldCipher) -> None:
        self._session = session
        self.people = SqlPeople(session, cipher)
        self.organisations = SqlOrganisations(session, cipher)
        self.codes = SqlCodes(session, cipher)
        self.sessions = SqlSessions(session, cipher)
        self.signers = SqlSigners(session)
        self.captchas = SqlCaptchas(session, cipher)
        self.tickets = SqlTickets(session)
        self.sign_ons = SqlSignOns(session)
        self.verifications = SqlVerifications(session)
        self.faces = SqlFaces(session, cipher)
        self.activations = SqlActivations(session)
        self.personal_data = SqlPersonalData(session, cipher)

    async def serialise(self, *what: str) -> None:
        """An advisory lock until the transaction ends."""
        digest = hashlib.sha256("\x00".join(what).encode()).digest()
        await self._session.exec(select(func.pg_advisory_xact_lock(int.from_bytes(digest[:8], "big", signed=True))))

    async def disclosed(self, person_id: str, purpose: str, reference: str, now: datetime) -> None:
        """Keeps the first time."""
        row = {"person_id": person_id, "purpose": purpose, "reference": reference, "disclosed_at": now}
        await self._session.exec(insert(DisclosureRow).values(row).on_conflict_do_nothing())

    async def emit(self, event: Message, contract_id: str = "") -> None:
        """Into the outbox."""
        await emit(self._session, event, contract_id=contract_id)


class SqlStore:
    """Plays `Store`."""

    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._db, self._cipher = db, cipher

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlTransaction]:
        """Commits at the end, rolls back on an exception."""
        async with self._db.begin() as session:
            yield SqlTransaction(session, self._cipher)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlTransaction]:
        """Read-only."""
        async with self._db.read() as session:
            yield SqlTransaction(session, self._cipher)
