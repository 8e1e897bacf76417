"""The signer among doubles of its neighbours: identity's statements, a ca-broker that certifies, contract's events."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from esign.ca_broker.v1 import ca_broker_pb2, ca_broker_pb2_grpc
from esign.common.v1 import common_pb2
from esign.contract.v1 import events_pb2 as contract_events
from esign.signer.v1 import events_pb2, signer_pb2, signer_pb2_grpc
from esign_kit.db import new_id
from esign_kit.errors import Conflict, Unavailable
from esign_kit.objects import Objects
from esign_kit.refs import ObjectRef, Placement
from esign_kit.testing import Platform, Running, eventually
from google.protobuf.message import Message
from sqlalchemy import text

from .bench import LAYOUT
from .documents import seal_png, write_pdf
from .pki import TrustPki
from .signatures import public_key_of

USCC = "91110000MA0DEM0X18"
COMPANY = "示例搜候商业管理有限公司"
DECISION = signer_pb2.Decision(by="staff-1", reason="测试")
FINAL = ("DocumentSigned", "SignatureRefused", "DocumentReleased", "ReleaseRefused")


class Broker(ca_broker_pb2_grpc.InternalServiceServicer):
    """A ca-broker that certifies whatever key an activation comes with, once per key."""

    def __init__(self, pki: TrustPki) -> None:
        self.pki = pki
        self.mode = ""
        self.issued: dict[bytes, tuple[bytes, ...]] = {}

    async def IssueEventCertificate(
        self, request: ca_broker_pb2.IssueEventCertificateRequest, _: object
    ) -> ca_broker_pb2.IssueEventCertificateResponse:
        """Certifies, or does what `mode` says."""
        import jwt

        if self.mode == "down":
            raise Unavailable("CA_UNAVAILABLE", zh="证书机构暂不可用", en="The CA does not answer")
        if self.mode == "refuses":
            raise Conflict("CERTIFICATE_REFUSED", zh="拒绝签发", en="Refused")
        person = jwt.decode(request.activation, options={"verify_signature": False})["person_id"]
        if self.mode == "for another":
            person = "somebody else"
        if request.certification_request not in self.issued:
            public_key = public_key_of(request.certification_request)
            if self.mode == "for another key":
                public_key = self.pki.tsa_key.public_key()
            certificate = self.pki.certificate("张示例", public_key, subject_id=person)
            self.issued[request.certification_request] = self.pki.chain(certificate)
        return ca_broker_pb2.IssueEventCertificateResponse(
            order_no="e1", certificates=self.issued[request.certification_request]
        )


@dataclass
class World:
    """A running signer and its neighbours."""

    running: Running
    platform: Platform
    broker: Broker
    trust: TrustPki
    folder: Path
    objects: Objects
    seals: dict[str, signer_pb2.Seal] = field(default_factory=dict)

    async def seal_of(self, person_id: str) -> signer_pb2.Seal:
        """The person's handwritten signature."""
        if person_id not in self.seals:
            stub = signer_pb2_grpc.PortalServiceStub(self.running.channel("gateway"))
            self.seals[person_id] = await stub.CreateHandwrittenSignature(
                signer_pb2.CreateHandwrittenSignatureRequest(png=seal_png((20, 20, 20))),
                metadata=self.running.as_person(person_id),
            )
        return self.seals[person_id]

    async def upload(self, path: Path | None = None) -> ObjectRef:
        """A document in the store."""
        path = path or write_pdf(self.folder / f"{new_id()}.pdf")
        return await self.objects.put_file("documents", f"contracts/{new_id()}/source.pdf", path, "application/pdf")

    def statement(self, **changed: Any) -> str:
        """An activation as identity makes it."""
        now = datetime.now(UTC)
        claims = {
            "iss": "identity",
            "aud": ["signer", "ca-broker"],
            "jti": new_id(),
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + timedelta(minutes=5)).timestamp()),
            "receipts": {"sms": "s", "face": "f"},
            "reason": "同意签署",
        } | changed
        return self.platform.pki.activation(**{key: value for key, value in claims.items() if value is not None})

    async def request(self, **changed: Any) -> contract_events.SignatureRequested:
        """A request by a person for the first field of a new document; `changed` goes into the activation's claims."""
        seal = await self.seal_of("person")
        document, contract_id = await self.upload(), new_id()
        return self.asked(document, contract_id, 0, seal, **({"kind": "PERSON", "person_id": "person"} | changed))

    def asked(
        self, document: ObjectRef, contract_id: str, which: int, seal: signer_pb2.Seal, **claims: Any
    ) -> contract_events.SignatureRequested:
        """The request for field `which`, with its activation."""
        place = LAYOUT[which].placement
        facts: dict[str, Any] = {
            "contract_id": contract_id,
            "party_id": f"party{which}",
            "document_sha256": document.sha256,
            "seal_id": seal.seal_id,
            "seal_sha256": seal.sha256,
            "page": place.page,
            "rect": [place.x1, place.y1, place.x2, place.y2],
        }
        return contract_events.SignatureRequested(
            contract_id=contract_id,
            party_id=f"party{which}",
            activation=self.statement(**(facts | claims)),
            document=reference(document),
            seal_id=seal.seal_id,
            placement=spot(place),
            field_name=LAYOUT[which].name,
            layout=[contract_events.SignatureField(name=one.name, placement=spot(one.placement)) for one in LAYOUT],
            reason="同意签署",
        )

    async def company(self) -> signer_pb2.Seal:
        """The organisation with key, certificate and seal."""
        internal = signer_pb2_grpc.InternalServiceStub(self.running.channel("ca-broker"))
        made = await internal.CreateOrganisationKey(
            signer_pb2.CreateOrganisationKeyRequest(order_no="order1", name=COMPANY, unified_social_credit_code=USCC),
            timeout=20,
        )
        public_key = public_key_of(made.certification_request)
        chain = self.trust.chain(self.trust.certificate(COMPANY, public_key, subject_id=USCC))
        await internal.InstallCertificate(signer_pb2.InstallCertificateRequest(key_id=made.key_id, certificates=chain))
        return await self.seal_of_organisation(USCC, COMPANY)

    async def seal_of_organisation(self, code: str, name: str) -> signer_pb2.Seal:
        """A seal that it may use."""
        operator = signer_pb2_grpc.OperatorServiceStub(self.running.channel("operator"))
        created = await operator.DrawOrganisationSeal(
            signer_pb2.DrawOrganisationSealRequest(
                unified_social_credit_code=code, kind=signer_pb2.SEAL_KIND_OFFICIAL, name=name, decision=DECISION
            ),
            timeout=20,
        )
        seal: signer_pb2.Seal = await operator.ApproveSeal(
            signer_pb2.ChangeSealRequest(seal_id=created.seal_id, decision=DECISION)
        )
        return seal

    async def told(self, contract_id: str) -> list[Message]:
        """What the signer committed to tell about a contract, in order."""
        async with self.running.app.db.engine.connect() as connection:
            rows = await connection.execute(
                text("SELECT type, data FROM outbox WHERE contract_id = :id ORDER BY seq"), {"id": contract_id}
            )
            return [getattr(events_pb2, kind.rsplit(".", 1)[-1]).FromString(data) for kind, data in rows]

    async def until(self, contract_id: str, count: int = 1, names: tuple[str, ...] = FINAL) -> list[Message]:
        """Waits for `count` events of these names; returns all that was told."""

        async def told() -> list[Message]:
            found = await self.told(contract_id)
            return found if sum(one.DESCRIPTOR.name in names for one in found) >= count else []

        found: list[Message] = await eventually(told, seconds=30)
        return found

    async def fetch(self, ref: common_pb2.ObjectRef) -> Path:
        """A document of the store."""
        path = self.folder / f"{new_id()}.pdf"
        await self.objects.get_to_file(ObjectRef(ref.bucket, ref.key, ref.version_id, ref.sha256, ref.size), path)
        return path


def names(told: list[Message]) -> list[str]:
    """Their kinds."""
    return [one.DESCRIPTOR.name for one in told]


def only(told: list[Message], kind: Callable[..., Any]) -> Any:
    """The one event of a kind."""
    (found,) = [one for one in told if one.DESCRIPTOR.name == kind.__name__]
    return found


def reference(ref: ObjectRef) -> common_pb2.ObjectRef:
    """As a message."""
    return common_pb2.ObjectRef(
        bucket=ref.bucket, key=ref.key, version_id=ref.version_id, sha256=ref.sha256, size=ref.size
    )


def spot(place: Placement) -> common_pb2.Placement:
    """As a message."""
    return common_pb2.Placement(page=place.page, x1=place.x1, y1=place.y1, x2=place.x2, y2=place.y2)


def sha256(content: bytes) -> str:
    """Hex."""
    return hashlib.sha256(content).hexdigest()
