"""ca-broker: the one-off certificate of an activation."""

import grpc
from esign.ca_broker.v1 import ca_broker_pb2, ca_broker_pb2_grpc
from esign_kit.errors import EsignError, Internal, Limited, TimedOut, Unavailable

from esign_signer.app.ports import CertificateAuthorityUnavailable, CertificateRefused

DEADLINE_SECONDS = 20.0


class CaBroker:
    """Plays `CertificateBroker`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = ca_broker_pb2_grpc.InternalServiceStub(channel)

    async def issue_event_certificate(self, statement: str, certification_request: bytes) -> tuple[bytes, ...]:
        """The chain."""
        request = ca_broker_pb2.IssueEventCertificateRequest(
            activation=statement, certification_request=certification_request
        )
        try:
            answer = await self._stub.IssueEventCertificate(request, timeout=DEADLINE_SECONDS)
        except (Unavailable, TimedOut, Limited, Internal) as error:
            raise CertificateAuthorityUnavailable(error.reason) from error
        except EsignError as error:
            raise CertificateRefused(error.reason) from error
        return tuple(answer.certificates)
