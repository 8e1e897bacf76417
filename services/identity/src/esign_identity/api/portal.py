"""What the gateway asks on behalf of people."""

import grpc
from esign.identity.v1 import identity_pb2 as pb
from esign.identity.v1.identity_pb2_grpc import PortalServiceServicer
from esign_kit.context import actor

from esign_identity.api import convert
from esign_identity.app.faces import FaceChecks
from esign_identity.app.login import Login
from esign_identity.app.verifications import Verifications


class PortalApi(PortalServiceServicer):
    """A person reaches their own verifications only; another's are not found."""

    def __init__(self, login: Login, verifications: Verifications, faces: FaceChecks) -> None:
        self._login, self._verifications, self._faces = login, verifications, faces

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

    async def GetVerification(
        self,
        request: pb.GetVerificationRequest,
        context: "grpc.aio.ServicerContext[pb.GetVerificationRequest, pb.Verification]",
    ) -> pb.Verification:
        found, person = await self._verifications.get(actor().person_id, request.verification_id)
        return convert.verification(found, person, self._verifications.rules)

    async def SendVerificationCode(
        self,
        request: pb.SendVerificationCodeRequest,
        context: "grpc.aio.ServicerContext[pb.SendVerificationCodeRequest, pb.SendVerificationCodeResponse]",
    ) -> pb.SendVerificationCodeResponse:
        ticket = await self._verifications.send_code(actor().person_id, request.verification_id)
        return pb.SendVerificationCodeResponse(
            expires_at=convert.timestamp(ticket.expires_at), retry_after_seconds=ticket.retry_after_seconds
        )

    async def ConfirmVerificationCode(
        self,
        request: pb.ConfirmVerificationCodeRequest,
        context: "grpc.aio.ServicerContext[pb.ConfirmVerificationCodeRequest, pb.Verification]",
    ) -> pb.Verification:
        found, person = await self._verifications.confirm_code(actor().person_id, request.verification_id, request.code)
        return convert.verification(found, person, self._verifications.rules)

    async def StartFaceCheck(
        self,
        request: pb.StartFaceCheckRequest,
        context: "grpc.aio.ServicerContext[pb.StartFaceCheckRequest, pb.StartFaceCheckResponse]",
    ) -> pb.StartFaceCheckResponse:
        check = await self._faces.start(
            actor().person_id, request.verification_id, convert.CHANNELS.get(request.channel), request.consent_version
        )
        return pb.StartFaceCheckResponse(
            face_check_id=check.face_check_id, url=check.url, expires_at=convert.timestamp(check.expires_at)
        )

    async def CompleteFaceCheck(
        self,
        request: pb.CompleteFaceCheckRequest,
        context: "grpc.aio.ServicerContext[pb.CompleteFaceCheckRequest, pb.Verification]",
    ) -> pb.Verification:
        found, person = await self._faces.complete(actor().person_id, request.verification_id, request.face_check_id)
        return convert.verification(found, person, self._verifications.rules)
