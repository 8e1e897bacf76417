"""Structured logs and traces. Every log line carries the trace id that errors show to people as a reference number."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from esign_kit.lean import without

with without("rich"):
    import structlog

tracer = trace.get_tracer("esign")


def configure(service: str, *, level: str = "info", otlp_endpoint: str = "") -> None:
    """Set up logging to standard output (one JSON object a line) and tracing; call once a process.

    Spans go to the OTLP/gRPC collector at `otlp_endpoint`; without one they only give trace ids.
    """
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    if otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(endpoint=otlp_endpoint, insecure=True), schedule_delay_millis=500)
        )
    trace.set_tracer_provider(provider)

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These log requests with their parameters, or every reconnect; both say too much.
    for noisy in ("httpx", "httpcore", "urllib3", "nats", "alembic", "tencentcloud", "pyhanko", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _add_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    found = trace_id()
    if found:
        event["trace_id"] = found
    return event


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A structured logger: `logger(__name__).info("event happened", key=value)`. No personal data in values."""
    found: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return found


def trace_id() -> str:
    """The present trace id, 32 hex digits; empty when there is no trace."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


def inject() -> dict[str, str]:
    """The present trace as W3C Trace Context headers."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


def extract(headers: Mapping[str, str]) -> Any:
    """The OpenTelemetry context that W3C Trace Context headers state."""
    return propagate.extract(dict(headers))
