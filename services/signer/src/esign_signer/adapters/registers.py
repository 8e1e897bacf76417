"""Keys and certificates in the database."""

from datetime import datetime

from esign.signer.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import Database
from esign_kit.outbox import emit
from sqlalchemy import ColumnElement
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_signer.adapters.rows import CertificateRow, KeyRow
from esign_signer.domain.keys import Certificate, Key, KeyAlgorithm, KeyPurpose, KeyStoreKind, SigningIdentity


class SqlKeys:
    """Plays `Keys`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    async def of_activation(self, activation_id: str) -> Key | None:
        """The key made for an activation."""
        return await self._one(col(KeyRow.activation_id) == activation_id)

    async def of_order(self, order_no: str) -> Key | None:
        """The key made for an order."""
        return await self._one(col(KeyRow.order_no) == order_no)

    async def get(self, key_id: str) -> Key | None:
        """A key."""
        return await self._one(col(KeyRow.key_id) == key_id)

    async def _one(self, condition: ColumnElement[bool]) -> Key | None:
        async with self._db.read() as session:
            row = (await session.exec(select(KeyRow).where(condition))).one_or_none()
        return None if row is None else _key(row)

    async def add_event_key(self, key: Key, activation_id: str, contract_id: str) -> Key:
        """Records it with its event."""
        async with self._db.begin() as session:
            if await self._insert(session, key, activation_id=activation_id, contract_id=contract_id):
                event = events_pb2.EventKeyCreated(
                    key_id=key.key_id,
                    activation_id=activation_id,
                    contract_id=contract_id,
                    public_key_sha256=key.public_key_sha256,
                    algorithm=key.algorithm.value,
                )
                await emit(session, event, contract_id=contract_id)
        return await self._recorded(key.key_id)

    async def add_organisation_key(self, key: Key, order_no: str) -> Key:
        """Records it."""
        async with self._db.begin() as session:
            await self._insert(session, key, order_no=order_no)
        return await self._recorded(key.key_id)

    async def _insert(self, session: AsyncSession, key: Key, **about: str) -> bool:
        statement = (
            insert(KeyRow)
            .values(
                key_id=key.key_id,
                purpose=key.purpose.value,
                wrapped=key.wrapped,
                public_key_sha256=key.public_key_sha256,
                certification_request=key.certification_request,
                store=key.store.value,
                algorithm=key.algorithm.value,
                organisation=key.organisation,
                unified_social_credit_code=key.unified_social_credit_code,
                created_at=self._clock(),
                **about,
            )
            .on_conflict_do_nothing()
            .returning(col(KeyRow.key_id))
        )
        return (await session.exec(statement)).first() is not None

    async def _recorded(self, key_id: str) -> Key:
        key = await self.get(key_id)
        if key is None:
            raise LookupError(key_id)
        return key

    async def certificate_of(self, key_id: str) -> Certificate | None:
        """The newest certificate of a key."""
        query = (
            select(CertificateRow)
            .where(col(CertificateRow.key_id) == key_id)
            .order_by(col(CertificateRow.not_after).desc())
            .limit(1)
        )
        async with self._db.read() as session:
            row = (await session.exec(query)).one_or_none()
        return None if row is None else _certificate(row)

    async def add_certificate(self, certificate: Certificate) -> Certificate:
        """Records it."""
        statement = (
            insert(CertificateRow)
            .values(
                certificate_id=certificate.certificate_id,
                key_id=certificate.key_id,
                chain=list(certificate.chain),
                sha256=certificate.sha256,
                not_before=certificate.not_before,
                not_after=certificate.not_after,
                installed_at=self._clock(),
            )
            .on_conflict_do_nothing()
        )
        async with self._db.begin() as session:
            await session.exec(statement)
        return certificate

    async def of_organisation(self, unified_social_credit_code: str, at: datetime) -> SigningIdentity | None:
        """The organisation's newest key with a valid certificate."""
        query = (
            select(KeyRow, CertificateRow)
            .join(CertificateRow, col(CertificateRow.key_id) == col(KeyRow.key_id))
            .where(
                col(KeyRow.unified_social_credit_code) == unified_social_credit_code,
                col(KeyRow.wrapped).is_not(None),
                col(CertificateRow.not_before) <= at,
                col(CertificateRow.not_after) > at,
            )
            .order_by(col(CertificateRow.not_after).desc())
            .limit(1)
        )
        async with self._db.read() as session:
            row = (await session.exec(query)).first()
        if row is None:
            return None
        stored = _key(row[0]).stored()
        return None if stored is None else SigningIdentity(stored, tuple(row[1].chain))


def _key(row: KeyRow) -> Key:
    return Key(
        row.key_id,
        KeyPurpose(row.purpose),
        row.wrapped,
        row.public_key_sha256,
        row.certification_request,
        row.organisation,
        row.unified_social_credit_code,
        KeyStoreKind(row.store),
        KeyAlgorithm(row.algorithm),
    )


def _certificate(row: CertificateRow) -> Certificate:
    return Certificate(row.certificate_id, row.key_id, tuple(row.chain), row.sha256, row.not_before, row.not_after)
