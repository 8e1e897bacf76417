"""The service on real engines, its neighbours as far as it talks to them, and a contract's way in a few words."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from esign.common.v1 import common_pb2
from esign.contract.v1 import contract_pb2, contract_pb2_grpc
from esign.contract.v1 import events_pb2 as contract_events
from esign.evidence.v1 import evidence_pb2, evidence_pb2_grpc
from esign.identity.v1 import identity_pb2, identity_pb2_grpc
from esign.signer.v1 import events_pb2 as signer_events
from esign.signer.v1 import signer_pb2, signer_pb2_grpc
from esign_kit.context import actor
from esign_kit.errors import EsignError, NotFound
from esign_kit.refs import ObjectRef
from esign_kit.testing import Platform, Running, eventually
from google.protobuf.message import Message
from sqlalchemy import text

from .documents import build

M = TypeVar("M", bound=Message)
SEAL_SHA256 = "5" * 64
PLACE = common_pb2.Placement(page=1, x1=10_000, y1=10_000, x2=150_000, y2=70_000)
SOHO_PLACE = common_pb2.Placement(page=1, x1=300_000, y1=10_000, x2=413_000, y2=123_000)


def unique(prefix: str) -> str:
    """A name that no other test uses."""
    return f"{prefix}-{os.urandom(6).hex()}"


class Clock:
    """The machine's time, moved."""

    def __init__(self) -> None:
        self.moved = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.moved


class Identity(identity_pb2_grpc.InternalServiceServicer):
    """Knows everyone whose id starts with `person`, verifies and activates whatever it is asked."""

    def __init__(self) -> None:
        self.described = 0
        self.issued: dict[str, identity_pb2.IssueActivationResponse] = {}
        self.policy_error: EsignError | None = None

    async def DescribePeople(
        self, request: identity_pb2.DescribePeopleRequest, call: Any
    ) -> identity_pb2.DescribePeopleResponse:
        self.described += 1
        if any(not person_id.startswith("person") for person_id in request.person_ids):
            raise NotFound("PERSON_NOT_FOUND", zh="人员不存在", en="No such person")
        people = [identity_pb2.PersonSummary(person_id=p, name=f"林{p[-4:]}") for p in request.person_ids]
        return identity_pb2.DescribePeopleResponse(people=people)

    async def StartVerification(
        self, request: identity_pb2.StartVerificationRequest, call: Any
    ) -> identity_pb2.Verification:
        return identity_pb2.Verification(
            verification_id=unique("verification"),
            state=identity_pb2.VERIFICATION_STATE_SMS_PENDING,
            contract_id=request.contract_id,
            document_sha256=request.document_sha256,
            person=identity_pb2.PersonSummary(person_id=actor().person_id),
        )

    async def IssueActivation(
        self, request: identity_pb2.IssueActivationRequest, call: Any
    ) -> identity_pb2.IssueActivationResponse:
        return self._issue(request)

    async def IssuePolicyActivation(
        self, request: identity_pb2.IssuePolicyActivationRequest, call: Any
    ) -> identity_pb2.IssueActivationResponse:
        if self.policy_error:
            raise self.policy_error
        return self._issue(request)

    def _issue(self, request: Message) -> identity_pb2.IssueActivationResponse:
        key = hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()
        if key not in self.issued:
            response = identity_pb2.IssueActivationResponse(activation_id=unique("activation"), statement=f"e.{key}.s")
            response.expires_at.FromDatetime(datetime.now(UTC) + timedelta(days=900))
            self.issued[key] = response
        return self.issued[key]


class Signer(signer_pb2_grpc.InternalServiceServicer):
    """Seals named after their owners: `seal-of-<person>`, `seal-suspended-of-<person>`, `seal-soho…`."""

    def __init__(self) -> None:
        self.prepared: asyncio.Queue[str] = asyncio.Queue()

    async def PrepareDocument(
        self, request: signer_pb2.PrepareDocumentRequest, call: Any
    ) -> signer_pb2.PrepareDocumentResponse:
        self.prepared.put_nowait(request.document.sha256)
        raise NotFound("DOCUMENT_NOT_FOUND", zh="文件不存在", en="No such document")

    async def GetSeal(self, request: signer_pb2.GetSealRequest, call: Any) -> signer_pb2.Seal:
        if not request.seal_id.startswith("seal-"):
            raise NotFound("SEAL_NOT_FOUND", zh="印章不存在", en="No such seal")
        seal = signer_pb2.Seal(seal_id=request.seal_id, state=signer_pb2.SEAL_STATE_ACTIVE, sha256=SEAL_SHA256)
        seal.width = seal.height = 113_386
        if "suspended" in request.seal_id:
            seal.state = signer_pb2.SEAL_STATE_SUSPENDED
        if "-of-" in request.seal_id:
            seal.owner_person_id = request.seal_id.split("-of-")[1]
        else:
            seal.owner_unified_social_credit_code = "91110105MA9W7K2LX8"
        return seal


