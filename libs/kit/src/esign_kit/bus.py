"""NATS JetStream: the connection, the one stream, and what an event's subject is.

Subject: `esign.evt.<service>.<EventName>`. Attributes: CloudEvents 1.0 in NATS headers (`ce-id`, `ce-type`, …) and
W3C `traceparent`. Body: the event's protobuf bytes. Retention: by age; every consumer is durable and keeps an inbox.

Beside the stream, replicas of one program may tell one another what is worth nothing a moment later (`tell`, `hear`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from esign_kit.lean import without

with without("aiohttp"):  # for NATS over WebSocket
    import nats

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from esign_kit.settings import NatsSettings
from esign_kit.telemetry import logger

log = logger(__name__)

STREAM = "ESIGN"
SUBJECTS = "esign.evt.>"


def subject_of(type_name: str) -> str:
    """`esign.contract.v1.ContractDispatched` → `esign.evt.contract.ContractDispatched`."""
    parts = type_name.split(".")
    return f"esign.evt.{parts[1]}.{parts[-1]}"


@dataclass(frozen=True, slots=True)
class EventMeta:
    """What is known of an event beside its body."""

    id: str
    type: str
    source: str
    occurred_at: datetime
    contract_id: str
    traceparent: str
    deliveries: int


class Bus:
    """One process's connection. Reconnects by itself, for ever."""

    def __init__(self, settings: NatsSettings, service: str) -> None:
        self.service = service
        self._settings = settings
        self.nc: Client = Client()
        self.js: JetStreamContext = self.nc.jetstream(timeout=5)

    async def connect(self) -> None:
        """Connect; waits, retrying, until the server is there."""

        async def on_error(error: Exception) -> None:
            log.debug("nats", error=repr(error))

        say = log.warning
        while True:
            try:
                await self.nc.connect(
                    servers=self._settings.servers,
                    user=self._settings.user,
                    password=self._settings.password_file.read(),
                    name=self.service,
                    connect_timeout=2,
                    reconnect_time_wait=0.25,  # type: ignore[arg-type]
                    max_reconnect_attempts=-1,
                    ping_interval=5,
                    max_outstanding_pings=2,
                    inbox_prefix=f"_INBOX.{self._settings.user}".encode(),
                    error_cb=on_error,
                )
                return
            except (OSError, nats.errors.Error, TimeoutError) as error:
                say("waiting for nats", error=repr(error))
                say = log.debug
                await asyncio.sleep(0.3)

    async def publish(self, subject: str, data: bytes, headers: dict[str, str]) -> None:
        """Publish and wait for the stream's acknowledgement. Raises nats.errors.Error, TimeoutError."""
        await self.js.publish(subject, data, headers=headers, timeout=5, stream=STREAM)

    async def tell(self, subject: str, data: bytes) -> bool:
        """Publish outside the stream, to whoever listens now; answers False, and keeps nothing, while there is no connection."""
        if not self.nc.is_connected:
            return False
        try:
            await self.nc.publish(subject, data)
        except (OSError, nats.errors.Error):
            return False
        return True

    async def hear(self, subject: str, handle: Callable[[bytes], None]) -> None:
        """Have `handle` called with what others tell from now on, also after a lost connection. Raises nats.errors.Error."""

        async def heard(message: Msg) -> None:
            handle(message.data)

        await self.nc.subscribe(subject, cb=heard)

    def ping(self) -> None:
        """Raise ConnectionError when there is no connection now."""
        if not self.nc.is_connected:
            raise ConnectionError("no connection to nats")

    async def close(self) -> None:
        """Close the connection."""
        if self.nc.is_connected or self.nc.is_reconnecting:
            await self.nc.close()


async def ensure_stream(nc: Client) -> None:
    """Create the stream, or bring it to this configuration; for deployment, with an administrator's connection."""
    js = nc.jetstream(timeout=10)
    config = StreamConfig(
        name=STREAM,
        subjects=[SUBJECTS],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        duplicate_window=120,
        max_age=90 * 24 * 3600,
        max_msg_size=1024 * 1024,
    )
    try:
        await js.stream_info(STREAM)
    except NotFoundError:
        await js.add_stream(config)
    else:
        await js.update_stream(config)
