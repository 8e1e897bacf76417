"""签章: prove who signs (SMS, then face), confirm."""

from datetime import datetime
from typing import Annotated

from esign.contract.v1 import contract_pb2
from esign.identity.v1 import identity_pb2
from fastapi import Path, Request, Response
from pydantic import BaseModel, Field

from esign_gateway.access import make_router, person
from esign_gateway.app import GatewayDep
from esign_gateway.identity_views import CHANNELS, FaceChannel, FaceChannelOption, Verification, channel_options
from esign_gateway.limits import client_address, user_agent
from esign_gateway.problems import responses
from esign_gateway.routes.contracts import ContractId
from esign_gateway.routes.session import Code, CodeSent
from esign_gateway.streams import EventStream, event
from esign_gateway.views import Contract, Placement, Sha256, required_moment

router = make_router("signing")

Id = Annotated[str, Field(min_length=1, max_length=64)]
VerificationId = Annotated[str, Path(max_length=64, pattern="^[0-9A-Za-z_-]+$")]
FaceCheckId = Annotated[str, Path(max_length=64, pattern="^[0-9A-Za-z_-]+$")]


class CodeConfirmation(BaseModel):
    """The SMS code that the person typed."""

    code: Code


class FaceCheckRequest(BaseModel):
    """Opens a face check."""

    channel: FaceChannel
    consent_version: Annotated[
        str,
        Field(min_length=1, max_length=32, description="The version of the biometric-information statement accepted."),
    ]
    consent_sha256: Annotated[
        str, Field(pattern="^([0-9a-f]{64})?$", description="SHA-256 of the text that was shown, hex.")
    ] = ""


class FaceCheck(BaseModel):
    """Where the person goes with the phone."""

    face_check_id: str
    url: Annotated[
        str,
        Field(description="A page of this site, for the QR code, or to go to at once on a phone. Good for one device."),
    ]
    expires_at: datetime


class FaceChannelList(BaseModel):
    """The channels of a face check, in the order in which they are offered."""

    items: list[FaceChannelOption]


class SignatureRequest(BaseModel):
    """结束签章 → 是: the person's decision."""

    verification_id: Id
    document_sha256: Annotated[Sha256, Field(description="SHA-256 of the document that the person saw, hex.")]
    seal_id: Id
    placement: Placement


@router.post(
    "/contracts/{contract_id}/verifications",
    status_code=201,
    dependencies=[person()],
    responses=responses(401, 403, 404, 409, 429, 503),
)
async def start_verification(contract_id: ContractId, gateway: GatewayDep) -> Verification:
    """签章: open the person's verification for this contract and its present document."""
    answer = await gateway.peers.contracts.StartSigning(contract_pb2.StartSigningRequest(contract_id=contract_id))
    return Verification.of(answer)


@router.get("/verifications/{verification_id}", dependencies=[person()], responses=responses(401, 404, 503))
async def get_verification(verification_id: VerificationId, gateway: GatewayDep) -> Verification:
    """Where the verification stands: 身份信息 → 人脸识别 → 核验完成."""
    answer = await gateway.peers.people.GetVerification(
        identity_pb2.GetVerificationRequest(verification_id=verification_id)
    )
    return Verification.of(answer)


@router.post(
    "/verifications/{verification_id}/codes",
    dependencies=[person()],
    responses=responses(401, 403, 404, 409, 429, 503),
)
async def send_verification_code(verification_id: VerificationId, gateway: GatewayDep) -> CodeSent:
    """Send the verification's SMS code to the person's registered phone."""
    answer = await gateway.peers.people.SendVerificationCode(
        identity_pb2.SendVerificationCodeRequest(verification_id=verification_id)
    )
    return CodeSent(expires_at=required_moment(answer, "expires_at"), retry_after_seconds=answer.retry_after_seconds)


