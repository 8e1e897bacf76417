"""The one download: how it ended is reported to contract, also when the client has gone and when contract is restarting."""

import asyncio
import random
import time

from esign.contract.v1 import contract_pb2
from esign_kit.context import actor_var, deadline_var
from esign_kit.errors import EsignError, Unauthenticated
from esign_kit.telemetry import logger

from esign_gateway.peers import Peers

log = logger(__name__)

GIVE_UP_SECONDS = 120.0
"""After this the download's lease runs out by itself, and the download is given back."""


class DownloadReports:
    """Reports under way. Each goes on by itself, whatever becomes of its request."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._running: set[asyncio.Task[None]] = set()

    def finished(self, session_token: str, request: contract_pb2.FinishDownloadRequest) -> None:
        """Have it reported. The task keeps the context of the caller: its acting person and its trace."""
        task = asyncio.create_task(self._report(session_token, request))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def drain(self, seconds: float) -> None:
        """Wait for the reports under way."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)

    async def _report(self, session_token: str, request: contract_pb2.FinishDownloadRequest) -> None:
        end, pause = time.monotonic() + GIVE_UP_SECONDS, 0.1
        while True:
            deadline_var.set(time.monotonic() + 10)
            try:
                await self._finish(session_token, request)
            except EsignError as error:
                if error.http_status < 500 or time.monotonic() + pause > end:
                    log.warning("download not reported", download_id=request.download_id, reason=error.reason)
                    return
            else:
                log.info("download reported", download_id=request.download_id, bytes_sent=request.bytes_sent)
                return
            await asyncio.sleep(pause * (1 + random.random()))  # noqa: S311 - jitter
            pause = min(5.0, pause * 2)

    async def _finish(self, session_token: str, request: contract_pb2.FinishDownloadRequest) -> None:
        try:
            await self._peers.contracts.FinishDownload(request)
        except Unauthenticated:
            # The actor token is good for a minute; a download may take longer.
            actor_var.set(None)
            await self._peers.sign_in(session_token)
            await self._peers.contracts.FinishDownload(request)
