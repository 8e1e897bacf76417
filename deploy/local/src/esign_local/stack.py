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
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from esign_kit.engines import S3, Child, Engine, Nats, Postgres, S3Identity

from esign_local import memory
from esign_local.configuration import SERVICES
from esign_local.health import EngineHealth, GrpcHealth, Health, HttpHealth, PostgresHealth, http_get
from esign_local.replicas import module, programs, target
from esign_local.seed import Seeded
from esign_local.state import StackError, State, read_ports
from esign_local.supervisor import Program, Supervisor, environment

# What this process imports it keeps for as long as the platform runs: heavy work is done by `esign_local.steps`.
if TYPE_CHECKING:
    import grpc
    from esign_kit.settings import Tls

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
    and is removed at the end. Spans go to the OTLP/gRPC collector at `otlp_endpoint`, where one is named. `replicas` says of
    which services, or of the gateway, there are more than one: with `{"identity": 2}` the programs are `identity` and
    `identity-2`. `organisation_keys` is one of `signer_keys.STORES`. `changed(program)` hears of every program that enters
    another phase. Entering raises StackError naming what failed, with the end of its log.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        ephemeral: bool = False,
        otlp_endpoint: str = "",
        replicas: Mapping[str, int] = MappingProxyType({}),
        organisation_keys: str = "software",
        changed: Callable[[Program], None] = lambda program: None,
    ) -> None:
        if data_dir is None and not ephemeral:
            raise ValueError("a stack that is kept needs a data_dir")
        self.ephemeral = ephemeral
        if unknown := replicas.keys() - {*SERVICES, "gateway"}:
            raise ValueError(f"no replicas of {', '.join(sorted(unknown))}")
        self.replicas = dict(replicas)
        self._given: dict[str, object] = {"otlp_endpoint": otlp_endpoint, "replicas": self.replicas}
        self._given |= {"organisation_keys": organisation_keys}
        self.data_dir = (data_dir or Path(tempfile.mkdtemp(prefix="esign-stack-"))).absolute()
        self.supervisor = Supervisor(changed)
        self.started_in = 0.0
        self._state: State | None = None
        self._foreign_ports: dict[str, list[int]] = {}
        self._engines: dict[str, Engine] = {}
        self._channels: dict[tuple[str, str], grpc.aio.Channel] = {}

    @classmethod
    def attach(cls, data_dir: Path) -> Self:
        """The platform that another process runs on `data_dir`: its addresses, and channels that `detach` closes.

        It can neither be ended nor faulted from here. Raises OSError when there is none.
        """
        stack = cls(data_dir)
        stack._foreign_ports = read_ports(data_dir)
        return stack

    async def detach(self) -> None:
        """Closes the channels."""
        for channel in self._channels.values():
            await channel.close(None)

    # What runs where

    def address(self, name: str) -> str:
        """`host:port` of an engine, of a service's gRPC, of the gateway's or the sandbox's HTTP. Raises KeyError."""
        return f"127.0.0.1:{self._ports(name)[0]}"

    def url(self, name: str) -> str:
        """The HTTP address of `gateway`, `sandbox` or `s3`."""
        return f"http://{self.address(name)}"

    def urls(self, name: str) -> list[str]:
        """The HTTP addresses of all replicas."""
        return [self.url(program) for program in programs(name, self.replicas)]

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

    def client_tls(self, name: str) -> "Tls":
        """The certificate and key of an internal system (leasing, procurement, jde, operator) or a service."""
        from esign_local.pki import Pki

        return Pki(self.data_dir / "tls").tls(name)

    def channel(self, service: str, caller: str) -> "grpc.aio.Channel":
        """A channel to all replicas of a service with the certificate of `caller`; the stack closes it."""
        from esign_kit import grpc_client

        key = (service, caller)
        if key not in self._channels:
            addresses = [self.address(program) for program in programs(service, self.replicas)]
            self._channels[key] = grpc_client.channel(target(addresses), service, self.client_tls(caller))
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

    def memory(self) -> dict[str, memory.Memory]:
        """By program with all its processes, and as `supervisor` this process with what else it runs."""
        used = {
            name: memory.of_tree(program.child.pid)
            for name, program in self.supervisor.programs.items()
            if program.child is not None
        }
        rest = memory.of_tree(os.getpid()) - sum(used.values(), memory.Memory())
        return {**used, "supervisor": rest}

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
            await self._build()
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
        await self.detach()
        services = [program for name in SERVICES for program in programs(name, self.replicas)]
        await self.supervisor.stop_all([programs("gateway", self.replicas), services, ["sandbox"], list(ENGINES)])
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

    def _ports(self, name: str) -> list[int]:
        return (self._foreign_ports if self._state is None else self._state.ports)[name]

    async def _build(self) -> None:
        """Takes the ports, has what is missing made and all settings written, and registers the programs."""
        assert self._state is not None
        services = [program for name in SERVICES for program in programs(name, self.replicas)]
        gateways = programs("gateway", self.replicas)
        needed = {"postgres": 1, "nats": 1, "s3": 10, "sandbox": 2} | dict.fromkeys(gateways, 1)
        for name, count in (needed | dict.fromkeys(services, 2)).items():
            self._state.take_ports(name, count)
        (self.data_dir / "logs").mkdir(exist_ok=True)
        made = await self._step("configure", json.dumps(self._given))
        engines = self.data_dir / "engines"
        fsync = not self.ephemeral
        postgres = Postgres(
            engines / "postgres", port=self._ports("postgres")[0], fsync=fsync, log=self.log("postgres")
        )
        self._add_engine(postgres, PostgresHealth(self.address("postgres")))
        nats = Nats(
            engines / "nats",
            port=self._ports("nats")[0],
            fsync=fsync,
            passwords=made["nats_passwords"],
            log=self.log("nats"),
        )
        self._add_engine(nats, EngineHealth(nats))
        s3 = S3(
            engines / "s3",
            ports=self._ports("s3"),
            identities=[S3Identity(**{**one, "actions": tuple(one["actions"])}) for one in made["s3_identities"]],
            secret_key=made["s3_secret_key"],
            log=self.log("s3"),
        )
        self._add_engine(s3, HttpHealth(self.url("s3")))
        self._add_sandbox()
        # The very first time, the services wait for the roots that they are to trust.
        needs = ENGINES if self._ca_roots.exists() else (*ENGINES, "sandbox")
        for name in services:
            self._add(name, module(name), GrpcHealth(f"127.0.0.1:{self._ports(name)[1]}"), needs)
        for name in gateways:
            self._add(name, module(name), HttpHealth(self.url(name)), ())

    async def _step(self, name: str, argument: str = "") -> Any:
        """Has `esign_local.steps` take a step, and returns what it tells. Raises StackError with what went wrong."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "esign_local.steps", name, str(self.data_dir), argument),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
        )
        try:
            told, trouble = await child.communicate()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode != 0:
            lines = trouble.decode(errors="replace").strip().splitlines()
            raise StackError(lines[-1] if lines else f"the step {name} ended with status {child.returncode}")
        return json.loads(told)

    @property
    def _ca_roots(self) -> Path:
        return self.trust_dir / "ca-roots.pem"

    def _add_engine(self, engine: Engine, health: Health) -> None:
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
                healthy=health,
                before=before,
                after=partial(self._step, engine.name),
                stop_signal=engine.stop_signal,
                grace=engine.stop_grace,
            )
        )

    def _add_sandbox(self) -> None:
        data = self.data_dir / "sandbox"
        (data / "data").mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "esign_sandbox", "--data-dir", str(data / "data")),
            *("--credentials", str(data / "credentials.json"), "--public-url", self.url("sandbox")),
            *("--http-port", str(self._ports("sandbox")[0]), "--smtp-port", str(self._ports("sandbox")[1])),
        ]
        self._add("sandbox", command, HttpHealth(self.url("sandbox")), (), self._fetch_roots)

    def _add(
        self,
        name: str,
        command: list[str],
        healthy: Health,
        needs: Sequence[str],
        after: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        settings = {"ESIGN_SETTINGS_FILE": str(self.data_dir / "settings" / f"{name}.toml")}
        log = self.log(name)
        self.supervisor.add(
            Program(
                name=name,
                address=self.address(name),
                log=log,
                spawn=lambda: Child(command, name=name, log=log, env=environment() | settings, cwd=self.data_dir),
                healthy=healthy,
                needs=needs,
                after=after,
            )
        )

    async def _fetch_roots(self) -> None:
        """The services trust the sandbox's authority as they would a real one's: by a file of its roots."""
        self._ca_roots.write_bytes(await asyncio.to_thread(http_get, f"{self.url('sandbox')}/ca/roots.pem"))

    async def _seed(self) -> None:
        assert self._state is not None
        if SEEDED in self._state.done:
            return
        try:
            await self._step("seed")
        except StackError as error:
            raise StackError(f"the platform is green, but could not be set up: {error}") from error
        self._state.mark_done(SEEDED)
