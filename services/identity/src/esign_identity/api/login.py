"""Signing in and out, as the gateway asks on behalf of people."""

import grpc
from esign.identity.v1 import identity_pb2 as pb
from esign.identity.v1.identity_pb2_grpc import PortalServiceServicer

from esign_identity.api import convert
from esign_identity.app.login import Login


class LoginApi(PortalServiceServicer):
    """Codes and sessions."""

    def __init__(self, login: Login) -> None:
        self._login = login

    async def RequestLoginCode(
        self,
        request: pb.RequestLoginCodeRequest,
        context: "grpc.aio.ServicerContext[pb.RequestLoginCodeRequest, pb.RequestLoginCodeResponse]",
    ) -> pb.RequestLoginCodeResponse:
        ticket = await self._login.request_code(request.phone, request.client_address)
        return pb.RequestLoginCodeResponse(
            expires_at=convert.timestamp(ticket.expires_at), retry_after_seconds=ticket.retry_after_seconds
        )

    async def Login(
        self, request: pb.LoginRequest, context: "grpc.aio.ServicerContext[pb.LoginRequest, pb.LoginResponse]"
    ) -> pb.LoginResponse:
        token, session, person = await self._login.login(
            request.phone, request.code, request.client_address, request.user_agent
        )
        return pb.LoginResponse(
            session_token=token, expires_at=convert.timestamp(session.expires_at), person=convert.summary(person)
        )

    async def Authenticate(
        self,
        request: pb.AuthenticateRequest,
        context: "grpc.aio.ServicerContext[pb.AuthenticateRequest, pb.AuthenticateResponse]",
    ) -> pb.AuthenticateResponse:
        actor_token, person = await self._login.authenticate(request.session_token)
        return pb.AuthenticateResponse(actor_token=actor_token, person=convert.summary(person))

    async def Logout(
        self, request: pb.LogoutRequest, context: "grpc.aio.ServicerContext[pb.LogoutRequest, pb.LogoutResponse]"
    ) -> pb.LogoutResponse:
        await self._login.logout(request.session_token)
        return pb.LogoutResponse()
