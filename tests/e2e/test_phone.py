"""A face check with computer and phone: the computer goes on by itself, and the check belongs to the first phone alone."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from esign_e2e.doors import Phone, Refused
from esign_e2e.journey import Journey
from esign_local.stack import Stack

pytestmark = pytest.mark.e2e

NewJourney = Callable[..., Awaitable[Journey]]


@pytest.mark.parametrize("channel", ["tencent", "bjca"])
async def test_the_computer_goes_on_by_itself(new_journey: NewJourney, channel: str) -> None:
    journey = await new_journey(upto="face")
    person, phone = journey.person, journey.phone
    offered = (await person.json("GET", f"/verifications/{journey.verification_id}/face-channels"))["items"]
    assert {option["channel"] for option in offered if option["available"]} == {"tencent", "bjca"}
    assert [option["reason"] for option in offered if option["channel"] == "own"] == ["NO_PORTRAIT"]
    face = await person.start_face(journey.verification_id, channel)
    following = asyncio.create_task(person.follow(journey.verification_id, "passed"))
    await asyncio.sleep(1.5)
    relay = await phone.open_relay(face["url"])
    assert relay["masked_name"] != journey.tenant.name
    assert (relay["channel"], relay["state"], relay["challenge"]) == (channel, "scanned", None)
    await asyncio.sleep(1.5)
    # The phone never comes back from the vendor: the platform asks of itself.
    await phone.pass_at_vendor(relay["vendor_url"])
    async with asyncio.timeout(20):
        told = await following
    assert told == ["face_pending open", "face_pending scanned", "passed passed"]


async def test_a_browsers_word_is_not_taken(new_journey: NewJourney) -> None:
    journey = await new_journey(upto="face")
    face = await journey.person.start_face(journey.verification_id)
    relay = await journey.phone.open_relay(face["url"])
    # Back from the vendor without having been there, and with whatever in the address.
    token = face["url"].rpartition("/")[2]
    back = await journey.phone.json("POST", f"/face-relays/{token}/result?BizToken=x&result=passed")
    assert back["state"] == "scanned"
    await journey.phone.pass_at_vendor(relay["vendor_url"], "fail")
    assert (await journey.phone.finish_relay(face["url"]))["state"] == "failed"
    standing = await journey.person.verification(journey.verification_id)
    assert (standing["state"], standing["face"]["state"]) == ("face_pending", "failed")


async def test_the_check_is_the_first_phones_alone(stack: Stack, new_journey: NewJourney) -> None:
    journey, other = await new_journey(upto="face"), await new_journey(upto="face")
    url = (await journey.person.start_face(journey.verification_id))["url"]
    relay = await journey.phone.open_relay(url)
    thief = Phone(stack.url("gateway"))
    try:
        # With nothing, with another check's claim, with this one's cookie under a wrong value.
        elsewhere = (await other.person.start_face(other.verification_id))["url"]
        await thief.open_relay(elsewhere)
        for cookie in ("", thief.http.cookies["esign_face"], "forged"):
            thief.http.headers["cookie"] = f"esign_face={cookie}"
            for ask in (thief.open_relay, thief.finish_relay):
                with pytest.raises(Refused) as refused:
                    await ask(url)
                assert (refused.value.status, refused.value.code) == (409, "RELAY_CLAIMED")
    finally:
        await thief.close()
    # The phone that holds it goes on as if nothing had been tried.
    assert (await journey.phone.open_relay(url))["vendor_url"] == relay["vendor_url"]
    await journey.phone.pass_at_vendor(relay["vendor_url"])
    assert (await journey.phone.finish_relay(url))["state"] == "passed"


async def test_an_address_that_nobody_gave_out(stack: Stack) -> None:
    phone = Phone(stack.url("gateway"))
    try:
        for ask in (phone.open_relay, phone.finish_relay):
            with pytest.raises(Refused) as refused:
                await ask(f"{stack.url('gateway')}/f/{'A' * 43}")
            assert (refused.value.status, refused.value.code) == (404, "FACE_RELAY_NOT_FOUND")
    finally:
        await phone.close()
