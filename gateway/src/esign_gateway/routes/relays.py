"""The phone's side of a face check: whoever opens the address behind the QR code first, with that device only.

The device is known by its claim, in a cookie that scripts cannot read and that goes to this one relay only.
"""

from datetime import datetime
from typing import Annotated

from esign.identity.v1 import identity_pb2
from fastapi import Path, Request

from esign_gateway.access import make_router, public
from esign_gateway.app import Gateway, GatewayDep
from esign_gateway.frames import FRAMES_BODY, FRAMES_LIMIT, read_frames
from esign_gateway.identity_views import FaceRelay
from esign_gateway.limits import Rate, client_address, user_agent
from esign_gateway.problems import responses

router = make_router("face relay")

OPENINGS = Rate("face-relays", per_minute=30, burst=30)
FRAMES = Rate("face-frames", per_minute=30, burst=30)
RESULTS = Rate("face-results", per_minute=60, burst=60)
CLAIM_COOKIE = "esign_face"

RelayToken = Annotated[
    str, Path(max_length=128, pattern="^[0-9A-Za-z_-]+$", description="The last part of the QR code's address.")
]


@router.post(
    "/face-relays/{token}/open",
    dependencies=[public(OPENINGS, seconds=20)],
    responses=responses(400, 403, 404, 409, 429, 503),
)
async def open_face_relay(token: RelayToken, request: Request, gateway: GatewayDep) -> FaceRelay:
    """The phone is here. The first device to say so holds the check from then on; it may say so again."""
    answer = await gateway.peers.people.OpenFaceRelay(
        identity_pb2.OpenFaceRelayRequest(
            relay_token=token,
            claim=_claim(request),
            client_address=client_address(request),
            user_agent=user_agent(request),
        )
    )
    relay = FaceRelay.of(answer)
    if answer.claim:
        _keep_claim(gateway, request, token, answer.claim, relay.expires_at)
    return relay


@router.post(
    "/face-relays/{token}/frames",
    dependencies=[public(FRAMES, body_limit=FRAMES_LIMIT, seconds=30)],
    responses=responses(400, 403, 404, 409, 413, 429, 503),
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": FRAMES_BODY}}}},
)
async def submit_face_frames(token: RelayToken, request: Request, gateway: GatewayDep) -> FaceRelay:
    """Our own channel: the frames of the present challenge; answered with the next one, or the outcome. No frame is kept."""
    nonce, frames = await read_frames(request)
    answer = await gateway.peers.people.SubmitFaceFrames(
        identity_pb2.SubmitFaceFramesRequest(relay_token=token, claim=_claim(request), nonce=nonce, frames=frames)
    )
    return FaceRelay.of(answer)


@router.post(
    "/face-relays/{token}/result",
    dependencies=[public(RESULTS, seconds=20)],
    responses=responses(400, 403, 404, 409, 429, 503),
)
async def finish_face_relay(token: RelayToken, request: Request, gateway: GatewayDep) -> FaceRelay:
    """The phone is back from the vendor's page: have the platform ask the vendor."""
    answer = await gateway.peers.people.FinishFaceRelay(
        identity_pb2.FinishFaceRelayRequest(relay_token=token, claim=_claim(request))
    )
    return FaceRelay.of(answer)


def _claim(request: Request) -> str:
    return request.cookies.get(CLAIM_COOKIE, "")


def _keep_claim(gateway: Gateway, request: Request, token: str, claim: str, until: datetime) -> None:
    gateway.set_cookie(request, CLAIM_COOKIE, claim, path=f"/v1/face-relays/{token}", expires=until)
