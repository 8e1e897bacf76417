"""How one asks a program whether it serves. Calling a Health raises when it does not.

All are spoken by hand: the supervisor lives as long as the platform, and the clients would be most of its memory.
"""

import asyncio
import contextlib
import http.client
import struct
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

from esign_kit.engines import Engine

Health = Callable[[], Awaitable[None]]

SECONDS: Final = 3.0

# HTTP/2 (RFC 9113): frame types and flags.
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY = 0, 1, 3, 4, 6, 7
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# A gRPC message (not compressed, its length) of HealthCheckRequest{} and of HealthCheckResponse{status: SERVING}.
_REQUEST: Final = bytes(5)
_SERVING: Final = b"\0\0\0\0\2\x08\x01"


class GrpcHealth:
    """grpc.health.v1 on a plain port: one call by HTTP/2 with prior knowledge, a connection each time."""

    def __init__(self, address: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)

    async def __call__(self) -> None:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection(self._host, self._port)
            try:
                headers = {
                    ":method": "POST",
                    ":scheme": "http",
                    ":path": "/grpc.health.v1.Health/Check",
                    ":authority": f"{self._host}:{self._port}",
                    "te": "trailers",
                    "content-type": "application/grpc",
                }
                writer.write(
                    _PREFACE
                    + _frame(_SETTINGS, 0, 0)
                    + _frame(_HEADERS, _END_HEADERS, 1, b"".join(_literal(*pair) for pair in headers.items()))
                    + _frame(_DATA, _END_STREAM, 1, _REQUEST)
                )
                answer = await self._answer(reader, writer)
            except asyncio.IncompleteReadError:
                raise ConnectionError("health check: the connection was closed") from None
            finally:
                writer.close()
        if answer != _SERVING:
            raise ConnectionError("health check: NOT_SERVING")

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """The body of the answer, as far as there is one."""
        body = b""
        while True:
            high, low, kind, flags, stream = struct.unpack(">BHBBI", await reader.readexactly(9))
            content = await reader.readexactly(high << 16 | low)
            if kind in (_RST_STREAM, _GOAWAY):
                raise ConnectionError("health check: refused")
            if kind in (_SETTINGS, _PING) and not flags & _ACK:
                writer.write(_frame(kind, _ACK, 0, content if kind == _PING else b""))
            if kind == _DATA and stream == 1:
                body += content
            if kind in (_DATA, _HEADERS) and stream == 1 and flags & _END_STREAM:
                return body


class HttpHealth:
    """`GET <url>/healthz`, answered with 200."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/healthz"

    async def __call__(self) -> None:
        await asyncio.to_thread(http_get, self._url)


class PostgresHealth:
    """Whether the server would take a login, as pg_isready asks: a start-up message is answered by a demand for proof."""

    def __init__(self, address: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)

    async def __call__(self) -> None:
        parameters = b"user\0postgres\0database\0postgres\0\0"
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection(self._host, self._port)
            try:
                writer.write(struct.pack(">II", 8 + len(parameters), 3 << 16) + parameters)
                kind = await reader.read(1)
            finally:
                writer.close()
        if kind != b"R":
            raise ConnectionError("the database does not take logins")


class EngineHealth:
    """An engine's own ping, in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self) -> None:
        await asyncio.to_thread(self._engine.ping)


def http_get(url: str) -> bytes:
    """The body of an answer with 200. Blocking. Raises OSError, http.client.HTTPException."""
    parts = urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=SECONDS)) as connection:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        body = answer.read()
    if answer.status != 200:
        raise ConnectionError(f"HTTP {answer.status}")
    return body


def _frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    return struct.pack(">BHBBI", len(content) >> 16, len(content) & 0xFFFF, kind, flags, stream) + content


def _literal(name: str, value: str) -> bytes:
    """A header field without indexing and with a new name (RFC 7541 section 6.2.2); both shorter than 127."""
    return b"".join((b"\0", bytes([len(name)]), name.encode(), bytes([len(value)]), value.encode()))
