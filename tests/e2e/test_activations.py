"""The contract service cannot obtain a signature by itself: what it asks for without a matching activation is refused, on record.

The tests speak with the contract service's own certificate and event account, as whoever took it over would.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import jwt
import nats
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from esign.common.v1 import common_pb2
from esign.contract.v1 import events_pb2 as contract_events
from esign.identity.v1 import identity_pb2, identity_pb2_grpc
from esign.signer.v1 import events_pb2 as signer_events
from esign_e2e import inside
from esign_e2e.doors import until
from esign_e2e.journey import Journey
from esign_e2e.steps import STEPS, take
from esign_kit.bus import STREAM, subject_of
from esign_kit.clock import system_clock
from esign_kit.db import new_id
from esign_kit.errors import EsignError
from esign_local.configuration import event_user
from esign_local.stack import Stack

pytestmark = pytest.mark.e2e

NewJourney = Callable[..., Awaitable[Journey]]
Claims = dict[str, Any]
TYPE = "esign-activation+jwt"


@dataclass(frozen=True)
class Case:
    """What is forged, and why that is refused."""

    name: str
    reason: str
    claims: Claims
    request: Claims
    forged: bool = False


def cases(now: int) -> list[Case]:
    """Each differs from a good request in one way."""
    return [
        Case("expired", "ACTIVATION_EXPIRED", {"exp": now - 1}, {}),
        Case("not yet valid", "ACTIVATION_NOT_YET_VALID", {"nbf": now + 600}, {}),
        Case("another document", "ACTIVATION_DOCUMENT_MISMATCH", {"document_sha256": "0" * 64}, {}),
        Case("another contract", "ACTIVATION_DOCUMENT_MISMATCH", {"contract_id": new_id()}, {}),
        Case("another party", "ACTIVATION_PERSON_MISMATCH", {"party_id": new_id()}, {}),
        Case("another seal", "ACTIVATION_SEAL_MISMATCH", {"seal_id": new_id()}, {}),
        Case("another image", "ACTIVATION_SEAL_MISMATCH", {"seal_sha256": "0" * 64}, {}),
        Case("another place", "ACTIVATION_PLACE_MISMATCH", {"page": 1}, {}),
        Case("another person's seal", "SEAL_OWNER_MISMATCH", {"person_id": new_id()}, {}),
        Case("another key", "ACTIVATION_SIGNATURE_INVALID", {}, {}, forged=True),
        Case("altered", "ACTIVATION_SIGNATURE_INVALID", {}, {"alter": True}),
        Case("none", "ACTIVATION_MISSING", {}, {"activation": ""}),
    ]


@dataclass(frozen=True)
class Target:
    """A contract that waits for its tenant's signature."""

    request: contract_events.SignatureRequested
    claims: Claims


async def target_of(stack: Stack, journey: Journey) -> Target:
    """The request that the contract service would make after the tenant's confirmation, and its activation's claims."""
    [head] = await inside.rows(
        stack,
        "contract",
        "SELECT head_bucket, head_key, head_version_id, head_sha256, head_size FROM contracts WHERE contract_id = %s",
        journey.contract_id,
    )
    [(party_id,)] = await inside.rows(
        stack, "contract", "SELECT party_id FROM parties WHERE person_id = %s", journey.person_id
    )
    [(seal_sha256,)] = await inside.rows(
        stack, "signer", "SELECT sha256 FROM seals WHERE seal_id = %s", journey.seal_id
    )
    area = journey.lease.tenant
    placement = common_pb2.Placement(page=area.page, x1=area.x1, y1=area.y1, x2=area.x2, y2=area.y2)
    bucket, key, version_id, sha256, size = head
    request = contract_events.SignatureRequested(
        contract_id=journey.contract_id,
        party_id=party_id,
        document=common_pb2.ObjectRef(bucket=bucket, key=key, version_id=version_id, sha256=sha256, size=size),
        seal_id=journey.seal_id,
        placement=placement,
        field_name="Party1",
        layout=[contract_events.SignatureField(name="Party1", placement=placement)],
    )
    now = int(time.time())
    claims: Claims = {
        "iss": "identity",
        "aud": ["signer", "ca-broker"],
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "kind": "PERSON",
        "person_id": journey.person_id,
        "contract_id": journey.contract_id,
        "party_id": party_id,
        "document_sha256": sha256,
        "seal_id": journey.seal_id,
        "seal_sha256": seal_sha256,
        "page": area.page,
        "rect": [area.x1, area.y1, area.x2, area.y2],
        "reason": "签署",
        "receipts": {"sms": "s", "face": "f"},
    }
    return Target(request, claims)


async def publish_as_contract(stack: Stack, event: contract_events.SignatureRequested) -> str:
    """Put the event on the stream with the contract service's own account."""
    client = await nats.connect(stack.nats.url_for("contract"), inbox_prefix=b"_INBOX.contract")
    event_id, type_ = new_id(), event.DESCRIPTOR.full_name
    headers = {
        "Nats-Msg-Id": event_id,
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-type": type_,
        "ce-source": "contract",
        "ce-time": system_clock().isoformat(),
        "ce-subject": event.contract_id,
    }
    try:
        await client.jetstream().publish(subject_of(type_), event.SerializeToString(), headers=headers, stream=STREAM)
    finally:
        await client.close()
    return event_id


async def refusals(stack: Stack, contract_id: str) -> list[tuple[str, str]]:
    """Event id and reason of every refusal of a contract."""
    return [
        (event.id, signer_events.SignatureRefused.FromString(event.data).reason)
        for event in await inside.events(stack)
        if event.name == "signer.SignatureRefused" and event.contract_id == contract_id
    ]


