"""A notifier that stops while a provider is away, and starts again."""

from collections.abc import Callable
from typing import Any

from esign.contract.v1 import events_pb2 as contract_events
from esign.notifier.v1 import events_pb2
from esign_kit.db import new_id
from esign_kit.testing import Platform, eventually
from esign_notifier.main import MIGRATIONS, build
from esign_notifier.settings import NotifierSettings

from .people import People, identity
from .world import World

Values = Callable[[str], dict[str, Any]]


async def channels(platform: Platform, contract_id: str, number: int) -> list[str]:
    """The channels by which something was told about the contract, once there are so many."""
    events = [
        events_pb2.MessageSent.FromString(data)
        for meta, data in await platform.events()
        if meta.type == "esign.notifier.v1.MessageSent"
    ]
    found = [event.channel for event in events if event.contract_id == contract_id]
    return found if len(found) == number else []


async def test_a_restart_goes_on_where_it_stopped(
    platform: Platform, service_values: Values, world: World, phone: str, mailbox: str
) -> None:
    await platform.reset_events()
    people = People()
    person, contract_id = people.add(new_id(), phone, mailbox), new_id()
    world.fault("smtp", "down")
    async with identity(platform, people) as address:
        settings = NotifierSettings(**service_values(address))
        event = contract_events.ContractWithdrawn(
            contract_id=contract_id,
            document_number="ZL-8",
            title="房屋租赁合同",
            person_ids=[person],
            reason="条款有误",
        )
        async with platform.service(settings, build, migrations=MIGRATIONS):
            await platform.publish(event, contract_id=contract_id)
            await eventually(lambda: channels(platform, contract_id, 1))
        world.fault("smtp", "ok")
        async with platform.service(settings, build, migrations=MIGRATIONS):
            await eventually(lambda: channels(platform, contract_id, 2))
    assert len(world.sms(phone)) == 1
    [mail] = world.mails(mailbox)
    assert "撤回原因：条款有误" in mail["text"]
