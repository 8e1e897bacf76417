"""Starts programs in the order of their dependencies, keeps them running, and ends them all."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from esign_kit.engines import Child
from esign_kit.engines.process import tail

from esign_local.state import StackError

LOG_LIMIT = 10 * 1024 * 1024
POLL = 0.05
WATCH = 0.1
HEALTH_EVERY = 3.0
FIRST_TRIES = 3
LONGEST_BACKOFF = 10.0
CALM = 30.0


class Phase(StrEnum):
    """Where a program is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    GREEN = "green"
    UNWELL = "unwell"
    RESTARTING = "restarting"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass
class Program:
    """One supervised program.

    `spawn` starts the process; `healthy` returns when it serves and raises otherwise, within a few seconds; `before`
    runs ahead of every start; `after` runs once per start, when it has become healthy, before it counts as green.
    """

    name: str
    address: str
    log: Path
    spawn: Callable[[], Child]
    healthy: Callable[[], Awaitable[None]]
    needs: Sequence[str] = ()
    before: Callable[[], Awaitable[None]] | None = None
    after: Callable[[], Awaitable[object]] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 8.0
    start_timeout: float = 90.0

    phase: Phase = Phase.WAITING
    child: Child | None = None
    restarts: int = 0
    reason: str = ""
    took: float = 0.0
    green: asyncio.Event = field(default_factory=asyncio.Event)


