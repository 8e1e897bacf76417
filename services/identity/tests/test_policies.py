"""Countersigning by policy: only what the signer reported, and only what identity itself began with a person."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from esign.common.v1 import common_pb2
from esign.identity.v1 import identity_pb2 as pb
from esign.signer.v1 import events_pb2 as signer_events
from esign_identity.api.convert import timestamp
from esign_identity.main import MIGRATIONS, build
from esign_identity.settings import IdentitySettings
from esign_kit.errors import Conflict, Forbidden, Unavailable
from esign_kit.testing import Platform, eventually
from identity_world import SEAL_SHA, SHA, World, known, read, reason_of

USCC = "91110000600037341L"
PLACE = common_pb2.Placement(page=12, x1=300000, y1=10000, x2=420000, y2=70000)


class Lease:
    """A contract whose tenant has an activation; the signer's report comes when a test says."""

    def __init__(self, world: World, contract_id: str) -> None:
        self.world, self.contract_id = world, contract_id
        self.result = hashlib.sha256(contract_id.encode()).hexdigest()
        self.activation_id = ""

    async def sign(self) -> "Lease":
        """The tenant's part."""
        who, person = await known(self.world)
        verification = await self.world.passed(who, person, self.contract_id)
        self.activation_id = (await self.world.issue(person, verification, self.contract_id)).activation_id
        return self

    def report(self, **changes: Any) -> signer_events.DocumentSigned:
        """What the signer says."""
        facts: dict[str, Any] = {
            "contract_id": self.contract_id,
            "party_id": "tenant",
            "activation_id": self.activation_id,
            "activation_kind": "PERSON",
            "source_sha256": SHA,
            "document": common_pb2.ObjectRef(bucket="documents", key="k", version_id="v", sha256=self.result, size=1),
            "level": "B-LT",
        }
        event = signer_events.DocumentSigned(**facts | changes)
        event.signed_at.FromDatetime(datetime.now(UTC))
        return event

    async def reported(self, **changes: Any) -> None:
        """Publish it and wait until it is known."""
        event = self.report(**changes)
        await self.world.platform.publish(event, contract_id=event.contract_id)
        sql = "SELECT 1 FROM signed_document WHERE activation_id = :id"
        await eventually(lambda: self.world.rows(sql, id=event.activation_id))

    async def countersign(self, **changes: Any) -> pb.IssueActivationResponse:
        """What contract asks for."""
        wanted: dict[str, Any] = {
            "policy_id": "soho",
            "contract_id": self.contract_id,
            "party_id": "soho",
            "business_type": "租赁合同",
            "document_sha256": self.result,
            "seal_id": "seal-soho",
            "seal_sha256": SEAL_SHA,
            "placement": PLACE,
            "reason": "会签",
        }
        return await self.world.contract.IssuePolicyActivation(pb.IssuePolicyActivationRequest(**wanted | changes))


@pytest.fixture(scope="module")
async def policy(world: World) -> None:
    await world.operator.RegisterOrganisation(
        pb.RegisterOrganisationRequest(name="晨曦置业有限公司", unified_social_credit_code=USCC)
    )
    await world.operator.PutCountersignPolicy(
        pb.PutCountersignPolicyRequest(
            policy_id="soho",
            unified_social_credit_code=USCC,
            seal_id="seal-soho",
            business_types=["租赁合同"],
            custodian="王五",
            valid_until=timestamp(world.clock() + timedelta(days=300)),
        )
    )


