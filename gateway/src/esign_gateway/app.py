"""The application: routes, guard, errors."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
from esign.identity.v1 import identity_pb2
from fastapi import Depends, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from esign_gateway import problems
from esign_gateway.access import rule_of
from esign_gateway.delivery import ObjectReader
from esign_gateway.downloads import DownloadReports
from esign_gateway.edge import SET_COOKIES, Edge
from esign_gateway.identity_views import Session
from esign_gateway.peers import Peers
from esign_gateway.portal import Portal, default_folder
from esign_gateway.replicas import Account, secret_of
from esign_gateway.settings import GatewaySettings
from esign_gateway.views import required_moment

DESCRIPTION = """SOHO中国电子签章平台 for people: sign in, read, sign, download once, verify.

Every error is an RFC 9457 problem with a stable `code` and the reference number 参考编号 (`trace_id`). Requests other than GET
must carry `X-Requested-With: esign`. Any answer to a signed-in person may renew the session's cookie. Times are RFC 3339 in UTC; money is decimal text.
"""


class Gateway:
    """What the routes share."""

    def __init__(self, settings: GatewaySettings, peers: Peers, objects: httpx.AsyncClient) -> None:
        self.settings = settings
        self.peers = peers
        self.account = Account(secret_of(settings.nats))
        self.limiter = self.account.limiter
        self.streams = self.account.streams
        self.objects = ObjectReader(objects)
        self.downloads = DownloadReports(peers)
        self.portal = Portal(settings.portal_dir or default_folder(), settings.support)
        self.secure = settings.environment == "production"
        # The prefix has browsers insist on Secure, Path=/ and no Domain (RFC 6265bis, 4.1.3.2).
        self.cookie = "__Host-esign_session" if self.secure else "esign_session"

    def session_token(self, request: Request) -> str:
        """The session token of a request, renewed where it was; empty when there is none."""
        return str(getattr(request.state, "session_token", "") or request.cookies.get(self.cookie, ""))

    def session_id(self, request: Request) -> str:
        """The id of the session; only on routes for people."""
        return str(request.state.session_id)

    async def authenticate(self, request: Request) -> None:
        """Make this request's calls for its person, whose session is `request.state.session`. Raises Unauthenticated."""
        answer = await self.peers.sign_in(self.session_token(request))
        request.state.session, request.state.session_id = Session.of(answer), answer.session_id
        if answer.renewed_session_token:
            request.state.session_token = answer.renewed_session_token
            self._keep_session(request, answer.renewed_session_token, required_moment(answer, "expires_at"))

    def begin_session(self, request: Request, answer: identity_pb2.LoginResponse) -> Session:
        """Have the answer to this request set the new session's cookie."""
        session = Session.of(answer)
        self._keep_session(request, answer.session_token, session.expires_at)
        return session

    def drop_session(self, request: Request) -> None:
        """Have the answer to this request remove the session's cookie."""
        self.set_cookie(request, self.cookie, "", path="/", expires=0)

    def _keep_session(self, request: Request, token: str, until: datetime) -> None:
        self.set_cookie(request, self.cookie, token, path="/", expires=until)

    def set_cookie(self, request: Request, name: str, value: str, *, path: str, expires: datetime | int) -> None:
        """Have the answer to this request, whichever it will be, set a cookie that scripts and other sites cannot use."""
        carrier = Response()
        carrier.set_cookie(
            name,
            value,
            max_age=0 if expires == 0 else None,
            expires=expires,
            path=path,
            secure=self.secure,
            httponly=True,
            samesite="strict",
        )
        request.scope["state"].setdefault(SET_COOKIES, {})[name, path] = carrier.headers["set-cookie"]

    def is_own_origin(self, origin: str, request: Request) -> bool:
        """Whether a page of `origin` is a page of this site; on a developer's machine also under another local name."""
        if origin == self.settings.public_url:
            return True
        return not self.secure and urlsplit(origin).netloc == request.headers.get("host", "")

    def is_trusted_platform(self, origin: str) -> bool:
        """Whether pages of `origin` may send people here already identified."""
        return origin in self.settings.sso_origins


def gateway_of(request: Request) -> Gateway:
    """The application's gateway."""
    found: Gateway = request.app.state.guard
    return found


def session_of(request: Request) -> Session:
    """The acting person's session; only on routes for people."""
    found: Session = request.state.session
    return found


GatewayDep = Annotated[Gateway, Depends(gateway_of)]
SessionDep = Annotated[Session, Depends(session_of)]


def create_app(gateway: Gateway, routes: list[BaseRoute]) -> FastAPI:
    """The ASGI application. Raises RuntimeError naming a route that does not state who may use it."""
    app = bare_app(routes)
    for route in app.routes:
        rule_of(route)
    app.state.guard = gateway
    problems.install(app)
    app.add_middleware(Edge, https=gateway.secure)
    return app


def bare_app(routes: list[BaseRoute]) -> FastAPI:
    """The routes alone, as they can be described but not served."""
    return FastAPI(
        title="SOHO China e-signature platform",
        version="1",
        description=DESCRIPTION,
        routes=routes,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )


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
