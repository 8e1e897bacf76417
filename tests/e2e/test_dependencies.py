"""Outside services are down: nothing is completed below the promised level, people see for what it waits, and it goes on by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from esign_e2e import checks, inside
from esign_e2e.doors import Refused, until
from esign_e2e.journey import Journey
from esign_e2e.steps import STEPS, take
from esign_local.stack import Stack

pytestmark = pytest.mark.e2e

Fault = Callable[[str, str], Awaitable[None]]
NewJourney = Callable[..., Awaitable[Journey]]


def after(name: str) -> list[Any]:
    """The steps after one."""
    return list(STEPS[[step.name for step in STEPS].index(name) + 1 :])


async def finish(stack: Stack, journey: Journey, name: str, tmp_path: Any) -> None:
    """The rest of the journey; then nothing was lost or repeated, and the file is what it should be."""
    for step in after(name):
        await take(journey, step)
    await inside.audit(stack, [journey])
    pdf = tmp_path / f"{journey.document_number}.pdf"
    pdf.write_bytes(journey.pdf)
    checks.pdfsig(pdf)


@pytest.mark.parametrize(
    ("parts", "mode", "reason"),
    [
        (["tsa"], "down", "TSA_UNAVAILABLE"),
        (["tsa"], "error", "TSA_UNAVAILABLE"),
        (["ocsp", "crl"], "down", "OCSP_UNAVAILABLE CRL_UNAVAILABLE"),
        (["ca"], "lost", "CA_UNAVAILABLE"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else value,
)
async def test_signing_waits_for_the_trust_services(
    stack: Stack, new_journey: NewJourney, fault: Fault, tmp_path: Any, parts: list[str], mode: str, reason: str
) -> None:
    journey = await new_journey(upto="confirm")
    for part in parts:
        await fault(part, mode)
    await journey.confirm()

    async def waiting() -> str | None:
        contract = await journey.person.contract(journey.contract_id)
        assert contract["state"] != "completed"
        return str(contract["waiting_for"]) if contract["waiting_for"] else None

    assert await until(f"waits for {parts}", waiting, seconds=30) in reason.split()
    await asyncio.sleep(1)
    contract = await journey.person.contract(journey.contract_id)
    assert contract["state"] != "completed"
    assert contract["download_state"] == "not_yet"
    with pytest.raises(Refused) as refused:
        await journey.person.download(journey.contract_id)
    assert refused.value.status == 409

    for part in parts:
        await fault(part, "ok")
    await journey.completed()
    await finish(stack, journey, "confirm", tmp_path)


async def test_without_ocsp_the_revocation_lists_carry_the_promised_level(
    stack: Stack, new_journey: NewJourney, fault: Fault, tmp_path: Any
) -> None:
    journey = await new_journey(upto="confirm")
    await fault("ocsp", "down")
    await journey.confirm()
    await journey.completed()
    await finish(stack, journey, "confirm", tmp_path)
    assert [signature.split()[-1] for signature in journey.facts["signatures"]] == ["B-LTA", "B-LTA"]


async def test_messages_wait_for_their_providers(
    stack: Stack, new_journey: NewJourney, fault: Fault, tmp_path: Any
) -> None:
    other = await new_journey(upto="login-code")
    journey = await new_journey(upto="dispatch")
    await fault("sms", "down")
    await fault("smtp", "down")
    await journey.dispatch()
    with pytest.raises(Refused) as refused:
        await other.person.request_login_code(other.tenant.phone)
    # An answer of this kind does not tell whether the provider took it.
    assert (refused.value.status, refused.value.code) == (503, "SMS_UNCERTAIN")
    await asyncio.sleep(1)
    assert await journey.mailbox.sms(journey.tenant.phone) == []
    assert await journey.mailbox.mails(journey.tenant.email) == []

    await fault("sms", "ok")
    await fault("smtp", "ok")
    await journey.invited()
    await finish(stack, journey, "dispatch", tmp_path)


async def test_a_face_check_waits_for_its_vendor(
    stack: Stack, new_journey: NewJourney, fault: Fault, tmp_path: Any
) -> None:
    journey = await new_journey(upto="face")
    await fault("faceid", "down")
    with pytest.raises(Refused) as refused:
        await journey.start_face()
    assert refused.value.status == 503
    await fault("faceid", "ok")
    await journey.start_face()
    await fault("faceid", "error")
    with pytest.raises(Refused) as refused:
        await journey.complete_face()
    assert refused.value.status == 503
    await fault("faceid", "ok")
    await journey.complete_face()
    await finish(stack, journey, "face-result", tmp_path)


async def test_the_contract_completes_while_the_chain_is_away(
    stack: Stack, new_journey: NewJourney, fault: Fault, tmp_path: Any
) -> None:
    journey = await new_journey(upto="confirm")
    await fault("chain", "down")
    await journey.confirm()
    await journey.completed()
    await asyncio.sleep(1)
    evidence = await journey.person.evidence(journey.contract_id)
    assert evidence["state"] != "confirmed"
    assert not evidence["package_ready"]
    await fault("chain", "ok")
    await finish(stack, journey, "confirm", tmp_path)
