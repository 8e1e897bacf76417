"""gRPC server: mTLS identity, access rules, acting person, deadlines, traces, typed errors."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import jwt
from opentelemetry import trace

from esign_kit import access, context, grpc_errors
from esign_kit.access import Rule
from esign_kit.errors import EsignError, Forbidden, Internal, TimedOut, Unauthenticated
from esign_kit.settings import Tls
from esign_kit.telemetry import extract, logger, tracer

log = logger(__name__)

ACTOR_KEY = "esign-actor"
MAX_DEADLINE = 120.0
DRAIN_SECONDS = 10.0
MAX_MESSAGE = 4 * 1024 * 1024
CONNECTION_SECONDS = 300.0
"""So old a connection is given up in order, calls on it end in peace: clients look the name up again and find new replicas."""


class ActorTokens:
    """Checks identity's actor tokens: JWT (RFC 7519) signed with Ed25519 (RFC 8037), typ `esign-actor+jwt`."""

    def __init__(self, public_key_pem: bytes) -> None:
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        self._key: Any = load_pem_public_key(public_key_pem)

    def check(self, token: str) -> context.Actor:
        """Raises Unauthenticated when the token is forged, altered, expired or something else."""
        try:
            decoded = jwt.decode_complete(
                token,
                self._key,
                algorithms=["EdDSA"],
                issuer="identity",
                options={"require": ["exp", "iat", "sub", "sid"]},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated(
                "ACTOR_TOKEN_EXPIRED", zh="登录状态已过期，请重新登录", en="The actor token has expired"
            ) from None
        except jwt.InvalidTokenError:
            raise Unauthenticated(
                "ACTOR_TOKEN_INVALID", zh="登录状态无效，请重新登录", en="The actor token is not valid"
            ) from None
        if decoded["header"].get("typ") != "esign-actor+jwt":
            raise Unauthenticated(
                "ACTOR_TOKEN_INVALID", zh="登录状态无效，请重新登录", en="The actor token is not valid"
            )
        claims = decoded["payload"]
        return context.Actor(str(claims["sub"]), str(claims["sid"]), token, str(claims.get("org", "")))


if TYPE_CHECKING:
    # Generic in its stubs only.
    _ServerInterceptor = grpc.aio.ServerInterceptor[Any, Any]
else:
    _ServerInterceptor = grpc.aio.ServerInterceptor


class _Guard(_ServerInterceptor):
    """Everything that happens around every RPC."""

    def __init__(self, rules: dict[str, Rule], actors: ActorTokens, trust_domain: str) -> None:
        self._rules = rules
        self._actors = actors
        self._prefix = f"spiffe://{trust_domain}/"

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        details: grpc.HandlerCallDetails,
    ) -> Any:
        handler: Any = await continuation(details)
        rule = self._rules.get(details.method)
        if handler is None or rule is None:
            return handler
        if handler.response_streaming:
            behaviour = handler.unary_stream or handler.stream_stream

            async def serve_stream(request: Any, call: Any) -> AsyncIterator[Any]:
                async with self._around(rule, call):
                    async for response in behaviour(request, call):
                        yield response

            make = (
                grpc.stream_stream_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_stream_rpc_method_handler
            )
            return make(serve_stream, handler.request_deserializer, handler.response_serializer)
        behaviour = handler.unary_unary or handler.stream_unary

        async def serve(request: Any, call: Any) -> Any:
            async with self._around(rule, call):
                try:
                    return await behaviour(request, call)
                except EsignError:
                    if handler.request_streaming:
                        await _drain(request)
                    raise

        make = (
            grpc.stream_unary_rpc_method_handler if handler.request_streaming else grpc.unary_unary_rpc_method_handler
        )
        return make(serve, handler.request_deserializer, handler.response_serializer)

    @asynccontextmanager
    async def _around(self, rule: Rule, call: Any) -> AsyncIterator[None]:
        metadata = {key: value for key, value in call.invocation_metadata() or () if isinstance(value, str)}
        budget = min(call.time_remaining() or MAX_DEADLINE, MAX_DEADLINE)
        with tracer.start_as_current_span(rule.method, context=extract(metadata), kind=trace.SpanKind.SERVER) as span:
            try:
                name = self._caller(call)
                span.set_attribute("esign.caller", name)
                if name not in rule.callers:
                    raise Forbidden(
                        "CALLER_NOT_ALLOWED",
                        zh="无权调用此接口",
                        en="The caller may not call this method",
                        method=rule.method,
                    )
                context.caller_var.set(name)
                context.actor_var.set(self._actor(rule, metadata))
                context.deadline_var.set(time.monotonic() + budget)
                async with asyncio.timeout(budget):
                    yield
            except EsignError as error:
                if error.http_status >= 500:
                    log.warning("call failed", method=rule.method, reason=error.reason)
                else:
                    log.info("call refused", method=rule.method, reason=error.reason)
                span.set_attribute("esign.reason", error.reason)
                await call.abort_with_status(grpc_errors.to_status(error))
            except TimeoutError:
                late = TimedOut("DEADLINE_EXCEEDED", zh="处理超时，请稍后重试", en="It took too long")
                log.warning("call took too long", method=rule.method)
                await call.abort_with_status(grpc_errors.to_status(late))
            except (grpc.aio.AbortError, asyncio.CancelledError, GeneratorExit):
                raise
            except Exception as error:
                log.error("call crashed", method=rule.method, exc_info=error)
                span.record_exception(error)
                await call.abort_with_status(grpc_errors.to_status(Internal()))

    def _caller(self, call: Any) -> str:
        for name in call.auth_context().get("x509_subject_alternative_name", []):
            text = name.decode(errors="replace")
            if text.startswith(self._prefix):
                return str(text.rsplit("/", 1)[-1])
        raise Unauthenticated("CALLER_UNKNOWN", zh="调用方身份无法识别", en="The client certificate names nobody")

    def _actor(self, rule: Rule, metadata: dict[str, str]) -> context.Actor | None:
        token = metadata.get(ACTOR_KEY)
        if not rule.for_person:
            return None
        if not token:
            raise Unauthenticated("ACTOR_MISSING", zh="请先登录", en="Sign in first")
        return self._actors.check(token)


