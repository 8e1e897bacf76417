"""The services that are asked: identity and the signer. Their channels raise typed errors."""

from collections.abc import Sequence

import grpc
from esign.identity.v1 import identity_pb2, identity_pb2_grpc
from esign.signer.v1 import signer_pb2, signer_pb2_grpc

from esign_ca_broker.domain.orders import OrganisationSubject, PersonSubject

DEADLINE_SECONDS = 5.0
# Making an RSA key and writing to a key store takes its time.
KEY_DEADLINE_SECONDS = 20.0


class IdentityService:
    """Plays `Identities`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = identity_pb2_grpc.InternalServiceStub(channel)

    async def subject_of(self, activation_id: str) -> PersonSubject:
        """Who an activation is for."""
        request = identity_pb2.GetCertificateSubjectRequest(activation_id=activation_id)
        found = await self._stub.GetCertificateSubject(request, timeout=DEADLINE_SECONDS)
        return PersonSubject(person_id=found.person_id, name=found.name, id_number=found.id_number)


class SignerService:
    """Plays `Keys`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = signer_pb2_grpc.InternalServiceStub(channel)

    async def create(self, order_no: str, organisation: OrganisationSubject) -> tuple[str, bytes]:
        """Has the signer make the key, or find the one made for this order."""
        request = signer_pb2.CreateOrganisationKeyRequest(
            order_no=order_no,
            name=organisation.name,
            unified_social_credit_code=organisation.unified_social_credit_code,
        )
        made = await self._stub.CreateOrganisationKey(request, timeout=KEY_DEADLINE_SECONDS)
        return made.key_id, made.certification_request

    async def install(self, key_id: str, chain: Sequence[bytes]) -> str:
        """Has the signer install the certificate."""
        request = signer_pb2.InstallCertificateRequest(key_id=key_id, certificates=chain)
        return (await self._stub.InstallCertificate(request, timeout=KEY_DEADLINE_SECONDS)).certificate_id
