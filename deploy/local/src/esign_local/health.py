"""How one asks a program whether it serves."""

import asyncio

import grpc
import httpx
from esign_kit.engines import Engine
from grpc_health.v1 import health_pb2, health_pb2_grpc


class GrpcHealth:
    """grpc.health.v1 on a plain port. Calling it raises when the answer is not SERVING."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._channel: grpc.aio.Channel | None = None

    async def __call__(self) -> None:
        if self._channel is None:
            options = [
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.min_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 200),
                ("grpc.enable_http_proxy", 0),
                # Channels to the same address share connections, and with them their backoff, unless told otherwise.
                ("grpc.use_local_subchannel_pool", 1),
            ]
            self._channel = grpc.aio.insecure_channel(self._address, options=options)
        request = health_pb2.HealthCheckRequest()
        try:
            answer = await health_pb2_grpc.HealthStub(self._channel).Check(request, timeout=3)
        except grpc.aio.AioRpcError as error:
            raise ConnectionError(f"health check: {error.code().name}") from None
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise ConnectionError("health check: NOT_SERVING")

    async def close(self) -> None:
        """Closes the connection."""
        if self._channel is not None:
            await self._channel.close(None)
            self._channel = None


class HttpHealth:
    """`GET <url>/healthz`. Calling it raises when the answer is not 200."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/healthz"

    async def __call__(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=3) as client:
            answer = await client.get(self._url)
        if answer.status_code != 200:
            raise ConnectionError(f"health check: HTTP {answer.status_code}")


class EngineHealth:
    """An engine's own ping, in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self) -> None:
        await asyncio.to_thread(self._engine.ping)
