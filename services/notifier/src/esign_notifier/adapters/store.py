"""Queries over the tables."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from esign.notifier.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import Database, new_id
from esign_kit.errors import Conflict
from esign_kit.outbox import emit
from esign_kit.telemetry import logger
from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_notifier.adapters.rows import ClosedContractRow, CodeRow, MessageRow
from esign_notifier.app.ports import CodeAttempt
from esign_notifier.domain.messages import Channel, Closure, ContractFacts, Kind, Message, State

log = logger(__name__)


class SqlAnnouncements:
    """Plays `Announcements` on an open session."""

    def __init__(self, session: AsyncSession, now: datetime, traceparent: str) -> None:
        self._session, self._now, self._traceparent = session, now, traceparent

    async def add(
        self, event_id: str, kind: Kind, channel: Channel, person_id: str, facts: ContractFacts, dropped: str | None
    ) -> None:
        """Adds a message."""
        await self._session.exec(
            insert(MessageRow)
            .values(
                id=new_id(),
                event_id=event_id,
                kind=kind.value,
                channel=channel.value,
                person_id=person_id,
                contract_id=facts.contract_id,
                document_number=facts.document_number,
                title=facts.title,
                expires_at=facts.expires_at,
                completed_at=facts.completed_at,
                withdrawal_reason=facts.reason,
                state=(State.DROPPED if dropped else State.PENDING).value,
                attempts=0,
                due_at=self._now,
                lease="",
                receipt="",
                reason=dropped or "",
                traceparent=self._traceparent,
                created_at=self._now,
                finished_at=self._now if dropped else None,
            )
            .on_conflict_do_nothing(index_elements=["event_id", "person_id", "channel"])
        )

    async def close(self, contract_id: str, closure: Closure) -> None:
        """Remembers that the contract has ended."""
        await self._lock(contract_id)
        await self._session.exec(
            insert(ClosedContractRow)
            .values(contract_id=contract_id, closure=closure.value, closed_at=self._now)
            .on_conflict_do_nothing()
        )

    async def closure(self, contract_id: str) -> Closure | None:
        """How the contract ended."""
        await self._lock(contract_id)
        row = await self._session.get(ClosedContractRow, contract_id)
        return Closure(row.closure) if row else None

    async def invitation_states(self, contract_id: str) -> dict[tuple[str, Channel], State]:
        """The invitations' states."""
        rows = await self._session.exec(
            select(col(MessageRow.person_id), col(MessageRow.channel), col(MessageRow.state))
            .where(col(MessageRow.contract_id) == contract_id, col(MessageRow.kind) == Kind.CONTRACT_INVITATION.value)
            .order_by(col(MessageRow.id))
            .with_for_update()
        )
        return {(person, Channel(channel)): State(state) for person, channel, state in rows}

    async def drop_pending_invitations(self, contract_id: str, reason: str) -> None:
        """Drops what has not been handed over."""
        await self._session.exec(
            update(MessageRow)
            .where(
                col(MessageRow.contract_id) == contract_id,
                col(MessageRow.kind) == Kind.CONTRACT_INVITATION.value,
                col(MessageRow.state) == State.PENDING.value,
            )
            .values(state=State.DROPPED.value, reason=reason, finished_at=self._now)
        )

    async def _lock(self, contract_id: str) -> None:
        await self._session.exec(select(func.pg_advisory_xact_lock(func.hashtextextended(contract_id, 0))))


