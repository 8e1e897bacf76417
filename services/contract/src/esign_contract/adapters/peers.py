"""The services that this one asks: identity, signer, evidence. The channels raise their refusals as typed errors."""

import asyncio
from collections.abc import Sequence
from datetime import UTC
from typing import Final

import grpc
from esign.evidence.v1 import evidence_pb2, evidence_pb2_grpc
from esign.identity.v1 import identity_pb2, identity_pb2_grpc
from esign.signer.v1 import signer_pb2, signer_pb2_grpc
from esign_kit.errors import EsignError
from esign_kit.refs import ObjectRef
from esign_kit.telemetry import logger

from esign_contract.adapters.messages import placement_message, ref_message
from esign_contract.app.ports import SealFacts
from esign_contract.domain.contract import Activation, Confirmation, Contract, Party

log = logger(__name__)

SECONDS: Final = 5.0
PREPARE_SECONDS: Final = 30.0
MAX_EXPECTED: Final = 64


class IdentityPeople:
    """Plays `People`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = identity_pb2_grpc.InternalServiceStub(channel)

    async def names(self, person_ids: Sequence[str]) -> dict[str, str]:
        request = identity_pb2.DescribePeopleRequest(person_ids=person_ids)
        found = await self._stub.DescribePeople(request, timeout=SECONDS)
        return {person.person_id: person.name for person in found.people}

    async def start_verification(self, contract: Contract, party: Party) -> identity_pb2.Verification:
        request = identity_pb2.StartVerificationRequest(
            contract_id=contract.contract_id,
            party_id=party.party_id,
            document_sha256=contract.head.sha256,
            document_number=contract.document_number,
        )
        return await self._stub.StartVerification(request, timeout=SECONDS)

    async def activate_person(
        self, contract: Contract, party: Party, wanted: Confirmation, seal_sha256: str
    ) -> Activation:
        request = identity_pb2.IssueActivationRequest(
            verification_id=wanted.verification_id,
            contract_id=contract.contract_id,
            party_id=party.party_id,
            document_sha256=wanted.document_sha256,
            seal_id=wanted.seal_id,
            seal_sha256=seal_sha256,
            placement=placement_message(wanted.placement),
            reason=contract.reason,
        )
        return _activation(await self._stub.IssueActivation(request, timeout=SECONDS))

    async def activate_policy(
        self, contract: Contract, party: Party, wanted: Confirmation, seal_sha256: str
    ) -> Activation:
        request = identity_pb2.IssuePolicyActivationRequest(
            policy_id=party.policy_id,
            contract_id=contract.contract_id,
            party_id=party.party_id,
            business_type=contract.business_type,
            document_sha256=wanted.document_sha256,
            seal_id=wanted.seal_id,
            seal_sha256=seal_sha256,
            placement=placement_message(wanted.placement),
            reason=contract.reason,
        )
        return _activation(await self._stub.IssuePolicyActivation(request, timeout=SECONDS))


class SignerSeals:
    """Plays `Seals`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = signer_pb2_grpc.InternalServiceStub(channel)
        self._expected: set[asyncio.Task[None]] = set()

    def expect(self, document: ObjectRef) -> None:
        if len(self._expected) < MAX_EXPECTED:
            task = asyncio.get_running_loop().create_task(self._prepare(document))
            self._expected.add(task)
            task.add_done_callback(self._expected.discard)

    async def _prepare(self, document: ObjectRef) -> None:
        request = signer_pb2.PrepareDocumentRequest(document=ref_message(document))
        try:
            await self._stub.PrepareDocument(request, timeout=PREPARE_SECONDS)
        except EsignError as error:
            log.info("document not prepared", reason=error.reason)

    async def get(self, seal_id: str) -> SealFacts:
        seal = await self._stub.GetSeal(signer_pb2.GetSealRequest(seal_id=seal_id), timeout=SECONDS)
        return SealFacts(
            seal.sha256,
            seal.state == signer_pb2.SEAL_STATE_ACTIVE,
            seal.owner_person_id,
            seal.owner_unified_social_credit_code,
            (seal.width, seal.height),
        )


class EvidenceOfContracts:
    """Plays `Evidence`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = evidence_pb2_grpc.InternalServiceStub(channel)

    async def of_contract(self, contract_id: str) -> evidence_pb2.ContractEvidence:
        request = evidence_pb2.GetContractEvidenceRequest(contract_id=contract_id)
        return await self._stub.GetContractEvidence(request, timeout=SECONDS)


def _activation(response: identity_pb2.IssueActivationResponse) -> Activation:
    return Activation(response.activation_id, response.statement, response.expires_at.ToDatetime(UTC))
