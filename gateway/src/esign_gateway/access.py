"""Who may use a route. Every route states it as a dependency, `public(...)`, `person(...)` or `platform(...)`; without one, or
with two, the application does not start. The rule also says how large a body may be and how long an answer may take.

    @router.get("/me", dependencies=[person()])
    @router.post("/login", dependencies=[public(Rate("login", per_minute=10, burst=10))])
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Protocol

from esign_kit.context import actor_var, deadline_var
from esign_kit.errors import EsignError, Forbidden, TimedOut, Unauthenticated
from fastapi import APIRouter, Request, Response, Security
from fastapi.params import Depends
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie
from starlette.routing import BaseRoute

from esign_gateway.limits import Rate, RateLimiter, client_address, limited_receive

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
JSON_BODY = 64 * 1024
"""Bytes that a request may hold unless its route says otherwise."""
FAILED_SESSIONS = Rate("failed-session", per_minute=30, burst=60)
READS = Rate("public-read", per_minute=300, burst=100)


class Access(Enum):
    """For whom a route is."""

    PUBLIC = "anyone"
    PERSON = "a signed-in person"
    PLATFORM = "a page of a trusted platform"


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule of one route."""

    access: Access
    rate: Rate | None
    body_limit: int
    seconds: float


session_cookie = APIKeyCookie(
    name="esign_session",
    scheme_name="session",
    description="Session cookie, set by a login (in production it is named `__Host-esign_session`). Any answer may renew it.",
    auto_error=False,
)


class _OpenRule:
    """Dependency of a route that needs no session; `RuledRoute` enforces the rule before the body is read."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    async def __call__(self) -> None:
        return None


class _PersonRule:
    """Dependency of a route for signed-in people; naming the cookie documents it in the OpenAPI description."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    async def __call__(self, _: Annotated[str | None, Security(session_cookie)]) -> None:
        return None


def public(rate: Rate = READS, *, body_limit: int = JSON_BODY, seconds: float = 10) -> Depends:
    """A route for anyone, at most `rate` from one address."""
    return Depends(_OpenRule(Rule(Access.PUBLIC, rate, body_limit, seconds)))


def platform(rate: Rate, *, body_limit: int = JSON_BODY, seconds: float = 10) -> Depends:
    """A route to which a page of a trusted platform sends people with a form. Its errors are pages."""
    return Depends(_OpenRule(Rule(Access.PLATFORM, rate, body_limit, seconds)))


def person(*, body_limit: int = JSON_BODY, seconds: float = 15) -> Depends:
    """A route for signed-in people; the calls that it makes are made for the acting person."""
    return Depends(_PersonRule(Rule(Access.PERSON, None, body_limit, seconds)))


def rule_of(route: BaseRoute) -> Rule:
    """The rule of a route. Raises RuntimeError when it has none, or more than one."""
    found = [
        dependency.dependency.rule
        for dependency in (route.dependencies if isinstance(route, APIRoute) else ())
        if isinstance(dependency.dependency, _OpenRule | _PersonRule)
    ]
    if len(found) != 1:
        raise RuntimeError(f"{getattr(route, 'path', route)} states {len(found)} access rules; it must state one")
    return found[0]


class Guard(Protocol):
    """What `RuledRoute` needs from the application: found in `app.state.guard`."""

    limiter: RateLimiter

    async def authenticate(self, request: Request) -> None:
        """Set the acting person of this request. Raises Unauthenticated."""

    def is_own_origin(self, origin: str, request: Request) -> bool:
        """Whether a page of `origin` is a page of this site."""

    def is_trusted_platform(self, origin: str) -> bool:
        """Whether pages of `origin` may send people here already identified."""


class RuledRoute(APIRoute):
    """A route that enforces its rule before it reads a body: cross-site requests, rate, sign-in, size and time."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, guarded. Raises RuntimeError when the route states no rule."""
        rule, handle = rule_of(self), super().get_route_handler()

        async def guarded(request: Request) -> Response:
            guard: Guard = request.app.state.guard
            if rule.access is Access.PLATFORM:
                request.state.answer_with_page = True
                refuse_strangers_forms(request, guard)
            elif request.method not in SAFE_METHODS:
                refuse_cross_site(request, guard)
            deadline_var.set(time.monotonic() + rule.seconds)
            actor_var.set(None)
            try:
                async with asyncio.timeout(rule.seconds):
                    if rule.rate is not None:
                        guard.limiter.take(rule.rate, client_address(request))
                    else:
                        await _sign_in(request, guard)
                    return await handle(Request(request.scope, limited_receive(request, rule.body_limit)))
            except TimeoutError:
                raise TimedOut("REQUEST_TIMED_OUT", zh="请求超时，请稍后重试", en="The request took too long") from None

        return guarded


async def _sign_in(request: Request, guard: Guard) -> None:
    address = client_address(request)
    guard.limiter.check(FAILED_SESSIONS, address)
    try:
        await guard.authenticate(request)
    except Unauthenticated:
        guard.limiter.take(FAILED_SESSIONS, address)
        raise


def refuse_cross_site(request: Request, guard: Guard) -> None:
    """Raise Forbidden unless the request comes from a page of this site, or from no page at all.

    Two independent checks (OWASP CSRF prevention): a header that a foreign page cannot send without a CORS preflight, which
    is never granted, and what the browser itself says of the page (Fetch Metadata, and Origin, RFC 6454).
    """
    error: EsignError = Forbidden("CROSS_SITE_REQUEST", zh="拒绝跨站请求", en="Cross-site requests are refused")
    if request.headers.get("x-requested-with") != "esign":
        raise error
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise error
    origin = request.headers.get("origin")
    if origin is not None and not guard.is_own_origin(origin, request):
        raise error


def refuse_strangers_forms(request: Request, guard: Guard) -> None:
    """Raise Forbidden unless the browser names a trusted platform's page as where the form came from (Origin, RFC 6454).

    Else a page of anyone's could sign its visitors in as somebody else (login CSRF). A browser leaves the origin out, or says
    `null`, for a page with `Referrer-Policy: no-referrer`: that is refused too.
    """
    if not guard.is_trusted_platform(request.headers.get("origin", "")):
        raise Forbidden("ORIGIN_NOT_ALLOWED", zh="请从招采平台进入", en="Come in through the procurement platform")


def make_router(tag: str) -> APIRouter:
    """A router whose routes must state a rule."""
    return APIRouter(prefix="/v1", route_class=RuledRoute, tags=[tag])
