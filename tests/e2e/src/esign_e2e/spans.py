"""A collector of spans: OTLP over gRPC, kept in memory."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1 import trace_pb2


@dataclass(frozen=True)
class Span:
    """A span, as its service sent it. Ids are hex; `parent_id` is empty for the first of a trace; `kind` is e.g. `CLIENT`."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: str


def _kind(number: int) -> str:
    return trace_pb2.Span.SpanKind.Name(number).removeprefix("SPAN_KIND_")  # type: ignore[arg-type]


class SpanSink(trace_service_pb2_grpc.TraceServiceServicer):
    """`async with SpanSink() as sink`: programs send to `sink.endpoint`, `sink.spans` holds what came."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.endpoint = ""
        self._server = grpc.aio.server()

    async def Export(self, request: trace_service_pb2.ExportTraceServiceRequest, context: Any) -> Any:
        """Take what a program sends."""
        for part in request.resource_spans:
            service = next((a.value.string_value for a in part.resource.attributes if a.key == "service.name"), "")
            for scope in part.scope_spans:
                self.spans += [
                    Span(service, s.name, s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex(), _kind(s.kind))
                    for s in scope.spans
                ]
        return trace_service_pb2.ExportTraceServiceResponse()

    def of(self, trace_id: str) -> list[Span]:
        """The spans of a trace."""
        return [span for span in self.spans if span.trace_id == trace_id]

    async def __aenter__(self) -> Self:
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]
        self.endpoint = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.stop(0)
