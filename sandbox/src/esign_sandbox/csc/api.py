"""The API's addresses: `/csc/oauth2/token` and `/csc/v2/…`."""

import json
from collections.abc import Callable
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from esign_sandbox.csc.service import Body, CscError, RemoteSigning


def csc_router(service: RemoteSigning) -> APIRouter:
    """`/csc/oauth2/token` and `/csc/v2/…`."""
    router = APIRouter(prefix="/csc")
    methods: dict[str, Callable[[Body], dict[str, object]]] = {
        "info": service.info,
        "credentials/list": service.credentials,
        "credentials/info": service.credential,
        "credentials/authorize": service.authorize,
        "signatures/signHash": service.sign,
    }

    @router.post("/oauth2/token")
    async def token(request: Request) -> JSONResponse:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
        return await _answered(lambda: service.token(form))

    @router.post("/v2/{method:path}")
    async def call(method: str, request: Request) -> JSONResponse:
        body, authorization = await request.body(), request.headers.get("authorization", "")

        def run() -> dict[str, object]:
            if method not in methods:
                raise CscError(f"{method} is not implemented", "invalid_request", 501)
            if method != "info":
                service.check_token(authorization)
            return methods[method](_json(body))

        return await _answered(run)

    return router


async def _answered(run: Callable[[], dict[str, object]]) -> JSONResponse:
    try:
        return JSONResponse(await run_in_threadpool(run))
    except CscError as error:
        return JSONResponse({"error": error.error, "error_description": str(error)}, error.status)


def _json(content: bytes) -> Body:
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise CscError("The request is not a JSON object")
    return body
