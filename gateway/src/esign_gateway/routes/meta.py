"""What programs ask about the gateway itself."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from esign_gateway.access import RuledRoute, public
from esign_gateway.app import GatewayDep, describe
from esign_gateway.limits import Rate

router = APIRouter(route_class=RuledRoute, include_in_schema=False)

PROBES = Rate("probes", per_minute=600, burst=600)


class Health(BaseModel):
    """Whether the gateway can do its work."""

    ready: bool
    unreachable: Annotated[list[str], Field(description="Services with which there is no connection.")]


@router.get("/healthz", dependencies=[public(PROBES)])
async def healthz(gateway: GatewayDep, response: Response) -> Health:
    """200 when every service can be reached, else 503 with their names. An answer of either kind means: this process lives."""
    unreachable = await gateway.peers.unreachable()
    response.status_code = 503 if unreachable else 200
    return Health(ready=not unreachable, unreachable=unreachable)


@router.get("/v1/openapi.json", dependencies=[public()])
async def openapi(request: Request) -> JSONResponse:
    """The OpenAPI description of this API."""
    return JSONResponse(describe(request.app), headers={"cache-control": "public, max-age=300"})
