"""The RPCs."""

import re

import grpc
from esign.notifier.v1 import notifier_pb2, notifier_pb2_grpc
from esign_kit.errors import InvalidInput

from esign_notifier.app.send_code import SendCode
from esign_notifier.domain.messages import Kind

_KINDS = {
    notifier_pb2.CODE_PURPOSE_LOGIN: Kind.LOGIN_CODE,
    notifier_pb2.CODE_PURPOSE_SIGNING: Kind.SIGNING_CODE,
}
# Field by field, what a request may hold.
_SHAPES = {
    "message_id": re.compile(r"[A-Za-z0-9-]{8,64}"),
    "phone": re.compile(r"(\+86)?1[3-9][0-9]{9}"),
    "code": re.compile(r"[0-9]{4,8}"),
    "document_number": re.compile(r"[^\x00-\x1f\x7f]{0,64}"),
}


class InternalApi(notifier_pb2_grpc.InternalServiceServicer):
    """What the other services ask."""

    def __init__(self, send_code: SendCode) -> None:
        self._send_code = send_code

    async def SendCode(
        self,
        request: notifier_pb2.SendCodeRequest,
        context: grpc.aio.ServicerContext[notifier_pb2.SendCodeRequest, notifier_pb2.SendCodeResponse],
    ) -> notifier_pb2.SendCodeResponse:
        """Sends a code."""
        kind = _KINDS.get(request.purpose)
        if kind is None:
            raise _invalid("purpose")
        for name, shape in _SHAPES.items():
            if not shape.fullmatch(getattr(request, name)):
                raise _invalid(name)
        if not 1 <= request.valid_minutes <= 60:
            raise _invalid("valid_minutes")
        accepted_at = await self._send_code(
            request.message_id, kind, request.phone, request.code, request.valid_minutes, request.document_number
        )
        response = notifier_pb2.SendCodeResponse()
        response.accepted_at.FromDatetime(accepted_at)
        return response


def _invalid(field: str) -> InvalidInput:
    return InvalidInput(
        "CODE_REQUEST_INVALID", zh="验证码发送请求无效", en="Not a valid request for a code", field=field
    )
