"""The one download, as contract keeps it: claimed before its last part goes out, and how it ended reported, also when the
client has gone and when contract is restarting."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine

from esign.contract.v1 import contract_pb2
from esign_kit.context import actor_var, deadline_var
from esign_kit.errors import EsignError, Unauthenticated
from esign_kit.telemetry import logger

from esign_gateway.peers import Peers

log = logger(__name__)

CLAIM_SECONDS = 30.0
"""A client may have to wait so long for its last part, while contract does not answer."""
REPORT_SECONDS = 120.0
"""After this only the reader can tell that the file arrived; without that the download is given back."""


class OpenDownload:
    """One download of one person. Calls are made in the caller's context: its acting person and its trace."""

    def __init__(self, reports: "DownloadReports", session_token: str, contract_id: str, download_id: str) -> None:
        self._reports, self._session_token = reports, session_token
        self._contract_id, self._download_id = contract_id, download_id

    async def claim(self) -> None:
        """Everything but the last part has arrived: may that go out? Raises EsignError."""
        request = contract_pb2.ClaimDownloadRequest(contract_id=self._contract_id, download_id=self._download_id)
        await self._patiently(lambda: self._reports.peers.contracts.ClaimDownload(request), CLAIM_SECONDS)

    def finished(self, bytes_sent: int) -> None:
        """Have the end reported, whatever becomes of the request."""
        self._reports.go_on(self._report(bytes_sent))

    async def _report(self, bytes_sent: int) -> None:
        request = contract_pb2.FinishDownloadRequest(
            contract_id=self._contract_id, download_id=self._download_id, bytes_sent=bytes_sent
        )
        try:
            await self._patiently(lambda: self._reports.peers.contracts.FinishDownload(request), REPORT_SECONDS)
        except EsignError as error:
            log.warning("download not reported", download_id=self._download_id, reason=error.reason)
        else:
            log.info("download reported", download_id=self._download_id, bytes_sent=bytes_sent)

    async def _patiently(self, call: Callable[[], Awaitable[object]], seconds: float) -> None:
        end, pause = time.monotonic() + seconds, 0.1
        while True:
            deadline_var.set(time.monotonic() + 10)
            try:
                return await self._as_person(call)
            except EsignError as error:
                if error.http_status < 500 or time.monotonic() + pause > end:
                    raise
            await asyncio.sleep(pause * (1 + random.random()))  # noqa: S311 - jitter
            pause = min(5.0, pause * 2)

    async def _as_person(self, call: Callable[[], Awaitable[object]]) -> None:
        try:
            await call()
        except Unauthenticated:
            # The actor token is good for a minute; a download may take longer.
            actor_var.set(None)
            await self._reports.peers.sign_in(self._session_token)
            await call()


class DownloadReports:
    """Reports under way."""

    def __init__(self, peers: Peers) -> None:
        self.peers = peers
        self._running: set[asyncio.Task[None]] = set()

    def of(self, session_token: str, contract_id: str, download_id: str) -> OpenDownload:
        """A download that has been started."""
        return OpenDownload(self, session_token, contract_id, download_id)

    def go_on(self, report: Coroutine[object, object, None]) -> None:
        """Run a report in a task of its own."""
        task = asyncio.create_task(report)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def drain(self, seconds: float) -> None:
        """Wait for the reports under way."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
