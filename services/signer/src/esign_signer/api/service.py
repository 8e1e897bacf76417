"""The RPCs, but for those about seals."""

from collections.abc import AsyncIterator
from typing import Any

from esign.signer.v1 import signer_pb2 as pb
from esign.signer.v1 import signer_pb2_grpc

from esign_signer.api.convert import object_ref, seal_message
from esign_signer.api.reports import report_message
from esign_signer.app.organisations import CreateOrganisationKey, InstallCertificate
from esign_signer.app.prepare_document import PreparedDocuments
from esign_signer.app.seals import FindSeals
from esign_signer.app.validate_document import ValidateDocument
from esign_signer.domain.words import Language

Context = Any
"""grpc.aio.ServicerContext, generic in its stubs only; no method here needs it."""


class PublicApi(signer_pb2_grpc.PublicServiceServicer):
    """What anyone asks."""

    def __init__(self, validate: ValidateDocument, roots_pem: str) -> None:
        self._validate, self._roots_pem = validate, roots_pem

    async def ValidateDocument(
        self, requests: AsyncIterator[pb.ValidateDocumentRequest], _: Context
    ) -> pb.ValidationReport:
        """Judges a file."""
        return report_message(await self._validate(request.chunk async for request in requests))

    async def PrintValidationReport(
        self, requests: AsyncIterator[pb.ValidateDocumentRequest], _: Context
    ) -> pb.PrintValidationReportResponse:
        """Judges a file and prints the report."""
        first = await anext(aiter(requests), pb.ValidateDocumentRequest())

        async def chunks() -> AsyncIterator[bytes]:
            yield first.chunk
            async for request in requests:
                yield request.chunk

        language: Language = "en" if first.language == "en" else "zh"
        return pb.PrintValidationReportResponse(pdf=await self._validate.printed(chunks(), first.file_name, language))

    async def GetTrustRoots(self, request: pb.GetTrustRootsRequest, _: Context) -> pb.GetTrustRootsResponse:
        """The roots."""
        return pb.GetTrustRootsResponse(pem=self._roots_pem)


class InternalApi(signer_pb2_grpc.InternalServiceServicer):
    """What other services ask."""

    def __init__(
        self,
        find: FindSeals,
        prepared: PreparedDocuments,
        create_key: CreateOrganisationKey,
        install: InstallCertificate,
    ) -> None:
        self._find, self._prepared, self._create_key, self._install = find, prepared, create_key, install

    async def GetSeal(self, request: pb.GetSealRequest, _: Context) -> pb.Seal:
        """A seal's facts."""
        return seal_message(await self._find.get(request.seal_id))

    async def PrepareDocument(self, request: pb.PrepareDocumentRequest, _: Context) -> pb.PrepareDocumentResponse:
        """Has a document at hand."""
        await self._prepared.prepare(object_ref(request.document))
        return pb.PrepareDocumentResponse()

    async def CreateOrganisationKey(
        self, request: pb.CreateOrganisationKeyRequest, _: Context
    ) -> pb.CreateOrganisationKeyResponse:
        """A hosted key for an order."""
        key = await self._create_key(
            request.order_no, request.name, request.unified_social_credit_code, request.credential_id
        )
        return pb.CreateOrganisationKeyResponse(key_id=key.key_id, certification_request=key.certification_request)

    async def InstallCertificate(
        self, request: pb.InstallCertificateRequest, _: Context
    ) -> pb.InstallCertificateResponse:
        """A certificate for it."""
        certificate = await self._install(request.key_id, request.certificates)
        return pb.InstallCertificateResponse(certificate_id=certificate.certificate_id)