async def test_without_a_matching_activation_nothing_is_signed(stack: Stack, new_journey: NewJourney) -> None:
    journey = await new_journey(upto="confirm")
    target = await target_of(stack, journey)
    key = load_pem_private_key((stack.data_dir / "secrets" / "identity" / "activation.key").read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    stranger = Ed25519PrivateKey.generate()
    expected, sent = [], set()
    for case in cases(int(time.time())):
        claims = {**target.claims, "jti": new_id(), **case.claims}
        statement = jwt.encode(claims, stranger if case.forged else key, "EdDSA", headers={"typ": TYPE})
        if case.request.get("alter"):
            head, body, signature = statement.split(".")
            statement = f"{head}.{body[:-2]}{'A' if body[-2] != 'A' else 'B'}{body[-1]}.{signature}"
        event = contract_events.SignatureRequested()
        event.CopyFrom(target.request)
        event.activation = case.request.get("activation", statement)
        sent.add(await publish_as_contract(stack, event))
        expected.append(case.reason)

    async def all_refused() -> list[tuple[str, str]] | None:
        found = await refusals(stack, journey.contract_id)
        return found if len(found) >= len(expected) else None

    found = await until("every forged request refused", all_refused, seconds=30)
    assert sorted(reason for _, reason in found) == sorted(expected)
    await inside.settled(stack)
    for event_id, _ in found:
        leaves = await inside.rows(stack, "evidence", "SELECT 1 FROM records WHERE event_id = %s", event_id)
        assert len(leaves) == 1, "a refusal is one leaf of the evidence log"
    done = "SELECT 1 FROM signing_jobs WHERE contract_id = %s AND state = 'DONE'"
    assert await inside.rows(stack, "signer", done, journey.contract_id) == []

    # The contract itself took no harm: its tenant signs, and it is completed.
    for step in STEPS[[step.name for step in STEPS].index("confirm") :]:
        await take(journey, step)
    assert len(await inside.rows(stack, "signer", done, journey.contract_id)) == 2

    # The genuine activation, once more: used is used.
    [genuine] = [
        contract_events.SignatureRequested.FromString(event.data)
        for event in await inside.events(stack)
        if event.name == "contract.SignatureRequested"
        and event.contract_id == journey.contract_id
        and event.id not in sent
        and contract_events.SignatureRequested.FromString(event.data).party_id == target.request.party_id
    ]
    again = await publish_as_contract(stack, genuine)

    async def reused() -> list[str] | None:
        reasons = [reason for _, reason in await refusals(stack, journey.contract_id)]
        return reasons if len(reasons) > len(found) else None

    assert (await until(f"the reuse in {again} refused", reused, seconds=30))[-1] == "ACTIVATION_REUSED"
    await inside.settled(stack)
    assert len(await inside.rows(stack, "signer", done, journey.contract_id)) == 2


async def test_identity_gives_the_contract_service_nothing_by_itself(stack: Stack, new_journey: NewJourney) -> None:
    journey = await new_journey(upto="confirm")
    target = await target_of(stack, journey)
    identity = identity_pb2_grpc.InternalServiceStub(stack.channel("identity", "contract"))
    request = identity_pb2.IssueActivationRequest(
        verification_id=journey.verification_id,
        contract_id=journey.contract_id,
        party_id=target.request.party_id,
        document_sha256=target.request.document.sha256,
        seal_id=journey.seal_id,
        seal_sha256=target.claims["seal_sha256"],
        placement=target.request.placement,
        reason="签署",
    )
    with pytest.raises(EsignError) as nobody:
        await identity.IssueActivation(request)
    assert nobody.value.reason == "ACTOR_MISSING"

    forged = jwt.encode(
        {
            "iss": "identity",
            "sub": journey.person_id,
            "sid": "s",
            "iat": int(time.time()),
            "exp": int(time.time()) + 60,
        },
        Ed25519PrivateKey.generate(),
        "EdDSA",
        headers={"typ": "esign-actor+jwt"},
    )
    with pytest.raises(EsignError) as forgery:
        await identity.IssueActivation(request, metadata=grpc.aio.Metadata(("esign-actor", forged)))
    assert forgery.value.reason == "ACTOR_TOKEN_INVALID"

    policy = identity_pb2.IssuePolicyActivationRequest(
        policy_id=journey.countersigner.policy_id,
        contract_id=journey.contract_id,
        party_id=target.request.party_id,
        business_type="租赁合同",
        document_sha256=target.request.document.sha256,
        seal_id=journey.countersigner.seal_id,
        seal_sha256="0" * 64,
        placement=target.request.placement,
        reason="会签",
    )
    with pytest.raises(EsignError) as unsigned:
        await identity.IssuePolicyActivation(policy)
    assert unsigned.value.reason == "POLICY_DOCUMENT_UNSIGNED"


async def test_no_service_publishes_another_ones_events(stack: Stack) -> None:
    for user in ("contract", "notifier"):
        refused = asyncio.Event()

        async def on_error(error: Exception, refused: asyncio.Event = refused) -> None:
            if "permissions violation" in str(error).lower():
                refused.set()

        client = await nats.connect(
            stack.nats.url_for(event_user(user)), error_cb=on_error, inbox_prefix=f"_INBOX.{user}".encode()
        )
        try:
            before = len(await inside.events(stack))
            await client.publish("esign.evt.signer.DocumentSigned", b"")
            await client.flush()
            await asyncio.wait_for(refused.wait(), 5)
            assert len(await inside.events(stack)) == before
        finally:
            await client.close()
