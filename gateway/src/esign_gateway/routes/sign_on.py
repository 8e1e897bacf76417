"""Suppliers who arrive from the procurement platform (招采平台), already identified."""

from typing import Annotated

from esign.identity.v1 import identity_pb2
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse

from esign_gateway.access import RuledRoute, platform
from esign_gateway.app import GatewayDep
from esign_gateway.limits import Rate, client_address, user_agent
from esign_gateway.pages import moving_on
from esign_gateway.problems import responses

router = APIRouter(route_class=RuledRoute, tags=["sign-on"])

SIGN_ONS = Rate("sign-ons", per_minute=20, burst=30)
SIGN_ON_BODY = 8 * 1024
LANDING = "/apply"
"""申请证书."""


@router.post(
    "/sso/procurement",
    dependencies=[platform(SIGN_ONS, body_limit=SIGN_ON_BODY)],
    response_class=HTMLResponse,
    responses=responses(400, 401, 403, 413, 429, 503, pages=True),
)
async def sign_on_from_procurement(
    token: Annotated[str, Form(min_length=1, max_length=4096, description="The platform's signed token, good once.")],
    request: Request,
    gateway: GatewayDep,
) -> HTMLResponse:
    """Turn the token of a form on the platform's page into a session. The answer is a page that moves on to 申请证书 by itself:
    after a redirect the browser would still count the request as cross-site, and keep the new cookie back."""
    answer = await gateway.peers.people.RedeemSignOn(
        identity_pb2.RedeemSignOnRequest(
            token=token, client_address=client_address(request), user_agent=user_agent(request)
        )
    )
    gateway.begin_session(request, answer)
    return moving_on(LANDING)
