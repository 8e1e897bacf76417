"""One contract's events, as the services publish them: a tenant signs, SOHO countersigns by policy, the file is released."""

import hashlib
import time
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from esign.ca_broker.v1 import events_pb2 as ca_events
from esign.common.v1.common_pb2 import ObjectRef
from esign.contract.v1 import events_pb2 as contract_events
from esign.identity.v1 import events_pb2 as identity_events
from esign.notifier.v1 import events_pb2 as notifier_events
from esign.signer.v1 import events_pb2 as signer_events
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

PERSON = "0199-person"
POLICY = "0199-policy"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def now() -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC))
    return stamp


def document(contract_id: str, step: str) -> ObjectRef:
    return ObjectRef(
        bucket="documents",
        key=f"{contract_id}/{step}.pdf",
        version_id="v1",
        sha256=digest(f"{contract_id} {step}"),
        size=1000,
    )


def activation_id(contract_id: str, party: str) -> str:
    return f"act-{digest(contract_id + party)[:12]}"


def statement(contract_id: str, party: str, source: str, key: Ed25519PrivateKey) -> str:
    import jwt

    who = {"person_id": PERSON} if party == "tenant" else {"policy_id": POLICY, "organisation": "91110105MA01234565"}
    claims = {
        "iss": "identity",
        "aud": ["signer", "ca-broker"],
        "jti": activation_id(contract_id, party),
        "iat": int(time.time()),
        "exp": int(time.time()) + 300,
        "kind": "PERSON" if party == "tenant" else "POLICY",
        **who,
        "contract_id": contract_id,
        "party_id": party,
        "document_sha256": source,
        "seal_sha256": digest(f"seal {party}"),
        "reason": "签署租赁合同",
        "receipts": {"sms": "sms-1", "face": digest("face")},
    }
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"typ": "esign-activation+jwt"})


def signing(contract_id: str, party: str, before: str, after: str, key: Ed25519PrivateKey) -> list[Message]:
    """The events of one party's signature."""
    source, result = document(contract_id, before), document(contract_id, after)
    activation = activation_id(contract_id, party)
    jws = statement(contract_id, party, source.sha256, key)
    person = party == "tenant"
    issued = identity_events.ActivationIssued(
        activation_id=activation,
        contract_id=contract_id,
        party_id=party,
        person_id=PERSON if person else "",
        policy_id="" if person else POLICY,
        document_sha256=source.sha256,
        seal_sha256=digest(f"seal {party}"),
        statement_sha256=hashlib.sha256(jws.encode()).hexdigest(),
        statement=jws,
    )
    certificate = ca_events.CertificateIssued(
        order_no="20261123-1",
        profile="event",
        serial_number="01",
        certificate_sha256=digest("certificate"),
        activation_id=activation,
        contract_id=contract_id,
    )
    return [
        issued,
        contract_events.SignatureRequested(
            contract_id=contract_id, party_id=party, activation=jws, document=source, reason="签署租赁合同"
        ),
        *([certificate] if person else []),
        signer_events.DocumentSigned(
            contract_id=contract_id,
            party_id=party,
            activation_id=activation,
            activation_kind="PERSON" if person else "POLICY",
            source_sha256=source.sha256,
            document=result,
            certificate_sha256=digest("certificate"),
            level="B-LT",
            signed_at=now(),
            field_name=party,
        ),
        contract_events.PartySigned(
            contract_id=contract_id, party_id=party, activation_id=activation, document_sha256=result.sha256
        ),
    ]


def story(contract_id: str, key: Ed25519PrivateKey) -> list[Message]:
    """Everything about one contract, in the order in which it happens."""
    final = document(contract_id, "final").sha256
    return [
        contract_events.ContractCreated(
            contract_id=contract_id, system="leasing", document_number="JDE-20200700004830", document_sha256=digest("0")
        ),
        contract_events.ContractDispatched(
            contract_id=contract_id,
            document_number="JDE-20200700004830",
            title="租赁合同（张样例）",
            document_sha256=document(contract_id, "dispatched").sha256,
            invited_person_ids=[PERSON],
        ),
        identity_events.VerificationSmsPassed(
            verification_id="ver-1", person_id=PERSON, contract_id=contract_id, receipt="2019:538145"
        ),
        identity_events.VerificationFacePassed(
            verification_id="ver-1",
            person_id=PERSON,
            contract_id=contract_id,
            channel="tencent",
            receipt_sha256=digest("face"),
            score="95.5",
        ),
        *signing(contract_id, "tenant", "dispatched", "signed", key),
        *signing(contract_id, "soho", "signed", "countersigned", key),
        contract_events.ArchiveRequested(
            contract_id=contract_id, document=document(contract_id, "countersigned"), signature_count=2
        ),
        signer_events.DocumentReleased(
            contract_id=contract_id,
            document=document(contract_id, "final"),
            level="B-LTA",
            validators=["pyhanko/0.38", "pdfsig/22.12"],
            archived_at=now(),
        ),
        contract_events.ContractCompleted(
            contract_id=contract_id,
            document_number="JDE-20200700004830",
            title="租赁合同（张样例）",
            document_sha256=final,
            person_ids=[PERSON],
            completed_at=now(),
        ),
        notifier_events.MessageSent(
            message_id="m-1",
            kind="contract_completed",
            channel="sms",
            person_id=PERSON,
            contract_id=contract_id,
            receipt="2019:538146",
        ),
    ]
