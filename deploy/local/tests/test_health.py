"""The supervisor's own small clients ask real servers."""

import asyncio
import socket
from collections.abc import AsyncIterator

import grpc
import pytest
from esign_local.health import GrpcHealth, HttpHealth, PostgresHealth
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, HealthServicer]]:
    servicer = HealthServicer()
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}", servicer
    await server.stop(0)


async def test_grpc_health_follows_what_the_service_says(server: tuple[str, HealthServicer]) -> None:
    address, servicer = server
    health = GrpcHealth(address)
    for status in (health_pb2.HealthCheckResponse.NOT_SERVING, health_pb2.HealthCheckResponse.UNKNOWN):
        await servicer.set("", status)
        with pytest.raises(ConnectionError, match="NOT_SERVING"):
            await health()
    await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    await asyncio.gather(*(health() for _ in range(5)))


async def test_a_server_without_the_health_service_is_not_healthy() -> None:
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    with pytest.raises(ConnectionError):
        await GrpcHealth(f"127.0.0.1:{port}")()
    await server.stop(0)


@pytest.mark.parametrize("kind", [GrpcHealth, PostgresHealth, lambda address: HttpHealth(f"http://{address}")])
@pytest.mark.parametrize("answer", [b"", b"no such thing\r\n\r\n", b"E" * 100])
async def test_strangers_are_not_healthy(kind: type[GrpcHealth], answer: bytes) -> None:
    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        writer.close()

    stranger = await asyncio.start_server(answering, "127.0.0.1", 0)
    port = stranger.sockets[0].getsockname()[1]
    with pytest.raises(Exception):  # noqa: B017 - any will do
        await kind(f"127.0.0.1:{port}")()
    stranger.close()


@pytest.mark.parametrize("kind", [GrpcHealth, PostgresHealth])
async def test_nobody_is_not_healthy(kind: type[GrpcHealth]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="Connect call failed"):
            await kind(f"127.0.0.1:{unused.getsockname()[1]}")()