@router.post(
    "/verifications/{verification_id}/code",
    dependencies=[person()],
    responses=responses(400, 401, 403, 404, 409, 429, 503),
)
async def confirm_verification_code(
    verification_id: VerificationId, body: CodeConfirmation, gateway: GatewayDep
) -> Verification:
    """Check the SMS code: step 1 of 2."""
    answer = await gateway.peers.people.ConfirmVerificationCode(
        identity_pb2.ConfirmVerificationCodeRequest(verification_id=verification_id, code=body.code)
    )
    return Verification.of(answer)


@router.get(
    "/verifications/{verification_id}/face-channels", dependencies=[person()], responses=responses(400, 401, 404, 503)
)
async def list_face_channels(verification_id: VerificationId, gateway: GatewayDep) -> FaceChannelList:
    """Which channels the face check may use, and which of them can be used now."""
    answer = await gateway.peers.people.ListFaceChannels(
        identity_pb2.ListFaceChannelsRequest(verification_id=verification_id)
    )
    return FaceChannelList(items=channel_options(list(answer.channels)))


@router.get(
    "/verifications/{verification_id}/events",
    dependencies=[person()],
    response_class=Response,
    responses={
        **responses(400, 401, 404, 429, 503),
        200: {
            "description": "`event: verification` with a Verification as its data, now and after every change, until it is "
            "passed, failed, expired or consumed; a comment every 15 seconds. The stream ends by itself then, and after at "
            "most two minutes: unless it is decided, connect again.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
    },
)
async def watch_verification(verification_id: VerificationId, request: Request, gateway: GatewayDep) -> EventStream:
    """Follow a verification by server-sent events, while the phone does its part. At most 3 streams of one session."""
    question = identity_pb2.WatchVerificationRequest(verification_id=verification_id)
    return await gateway.streams.open(
        gateway.session_id(request),
        lambda: gateway.peers.people.WatchVerification(question),
        lambda message: event("verification", Verification.of(message).model_dump_json()),
    )


@router.post(
    "/verifications/{verification_id}/face",
    status_code=201,
    dependencies=[person()],
    responses=responses(400, 401, 403, 404, 409, 429, 503),
)
async def start_face_check(
    verification_id: VerificationId, body: FaceCheckRequest, request: Request, gateway: GatewayDep
) -> FaceCheck:
    """Open a face check: step 2 of 2, done on the phone."""
    answer = await gateway.peers.people.StartFaceCheck(
        identity_pb2.StartFaceCheckRequest(
            verification_id=verification_id,
            channel=CHANNELS[body.channel],
            consent_version=body.consent_version,
            consent_sha256=body.consent_sha256,
            client_address=client_address(request),
            user_agent=user_agent(request),
        )
    )
    return FaceCheck(
        face_check_id=answer.face_check_id, url=answer.url, expires_at=required_moment(answer, "expires_at")
    )


@router.post(
    "/verifications/{verification_id}/face/{face_check_id}/result",
    dependencies=[person()],
    responses=responses(401, 403, 404, 409, 429, 503),
)
async def complete_face_check(
    verification_id: VerificationId, face_check_id: FaceCheckId, gateway: GatewayDep
) -> Verification:
    """Have the platform ask the vendor for the result; while the person is still at it, the state does not change."""
    answer = await gateway.peers.people.CompleteFaceCheck(
        identity_pb2.CompleteFaceCheckRequest(verification_id=verification_id, face_check_id=face_check_id)
    )
    return Verification.of(answer)


@router.post(
    "/contracts/{contract_id}/signatures",
    dependencies=[person(seconds=30)],
    responses=responses(400, 401, 403, 404, 409, 503),
)
async def confirm_signing(contract_id: ContractId, body: SignatureRequest, gateway: GatewayDep) -> Contract:
    """结束签章 → 是: turn the verification into one signature. The same request again is answered with the contract as it stands."""
    answer = await gateway.peers.contracts.ConfirmSigning(
        contract_pb2.ConfirmSigningRequest(
            contract_id=contract_id,
            verification_id=body.verification_id,
            document_sha256=body.document_sha256,
            seal_id=body.seal_id,
            placement=body.placement.message(),
        )
    )
    return Contract.of(answer)
