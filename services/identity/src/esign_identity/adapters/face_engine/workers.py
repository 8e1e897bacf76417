"""The service's side of the face engine: worker processes that start when they are needed and end when they are not."""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from esign_kit.telemetry import logger

from esign_identity.adapters.face_engine import wire
from esign_identity.domain import face_refusals as refusals
from esign_identity.domain.liveness import FaceAction, FrameReport

log = logger(__name__)

SERVE: Final = "esign_identity.adapters.face_engine.serve"
START_SECONDS: Final = 30.0
# What a worker needs of the service's environment; it holds no secrets and needs no settings.
_ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "HOME")

_Answer = tuple[dict[str, object], list[bytes]]


class _Failed(Exception):
    """The worker died, hung, or answered what is no answer."""


@dataclass(slots=True)
class _Worker:
    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> _Answer:
        """Raises OSError, EOFError, ValueError."""
        text, body = wire.lengths(await self.reader.readexactly(wire.HEAD))
        if text + body > wire.LONGEST_ANSWER:
            raise ValueError("too long an answer")
        return wire.content(await self.reader.readexactly(text), await self.reader.readexactly(body))

    async def exchange(self, message: bytes) -> _Answer:
        """The answer to a message."""
        self.writer.write(message)
        await self.writer.drain()
        return await self.answer()

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


class FaceWorkers:
    """Plays `FaceEngine`, in up to `size` worker processes of about 130 MiB, started at the first image.

    A worker that had nothing to do for `idle_seconds` ends. One that does not answer within `seconds`, or dies, is
    replaced; its images are not tried again, for they may be what killed it. At most `queue` calls wait for a worker.
    """

    def __init__(
        self,
        *,
        size: int = 1,
        queue: int = 8,
        seconds: float = 15.0,
        idle_seconds: float = 300.0,
        memory_limit: int = 2 * 2**30,
    ) -> None:
        self._queue, self._seconds, self._idle_seconds = queue, seconds, idle_seconds
        self._memory_limit = memory_limit
        self._waiting = 0
        self._closed = False
        self._places = [_Place() for _ in range(size)]
        self._free: asyncio.LifoQueue[_Place] = asyncio.LifoQueue()
        for place in self._places:
            self._free.put_nowait(place)

    async def judge(self, action: FaceAction, frames: Sequence[tuple[int, bytes]]) -> FrameReport:
        """See FaceEngine. Raises Unavailable FACE_ENGINE_BUSY too, when too many wait."""
        found, blobs = await self._ask({"do": "judge", "action": action.value}, [jpeg for _, jpeg in frames])
        try:
            return wire.report_of(found, blobs)
        except ValueError as error:
            raise refusals.face_unavailable() from error

    async def embed(self, image: bytes) -> bytes | None:
        """See FaceEngine. Raises Unavailable FACE_ENGINE_BUSY too, when too many wait."""
        _, blobs = await self._ask({"do": "embed"}, [image])
        try:
            return wire.embedding_of(blobs[0]) if blobs else None
        except ValueError as error:
            raise refusals.face_unavailable() from error

    @property
    def process_ids(self) -> list[int]:
        """Of the workers that run."""
        return [place.worker.process.pid for place in self._places if place.worker is not None]

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

    async def _ask(self, asked: Mapping[str, object], blobs: Sequence[bytes]) -> _Answer:
        place = await self._place()
        try:
            # A caller that gives up leaves the worker to finish, out of sight.
            found, answered = await asyncio.shield(asyncio.ensure_future(self._work(place, wire.message(asked, blobs))))
        except _Failed as error:
            raise refusals.face_unavailable() from error
        if "error" in found:
            log.error("face engine failed", error=found["error"])
            raise refusals.face_unavailable()
        return found, answered

    async def _place(self) -> _Place:
        with contextlib.suppress(asyncio.QueueEmpty):
            return self._free.get_nowait()
        if self._waiting >= self._queue:
            raise refusals.face_engine_busy()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                return await self._free.get()
        except TimeoutError as error:
            raise refusals.face_engine_busy() from error
        finally:
            self._waiting -= 1

    async def _work(self, place: _Place, message: bytes) -> _Answer:
        if place.retirement is not None:
            place.retirement.cancel()
        try:
            if self._closed:
                raise _Failed("the service is ending")
            worker = place.worker or await self._start(place)
            async with asyncio.timeout(self._seconds):
                return await worker.exchange(message)
        except (TimeoutError, OSError, EOFError, ValueError, KeyError, TypeError) as error:
            self._discard(place, error)
            raise _Failed from error
        except BaseException:
            self._end(place)
            raise
        finally:
            self._release(place)

    async def _start(self, place: _Place) -> _Worker:
        """Raises what `_work` takes for a failure."""
        began = time.monotonic()
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", SERVE, str(theirs.fileno()), str(self._memory_limit)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # One thread, and no arena per core.
                env=environment | {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
            )
        worker = place.worker = _Worker(process, *await asyncio.open_connection(sock=ours))
        async with asyncio.timeout(START_SECONDS):
            await worker.answer()
        log.info("face worker started", process_id=process.pid, milliseconds=round((time.monotonic() - began) * 1000))
        return worker

    def _discard(self, place: _Place, error: Exception) -> None:
        if place.worker is not None:
            log.warning("face worker discarded", process_id=place.worker.process.pid, why=type(error).__name__)
            self._end(place)

    def _release(self, place: _Place) -> None:
        if place.worker is not None and not self._closed:
            place.retirement = asyncio.get_running_loop().call_later(self._idle_seconds, self._end, place)
        self._free.put_nowait(place)

    def _end(self, place: _Place) -> None:
        """The next call that gets the place starts another."""
        if place.worker is not None:
            place.worker.kill()
            place.worker = None
