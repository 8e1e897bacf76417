"""Signing and release jobs in the database: intents, ends, and the events that go with them."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

from esign.common.v1 import common_pb2
from esign.signer.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import Database
from esign_kit.outbox import emit
from esign_kit.refs import ObjectRef
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_signer.adapters.rows import KeyRow, ReleaseJobRow, SigningJobRow
from esign_signer.domain.activation import Reason
from esign_signer.domain.document import SignedFile
from esign_signer.domain.jobs import JobState, ReleaseRequest, SignatureRequest, SigningJob
from esign_signer.domain.report import GateResult


@asynccontextmanager
async def _exclusive(db: Database, kind: str, work: str) -> AsyncIterator[bool]:
    """A session-level advisory lock on a connection of its own: it ends with the process, whatever happens to it."""
    name = f"{kind} {work}"
    async with db.engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        taken = await connection.execute(
            text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))"), {"name": name}
        )
        alone = bool(taken.scalar_one())
        try:
            yield alone
        finally:
            if alone:
                await connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))"), {"name": name})


class SqlSigningJobs:
    """Plays `SigningJobs`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    def exclusive(self, work: str) -> AbstractAsyncContextManager[bool]:
        """Alone at `work`?"""
        return _exclusive(self._db, "signing", work)

    async def state(self, request_id: str) -> JobState | None:
        """How far it has come."""
        async with self._db.read() as session:
            row = await session.get(SigningJobRow, request_id)
        return None if row is None else JobState(row.state)

    async def open(self, job: SigningJob) -> bool:
        """Consumes the activation."""
        async with self._db.begin() as session:
            return await self._insert(session, job.request, JobState.INTENT, activation_id=job.activation.activation_id)

    async def _insert(self, session: AsyncSession, request: SignatureRequest, state: JobState, **more: object) -> bool:
        statement = (
            insert(SigningJobRow)
            .values(
                request_id=request.request_id,
                contract_id=request.contract_id,
                party_id=request.party_id,
                state=state.value,
                source_sha256=request.document.sha256,
                delay_reason="",
                result_key="",
                result_version_id="",
                result_sha256="",
                created_at=self._clock(),
                **{"refusal_reason": "", **more},
            )
            .on_conflict_do_nothing()
            .returning(col(SigningJobRow.request_id))
        )
        return (await session.exec(statement)).first() is not None

    async def delayed(self, job: SigningJob, reason: str) -> None:
        """Tells once per cause."""
        async with self._db.begin() as session:
            if await self._advance(session, job.request.request_id, delay_reason=reason, unless_delayed_by=reason):
                event = events_pb2.SigningDelayed(
                    contract_id=job.request.contract_id,
                    party_id=job.request.party_id,
                    activation_id=job.activation.activation_id,
                    reason=reason,
                )
                await emit(session, event, contract_id=job.request.contract_id)

    async def signed(self, job: SigningJob, document: ObjectRef, result: SignedFile) -> None:
        """Ends it with a signature."""
        activation, request = job.activation, job.request
        async with self._db.begin() as session:
            ended = await self._advance(
                session,
                request.request_id,
                state=JobState.DONE.value,
                result_key=document.key,
                result_version_id=document.version_id,
                result_sha256=document.sha256,
                signed_at=result.signed_at,
                finished_at=self._clock(),
            )
            if not ended:
                return
            event = events_pb2.DocumentSigned(
                contract_id=request.contract_id,
                party_id=request.party_id,
                activation_id=activation.activation_id,
                activation_kind=activation.kind.value,
                source_sha256=request.document.sha256,
                document=_reference(document),
                certificate_sha256=result.certificate_sha256,
                level=result.level.value,
                signed_at=_timestamp(result.signed_at),
                field_name=request.field_name,
            )
            await emit(session, event, contract_id=request.contract_id)
            await self._destroy_key(session, activation.activation_id, request.contract_id, signature_count=1)

    async def refused(self, request: SignatureRequest, activation_id: str, reason: Reason) -> None:
        """Ends it with a refusal."""
        async with self._db.begin() as session:
            ended = await self._insert(
                session, request, JobState.REFUSED, refusal_reason=reason.value, finished_at=self._clock()
            )
            if not ended:
                ended = await self._advance(
                    session,
                    request.request_id,
                    state=JobState.REFUSED.value,
                    refusal_reason=reason.value,
                    finished_at=self._clock(),
                )
                if not ended:
                    return
                await self._destroy_key(session, activation_id, request.contract_id, signature_count=0)
            event = events_pb2.SignatureRefused(
                contract_id=request.contract_id,
                party_id=request.party_id,
                activation_id=activation_id,
                reason=reason.value,
                document_sha256=request.document.sha256,
            )
            await emit(session, event, contract_id=request.contract_id)

    async def _advance(
        self, session: AsyncSession, request_id: str, *, unless_delayed_by: str | None = None, **values: object
    ) -> bool:
        """Changes a job that is still an intent; False when it is not."""
        statement = (
            update(SigningJobRow)
            .where(col(SigningJobRow.request_id) == request_id, col(SigningJobRow.state) == JobState.INTENT.value)
            .values(**values)
            .returning(col(SigningJobRow.request_id))
        )
        if unless_delayed_by is not None:
            statement = statement.where(col(SigningJobRow.delay_reason) != unless_delayed_by)
        return (await session.exec(statement)).first() is not None

    async def _destroy_key(
        self, session: AsyncSession, activation_id: str, contract_id: str, *, signature_count: int
    ) -> None:
        """Wipes the activation's key, if it had one of its own."""
        statement = (
            update(KeyRow)
            .where(col(KeyRow.activation_id) == activation_id, col(KeyRow.wrapped).is_not(None))
            .values(wrapped=None, destroyed_at=self._clock())
            .returning(col(KeyRow.key_id))
        )
        for key_id in (await session.exec(statement)).scalars().all():
            event = events_pb2.EventKeyDestroyed(
                key_id=key_id,
                activation_id=activation_id,
                contract_id=contract_id,
                signature_count=signature_count,
            )
            await emit(session, event, contract_id=contract_id)


