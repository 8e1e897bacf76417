"""From events to message rows, on PostgreSQL: nothing twice, nothing late, in any order."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from esign_kit.db import Database, new_id
from esign_notifier.adapters.rows import MessageRow
from esign_notifier.adapters.store import SqlAnnouncements
from esign_notifier.app.announce import Announce
from esign_notifier.domain.messages import Channel, ContractFacts, Kind, State
from sqlmodel import col, select, update

from .world import facts

ANNOUNCE = Announce()
Announcing = Callable[[SqlAnnouncements], Awaitable[None]]


async def happen(db: Database, what: Announcing) -> None:
    """Handles one event in a transaction of its own."""
    async with db.begin() as session:
        await what(SqlAnnouncements(session, datetime.now(UTC), ""))


def dispatched(contract: ContractFacts, *people: str, event_id: str = "") -> Announcing:
    return lambda rows: ANNOUNCE.dispatched(rows, event_id or new_id(), contract, people)


def withdrawn(contract: ContractFacts, *people: str, event_id: str = "") -> Announcing:
    return lambda rows: ANNOUNCE.withdrawn(rows, event_id or new_id(), contract, people)


def completed(contract: ContractFacts, *people: str) -> Announcing:
    return lambda rows: ANNOUNCE.completed(rows, new_id(), contract, people)


async def told(db: Database, contract: ContractFacts) -> dict[tuple[str, str, str], tuple[str, str]]:
    """State and reason of every message about the contract, by person, kind and channel."""
    async with db.begin() as session:
        rows = (await session.exec(select(MessageRow).where(MessageRow.contract_id == contract.contract_id))).all()
    found = {(row.person_id, row.kind.removeprefix("contract_"), row.channel): (row.state, row.reason) for row in rows}
    assert len(found) == len(rows)
    return found


async def set_state(db: Database, contract: ContractFacts, channel: Channel, state: State) -> None:
    async with db.begin() as session:
        await session.exec(
            update(MessageRow)
            .where(
                col(MessageRow.contract_id) == contract.contract_id,
                col(MessageRow.kind) == Kind.CONTRACT_INVITATION.value,
                col(MessageRow.channel) == channel.value,
            )
            .values(state=state.value)
        )


async def test_an_event_becomes_a_message_by_each_channel_once(db: Database) -> None:
    contract, event_id = facts(), new_id()
    for _ in range(3):
        await happen(db, dispatched(contract, "p1", "p2", "p1", event_id=event_id))
    assert set(await told(db, contract)) == {
        (person, "invitation", channel) for person in ("p1", "p2") for channel in ("sms", "email")
    }


async def test_a_rolled_back_event_leaves_nothing(db: Database) -> None:
    contract = facts()
    with pytest.raises(ZeroDivisionError):
        async with db.begin() as session:
            await ANNOUNCE.dispatched(SqlAnnouncements(session, datetime.now(UTC), ""), new_id(), contract, ["p1"])
            raise ZeroDivisionError
    assert await told(db, contract) == {}


async def test_an_invitation_after_the_end_is_dropped_visibly(db: Database) -> None:
    contract = facts()
    await happen(db, withdrawn(contract, "p1"))
    await happen(db, dispatched(contract, "p1"))
    assert await told(db, contract) == {
        ("p1", "withdrawn", "sms"): ("PENDING", ""),
        ("p1", "withdrawn", "email"): ("PENDING", ""),
        ("p1", "invitation", "sms"): ("DROPPED", "CONTRACT_WITHDRAWN"),
        ("p1", "invitation", "email"): ("DROPPED", "CONTRACT_WITHDRAWN"),
    }


async def test_a_withdrawal_is_told_only_where_the_invitation_went(db: Database) -> None:
    contract = facts()
    await happen(db, dispatched(contract, "p1"))
    await set_state(db, contract, Channel.SMS, State.SENT)
    await happen(db, withdrawn(contract, "p1"))
    assert await told(db, contract) == {
        ("p1", "invitation", "sms"): ("SENT", ""),
        ("p1", "withdrawn", "sms"): ("PENDING", ""),
        ("p1", "invitation", "email"): ("DROPPED", "CONTRACT_WITHDRAWN"),
        ("p1", "withdrawn", "email"): ("DROPPED", "INVITATION_NOT_SENT"),
    }


async def test_an_attempt_that_has_begun_is_not_dropped(db: Database) -> None:
    contract = facts()
    await happen(db, dispatched(contract, "p1"))
    await set_state(db, contract, Channel.SMS, State.SENDING)
    await happen(db, withdrawn(contract, "p1"))
    found = await told(db, contract)
    assert found["p1", "invitation", "sms"] == ("SENDING", "")
    assert found["p1", "withdrawn", "sms"] == ("PENDING", "")


async def test_completion_drops_late_invitations_and_is_told(db: Database) -> None:
    contract = facts()
    await happen(db, dispatched(contract, "p1"))
    await set_state(db, contract, Channel.SMS, State.SENT)
    await happen(db, completed(contract, "p1", "p2"))
    found = await told(db, contract)
    assert found["p1", "invitation", "email"] == ("DROPPED", "CONTRACT_COMPLETED")
    assert {key for key, (state, _) in found.items() if state == "PENDING"} == {
        (person, "completed", channel) for person in ("p1", "p2") for channel in ("sms", "email")
    }


async def test_contracts_do_not_touch_one_another(db: Database) -> None:
    one, other = facts(), facts()
    await happen(db, dispatched(one, "p1"))
    await happen(db, dispatched(other, "p1"))
    await happen(db, withdrawn(one, "p1"))
    assert {state for state, _ in (await told(db, other)).values()} == {"PENDING"}


async def test_dispatch_and_withdrawal_side_by_side_leave_no_live_invitation(db: Database) -> None:
    contracts = [facts() for _ in range(12)]
    await asyncio.gather(
        *(
            happen(db, what)
            for contract in contracts
            for what in (dispatched(contract, "p1"), withdrawn(contract, "p1"))
        )
    )
    for contract in contracts:
        found = await told(db, contract)
        assert len(found) == 4
        assert {state for (_, kind, _), (state, _) in found.items() if kind == "invitation"} == {"DROPPED"}
