"""Typed errors as gRPC statuses and back: google.rpc.Status with ErrorInfo and LocalizedMessage (AIP-193)."""

from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from esign_kit import errors
from esign_kit.errors import EsignError

DOMAIN = "esign"

_CODES = {
    "invalid_input": code_pb2.INVALID_ARGUMENT,
    "unauthenticated": code_pb2.UNAUTHENTICATED,
    "forbidden": code_pb2.PERMISSION_DENIED,
    "not_found": code_pb2.NOT_FOUND,
    "conflict": code_pb2.FAILED_PRECONDITION,
    "too_large": code_pb2.INVALID_ARGUMENT,
    "limited": code_pb2.RESOURCE_EXHAUSTED,
    "unavailable": code_pb2.UNAVAILABLE,
    "timed_out": code_pb2.DEADLINE_EXCEEDED,
    "internal": code_pb2.INTERNAL,
}


def _pack(message: error_details_pb2.ErrorInfo | error_details_pb2.LocalizedMessage) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def to_status(error: EsignError) -> grpc.Status:
    """The status that a server answers with."""
    info = error_details_pb2.ErrorInfo(
        reason=error.reason, domain=DOMAIN, metadata={**error.metadata, "kind": error.kind}
    )
    status = status_pb2.Status(
        code=_CODES[error.kind],
        message=error.en,
        details=[
            _pack(info),
            _pack(error_details_pb2.LocalizedMessage(locale="zh-CN", message=error.zh)),
            _pack(error_details_pb2.LocalizedMessage(locale="en", message=error.en)),
        ],
    )
    return rpc_status.to_status(status)


def has_reason(error: grpc.aio.AioRpcError) -> bool:
    """Whether a server of ours answered, rather than the transport."""
    return _info(error) is not None


def _info(error: grpc.aio.AioRpcError) -> tuple[error_details_pb2.ErrorInfo, dict[str, str]] | None:
    pairs: Any = error.trailing_metadata() or ()
    trailing: dict[str, Any] = dict(pairs)
    blob = trailing.get("grpc-status-details-bin")
    if not blob:
        return None
    info = error_details_pb2.ErrorInfo()
    texts: dict[str, str] = {}
    found = False
    for detail in status_pb2.Status.FromString(blob).details:
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
            found = info.domain == DOMAIN
        elif detail.Is(error_details_pb2.LocalizedMessage.DESCRIPTOR):
            message = error_details_pb2.LocalizedMessage()
            detail.Unpack(message)
            texts[message.locale] = message.message
    return (info, texts) if found else None


def from_rpc_error(error: grpc.aio.AioRpcError, peer: str) -> EsignError:
    """The typed error that a call's failure stands for; transport failures become Unavailable or TimedOut."""
    found = _info(error)
    if found:
        info, texts = found
        metadata = dict(info.metadata)
        cls = errors.KINDS.get(metadata.pop("kind", ""), errors.Internal)
        return cls(info.reason, zh=texts.get("zh-CN", ""), en=texts.get("en", ""), **metadata)
    code = error.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return errors.TimedOut("DEADLINE_EXCEEDED", zh="处理超时，请稍后重试", en="It took too long", peer=peer)
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        return errors.Unavailable(
            "SERVICE_UNAVAILABLE", zh="服务暂时不可用，请稍后重试", en="A service does not answer", peer=peer
        )
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return errors.TooLarge("MESSAGE_TOO_LARGE", zh="内容过大", en="The message is too large", peer=peer)
    return errors.Internal(peer=peer)
