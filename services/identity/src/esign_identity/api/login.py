"""Signing in and out, as the gateway asks on behalf of people."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from esign.identity.v1 import identity_pb2 as pb
from esign.identity.v1.identity_pb2_grpc import PortalServiceServicer
from esign_kit.context import actor

from esign_identity.api import convert
from esign_identity.app.captchas import CaptchaDesk
from esign_identity.app.login import Login
from esign_identity.app.sessions import SessionDesk
from esign_identity.app.sign_on import SignOnDesk

Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


@dataclass(frozen=True, slots=True)
class Logins:
    """The use cases of logins."""

    login: Login
    captchas: CaptchaDesk
    sign_ons: SignOnDesk
    sessions: SessionDesk


class LoginApi(PortalServiceServicer):
    """Codes, captchas and sessions."""

    def __init__(self, logins: Logins) -> None:
        self._login, self._captchas = logins.login, logins.captchas
        self._sign_ons, self._sessions = logins.sign_ons, logins.sessions

    async def CreateCaptcha(self, request: pb.CreateCaptchaRequest, context: Call) -> pb.CreateCaptchaResponse:
        made = await self._captchas.create(request.client_address)
        return pb.CreateCaptchaResponse(
            captcha_id=made.captcha_id, png=made.png, expires_at=convert.timestamp(made.expires_at)
        )

    async def RequestLoginCode(self, request: pb.RequestLoginCodeRequest, context: Call) -> pb.RequestLoginCodeResponse:
        ticket = await self._login.request_code(
            request.phone, request.client_address, request.captcha_id, request.captcha_answer
        )
        return pb.RequestLoginCodeResponse(
            expires_at=convert.timestamp(ticket.expires_at), retry_after_seconds=ticket.retry_after_seconds
        )

    async def Login(self, request: pb.LoginRequest, context: Call) -> pb.LoginResponse:
        return convert.opened(
            await self._login.login(request.phone, request.code, request.client_address, request.user_agent)
        )

    async def StartEnterpriseLogin(
        self, request: pb.StartEnterpriseLoginRequest, context: Call
    ) -> pb.StartEnterpriseLoginResponse:
        found = await self._login.start_enterprise(request.phone, request.code, request.client_address)
        return pb.StartEnterpriseLoginResponse(
            ticket=found.ticket,
            expires_at=convert.timestamp(found.expires_at),
            companies=[convert.organisation(company) for company in found.companies],
        )

    async def FinishEnterpriseLogin(self, request: pb.FinishEnterpriseLoginRequest, context: Call) -> pb.LoginResponse:
        return convert.opened(
            await self._login.finish_enterprise(
                request.ticket, request.organisation_id, request.client_address, request.user_agent
            )
        )

    async def RedeemSignOn(self, request: pb.RedeemSignOnRequest, context: Call) -> pb.LoginResponse:
        return convert.opened(await self._sign_ons.redeem(request.token, request.client_address, request.user_agent))

    async def Authenticate(self, request: pb.AuthenticateRequest, context: Call) -> pb.AuthenticateResponse:
        found = await self._sessions.authenticate(request.session_token)
        return pb.AuthenticateResponse(
            actor_token=found.actor_token,
            person=convert.summary(found.person),
            organisation=convert.organisation(found.organisation) if found.organisation else None,
            renewed_session_token=found.renewed_token,
            expires_at=convert.timestamp(found.session.expires_at),
            session_id=found.session.session_id,
            terms_due=found.terms_due,
        )

    async def Logout(self, request: pb.LogoutRequest, context: Call) -> pb.LogoutResponse:
        await self._sessions.logout(request.session_token)
        return pb.LogoutResponse()

    async def ListSessions(self, request: pb.ListSessionsRequest, context: Call) -> pb.ListSessionsResponse:
        acting = actor()
        found = await self._sessions.list(acting.person_id)
        return pb.ListSessionsResponse(
            sessions=[convert.session(session, company, acting.session_id) for session, company in found]
        )

    async def RevokeSessions(self, request: pb.RevokeSessionsRequest, context: Call) -> pb.RevokeSessionsResponse:
        acting = actor()
        ended = await self._sessions.revoke(acting.person_id, acting.session_id, request.session_id)
        return pb.RevokeSessionsResponse(ended=ended)
