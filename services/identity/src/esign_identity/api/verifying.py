"""Verifications and face checks: what the gateway asks on behalf of people, and of the phones that they hold."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from esign.identity.v1 import identity_pb2 as pb
from esign.identity.v1.identity_pb2_grpc import PortalServiceServicer
from esign_kit.context import actor

from esign_identity.api import face_convert as convert
from esign_identity.api.convert import holder, timestamp
from esign_identity.api.login import Call
from esign_identity.app.consents import Consents
from esign_identity.app.faces import FaceChecks, Wanted
from esign_identity.app.relays import FaceRelays, RelayView
from esign_identity.app.verifications import Verifications, VerificationView
from esign_identity.app.watch import Watch
from esign_identity.domain.consent import Device
from esign_identity.domain.liveness import LivenessRules


@dataclass(frozen=True, slots=True)
class Verifying:
    """The use cases of verifications and face checks; `portal_url` is where phones find the portal."""

    verifications: Verifications
    faces: FaceChecks
    relays: FaceRelays
    watch: Watch
    consents: Consents
    liveness: LivenessRules
    portal_url: str


class VerifyingApi(PortalServiceServicer):
    """A person reaches their own verifications only; another's are not found."""

    def __init__(self, verifying: Verifying) -> None:
        self._verifying = verifying

    async def GetVerification(
        self,
        request: pb.GetVerificationRequest,
        context: Call,
    ) -> pb.Verification:
        view = await self._verifying.verifications.get(holder(), request.verification_id)
        return self._seen(view)

    async def SendVerificationCode(
        self,
        request: pb.SendVerificationCodeRequest,
        context: Call,
    ) -> pb.SendVerificationCodeResponse:
        ticket = await self._verifying.verifications.send_code(holder(), request.verification_id)
        return pb.SendVerificationCodeResponse(
            expires_at=timestamp(ticket.expires_at), retry_after_seconds=ticket.retry_after_seconds
        )

    async def ConfirmVerificationCode(
        self,
        request: pb.ConfirmVerificationCodeRequest,
        context: Call,
    ) -> pb.Verification:
        view = await self._verifying.verifications.confirm_code(holder(), request.verification_id, request.code)
        return self._seen(view)

    async def WatchVerification(
        self,
        request: pb.WatchVerificationRequest,
        context: Call,
    ) -> AsyncIterator[pb.Verification]:
        async for view in self._verifying.watch.follow(holder(), request.verification_id):
            yield self._seen(view)

    async def ListFaceChannels(
        self,
        request: pb.ListFaceChannelsRequest,
        context: Call,
    ) -> pb.ListFaceChannelsResponse:
        options = await self._verifying.faces.channels(holder(), request.verification_id)
        return pb.ListFaceChannelsResponse(channels=[convert.channel_option(option) for option in options])

    async def StartFaceCheck(
        self,
        request: pb.StartFaceCheckRequest,
        context: Call,
    ) -> pb.StartFaceCheckResponse:
        wanted = Wanted(
            convert.CHANNELS.get(request.channel),
            request.consent_version,
            request.consent_sha256,
            Device.of(request.client_address, request.user_agent),
        )
        check = await self._verifying.faces.start(holder(), request.verification_id, wanted)
        return pb.StartFaceCheckResponse(
            face_check_id=check.face_check_id,
            url=f"{self._verifying.portal_url}/f/{check.relay}",
            expires_at=timestamp(check.expires_at),
        )

    async def CompleteFaceCheck(
        self,
        request: pb.CompleteFaceCheckRequest,
        context: Call,
    ) -> pb.Verification:
        view = await self._verifying.faces.complete(holder(), request.verification_id, request.face_check_id)
        return self._seen(view)

    async def OpenFaceRelay(
        self,
        request: pb.OpenFaceRelayRequest,
        context: Call,
    ) -> pb.FaceRelay:
        device = Device.of(request.client_address, request.user_agent)
        return self._relayed(await self._verifying.relays.open(request.relay_token, request.claim, device))

    async def SubmitFaceFrames(
        self,
        request: pb.SubmitFaceFramesRequest,
        context: Call,
    ) -> pb.FaceRelay:
        frames = [(frame.at_ms, frame.jpeg) for frame in request.frames]
        view = await self._verifying.relays.submit(request.relay_token, request.claim, request.nonce, frames)
        return self._relayed(view)

    async def FinishFaceRelay(
        self,
        request: pb.FinishFaceRelayRequest,
        context: Call,
    ) -> pb.FaceRelay:
        return self._relayed(await self._verifying.relays.finish(request.relay_token, request.claim))

    async def GetConsentText(
        self,
        request: pb.GetConsentTextRequest,
        context: Call,
    ) -> pb.ConsentText:
        return convert.consent_text(self._verifying.consents.text(convert.CONSENTS.get(request.kind)))

    async def GiveConsent(self, request: pb.GiveConsentRequest, context: Call) -> pb.GiveConsentResponse:
        kind, device = convert.CONSENTS.get(request.kind), Device.of(request.client_address, request.user_agent)
        await self._verifying.consents.give(actor().person_id, kind, request.version, request.sha256, device)
        return pb.GiveConsentResponse()

    def _seen(self, view: VerificationView) -> pb.Verification:
        return convert.verification(view, self._verifying.verifications.rules)

    def _relayed(self, view: RelayView) -> pb.FaceRelay:
        return convert.relay(view, self._verifying.verifications.rules, self._verifying.liveness)
