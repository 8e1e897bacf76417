"""The application: routes, guard, errors."""

from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
from fastapi import Depends, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from esign_gateway import problems
from esign_gateway.access import rule_of
from esign_gateway.delivery import ObjectReader
from esign_gateway.downloads import DownloadReports
from esign_gateway.edge import Edge
from esign_gateway.limits import RateLimiter
from esign_gateway.peers import Peers
from esign_gateway.settings import GatewaySettings
from esign_gateway.views import Person

DESCRIPTION = """SOHO中国电子签章平台 for people: sign in, read, sign, download once, verify.

Every error is an RFC 9457 problem with a stable `code` and the reference number 参考编号 (`trace_id`). Requests other than GET
must carry `X-Requested-With: esign`. Times are RFC 3339 in UTC; money is decimal text.
"""


class Gateway:
    """What the routes share."""

    def __init__(self, settings: GatewaySettings, peers: Peers, objects: httpx.AsyncClient) -> None:
        self.settings = settings
        self.peers = peers
        self.limiter = RateLimiter()
        self.objects = ObjectReader(objects)
        self.downloads = DownloadReports(peers)
        self.secure = settings.environment == "production"
        # The prefix has browsers insist on Secure, Path=/ and no Domain (RFC 6265bis, 4.1.3.2).
        self.cookie = "__Host-esign_session" if self.secure else "esign_session"

    def session_token(self, request: Request) -> str:
        """The session token of a request; empty when there is none."""
        return request.cookies.get(self.cookie, "")

    async def authenticate(self, request: Request) -> None:
        """Make this request's calls for its person, who is `request.state.person`. Raises Unauthenticated."""
        request.state.person = await self.peers.sign_in(self.session_token(request))

    def is_own_origin(self, origin: str, request: Request) -> bool:
        """Whether a page of `origin` is a page of this site; on a developer's machine also under another local name."""
        if origin == self.settings.public_url:
            return True
        return not self.secure and urlsplit(origin).netloc == request.headers.get("host", "")


def gateway_of(request: Request) -> Gateway:
    """The application's gateway."""
    found: Gateway = request.app.state.guard
    return found


def person_of(request: Request) -> Person:
    """The acting person; only on routes for people."""
    found: Person = request.state.person
    return found


GatewayDep = Annotated[Gateway, Depends(gateway_of)]
PersonDep = Annotated[Person, Depends(person_of)]


def create_app(gateway: Gateway, routes: list[BaseRoute]) -> FastAPI:
    """The ASGI application. Raises RuntimeError naming a route that does not state who may use it."""
    app = FastAPI(
        title="SOHO China e-signature platform",
        version="1",
        description=DESCRIPTION,
        routes=routes,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for route in app.routes:
        rule_of(route)
    app.state.guard = gateway
    problems.install(app)
    app.add_middleware(Edge, https=gateway.secure)
    return app


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, with each operation's access (`x-access`) and the problem schema."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for route in app.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                for method in route.methods or ():
                    operation = schema["paths"][route.path_format][method.lower()]
                    operation["x-access"] = rule_of(route).access.value
                    operation["responses"].pop("422", None)
        components = schema.setdefault("components", {}).setdefault("schemas", {})
        components |= problems.schemas()
        for unused in ("HTTPValidationError", "ValidationError"):
            components.pop(unused, None)
        app.openapi_schema = schema
    return app.openapi_schema
