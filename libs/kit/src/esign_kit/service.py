"""The life of a service process: settings, schema, connections, servers, loops, health, and a quiet end.

A service's `main.py` is its composition root:

    async def build(app: App[Settings]) -> None:
        ...
        app.serve(add_PortalServiceServicer_to_server, PortalApi(...))

    if __name__ == "__main__":
        run(Settings, build, migrations="esign_contract.adapters.migrations")
"""

import asyncio
import contextlib
import multiprocessing
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_kit import db as kit_db
from esign_kit import grpc_client, settings, telemetry
from esign_kit.bus import Bus, EventMeta
from esign_kit.clock import Clock, system_clock
from esign_kit.consumer import Consumer, Handler, ManualHandler
from esign_kit.db import Database
from esign_kit.grpc_server import ActorTokens, GrpcServer
from esign_kit.outbox import Relay
from esign_kit.settings import ServiceSettings

if TYPE_CHECKING:
    from esign_kit.objects import Objects

log = telemetry.logger(__name__)

S = TypeVar("S", bound=ServiceSettings)
EveryHandler = Callable[[AsyncSession, bytes, EventMeta], Awaitable[None]]


class App(Generic[S]):
    """What a composition root builds upon. Everything added here is started by `start` and ended by `close`."""

    def __init__(self, config: S, *, clock: Clock = system_clock) -> None:
        self.settings = config
        self.clock = clock
        self.db = Database(config.database)
        self.bus = Bus(config.nats, config.service)
        self.grpc = GrpcServer(
            config.grpc_listen, config.tls, ActorTokens(config.actor_public_key_file.read_bytes()), config.trust_domain
        )
        self._objects: Objects | None = None
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._loops: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._checks: dict[str, Callable[[], Awaitable[None]]] = {"database": self.db.ping, "events": self._ping_bus}
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._health = HealthServicer()
        self._health_server: grpc.aio.Server | None = None

    @property
    def objects(self) -> "Objects":
        """The object store. Raises ValueError when the settings name none: not every service may touch objects."""
        if self._objects is None:
            if self.settings.s3 is None:
                raise ValueError("this service has no object store in its settings")
            from esign_kit.objects import Objects  # its client is heavy, and half of the services have no objects

            self._objects = Objects(self.settings.s3)
        return self._objects

    def channel(self, peer: str) -> grpc.aio.Channel:
        """The one channel to a peer, e.g. `identity`; give it to a generated stub. Raises KeyError for an unknown peer."""
        if peer not in self._channels:
            self._channels[peer] = grpc_client.channel(self.settings.peers[peer], peer, self.settings.tls)
        return self._channels[peer]

    def serve(self, register: Callable[[Any, Any], None], servicer: object) -> None:
        """Add a gRPC servicer: `app.serve(add_PortalServiceServicer_to_server, PortalApi(...))`."""
        self.grpc.add(register, servicer)

    def consume(
        self,
        *,
        handlers: Mapping[type[Message], Handler] | None = None,
        manual: Mapping[type[Message], ManualHandler] | None = None,
        every: EveryHandler | None = None,
        concurrency: int = 4,
    ) -> None:
        """Consume events of other services by this service's one durable consumer; see `esign_kit.consumer`."""
        durable = self.settings.nats.user
        consumer = Consumer(
            self.bus, self.db, durable, handlers=handlers, manual=manual, every=every, concurrency=concurrency
        )
        self.background(f"consumer {durable}", consumer.run)

    def background(self, name: str, function: Callable[[], Awaitable[None]]) -> None:
        """Run `function` for as long as the service lives; when it raises or returns, it is started again after a pause."""
        self._loops.append((name, function))

    def ready_check(self, name: str, check: Callable[[], Awaitable[None]]) -> None:
        """Have health depend on `check`, which raises while not ready."""
        self._checks[name] = check

    def on_close(self, function: Callable[[], Awaitable[None]]) -> None:
        """Call `function` at the end, last added first."""
        self._closers.append(function)

    async def _ping_bus(self) -> None:
        self.bus.ping()

    async def start(self) -> None:
        """Start what the composition root added. Raises ValueError, OSError."""
        self.background("outbox relay", Relay(self.db.url, self.bus).run)
        await self.grpc.start()
        for name, function in self._loops:
            self._tasks.append(asyncio.create_task(self._forever(name, function), name=name))
        self._health_server = grpc.aio.server()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._health_server)
        if not self._health_server.add_insecure_port(self.settings.health_listen):
            raise OSError(f"cannot listen on {self.settings.health_listen}")
        await self._health_server.start()
        self._tasks.append(asyncio.create_task(self._watch_health(), name="health"))
        log.info("started", service=self.settings.service, grpc=self.settings.grpc_listen)

    async def _forever(self, name: str, function: Callable[[], Awaitable[None]]) -> None:
        pause = 0.2
        while True:
            try:
                await function()
            except Exception as error:
                log.error("background loop failed", loop=name, exc_info=error)
            await asyncio.sleep(pause)
            pause = min(5.0, pause * 2)

    async def _watch_health(self) -> None:
        before: dict[str, str] | None = None
        while True:
            failing: dict[str, str] = {}
            for name, check in self._checks.items():
                try:
                    await asyncio.wait_for(check(), 3)
                except Exception as error:
                    failing[name] = type(error).__name__
            if failing != before:
                state = (
                    health_pb2.HealthCheckResponse.NOT_SERVING if failing else health_pb2.HealthCheckResponse.SERVING
                )
                await self._health.set("", state)
                if failing:
                    log.warning("not ready", failing=failing)
                before = failing
            await asyncio.sleep(0.25 if failing else 2)

    async def close(self) -> None:
        """Stop taking calls, finish what is running, close every connection."""
        with contextlib.suppress(Exception):
            await self._health.enter_graceful_shutdown()
        await self.grpc.stop()
        pending = set(self._tasks)
        while pending:
            # Once may not be enough: before Python 3.12 `asyncio.wait_for` can swallow a cancellation that arrives with its result.
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=1)
        for closer in reversed(self._closers):
            await closer()
        for channel in self._channels.values():
            await channel.close(None)
        if self._health_server:
            await self._health_server.stop(0)
        await self.bus.close()
        await self.db.close()


