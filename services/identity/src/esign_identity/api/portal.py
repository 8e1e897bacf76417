"""What the gateway asks on behalf of people."""

import grpc
from esign.identity.v1 import identity_pb2 as pb
from esign_kit.context import actor

from esign_identity.api import convert
from esign_identity.api.login import LoginApi
from esign_identity.app.faces import FaceChecks
from esign_identity.app.login import Login
from esign_identity.app.verifications import Verifications


class PortalApi(LoginApi):
    """A person reaches their own verifications only; another's are not found."""

    def __init__(self, login: Login, verifications: Verifications, faces: FaceChecks) -> None:
        super().__init__(login)
        self._verifications, self._faces = verifications, faces

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
