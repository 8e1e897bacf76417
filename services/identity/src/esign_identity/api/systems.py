"""What internal systems and platform operators ask."""

from datetime import UTC

import grpc
from esign.identity.v1 import identity_pb2 as pb
from esign.identity.v1.identity_pb2_grpc import IntegrationServiceServicer, OperatorServiceServicer
from esign_kit.context import caller

from esign_identity.api import convert
from esign_identity.app.people import PeopleRegister, PersonForm
from esign_identity.app.personal_data import PersonalData
from esign_identity.app.signers import SignerRegister

_RESIDENT_ID = (pb.ID_DOCUMENT_TYPE_UNSPECIFIED, pb.ID_DOCUMENT_TYPE_RESIDENT_ID)


class IntegrationApi(IntegrationServiceServicer):
    """Registration of people, companies and signers by the systems that know them."""

    def __init__(self, people: PeopleRegister, signers: SignerRegister) -> None:
        self._people, self._signers = people, signers

    async def RegisterPerson(
        self,
        request: pb.RegisterPersonRequest,
        context: "grpc.aio.ServicerContext[pb.RegisterPersonRequest, pb.RegisterPersonResponse]",
    ) -> pb.RegisterPersonResponse:
        return pb.RegisterPersonResponse(person_id=await self._people.register_person(caller(), _form(request)))

    async def RegisterSigner(
        self,
        request: pb.RegisterSignerRequest,
        context: "grpc.aio.ServicerContext[pb.RegisterSignerRequest, pb.RegisterSignerResponse]",
    ) -> pb.RegisterSignerResponse:
        organisation_id, person_id = await self._signers.register(
            caller(),
            request.organisation_name,
            request.unified_social_credit_code,
            request.country,
            _form(request.signer),
        )
        return pb.RegisterSignerResponse(organisation_id=organisation_id, person_id=person_id)

    async def ChangeSigner(
        self,
        request: pb.ChangeSignerRequest,
        context: "grpc.aio.ServicerContext[pb.ChangeSignerRequest, pb.RegisterSignerResponse]",
    ) -> pb.RegisterSignerResponse:
        organisation_id, person_id = await self._signers.change(
            caller(), request.unified_social_credit_code, _form(request.signer)
        )
        return pb.RegisterSignerResponse(organisation_id=organisation_id, person_id=person_id)


def _form(request: pb.RegisterPersonRequest) -> PersonForm:
    return PersonForm(
        request.name,
        request.id_number,
        request.phone,
        request.email,
        resident_id=request.id_document_type in _RESIDENT_ID,
    )


class OperatorApi(OperatorServiceServicer):
    """Organisations and their countersign policies; erasure."""

    def __init__(self, people: PeopleRegister, data: PersonalData) -> None:
        self._people, self._data = people, data

    async def ErasePerson(
        self,
        request: pb.ErasePersonRequest,
        context: "grpc.aio.ServicerContext[pb.ErasePersonRequest, pb.ErasePersonResponse]",
    ) -> pb.ErasePersonResponse:
        done = await self._data.erase(request.person_id)
        until = convert.timestamp(done.kept_until) if done.kept_until else None
        return pb.ErasePersonResponse(kept=done.kept, kept_until=until)

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
