"""The RPCs."""

import grpc
from esign.ca_broker.v1 import ca_broker_pb2, ca_broker_pb2_grpc

from esign_ca_broker.app.enrol import EnrolOrganisation
from esign_ca_broker.app.issue import IssueEventCertificate


class InternalApi(ca_broker_pb2_grpc.InternalServiceServicer):
    """What the other services ask."""

    def __init__(self, issue: IssueEventCertificate) -> None:
        self._issue = issue

    async def IssueEventCertificate(
        self,
        request: ca_broker_pb2.IssueEventCertificateRequest,
        context: grpc.aio.ServicerContext[
            ca_broker_pb2.IssueEventCertificateRequest, ca_broker_pb2.IssueEventCertificateResponse
        ],
    ) -> ca_broker_pb2.IssueEventCertificateResponse:
        """Issues a one-off certificate."""
        order = await self._issue(request.activation, request.certification_request)
        assert order.certificate is not None
        return ca_broker_pb2.IssueEventCertificateResponse(
            order_no=order.order_no, certificates=order.certificate.chain
        )


class OperatorApi(ca_broker_pb2_grpc.OperatorServiceServicer):
    """What platform operators ask."""

    def __init__(self, enrol: EnrolOrganisation) -> None:
        self._enrol = enrol

    async def EnrolOrganisation(
        self,
        request: ca_broker_pb2.EnrolOrganisationRequest,
        context: grpc.aio.ServicerContext[
            ca_broker_pb2.EnrolOrganisationRequest, ca_broker_pb2.EnrolOrganisationResponse
        ],
    ) -> ca_broker_pb2.EnrolOrganisationResponse:
        """Enrols an organisation."""
        order = await self._enrol(request.name, request.unified_social_credit_code)
        assert order.certificate is not None
        response = ca_broker_pb2.EnrolOrganisationResponse(order_no=order.order_no, certificate_id=order.certificate_id)
        response.not_before.FromDatetime(order.certificate.not_before)
        response.not_after.FromDatetime(order.certificate.not_after)
        return response
