"""Files that go out: streamed from the object store to the client, counted as far as the client's machine acknowledged them."""

import asyncio
import contextlib
import fcntl
import struct
import sys
import termios
from typing import Protocol
from urllib.parse import quote

import httpx
from esign.common.v1 import common_pb2
from esign_kit.errors import EsignError, Unavailable
from esign_kit.telemetry import logger
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = logger(__name__)

CHUNK = 64 * 1024
STALL_SECONDS = 60.0
"""A client that takes nothing for so long has gone."""
ACKNOWLEDGE_SECONDS = 30.0
LAST_PART = 1024
"""Bytes held back until the download is claimed: little, so that they arrive at once or not at all."""
LAST_PART_SECONDS = 10.0
"""For so long they are waited for; shorter than the claim lasts."""
CONNECTION = "esign.connection"


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP connection, which also tells how much of what was written has not arrived yet.

    An HTTP server knows that bytes were handed to the kernel; a small file is handed over whole before the client has read
    any of it. The kernel knows what the other side acknowledged (SIOCOUTQ, tcp(7)). Behind a proxy this is the proxy's side,
    so a proxy must not buffer downloads; `X-Accel-Buffering: no` asks for that.
    """

    broken = False
    _left_at_end: int | None = None

    def on_message_begin(self) -> None:
        """A request begins: let the application find its connection."""
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: {CONNECTION: self}}

    def connection_lost(self, exc: Exception | None) -> None:
        """Keep what is known in the last moment in which the socket can be asked."""
        self._left_at_end = self.unacknowledged()
        # A reset, rather than an orderly end, means that the client did not read all that reached it.
        self.broken = exc is not None
        super().connection_lost(exc)

    def unacknowledged(self) -> int:
        """Bytes written that the other side has not acknowledged; 0 where the operating system does not tell."""
        if self._left_at_end is not None:
            return self._left_at_end
        waiting = self.transport.get_write_buffer_size()
        sock = self.transport.get_extra_info("socket")
        if sock is None or not sys.platform.startswith("linux"):
            return waiting
        try:
            answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
        except OSError:
            return waiting
        return waiting + int(struct.unpack("i", answer)[0])


class ObjectReader:
    """Reads objects by the presigned URLs that the services hand out."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def open(self, source: common_pb2.PresignedUrl) -> httpx.Response:
        """The object as an open response, to be closed. Raises Unavailable when the store does not give exactly that size."""
        refusal = Unavailable(
            "OBJECT_STORE_UNAVAILABLE", zh="文件暂时无法读取，请稍后重试", en="The file cannot be read now"
        )
        request = self._client.build_request("GET", source.url, headers={"accept-encoding": "identity"})
        try:
            answer = await self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            log.warning("object store does not answer", error=type(error).__name__)
            raise refusal from error
        if answer.status_code != 200 or answer.headers.get("content-length") != str(source.size):
            await answer.aclose()
            log.warning("object store refuses", status=answer.status_code)
            raise refusal
        return answer


class Once(Protocol):
    """A download that there is one of."""

    async def claim(self) -> None:
        """Asked before the last part goes out. Raises EsignError when it must not."""

    def finished(self, bytes_sent: int) -> None:
        """Told how many bytes arrived, however it ended."""


class RelayedFile(Response):
    """A response that streams an object; `once` is asked before its last part, and told how it ended.

    Chunks are read only as fast as the client takes them.
    """

    def __init__(
        self,
        source: httpx.Response,
        *,
        size: int,
        headers: dict[str, str],
        once: Once | None = None,
    ) -> None:
        super().__init__(status_code=200, headers={**headers, "content-length": str(size)})
        self._source, self._size, self._once = source, size, once
        self._handed_over = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI. Raises when the object ends early, the client stalls, or the last part must not go out, so that the server
        cuts the connection."""
        connection: Connection | None = scope.get("extensions", {}).get(CONNECTION, {}).get(CONNECTION)
        gone = asyncio.create_task(_until_disconnect(receive))
        arrived: int | None = None
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            held = await self._relay(send, gone)
            if held and not gone.done():
                await self._hand_over_last(held, send, gone, connection)
            seconds = LAST_PART_SECONDS if self._once else ACKNOWLEDGE_SECONDS
            arrived = self._handed_over - await _missing(connection, gone, seconds)
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            if self._once:
                # Cut off midway: at least the last byte did not arrive.
                self._once.finished(min(self._handed_over, self._size - 1) if arrived is None else max(0, arrived))
            gone.cancel()
            await self._source.aclose()

    async def _relay(self, send: Send, gone: "asyncio.Task[None]") -> bytes:
        """Hand over the object, but for the last part where that has to be claimed: answers it."""
        held = b""
        async for chunk in self._source.aiter_raw(CHUNK):
            if gone.done():
                return b""
            parts = held + chunk
            held = parts[-LAST_PART:] if self._once else b""
            await self._hand_over(send, parts[: len(parts) - len(held)])
        if self._handed_over + len(held) != self._size:
            raise OSError("the object ended early")
        return held

    async def _hand_over(self, send: Send, part: bytes) -> None:
        async with asyncio.timeout(STALL_SECONDS):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        self._handed_over += len(part)

    async def _hand_over_last(
        self, held: bytes, send: Send, gone: "asyncio.Task[None]", connection: Connection | None
    ) -> None:
        assert self._once is not None
        if await _missing(connection, gone, ACKNOWLEDGE_SECONDS):
            if gone.done():
                return
            raise OSError("the client does not take what was sent")
        try:
            await self._once.claim()
        except EsignError as error:
            raise OSError(f"the last part is held back: {error.reason}") from error
        await self._hand_over(send, held)


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _missing(connection: Connection | None, gone: "asyncio.Task[None]", seconds: float) -> int:
    """Bytes that did not arrive: waits until all are acknowledged, or the connection ends, or it takes too long."""
    if connection is None:
        return 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while connection.unacknowledged() and not gone.done():
                await asyncio.wait({gone}, timeout=0.01)
    left = connection.unacknowledged()
    return max(left, 1) if connection.broken else left


def attachment(file_name: str) -> dict[str, str]:
    """Headers that have a browser save the answer under this name (RFC 6266, RFC 8187)."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_. ") else "_" for c in file_name)
    return {"content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"}