async def _drain(requests: AsyncIterator[Any]) -> None:
    """Take what the client still sends, for a while: a client that is refused while it sends reports that its sending
    failed, and loses the refusal."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in requests:
                pass


class GrpcServer:
    """The service's door. Servicers are added before `start`; one without access rules is refused."""

    def __init__(self, listen: str, tls: Tls, actors: ActorTokens, trust_domain: str) -> None:
        self._listen, self._tls, self._actors, self._trust_domain = listen, tls, actors, trust_domain
        self._pending: list[tuple[Callable[[Any, Any], None], object]] = []
        self._server: grpc.aio.Server | None = None
        self.port = 0

    def add(self, register: Callable[[Any, Any], None], servicer: object) -> None:
        """`server.add(contract_pb2_grpc.add_PortalServiceServicer_to_server, PortalApi(...))`."""
        self._pending.append((register, servicer))

    async def start(self) -> None:
        """Raises ValueError when an RPC has no access rule, OSError when the address cannot be had."""
        registrar = _Registrar()
        for register, servicer in self._pending:
            register(servicer, registrar)
        guard = _Guard(access.rules_by_name(registrar.names), self._actors, self._trust_domain)
        self._server = server = grpc.aio.server(
            interceptors=[guard],
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE),
                ("grpc.max_send_message_length", MAX_MESSAGE),
                ("grpc.so_reuseport", 0),
                ("grpc.keepalive_time_ms", 20000),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 5000),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.max_connection_age_ms", round(CONNECTION_SECONDS * 1000)),
            ],
        )
        for register, servicer in self._pending:
            register(servicer, server)
        credentials = grpc.ssl_server_credentials(
            [(self._tls.key_file.read_bytes(), self._tls.cert_file.read_bytes())],
            root_certificates=self._tls.ca_file.read_bytes(),
            require_client_auth=True,
        )
        self.port = server.add_secure_port(self._listen, credentials)
        if not self.port:
            raise OSError(f"cannot listen on {self._listen}")
        await server.start()

    async def stop(self, grace: float = 3.0) -> None:
        """Finish what is running within `grace` seconds, then stop."""
        if self._server:
            await self._server.stop(grace)


class _Registrar:
    """Learns the names of the gRPC services that generated code registers."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        self.names += [handler.service_name() for handler in handlers]

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """The other half of registration; the name is known already."""


def known_services() -> list[str]:
    """Full names of all gRPC services of the platform whose generated modules are imported; for tests of the whole table."""
    from esign.ca_broker.v1 import ca_broker_pb2
    from esign.contract.v1 import contract_pb2
    from esign.evidence.v1 import evidence_pb2
    from esign.identity.v1 import identity_pb2
    from esign.notifier.v1 import notifier_pb2
    from esign.signer.v1 import signer_pb2

    modules = (ca_broker_pb2, contract_pb2, evidence_pb2, identity_pb2, notifier_pb2, signer_pb2)
    return [service.full_name for module in modules for service in module.DESCRIPTOR.services_by_name.values()]
