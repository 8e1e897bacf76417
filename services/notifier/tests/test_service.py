"""The whole service: RPC with mTLS, events through NATS, PostgreSQL, the outside world."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from esign.contract.v1 import events_pb2 as contract_events
from esign.notifier.v1 import events_pb2, notifier_pb2, notifier_pb2_grpc
from esign_kit.db import new_id
from esign_kit.errors import Conflict, EsignError, Forbidden, InvalidInput, Unavailable
from esign_kit.testing import Platform, Running, eventually
from esign_notifier.main import MIGRATIONS, build
from esign_notifier.settings import NotifierSettings
from pydantic import ValidationError
from sqlalchemy import text

from .people import People, identity
from .world import World

Values = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def people() -> People:
    return People()


@pytest.fixture(scope="module")
async def running(platform: Platform, service_values: Values, people: People) -> AsyncIterator[Running]:
    """One notifier for the module."""
    await platform.reset_events()
    async with identity(platform, people) as address:
        settings = NotifierSettings(**service_values(address))
        async with platform.service(settings, build, migrations=MIGRATIONS) as found:
            yield found


@pytest.fixture
def service(running: Running, people: People, world: World) -> Running:
    """The notifier, on a good day."""
    people.asked.clear()
    return running


def stub(service: Running, caller: str = "identity") -> "notifier_pb2_grpc.InternalServiceAsyncStub":
    return notifier_pb2_grpc.InternalServiceStub(service.channel(caller))


def code(phone: str, /, **changes: Any) -> notifier_pb2.SendCodeRequest:
    values: dict[str, Any] = {
        "message_id": new_id(),
        "phone": phone,
        "code": "482913",
        "purpose": notifier_pb2.CODE_PURPOSE_LOGIN,
        "valid_minutes": 5,
    }
    return notifier_pb2.SendCodeRequest(**{**values, **changes})


async def sent(platform: Platform, **wanted: str) -> list[events_pb2.MessageSent]:
    """The events MessageSent whose fields are as wanted."""
    found = [
        events_pb2.MessageSent.FromString(data)
        for meta, data in await platform.events()
        if meta.type == "esign.notifier.v1.MessageSent"
    ]
    return [event for event in found if all(getattr(event, name) == value for name, value in wanted.items())]


async def test_a_code_is_sent_once_per_id(service: Running, platform: Platform, world: World, phone: str) -> None:
    request = code(phone)
    first = await stub(service).SendCode(request)
    again = await stub(service).SendCode(request)
    assert first.accepted_at == again.accepted_at
    [found] = world.sms(phone)
    assert found["text"] == "【SOHO中国】登录验证码482913，5分钟内有效。"
    assert found["session_context"] == request.message_id
    [event] = await eventually(lambda: sent(platform, message_id=request.message_id))
    assert (event.message_id, event.kind, event.receipt) == (request.message_id, "login_code", found["serial_no"])


async def test_neither_code_nor_phone_is_kept(service: Running, phone: str) -> None:
    request = code(phone, code="90817263")
    await stub(service).SendCode(request)
    async with service.app.db.engine.connect() as connection:
        for table in ("codes", "messages", "outbox"):
            for row in (await connection.execute(text(f"SELECT * FROM {table}"))).mappings():
                kept = repr({key: bytes(v) if isinstance(v, memoryview) else v for key, v in row.items()})
                assert "90817263" not in kept
                assert phone not in kept


@pytest.mark.parametrize(
    "change", [{"code": "111111"}, {"phone": "13900000000"}, {"purpose": notifier_pb2.CODE_PURPOSE_SIGNING}]
)
async def test_an_id_stands_for_one_code(service: Running, world: World, phone: str, change: dict[str, Any]) -> None:
    request = code(phone)
    await stub(service).SendCode(request)
    with pytest.raises(Conflict) as refused:
        await stub(service).SendCode(code(phone, **{"message_id": request.message_id, **change}))
    assert refused.value.reason == "MESSAGE_ID_REUSED"
    assert len(world.sms(phone)) == 1


async def test_the_same_call_many_times_at_once(service: Running, world: World, phone: str) -> None:
    request = code(phone)
    results = await asyncio.gather(*(stub(service).SendCode(request) for _ in range(8)), return_exceptions=True)
    assert len(world.sms(phone)) == 1
    assert sum(isinstance(result, notifier_pb2.SendCodeResponse) for result in results) >= 1
    assert {result.reason for result in results if isinstance(result, EsignError)} <= {"SMS_UNCERTAIN"}
    await stub(service).SendCode(request)
    assert len(world.sms(phone)) == 1


async def test_a_lost_answer_is_looked_up(service: Running, world: World, phone: str) -> None:
    request = code(phone)
    world.fault("sms", "lost")
    with pytest.raises(Unavailable) as refused:
        await stub(service).SendCode(request)
    assert refused.value.reason == "SMS_UNCERTAIN"
    world.fault("sms", "ok")
    await stub(service).SendCode(request)
    assert len(world.sms(phone)) == 1


async def test_a_crash_while_sending_is_looked_up(service: Running, world: World, phone: str) -> None:
    request = code(phone)
    await stub(service).SendCode(request)

    async def as_if_crashed(lease: str) -> None:
        async with service.app.db.engine.begin() as connection:
            statement = "UPDATE codes SET state = 'SENDING', lease_until = now() + CAST(:lease AS interval) WHERE message_id = :id"
            await connection.execute(text(statement), {"lease": lease, "id": request.message_id})

    await as_if_crashed("5 s")
    with pytest.raises(Unavailable):
        await stub(service).SendCode(request)
    await as_if_crashed("-1 s")
    await stub(service).SendCode(request)
    assert len(world.sms(phone)) == 1


async def test_a_caller_in_a_hurry_may_ask_again_at_once(service: Running, world: World, phone: str) -> None:
    request = code(phone)
    world.fault("sms", "slow", 2500)
    with pytest.raises(Unavailable) as refused:
        await stub(service).SendCode(request, timeout=1.2)
    assert refused.value.reason == "SMS_UNCERTAIN"
    world.fault("sms", "ok")
    await eventually(lambda: asyncio.to_thread(world.sms, phone))
    await stub(service).SendCode(request)
    assert len(world.sms(phone)) == 1


async def test_after_a_bad_day_the_code_goes_out(service: Running, world: World, phone: str) -> None:
    request = code(phone)
    world.fault("sms", "down")
    with pytest.raises(Unavailable):
        await stub(service).SendCode(request)
    world.fault("sms", "ok")
    await stub(service).SendCode(request)
    assert len(world.sms(phone)) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("message_id", "x"),
        ("phone", "12345678901"),
        ("phone", "+8613800001234\n"),
        ("code", "12a4"),
        ("purpose", notifier_pb2.CODE_PURPOSE_UNSPECIFIED),
        ("valid_minutes", 0),
        ("document_number", "a\nb"),
    ],
)
async def test_bad_requests_are_named(service: Running, phone: str, field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        await stub(service).SendCode(code(phone, **{field: value}))
    assert refused.value.metadata["field"] == field


@pytest.mark.parametrize("caller", ["gateway", "contract", "leasing", "operator"])
async def test_codes_are_for_identity_alone(service: Running, world: World, phone: str, caller: str) -> None:
    with pytest.raises(Forbidden) as refused:
        await stub(service, caller).SendCode(code(phone))
    assert refused.value.reason == "CALLER_NOT_ALLOWED"
    assert world.sms(phone) == []


async def test_events_become_messages_once(
    service: Running, platform: Platform, people: People, world: World, phone: str, mailbox: str
) -> None:
    person, contract_id, event_id = people.add(new_id(), phone, mailbox), new_id(), new_id()
    event = contract_events.ContractDispatched(
        contract_id=contract_id, document_number="ZL-7", title="房屋租赁合同", invited_person_ids=[person]
    )
    event.expires_at.FromJsonString("2026-12-31T16:00:00Z")
    for _ in range(3):
        await platform.publish(event, contract_id=contract_id, event_id=event_id)
    done = contract_events.ContractCompleted(
        contract_id=contract_id, document_number="ZL-7", title="房屋租赁合同", person_ids=[person]
    )
    done.completed_at.FromJsonString("2026-12-01T00:00:00Z")
    await eventually(lambda: _count(platform, contract_id, 2))
    await platform.publish(done, contract_id=contract_id)
    events = await eventually(lambda: _count(platform, contract_id, 4))
    assert {(event.kind, event.channel) for event in events} == {
        (kind, channel) for kind in ("contract_invitation", "contract_completed") for channel in ("sms", "email")
    }
    assert {event.contract_id for event in events} == {contract_id}
    assert [sms["template_id"] for sms in world.sms(phone)] == ["1004", "1003"]
    mails = world.mails(mailbox)
    assert [mail["attempts"] for mail in mails] == [1, 1]
    assert "2027年1月1日 00:00（北京时间）" in mails[1]["text"]
    # Identity was asked for this message's sake, by its id.
    assert {message_id for _, message_id in people.asked} == {event.message_id for event in events}


async def _count(platform: Platform, contract_id: str, number: int) -> list[events_pb2.MessageSent]:
    found = await sent(platform, contract_id=contract_id)
    return found if len(found) == number else []


def test_production_wants_protected_connections(service_values: Values) -> None:
    values = service_values("127.0.0.1:1")
    with pytest.raises(ValidationError, match="unprotected connection"):
        NotifierSettings(**{**values, "environment": "production"})


def test_a_lease_must_outlast_the_providers(service_values: Values) -> None:
    values = service_values("127.0.0.1:1")
    with pytest.raises(ValidationError, match="lease_seconds"):
        NotifierSettings(**{**values, "delivery": {"lease_seconds": 12}})
