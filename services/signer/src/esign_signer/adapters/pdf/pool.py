"""Long-lived worker processes, one executor each, so that a worker that hangs or dies takes nobody else's work with
it."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import sys
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

from esign_kit.telemetry import logger

from esign_signer.adapters.pdf import worker
from esign_signer.adapters.pdf.settings import WorkerSettings
from esign_signer.app.ports import WorkerFailed

log = logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

START_DEADLINE: Final = 60.0
PRELOAD: Final = "esign_signer.adapters.pdf.preload"


class _Died(Exception):
    """The worker died."""


@dataclass(slots=True)
class _Worker:
    executor: ProcessPoolExecutor
    process_id: int


class WorkerPool:
    """`size` worker processes. They are forked from one server process that has imported everything once."""

    def __init__(self, settings: WorkerSettings, size: int) -> None:
        self._settings = settings
        self._size = size
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([PRELOAD])
        self._idle: asyncio.Queue[_Worker | None] = asyncio.Queue()
        for _ in range(size):
            self._idle.put_nowait(None)

    async def warm_up(self) -> None:
        """Starts every worker. Raises WorkerFailed when one does not come up."""
        started = await asyncio.gather(*(self._start() for _ in range(self._size)))
        while not self._idle.empty():
            self._idle.get_nowait()
        for one in started:
            self._idle.put_nowait(one)

    async def run(self, function: Callable[P, T], seconds: float, /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `function`, which can be repeated, in a worker within `seconds`, once one is free.

        Raises what it raises; WorkerFailed when the worker was too slow, or when a second one died as well. A caller
        that is cancelled leaves the worker to finish, out of sight.
        """
        try:
            return await self._attempt(function, seconds, *args, **kwargs)
        except _Died:
            log.warning("worker died, work is repeated")
        try:
            return await self._attempt(function, seconds, *args, **kwargs)
        except _Died as error:
            raise WorkerFailed("two workers died") from error

    async def _attempt(self, function: Callable[P, T], seconds: float, /, *args: P.args, **kwargs: P.kwargs) -> T:
        one = await self._idle.get()
        try:
            if one is None:
                one = await self._start()
            future = one.executor.submit(function, *args, **kwargs)
        except BrokenProcessPool as error:
            self._discard(one)
            raise _Died from error
        except BaseException:
            self._discard(one)
            raise
        return await asyncio.shield(asyncio.ensure_future(self._result(one, asyncio.wrap_future(future), seconds)))

    async def _result(self, one: _Worker, future: "asyncio.Future[T]", seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                result = await future
        except TimeoutError as error:
            self._discard(one)
            raise WorkerFailed(f"no answer within {seconds} s") from error
        except BrokenProcessPool as error:
            self._discard(one)
            raise _Died from error
        except BaseException:
            self._idle.put_nowait(one)
            raise
        self._idle.put_nowait(one)
        return result

    async def _start(self) -> _Worker:
        executor = ProcessPoolExecutor(
            1, mp_context=self._context, initializer=worker.start, initargs=(self._settings,)
        )
        try:
            with _without_main():
                future = executor.submit(worker.process_id)
            async with asyncio.timeout(START_DEADLINE):
                return _Worker(executor, await asyncio.wrap_future(future))
        except (TimeoutError, BrokenProcessPool) as error:
            executor.shutdown(wait=False, cancel_futures=True)
            raise WorkerFailed("a worker did not start") from error

    def _discard(self, one: _Worker | None) -> None:
        """Kills a worker; the next call that gets its place starts another."""
        if one is not None:
            log.warning("worker discarded", process_id=one.process_id)
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.process_id, signal.SIGKILL)
            one.executor.shutdown(wait=False, cancel_futures=True)
        self._idle.put_nowait(None)

    async def close(self) -> None:
        """Ends the workers, finishing nothing."""
        while not self._idle.empty():
            one = self._idle.get_nowait()
            if one is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one.process_id, signal.SIGKILL)
                one.executor.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """multiprocessing has every child import the parent's main module again; ours is a whole service that a worker
    needs nothing of."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
