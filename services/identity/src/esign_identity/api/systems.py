"""What internal systems and platform operators ask."""

from datetime import UTC

import grpc
from esign.identity.v1 import identity_pb2 as pb
from esign.identity.v1.identity_pb2_grpc import IntegrationServiceServicer, OperatorServiceServicer
from esign_kit.context import caller

from esign_identity.app.people import PeopleRegister


class IntegrationApi(IntegrationServiceServicer):
    """Registration of people by the systems that know them."""

    def __init__(self, people: PeopleRegister) -> None:
        self._people = people

    async def RegisterPerson(
        self,
        request: pb.RegisterPersonRequest,
        context: "grpc.aio.ServicerContext[pb.RegisterPersonRequest, pb.RegisterPersonResponse]",
    ) -> pb.RegisterPersonResponse:
        person_id = await self._people.register_person(
            caller(), request.name, request.id_number, request.phone, request.email
        )
        return pb.RegisterPersonResponse(person_id=person_id)


class OperatorApi(OperatorServiceServicer):
    """Organisations and their countersign policies."""

    def __init__(self, people: PeopleRegister) -> None:
        self._people = people

    async def RegisterOrganisation(
        self,
        request: pb.RegisterOrganisationRequest,
        context: "grpc.aio.ServicerContext[pb.RegisterOrganisationRequest, pb.RegisterOrganisationResponse]",
    ) -> pb.RegisterOrganisationResponse:
        organisation_id = await self._people.register_organisation(request.name, request.unified_social_credit_code)
        return pb.RegisterOrganisationResponse(organisation_id=organisation_id)

    async def PutCountersignPolicy(
        self,
        request: pb.PutCountersignPolicyRequest,
        context: "grpc.aio.ServicerContext[pb.PutCountersignPolicyRequest, pb.PutCountersignPolicyResponse]",
    ) -> pb.PutCountersignPolicyResponse:
        await self._people.put_policy(
            request.policy_id,
            request.unified_social_credit_code,
            request.seal_id,
            list(request.business_types),
            request.custodian,
            request.valid_until.ToDatetime(UTC),
        )
        return pb.PutCountersignPolicyResponse()
