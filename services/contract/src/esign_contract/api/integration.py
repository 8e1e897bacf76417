"""What SOHO's internal systems ask."""

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc
from esign.contract.v1 import contract_pb2, contract_pb2_grpc
from esign_kit.context import caller

from esign_contract.api.messages import contract_message, terms_of, uploaded
from esign_contract.app.contracts import CreateContract, SystemContracts
from esign_contract.app.documents import Declaration, FetchDocument, UploadDocument
from esign_contract.domain import refusals

Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class IntegrationApi(contract_pb2_grpc.IntegrationServiceServicer):
    """`esign.contract.v1.IntegrationService`; the system is who calls."""

    def __init__(
        self, upload: UploadDocument, create: CreateContract, contracts: SystemContracts, fetch: FetchDocument
    ) -> None:
        self._upload, self._create, self._contracts, self._fetch = upload, create, contracts, fetch

    async def UploadDocument(
        self, requests: AsyncIterator[contract_pb2.UploadDocumentRequest], call: Call
    ) -> contract_pb2.UploadDocumentResponse:
        first = await anext(requests, None)
        if first is None or first.WhichOneof("part") != "declaration":
            raise refusals.invalid("declaration", "须先声明文件", "The declaration comes first")
        declared = Declaration(first.declaration.file_name, first.declaration.size, first.declaration.sha256)
        return uploaded(await self._upload(caller(), declared, _chunks(requests)))

    async def CreateContract(self, request: contract_pb2.CreateContractRequest, call: Call) -> contract_pb2.Contract:
        return contract_message(await self._create(caller(), terms_of(request)))

    async def DispatchContract(
        self, request: contract_pb2.DispatchContractRequest, call: Call
    ) -> contract_pb2.Contract:
        return contract_message(await self._contracts.dispatch(caller(), request.contract_id))

    async def GetContract(self, request: contract_pb2.GetContractRequest, call: Call) -> contract_pb2.Contract:
        return contract_message(await self._contracts.get(caller(), request.contract_id))

    async def WithdrawContract(
        self, request: contract_pb2.WithdrawContractRequest, call: Call
    ) -> contract_pb2.Contract:
        return contract_message(await self._contracts.withdraw(caller(), request.contract_id, request.reason))

    async def FetchDocument(
        self, request: contract_pb2.FetchDocumentRequest, call: Call
    ) -> AsyncIterator[contract_pb2.FetchDocumentResponse]:
        async for chunk in self._fetch(caller(), request.contract_id):
            yield contract_pb2.FetchDocumentResponse(chunk=chunk)


async def _chunks(requests: AsyncIterator[contract_pb2.UploadDocumentRequest]) -> AsyncIterator[bytes]:
    async for request in requests:
        if request.WhichOneof("part") != "chunk":
            raise refusals.invalid("chunk", "声明之后只能发送文件内容", "Only chunks follow the declaration")
        yield request.chunk
