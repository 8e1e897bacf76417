"""What the engines have in common: a data directory, a child process, and a wait until it really answers."""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from esign_kit.engines.process import Child


class EngineError(RuntimeError):
    """An engine did not start or did not answer; the text names it and ends with the tail of its log."""


class Engine(ABC):
    """An engine as a context manager, sync or async; `start` and `stop` may be repeated.

    Without `data_dir` it works in a temporary directory, removed at the end together with all data. `log` is where the
    program's own output goes (default: inside the data directory).
    """

    name: str
    stop_signal = signal.SIGTERM
    death_signal = signal.SIGTERM
    start_timeout = 60.0
    stop_grace = 10.0

    def __init__(self, data_dir: Path | None, log: Path | None) -> None:
        self.ephemeral = data_dir is None
        self.data_dir = (
            Path(tempfile.mkdtemp(prefix=f"esign-{self.name}-")) if data_dir is None else data_dir.absolute()
        )
        self.log = log or self.data_dir / f"{self.name}.log"
        self.child: Child | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Brings the data directory and the configuration into being; blocking, repeatable."""

    @abstractmethod
    def spawn(self) -> Child:
        """Starts the program."""

    @abstractmethod
    def ping(self) -> None:
        """Returns when the engine serves a client with credentials, raises anything else; blocking, under 2 s."""

    @abstractmethod
    def used_ports(self) -> list[int]:
        """The ports that `prepare` has taken."""

    def start(self) -> Self:
        """Starts the engine and returns once it answers. Raises EngineError when it does not."""
        self.prepare()
        self.child = self.spawn()
        self.wait_ready()
        return self

    async def astart(self) -> Self:
        """`start` without blocking the event loop."""
        await asyncio.to_thread(self.prepare)
        self.child = self.spawn()
        await asyncio.to_thread(self.wait_ready)
        return self

    def wait_ready(self) -> None:
        """Returns once `ping` succeeds. Raises EngineError when the program ends or takes longer than 60 s."""
        assert self.child is not None
        deadline = time.monotonic() + self.start_timeout
        while True:
            status = self.child.poll()
            if status is not None:
                raise EngineError(f"{self.name} ended at start with status {status}\n{self.child.log_tail()}")
            try:
                self.ping()
            except Exception as error:
                if time.monotonic() > deadline:
                    self.child.stop(signal.SIGKILL)
                    raise EngineError(f"{self.name} does not answer: {error}\n{self.child.log_tail()}") from error
                time.sleep(0.03)
            else:
                return

    def stop(self) -> None:
        """Stops the program; a persistent data directory is left whole, a temporary one is removed."""
        if self.child is not None:
            if self.ephemeral:
                self.child.signal_group(signal.SIGKILL)
            self.child.stop(self.stop_signal, self.stop_grace)
            self.child = None
        if self.ephemeral:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    async def astop(self) -> None:
        """`stop` without blocking the event loop."""
        await asyncio.to_thread(self.stop)

    def __enter__(self) -> Self:
        with self._stopped_on_failure():
            return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        with self._stopped_on_failure():
            return await self.astart()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.astop()

    @contextlib.contextmanager
    def _stopped_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.stop()
            raise


def write_private(path: Path, text: str) -> None:
    """Writes `path` with mode 0600 from its first byte on, replacing what was there in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)
    temporary.replace(path)
