"""The gateway's process: `python -m esign_gateway.main` with ESIGN_SETTINGS_FILE set."""

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Iterator

from esign_kit.lean import without

with without("rich"):  # for a command line
    import httpx

import uvicorn
from esign_kit import grpc_client, telemetry
from esign_kit.settings import load

from esign_gateway.app import Gateway, create_app
from esign_gateway.delivery import Connection
from esign_gateway.peers import Peers
from esign_gateway.replicas import share
from esign_gateway.routes import all_routes
from esign_gateway.settings import GatewaySettings

log = telemetry.logger(__name__)

GRACE_SECONDS = 5
BACKLOG = 512
SEND_BUFFER = 128 * 1024
"""Kernel buffer of a connection: small, so that the client's pace is felt early."""


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own; `main` has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


@contextlib.asynccontextmanager
async def serving(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """The gateway, listening until the block ends. Raises OSError when the address cannot be had."""
    trust = ssl.create_default_context(cafile=settings.object_store_ca_file)
    peers = Peers.connect(lambda name: grpc_client.channel(settings.peers[name], name, settings.tls))
    async with httpx.AsyncClient(
        verify=trust,
        trust_env=False,
        timeout=httpx.Timeout(20, connect=3, pool=10),
        limits=httpx.Limits(max_connections=200, max_keepalive_connections=20),
    ) as objects:
        gateway = Gateway(settings, peers, objects)
        await gateway.portal.refresh()
        if not gateway.portal.is_built:
            log.warning("the portal has not been built: only the API is served", folder=str(gateway.portal.folder))
        server = _Server(
            uvicorn.Config(
                create_app(gateway, all_routes()),
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=settings.trusted_proxies,
                timeout_keep_alive=15,
                timeout_graceful_shutdown=GRACE_SECONDS,
                limit_concurrency=1000,
                backlog=BACKLOG,
            )
        )
        with listen(settings.http_listen) as door:
            task = asyncio.create_task(server.serve(sockets=[door]))
            sharing = asyncio.create_task(share(gateway.account, settings.nats)) if settings.nats else None
            log.info("started", service=settings.service, http=settings.http_listen)
            try:
                yield gateway
            finally:
                server.should_exit = True
                gateway.streams.close()
                await task
                await gateway.downloads.drain(GRACE_SECONDS)
                if sharing:
                    sharing.cancel()
                    await asyncio.gather(sharing, return_exceptions=True)
                await peers.close()


def listen(address: str) -> socket.socket:
    """A listening socket at `host:port`. Raises OSError."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections inherit it from the socket that accepts them.
    door.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    door.bind((host.strip("[]"), int(port)))
    # From now on: who comes before the server is ready waits.
    door.listen(BACKLOG)
    return door


async def main(settings: GatewaySettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(settings):
        await stop.wait()


if __name__ == "__main__":
    config = load(GatewaySettings)
    telemetry.configure(config.service, level=config.log_level, otlp_endpoint=config.otlp_endpoint)
    asyncio.run(main(config))
