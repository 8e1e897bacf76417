"""Every event of the platform, on its way into the log."""

import importlib
from collections.abc import Callable, Mapping

from esign_kit.bus import EventMeta
from esign_kit.clock import Clock
from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.message import DecodeError
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_evidence.app.log import append
from esign_evidence.app.ports import Appender
from esign_evidence.domain.record import Event, facts_of

SERVICES = ("identity", "ca_broker", "contract", "signer", "notifier", "evidence")
for _service in SERVICES:
    importlib.import_module(f"esign.{_service}.v1.events_pb2")


class Events:
    """The handler, within the consumer's transaction."""

    def __init__(self, appender: Callable[[AsyncSession], Appender], clock: Clock) -> None:
        self._appender, self._clock = appender, clock

    async def every(self, session: AsyncSession, data: bytes, meta: EventMeta) -> None:
        """Appends the event."""
        await append(self._appender(session), read(data, meta), self._clock())


def read(data: bytes, meta: EventMeta) -> Event:
    """The event with the facts that its type gives; a type that is unknown here has none, its payload's hash stands."""
    fields = _fields(meta.type, data)
    contract_id, statement = fields.get("contract_id"), fields.get("statement")
    return Event(
        event_id=meta.id,
        type=meta.type,
        source=meta.source,
        time=meta.occurred_at,
        contract_id=str(contract_id or meta.contract_id),
        payload=data,
        facts=facts_of(fields),
        statement=str(statement or ""),
    )


def _fields(type_name: str, data: bytes) -> Mapping[str, object]:
    pool = descriptor_pool.Default()
    try:
        descriptor = pool.FindMessageTypeByName(type_name)
        message = message_factory.GetMessageClass(descriptor).FromString(data)
        return json_format.MessageToDict(message, preserving_proto_field_name=True)
    except (KeyError, DecodeError, ValueError):
        return {}
