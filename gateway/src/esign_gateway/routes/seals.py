"""印章: the seals with which a person may sign, and their pictures."""

from typing import Annotated

from esign.signer.v1 import signer_pb2
from esign_kit.errors import InvalidInput
from fastapi import Path, Request, Response
from pydantic import BaseModel

from esign_gateway.access import make_router, person
from esign_gateway.app import GatewayDep, SessionDep
from esign_gateway.problems import responses
from esign_gateway.uploads import media_type_of
from esign_gateway.views import Seal

router = make_router("seals")

HANDWRITTEN_BYTES = 256 * 1024
IMAGE_TYPES = frozenset({"image/png", "image/svg+xml"})

SealId = Annotated[str, Path(max_length=64, pattern="^[0-9A-Za-z_-]+$")]


class SealList(BaseModel):
    """Seals."""

    items: list[Seal]


@router.post(
    "/seals/handwritten",
    status_code=201,
    dependencies=[person(body_limit=HANDWRITTEN_BYTES)],
    responses=responses(400, 401, 403, 413, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "image/png": {"schema": {"type": "string", "format": "binary", "maxLength": HANDWRITTEN_BYTES}}
            },
        }
    },
)
async def create_handwritten_signature(request: Request, gateway: GatewayDep) -> Seal:
    """Keep a handwritten signature (PNG with transparency) as the person's seal. The same image again is the same seal."""
    if media_type_of(request) != "image/png":
        raise InvalidInput("PNG_REQUIRED", zh="手写签名须为 PNG 图片", en="Send the signature as image/png")
    answer = await gateway.peers.seals.CreateHandwrittenSignature(
        signer_pb2.CreateHandwrittenSignatureRequest(png=await request.body())
    )
    return Seal.of(answer)


@router.post("/seals/name", status_code=201, dependencies=[person(seconds=20)], responses=responses(400, 401, 403, 503))
async def create_name_seal(session: SessionDep, gateway: GatewayDep) -> Seal:
    """个人名章: draw a seal with the person's own name. Again, it is the same seal."""
    answer = await gateway.peers.seals.CreateNameSeal(signer_pb2.CreateNameSealRequest(name=session.person.name))
    return Seal.of(answer)


@router.get("/seals", dependencies=[person()], responses=responses(401, 503))
async def list_seals(gateway: GatewayDep) -> SealList:
    """The seals with which the person may sign."""
    answer = await gateway.peers.seals.ListSeals(signer_pb2.ListSealsRequest())
    return SealList(items=[Seal.of(seal) for seal in answer.seals])


@router.get(
    "/seals/{seal_id}/image",
    dependencies=[person()],
    response_class=Response,
    responses={
        **responses(400, 401, 404, 503),
        200: {"description": "The picture.", "content": {kind: {} for kind in sorted(IMAGE_TYPES)}},
        304: {"description": "The client's copy is still right."},
    },
)
async def get_seal_image(seal_id: SealId, request: Request, gateway: GatewayDep) -> Response:
    """The picture of a seal with which the person may sign, on a transparent ground."""
    tags = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    known = next((tag.strip('"') for tag in tags if len(tag) == 66), "")
    answer = await gateway.peers.seals.GetSealImage(signer_pb2.GetSealImageRequest(seal_id=seal_id, known_sha256=known))
    # Kept by the reader's own browser only, and for this session only.
    headers = {"etag": f'"{answer.sha256}"', "cache-control": "private, max-age=31536000, immutable", "vary": "Cookie"}
    if answer.sha256 == known:
        return Response(status_code=304, headers=headers)
    if answer.media_type not in IMAGE_TYPES:
        raise ValueError(answer.media_type)
    # Opened by itself it is a document without rights.
    headers["content-security-policy"] = "default-src 'none'; frame-ancestors 'none'; sandbox"
    return Response(answer.content, headers=headers, media_type=answer.media_type)
