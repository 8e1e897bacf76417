"""Seals, their grants and their log in the database."""

from collections.abc import Callable, Sequence
from datetime import datetime

from esign.signer.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import Database, new_id
from esign_kit.outbox import emit
from esign_kit.refs import ObjectRef
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import ColumnElement, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_signer.adapters.rows import SealGrantRow, SealLogRow, SealRow
from esign_signer.domain.seal import (
    Change,
    Decision,
    Grant,
    LogEntry,
    Seal,
    SealAction,
    SealKind,
    SealState,
)


class SqlSeals:
    """Plays `Seals`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    async def get(self, seal_id: str) -> Seal | None:
        """A seal."""
        found = await self._where(col(SealRow.seal_id) == seal_id)
        return found[0] if found else None

    async def usable_by(self, person_id: str) -> Sequence[Seal]:
        """What a person may use now."""
        granted = select(col(SealGrantRow.seal_id)).where(col(SealGrantRow.person_id) == person_id)
        found = await self._where(or_(col(SealRow.owner_person_id) == person_id, col(SealRow.seal_id).in_(granted)))
        now = self._clock()
        return [seal for seal in found if seal.usable_by(person_id, now)]

    async def of_organisation(self, unified_social_credit_code: str) -> Sequence[Seal]:
        """All of an organisation's."""
        return await self._where(col(SealRow.owner_organisation) == unified_social_credit_code)

    async def add(self, created: Change) -> Seal:
        """Records it with its first entry and its event."""
        seal = created.seal
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
                media_type=seal.media_type,
                name=seal.name,
                created_at=created.decision.at,
            )
            .on_conflict_do_nothing()
            .returning(col(SealRow.seal_id))
        )
        async with self._db.begin() as session:
            if (await session.exec(statement)).first() is not None:
                entry_id = await _log(session, created)
                event = events_pb2.SealCreated(
                    seal_id=seal.seal_id,
                    sha256=seal.image.sha256,
                    owner_person_id=seal.owner_person_id or "",
                    owner_unified_social_credit_code=seal.owner_organisation or "",
                    kind=seal.kind.value,
                    state=seal.state.value,
                    actor=created.decision.actor,
                    entry_id=entry_id,
                )
                await emit(session, event)
                return seal
        same = await self._where(
            (col(SealRow.kind) == seal.kind.value)
            & (col(SealRow.sha256) == seal.image.sha256)
            & col(SealRow.owner_person_id).is_not_distinct_from(seal.owner_person_id)
            & col(SealRow.owner_organisation).is_not_distinct_from(seal.owner_organisation)
            & (col(SealRow.state) != SealState.DESTROYED.value)
        )
        # Destroyed in this very moment, it is made anew.
        return same[0] if same else await self.add(created)

    async def change(self, seal_id: str, decide: Callable[[Seal], Change | None]) -> Seal | None:
        """Decides with the seal locked, and records what was decided with its entry and its event."""
        async with self._db.begin() as session:
            row = (await session.exec(select(SealRow).where(col(SealRow.seal_id) == seal_id).with_for_update())).first()
            if row is None:
                return None
            grants = await session.exec(select(SealGrantRow).where(col(SealGrantRow.seal_id) == seal_id))
            seal = _seal(row, grants.all())
            change = decide(seal)
            if change is None:
                return seal
            if change.grant is None:
                await session.exec(
                    update(SealRow).where(col(SealRow.seal_id) == seal_id).values(state=change.seal.state.value)
                )
            else:
                await _put_grant(session, seal_id, change.grant)
            await emit(session, _event(change, await _log(session, change)))
            return change.seal

    async def log(self, seal_id: str) -> Sequence[LogEntry]:
        """What was done with it."""
        query = select(SealLogRow).where(col(SealLogRow.seal_id) == seal_id).order_by(col(SealLogRow.seq))
        async with self._db.read() as session:
            return [_entry(row) for row in (await session.exec(query)).all()]

    async def _where(self, condition: ColumnElement[bool]) -> list[Seal]:
        """The seals, newest first, with their grants."""
        async with self._db.read() as session:
            query = (
                select(SealRow).where(condition).order_by(col(SealRow.created_at).desc(), col(SealRow.seal_id).desc())
            )
            rows = (await session.exec(query)).all()
            ids = [row.seal_id for row in rows if row.owner_organisation]
            grants: Sequence[SealGrantRow] = ()
            if ids:
                grants = (await session.exec(select(SealGrantRow).where(col(SealGrantRow.seal_id).in_(ids)))).all()
        return [_seal(row, [grant for grant in grants if grant.seal_id == row.seal_id]) for row in rows]


async def _put_grant(session: AsyncSession, seal_id: str, grant: Grant) -> None:
    values = {"granted_at": grant.granted_at, "ends_at": grant.ends_at, "revoked_at": grant.revoked_at}
    statement = insert(SealGrantRow).values(seal_id=seal_id, person_id=grant.person_id, **values)
    await session.exec(statement.on_conflict_do_update(index_elements=["seal_id", "person_id"], set_=values))


async def _log(session: AsyncSession, change: Change) -> str:
    entry_id, grant = new_id(), change.grant
    row = SealLogRow(
        entry_id=entry_id,
        seal_id=change.seal.seal_id,
        at=change.decision.at,
        action=change.action.value,
        actor=change.decision.actor,
        reason=change.decision.reason,
        person_id=grant.person_id if grant else None,
        ends_at=grant.ends_at if grant else None,
    )
    session.add(row)
    await session.flush()
    return entry_id


def _event(
    change: Change, entry_id: str
) -> events_pb2.SealStateChanged | events_pb2.SealGranted | events_pb2.SealGrantRevoked:
    seal_id, actor, grant = change.seal.seal_id, change.decision.actor, change.grant
    if grant is None:
        return events_pb2.SealStateChanged(
            seal_id=seal_id,
            sha256=change.seal.image.sha256,
            action=change.action.value,
            state=change.seal.state.value,
            actor=actor,
            entry_id=entry_id,
        )
    if change.action is SealAction.GRANT_REVOKED:
        return events_pb2.SealGrantRevoked(seal_id=seal_id, person_id=grant.person_id, actor=actor, entry_id=entry_id)
    return events_pb2.SealGranted(
        seal_id=seal_id, person_id=grant.person_id, ends_at=_timestamp(grant.ends_at), actor=actor, entry_id=entry_id
    )


def _timestamp(moment: datetime) -> Timestamp:
    result = Timestamp()
    result.FromDatetime(moment)
    return result


def _seal(row: SealRow, grants: Sequence[SealGrantRow]) -> Seal:
    return Seal(
        row.seal_id,
        SealKind(row.kind),
        SealState(row.state),
        ObjectRef(row.bucket, row.object_key, row.version_id, row.sha256, row.size),
        row.width,
        row.height,
        row.owner_person_id,
        row.owner_organisation,
        row.media_type,
        row.name,
        tuple(Grant(grant.person_id, grant.granted_at, grant.ends_at, grant.revoked_at) for grant in grants),
    )


def _entry(row: SealLogRow) -> LogEntry:
    decision = Decision(row.actor, row.reason, row.at)
    return LogEntry(row.entry_id, SealAction(row.action), decision, row.person_id, row.ends_at)
