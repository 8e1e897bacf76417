"""People at real browsers: Chromium on a computer and on a phone, each at a network address of its own.

What a page reports as broken (a console error, a violation of its policy, a failed request) is kept by its seat, and told when
the seat is left; a test that provokes a refusal says so beforehand.
"""

import asyncio
import contextlib
import re
import shutil
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import httpx
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, Response, expect

from esign_e2e.doors import loopback

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESK: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 360, "height": 740}
PATIENCE_MS: Final = 20_000
_ANDROID: Final = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"


def camera_flags(clip: Path) -> tuple[str, ...]:
    """Flags that make a file of concatenated JPEGs the camera, which every page may use."""
    return (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={clip}",
    )


async def launch(playwright: Playwright, *extra: str) -> Browser:
    """The system's Chromium. Raises FileNotFoundError where there is none."""
    path = shutil.which("chromium")
    if path is None:
        raise FileNotFoundError("chromium is not installed: run `make setup`")
    expect.set_options(timeout=PATIENCE_MS)
    return await playwright.chromium.launch(executable_path=path, args=[*FLAGS, *extra])


class Line:
    """A SOCKS 5 proxy (RFC 1928, CONNECT only) whose connections come from one address of this machine, so that limits by
    address see different people."""

    def __init__(self, number: int) -> None:
        self._address = loopback(number)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """For Chromium."""
        assert self._server is not None
        return f"socks5://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connect(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            try:
                _, methods = await reader.readexactly(2)
                await reader.readexactly(methods)
                writer.write(b"\x05\x00")
                *_, kind = await reader.readexactly(4)
                size = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
                raw = await reader.readexactly(size)
                host = ".".join(str(part) for part in raw) if kind == 1 else raw.decode()
                (port,) = struct.unpack("!H", await reader.readexactly(2))
                if host not in ("127.0.0.1", "localhost"):
                    writer.write(b"\x05\x02\x00\x01" + bytes(6))
                    return
                local = (self._address, 0) if self._address else None
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port, local_addr=local)
                writer.write(b"\x05\x00\x00\x01" + bytes(6))
                try:
                    await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))
                finally:
                    far_writer.close()
            finally:
                writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


@dataclass
class Seat:
    """A browser of one person: a context with one page, and what went wrong in it."""

    context: BrowserContext
    page: Page
    site: str
    problems: list[str] = field(default_factory=list)
    _expected: list[tuple[re.Pattern[str], int]] = field(default_factory=list)

    def expect_refusal(self, path: str, *statuses: int) -> None:
        """From now on answers with these statuses are no problem for addresses whose path matches."""
        self._expected += [(re.compile(rf"^https?://[^/]+{path}(\?|$)"), status) for status in statuses]

    def forget(self) -> None:
        """What was reported so far was provoked."""
        self.problems.clear()

    async def goto(self, path: str) -> None:
        """Open a page of the portal, or any address."""
        await self.page.goto(path if path.startswith("http") else f"{self.site}{path}")

    async def tab(self) -> "Seat":
        """A second tab of the same browser."""
        page = await self.context.new_page()
        found = Seat(self.context, page, self.site, self.problems, self._expected)
        found.listen()
        return found

    async def carry(self, cookies: httpx.Cookies) -> None:
        """Go on with the session of a client that logged in over HTTP."""
        jar = [{"name": c.name, "value": c.value or "", "url": self.site, "sameSite": "Strict"} for c in cookies.jar]
        await self.context.add_cookies([{**cookie, "httpOnly": True} for cookie in jar if cookie["value"]])  # type: ignore[typeddict-item]
        # The portal's own mark that somebody signed in here.
        await self.context.add_init_script("try { localStorage.setItem('esign.signed-in', '1') } catch {}")

    def listen(self) -> None:
        """Hear what the page reports."""
        page = self.page
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        page.on("response", self._response)
        page.on("requestfailed", self._failed)

    def _is_expected(self, url: str, status: int | None = None) -> bool:
        return any(pattern.match(url) and status in (None, expected) for pattern, expected in self._expected)

    def _console(self, message: ConsoleMessage) -> None:
        url = str(message.location.get("url", ""))
        refused = message.text.startswith("Failed to load resource") and self._is_expected(url)
        if message.type == "error" and not refused:
            self.problems.append(f"console: {message.text} ({url})")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and not self._is_expected(response.url, response.status):
            self.problems.append(f"{response.status} {response.request.method} {response.url}")

    def _failed(self, request: Request) -> None:
        # A page that is left gives up what it was asking for.
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"{request.failure} {request.method} {request.url}")


@asynccontextmanager
async def seat(
    browser: Browser, site: str, number: int, *, phone: bool = False, language: str = "zh-CN"
) -> AsyncIterator[Seat]:
    """A fresh browser of somebody at the network address of a number. Raises AssertionError in the end, when a page of it
    reported something as broken."""
    options: dict[str, Any] = {"viewport": DESK}
    if phone:
        options = {
            "viewport": PHONE,
            "is_mobile": True,
            "has_touch": True,
            "device_scale_factor": 2,
            "user_agent": _ANDROID,
        }
    async with Line(number) as line:
        context = await browser.new_context(
            **options,
            locale=language,
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
            proxy={"server": line.url, "bypass": "<-loopback>"},
        )
        try:
            found = Seat(context, await context.new_page(), site)
            found.listen()
            yield found
            problems = list(found.problems)
        finally:
            await context.close()
    if problems:
        raise AssertionError("the browser reports:\n" + "\n".join(problems))