class SqlMessageStore:
    """Plays `MessageStore`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    async def claim(self, channel: Channel, limit: int, lease: timedelta) -> Sequence[Message]:
        """Claims due messages."""
        now = self._clock()
        due = (
            select(col(MessageRow.id))
            .where(
                col(MessageRow.channel) == channel.value,
                col(MessageRow.state).in_([State.PENDING.value, State.SENDING.value]),
                col(MessageRow.due_at) <= now,
            )
            .order_by(col(MessageRow.due_at))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._db.begin() as session:
            ids = list(await session.exec(due))
            if not ids:
                return []
            rows = await session.exec(
                update(MessageRow)
                .where(col(MessageRow.id).in_(ids))
                .values(due_at=now + lease, lease=new_id())
                .returning(MessageRow)
            )
            return sorted((_message(row) for row in rows.scalars()), key=lambda message: message.created_at)

    async def begin_attempt(self, message: Message, lease: timedelta) -> Message | None:
        """Commits SENDING."""
        now = self._clock()
        async with self._db.begin() as session:
            row = (
                await session.exec(
                    self._mine(message)
                    .values(
                        state=State.SENDING.value,
                        attempts=col(MessageRow.attempts) + 1,
                        sending_since=now,
                        due_at=now + lease,
                    )
                    .returning(MessageRow)
                )
            ).scalar_one_or_none()
            return _message(row) if row else None

    async def postpone(self, message: Message, state: State, due: datetime, reason: str) -> None:
        """Puts the message back."""
        async with self._db.begin() as session:
            await session.exec(self._mine(message).values(state=state.value, due_at=due, reason=reason, lease=""))

    async def sent(self, message: Message, receipt: str) -> None:
        """Records success."""
        event = events_pb2.MessageSent(
            message_id=message.id,
            kind=message.kind,
            channel=message.channel,
            person_id=message.person_id,
            contract_id=message.facts.contract_id,
            receipt=receipt,
        )
        await self._finish(message, event, state=State.SENT, receipt=receipt, reason="")

    async def failed(self, message: Message, reason: str) -> None:
        """Records failure."""
        event = events_pb2.MessageFailed(
            message_id=message.id,
            kind=message.kind,
            channel=message.channel,
            person_id=message.person_id,
            contract_id=message.facts.contract_id,
            reason=reason,
        )
        log.warning("message given up", message_id=message.id, channel=message.channel.value, reason=reason)
        await self._finish(message, event, state=State.FAILED, receipt="", reason=reason)

    async def dropped(self, message: Message, reason: str) -> None:
        """Records that it was dropped."""
        await self._finish(message, None, state=State.DROPPED, receipt="", reason=reason)

    async def _finish(
        self,
        message: Message,
        event: events_pb2.MessageSent | events_pb2.MessageFailed | None,
        *,
        state: State,
        receipt: str,
        reason: str,
    ) -> None:
        values = {"state": state.value, "receipt": receipt, "reason": reason, "finished_at": self._clock()}
        async with self._db.begin() as session:
            done = await session.exec(self._mine(message).values(**values).returning(col(MessageRow.id)))
            if done.first() is None:
                log.warning("message was taken over by another worker", message_id=message.id)
            elif event is not None:
                await emit(session, event, contract_id=message.facts.contract_id)

    def _mine(self, message: Message) -> Any:
        """An update that changes nothing once the claim is lost or the message was dropped."""
        return update(MessageRow).where(
            col(MessageRow.id) == message.id,
            col(MessageRow.lease) == message.lease,
            col(MessageRow.state) == message.state.value,
        )


class SqlCodeStore:
    """Plays `CodeStore`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    async def begin(self, message_id: str, kind: Kind, digest: bytes, lease: timedelta) -> CodeAttempt:
        """Commits the intent."""
        now = self._clock()
        async with self._db.begin() as session:
            added = await session.exec(
                insert(CodeRow)
                .values(
                    message_id=message_id,
                    kind=kind.value,
                    digest=digest,
                    state=State.SENDING.value,
                    attempts=1,
                    lease_until=now + lease,
                    sending_since=now,
                    receipt="",
                    reason="",
                    created_at=now,
                )
                .on_conflict_do_nothing()
                .returning(col(CodeRow.message_id))
            )
            if added.first() is not None:
                return CodeAttempt()
            row = await session.get_one(CodeRow, message_id, with_for_update=True)
            if row.digest != digest:
                raise Conflict(
                    "MESSAGE_ID_REUSED", zh="消息编号已用于其他内容", en="The message id was used for another code"
                )
            if row.state == State.SENT.value:
                return CodeAttempt(accepted_at=row.finished_at)
            if row.state == State.FAILED.value:
                return CodeAttempt(rejected=row.reason)
            if row.state == State.SENDING.value and row.lease_until > now:
                return CodeAttempt(in_flight=True)
            uncertain = row.sending_since if row.state == State.SENDING.value else None
            row.state, row.attempts, row.lease_until = State.SENDING.value, row.attempts + 1, now + lease
            # What is looked up is everything since the first attempt of which nothing is known.
            row.sending_since = uncertain or now
            return CodeAttempt(uncertain_since=uncertain)

    async def accepted(self, message_id: str, kind: Kind, receipt: str) -> datetime:
        """Records success."""
        now = self._clock()
        event = events_pb2.MessageSent(message_id=message_id, kind=kind, channel=Channel.SMS, receipt=receipt)
        await self._update(message_id, event, state=State.SENT.value, receipt=receipt, reason="", finished_at=now)
        return now

    async def rejected(self, message_id: str, kind: Kind, reason: str) -> None:
        """Records failure."""
        event = events_pb2.MessageFailed(message_id=message_id, kind=kind, channel=Channel.SMS, reason=reason)
        await self._update(message_id, event, state=State.FAILED.value, reason=reason, finished_at=self._clock())

    async def release(self, message_id: str, reason: str, *, surely_not_sent: bool) -> None:
        """Gives the intent back."""
        state = State.PENDING if surely_not_sent else State.SENDING
        await self._update(message_id, None, state=state.value, reason=reason, lease_until=self._clock())

    async def _update(
        self, message_id: str, event: events_pb2.MessageSent | events_pb2.MessageFailed | None, **values: object
    ) -> None:
        async with self._db.begin() as session:
            open_row = update(CodeRow).where(
                col(CodeRow.message_id) == message_id, col(CodeRow.state) == State.SENDING.value
            )
            done = await session.exec(open_row.values(**values).returning(col(CodeRow.message_id)))
            if done.first() is not None and event is not None:
                await emit(session, event)


def _message(row: MessageRow) -> Message:
    facts = ContractFacts(
        contract_id=row.contract_id,
        document_number=row.document_number,
        title=row.title,
        expires_at=row.expires_at,
        completed_at=row.completed_at,
        reason=row.withdrawal_reason,
    )
    return Message(
        id=row.id,
        kind=Kind(row.kind),
        channel=Channel(row.channel),
        person_id=row.person_id,
        facts=facts,
        state=State(row.state),
        attempts=row.attempts,
        created_at=row.created_at,
        sending_since=row.sending_since,
        lease=row.lease,
        traceparent=row.traceparent,
    )