class Supervisor:
    """Runs programs. `changed(program)` is called whenever one enters another phase."""

    def __init__(self, changed: Callable[[Program], None] = lambda program: None) -> None:
        self.programs: dict[str, Program] = {}
        self._changed = changed
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._was_green = False

    def add(self, program: Program) -> None:
        """Registers a program; its `needs` must be registered before it."""
        missing = [name for name in program.needs if name not in self.programs]
        if missing:
            raise ValueError(f"{program.name} needs {missing}, which are not there")
        self.programs[program.name] = program

    async def start_all(self) -> None:
        """Starts everything, as much as possible at once, and returns when all is green.

        Raises StackError naming what failed, with the tail of its log; what had started is still running then.
        """
        for program in self.programs.values():
            self._tasks[program.name] = asyncio.create_task(self._run(program), name=program.name)
        all_green = asyncio.create_task(self._all_green())
        try:
            await asyncio.wait([all_green, *self._tasks.values()], return_when=asyncio.FIRST_COMPLETED)
            for task in self._tasks.values():
                if task.done():
                    task.result()
        finally:
            all_green.cancel()
        self._was_green = True

    async def stop_all(self, waves: Sequence[Sequence[str]] = ()) -> None:
        """Ends every program: the `waves` of names one after another, then the rest in the reverse order of their start."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()
        for wave in waves:
            await asyncio.gather(*(self._end(self.programs[name]) for name in wave if name in self.programs))
        for program in reversed(self.programs.values()):
            await self._end(program)

    async def stop(self, name: str) -> None:
        """Ends one program and leaves it ended."""
        program = self.programs[name]
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._end(program)

    async def start(self, name: str) -> None:
        """Starts one program that `stop` ended, and returns when it is green. Raises StackError when it does not get there."""
        if name not in self._tasks or self._tasks[name].done():
            self._tasks[name] = asyncio.create_task(self._run(self.programs[name]), name=name)
        await self.wait_green(name)

    async def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Sends a signal to the program's process, and after a deadly one waits for its end; it is then restarted."""
        program = self.programs[name]
        child = program.child
        if child is None or child.poll() is not None:
            raise StackError(f"{name} is not running")
        program.green.clear()
        child.send(number)
        if number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT):
            while program.child is child and child.poll() is None:  # noqa: ASYNC110 - there is no event for this
                await asyncio.sleep(POLL)
            program.green.clear()

    def pause(self, name: str) -> None:
        """Freezes a program and all that it started (SIGSTOP)."""
        self._signal_group(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Lets a frozen program go on (SIGCONT)."""
        self._signal_group(name, signal.SIGCONT)

    async def wait_green(self, name: str, within: float = 60.0) -> None:
        """Returns when the program is green. Raises StackError when it gave up or takes longer than `within` seconds."""
        program = self.programs[name]
        deadline = time.monotonic() + within
        while not program.green.is_set():
            task = self._tasks.get(name)
            if task is not None and task.done() and not task.cancelled():
                task.result()
            if time.monotonic() > deadline:
                raise StackError(f"{name} is {program.phase} after {within:.0f} s: {program.reason}{_log(program)}")
            await asyncio.sleep(POLL)

    def _signal_group(self, name: str, number: signal.Signals) -> None:
        child = self.programs[name].child
        if child is None:
            raise StackError(f"{name} is not running")
        child.signal_group(number)

    async def _all_green(self) -> None:
        for program in self.programs.values():
            await program.green.wait()

    async def _run(self, program: Program) -> None:
        """The life of one program: start, watch, restart with growing pauses."""
        for name in program.needs:
            await self.programs[name].green.wait()
        failures = 0
        while True:
            started = time.monotonic()
            try:
                await self._bring_up(program)
                await self._watch(program)
            except StackError as error:
                program.reason = str(error)
            program.green.clear()
            if program.child is not None:
                await asyncio.to_thread(program.child.stop, signal.SIGKILL)
            failures = 1 if time.monotonic() - started > CALM else failures + 1
            if not self._was_green and failures >= FIRST_TRIES:
                self._enter(program, Phase.FAILED)
                raise StackError(f"{program.name}: {program.reason}{_log(program)}")
            program.restarts += 1
            self._enter(program, Phase.RESTARTING)
            await asyncio.sleep(min(LONGEST_BACKOFF, 0.1 * 2 ** (failures - 1)))

    async def _bring_up(self, program: Program) -> None:
        """Starts the process and returns when it is green. Raises StackError."""
        begun = time.monotonic()
        self._enter(program, Phase.STARTING)
        rotate(program.log)
        try:
            if program.before is not None:
                await program.before()
            program.child = child = program.spawn()
        except Exception as error:
            raise StackError(f"cannot be started: {error}") from error
        while True:
            self._check_alive(child)
            try:
                async with asyncio.timeout(5):
                    await program.healthy()
                break
            except Exception as error:
                if time.monotonic() - begun > program.start_timeout:
                    raise StackError(f"not healthy after {program.start_timeout:.0f} s: {describe(error)}") from error
            await asyncio.sleep(POLL)
        self._check_alive(child)  # an answer may have come from a stranger on the same port
        if program.after is not None:
            try:
                await program.after()
            except Exception as error:
                raise StackError(f"could not be set up: {describe(error)}") from error
        program.took = time.monotonic() - begun
        self._enter(program, Phase.GREEN)
        program.green.set()

    async def _watch(self, program: Program) -> None:
        """Returns never: raises StackError when the process has ended. Notices when it is there but does not serve."""
        assert program.child is not None
        next_look = time.monotonic() + HEALTH_EVERY
        while True:
            self._check_alive(program.child)
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + HEALTH_EVERY
                rotate(program.log)
                try:
                    async with asyncio.timeout(5):
                        await program.healthy()
                except Exception as error:
                    self._check_alive(program.child)
                    program.reason = describe(error)
                    program.green.clear()
                    self._enter(program, Phase.UNWELL)
                else:
                    self._enter(program, Phase.GREEN)
                    program.green.set()
            await asyncio.sleep(WATCH)

    def _check_alive(self, child: Child) -> None:
        status = child.poll()
        if status is not None:
            how = signal.Signals(-status).name if status < 0 else f"status {status}"
            raise StackError(f"ended with {how}")

    async def _end(self, program: Program) -> None:
        if program.child is not None:
            await asyncio.to_thread(program.child.stop, program.stop_signal, program.grace)
            program.child = None
        program.green.clear()
        if program.phase is not Phase.FAILED:
            self._enter(program, Phase.STOPPED)

    def _enter(self, program: Program, phase: Phase) -> None:
        if program.phase is not phase:
            program.phase = phase
            self._changed(program)


def environment() -> dict[str, str]:
    """What the programs inherit: no proxy, no foreign trust, no other settings."""
    dropped = {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "ESIGN_SETTINGS_FILE"}
    kept = {
        key: value for key, value in os.environ.items() if key not in dropped and not key.lower().endswith("_proxy")
    }
    # Few malloc arenas: a thread pool would otherwise multiply the memory of a quiet service.
    return {**kept, "PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"}


def describe(error: BaseException) -> str:
    """An exception in one line."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]


def rotate(log: Path, limit: int = LOG_LIMIT) -> None:
    """Moves the content of a log that has grown beyond `limit` bytes to `<log>.1`; its writer appends and goes on."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > limit:
            log.with_name(log.name + ".1").write_bytes(log.read_bytes())
            with log.open("r+b") as stream:
                stream.truncate(0)


def _log(program: Program) -> str:
    text = tail(program.log, 25)
    return f"\n── end of {program.log}\n{text}" if text else ""
