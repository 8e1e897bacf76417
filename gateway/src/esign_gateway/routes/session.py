"""登录 by either way, 安全退出, and who is signed in."""

import base64
from datetime import datetime
from typing import Annotated

from esign.identity.v1 import identity_pb2
from fastapi import Request, Response
from pydantic import BaseModel, Field

from esign_gateway.access import make_router, person, public
from esign_gateway.app import GatewayDep, SessionDep
from esign_gateway.identity_views import Organisation, Session
from esign_gateway.limits import Rate, client_address, user_agent
from esign_gateway.problems import responses
from esign_gateway.views import required_moment

router = make_router("session")

CAPTCHAS = Rate("captchas", per_minute=20, burst=20)
LOGIN_CODES = Rate("login-codes", per_minute=10, burst=20)
LOGINS = Rate("logins", per_minute=20, burst=30)

Phone = Annotated[str, Field(max_length=32, description="Mainland mobile number.", examples=["13800005678"])]
Code = Annotated[str, Field(min_length=1, max_length=16, description="The code from the SMS.", examples=["123456"])]


class Captcha(BaseModel):
    """验证码: letters and digits in an image; case does not matter. Good once."""

    captcha_id: str
    image: Annotated[str, Field(description="PNG, as a `data:` URL.", examples=["data:image/png;base64,iVBORw0…"])]
    expires_at: datetime


class LoginCodeRequest(BaseModel):
    """Who wants to log in. The captcha is needed once `CAPTCHA_REQUIRED` was answered."""

    phone: Phone
    captcha_id: Annotated[str, Field(max_length=64)] = ""
    captcha_answer: Annotated[str, Field(max_length=16)] = ""


class CodeSent(BaseModel):
    """A code is on its way; for a login the answer is the same whether the phone is known or not."""

    expires_at: datetime
    retry_after_seconds: Annotated[int, Field(description="Seconds before another code may be requested.")]


class LoginRequest(BaseModel):
    """A login with a code."""

    phone: Phone
    code: Code


class EnterpriseTicket(BaseModel):
    """The code was right: 请选择公司."""

    ticket: Annotated[str, Field(description="Good once, and for a few minutes.")]
    expires_at: datetime
    companies: Annotated[list[Organisation], Field(description="Those for which this phone is a signer; at least one.")]


class CompanyChoice(BaseModel):
    """The chosen company."""

    ticket: Annotated[str, Field(min_length=1, max_length=256)]
    organisation_id: Annotated[str, Field(min_length=1, max_length=64)]


@router.post("/captchas", status_code=201, dependencies=[public(CAPTCHAS)], responses=responses(403, 429, 503))
async def create_captcha(request: Request, gateway: GatewayDep) -> Captcha:
    """Make an image captcha, to be solved before another code is sent."""
    answer = await gateway.peers.people.CreateCaptcha(
        identity_pb2.CreateCaptchaRequest(client_address=client_address(request))
    )
    return Captcha(
        captcha_id=answer.captcha_id,
        image=f"data:image/png;base64,{base64.b64encode(answer.png).decode()}",
        expires_at=required_moment(answer, "expires_at"),
    )


@router.post("/login/codes", dependencies=[public(LOGIN_CODES)], responses=responses(400, 403, 429, 503))
async def request_login_code(body: LoginCodeRequest, request: Request, gateway: GatewayDep) -> CodeSent:
    """发送验证码: send a login code by SMS, for either login."""
    answer = await gateway.peers.people.RequestLoginCode(
        identity_pb2.RequestLoginCodeRequest(
            phone=body.phone,
            client_address=client_address(request),
            captcha_id=body.captcha_id,
            captcha_answer=body.captcha_answer,
        )
    )
    return CodeSent(expires_at=required_moment(answer, "expires_at"), retry_after_seconds=answer.retry_after_seconds)


@router.post("/login", dependencies=[public(LOGINS)], responses=responses(400, 401, 403, 429, 503))
async def login(body: LoginRequest, request: Request, gateway: GatewayDep) -> Session:
    """个人用户登录: turn the code into a session, kept in an HttpOnly cookie."""
    answer = await gateway.peers.people.Login(
        identity_pb2.LoginRequest(
            phone=body.phone,
            code=body.code,
            client_address=client_address(request),
            user_agent=user_agent(request),
        )
    )
    return gateway.begin_session(request, answer)


@router.post("/login/enterprise", dependencies=[public(LOGINS)], responses=responses(400, 401, 403, 429, 503))
async def start_enterprise_login(body: LoginRequest, request: Request, gateway: GatewayDep) -> EnterpriseTicket:
    """企业用户登录, first half: the code is used up, and the companies for which the phone is a signer are named."""
    answer = await gateway.peers.people.StartEnterpriseLogin(
        identity_pb2.StartEnterpriseLoginRequest(
            phone=body.phone, code=body.code, client_address=client_address(request)
        )
    )
    return EnterpriseTicket(
        ticket=answer.ticket,
        expires_at=required_moment(answer, "expires_at"),
        companies=[Organisation.of(company) for company in answer.companies],
    )


@router.post("/login/enterprise/company", dependencies=[public(LOGINS)], responses=responses(400, 401, 403, 429, 503))
async def finish_enterprise_login(body: CompanyChoice, request: Request, gateway: GatewayDep) -> Session:
    """企业用户登录, second half: turn the ticket and the chosen company into a session, kept in an HttpOnly cookie."""
    answer = await gateway.peers.people.FinishEnterpriseLogin(
        identity_pb2.FinishEnterpriseLoginRequest(
            ticket=body.ticket,
            organisation_id=body.organisation_id,
            client_address=client_address(request),
            user_agent=user_agent(request),
        )
    )
    return gateway.begin_session(request, answer)


@router.post("/logout", status_code=204, dependencies=[public(LOGINS)], responses=responses(403, 429, 503))
async def logout(request: Request, response: Response, gateway: GatewayDep) -> None:
    """安全退出: end the session and drop the cookie. Without a session nothing happens."""
    if token := gateway.session_token(request):
        await gateway.peers.people.Logout(identity_pb2.LogoutRequest(session_token=token))
    gateway.drop_session(request)


@router.get("/me", dependencies=[person()], responses=responses(401, 503))
async def me(session: SessionDep) -> Session:
    """Who is signed in (盖章人), and for which company."""
    return session
