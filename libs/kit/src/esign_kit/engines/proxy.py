"""A TCP proxy that can be told to be a bad network."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self


class TcpProxy:
    """Forwards `127.0.0.1:port` to a target, and on demand delays, hangs, refuses or cuts.

    ::

        async with TcpProxy("127.0.0.1", engine.port) as proxy:
            proxy.hang()        # bytes go nowhere, connections stay open, as after a pulled cable
            proxy.delay(0.2)    # each piece of data takes that many seconds longer, both ways
            await proxy.cut()   # every connection is reset; new ones work
            await proxy.refuse()  # nobody listens any more, and every connection is reset
            await proxy.heal()  # as new
    """

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.port = 0
        self.accepted = 0
        self._delay = 0.0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flowing.set()
        await self.refuse()

    @property
    def address(self) -> str:
        """`host:port` to connect to."""
        return f"127.0.0.1:{self.port}"

    def delay(self, seconds: float) -> None:
        """Holds back every piece of data by `seconds`, in each direction."""
        self._delay = seconds

    def hang(self) -> None:
        """Stops all traffic without closing anything; new connections are accepted and stay silent."""
        self._flowing.clear()

    async def cut(self) -> None:
        """Resets every open connection."""
        for writer in list(self._writers):
            with contextlib.suppress(Exception):
                writer.transport.abort()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def refuse(self) -> None:
        """Stops listening and resets every open connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.cut()

    async def heal(self) -> None:
        """Forwards again, without delay, on the same port; what was held back arrives now."""
        self._delay = 0.0
        self._flowing.set()
        if self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.accepted += 1
        self._tasks.add(task)
        self._writers.add(writer)
        upstream: asyncio.StreamWriter | None = None
        try:
            await self._flowing.wait()
            answers, upstream = await asyncio.open_connection(*self.target)
            self._writers.add(upstream)
            await asyncio.gather(self._pump(reader, upstream), self._pump(answers, writer))
        except OSError:
            writer.transport.abort()
        except asyncio.CancelledError:
            pass  # cut() has reset the connection; the server must not take this for its own cancellation
        finally:
            self._tasks.discard(task)
            for end in (writer, upstream):
                if end is not None:
                    self._writers.discard(end)
                    end.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            if self._delay:
                await asyncio.sleep(self._delay)
            await self._flowing.wait()
            sink.write(data)
            await sink.drain()
        with contextlib.suppress(OSError):
            sink.write_eof()
