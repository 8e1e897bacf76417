"""Delivery on PostgreSQL with the outside world's SMS provider and mail server: crashes at every step, bad days, many workers."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from esign.notifier.v1 import events_pb2
from esign_kit.db import Database, new_id
from esign_kit.outbox import outbox
from esign_kit.testing import eventually
from esign_notifier.adapters.mail import SmtpMail
from esign_notifier.adapters.rows import MessageRow
from esign_notifier.adapters.sms import TencentSms
from esign_notifier.adapters.store import SqlAnnouncements, SqlMessageStore
from esign_notifier.adapters.texts import Texts
from esign_notifier.app.announce import Announce
from esign_notifier.app.deliver import Deliver
from esign_notifier.domain.messages import Channel, ContractFacts, Message, RetryPolicy, State
from esign_notifier.settings import SmsSettings, SmtpSettings
from sqlmodel import select

from .people import People
from .world import SetClock, World, facts, free_port

LEASE = timedelta(seconds=30)
POLICY = RetryPolicy(
    max_attempts=3,
    first_delay=timedelta(seconds=10),
    longest_delay=timedelta(seconds=30),
    uncertain_for=timedelta(hours=1),
)


class Desk:
    """Everything that delivery needs, and a person to write to."""

    def __init__(
        self,
        db: Database,
        clock: SetClock,
        world: World,
        sms: SmsSettings,
        smtp: SmtpSettings,
        phone: str,
        mailbox: str,
    ) -> None:
        self.db, self.clock, self.world, self.phone, self.mailbox = db, clock, world, phone, mailbox
        self.people, self.person = People(), new_id()
        self.people.add(self.person, phone, mailbox)
        self.store = SqlMessageStore(db, clock)
        self.sms = TencentSms(sms, clock)
        texts = Texts("zh", "https://sign.example.com", "SOHO中国电子签章平台", "010-58515511")
        self.mail = SmtpMail(smtp, texts, clock)

    def deliver(self, channel: Channel, batch: int = 8) -> Deliver:
        """A worker."""
        sender = self.sms if channel is Channel.SMS else self.mail
        return Deliver(channel, self.store, self.people, sender, POLICY, self.clock, lease=LEASE, batch=batch)

    async def invite(self, *people: str, contract: ContractFacts | None = None) -> ContractFacts:
        """Has people invited."""
        contract = contract or facts()
        async with self.db.begin() as session:
            rows = SqlAnnouncements(session, self.clock(), "")
            await Announce().dispatched(rows, new_id(), contract, people or [self.person])
        return contract

    async def row(self, channel: Channel) -> MessageRow:
        """The one message by the channel."""
        async with self.db.begin() as session:
            return (await session.exec(select(MessageRow).where(MessageRow.channel == channel.value))).one()

    async def state(self, channel: Channel) -> tuple[str, str, int]:
        """State, reason and attempts of the one message by the channel."""
        row = await self.row(channel)
        return row.state, row.reason, row.attempts

    async def is_in(self, channel: Channel, state: State, attempts: int = 1) -> bool:
        """Whether it is there after that many attempts."""
        found, _, tried = await self.state(channel)
        return (found, tried) == (state.value, attempts)

    async def begin(self, channel: Channel) -> Message:
        """Goes as far as a worker does before it calls the provider."""
        [claimed] = await self.store.claim(channel, 8, LEASE)
        begun = await self.store.begin_attempt(claimed, LEASE)
        assert begun is not None
        return begun

    async def events(self) -> list[events_pb2.MessageSent | events_pb2.MessageFailed]:
        """What was emitted, in order."""
        async with self.db.engine.connect() as connection:
            found = (await connection.execute(outbox.select().order_by(outbox.c.seq))).all()
        return [getattr(events_pb2, row.type.rsplit(".", 1)[-1]).FromString(row.data) for row in found]


@pytest.fixture
def desk(
    db: Database,
    clock: SetClock,
    world: World,
    sms_settings: Callable[..., SmsSettings],
    smtp_settings: Callable[..., SmtpSettings],
    phone: str,
    mailbox: str,
) -> Desk:
    return Desk(db, clock, world, sms_settings(), smtp_settings(), phone, mailbox)


async def test_a_message_goes_out_once_by_each_channel(desk: Desk) -> None:
    contract = await desk.invite()
    for channel in Channel:
        worker = desk.deliver(channel)
        assert await worker.once() == 1
        assert await worker.once() == 0
        assert await desk.state(channel) == ("SENT", "", 1)
    [sms], [mail] = desk.world.sms(desk.phone), desk.world.mails(desk.mailbox)
    assert contract.title in sms["text"]
    assert contract.document_number in mail["subject"]
    assert [type(event) for event in await desk.events()] == [events_pb2.MessageSent] * 2
    by_sms = (await desk.events())[0]
    assert isinstance(by_sms, events_pb2.MessageSent)
    assert (by_sms.kind, by_sms.channel, by_sms.person_id) == ("contract_invitation", "sms", desk.person)
    assert (by_sms.contract_id, by_sms.receipt) == (contract.contract_id, sms["serial_no"])


async def test_the_contact_is_that_of_the_moment_of_sending(desk: Desk, mailbox: str) -> None:
    await desk.invite()
    desk.people.add(desk.person, desk.phone, f"new.{mailbox}")
    await desk.deliver(Channel.EMAIL).once()
    assert desk.world.mails(mailbox) == []
    assert len(desk.world.mails(f"new.{mailbox}")) == 1


@pytest.mark.parametrize("channel", list(Channel))
async def test_crash_after_the_claim(desk: Desk, channel: Channel) -> None:
    await desk.invite()
    await desk.store.claim(channel, 8, LEASE)
    worker = desk.deliver(channel)
    assert await worker.once() == 0
    desk.clock.forward(seconds=31)
    assert await worker.once() == 1
    assert await desk.state(channel) == ("SENT", "", 1)


async def test_crash_before_the_sms_left(desk: Desk) -> None:
    await desk.invite()
    await desk.begin(Channel.SMS)
    worker = desk.deliver(Channel.SMS)
    desk.clock.forward(seconds=31)
    # The provider may still report it: not sent again yet.
    assert await worker.once() == 1
    assert await desk.state(Channel.SMS) == ("SENDING", "REPORT_OUTSTANDING", 1)
    assert desk.world.sms(desk.phone) == []
    desk.clock.forward(seconds=60)
    assert await worker.once() == 1
    assert await desk.state(Channel.SMS) == ("SENT", "", 2)
    assert len(desk.world.sms(desk.phone)) == 1


async def test_crash_after_the_sms_left(desk: Desk) -> None:
    await desk.invite()
    begun = await desk.begin(Channel.SMS)
    await desk.sms.send(begun, desk.people.contacts[desk.person])
    desk.clock.forward(seconds=31)
    assert await desk.deliver(Channel.SMS).once() == 1
    [found] = desk.world.sms(desk.phone)
    row = await desk.row(Channel.SMS)
    assert (row.state, row.attempts, row.receipt) == ("SENT", 1, found["serial_no"])
    assert len(await desk.events()) == 1


async def test_crash_after_the_mail_left(desk: Desk) -> None:
    await desk.invite()
    begun = await desk.begin(Channel.EMAIL)
    await desk.mail.send(begun, desk.people.contacts[desk.person])
    desk.clock.forward(seconds=31)
    assert await desk.deliver(Channel.EMAIL).once() == 1
    assert await desk.state(Channel.EMAIL) == ("SENT", "", 2)
    # The same mail twice on the wire, once in the mailbox.
    [found] = desk.world.mails(desk.mailbox)
    assert found["attempts"] == 2


async def test_a_dead_sms_provider_does_not_hold_back_mail(desk: Desk) -> None:
    await desk.invite()
    desk.world.fault("sms", "down")
    assert await desk.deliver(Channel.SMS).once() == 1
    assert await desk.deliver(Channel.EMAIL).once() == 1
    assert (await desk.state(Channel.SMS))[0] == "SENDING"
    assert await desk.state(Channel.EMAIL) == ("SENT", "", 1)
    # And it goes out by itself when the provider is back.
    desk.world.fault("sms", "ok")
    desk.clock.forward(seconds=61)
    assert await desk.deliver(Channel.SMS).once() == 1
    assert await desk.state(Channel.SMS) == ("SENT", "", 2)
    assert len(desk.world.sms(desk.phone)) == 1


async def test_a_dead_mail_server_does_not_hold_back_sms(desk: Desk) -> None:
    await desk.invite()
    desk.world.fault("smtp", "down")
    assert await desk.deliver(Channel.EMAIL).once() == 1
    assert await desk.deliver(Channel.SMS).once() == 1
    assert (await desk.state(Channel.EMAIL))[0] == "PENDING"
    assert await desk.state(Channel.SMS) == ("SENT", "", 1)


async def test_an_sms_whose_answer_was_lost_is_not_sent_again(desk: Desk) -> None:
    await desk.invite()
    desk.world.fault("sms", "lost")
    await desk.deliver(Channel.SMS).once()
    desk.world.fault("sms", "ok")
    desk.clock.forward(seconds=11)
    await desk.deliver(Channel.SMS).once()
    assert await desk.state(Channel.SMS) == ("SENT", "", 1)
    assert len(desk.world.sms(desk.phone)) == 1


async def test_attempts_are_spaced_and_end_visibly(desk: Desk) -> None:
    contract = await desk.invite()
    desk.world.fault("smtp", "error")
    worker = desk.deliver(Channel.EMAIL)
    assert await worker.once() == 1
    assert await worker.once() == 0
    for pause in (10, 20):
        desk.clock.forward(seconds=pause - 1)
        assert await worker.once() == 0
        desk.clock.forward(seconds=1.1)
        assert await worker.once() == 1
    assert await desk.state(Channel.EMAIL) == ("FAILED", "MESSAGE_REFUSED_451", 3)
    [failed] = await desk.events()
    assert isinstance(failed, events_pb2.MessageFailed)
    assert (failed.channel, failed.contract_id, failed.reason) == ("email", contract.contract_id, "MESSAGE_REFUSED_451")
    desk.clock.forward(days=1)
    assert await worker.once() == 0


async def test_a_refused_number_is_given_up_at_once(desk: Desk) -> None:
    desk.people.add(desk.person, "12345", desk.mailbox)
    await desk.invite()
    await desk.deliver(Channel.SMS).once()
    assert await desk.state(Channel.SMS) == ("FAILED", "InvalidParameterValue.IncorrectPhoneNumber", 1)


async def test_what_stays_uncertain_is_given_up_visibly(desk: Desk) -> None:
    await desk.invite()
    desk.world.fault("sms", "down")
    await desk.deliver(Channel.SMS).once()
    desk.clock.forward(hours=1)
    await desk.deliver(Channel.SMS).once()
    assert (await desk.state(Channel.SMS))[0] == "FAILED"
    assert [type(event) for event in await desk.events()] == [events_pb2.MessageFailed]


async def test_identity_being_away_costs_no_attempt(desk: Desk) -> None:
    await desk.invite()
    desk.people.away = True
    worker = desk.deliver(Channel.SMS)
    for _ in range(5):
        assert await worker.once() == 1
        desk.clock.forward(seconds=11)
    assert await desk.state(Channel.SMS) == ("PENDING", "SERVICE_UNAVAILABLE", 0)
    desk.people.away = False
    assert await worker.once() == 1
    assert await desk.state(Channel.SMS) == ("SENT", "", 1)


async def test_people_who_cannot_be_reached(desk: Desk) -> None:
    nobody = new_id()
    await desk.invite(nobody)
    await desk.deliver(Channel.SMS).once()
    assert await desk.state(Channel.SMS) == ("FAILED", "PERSON_UNKNOWN", 0)
    desk.people.add(nobody, desk.phone, "")
    await desk.deliver(Channel.EMAIL).once()
    assert await desk.state(Channel.EMAIL) == ("DROPPED", "NO_ADDRESS", 0)


async def test_a_claim_that_was_lost_sends_nothing(desk: Desk) -> None:
    await desk.invite()
    [slept] = await desk.store.claim(Channel.SMS, 8, LEASE)
    desk.clock.forward(seconds=31)
    await desk.deliver(Channel.SMS).once()
    assert await desk.store.begin_attempt(slept, LEASE) is None
    await desk.store.failed(slept, "LATE")
    await desk.store.postpone(slept, State.PENDING, desk.clock(), "LATE")
    assert await desk.state(Channel.SMS) == ("SENT", "", 1)
    assert len(await desk.events()) == 1


async def test_a_withdrawal_between_claim_and_sending_holds_the_invitation_back(desk: Desk) -> None:
    contract = await desk.invite()
    [claimed] = await desk.store.claim(Channel.SMS, 8, LEASE)
    async with desk.db.begin() as session:
        rows = SqlAnnouncements(session, datetime.now(UTC), "")
        await Announce().withdrawn(rows, new_id(), contract, [desk.person])
    assert await desk.store.begin_attempt(claimed, LEASE) is None
    desk.clock.forward(seconds=31)
    assert await desk.deliver(Channel.SMS).once() == 0
    assert desk.world.sms(desk.phone) == []


async def test_many_workers_tell_everybody_once(desk: Desk) -> None:
    people = {}
    for number in range(24):
        person, own = new_id(), f"139{int(desk.phone[-6:]):06d}{number:02d}"
        people[person] = desk.people.add(person, own, f"p{number}.{desk.mailbox}") and own
    await desk.invite(*people)
    workers = [desk.deliver(channel, batch=3) for channel in Channel for _ in range(3)]

    async def work(worker: Deliver) -> None:
        while await worker.once():
            pass

    await asyncio.gather(*(work(worker) for worker in workers))
    for number, (_, own) in enumerate(people.items()):
        assert len(desk.world.sms(own)) == 1
        [mail] = desk.world.mails(f"p{number}.{desk.mailbox}")
        assert mail["attempts"] == 1
    assert len(await desk.events()) == 48


async def test_a_stop_finishes_what_has_begun(desk: Desk) -> None:
    await desk.invite()
    desk.world.fault("sms", "slow", 700)
    running = asyncio.create_task(desk.deliver(Channel.SMS).run(0.05))
    await eventually(lambda: desk.is_in(Channel.SMS, State.SENDING))
    for _ in range(3):
        running.cancel()
        await asyncio.sleep(0.02)
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await desk.state(Channel.SMS) == ("SENT", "", 1)


async def test_the_database_going_away_does_not_end_the_loop(
    desk: Desk, sms_settings: Callable[..., SmsSettings]
) -> None:
    desk.sms = TencentSms(sms_settings(endpoint=f"127.0.0.1:{free_port()}"), desk.clock)
    worker, rounds = desk.deliver(Channel.SMS), 0
    claim = desk.store.claim

    async def failing(channel: Channel, limit: int, lease: timedelta) -> object:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise ConnectionError("the database is away")
        return await claim(channel, limit, lease)

    desk.store.claim = failing  # type: ignore[method-assign, assignment]
    await desk.invite()
    running = asyncio.create_task(worker.run(0.01))
    await eventually(lambda: desk.is_in(Channel.SMS, State.PENDING, attempts=1))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    # Nobody at the provider's address: surely not sent, tried again later.
    assert (await desk.state(Channel.SMS))[:2] == ("PENDING", "PROVIDER_UNREACHABLE")