@pytest.mark.usefixtures("policy")
async def test_policy_countersigns_what_a_person_signed(world: World) -> None:
    lease = await Lease(world, "lease").sign()
    await lease.reported()
    issued = await lease.countersign()
    header, claims = read(world, issued.statement)
    assert header["typ"] == "esign-activation+jwt"
    assert (claims["kind"], claims["policy_id"], claims["organisation"]) == ("POLICY", "soho", USCC)
    assert "person_id" not in claims
    assert claims["receipts"] == {"policy": "soho#1"}
    assert (claims["document_sha256"], claims["seal_id"]) == (lease.result, "seal-soho")
    assert await lease.countersign() == issued
    assert await reason_of(lease.countersign(reason="另一个理由")) == "ACTIVATION_EXISTS"
    [event] = await world.events("ActivationIssued", policy_id="soho", contract_id="lease")
    assert (event.person_id, event.statement) == ("", issued.statement)
    with pytest.raises(Conflict, match="ACTIVATION_NOT_OF_PERSON"):
        await world.internal("ca-broker").GetCertificateSubject(
            pb.GetCertificateSubjectRequest(activation_id=issued.activation_id)
        )


@pytest.mark.usefixtures("policy")
async def test_policy_waits_for_the_report(world: World) -> None:
    lease = await Lease(world, "slow report").sign()
    with pytest.raises(Unavailable, match="POLICY_DOCUMENT_UNSEEN"):
        await lease.countersign()
    assert await world.events("ActivationRefused", contract_id="slow report") == []
    await lease.reported()
    await lease.countersign()


@pytest.mark.usefixtures("policy")
async def test_an_unsigned_document_is_not_countersigned(world: World) -> None:
    lease = await Lease(world, "unsigned").sign()
    assert await reason_of(lease.countersign(document_sha256=SHA)) == "POLICY_DOCUMENT_UNSIGNED"
    [event] = await world.events("ActivationRefused", contract_id="unsigned")
    assert (event.policy_id, event.reason) == ("soho", "POLICY_DOCUMENT_UNSIGNED")


@pytest.mark.usefixtures("policy")
async def test_what_a_policy_does_not_cover(world: World) -> None:
    lease = await Lease(world, "uncovered").sign()
    await lease.reported()
    other = await Lease(world, "uncovered too").sign()
    attempts = {
        "POLICY_NOT_FOUND": lease.countersign(policy_id="nobody"),
        "POLICY_OTHER_SEAL": lease.countersign(seal_id="seal-other"),
        "POLICY_OTHER_BUSINESS_TYPE": lease.countersign(business_type="采购合同"),
        "POLICY_DOCUMENT_OTHER_CONTRACT": other.countersign(document_sha256=lease.result),
    }
    for reason, attempt in attempts.items():
        assert await reason_of(attempt) == reason
    refused = [e.reason for e in await world.events("ActivationRefused") if e.contract_id.startswith("uncovered")]
    assert refused == list(attempts)
    for caller in ("signer", "gateway", "leasing"):
        with pytest.raises(Forbidden):
            await world.internal(caller).IssuePolicyActivation(pb.IssuePolicyActivationRequest(policy_id="soho"))


@pytest.mark.usefixtures("policy")
async def test_reports_that_identity_cannot_vouch_for(world: World) -> None:
    """An activation that identity never issued, or issued for something else, gives a policy nothing to rest on."""
    invented = Lease(world, "invented")
    invented.activation_id = "activation from nowhere"
    await invented.reported()
    assert await reason_of(invented.countersign()) == "POLICY_DOCUMENT_NOT_BY_PERSON"
    borrowed, owner = Lease(world, "borrowed"), await Lease(world, "owner").sign()
    borrowed.activation_id = owner.activation_id
    await borrowed.reported()
    assert await reason_of(borrowed.countersign()) == "POLICY_DOCUMENT_NOT_BY_PERSON"
    other_source = await Lease(world, "other source").sign()
    await other_source.reported(source_sha256="e" * 64)
    assert await reason_of(other_source.countersign()) == "POLICY_DOCUMENT_NOT_BY_PERSON"
    own = await Lease(world, "own result").sign()
    await own.reported()
    countersigned = await own.countersign()
    again = hashlib.sha256(b"countersigned").hexdigest()
    await own.reported(
        activation_id=countersigned.activation_id,
        activation_kind="POLICY",
        party_id="soho",
        source_sha256=own.result,
        document=common_pb2.ObjectRef(bucket="documents", key="k", version_id="v", sha256=again, size=1),
    )
    assert await reason_of(own.countersign(document_sha256=again)) == "POLICY_DOCUMENT_NOT_BY_PERSON"


