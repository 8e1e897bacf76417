"""What the gateway asks on behalf of people."""

from typing import Any, TypeAlias

import grpc
from esign.contract.v1 import contract_pb2, contract_pb2_grpc
from esign.evidence.v1 import evidence_pb2
from esign.identity.v1 import identity_pb2
from esign_kit.context import actor

from esign_contract.api.messages import contract_message, download_state, link_message, placement_of
from esign_contract.app.downloads import Downloads
from esign_contract.app.page_images import GetPageImage, PageAsked
from esign_contract.app.portal import PersonContracts
from esign_contract.app.ports import PersonList
from esign_contract.app.signing import ConfirmSigning, StartSigning
from esign_contract.app.views import ContractView
from esign_contract.domain import refusals
from esign_contract.domain.contract import Confirmation

Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
LISTS = {
    contract_pb2.CONTRACT_LIST_PENDING: PersonList.PENDING,
    contract_pb2.CONTRACT_LIST_SIGNED: PersonList.SIGNED,
}


def individual() -> str:
    """The person who acts in their own name. Raises NotFound in a session for a company.

    Contracts have people as parties, each for themselves; who signs in for a company reaches none of their own.
    """
    acting = actor()
    if acting.organisation_id:
        raise refusals.contract_not_found()
    return acting.person_id


class PortalApi(contract_pb2_grpc.PortalServiceServicer):
    """`esign.contract.v1.PortalService`."""

    def __init__(
        self,
        contracts: PersonContracts,
        page_image: GetPageImage,
        start: StartSigning,
        confirm: ConfirmSigning,
        downloads: Downloads,
    ) -> None:
        self._contracts, self._page_image = contracts, page_image
        self._start, self._confirm, self._downloads = start, confirm, downloads

    async def ListContracts(
        self, request: contract_pb2.ListContractsRequest, call: Call
    ) -> contract_pb2.ListContractsResponse:
        which = LISTS.get(request.list)
        if which is None:
            raise refusals.invalid("list", "请选择文档列表", "Choose a list")
        page, size = request.page.page or 1, request.page.size or 20
        views: list[ContractView] = []
        total, acting = 0, actor()
        if not acting.organisation_id:  # see `individual`
            views, total = await self._contracts.list(acting.person_id, which, page, size)
        response = contract_pb2.ListContractsResponse(contracts=[contract_message(view) for view in views])
        response.page.page, response.page.size, response.page.total = page, size, total
        return response

    async def GetContract(self, request: contract_pb2.GetContractRequest, call: Call) -> contract_pb2.Contract:
        return contract_message(await self._contracts.get(individual(), request.contract_id))

    async def GetPageImage(
        self, request: contract_pb2.GetPageImageRequest, call: Call
    ) -> contract_pb2.GetPageImageResponse:
        asked = PageAsked(request.contract_id, request.page, request.width, request.viewer)
        link = await self._page_image(individual(), asked)
        return contract_pb2.GetPageImageResponse(image=link_message(link))

    async def StartSigning(self, request: contract_pb2.StartSigningRequest, call: Call) -> identity_pb2.Verification:
        return await self._start(individual(), request.contract_id)

    async def ConfirmSigning(self, request: contract_pb2.ConfirmSigningRequest, call: Call) -> contract_pb2.Contract:
        if not request.verification_id or not request.seal_id:
            raise refusals.invalid("verification_id", "缺少身份核验或印章", "A verification and a seal are needed")
        wanted = Confirmation(
            request.verification_id, request.document_sha256, request.seal_id, placement_of(request.placement)
        )
        return contract_message(await self._confirm(individual(), request.contract_id, wanted))

    async def StartDownload(
        self, request: contract_pb2.StartDownloadRequest, call: Call
    ) -> contract_pb2.StartDownloadResponse:
        opened = await self._downloads.start(individual(), request.contract_id)
        return contract_pb2.StartDownloadResponse(
            download_id=opened.download_id, file=link_message(opened.link), file_name=opened.file_name
        )

    async def ClaimDownload(
        self, request: contract_pb2.ClaimDownloadRequest, call: Call
    ) -> contract_pb2.ClaimDownloadResponse:
        until = await self._downloads.claim(individual(), request.contract_id, request.download_id)
        response = contract_pb2.ClaimDownloadResponse()
        response.claimed_until.FromDatetime(until)
        return response

    async def FinishDownload(
        self, request: contract_pb2.FinishDownloadRequest, call: Call
    ) -> contract_pb2.FinishDownloadResponse:
        left = await self._downloads.finish(
            individual(), request.contract_id, request.download_id, request.bytes_sent, request.received_sha256
        )
        return contract_pb2.FinishDownloadResponse(download_state=download_state(left))

    async def GetEvidence(self, request: contract_pb2.GetEvidenceRequest, call: Call) -> evidence_pb2.ContractEvidence:
        return await self._contracts.evidence(individual(), request.contract_id)
