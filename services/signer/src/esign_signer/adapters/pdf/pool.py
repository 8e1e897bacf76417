"""Worker processes, each with a connection of its own, so that one that hangs or dies takes nobody else's work with it."""

import asyncio
import contextlib
import pickle
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar, cast

from esign_kit.telemetry import logger

from esign_signer.adapters.pdf import serve
from esign_signer.adapters.pdf.settings import WorkerSettings
from esign_signer.app.ports import WorkerFailed

log = logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

START_DEADLINE: Final = 60.0


class _Died(Exception):
    """The worker died."""


@dataclass(slots=True)
class _Worker:
    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def exchange(self, message: object) -> object:
        """The answer to a message. Raises OSError, EOFError when the worker dies."""
        self.writer.write(serve.frame(message))
        await self.writer.drain()
        length = int.from_bytes(await self.reader.readexactly(serve.LENGTH), "big")
        return pickle.loads(await self.reader.readexactly(length))  # noqa: S301 - our own program on a socket of its own

    def kill(self) -> None:
        """Ends it at once."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.writer.close()
        if self.process.stdin is not None:
            self.process.stdin.close()


@dataclass(slots=True, eq=False)
class _Place:
    worker: _Worker | None = None
    retirement: asyncio.TimerHandle | None = None


class WorkerPool:
    """Up to `size` worker processes, started when they are first needed.

    One that had nothing to do for `idle_seconds` is ended, for it holds some 70 MiB; with 0 it stays.
    """

    def __init__(self, settings: WorkerSettings, size: int, *, idle_seconds: float = 0) -> None:
        self._settings = settings
        self._idle_seconds = idle_seconds
        self._closed = False
        self._places = [_Place() for _ in range(size)]
        self._free: asyncio.LifoQueue[_Place] = asyncio.LifoQueue()
        for place in self._places:
            self._free.put_nowait(place)

    async def warm_up(self) -> None:
        """Starts every worker ahead of its first work. Raises WorkerFailed when one does not come up."""
        places = [await self._free.get() for _ in self._places]
        try:
            await asyncio.gather(*(self._start(place) for place in places))
        finally:
            for place in places:
                self._release(place)

    async def run(self, function: Callable[P, T], seconds: float, /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `function`, which can be repeated, in a worker within `seconds`, once one is free.

        Raises what it raises; WorkerFailed when the worker was too slow, or when a second one died as well. A caller
        that is cancelled leaves the worker to finish, out of sight.
        """
        message = (function, args, kwargs)
        try:
            return cast(T, await self._attempt(message, seconds))
        except _Died:
            log.warning("worker died, work is repeated")
        try:
            return cast(T, await self._attempt(message, seconds))
        except _Died as error:
            raise WorkerFailed("two workers died") from error

    async def _attempt(self, message: object, seconds: float) -> object:
        place = await self._free.get()
        return await asyncio.shield(asyncio.ensure_future(self._work(place, message, seconds)))

    async def _work(self, place: _Place, message: object, seconds: float) -> object:
        if place.retirement is not None:
            place.retirement.cancel()
        try:
            if self._closed:
                raise WorkerFailed("the service is ending")
            worker = place.worker or await self._start(place)
            async with asyncio.timeout(seconds):
                answer = await worker.exchange(message)
        except TimeoutError as error:
            self._discard(place)
            raise WorkerFailed(f"no answer within {seconds} s") from error
        except (OSError, EOFError) as error:
            self._discard(place)
            raise _Died from error
        except BaseException:
            self._discard(place)
            raise
        finally:
            self._release(place)
        done, result = cast(tuple[bool, object], answer)
        if not done:
            raise cast(Exception, result)
        return result

    async def _start(self, place: _Place) -> _Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", serve.__name__, str(theirs.fileno())),
                stdin=asyncio.subprocess.PIPE,
                pass_fds=[theirs.fileno()],
            )
        worker = place.worker = _Worker(process, *await asyncio.open_connection(sock=ours))
        try:
            async with asyncio.timeout(START_DEADLINE):
                await worker.exchange(self._settings)
        except (TimeoutError, OSError, EOFError) as error:
            self._discard(place)
            raise WorkerFailed("a worker did not start") from error
        return worker

    def _discard(self, place: _Place) -> None:
        """Kills a worker; the next call that gets its place starts another."""
        if place.worker is not None:
            log.warning("worker discarded", process_id=place.worker.process.pid)
            self._end(place)

    def _release(self, place: _Place) -> None:
        if self._idle_seconds and place.worker is not None and not self._closed:
            place.retirement = asyncio.get_running_loop().call_later(self._idle_seconds, self._end, place)
        self._free.put_nowait(place)

    def _end(self, place: _Place) -> None:
        if place.worker is not None:
            place.worker.kill()
            place.worker = None

    async def close(self) -> None:
        """Ends the workers, finishing nothing."""
        self._closed = True
        for place in self._places:
            if place.retirement is not None:
                place.retirement.cancel()
            process = place.worker.process if place.worker is not None else None
            self._end(place)
            if process is not None:
                await process.wait()
