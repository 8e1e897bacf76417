"""Rows of anchors and dossiers."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from esign.evidence.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import Database, new_id
from esign_kit.errors import Internal
from esign_kit.outbox import emit
from esign_kit.refs import ObjectRef
from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from esign_evidence.adapters.rows import AnchorRow, CheckpointRow, DossierRow, RecordRow
from esign_evidence.app.ports import Dossier
from esign_evidence.domain.anchor import Anchor, AnchorKind, AnchorState, Block
from esign_evidence.domain.checkpoint import Checkpoint
from esign_evidence.domain.record import LoggedEvent

ANCHORING_LOCK = 7305202
CHECKPOINT_ANCHORED = events_pb2.CheckpointAnchored.DESCRIPTOR.full_name


def _anchor(row: AnchorRow) -> Anchor:
    return Anchor(
        anchor_id=row.id,
        kind=AnchorKind(row.kind),
        subject=row.subject,
        content=row.content,
        state=AnchorState(row.state),
        transaction_id=row.transaction_id,
        tx_hash=row.tx_hash,
        block_hash=row.block_hash,
        block_height=row.block_height,
        anchored_at=row.anchored_at,
        submitted_at=row.submitted_at,
        attempts=row.attempts,
    )


def _queue(session: AsyncSession, kind: AnchorKind, subject: str, content: str, now: datetime) -> None:
    session.add(
        AnchorRow(
            id=new_id(),
            kind=kind.value,
            subject=subject,
            content=content,
            state=AnchorState.QUEUED.value,
            due_at=now,
            created_at=now,
        )
    )


class SqlAnchorStore:
    """Plays `AnchorStore`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def queue_checkpoint(self, now: datetime, interval: timedelta) -> bool:
        """New is whatever is not the report of an anchored checkpoint: else each would call for the next, for ever."""
        async with self._db.begin() as session:
            if not await session.scalar(select(func.pg_try_advisory_xact_lock(ANCHORING_LOCK))):
                return False
            newest = await session.scalar(select(CheckpointRow).order_by(col(CheckpointRow.size).desc()).limit(1))
            last = await session.scalar(
                select(AnchorRow)
                .where(col(AnchorRow.kind) == AnchorKind.CHECKPOINT.value)
                .order_by(col(AnchorRow.created_at).desc())
                .limit(1)
            )
            if newest is None:
                return False
            before = 0
            if last is not None:
                before = int(last.subject)
                if last.state != AnchorState.CONFIRMED.value or now < last.created_at + interval:
                    return False
            news = select(col(RecordRow.index)).where(
                col(RecordRow.index) >= before,
                col(RecordRow.index) < newest.size,
                col(RecordRow.type) != CHECKPOINT_ANCHORED,
            )
            if await session.scalar(news.limit(1)) is None:
                return False
            _queue(session, AnchorKind.CHECKPOINT, str(newest.size), newest.note, now)
            return True

    async def claim(self, now: datetime, limit: int, lease: timedelta) -> Sequence[Anchor]:
        """Oldest due first."""
        due = (
            select(col(AnchorRow.id))
            .where(col(AnchorRow.state) != AnchorState.CONFIRMED.value, col(AnchorRow.due_at) <= now)
            .order_by(col(AnchorRow.due_at))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._db.begin() as session:
            claimed = (await session.exec(due)).all()
            rows = await session.exec(
                update(AnchorRow)
                .where(col(AnchorRow.id).in_(claimed))
                .values(due_at=now + lease, attempts=col(AnchorRow.attempts) + 1)
                .returning(AnchorRow)
            )
            return [_anchor(row) for row in rows.scalars()]

    async def opened(self, anchor_id: str, transaction_id: str) -> None:
        """The first one stays."""
        async with self._db.begin() as session:
            await session.exec(
                update(AnchorRow)
                .where(col(AnchorRow.id) == anchor_id, col(AnchorRow.transaction_id) == "")
                .values(transaction_id=transaction_id)
            )

    async def submitted(self, anchor_id: str, tx_hash: str, now: datetime) -> bool:
        """The hash counts from here on."""
        async with self._db.begin() as session:
            changed = await session.scalar(
                update(AnchorRow)
                .where(col(AnchorRow.id) == anchor_id, col(AnchorRow.state) == AnchorState.QUEUED.value)
                .values(
                    state=AnchorState.SUBMITTED.value,
                    tx_hash=tx_hash,
                    submitted_at=now,
                    attempts=0,
                    error="",
                    due_at=now + timedelta(seconds=0.5),
                )
                .returning(col(AnchorRow.id))
            )
            return changed is not None

    async def confirmed(self, anchor: Anchor, block: Block) -> bool:
        """A checkpoint's anchor tells so; a contract's is told with its package."""
        async with self._db.begin() as session:
            changed = await session.scalar(
                update(AnchorRow)
                .where(
                    col(AnchorRow.id) == anchor.anchor_id,
                    col(AnchorRow.state) == AnchorState.SUBMITTED.value,
                    col(AnchorRow.tx_hash) == anchor.tx_hash,
                )
                .values(
                    state=AnchorState.CONFIRMED.value,
                    transaction_id=block.transaction_id,
                    block_hash=block.hash,
                    block_height=block.height,
                    anchored_at=block.time,
                    error="",
                )
                .returning(col(AnchorRow.id))
            )
            if changed is None:
                return False
            if anchor.kind is AnchorKind.CHECKPOINT:
                checkpoint = Checkpoint.parse(anchor.content.rpartition("\n\n")[0] + "\n")
                await emit(
                    session,
                    events_pb2.CheckpointAnchored(
                        tree_size=checkpoint.size,
                        root_hash=checkpoint.root.hex(),
                        tx_hash=anchor.tx_hash,
                        block_height=block.height,
                    ),
                )
            return True

    async def requeue(self, anchor: Anchor, now: datetime) -> None:
        """The former number is forgotten: it was never confirmed."""
        async with self._db.begin() as session:
            await session.exec(
                update(AnchorRow)
                .where(
                    col(AnchorRow.id) == anchor.anchor_id,
                    col(AnchorRow.state) == AnchorState.SUBMITTED.value,
                    col(AnchorRow.tx_hash) == anchor.tx_hash,
                )
                .values(state=AnchorState.QUEUED.value, tx_hash="", submitted_at=None, attempts=0, due_at=now)
            )

    async def wait(self, anchor_id: str, until: datetime, error: str) -> None:
        """Gives the claim back."""
        async with self._db.begin() as session:
            await session.exec(
                update(AnchorRow)
                .where(col(AnchorRow.id) == anchor_id, col(AnchorRow.state) != AnchorState.CONFIRMED.value)
                .values(due_at=until, error=error)
            )


def _dossier(row: DossierRow, bucket: str) -> Dossier:
    package = None
    if row.package_key:
        package = ObjectRef(bucket, row.package_key, row.package_version, row.package_sha256, row.package_size)
    return Dossier(
        row.contract_id,
        row.text,
        row.text_hash,
        row.document_sha256,
        row.tree_size,
        package,
        row.attempts,
        row.traceparent,
    )


class SqlDossierStore:
    """Plays `DossierStore` and `Answers`."""

    def __init__(self, db: Database, bucket: str, clock: Clock) -> None:
        self._db, self._bucket, self._clock = db, bucket, clock

    async def claim(self, now: datetime, limit: int, lease: timedelta) -> Sequence[Dossier]:
        """Oldest due first."""
        due = (
            select(col(DossierRow.contract_id))
            .where(col(DossierRow.packaged_at).is_(None), col(DossierRow.due_at) <= now)
            .order_by(col(DossierRow.due_at))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._db.begin() as session:
            claimed = (await session.exec(due)).all()
            rows = await session.exec(
                update(DossierRow)
                .where(col(DossierRow.contract_id).in_(claimed))
                .values(due_at=now + lease, attempts=col(DossierRow.attempts) + 1)
                .returning(DossierRow)
            )
            return [_dossier(row, self._bucket) for row in rows.scalars()]

    async def events(self, contract_id: str, below: int) -> list[LoggedEvent]:
        """By index."""
        query = (
            select(RecordRow)
            .where(col(RecordRow.contract_id) == contract_id, col(RecordRow.index) < below)
            .order_by(col(RecordRow.index))
        )
        async with self._db.read() as session:
            rows = await session.exec(query)
            return [LoggedEvent(row.index, row.entry, row.payload, row.statement) for row in rows]

    async def written(
        self, contract_id: str, text: bytes, text_hash: str, document_sha256: str, tree_size: int, now: datetime
    ) -> None:
        """Text and anchor in one commit."""
        async with self._db.begin() as session:
            changed = await session.scalar(
                update(DossierRow)
                .where(col(DossierRow.contract_id) == contract_id, col(DossierRow.text_hash) == "")
                .values(
                    text=text,
                    text_hash=text_hash,
                    document_sha256=document_sha256,
                    tree_size=tree_size,
                    attempts=0,
                    waiting_for="",
                    due_at=now + timedelta(seconds=1),
                )
                .returning(col(DossierRow.contract_id))
            )
            if changed is not None:
                _queue(session, AnchorKind.CONTRACT, contract_id, text_hash, now)

    async def packaged(self, dossier: Dossier, anchor: Anchor, package: ObjectRef, now: datetime) -> bool:
        """Package and event in one commit."""
        async with self._db.begin() as session:
            changed = await session.scalar(
                update(DossierRow)
                .where(col(DossierRow.contract_id) == dossier.contract_id, col(DossierRow.packaged_at).is_(None))
                .values(
                    package_key=package.key,
                    package_version=package.version_id,
                    package_sha256=package.sha256,
                    package_size=package.size,
                    waiting_for="",
                    packaged_at=now,
                )
                .returning(col(DossierRow.contract_id))
            )
            if changed is None:
                return False
            await emit(
                session,
                events_pb2.EvidencePackaged(
                    contract_id=dossier.contract_id,
                    evidence_number=anchor.tx_hash,
                    text_hash=dossier.text_hash,
                    package_sha256=package.sha256,
                    block_hash=anchor.block_hash,
                    block_height=anchor.block_height,
                ),
                contract_id=dossier.contract_id,
            )
            return True

    async def wait(self, contract_id: str, until: datetime, reason: str) -> None:
        """Gives the claim back."""
        async with self._db.begin() as session:
            await session.exec(
                update(DossierRow)
                .where(col(DossierRow.contract_id) == contract_id)
                .values(due_at=until, waiting_for=reason[:2000])
            )

    async def anchor(self, contract_id: str) -> Anchor | None:
        """By subject."""
        async with self._db.read() as session:
            row = await session.scalar(_of_contract(contract_id))
            return _anchor(row) if row else None

    async def note(self, tree_size: int) -> str:
        """Raises Internal CHECKPOINT_MISSING."""
        async with self._db.read() as session:
            note = await session.scalar(select(col(CheckpointRow.note)).where(col(CheckpointRow.size) == tree_size))
        if note is None:
            raise Internal("CHECKPOINT_MISSING")
        return note

    async def of_contract(self, contract_id: str) -> tuple[Dossier, Anchor | None] | None:
        """Dossier and anchor as of one moment."""
        async with self._db.read() as session:
            dossier = await session.get(DossierRow, contract_id)
            if dossier is None:
                return None
            anchor = await session.scalar(_of_contract(contract_id))
            return _dossier(dossier, self._bucket), _anchor(anchor) if anchor else None

    async def of_number(self, evidence_number: str) -> tuple[Dossier, Anchor] | None:
        """Contracts only: a checkpoint's transaction is no evidence number."""
        query = select(AnchorRow).where(
            col(AnchorRow.kind) == AnchorKind.CONTRACT.value, col(AnchorRow.tx_hash) == evidence_number
        )
        async with self._db.read() as session:
            anchor = await session.scalar(query)
            dossier = await session.get(DossierRow, anchor.subject) if anchor else None
            return (_dossier(dossier, self._bucket), _anchor(anchor)) if anchor and dossier else None


def _of_contract(contract_id: str) -> SelectOfScalar[AnchorRow]:
    return select(AnchorRow).where(
        col(AnchorRow.kind) == AnchorKind.CONTRACT.value, col(AnchorRow.subject) == contract_id
    )
