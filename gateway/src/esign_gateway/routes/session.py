"""登录, 安全退出, and who is signed in."""

from datetime import datetime
from typing import Annotated

from esign.identity.v1 import identity_pb2
from fastapi import Request, Response
from pydantic import BaseModel, Field

from esign_gateway.access import make_router, person, public
from esign_gateway.app import GatewayDep, PersonDep
from esign_gateway.limits import Rate, client_address
from esign_gateway.problems import responses
from esign_gateway.views import Person, required_moment

router = make_router("session")

LOGIN_CODES = Rate("login-codes", per_minute=10, burst=20)
LOGINS = Rate("logins", per_minute=20, burst=30)

Phone = Annotated[str, Field(max_length=32, description="Mainland mobile number.", examples=["13800005678"])]
Code = Annotated[str, Field(min_length=1, max_length=16, description="The code from the SMS.", examples=["123456"])]


class LoginCodeRequest(BaseModel):
    """Who wants to log in."""

    phone: Phone


class CodeSent(BaseModel):
    """A code is on its way; for a login the answer is the same whether the phone is known or not."""

    expires_at: datetime
    retry_after_seconds: Annotated[int, Field(description="Seconds before another code may be requested.")]


class LoginRequest(BaseModel):
    """A login with a code."""

    phone: Phone
    code: Code


class Session(BaseModel):
    """The session that the cookie stands for."""

    person: Person
    expires_at: datetime


@router.post("/login/codes", dependencies=[public(LOGIN_CODES)], responses=responses(400, 403, 429, 503))
async def request_login_code(body: LoginCodeRequest, request: Request, gateway: GatewayDep) -> CodeSent:
    """发送验证码: send a login code by SMS."""
    answer = await gateway.peers.people.RequestLoginCode(
        identity_pb2.RequestLoginCodeRequest(phone=body.phone, client_address=client_address(request))
    )
    return CodeSent(expires_at=required_moment(answer, "expires_at"), retry_after_seconds=answer.retry_after_seconds)


@router.post("/login", dependencies=[public(LOGINS)], responses=responses(400, 401, 403, 429, 503))
async def login(body: LoginRequest, request: Request, response: Response, gateway: GatewayDep) -> Session:
    """登录: turn the code into a session, kept in an HttpOnly cookie."""
    answer = await gateway.peers.people.Login(
        identity_pb2.LoginRequest(
            phone=body.phone,
            code=body.code,
            client_address=client_address(request),
            user_agent=request.headers.get("user-agent", "")[:256],
        )
    )
    session = Session(person=Person.of(answer.person), expires_at=required_moment(answer, "expires_at"))
    response.set_cookie(
        gateway.cookie,
        answer.session_token,
        expires=session.expires_at,
        path="/",
        secure=gateway.secure,
        httponly=True,
        samesite="strict",
    )
    return session


@router.post("/logout", status_code=204, dependencies=[public(LOGINS)], responses=responses(403, 429, 503))
async def logout(request: Request, response: Response, gateway: GatewayDep) -> None:
    """安全退出: end the session and drop the cookie. Without a session nothing happens."""
    if token := gateway.session_token(request):
        await gateway.peers.people.Logout(identity_pb2.LogoutRequest(session_token=token))
    response.delete_cookie(gateway.cookie, path="/", secure=gateway.secure, httponly=True, samesite="strict")


@router.get("/me", dependencies=[person()], responses=responses(401, 503))
async def me(acting: PersonDep) -> Person:
    """Who is signed in (盖章人)."""
    return acting