class SqlReleaseJobs:
    """Plays `ReleaseJobs`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    def exclusive(self, work: str) -> AbstractAsyncContextManager[bool]:
        """Alone at `work`?"""
        return _exclusive(self._db, "release", work)

    async def open(self, request: ReleaseRequest) -> bool:
        """Commits the intent."""
        statement = (
            insert(ReleaseJobRow)
            .values(
                request_id=request.request_id,
                contract_id=request.contract_id,
                state=JobState.INTENT.value,
                source_sha256=request.document.sha256,
                delay_reason="",
                problems=[],
                validators=[],
                result_key="",
                result_version_id="",
                result_sha256="",
                created_at=self._clock(),
            )
            .on_conflict_do_nothing()
        )
        ended = select(col(ReleaseJobRow.request_id)).where(
            (col(ReleaseJobRow.contract_id) == request.contract_id) & (col(ReleaseJobRow.state) == JobState.DONE.value)
            | (col(ReleaseJobRow.request_id) == request.request_id)
            & (col(ReleaseJobRow.state) != JobState.INTENT.value)
        )
        async with self._db.begin() as session:
            if (await session.exec(ended)).first() is not None:
                return False
            await session.exec(statement)
        return True

    async def delayed(self, request: ReleaseRequest, reason: str) -> None:
        """Tells once per cause."""
        async with self._db.begin() as session:
            if await self._advance(session, request, delay_reason=reason, unless_delayed_by=reason):
                event = events_pb2.SigningDelayed(contract_id=request.contract_id, reason=reason)
                await emit(session, event, contract_id=request.contract_id)

    async def released(
        self, request: ReleaseRequest, document: ObjectRef, result: SignedFile, gate: GateResult
    ) -> None:
        """Ends it with a released document."""
        async with self._db.begin() as session:
            ended = await self._advance(
                session,
                request,
                state=JobState.DONE.value,
                validators=list(gate.validators),
                result_key=document.key,
                result_version_id=document.version_id,
                result_sha256=document.sha256,
                archived_at=result.signed_at,
                finished_at=self._clock(),
            )
            if ended:
                event = events_pb2.DocumentReleased(
                    contract_id=request.contract_id,
                    document=_reference(document),
                    level=result.level.value,
                    validators=gate.validators,
                    archived_at=_timestamp(result.signed_at),
                )
                await emit(session, event, contract_id=request.contract_id)

    async def refused(self, request: ReleaseRequest, gate: GateResult) -> None:
        """Ends it with the gate's problems."""
        problems = list(gate.problems) or ["content differs"]
        async with self._db.begin() as session:
            ended = await self._advance(
                session,
                request,
                state=JobState.REFUSED.value,
                problems=problems,
                validators=list(gate.validators),
                finished_at=self._clock(),
            )
            if ended:
                event = events_pb2.ReleaseRefused(
                    contract_id=request.contract_id, document_sha256=gate.sha256, problems=problems
                )
                await emit(session, event, contract_id=request.contract_id)

    async def _advance(
        self, session: AsyncSession, request: ReleaseRequest, *, unless_delayed_by: str | None = None, **values: object
    ) -> bool:
        statement = (
            update(ReleaseJobRow)
            .where(
                col(ReleaseJobRow.request_id) == request.request_id, col(ReleaseJobRow.state) == JobState.INTENT.value
            )
            .values(**values)
            .returning(col(ReleaseJobRow.request_id))
        )
        if unless_delayed_by is not None:
            statement = statement.where(col(ReleaseJobRow.delay_reason) != unless_delayed_by)
        return (await session.exec(statement)).first() is not None


def _reference(ref: ObjectRef) -> common_pb2.ObjectRef:
    return common_pb2.ObjectRef(
        bucket=ref.bucket, key=ref.key, version_id=ref.version_id, sha256=ref.sha256, size=ref.size
    )


def _timestamp(moment: datetime) -> Timestamp:
    result = Timestamp()
    result.FromDatetime(moment)
    return result
