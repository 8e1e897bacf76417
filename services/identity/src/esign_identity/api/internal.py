"""What the other services ask, and what the signer tells."""

from collections.abc import Callable
from datetime import UTC

import grpc
from esign.identity.v1 import identity_pb2 as pb
from esign.identity.v1.identity_pb2_grpc import InternalServiceServicer
from esign.signer.v1 import events_pb2 as signer_events
from esign_kit.bus import EventMeta
from esign_kit.consumer import Handler
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_identity.api import convert, face_convert
from esign_identity.app.activations import Activations, record_signed
from esign_identity.app.people import PeopleRegister
from esign_identity.app.ports import Transaction
from esign_identity.app.verifications import Verifications
from esign_identity.domain.activation import SignatureFacts, SignedDocument


class InternalApi(InternalServiceServicer):
    """Verifications and activations for contract; names, contacts and certificate subjects for those who need them."""

    def __init__(self, verifications: Verifications, activations: Activations, people: PeopleRegister) -> None:
        self._verifications, self._activations, self._people = verifications, activations, people

    async def StartVerification(
        self,
        request: pb.StartVerificationRequest,
        context: "grpc.aio.ServicerContext[pb.StartVerificationRequest, pb.Verification]",
    ) -> pb.Verification:
        view = await self._verifications.start(
            convert.holder(),
            request.contract_id,
            request.party_id,
            request.document_sha256,
            request.document_number,
        )
        return face_convert.verification(view, self._verifications.rules)

    async def IssueActivation(
        self,
        request: pb.IssueActivationRequest,
        context: "grpc.aio.ServicerContext[pb.IssueActivationRequest, pb.IssueActivationResponse]",
    ) -> pb.IssueActivationResponse:
        issued = await self._activations.issue_for_person(convert.holder(), request.verification_id, _facts(request))
        return convert.activation(issued)

    async def IssuePolicyActivation(
        self,
        request: pb.IssuePolicyActivationRequest,
        context: "grpc.aio.ServicerContext[pb.IssuePolicyActivationRequest, pb.IssueActivationResponse]",
    ) -> pb.IssueActivationResponse:
        issued = await self._activations.issue_for_policy(request.policy_id, request.business_type, _facts(request))
        return convert.activation(issued)

    async def DescribePeople(
        self,
        request: pb.DescribePeopleRequest,
        context: "grpc.aio.ServicerContext[pb.DescribePeopleRequest, pb.DescribePeopleResponse]",
    ) -> pb.DescribePeopleResponse:
        people = await self._people.describe(list(request.person_ids))
        return pb.DescribePeopleResponse(people=[convert.summary(person) for person in people])

    async def ResolveContact(
        self,
        request: pb.ResolveContactRequest,
        context: "grpc.aio.ServicerContext[pb.ResolveContactRequest, pb.ResolveContactResponse]",
    ) -> pb.ResolveContactResponse:
        person = await self._people.resolve_contact(request.person_id, request.message_id)
        return pb.ResolveContactResponse(name=person.name, phone=person.phone, email=person.email)

    async def GetCertificateSubject(
        self,
        request: pb.GetCertificateSubjectRequest,
        context: "grpc.aio.ServicerContext[pb.GetCertificateSubjectRequest, pb.GetCertificateSubjectResponse]",
    ) -> pb.GetCertificateSubjectResponse:
        person = await self._people.certificate_subject(request.activation_id)
        return pb.GetCertificateSubjectResponse(
            person_id=person.person_id, name=person.name, id_number=person.id_number
        )


def _facts(request: pb.IssueActivationRequest | pb.IssuePolicyActivationRequest) -> SignatureFacts:
    return SignatureFacts(
        request.contract_id,
        request.party_id,
        request.document_sha256,
        request.seal_id,
        request.seal_sha256,
        convert.placement(request.placement),
        request.reason,
    )


def on_document_signed(joined: Callable[[AsyncSession], Transaction]) -> Handler:
    """The handler of the signer's DocumentSigned; `joined` makes the use case part of the consumer's transaction."""

    async def handle(session: AsyncSession, event: signer_events.DocumentSigned, meta: EventMeta) -> None:
        document = SignedDocument(
            event.activation_id,
            event.contract_id,
            event.party_id,
            event.activation_kind,
            event.source_sha256,
            event.document.sha256,
            event.signed_at.ToDatetime(UTC),
        )
        await record_signed(joined(session), document)

    return handle
