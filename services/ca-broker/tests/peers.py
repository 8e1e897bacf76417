"""Identity and the signer, as the ca-broker knows them, served by gRPC with mTLS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from cryptography import x509
from esign.identity.v1 import identity_pb2, identity_pb2_grpc
from esign.signer.v1 import signer_pb2, signer_pb2_grpc
from esign_kit.db import new_id
from esign_kit.errors import NotFound, Unavailable
from esign_kit.testing import Platform

from .world import csr, key

Context = grpc.aio.ServicerContext[Any, Any]


class Identity(identity_pb2_grpc.InternalServiceServicer):
    """Knows for whom an activation is: person id and name by activation id."""

    def __init__(self) -> None:
        self.people: dict[str, tuple[str, str]] = {}

    async def GetCertificateSubject(
        self, request: identity_pb2.GetCertificateSubjectRequest, context: Context
    ) -> identity_pb2.GetCertificateSubjectResponse:
        if request.activation_id not in self.people:
            raise NotFound("ACTIVATION_NOT_FOUND", zh="", en="")
        person_id, name = self.people[request.activation_id]
        return identity_pb2.GetCertificateSubjectResponse(
            person_id=person_id, name=name, id_number="110101199003070038"
        )


class Signer(signer_pb2_grpc.InternalServiceServicer):
    """Makes keys by order number; `away` names the methods that do not answer."""

    def __init__(self) -> None:
        self.keys: dict[str, tuple[str, Any, bytes]] = {}
        self.installed: dict[str, x509.Certificate] = {}
        self.away: set[str] = set()

    async def CreateOrganisationKey(
        self, request: signer_pb2.CreateOrganisationKeyRequest, context: Context
    ) -> signer_pb2.CreateOrganisationKeyResponse:
        if request.order_no not in self.keys:
            made = key("rsa2048")
            self.keys[request.order_no] = (new_id(), made, csr(made))
        # The answer gets lost after the key is made.
        if "CreateOrganisationKey" in self.away:
            raise Unavailable("SERVICE_UNAVAILABLE", zh="", en="")
        key_id, _, request_der = self.keys[request.order_no]
        return signer_pb2.CreateOrganisationKeyResponse(key_id=key_id, certification_request=request_der)

    async def InstallCertificate(
        self, request: signer_pb2.InstallCertificateRequest, context: Context
    ) -> signer_pb2.InstallCertificateResponse:
        if "InstallCertificate" in self.away:
            raise Unavailable("SERVICE_UNAVAILABLE", zh="", en="")
        leaf = x509.load_der_x509_certificate(request.certificates[0])
        [made] = [made for key_id, made, _ in self.keys.values() if key_id == request.key_id]
        assert leaf.public_key() == made.public_key()
        self.installed[request.key_id] = leaf
        return signer_pb2.InstallCertificateResponse(certificate_id=f"certificate of {request.key_id}")


@asynccontextmanager
async def serve(platform: Platform, identity: Identity, signer: Signer) -> AsyncIterator[dict[str, str]]:
    """Serves both; yields their addresses."""
    add_identity = identity_pb2_grpc.add_InternalServiceServicer_to_server
    add_signer = signer_pb2_grpc.add_InternalServiceServicer_to_server
    async with (
        platform.peer("identity", (add_identity, identity)) as at_identity,
        platform.peer("signer", (add_signer, signer)) as at_signer,
    ):
        yield {"identity": at_identity, "signer": at_signer}