@pytest.mark.usefixtures("policy")
async def test_an_expired_policy_activation_is_renewed_only_while_unused(world: World) -> None:
    lease = await Lease(world, "expiring").sign()
    await lease.reported()
    first = await lease.countersign()
    world.clock.advance(minutes=6)
    second = await lease.countersign()
    assert second.activation_id != first.activation_id
    await lease.reported(
        activation_id=second.activation_id,
        activation_kind="POLICY",
        party_id="soho",
        source_sha256=lease.result,
        document=common_pb2.ObjectRef(bucket="documents", key="k", version_id="v", sha256="9" * 64, size=1),
    )
    world.clock.advance(minutes=6)
    assert await lease.countersign() == second


@pytest.mark.usefixtures("policy")
async def test_an_expired_policy_countersigns_nothing(world: World) -> None:
    lease = await Lease(world, "too late").sign()
    await lease.reported()
    await world.operator.PutCountersignPolicy(
        pb.PutCountersignPolicyRequest(
            policy_id="short",
            unified_social_credit_code=USCC,
            seal_id="seal-soho",
            business_types=["租赁合同"],
            custodian="王五",
            valid_until=timestamp(world.clock() + timedelta(seconds=30)),
        )
    )
    world.clock.advance(seconds=31)
    assert await reason_of(lease.countersign(policy_id="short")) == "POLICY_EXPIRED"


@pytest.mark.usefixtures("policy")
async def test_many_policy_requests_at_once(world: World) -> None:
    lease = await Lease(world, "policy race").sign()
    await lease.reported()
    answers = await asyncio.gather(*(lease.countersign() for _ in range(8)))
    assert len({answer.statement for answer in answers}) == 1


async def test_reports_again_and_reports_that_differ(world: World) -> None:
    lease = await Lease(world, "repeated").sign()
    event = lease.report()
    event_id = await world.platform.publish(event, contract_id="repeated")
    sql = "SELECT result_sha256 FROM signed_document WHERE activation_id = :id"
    await eventually(lambda: world.rows(sql, id=lease.activation_id))
    await world.platform.publish(event, contract_id="repeated", event_id=event_id)
    await world.platform.publish(event, contract_id="repeated")
    event.document.sha256 = "8" * 64
    await world.platform.publish(event, contract_id="repeated")
    after = await Lease(world, "after").sign()
    await after.reported()
    assert [row.result_sha256 for row in await world.rows(sql, id=lease.activation_id)] == [lease.result]


@pytest.mark.usefixtures("policy")
async def test_reports_while_identity_was_down(platform: Platform, settings: IdentitySettings, world: World) -> None:
    """The durable consumer catches up, and every event of the outbox reaches the stream."""
    lease = await Lease(world, "was down").sign()
    await world.running.app.close()
    await platform.publish(lease.report(), contract_id="was down")
    async with platform.service(settings, build, migrations=MIGRATIONS, clock=world.clock) as running:
        lease.world = fresh = World(running, world.notifier, world.tencent, world.clock, platform, world.captchas)

        async def countersigned() -> pb.IssueActivationResponse:
            return await lease.countersign()

        issued = await eventually(countersigned)

        async def published() -> bool:
            return await fresh.rows("SELECT 1 FROM outbox WHERE published_at IS NULL") == []

        await eventually(published)
        events = [meta for meta, data in await platform.events() if issued.activation_id.encode() in data]
        assert [(meta.type, meta.contract_id) for meta in events] == [
            ("esign.identity.v1.ActivationIssued", "was down")
        ]
