"""What anyone may use: 在线验证, 查询核验, the roots to trust, and the transparency log."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated

from esign.evidence.v1 import evidence_pb2
from esign.signer.v1 import signer_pb2
from esign_kit.errors import InvalidInput
from fastapi import Path, Query, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field, ValidationError

from esign_gateway.access import JSON_BODY, make_router, public
from esign_gateway.app import GatewayDep
from esign_gateway.delivery import attachment
from esign_gateway.limits import Rate, limited_receive, rechunk
from esign_gateway.problems import prefers_english, responses
from esign_gateway.settings import SupportContact
from esign_gateway.uploads import file_chunks, media_type_of
from esign_gateway.validation_views import ValidationReport
from esign_gateway.views import EvidenceCheck

router = make_router("public")

UPLOADS = Rate("public-uploads", per_minute=20, burst=20)
UPLOAD_CHUNK = 512 * 1024
# Room for the multipart frame around the file.
UPLOAD_LIMIT = 101 * 2**20
UPLOAD_SECONDS = 110.0


class TextCheck(BaseModel):
    """存证类型 文本."""

    text_hash: Annotated[str, Field(min_length=1, max_length=128, description="存证文本HASH, base64.")]


class SupportContacts(BaseModel):
    """The support phones."""

    items: list[SupportContact]


_FILE_BODY = {
    "application/pdf": {"schema": {"type": "string", "format": "binary"}},
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {"file": {"type": "string", "format": "binary"}},
            "required": ["file"],
        }
    },
}


@router.post(
    "/public/validations",
    dependencies=[public(UPLOADS, body_limit=UPLOAD_LIMIT, seconds=UPLOAD_SECONDS)],
    responses=responses(400, 403, 413, 429, 503),
    openapi_extra={"requestBody": {"required": True, "content": _FILE_BODY}},
)
async def validate_document(request: Request, gateway: GatewayDep) -> ValidationReport:
    """在线验证: each signature of a PDF, and whether the document was changed afterwards. The file is not kept."""
    pieces = _Pieces(request)
    with pieces.own_failures():
        report = await gateway.peers.validation.ValidateDocument(pieces.requests())
    return ValidationReport.of(report, english=prefers_english(request.headers.get("accept-language", "")))


@router.post(
    "/public/validations/reports",
    dependencies=[public(UPLOADS, body_limit=UPLOAD_LIMIT, seconds=UPLOAD_SECONDS)],
    response_class=Response,
    responses={
        **responses(400, 403, 413, 429, 503),
        200: {"description": "The report, PDF.", "content": {"application/pdf": {}}},
    },
    openapi_extra={"requestBody": {"required": True, "content": _FILE_BODY}},
)
async def print_validation_report(
    request: Request,
    gateway: GatewayDep,
    name: Annotated[str, Query(max_length=200, description="The file's name, as the report shows it.")] = "",
) -> Response:
    """在线验证: the report on a PDF as a PDF to keep. The file is not kept."""
    english = prefers_english(request.headers.get("accept-language", ""))
    pieces = _Pieces(request, file_name=name, language="en" if english else "zh")
    with pieces.own_failures():
        printed = await gateway.peers.validation.PrintValidationReport(pieces.requests())
    title = "validation-report.pdf" if english else "电子签名验证报告.pdf"
    return Response(printed.pdf, media_type="application/pdf", headers=attachment(title))


class _Pieces:
    """An uploaded file as signer takes it."""

    def __init__(self, request: Request, file_name: str = "", language: str = "") -> None:
        self._request, self._file_name, self._language = request, file_name, language
        self._failures: list[Exception] = []

    async def requests(self) -> AsyncIterator[signer_pb2.ValidateDocumentRequest]:
        """The pieces; the first names the file and the language."""
        first = {"file_name": self._file_name, "language": self._language}
        try:
            async for chunk in rechunk(file_chunks(self._request), UPLOAD_CHUNK):
                yield signer_pb2.ValidateDocumentRequest(chunk=chunk, **first)
                first = {}
        except Exception as error:
            self._failures.append(error)
            raise

    @contextmanager
    def own_failures(self) -> Iterator[None]:
        """Raises what went wrong in `requests`, which gRPC reports as a cancellation."""
        try:
            yield
        except asyncio.CancelledError:
            if self._failures:
                raise self._failures[0] from None
            raise


@router.post(
    "/public/evidence/{number}/checks",
    dependencies=[public(UPLOADS, body_limit=UPLOAD_LIMIT, seconds=UPLOAD_SECONDS)],
    responses=responses(400, 403, 404, 413, 429, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": TextCheck.model_json_schema()}, **_FILE_BODY},
        }
    },
)
async def check_evidence(
    number: Annotated[str, Path(max_length=128, description="统一证据编号: 64 hex digits.")],
    request: Request,
    gateway: GatewayDep,
) -> EvidenceCheck:
    """查询核验: whether a file, or a text by its hash, is what the evidence of this number says. The file does not go further."""
    question = evidence_pb2.CheckEvidenceRequest(evidence_number=number)
    if media_type_of(request) == "application/json":
        question.text_hash = (await _text_check(request)).text_hash
    else:
        digest = hashlib.sha256()
        async for chunk in file_chunks(request):
            digest.update(chunk)
        question.document_sha256 = digest.hexdigest()
    return EvidenceCheck.of(await gateway.peers.evidence.CheckEvidence(question))


async def _text_check(request: Request) -> TextCheck:
    body = await Request(request.scope, limited_receive(request, JSON_BODY)).body()
    try:
        return TextCheck.model_validate_json(body)
    except ValidationError:
        raise InvalidInput("INVALID_REQUEST", zh="请求内容不正确", en="The request is not valid") from None


@router.get("/public/support", dependencies=[public()], responses=responses(429))
async def get_support(gateway: GatewayDep) -> SupportContacts:
    """Whom people may call when they cannot go on."""
    return SupportContacts(items=gateway.settings.support)


@router.get(
    "/public/trust-roots",
    dependencies=[public()],
    response_class=PlainTextResponse,
    responses={
        **responses(429, 503),
        200: {"description": "PEM.", "content": {"application/pem-certificate-chain": {}}},
    },
)
async def get_trust_roots(gateway: GatewayDep) -> Response:
    """The roots that this platform trusts, for other people's validators."""
    answer = await gateway.peers.validation.GetTrustRoots(signer_pb2.GetTrustRootsRequest())
    return Response(answer.pem, media_type="application/pem-certificate-chain")


@router.get(
    "/public/log/checkpoint",
    dependencies=[public()],
    response_class=PlainTextResponse,
    responses=responses(404, 429, 503),
)
async def get_checkpoint(gateway: GatewayDep) -> PlainTextResponse:
    """The transparency log's newest checkpoint (C2SP tlog-checkpoint)."""
    answer = await gateway.peers.evidence.GetCheckpoint(evidence_pb2.GetCheckpointRequest())
    return PlainTextResponse(answer.note)


@router.get(
    "/public/log/tile/{path:path}",
    dependencies=[public()],
    response_class=Response,
    responses={
        **responses(400, 404, 429, 503),
        200: {"description": "Hashes.", "content": {"application/octet-stream": {}}},
    },
)
async def get_tile(
    path: Annotated[str, Path(max_length=128, pattern="^[0-9x./p]+$", examples=["0/x001/234"])], gateway: GatewayDep
) -> Response:
    """A tile of the transparency log (C2SP tlog-tiles): at most 256 hashes of 32 bytes. A tile never changes."""
    answer = await gateway.peers.evidence.GetTile(evidence_pb2.GetTileRequest(path=path))
    headers = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(answer.content, headers=headers, media_type="application/octet-stream")
