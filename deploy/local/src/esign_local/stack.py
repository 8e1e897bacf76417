"""The whole platform on one machine: engines, the outside world, six services, the gateway."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc
import httpx
import nats
from esign_kit import bus, grpc_client
from esign_kit.engines import S3, Child, Engine, Nats, Postgres
from esign_kit.settings import SecretFile, Tls

from esign_local import memory
from esign_local.configuration import BUCKETS, SERIF_BOLD, SERVICES, Configuration, event_user, module
from esign_local.health import EngineHealth, GrpcHealth, HttpHealth
from esign_local.seed import Seeded, seed
from esign_local.state import StackError, State
from esign_local.supervisor import Program, Supervisor

ENGINES = ("postgres", "nats", "s3")
SEEDED = "seed 1"


class Stack:
    """An async context manager: inside the block everything is green and set up.

    ::

        async with Stack(ephemeral=True) as stack:
            channel = stack.channel("contract", "leasing")
            await stack.kill("contract")
            await stack.wait_healthy("contract")

    `data_dir` keeps all state and may be used by one stack at a time; with `ephemeral` it defaults to a temporary directory
    and is removed at the end. Spans go to the OTLP/gRPC collector at `otlp_endpoint`, where one is named. `changed(program)`
    hears of every program that enters another phase. Entering raises StackError naming what failed, with the end of its log.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        ephemeral: bool = False,
        otlp_endpoint: str = "",
        changed: Callable[[Program], None] = lambda program: None,
    ) -> None:
        if data_dir is None and not ephemeral:
            raise ValueError("a stack that is kept needs a data_dir")
        self.ephemeral = ephemeral
        self.otlp_endpoint = otlp_endpoint
        self.data_dir = (data_dir or Path(tempfile.mkdtemp(prefix="esign-stack-"))).absolute()
        self.supervisor = Supervisor(changed)
        self.started_in = 0.0
        self._state: State | None = None
        self._configuration: Configuration | None = None
        self._engines: dict[str, Engine] = {}
        self._healths: list[GrpcHealth] = []
        self._channels: dict[tuple[str, str], grpc.aio.Channel] = {}

    # What runs where

    def address(self, name: str) -> str:
        """`host:port` of an engine, of a service's gRPC, of the gateway's or the sandbox's HTTP. Raises KeyError."""
        return f"127.0.0.1:{self._ports(name)[0]}"

    def url(self, name: str) -> str:
        """The HTTP address of `gateway`, `sandbox` or `s3`."""
        return f"http://{self.address(name)}"

    @property
    def smtp_address(self) -> str:
        """Where the sandbox takes mail."""
        return f"127.0.0.1:{self._ports('sandbox')[1]}"

    @property
    def postgres(self) -> Postgres:
        """The database engine, for a look into the rows: `stack.postgres.dsn("contract")` is the superuser's."""
        engine = self._engines["postgres"]
        assert isinstance(engine, Postgres)
        return engine

    @property
    def nats(self) -> Nats:
        """The event engine: `stack.nats.url_for("admin")`."""
        engine = self._engines["nats"]
        assert isinstance(engine, Nats)
        return engine

    @property
    def s3(self) -> S3:
        """The object store: `stack.s3.client()` has all rights."""
        engine = self._engines["s3"]
        assert isinstance(engine, S3)
        return engine

    @property
    def seeded(self) -> Seeded:
        """The landlord's organisation, seal and policy. Raises OSError before the first start."""
        return Seeded.load(self.data_dir / "seeded.json")

    @property
    def trust_dir(self) -> Path:
        """Public keys and roots: `ca-roots.pem`, `internal-ca.pem`, `checkpoint.pub.pem`, …"""
        return self.data_dir / "trust"

    def client_tls(self, name: str) -> Tls:
        """The certificate and key of an internal system (leasing, procurement, jde, operator) or a service."""
        pki = self._configured.pki
        return Tls(cert_file=pki.cert_file(name), key_file=SecretFile(pki.key_file(name)), ca_file=pki.ca_file)

    def channel(self, service: str, caller: str) -> grpc.aio.Channel:
        """A channel to a service with the certificate of `caller`; the stack closes it."""
        key = (service, caller)
        if key not in self._channels:
            self._channels[key] = grpc_client.channel(self.address(service), service, self.client_tls(caller))
        return self._channels[key]

    def log(self, name: str) -> Path:
        """The log file of a program."""
        return self.data_dir / "logs" / f"{name}.log"

    @property
    def names(self) -> list[str]:
        """All programs in the order of their start."""
        return list(self.supervisor.programs)

    @property
    def restarts(self) -> dict[str, int]:
        """How often each program was restarted because it ended by itself or was killed."""
        return {name: program.restarts for name, program in self.supervisor.programs.items()}

    def pid(self, name: str) -> int:
        """The process id. Raises StackError when the program is not running."""
        child = self.supervisor.programs[name].child
        if child is None:
            raise StackError(f"{name} is not running")
        return child.pid

    def rss(self) -> dict[str, int]:
        """Bytes of memory by program with all its processes, and of this one; shared pages count once (see memory)."""
        trees = {
            name: memory.of_tree(program.child.pid)
            for name, program in self.supervisor.programs.items()
            if program.child is not None
        }
        return {**trees, "supervisor": memory.of_process(os.getpid())}

    # Faults

    async def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Sends a signal to a program's main process and waits for its end; it is restarted by itself."""
        await self.supervisor.kill(name, number)

    def pause(self, name: str) -> None:
        """Freezes a program (SIGSTOP): its connections stay open and nothing answers."""
        self.supervisor.pause(name)

    def resume(self, name: str) -> None:
        """Ends `pause`."""
        self.supervisor.resume(name)

    async def stop(self, name: str) -> None:
        """Ends a program and keeps it down until `start`."""
        await self.supervisor.stop(name)

    async def start(self, name: str) -> None:
        """Starts a program that `stop` ended, and returns when it is healthy. Raises StackError."""
        await self.supervisor.start(name)

    async def wait_healthy(self, name: str, within: float = 60.0) -> None:
        """Returns when a program is healthy. Raises StackError after `within` seconds."""
        await self.supervisor.wait_green(name, within)

    # Life

    async def __aenter__(self) -> Self:
        begun = time.monotonic()
        try:
            self._state = State(self.data_dir)
            self._build()
            await self.supervisor.start_all()
            await self._seed()
        except BaseException:
            await self.close()
            raise
        self.started_in = time.monotonic() - begun
        self.write_status()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends everything; leaves no process."""
        for channel in self._channels.values():
            await channel.close(None)
        for health in self._healths:
            await health.close()
        await self.supervisor.stop_all([["gateway"], list(SERVICES), ["sandbox"], list(ENGINES)])
        with contextlib.suppress(FileNotFoundError):
            (self.data_dir / "status.json").unlink()
        if self._state is not None:
            self._state.close()
        if self.ephemeral:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def write_status(self) -> None:
        """Writes `status.json`, which `python -m esign_local status` shows."""
        programs = {
            name: {
                "address": self.address(name),
                "phase": program.phase,
                "pid": program.child.pid if program.child else None,
                "restarts": program.restarts,
            }
            for name, program in self.supervisor.programs.items()
        }
        fresh = self.data_dir / "status.new"
        fresh.write_text(json.dumps({"pid": os.getpid(), "programs": programs}, indent=2))
        fresh.replace(self.data_dir / "status.json")

    @property
    def _configured(self) -> Configuration:
        if self._configuration is None:
            raise StackError("the stack was not started")
        return self._configuration

    def _ports(self, name: str) -> list[int]:
        if self._state is None or name not in self._state.ports:
            raise KeyError(name)
        return self._state.ports[name]

    def _build(self) -> None:
        """Takes the ports, makes what is missing, writes all settings, and registers the programs."""
        assert self._state is not None
        for name, count in {"postgres": 1, "nats": 1, "s3": 10, "sandbox": 2, "gateway": 1}.items():
            self._state.take_ports(name, count)
        for name in SERVICES:
            self._state.take_ports(name, 2)
        (self.data_dir / "logs").mkdir(exist_ok=True)
        configuration = self._configuration = Configuration(
            self.data_dir, self._ports, otlp_endpoint=self.otlp_endpoint
        )
        engines = self.data_dir / "engines"
        fsync = not self.ephemeral
        self._add_engine(
            Postgres(engines / "postgres", port=self._ports("postgres")[0], fsync=fsync, log=self.log("postgres")),
            self._set_up_postgres,
        )
        self._add_engine(
            Nats(
                engines / "nats",
                port=self._ports("nats")[0],
                fsync=fsync,
                passwords=configuration.nats_passwords(),
                log=self.log("nats"),
            ),
            self._set_up_nats,
        )
        self._add_engine(
            S3(
                engines / "s3",
                ports=self._ports("s3"),
                identities=configuration.s3_identities(),
                secret_key=configuration.material.password("s3", "admin").read_text(),
                log=self.log("s3"),
            ),
            self._set_up_s3,
        )
        self._add_sandbox()
        for name in SERVICES:
            health = GrpcHealth(f"127.0.0.1:{self._ports(name)[1]}")
            self._healths.append(health)
            settings = configuration.write_service(name)
            # The very first time, the services wait for the roots that they are to trust.
            needs = ENGINES if configuration.ca_roots.exists() else (*ENGINES, "sandbox")
            self._add(name, module(name), settings, health, needs)
        self._add("gateway", module("gateway"), configuration.write_gateway(), HttpHealth(self.url("gateway")), ())

    def _add_engine(self, engine: Engine, after: Callable[[], Awaitable[None]]) -> None:
        self._engines[engine.name] = engine
        ports = list(self._ports(engine.name))

        async def before() -> None:
            await asyncio.to_thread(engine.prepare)
            if engine.used_ports() != ports:
                raise StackError(f"another program has taken a port of {ports}")

        self.supervisor.add(
            Program(
                name=engine.name,
                address=self.address(engine.name),
                log=self.log(engine.name),
                spawn=engine.spawn,
                healthy=EngineHealth(engine),
                before=before,
                after=after,
                stop_signal=engine.stop_signal,
                grace=engine.stop_grace,
            )
        )

    def _add_sandbox(self) -> None:
        configuration = self._configured
        command = [
            *(sys.executable, "-m", "esign_sandbox", "--data-dir", str(self.data_dir / "sandbox" / "data")),
            *("--credentials", str(configuration.write_sandbox()), "--public-url", configuration.sandbox_url),
            *("--http-port", str(self._ports("sandbox")[0]), "--smtp-port", str(self._ports("sandbox")[1])),
        ]
        (self.data_dir / "sandbox" / "data").mkdir(parents=True, exist_ok=True)
        self._add("sandbox", command, None, HttpHealth(configuration.sandbox_url), (), self._fetch_roots)

    def _add(
        self,
        name: str,
        command: list[str],
        settings: Path | None,
        healthy: GrpcHealth | HttpHealth,
        needs: Sequence[str],
        after: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        environment = _environment()
        if settings is not None:
            environment["ESIGN_SETTINGS_FILE"] = str(settings)
        log = self.log(name)
        self.supervisor.add(
            Program(
                name=name,
                address=self.address(name),
                log=log,
                spawn=lambda: Child(command, name=name, log=log, env=environment, cwd=self.data_dir),
                healthy=healthy,
                needs=needs,
                after=after,
            )
        )

    async def _set_up_postgres(self) -> None:
        for name in SERVICES:
            user, password = event_user(name), self._configured.database_password(name)
            await asyncio.to_thread(self.postgres.create_database, user, owner=user, password=password)

    async def _set_up_nats(self) -> None:
        client = await nats.connect(self.nats.url_for("admin"), connect_timeout=5)
        try:
            await bus.ensure_stream(client)
        finally:
            await client.close()

    async def _set_up_s3(self) -> None:
        for bucket, locked in BUCKETS.items():
            await asyncio.to_thread(self.s3.make_bucket, bucket, object_lock=locked)

    async def _fetch_roots(self) -> None:
        """The services trust the sandbox's authority as they would a real one's: by a file of its roots."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            answer = await client.get(f"{self.url('sandbox')}/ca/roots.pem")
        answer.raise_for_status()
        self._configured.ca_roots.write_bytes(answer.content)

    async def _seed(self) -> None:
        assert self._state is not None
        if SEEDED in self._state.done:
            return
        try:
            seeded = await seed(lambda service: self.channel(service, "operator"), SERIF_BOLD)
        except Exception as error:
            raise StackError(f"the platform is green, but could not be set up: {error}") from error
        seeded.save(self.data_dir / "seeded.json")
        self._state.mark_done(SEEDED)


def _environment() -> dict[str, str]:
    """What the programs inherit: no proxy, no foreign trust, no other settings."""
    dropped = {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "ESIGN_SETTINGS_FILE"}
    kept = {
        key: value for key, value in os.environ.items() if key not in dropped and not key.lower().endswith("_proxy")
    }
    # Few malloc arenas: a thread pool would otherwise multiply the memory of a quiet service.
    return {**kept, "PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"}