Build = Callable[[App[S]], Awaitable[None]]
"""A composition root."""


async def prepare(app: App[Any], migrations: str) -> None:
    """Bring the schema up to date and connect to the event stream."""
    await asyncio.to_thread(kit_db.migrate, app.db.url, migrations)
    await app.bus.connect()


async def _main(config: S, build: Build[S]) -> None:
    app = App(config)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    starting = asyncio.create_task(_start(app, build))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await stopping
    finally:
        starting.cancel()
        stopping.cancel()
        await app.close()


async def _start(app: App[S], build: Build[S]) -> None:
    await app.bus.connect()
    await build(app)
    await app.start()


def _migrate(config: ServiceSettings, migrations: str) -> None:
    """In a child process: what it takes to look at migrations is needed once, and the service would keep it in memory."""

    def work() -> None:
        telemetry.configure(config.service, level=config.log_level)
        kit_db.migrate_when_there(kit_db.sync_url(config.database), migrations)

    # A fork is safe as long as there are no threads, and spares the child to import everything again.
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join()
    if child.exitcode != 0:
        raise SystemExit(f"the schema could not be brought up to date (status {child.exitcode})")


def run(settings_class: type[S], build: Build[S], *, migrations: str) -> None:
    """The entry point of a service process. `migrations` is the package whose `versions/` folder holds its migrations."""
    config = settings.load(settings_class)
    _migrate(config, migrations)
    telemetry.configure(config.service, level=config.log_level, otlp_endpoint=config.otlp_endpoint)
    asyncio.run(_main(config, build))
