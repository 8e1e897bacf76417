"""The door of Tencent Cloud API 3.0: one address for all services, TC3-HMAC-SHA256, errors in a 200 answer.

Source: the signature v3 documentation (cloud.tencent.com/document/api/382/52072) and the vendor's Python SDK.
"""

import asyncio
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from esign_sandbox.credentials import TencentAccount

Params = dict[str, object]
CLOCK_SKEW_SECONDS = 300
_AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256 Credential=([^/,\s]+)/(\d{4}-\d\d-\d\d)/([a-z]+)/tc3_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})"
)


class ApiError(Exception):
    """An answer with `Error`: `code` is the vendor's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Service(Protocol):
    """One product behind the door."""

    name: str
    version: str
    needs_region: bool

    def actions(self) -> Mapping[str, Callable[[Params], dict[str, object]]]: ...


@dataclass(frozen=True)
class Call:
    """One HTTP request as the signature sees it."""

    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


def verify(call: Call, service: str, account: TencentAccount, now: float) -> None:
    """Raises ApiError as the vendor refuses: who, when, then the signature itself."""
    found = _AUTHORIZATION.fullmatch(call.header("authorization"))
    if found is None:
        raise ApiError("AuthFailure.InvalidAuthorization", "The Authorization header does not follow the standard.")
    secret_id, date, scope, signed_headers, signature = found.groups()
    timestamp = call.header("x-tc-timestamp")
    if not timestamp.isdigit() or len(timestamp) > 12:
        raise ApiError("InvalidParameter", "The X-TC-Timestamp header is not a UNIX timestamp.")
    if abs(now - int(timestamp)) > CLOCK_SKEW_SECONDS:
        raise ApiError("AuthFailure.SignatureExpire", "The request has expired: check the local time.")
    if not hmac.compare_digest(secret_id.encode(), account.secret_id.encode()):
        raise ApiError("AuthFailure.SecretIdNotFound", "The SecretId is not found, please ensure that it is correct.")
    names = signed_headers.split(";")
    same_day = date == datetime.fromtimestamp(int(timestamp), UTC).strftime("%Y-%m-%d")
    complete = {"content-type", "host"} <= set(names) and names == sorted(names)
    canonical = "\n".join(
        (
            "POST",
            "/",
            "",
            *(f"{name}:{call.header(name).strip().lower()}" for name in names),
            "",
            signed_headers,
            _sha256(b"UNSIGNED-PAYLOAD" if call.header("x-tc-content-sha256") == "UNSIGNED-PAYLOAD" else call.body),
        )
    )
    text = "\n".join(("TC3-HMAC-SHA256", timestamp, f"{date}/{scope}/tc3_request", _sha256(canonical.encode())))
    key = f"TC3{account.secret_key}".encode()
    for part in (date, scope, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    expected = hmac.digest(key, text.encode(), "sha256").hex()
    if not (hmac.compare_digest(expected, signature) and same_day and complete and scope == service):
        raise ApiError(
            "AuthFailure.SignatureFailure",
            "The provided credentials could not be validated. Please check your signature is correct.",
        )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def text(params: Params, name: str, max_length: int | None = None, required: bool = True) -> str:
    """A string parameter; raises MissingParameter, InvalidParameter or InvalidParameterValue."""
    value = params.get(name)
    if value is None or value == "":
        if required:
            raise ApiError("MissingParameter", f"The request is missing a required parameter `{name}`.")
        return ""
    if not isinstance(value, str):
        raise ApiError("InvalidParameter", f"The type of parameter `{name}` must be String.")
    if max_length is not None and len(value) > max_length:
        raise ApiError("InvalidParameterValue", f"The length of parameter `{name}` must not exceed {max_length}.")
    return value


def integer(params: Params, name: str, default: int | None = None) -> int:
    value = params.get(name, default)
    if value is None:
        raise ApiError("MissingParameter", f"The request is missing a required parameter `{name}`.")
    if not isinstance(value, int) or isinstance(value, bool):
        raise ApiError("InvalidParameter", f"The type of parameter `{name}` must be Integer.")
    return value


def texts(params: Params, name: str) -> list[str]:
    value = params.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ApiError("InvalidParameter", f"The type of parameter `{name}` must be Array of String.")
    return value


def tencent_router(account: TencentAccount, services: list[Service]) -> APIRouter:
    """`POST /` for all services: chosen by X-TC-Version and X-TC-Action, as the shared address is in production."""
    by_version = {service.version: service for service in services}

    def handle(call: Call) -> dict[str, object]:
        action, version = call.header("x-tc-action"), call.header("x-tc-version")
        if not action or not version:
            missing = "Action" if not action else "Version"
            raise ApiError("MissingParameter", f"The request is missing a required parameter `{missing}`.")
        service = by_version.get(version)
        if service is None:
            raise ApiError("NoSuchVersion", f"The requested version is not found: {version[:20]}.")
        verify(call, service.name, account, time.time())
        run = service.actions().get(action)
        if run is None:
            raise ApiError("InvalidAction", f"The requested interface does not exist: {action[:60]}.")
        if service.needs_region and not call.header("x-tc-region"):
            raise ApiError("MissingParameter", "The request is missing a required parameter `Region`.")
        if call.header("content-type").split(";")[0] != "application/json":
            raise ApiError("InvalidParameter", "POST requests must be application/json.")
        try:
            params = json.loads(call.body or b"{}")
        except ValueError:
            params = None
        if not isinstance(params, dict):
            raise ApiError("InvalidParameter", "The request body is not a JSON object.")
        return run(params)

    router = APIRouter()

    @router.post("/")
    async def door(request: Request) -> JSONResponse:
        call = Call(dict(request.headers), await request.body())
        answer: dict[str, object]
        try:
            answer = await asyncio.to_thread(handle, call)
        except ApiError as error:
            answer = {"Error": {"Code": error.code, "Message": str(error)}}
        return JSONResponse({"Response": {**answer, "RequestId": str(uuid.uuid4())}})

    return router
