"""gRPC client channels: mTLS, deadlines, the acting person, traces, retries of idempotent methods, typed errors."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import grpc
from opentelemetry import trace

from esign_kit import access, context, grpc_errors
from esign_kit.grpc_server import ACTOR_KEY, MAX_MESSAGE
from esign_kit.settings import Tls
from esign_kit.telemetry import inject, tracer

if TYPE_CHECKING:
    # Generic in their stubs only.
    _UnaryUnaryInterceptor = grpc.aio.UnaryUnaryClientInterceptor[Any, Any]
    _StreamUnaryInterceptor = grpc.aio.StreamUnaryClientInterceptor[Any, Any]
    _UnaryStreamInterceptor = grpc.aio.UnaryStreamClientInterceptor[Any, Any]
else:
    _UnaryUnaryInterceptor = grpc.aio.UnaryUnaryClientInterceptor
    _StreamUnaryInterceptor = grpc.aio.StreamUnaryClientInterceptor
    _UnaryStreamInterceptor = grpc.aio.UnaryStreamClientInterceptor

DEFAULT_DEADLINE = 10.0
STREAM_DEADLINE = 120.0
# Calls go to all replicas in turn, past those with which no connection stands. Health by RPC is not asked for.
IN_TURN = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})


def channel(address: str, peer: str, tls: Tls) -> grpc.aio.Channel:
    """A channel to all replicas of the service `peer`, whose certificate must name `<peer>.esign.internal`.

    `address` is a gRPC target that ends in a port: `host:port`, `dns:///<headless service>:port`, or several addresses as
    `ipv4:host:port,host:port`. Calls raise the platform's typed errors.
    """
    credentials = grpc.ssl_channel_credentials(
        root_certificates=tls.ca_file.read_bytes(),
        private_key=tls.key_file.read_bytes(),
        certificate_chain=tls.cert_file.read_bytes(),
    )
    interceptors: list[Any] = [_UnaryUnary(peer), _StreamUnary(peer), _UnaryStream(peer)]
    return grpc.aio.secure_channel(
        address,
        credentials,
        options=[
            ("grpc.ssl_target_name_override", f"{peer}.esign.internal"),
            ("grpc.service_config", IN_TURN),
            # A service config of the name's own, in a TXT record, has no say.
            ("grpc.service_config_disable_resolution", 1),
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.keepalive_time_ms", 20000),
            ("grpc.keepalive_timeout_ms", 5000),
            # A proxy from the environment has no business between services.
            ("grpc.enable_http_proxy", 0),
        ],
        interceptors=interceptors,
    )


def _path(method: bytes | str) -> str:
    return method.decode() if isinstance(method, bytes) else method


class _Base:
    def __init__(self, peer: str) -> None:
        self._peer = peer
        self._rules: dict[str, access.Rule] = {}

    def _details(self, details: grpc.aio.ClientCallDetails, default: float) -> grpc.aio.ClientCallDetails:
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        for key, value in inject().items():
            metadata.add(key, value)
        acting = context.actor_var.get()
        if acting is not None and self._rule(details.method).for_person:
            metadata.add(ACTOR_KEY, acting.token)
        timeout = details.timeout if details.timeout is not None else default
        return grpc.aio.ClientCallDetails(
            method=details.method,
            timeout=context.remaining(timeout),
            metadata=metadata,
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
        )

    def _rule(self, method: bytes | str) -> access.Rule:
        path = method.decode() if isinstance(method, bytes) else method
        if path not in self._rules:
            self._rules |= access.rules_by_name([path.split("/")[1]])
        return self._rules[path]


def _with_timeout(details: grpc.aio.ClientCallDetails, timeout: float) -> grpc.aio.ClientCallDetails:
    return grpc.aio.ClientCallDetails(
        method=details.method,
        timeout=timeout,
        metadata=details.metadata,
        credentials=details.credentials,
        wait_for_ready=details.wait_for_ready,
    )


class _UnaryUnary(_Base, _UnaryUnaryInterceptor):
    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        with tracer.start_as_current_span(_path(details.method), kind=trace.SpanKind.CLIENT):
            first = self._details(details, DEFAULT_DEADLINE)
            end = time.monotonic() + (first.timeout or DEFAULT_DEADLINE)
            attempt = 0
            while True:
                left = end - time.monotonic()
                try:
                    call = await continuation(_with_timeout(first, max(left, 0.001)), request)
                    return await call
                except grpc.aio.AioRpcError as error:
                    pause = 0.05 * 2**attempt * (1 + random.random())  # noqa: S311 - jitter
                    again = (
                        error.code() is grpc.StatusCode.UNAVAILABLE
                        and not grpc_errors.has_reason(error)
                        and self._rule(details.method).idempotent
                        and attempt < 6
                        and left > pause
                    )
                    if not again:
                        raise grpc_errors.from_rpc_error(error, self._peer) from error
                    await asyncio.sleep(pause)
                    attempt += 1


class _StreamUnary(_Base, _StreamUnaryInterceptor):
    async def intercept_stream_unary(
        self, continuation: Callable[..., Any], details: grpc.aio.ClientCallDetails, requests: Any
    ) -> Any:
        call = await continuation(self._details(details, STREAM_DEADLINE), requests)
        return _TypedCall(call, self._peer)


class _TypedCall:
    """A stream-unary call that fails with a typed error. gRPC wants the call itself from an interceptor, not its answer."""

    def __init__(self, call: Any, peer: str) -> None:
        self._call, self._peer = call, peer

    def __await__(self) -> Generator[Any, None, Any]:
        try:
            return (yield from self._call.__await__())
        except grpc.aio.AioRpcError as error:
            raise grpc_errors.from_rpc_error(error, self._peer) from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


class _UnaryStream(_Base, _UnaryStreamInterceptor):
    async def intercept_unary_stream(
        self, continuation: Callable[..., Any], details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        call = await continuation(self._details(details, STREAM_DEADLINE), request)

        async def responses() -> Any:
            try:
                async for response in call:
                    yield response
            except grpc.aio.AioRpcError as error:
                raise grpc_errors.from_rpc_error(error, self._peer) from error

        return responses()
