"""The signing platform's identity service, as an internal system calls it: gRPC, mTLS, a deadline on every call.

gRPC is loaded and the connection made at the first call: the sandbox starts quickly, and before identity does.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esign_sandbox.credentials import IdentityPeer
from esign_sandbox.procurement.suppliers import Company, ProcurementError, Signer

if TYPE_CHECKING:
    import grpc
    from esign.identity.v1.identity_pb2 import RegisterPersonRequest, RegisterSignerResponse
    from esign.identity.v1.identity_pb2_grpc import IntegrationServiceStub

# Both calls are idempotent, so they are repeated within the deadline while nobody answers.
_SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{"service": "esign.identity.v1.IntegrationService"}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}


@dataclass(frozen=True)
class Registered:
    """By what identity knows a company and its signer."""

    organisation_id: str
    person_id: str


class IdentityClient:
    """Calls identity's IntegrationService with the procurement platform's certificate."""

    def __init__(self, peer: IdentityPeer) -> None:
        self._peer = peer
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None

    def register_signer(self, company: Company, signer: Signer) -> Registered:
        """The company and its signer become known. Raises ProcurementError."""
        from esign.identity.v1.identity_pb2 import RegisterSignerRequest

        request = RegisterSignerRequest(
            organisation_name=company.name,
            unified_social_credit_code=company.unified_social_credit_code,
            signer=_person(signer),
            country=company.country,
        )
        return self._call(lambda stub: stub.RegisterSigner(request, timeout=self._peer.deadline_seconds))

    def change_signer(self, unified_social_credit_code: str, signer: Signer) -> Registered:
        """The person becomes the company's only signer. Raises ProcurementError."""
        from esign.identity.v1.identity_pb2 import ChangeSignerRequest

        request = ChangeSignerRequest(unified_social_credit_code=unified_social_credit_code, signer=_person(signer))
        return self._call(lambda stub: stub.ChangeSigner(request, timeout=self._peer.deadline_seconds))

    def close(self) -> None:
        """Ends the connection, if there is one."""
        with self._lock:
            if self._channel is not None:
                self._channel.close()
                self._channel = None

    def _call(self, call: "Callable[[IntegrationServiceStub], RegisterSignerResponse]") -> Registered:
        import grpc
        from esign.identity.v1.identity_pb2_grpc import IntegrationServiceStub

        try:
            answer = call(IntegrationServiceStub(self._connected()))
        except grpc.RpcError as error:
            raise _typed(error) from error
        return Registered(answer.organisation_id, answer.person_id)

    def _connected(self) -> "grpc.Channel":
        import grpc

        with self._lock:
            if self._channel is None:
                peer = self._peer
                credentials = grpc.ssl_channel_credentials(
                    root_certificates=peer.ca_file.read_bytes(),
                    private_key=peer.key_file.read_bytes(),
                    certificate_chain=peer.cert_file.read_bytes(),
                )
                options = [
                    ("grpc.ssl_target_name_override", peer.server_name),
                    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
                    ("grpc.initial_reconnect_backoff_ms", 100),
                    ("grpc.min_reconnect_backoff_ms", 100),
                    ("grpc.max_reconnect_backoff_ms", 500),
                    ("grpc.enable_http_proxy", 0),
                ]
                self._channel = grpc.secure_channel(peer.address, credentials, options)
            return self._channel


def _person(signer: Signer) -> "RegisterPersonRequest":
    from esign.identity.v1 import identity_pb2

    kinds = {
        "resident_id": identity_pb2.ID_DOCUMENT_TYPE_RESIDENT_ID,
        "other": identity_pb2.ID_DOCUMENT_TYPE_OTHER,
    }
    return identity_pb2.RegisterPersonRequest(
        name=signer.name,
        id_number=signer.id_number,
        phone=signer.phone,
        email=signer.email,
        id_document_type=kinds[signer.id_type],
    )


def _typed(error: "grpc.RpcError") -> ProcurementError:
    """The reason and the Chinese text in google.rpc.Status's details, or what a missing answer means."""
    import grpc
    from google.rpc import error_details_pb2
    from grpc_status import rpc_status

    statuses = {
        grpc.StatusCode.INVALID_ARGUMENT: 400,
        grpc.StatusCode.UNAUTHENTICATED: 401,
        grpc.StatusCode.PERMISSION_DENIED: 403,
        grpc.StatusCode.NOT_FOUND: 404,
        grpc.StatusCode.FAILED_PRECONDITION: 409,
        grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
        grpc.StatusCode.UNAVAILABLE: 503,
        grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    }
    assert isinstance(error, grpc.Call)  # what a call raises is both
    code = error.code()
    reason, text = "", ""
    status = rpc_status.from_call(error)
    for detail in () if status is None else status.details:
        info, localized = error_details_pb2.ErrorInfo(), error_details_pb2.LocalizedMessage()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(localized) and localized.locale == "zh-CN":
            text = localized.message
    if reason:
        return ProcurementError(statuses.get(code, 502), reason, text or "签章平台未受理该请求")
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return ProcurementError(504, "DEADLINE_EXCEEDED", "签章平台处理超时，请稍后重试")
    if code is grpc.StatusCode.UNAVAILABLE:
        return ProcurementError(503, "SERVICE_UNAVAILABLE", "暂时无法连接签章平台，请稍后重试")
    return ProcurementError(502, code.name, "签章平台未能处理该请求，请联系管理员")
