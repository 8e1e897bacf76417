"""What holds for every request and response: one span, the security headers, and no exception that gets out."""

from collections.abc import MutableMapping
from typing import Any

from esign_kit.telemetry import trace_id, tracer
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from esign_gateway.problems import unexpected

SECURITY_HEADERS = {
    # An API answer is never a page; the one HTML page states a policy of its own.
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Personal data stays out of every cache; what may be cached says so itself.
    "cache-control": "no-store",
}
SET_COOKIES = "esign.set_cookies"
"""Where in the request's state the Set-Cookie headers of its answer stand, by name and path."""
HSTS = "max-age=63072000; includeSubDomains"


class Edge:
    """The outermost layer. A trace begins here: a stranger's `traceparent` is not taken over, so trace ids stay unique.

    The trace id goes out in the header `Trace-Id`, and in every problem as 参考编号.
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = dict(SECURITY_HEADERS)
        if https:
            self._headers["strict-transport-security"] = HSTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, state = scope["method"], scope.setdefault("state", {})
        with tracer.start_as_current_span(method, context=Context(), kind=SpanKind.SERVER) as span:
            span.set_attribute("http.request.method", method)
            started = False

            async def dressed(message: Message) -> None:
                nonlocal started
                if message["type"] == "http.response.start":
                    started = True
                    _name(span, scope, message["status"])
                    headers = MutableHeaders(scope=message)
                    for name, value in self._headers.items():
                        headers.setdefault(name, value)
                    headers["trace-id"] = trace_id()
                    # Here, so that no answer misses one: not an error, nor a stream.
                    for cookie in state.get(SET_COOKIES, {}).values():
                        headers.append("set-cookie", cookie)
                await send(message)

            try:
                await self._app(scope, receive, dressed)
            except ClientDisconnect:
                span.set_attribute("error.type", "client_disconnect")
            except Exception as error:
                span.record_exception(error)
                if started:
                    raise
                await unexpected(Request(scope), error)(scope, receive, dressed)


def _name(span: Any, scope: MutableMapping[str, Any], status: int) -> None:
    route = getattr(scope.get("route"), "path_format", None)
    if route:
        span.update_name(f"{scope['method']} {route}")
        span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))
