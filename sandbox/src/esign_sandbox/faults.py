"""Faults on demand: what a vendor does on a bad day, switched on per part by a test.

Modes: `ok` · `down` (refused at once: HTTP 503, SMTP closes the connection) · `slow` (answers after `delay_ms`) ·
`error` (the vendor's own internal error) · `lost` (the work is done, the answer never arrives: HTTP 502, SMTP closes
the connection) · `pending` (only `ca` and `chain`: orders and transactions are accepted, nothing is issued or sealed).
Faults live in memory: a restart is a good day again.
"""

import asyncio
from typing import Annotated, Literal, get_args

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from esign_sandbox.ca.tsa import Failure, rejection

Part = Literal["tsa", "ocsp", "crl", "ca", "sms", "smtp", "faceid", "bjca", "chain", "csc"]
Mode = Literal["ok", "down", "slow", "error", "lost", "pending"]
MAX_BODY = 1 << 20

_TENCENT_ERROR = (
    b'{"Response":{"Error":{"Code":"InternalError","Message":"An internal error has occurred. Retry your request, but '
    b'if the problem persists, contact us."},"RequestId":"00000000-0000-0000-0000-000000000000"}}'
)
_ERRORS: dict[str, tuple[int, bytes, bytes]] = {
    "tsa": (200, b"application/timestamp-reply", rejection(Failure.SYSTEM_FAILURE, "internal error")),
    "ocsp": (200, b"application/ocsp-response", bytes.fromhex("30030a0102")),  # internalError
    "crl": (500, b"text/plain", b"internal error"),
    "ca": (500, b"application/json", b'{"code":"INTERNAL","message":"internal error"}'),
    "sms": (200, b"application/json", _TENCENT_ERROR),
    "faceid": (200, b"application/json", _TENCENT_ERROR),
    "bjca": (500, b"application/json", b'{"code":50000,"message":"internal error"}'),
    "csc": (500, b"application/json", b'{"error":"server_error","error_description":"internal error"}'),
    "chain": (200, b"application/json", b'{"response":{"result_code":"SYSTEM_ERROR","result_msg":"internal error"}}'),
}
_PREFIXES: tuple[tuple[str, Part], ...] = (
    ("/ca/tsa", "tsa"),
    ("/ca/ocsp", "ocsp"),
    ("/ca/crl/", "crl"),
    ("/ca/v1/", "ca"),
    ("/faceid/", "faceid"),
    ("/bjca/", "bjca"),
    ("/csc/", "csc"),
    ("/gateway.do", "chain"),
    ("/chain/", "chain"),
)


class Fault(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    mode: Mode = "ok"
    delay_ms: Annotated[int, Field(ge=0, le=600_000)] = 0


class Faults:
    """The current fault of each part."""

    def __init__(self) -> None:
        self.current: dict[str, Fault] = {}
        self.clear()

    def clear(self) -> None:
        self.current = {part: Fault() for part in get_args(Part)}

    def mode(self, part: Part) -> Mode:
        return self.current[part].mode

    async def delay(self, part: Part) -> None:
        """Waits as long as a slow part takes."""
        fault = self.current[part]
        if fault.mode == "slow":
            await asyncio.sleep(fault.delay_ms / 1000)


def part_of(scope: Scope) -> Part | None:
    """Which vendor a request is meant for. Tencent's services share one address and differ by API version."""
    path: str = scope["path"]
    if path == "/":
        versions = {b"2021-01-11": "sms", b"2018-03-01": "faceid"}
        for name, value in scope["headers"]:
            if name == b"x-tc-version":
                return "sms" if versions.get(value) == "sms" else "faceid"
        return None
    return next((part for prefix, part in _PREFIXES if path.startswith(prefix)), None)


class FaultMiddleware:
    """Applies the faults to HTTP, and a limit to the bodies that anyone may send."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _declared_length(scope) > MAX_BODY:
            await _answer(send, 413, b"text/plain", b"request body too large")
            return
        part = part_of(scope)
        if part is None:
            await self._app(scope, receive, send)
            return
        mode = self._faults.mode(part)
        if mode == "down":
            await _answer(send, 503, b"text/plain", b"service unavailable")
        elif mode == "error":
            await _answer(send, *_ERRORS[part])
        elif mode == "lost":
            await self._app(scope, receive, _discard)
            await _answer(send, 502, b"text/plain", b"bad gateway")
        else:
            await self._faults.delay(part)
            await self._app(scope, receive, send)


async def _discard(_: Message) -> None:
    return


async def _answer(send: Send, status: int, content_type: bytes, body: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _declared_length(scope: Scope) -> int:
    """Bytes that the request announces; a body of unannounced length counts as too large."""
    length = 0
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = int(value) if value.isdigit() else MAX_BODY + 1
        elif name == b"transfer-encoding":
            return MAX_BODY + 1
    return length


def faults_router(faults: Faults) -> APIRouter:
    router = APIRouter(prefix="/_sandbox/faults")

    @router.get("")
    def read() -> dict[str, Fault]:
        return faults.current

    @router.put("/{part}", response_model=None)
    def change(part: Part, fault: Fault) -> Fault | JSONResponse:
        if fault.mode == "pending" and part not in ("ca", "chain"):
            return JSONResponse({"code": "INVALID_REQUEST", "message": "pending is a mode of ca and chain"}, 400)
        faults.current[part] = fault
        return fault

    @router.delete("")
    def clear() -> dict[str, Fault]:
        faults.clear()
        return faults.current

    return router
