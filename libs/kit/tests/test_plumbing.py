"""The plumbing on real engines: calls with mTLS and access rules, events with exactly one effect."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
from esign.ca_broker.v1 import events_pb2 as ca_broker_events
from esign.common.v1 import common_pb2
from esign.contract.v1 import contract_pb2, contract_pb2_grpc
from esign.identity.v1 import identity_pb2
from esign.notifier.v1 import notifier_pb2, notifier_pb2_grpc
from esign.signer.v1 import events_pb2 as signer_events
from esign_kit import context, grpc_client, grpc_server
from esign_kit.bus import EventMeta
from esign_kit.consumer import RetryLater
from esign_kit.errors import Conflict, EsignError, Forbidden, Internal, TimedOut, Unauthenticated, Unavailable
from esign_kit.outbox import emit
from esign_kit.service import App
from esign_kit.settings import ServiceSettings
from esign_kit.testing import Pki, Platform, Running, eventually
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession


class Portal(contract_pb2_grpc.PortalServiceServicer):
    """Answers by what the contract id says."""

    def __init__(self) -> None:
        self.calls = 0

    async def GetContract(self, request: contract_pb2.GetContractRequest, call: Any) -> contract_pb2.Contract:
        self.calls += 1
        match request.contract_id:
            case "conflict":
                raise Conflict("CONTRACT_BUSY", zh="合同正忙", en="Busy", contract="c1")
            case "crash":
                raise RuntimeError("secret detail")
            case "slow":
                await asyncio.sleep(5)
        return contract_pb2.Contract(contract_id=context.actor().person_id, title=context.caller())


class Hooks:
    """What the consuming service does, set by each test."""

    seen: list[str]

    def __init__(self) -> None:
        self.seen = []
        self.fail: Exception | None = None
        self.failures = 0


@pytest.fixture(scope="module")
async def hooks() -> Hooks:
    return Hooks()


@pytest.fixture(scope="module")
async def running(platform: Platform, hooks: Hooks) -> AsyncIterator[Running]:
    await platform.reset_events()

    async def build(app: App[ServiceSettings]) -> None:
        app.serve(contract_pb2_grpc.add_PortalServiceServicer_to_server, Portal())  # type: ignore[abstract]

        async def on_signed(session: AsyncSession, event: signer_events.DocumentSigned, meta: EventMeta) -> None:
            connection = await session.connection()
            await connection.execute(text("INSERT INTO effects VALUES (:id)"), {"id": event.contract_id})
            if hooks.fail:
                hooks.failures += 1
                raise hooks.fail
            hooks.seen.append(event.contract_id)

        app.consume(handlers={signer_events.DocumentSigned: on_signed})

    # A name whose consumer no service has: several services may run in one session of tests.
    settings = ServiceSettings(**platform.settings("ca-broker"))
    async with platform.service(settings, build, migrations="kit_test_migrations") as service:
        yield service


async def test_person_and_caller_reach_the_method(running: Running) -> None:
    stub = contract_pb2_grpc.PortalServiceStub(running.channel("gateway"))
    answer = await stub.GetContract(contract_pb2.GetContractRequest(contract_id="x"), metadata=running.as_person("p1"))
    assert (answer.contract_id, answer.title) == ("p1", "gateway")


async def test_refusals(running: Running, pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> None:
    request = contract_pb2.GetContractRequest(contract_id="x")
    person = running.as_person("p1")
    with pytest.raises(Forbidden) as forbidden:
        await contract_pb2_grpc.PortalServiceStub(running.channel("signer")).GetContract(request, metadata=person)
    assert forbidden.value.reason == "CALLER_NOT_ALLOWED"
    stub = contract_pb2_grpc.PortalServiceStub(running.channel("gateway"))
    with pytest.raises(Unauthenticated) as missing:
        await stub.GetContract(request)
    assert missing.value.reason == "ACTOR_MISSING"
    expired = grpc.aio.Metadata(("esign-actor", pki.actor_token("p1", seconds=-1)))
    with pytest.raises(Unauthenticated) as late:
        await stub.GetContract(request, metadata=expired)
    assert late.value.reason == "ACTOR_TOKEN_EXPIRED"
    stranger = Pki(tmp_path_factory.mktemp("stranger"))
    forged = grpc.aio.Metadata(("esign-actor", stranger.actor_token("p1")))
    with pytest.raises(Unauthenticated) as invalid:
        await stub.GetContract(request, metadata=forged)
    assert invalid.value.reason == "ACTOR_TOKEN_INVALID"
    activation = grpc.aio.Metadata(("esign-actor", pki.activation(iss="identity", sub="p1")))
    with pytest.raises(Unauthenticated):
        await stub.GetContract(request, metadata=activation)
    outsider = grpc_client.channel(running.address, "ca-broker", stranger.tls("gateway"))
    with pytest.raises(Unavailable):
        await contract_pb2_grpc.PortalServiceStub(outsider).GetContract(request, metadata=person, timeout=1)
    await outsider.close(None)


async def test_errors_keep_their_type_and_say_nothing_more(running: Running) -> None:
    stub = contract_pb2_grpc.PortalServiceStub(running.channel("gateway"))
    person = running.as_person("p1")
    with pytest.raises(Conflict) as conflict:
        await stub.GetContract(contract_pb2.GetContractRequest(contract_id="conflict"), metadata=person)
    error = conflict.value
    assert (error.reason, error.zh, error.en, error.metadata) == (
        "CONTRACT_BUSY",
        "合同正忙",
        "Busy",
        {"contract": "c1"},
    )
    with pytest.raises(Internal) as crash:
        await stub.GetContract(contract_pb2.GetContractRequest(contract_id="crash"), metadata=person)
    assert "secret" not in repr(crash.value) + crash.value.zh
    with pytest.raises(TimedOut):
        await stub.GetContract(contract_pb2.GetContractRequest(contract_id="slow"), metadata=person, timeout=0.3)


async def test_a_service_without_rules_does_not_start(platform: Platform) -> None:
    from esign_kit.access import rules_of
    from google.protobuf import descriptor_pb2, descriptor_pool

    file = descriptor_pb2.FileDescriptorProto(name="norule.proto", package="norule")
    file.message_type.add(name="M")
    service = file.service.add(name="S")
    service.method.add(name="Do", input_type=".norule.M", output_type=".norule.M")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    with pytest.raises(ValueError, match=r"norule\.S\.Do has no access rule"):
        rules_of(pool.FindServiceByName("norule.S"))


async def _effects(running: Running, contract_id: str) -> int:
    async with running.app.db.engine.connect() as connection:
        found = await connection.execute(text("SELECT count(*) FROM effects WHERE id = :id"), {"id": contract_id})
        return int(found.scalar_one())


async def test_what_is_read_is_of_one_moment(running: Running) -> None:
    count = text("SELECT count(*) FROM effects")
    async with running.app.db.read() as reading:
        before = (await (await reading.connection()).execute(count)).scalar_one()
        async with running.app.db.begin() as writing:
            await (await writing.connection()).execute(text("INSERT INTO effects VALUES ('meanwhile')"))
        assert (await (await reading.connection()).execute(count)).scalar_one() == before
    async with running.app.db.read() as reading:
        assert (await (await reading.connection()).execute(count)).scalar_one() == before + 1


async def test_event_and_state_commit_together(running: Running, platform: Platform) -> None:
    async with running.app.db.begin() as session:
        kept = await emit(session, ca_broker_events.CertificateIssued(order_no="kept"), contract_id="kept")
    with pytest.raises(RuntimeError):
        async with running.app.db.begin() as session:
            await emit(session, ca_broker_events.CertificateIssued(order_no="lost"))
            raise RuntimeError

    async def published() -> bool:
        return kept in [meta.id for meta, _ in await platform.events()]

    await eventually(published)
    bodies = [data for meta, data in await platform.events() if meta.type.endswith("CertificateIssued")]
    assert [ca_broker_events.CertificateIssued.FromString(data).order_no for data in bodies] == ["kept"]


async def test_duplicates_have_one_effect(running: Running, platform: Platform, hooks: Hooks) -> None:
    event = signer_events.DocumentSigned(contract_id="once", document=common_pb2.ObjectRef(sha256="ab"))
    identifier = await platform.publish(event)
    await platform.publish(event, event_id=identifier)
    last = signer_events.DocumentSigned(contract_id="after")
    await platform.publish(last)

    async def arrived() -> bool:
        return "after" in hooks.seen

    await eventually(arrived)
    assert hooks.seen.count("once") == 1
    assert await _effects(running, "once") == 1


async def test_waiting_never_counts_and_rolls_back(running: Running, platform: Platform, hooks: Hooks) -> None:
    hooks.fail, hooks.failures = RetryLater(0.05, "TSA_UNAVAILABLE"), 0
    await platform.publish(signer_events.DocumentSigned(contract_id="waits"))

    async def tried_often() -> bool:
        return hooks.failures > 8

    await eventually(tried_often)
    assert await _effects(running, "waits") == 0
    hooks.fail = None

    async def done() -> bool:
        return await _effects(running, "waits") == 1

    await eventually(done)


async def test_what_cannot_be_handled_is_parked(
    running: Running, platform: Platform, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esign_kit.consumer.MAX_FAILURES", 2)
    hooks.fail = ValueError("poison")
    identifier = await platform.publish(signer_events.DocumentSigned(contract_id="poison"))

    async def parked() -> str:
        async with running.app.db.engine.connect() as connection:
            return (
                await connection.execute(text("SELECT error FROM parked WHERE event_id = :id"), {"id": identifier})
            ).scalar_one_or_none() or ""

    assert await eventually(parked) == "ValueError: poison"
    hooks.fail = None


async def test_deadline_passes_on(running: Running) -> None:
    context.deadline_var.set(None)
    stub = contract_pb2_grpc.PortalServiceStub(running.channel("gateway"))
    token = context.deadline_var.set(time.monotonic() + 0.2)
    started = time.monotonic()
    with pytest.raises(TimedOut):
        await stub.GetContract(contract_pb2.GetContractRequest(contract_id="slow"), metadata=running.as_person("p"))
    assert time.monotonic() - started < 1
    context.deadline_var.reset(token)


async def test_unreachable_peer_is_a_typed_error(pki: Pki) -> None:
    channel = grpc_client.channel("127.0.0.1:9", "notifier", pki.tls("identity"))
    stub = notifier_pb2_grpc.InternalServiceStub(channel)
    with pytest.raises(EsignError) as error:
        await stub.SendCode(notifier_pb2.SendCodeRequest(), timeout=0.5)
    assert error.value.reason in ("SERVICE_UNAVAILABLE", "DEADLINE_EXCEEDED")
    await channel.close(None)


async def test_replicas_take_turns_and_one_that_is_gone_is_passed_by(platform: Platform, pki: Pki) -> None:
    portals, add = [Portal(), Portal()], contract_pb2_grpc.add_PortalServiceServicer_to_server  # type: ignore[abstract]
    async with AsyncExitStack() as stack:
        ends = [await stack.enter_async_context(AsyncExitStack()) for _ in portals]
        pairs = zip(ends, portals, strict=True)
        addresses = [await end.enter_async_context(platform.peer("contract", (add, portal))) for end, portal in pairs]
        channel = grpc_client.channel(f"ipv4:{','.join(addresses)}", "contract", pki.tls("gateway"))
        stack.push_async_callback(channel.close, None)
        stub, person = contract_pb2_grpc.PortalServiceStub(channel), [("esign-actor", pki.actor_token("p"))]

        async def ask() -> None:
            await stub.GetContract(contract_pb2.GetContractRequest(contract_id="c"), metadata=person)

        for _ in range(20):
            await ask()
        assert all(portal.calls >= 5 for portal in portals)
        await ends[0].aclose()
        before = portals[1].calls
        for _ in range(10):
            await ask()
        assert portals[1].calls == before + 10


async def test_old_connections_are_given_up_and_no_call_notices(
    platform: Platform, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grpc_server, "CONNECTION_SECONDS", 0.2)
    connections: set[str] = set()

    class Signing(Portal):
        async def StartSigning(self, request: contract_pb2.StartSigningRequest, call: Any) -> identity_pb2.Verification:
            connections.add(call.peer())
            await asyncio.sleep(0.5 if request.contract_id == "long" else 0)
            return identity_pb2.Verification()

    add = contract_pb2_grpc.add_PortalServiceServicer_to_server
    async with platform.peer("contract", (add, Signing())) as address:  # type: ignore[abstract]
        channel = grpc_client.channel(address, "contract", pki.tls("gateway"))
        stub, person = contract_pb2_grpc.PortalServiceStub(channel), [("esign-actor", pki.actor_token("p"))]

        async def ask(contract_id: str) -> None:
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                # A call that is not repeated by itself.
                await stub.StartSigning(contract_pb2.StartSigningRequest(contract_id=contract_id), metadata=person)

        try:
            await asyncio.gather(*map(ask, ("long", "short", "short", "short")))
        finally:
            await channel.close(None)
    assert len(connections) > 3
