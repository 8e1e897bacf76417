"""Keys, certificates and seals in the database."""

from collections.abc import Sequence
from datetime import datetime

from esign.signer.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import Database
from esign_kit.outbox import emit
from esign_kit.refs import ObjectRef
from sqlalchemy import ColumnElement, or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_signer.adapters.rows import CertificateRow, KeyRow, SealGrantRow, SealRow
from esign_signer.domain.keys import Certificate, Key, KeyAlgorithm, KeyPurpose, KeyStoreKind, SigningIdentity
from esign_signer.domain.seal import Seal, SealKind, SealState


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


class SqlSeals:
    """Plays `Seals`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    async def get(self, seal_id: str) -> Seal | None:
        """A seal."""
        async with self._db.read() as session:
            row = await session.get(SealRow, seal_id)
            if row is None:
                return None
            granted = await session.exec(
                select(col(SealGrantRow.person_id)).where(col(SealGrantRow.seal_id) == seal_id)
            )
            return _seal(row, frozenset(granted.all()))

    async def usable_by(self, person_id: str) -> Sequence[Seal]:
        """What a person may use."""
        granted = select(col(SealGrantRow.seal_id)).where(col(SealGrantRow.person_id) == person_id)
        query = (
            select(SealRow)
            .where(
                or_(col(SealRow.owner_person_id) == person_id, col(SealRow.seal_id).in_(granted)),
                col(SealRow.state) == SealState.ACTIVE.value,
            )
            .order_by(col(SealRow.created_at).desc())
        )
        async with self._db.read() as session:
            return [_seal(row) for row in (await session.exec(query)).all()]

    async def add(self, seal: Seal) -> Seal:
        """Records it with its event."""
        statement = (
            insert(SealRow)
            .values(
                seal_id=seal.seal_id,
                kind=seal.kind.value,
                state=seal.state.value,
                bucket=seal.image.bucket,
                object_key=seal.image.key,
                version_id=seal.image.version_id,
                sha256=seal.image.sha256,
                size=seal.image.size,
                width=seal.width,
                height=seal.height,
                owner_person_id=seal.owner_person_id,
                owner_organisation=seal.owner_organisation,
                created_at=self._clock(),
            )
            .on_conflict_do_nothing()
            .returning(col(SealRow.seal_id))
        )
        same = select(SealRow).where(
            col(SealRow.kind) == seal.kind.value,
            col(SealRow.sha256) == seal.image.sha256,
            col(SealRow.owner_person_id).is_not_distinct_from(seal.owner_person_id),
            col(SealRow.owner_organisation).is_not_distinct_from(seal.owner_organisation),
        )
        async with self._db.begin() as session:
            if (await session.exec(statement)).first() is None:
                return _seal((await session.exec(same)).one())
            event = events_pb2.SealCreated(
                seal_id=seal.seal_id,
                sha256=seal.image.sha256,
                owner_person_id=seal.owner_person_id or "",
                owner_unified_social_credit_code=seal.owner_organisation or "",
            )
            await emit(session, event)
        return seal


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


def _seal(row: SealRow, granted: frozenset[str] = frozenset()) -> Seal:
    return Seal(
        row.seal_id,
        SealKind(row.kind),
        SealState(row.state),
        ObjectRef(row.bucket, row.object_key, row.version_id, row.sha256, row.size),
        row.width,
        row.height,
        row.owner_person_id,
        row.owner_organisation,
        granted,
    )