class Evidence(evidence_pb2_grpc.InternalServiceServicer):
    """Has evidence of every contract."""

    async def GetContractEvidence(
        self, request: evidence_pb2.GetContractEvidenceRequest, call: Any
    ) -> evidence_pb2.ContractEvidence:
        return evidence_pb2.ContractEvidence(contract_id=request.contract_id, evidence_number="e" * 64)


@dataclass
class World:
    """The service and those around it."""

    platform: Platform
    running: Running
    clock: Clock
    identity: Identity
    signer: Signer
    _kept: dict[str, Any] = field(default_factory=dict)

    @property
    def portal(self) -> contract_pb2_grpc.PortalServiceAsyncStub:
        """The service as the gateway sees it."""
        stub: contract_pb2_grpc.PortalServiceAsyncStub = self._stub(
            "portal", "gateway", contract_pb2_grpc.PortalServiceStub
        )
        return stub

    def system(self, name: str = "leasing") -> contract_pb2_grpc.IntegrationServiceAsyncStub:
        """The service as a system sees it."""
        stub: contract_pb2_grpc.IntegrationServiceAsyncStub = self._stub(
            name, name, contract_pb2_grpc.IntegrationServiceStub
        )
        return stub

    def _stub(self, key: str, caller: str, make: Any) -> Any:
        if key not in self._kept:
            self._kept[key] = make(self.running.channel(caller))
        return self._kept[key]

    async def rows(self, sql: str, **values: object) -> list[Any]:
        """What the database holds."""
        async with self.running.app.db.engine.connect() as connection:
            return list((await connection.execute(text(sql), values)).all())

    async def rows_changed(self, sql: str, **values: object) -> None:
        """Change the database, as time or an operator would."""
        async with self.running.app.db.engine.begin() as connection:
            await connection.execute(text(sql), values)

    async def events(self, contract_id: str, kind: type[M]) -> list[M]:
        """The events of a contract that are in the outbox, in order."""
        found = await self.rows(
            "SELECT data FROM outbox WHERE contract_id = :id AND type = :type ORDER BY seq",
            id=contract_id,
            type=kind.DESCRIPTOR.full_name,
        )
        return [kind.FromString(bytes(row.data)) for row in found]

    async def upload(
        self, content: bytes | None = None, *, system: str = "leasing", **declared: Any
    ) -> contract_pb2.UploadDocumentResponse:
        """Upload a PDF, in several chunks."""
        content = (
            build(2, change=lambda pdf: pdf.docinfo.__setitem__("/Subject", unique("x")))
            if content is None
            else content
        )
        values = {"file_name": "租赁合同.pdf", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}

        async def requests() -> AsyncIterator[contract_pb2.UploadDocumentRequest]:
            declaration = contract_pb2.DocumentDeclaration(**{**values, **declared})
            yield contract_pb2.UploadDocumentRequest(declaration=declaration)
            piece = min(len(content) // 2 + 1, 1 << 20)
            for start in range(0, len(content), piece):
                yield contract_pb2.UploadDocumentRequest(chunk=content[start : start + piece])

        return await self.system(system).UploadDocument(requests())

    async def request(self, person_ids: Sequence[str], **more: Any) -> contract_pb2.CreateContractRequest:
        """What creates a contract of two pages for people, countersigned by SOHO."""
        if "document" not in self._kept:
            self._kept["document"] = await self.upload()
        soho = contract_pb2.PartyInput(
            policy_id="policy-soho", seal_id="seal-soho", name="SOHO中国", placement=SOHO_PLACE
        )
        people = [
            contract_pb2.PartyInput(person_id=p, placement=PLACE if n else None) for n, p in enumerate(person_ids)
        ]
        values: dict[str, Any] = {
            "document_id": self._kept["document"].document_id,
            "document_number": unique("JDE"),
            "title": "商业租赁合同",
            "business_type": "租赁合同",
            "amount": common_pb2.Money(currency="CNY", amount="1859358.64"),
            "parties": [*people, soho],
        }
        return contract_pb2.CreateContractRequest(**{**values, **more})

    async def dispatched(self, *person_ids: str, **more: Any) -> contract_pb2.Contract:
        """A contract that waits for its first person."""
        created = await self.system().CreateContract(await self.request(person_ids, **more))
        request = contract_pb2.DispatchContractRequest(contract_id=created.contract_id)
        return await self.system().DispatchContract(request)

    async def confirmation(self, person_id: str, contract: contract_pb2.Contract) -> contract_pb2.ConfirmSigningRequest:
        """What a person who was verified sends."""
        start = contract_pb2.StartSigningRequest(contract_id=contract.contract_id)
        verification = await self.portal.StartSigning(start, metadata=self.running.as_person(person_id))
        return contract_pb2.ConfirmSigningRequest(
            contract_id=contract.contract_id,
            verification_id=verification.verification_id,
            document_sha256=contract.document_sha256,
            seal_id=f"seal-of-{person_id}",
            placement=PLACE,
        )

    async def confirm(self, person_id: str, contract: contract_pb2.Contract) -> contract_pb2.Contract:
        """A person is verified and confirms."""
        request = await self.confirmation(person_id, contract)
        return await self.portal.ConfirmSigning(request, metadata=self.running.as_person(person_id))

    async def get(self, contract_id: str) -> contract_pb2.Contract:
        """The contract as its system sees it."""
        return await self.system().GetContract(contract_pb2.GetContractRequest(contract_id=contract_id))

    async def in_state(self, contract_id: str, state: contract_pb2.ContractState.ValueType) -> contract_pb2.Contract:
        """The contract, once it is there."""

        async def there() -> contract_pb2.Contract | None:
            found = await self.get(contract_id)
            return found if found.state == state else None

        found: contract_pb2.Contract = await eventually(there)
        return found

    async def store(self, content: bytes) -> ObjectRef:
        """An object as the signer would store it."""
        return await self.running.app.objects.put_bytes("documents", unique("signed"), content, "application/pdf")

    async def signed(self, contract_id: str, content: bytes) -> signer_events.DocumentSigned:
        """What the signer reports of the newest request for a signature."""
        request = (await self.events(contract_id, contract_events.SignatureRequested))[-1]
        party = next(iter(await self.rows("SELECT * FROM parties WHERE party_id = :id", id=request.party_id)))
        event = signer_events.DocumentSigned(
            contract_id=contract_id,
            party_id=request.party_id,
            activation_id=party.activation_id,
            activation_kind="PERSON" if party.person_id else "POLICY",
            source_sha256=request.document.sha256,
            document=message(await self.store(content)),
            level="B-LT",
        )
        event.signed_at.GetCurrentTime()
        return event

    async def sign(self, contract_id: str) -> None:
        """The signer makes the signature that is asked for, and reports it."""
        event = await self.signed(contract_id, build(2) + unique("% signed").encode())
        await self.platform.publish(event, contract_id=contract_id)

    async def completed(self, person_id: str) -> contract_pb2.Contract:
        """A contract that went all the way."""
        contract_id = (await self.confirm(person_id, await self.dispatched(person_id))).contract_id
        await self.sign(contract_id)

        async def asked_again() -> bool:
            return len(await self.events(contract_id, contract_events.SignatureRequested)) == 2

        await eventually(asked_again)
        await self.sign(contract_id)
        await self.in_state(contract_id, contract_pb2.CONTRACT_STATE_RELEASING)
        archived = await self.store(build(2) + unique("% archived").encode())
        released = signer_events.DocumentReleased(contract_id=contract_id, document=message(archived), level="B-LTA")
        await self.platform.publish(released, contract_id=contract_id)
        return await self.in_state(contract_id, contract_pb2.CONTRACT_STATE_COMPLETED)


def message(ref: ObjectRef) -> common_pb2.ObjectRef:
    """A reference, as it is sent."""
    return common_pb2.ObjectRef(
        bucket=ref.bucket, key=ref.key, version_id=ref.version_id, sha256=ref.sha256, size=ref.size
    )
