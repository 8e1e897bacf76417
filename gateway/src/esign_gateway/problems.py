"""Errors as RFC 9457 problem details, in the reader's language, with the trace id as 参考编号."""

from collections.abc import Sequence
from typing import Annotated, Any

from esign_kit.errors import EsignError, Internal, InvalidInput
from esign_kit.problem import MEDIA_TYPE, problem
from esign_kit.telemetry import logger, trace_id
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from esign_gateway import pages

log = logger(__name__)

# What the framework itself answers: path or method unknown, a body that cannot be read.
_FRAMEWORK = {
    400: ("BAD_REQUEST", "请求格式不正确", "The request is malformed"),
    404: ("ROUTE_NOT_FOUND", "请求的地址不存在", "There is nothing at this address"),
    405: ("METHOD_NOT_ALLOWED", "不支持的请求方法", "This method is not supported here"),
    415: ("MEDIA_TYPE_NOT_SUPPORTED", "不支持的内容类型", "This content type is not supported"),
}


class FieldProblem(BaseModel):
    """One wrong field of a request."""

    field: Annotated[str, Field(description="Where it is, dotted.", examples=["body.code"])]
    code: Annotated[str, Field(description="What is wrong with it, a stable code.", examples=["missing"])]


class Problem(BaseModel):
    """Problem details (RFC 9457). `code` is stable; `title` is for people. Facts such as `retry_after_seconds` stand beside."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(examples=["urn:esign:error:contract-not-found"])]
    title: Annotated[
        str, Field(description="Chinese, or English when Accept-Language prefers it.", examples=["合同不存在"])
    ]
    status: Annotated[int, Field(examples=[404])]
    code: Annotated[str, Field(examples=["CONTRACT_NOT_FOUND"])]
    trace_id: Annotated[str, Field(description="参考编号: quote it to support.")]
    fields: Annotated[list[FieldProblem], Field(description="The wrong fields of the request.")] = []


def prefers_english(accept_language: str) -> bool:
    """Whether an Accept-Language header (RFC 9110, 12.5.4) ranks English above Chinese; Chinese is the default."""
    weights = {"zh": 0.0, "en": 0.0}
    for item in accept_language.split(","):
        tag, _, parameter = item.partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language in weights:
            try:
                weight = float(parameter.strip().removeprefix("q=") or 1)
            except ValueError:
                continue
            weights[language] = max(weights[language], weight)
    return weights["en"] > weights["zh"]


class _FrameworkRefusal(EsignError):
    """A refusal of the framework, with its own status."""

    def __init__(self, status: int) -> None:
        reason, zh, en = _FRAMEWORK.get(status, _FRAMEWORK[400])
        super().__init__(reason, zh=zh, en=en)
        self.status = status


def render(request: Request, error: EsignError, *, fields: Sequence[FieldProblem] = ()) -> Response:
    """The response for an error: a problem, or a page where a person waits for one. It leaves a line in the log."""
    language = "en" if prefers_english(request.headers.get("accept-language", "")) else "zh"
    status = error.status if isinstance(error, _FrameworkRefusal) else error.http_status
    route = getattr(request.scope.get("route"), "path_format", "")
    # By the route, not the address, which may hold a secret; the line bears the trace id, which is the 参考编号.
    log.info("request refused", method=request.method, route=route, status=status, reason=error.reason)
    body = problem(error, language) | {"status": status}
    if fields:
        body["fields"] = [field.model_dump() for field in fields]
    headers = {"content-language": "en" if language == "en" else "zh-CN", "vary": "Accept-Language"}
    if "retry_after_seconds" in error.metadata:
        headers["retry-after"] = error.metadata["retry_after_seconds"]
    if getattr(request.state, "answer_with_page", False):
        page = pages.refusal(str(body["title"]), trace_id(), status=status, english=language == "en")
        page.headers.update(headers)
        return page
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def unexpected(request: Request, error: Exception) -> Response:
    """The response for an exception that nobody foresaw: everything goes to the log, nothing to the caller."""
    log.error("unexpected exception", method=request.method, exc_info=error)
    return render(request, Internal())


async def _on_esign_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, EsignError)
    return render(request, error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    # The framework wraps what happens while it reads a body, such as a limit of ours.
    if isinstance(error.__cause__, EsignError):
        return render(request, error.__cause__)
    if error.status_code >= 500:
        return unexpected(request, error)
    response = render(request, _FrameworkRefusal(error.status_code))
    response.headers.update(error.headers or {})
    return response


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Pydantic's own texts quote the input; the place and kind of the error are enough.
    fields = [
        FieldProblem(field=".".join(str(part) for part in item["loc"]), code=str(item["type"]))
        for item in error.errors()
    ]
    refusal = InvalidInput("INVALID_REQUEST", zh="请求内容不正确", en="The request is not valid")
    return render(request, refusal, fields=fields)


def install(app: FastAPI) -> None:
    """Have every error of `app` rendered as a problem."""
    app.add_exception_handler(EsignError, _on_esign_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)


def responses(*statuses: int, pages: bool = False) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of the errors that a route answers with: problems, or pages."""
    texts = {
        400: "The request is not valid.",
        401: "Not signed in, or the session has ended.",
        403: "Cross-site, or not allowed.",
        404: "It is not there, or not for you.",
        409: "It does not go with the present state.",
        413: "The body is too large.",
        429: "Too often; `Retry-After` says when to try again.",
        500: "Something unexpected happened.",
        503: "A part that is needed does not answer now; try again later.",
        504: "It took too long.",
    }
    problem_content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    content = {"text/html": {"schema": {"type": "string"}}} if pages else problem_content
    return {status: {"description": texts[status], "content": content} for status in statuses}


def schemas() -> dict[str, Any]:
    """The OpenAPI component schemas of a problem."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs", {}), "Problem": schema}
