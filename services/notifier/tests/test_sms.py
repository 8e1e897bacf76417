"""The SMS adapter: the vendor's own SDK against the vendor's interface."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from esign_notifier.adapters.sms import TencentSms
from esign_notifier.domain.messages import Accepted, Contact, Kind, NotSent, Rejected, Uncertain
from esign_notifier.settings import SmsSettings
from pydantic import ValidationError

from .world import SetClock, World, facts, free_port, message

Settings = Callable[..., SmsSettings]


def contact(phone: str) -> Contact:
    return Contact("李样例", phone, "")


async def test_a_message_arrives_with_its_facts(
    world: World, sms_settings: Settings, clock: SetClock, phone: str
) -> None:
    one = message(facts=facts(title="长" * 60))
    outcome = await TencentSms(sms_settings(), clock).send(one, contact(phone))
    [found] = world.sms(phone)
    assert outcome == Accepted(found["serial_no"])
    assert found["session_context"] == one.id
    assert found["params"] == ["李样例", "长" * 39 + "…", "ZL-20261123000001"]
    assert "https://sign.example.com" in found["text"]


async def test_a_code_arrives(world: World, sms_settings: Settings, clock: SetClock, phone: str) -> None:
    sms = TencentSms(sms_settings(), clock)
    await sms.send_code("code-0001", Kind.SIGNING_CODE, f"+86{phone}", "482913", 5, "ZL-1")
    [found] = world.sms(phone)
    assert found["text"] == "【SOHO中国】您正在签署文档ZL-1，验证码482913，5分钟内有效。"


@pytest.mark.parametrize(
    ("changes", "number", "expected"),
    [
        ({}, "12345", Rejected("InvalidParameterValue.IncorrectPhoneNumber")),
        ({"sdk_app_id": "1400000000"}, "", NotSent("UnauthorizedOperation.SmsSdkAppIdVerifyFail")),
        ({"sign_name": "别的签名"}, "", NotSent("FailedOperation.SignatureIncorrectOrUnapproved")),
        ({"secret_id": "AKIDother"}, "", NotSent("AuthFailure.SecretIdNotFound")),
    ],
)
async def test_http_200_is_not_sent(
    world: World,
    sms_settings: Settings,
    clock: SetClock,
    phone: str,
    changes: dict[str, str],
    number: str,
    expected: object,
) -> None:
    outcome = await TencentSms(sms_settings(**changes), clock).send(message(), contact(number or phone))
    assert outcome == expected
    assert world.sms(phone) == []


async def test_an_answer_that_never_came_is_uncertain_and_can_be_looked_up(
    world: World, sms_settings: Settings, clock: SetClock, phone: str
) -> None:
    sms, one = TencentSms(sms_settings(), clock), message()
    world.fault("sms", "lost")
    assert isinstance(await sms.send(one, contact(phone)), Uncertain)
    assert isinstance(await sms.reconcile(one, contact(phone)), Uncertain)
    world.fault("sms", "ok")
    [found] = world.sms(phone)
    assert await sms.reconcile(one, contact(phone)) == Accepted(found["serial_no"])


async def test_no_report_means_not_sent_only_after_a_while(
    world: World, sms_settings: Settings, clock: SetClock, phone: str
) -> None:
    sms, one = TencentSms(sms_settings(report_grace_seconds=60), clock), message()
    await sms.send(message(), contact(phone))
    assert await sms.reconcile(one, contact(phone)) == Uncertain("REPORT_OUTSTANDING")
    clock.forward(seconds=61)
    assert await sms.reconcile(one, contact(phone)) == NotSent("NOT_FOUND_AT_PROVIDER")


@pytest.mark.parametrize("mode", ["down", "error"])
async def test_the_vendors_own_errors_are_uncertain(
    world: World, sms_settings: Settings, clock: SetClock, phone: str, mode: str
) -> None:
    world.fault("sms", mode)
    sms = TencentSms(sms_settings(), clock)
    assert isinstance(await sms.send(message(), contact(phone)), Uncertain)
    assert isinstance(await sms.find("code-0001", phone, clock() - timedelta(seconds=5)), Uncertain)


async def test_nobody_at_the_address_means_surely_not_sent(sms_settings: Settings, clock: SetClock, phone: str) -> None:
    sms = TencentSms(sms_settings(endpoint=f"127.0.0.1:{free_port()}"), clock)
    assert await sms.send(message(), contact(phone)) == NotSent("PROVIDER_UNREACHABLE")


async def test_a_provider_that_hangs_up_leaves_it_uncertain(
    sms_settings: Settings, clock: SetClock, phone: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.recv(100)
            connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        sms = TencentSms(sms_settings(endpoint=f"127.0.0.1:{server.getsockname()[1]}"), clock)
        assert await sms.send(message(), contact(phone)) == Uncertain("CONNECTION_LOST")


async def test_the_deadline_holds_and_the_loop_runs_on(
    world: World, sms_settings: Settings, clock: SetClock, phone: str
) -> None:
    world.fault("sms", "slow", 3000)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.02)
            ticks += 1

    ticking = asyncio.create_task(tick())
    begin = time.monotonic()
    outcome = await TencentSms(sms_settings(deadline_seconds=0.6), clock).send(message(), contact(phone))
    ticking.cancel()
    assert outcome == Uncertain("TIMEOUT")
    assert time.monotonic() - begin < 2
    assert ticks > 10


def test_template_parameters_are_checked_at_the_start(sms_settings: Settings) -> None:
    templates = {**sms_settings().templates.model_dump(), "contract_expired": {"id": "1", "parameters": ["portal"]}}
    with pytest.raises(ValidationError, match="contract_expired: unknown parameters"):
        sms_settings(templates=templates)
