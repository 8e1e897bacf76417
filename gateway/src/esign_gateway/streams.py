"""Server-sent events (HTML Living Standard, 9.2): what a service tells by a server-streaming RPC, passed on to a browser."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol
from weakref import WeakSet

from esign_kit.context import deadline_var
from esign_kit.errors import EsignError, Limited, TimedOut, Unavailable
from esign_kit.telemetry import logger
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

log = logger(__name__)

STREAM_SECONDS = 110.0
"""For so long a stream lasts; shorter than an RPC may, and the session is looked at again with the next one."""
HEARTBEAT_SECONDS = 15.0
STALL_SECONDS = 20.0
"""A client that takes nothing for so long has gone."""
PER_SESSION = 3
RETRY_MILLISECONDS = 1000


class Call(Protocol):
    """A server-streaming RPC."""

    def __aiter__(self) -> AsyncIterator[Any]:
        """Its messages. Raises EsignError."""

    def cancel(self) -> bool:
        """Break it off."""


class EventStream(Response):
    """A response that sends an event for every message of a call, and breaks the call off when the client goes."""

    media_type = "text/event-stream"

    def __init__(self, render: Callable[[Any], bytes], closing: asyncio.Event, done: Callable[[], None]) -> None:
        super().__init__(headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._render, self._closing, self._done = render, closing, done
        self._call: Call | None = None
        self._messages: AsyncIterator[Any]
        self._first: Any = None

    async def begin(self, ask: Callable[[], Call]) -> None:
        """Make the call and wait for its first message. Raises EsignError: the answer is then no stream."""
        deadline_var.set(time.monotonic() + STREAM_SECONDS)
        try:
            self._call = ask()
            self._messages = aiter(self._call)
            self._first = await anext(self._messages)
        except StopAsyncIteration:
            self._end()
            raise Unavailable("SERVICE_UNAVAILABLE", zh="服务暂时不可用，请稍后重试", en="No answer") from None
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        if self._call is not None:
            self._call.cancel()
        self._done()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        gone = asyncio.create_task(_until_disconnect(receive))
        closing = asyncio.create_task(self._closing.wait())
        message = asyncio.ensure_future(_resolved(self._first))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await _send(send, f"retry: {RETRY_MILLISECONDS}\n\n".encode())
            end = time.monotonic() + STREAM_SECONDS
            while (left := end - time.monotonic()) > 0:
                done, _ = await asyncio.wait(
                    {message, gone, closing}, timeout=min(left, HEARTBEAT_SECONDS), return_when=asyncio.FIRST_COMPLETED
                )
                if gone in done or closing in done or time.monotonic() >= end:
                    break
                if message not in done:
                    await _send(send, b": still here\n\n")
                    continue
                if (found := _message_of(message)) is None:
                    break
                await _send(send, self._render(found))
                message = asyncio.ensure_future(anext(self._messages))
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            log.info("a reader of events takes nothing")
            raise
        finally:
            self._end()
            for task in (gone, closing, message):
                task.cancel()
            await asyncio.gather(gone, closing, message, return_exceptions=True)


class Streams:
    """The streams that are open in this process; `elsewhere(session_id)` says how many of a session are open in others, and
    a session has at most `PER_SESSION` in all."""

    def __init__(self, elsewhere: Callable[[str], int] = lambda session_id: 0) -> None:
        # Weakly: a stream whose client went before it began is not counted.
        self._open: defaultdict[str, WeakSet[EventStream]] = defaultdict(WeakSet)
        self._elsewhere = elsewhere
        self._closing = asyncio.Event()

    async def open(self, session_id: str, ask: Callable[[], Call], render: Callable[[Any], bytes]) -> EventStream:
        """A stream of what `ask()` answers. Raises Limited, and EsignError when the first message does not come."""
        if len(self._open.get(session_id, ())) + self._elsewhere(session_id) >= PER_SESSION:
            raise Limited(
                "TOO_MANY_STREAMS",
                zh="打开的页面过多，请关闭其他页面后重试",
                en="Too many pages are open; close another one first",
                retry_after_seconds="10",
            )
        mine = self._open[session_id]

        def done() -> None:
            mine.discard(stream)
            if not mine:
                self._open.pop(session_id, None)

        stream = EventStream(render, self._closing, done)
        mine.add(stream)
        await stream.begin(ask)
        return stream

    def by_session(self) -> dict[str, int]:
        """How many are open, by session."""
        return {session_id: len(streams) for session_id, streams in self._open.items() if streams}

    def count(self) -> int:
        """How many are open."""
        return sum(self.by_session().values())

    def close(self) -> None:
        """End all: browsers connect again, to another process."""
        self._closing.set()


def event(name: str, data: str) -> bytes:
    """One event; `data` is one line."""
    return f"event: {name}\ndata: {data}\n\n".encode()


def _message_of(task: "asyncio.Future[Any]") -> Any:
    """What came; None at the end, however it came about: the client connects again and is told then."""
    try:
        return task.result()
    except (StopAsyncIteration, TimedOut):
        return None
    except EsignError as error:
        log.info("events end early", reason=error.reason)
        return None


async def _send(send: Send, body: bytes) -> None:
    async with asyncio.timeout(STALL_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _resolved(value: Any) -> Any:
    return value


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
