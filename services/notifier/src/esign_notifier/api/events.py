"""The events: what happened to contracts that people are told of."""

from collections.abc import Callable
from datetime import UTC, datetime

from esign.contract.v1 import events_pb2
from esign_kit.bus import EventMeta
from esign_kit.consumer import Handler
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_notifier.app.announce import Announce
from esign_notifier.app.ports import Announcements
from esign_notifier.domain.messages import ContractFacts

Rows = Callable[[AsyncSession, EventMeta], Announcements]


class ContractEvents:
    """Handlers, each within the consumer's transaction."""

    def __init__(self, announce: Announce, rows: Rows) -> None:
        self._announce, self._rows = announce, rows

    def handlers(self) -> dict[type[Message], Handler]:
        """By event."""
        return {
            events_pb2.ContractDispatched: self.dispatched,
            events_pb2.ContractCompleted: self.completed,
            events_pb2.ContractWithdrawn: self.withdrawn,
            events_pb2.ContractExpired: self.expired,
        }

    async def dispatched(self, session: AsyncSession, event: events_pb2.ContractDispatched, meta: EventMeta) -> None:
        """People are invited to sign."""
        facts = ContractFacts(
            event.contract_id, event.document_number, event.title, expires_at=_time(event, "expires_at")
        )
        await self._announce.dispatched(self._rows(session, meta), meta.id, facts, event.invited_person_ids)

    async def completed(self, session: AsyncSession, event: events_pb2.ContractCompleted, meta: EventMeta) -> None:
        """All have signed."""
        facts = ContractFacts(
            event.contract_id, event.document_number, event.title, completed_at=_time(event, "completed_at")
        )
        await self._announce.completed(self._rows(session, meta), meta.id, facts, event.person_ids)

    async def withdrawn(self, session: AsyncSession, event: events_pb2.ContractWithdrawn, meta: EventMeta) -> None:
        """Withdrawn."""
        facts = ContractFacts(event.contract_id, event.document_number, event.title, reason=event.reason)
        await self._announce.withdrawn(self._rows(session, meta), meta.id, facts, event.person_ids)

    async def expired(self, session: AsyncSession, event: events_pb2.ContractExpired, meta: EventMeta) -> None:
        """Not signed in time."""
        facts = ContractFacts(event.contract_id, event.document_number, event.title)
        await self._announce.expired(self._rows(session, meta), meta.id, facts, event.person_ids)


def _time(event: Message, field: str) -> datetime | None:
    moment: Timestamp = getattr(event, field)
    return moment.ToDatetime(UTC) if event.HasField(field) else None
