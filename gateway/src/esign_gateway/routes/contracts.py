"""文档签署: lists, a contract, its pages; afterwards its one download and its evidence."""

from enum import Enum
from typing import Annotated

from esign.common.v1 import common_pb2
from esign.contract.v1 import contract_pb2
from esign_kit.errors import NotFound
from esign_kit.masking import mask_name
from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, Field

from esign_gateway.access import make_router, person
from esign_gateway.app import Gateway, GatewayDep, SessionDep
from esign_gateway.delivery import RelayedFile, attachment
from esign_gateway.problems import responses
from esign_gateway.views import Contract, ContractPage, Evidence

router = make_router("contracts")

ContractId = Annotated[str, Path(max_length=64, pattern="^[0-9A-Za-z_-]+$")]


class ContractListName(Enum):
    """Which list."""

    PENDING = "pending"
    SIGNED = "signed"


class Receipt(BaseModel):
    """What arrived."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="Hex, of the file as it was received.")]


_LISTS = {
    ContractListName.PENDING: contract_pb2.CONTRACT_LIST_PENDING,
    ContractListName.SIGNED: contract_pb2.CONTRACT_LIST_SIGNED,
}


@router.get("/contracts", dependencies=[person()], responses=responses(400, 401, 503))
async def list_contracts(
    gateway: GatewayDep,
    list_name: Annotated[ContractListName, Query(alias="list", description="待签署文档 or 已签署文档.")],
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    size: Annotated[int, Query(ge=1, le=100)] = 20,
) -> ContractPage:
    """The contracts to which the signed-in person is a party, newest first."""
    answer = await gateway.peers.contracts.ListContracts(
        contract_pb2.ListContractsRequest(list=_LISTS[list_name], page=common_pb2.PageRequest(page=page, size=size))
    )
    return ContractPage.of(answer)


@router.get("/contracts/{contract_id}", dependencies=[person()], responses=responses(401, 404, 503))
async def get_contract(contract_id: ContractId, gateway: GatewayDep) -> Contract:
    """One contract."""
    answer = await gateway.peers.contracts.GetContract(contract_pb2.GetContractRequest(contract_id=contract_id))
    return Contract.of(answer)


@router.get(
    "/contracts/{contract_id}/pages/{number}",
    dependencies=[person(seconds=30)],
    response_class=Response,
    responses={
        **responses(400, 401, 404, 503),
        200: {"description": "The image.", "content": {"image/png": {}, "image/webp": {}, "image/jpeg": {}}},
        304: {"description": "The client's copy is still right."},
    },
)
async def get_page(
    contract_id: ContractId,
    number: Annotated[int, Path(ge=1, le=100_000, description="1-based.")],
    request: Request,
    session: SessionDep,
    gateway: GatewayDep,
    width: Annotated[
        int, Query(ge=200, le=2800, description="Pixels; the image is at least so wide. 200 is a thumbnail.")
    ] = 1000,
) -> Response:
    """The image of one page of the document as it stands now; the viewer and the hour are drawn into it."""
    viewer = f"{mask_name(session.person.name)} {session.person.masked_phone}"
    answer = await gateway.peers.contracts.GetPageImage(
        contract_pb2.GetPageImageRequest(contract_id=contract_id, page=number, width=width, viewer=viewer)
    )
    etag = f'"{answer.image.sha256}"'
    # Kept by the reader's own browser only, which asks each time whether the reader may still see it.
    headers = {"etag": etag, "cache-control": "private, no-cache", "vary": "Cookie"}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in known:
        return Response(status_code=304, headers=headers)
    return await relay(gateway, answer.image, headers | {"content-type": answer.image.content_type})


@router.post(
    "/contracts/{contract_id}/downloads",
    dependencies=[person(seconds=30)],
    response_class=Response,
    responses={
        **responses(401, 403, 404, 409, 503),
        200: {"description": "The file.", "content": {"application/pdf": {}}},
    },
)
async def download(contract_id: ContractId, request: Request, gateway: GatewayDep) -> Response:
    """下载: the completed file, once. A download that did not arrive whole has not been used up: start it again.

    `Download-Id` names it for its receipt.
    """
    started = await gateway.peers.contracts.StartDownload(contract_pb2.StartDownloadRequest(contract_id=contract_id))
    opened = gateway.downloads.of(gateway.session_token(request), contract_id, started.download_id)
    headers = attachment(started.file_name) | {
        "content-type": started.file.content_type or "application/pdf",
        "download-id": started.download_id,
        # What a proxy swallows has not reached anyone.
        "x-accel-buffering": "no",
    }
    try:
        source = await gateway.objects.open(started.file)
    except BaseException:
        opened.finished(0)
        raise
    return RelayedFile(source, size=started.file.size, headers=headers, once=opened)


@router.post(
    "/contracts/{contract_id}/downloads/{download_id}/receipt",
    status_code=204,
    dependencies=[person()],
    responses=responses(400, 401, 403, 404, 503),
)
async def confirm_receipt(contract_id: ContractId, download_id: ContractId, body: Receipt, gateway: GatewayDep) -> None:
    """The reader has the whole file, which uses the download up even when the platform did not see it arrive."""
    await gateway.peers.contracts.FinishDownload(
        contract_pb2.FinishDownloadRequest(
            contract_id=contract_id, download_id=download_id, received_sha256=body.sha256
        )
    )


@router.get("/contracts/{contract_id}/evidence", dependencies=[person()], responses=responses(401, 404, 409, 503))
async def get_evidence(contract_id: ContractId, gateway: GatewayDep) -> Evidence:
    """合同查验: 存证信息."""
    answer = await gateway.peers.contracts.GetEvidence(contract_pb2.GetEvidenceRequest(contract_id=contract_id))
    return Evidence.of(answer)


@router.get(
    "/contracts/{contract_id}/evidence/package",
    dependencies=[person(seconds=30)],
    response_class=Response,
    responses={
        **responses(401, 404, 409, 503),
        200: {"description": "The package.", "content": {"application/zip": {}}},
    },
)
async def get_evidence_package(contract_id: ContractId, gateway: GatewayDep) -> Response:
    """The evidence package: a zip that proves itself without this platform."""
    answer = await gateway.peers.contracts.GetEvidence(contract_pb2.GetEvidenceRequest(contract_id=contract_id))
    if not answer.HasField("package"):
        raise NotFound(
            "EVIDENCE_PACKAGE_NOT_READY", zh="存证数据包尚未生成", en="The evidence package is not ready yet"
        )
    name = f"evidence-{answer.evidence_number[:16] or contract_id}.zip"
    return await relay(gateway, answer.package, attachment(name) | {"content-type": "application/zip"})


async def relay(gateway: Gateway, source: common_pb2.PresignedUrl, headers: dict[str, str]) -> Response:
    """A response that streams an object. Raises Unavailable."""
    return RelayedFile(await gateway.objects.open(source), size=source.size, headers=headers)
