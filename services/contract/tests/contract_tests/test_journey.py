"""A contract's way through the running service: calls in, events out and in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from esign.contract.v1 import contract_pb2
from esign.contract.v1 import events_pb2 as contract_events
from esign.evidence.v1 import events_pb2 as evidence_events
from esign.signer.v1 import events_pb2 as signer_events
from esign_contract.adapters.peers import IdentityPeople, SignerSeals
from esign_contract.adapters.store import readings, transactions
from esign_contract.app.countersign import Countersign
from esign_contract.app.ports import Begin, Records
from esign_contract.app.signing import ConfirmSigning
from esign_contract.domain.contract import Confirmation
from esign_kit import context
from esign_kit.errors import Conflict, EsignError, NotFound, Unavailable
from esign_kit.refs import Placement
from esign_kit.testing import eventually

from .documents import build
from .world import PLACE, SOHO_PLACE, World, message, unique


async def test_the_whole_way(world: World) -> None:
    tenant = unique("person")
    contract = await world.dispatched(tenant)
    assert contract.state == contract_pb2.CONTRACT_STATE_WAITING
    (dispatched,) = await world.events(contract.contract_id, contract_events.ContractDispatched)
    assert list(dispatched.invited_person_ids) == [tenant]
    assert dispatched.document_sha256 == contract.document_sha256

    signing = await world.confirm(tenant, contract)
    assert (signing.state, signing.parties[0].state) == (
        contract_pb2.CONTRACT_STATE_SIGNING,
        contract_pb2.PARTY_STATE_SIGNING,
    )
    (requested,) = await world.events(contract.contract_id, contract_events.SignatureRequested)
    assert {field.name: field.placement for field in requested.layout} == {"Party1": PLACE, "Party2": SOHO_PLACE}
    assert requested.document.sha256 == contract.document_sha256
    assert requested.document.version_id

    await world.sign(contract.contract_id)

    async def countersigning() -> list[contract_events.SignatureRequested] | None:
        found = await world.events(contract.contract_id, contract_events.SignatureRequested)
        return found if len(found) == 2 else None

    _, second = await eventually(countersigning)
    assert (second.field_name, second.placement, second.seal_id) == ("Party2", SOHO_PLACE, "seal-soho")
    assert second.document.sha256 != contract.document_sha256
    assert [f.name for f in second.layout] == ["Party1", "Party2"]
    await world.sign(contract.contract_id)
    await world.in_state(contract.contract_id, contract_pb2.CONTRACT_STATE_RELEASING)
    (archive,) = await world.events(contract.contract_id, contract_events.ArchiveRequested)
    assert archive.signature_count == 2

    archived = message(await world.store(build(2) + b"% archived"))
    released = signer_events.DocumentReleased(contract_id=contract.contract_id, document=archived)
    await world.platform.publish(released, contract_id=contract.contract_id)
    await world.in_state(contract.contract_id, contract_pb2.CONTRACT_STATE_COMPLETED)
    (completed,) = await world.events(contract.contract_id, contract_events.ContractCompleted)
    assert list(completed.person_ids) == [tenant]
    assert completed.document_sha256 == archived.sha256
    packaged = evidence_events.EvidencePackaged(contract_id=contract.contract_id, evidence_number="a" * 64)
    await world.platform.publish(packaged, contract_id=contract.contract_id)

    async def numbered() -> bool:
        return (await world.get(contract.contract_id)).evidence_number == "a" * 64

    await eventually(numbered)


async def test_two_confirmations_at_once_ask_for_one_signature(world: World) -> None:
    tenant = unique("person")
    contract = await world.dispatched(tenant)
    request = await world.confirmation(tenant, contract)
    answers = await asyncio.gather(
        *(world.portal.ConfirmSigning(request, metadata=world.running.as_person(tenant)) for _ in range(6))
    )
    assert {answer.state for answer in answers} == {contract_pb2.CONTRACT_STATE_SIGNING}
    assert len(await world.events(contract.contract_id, contract_events.SignatureRequested)) == 1


async def test_of_two_different_confirmations_one_counts(world: World) -> None:
    tenant = unique("person")
    contract = await world.dispatched(tenant)
    requests = [await world.confirmation(tenant, contract) for _ in range(2)]
    outcomes = await asyncio.gather(
        *(world.portal.ConfirmSigning(r, metadata=world.running.as_person(tenant)) for r in requests),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, EsignError)]
    assert [error.reason for error in refused] == ["PARTY_SIGNING"]
    assert len(await world.events(contract.contract_id, contract_events.SignatureRequested)) == 1


async def test_a_crash_between_activation_and_commit_costs_nothing(world: World) -> None:
    tenant = unique("person")
    contract = await world.dispatched(tenant)
    request = await world.confirmation(tenant, contract)
    app = world.running.app
    confirm = ConfirmSigning(
        readings(app.db),
        _dying(world, 1),
        IdentityPeople(app.channel("identity")),
        SignerSeals(app.channel("signer")),
        world.clock,
    )
    place = request.placement
    wanted = Confirmation(
        request.verification_id,
        request.document_sha256,
        request.seal_id,
        Placement(place.page, place.x1, place.y1, place.x2, place.y2),
    )
    token = context.actor_var.set(context.Actor(tenant, "session", world.running.pki.actor_token(tenant)))
    issued = len(world.identity.issued)
    with pytest.raises(ConnectionAbortedError):
        await confirm(tenant, contract.contract_id, wanted)
    context.actor_var.reset(token)
    assert len(world.identity.issued) == issued + 1
    assert (await world.get(contract.contract_id)).state == contract_pb2.CONTRACT_STATE_WAITING

    answer = await world.portal.ConfirmSigning(request, metadata=world.running.as_person(tenant))
    assert answer.state == contract_pb2.CONTRACT_STATE_SIGNING
    assert len(world.identity.issued) == issued + 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"document_sha256": "0" * 64}, "DOCUMENT_CHANGED"),
        ({"seal_id": "seal-of-person-else"}, "SEAL_NOT_FOUND"),
        ({"seal_id": "seal-soho"}, "SEAL_NOT_FOUND"),
        ({"seal_id": "seal-suspended-of-"}, "SEAL_NOT_ACTIVE"),
        ({"seal_id": ""}, "CONTRACT_INPUT_INVALID"),
        ({"verification_id": ""}, "CONTRACT_INPUT_INVALID"),
        ({"placement": None}, "PLACEMENT_OUTSIDE_PAGE"),
    ],
)
async def test_confirmations_that_do_not_hold_are_refused(world: World, change: dict[str, str], reason: str) -> None:
    tenant = unique("person")
    contract = await world.dispatched(tenant)
    request = await world.confirmation(tenant, contract)
    for name, value in change.items():
        if value is None:
            request.ClearField("placement")
        else:
            setattr(request, name, value + tenant if value.endswith("-of-") else value)
    with pytest.raises(EsignError) as refusal:
        await world.portal.ConfirmSigning(request, metadata=world.running.as_person(tenant))
    assert refusal.value.reason == reason
    assert (await world.get(contract.contract_id)).state == contract_pb2.CONTRACT_STATE_WAITING


async def test_a_refused_signature_lets_the_person_try_again(world: World) -> None:
    tenant = unique("person")
    contract = await world.dispatched(tenant)
    request = await world.confirmation(tenant, contract)
    me = world.running.as_person(tenant)
    signing = await world.portal.ConfirmSigning(request, metadata=me)
    party_id = signing.parties[0].party_id
    activation_id = (await world.signed(contract.contract_id, b"x")).activation_id
    refused = signer_events.SignatureRefused(
        contract_id=contract.contract_id, party_id=party_id, activation_id=activation_id, reason="ACTIVATION_EXPIRED"
    )
    for _ in range(2):
        await world.platform.publish(refused, contract_id=contract.contract_id)
    waiting = await world.in_state(contract.contract_id, contract_pb2.CONTRACT_STATE_WAITING)
    assert waiting.parties[0].refusal_reason == "ACTIVATION_EXPIRED"
    with pytest.raises(Conflict, match="VERIFICATION_USED"):
        await world.portal.ConfirmSigning(request, metadata=me)
    again = await world.confirm(tenant, contract)
    assert (again.state, again.parties[0].refusal_reason) == (contract_pb2.CONTRACT_STATE_SIGNING, "")
    assert len(await world.events(contract.contract_id, contract_events.PartyRefused)) == 1


async def test_duplicates_and_late_reports_have_one_effect(world: World) -> None:
    tenant = unique("person")
    contract_id = (await world.confirm(tenant, await world.dispatched(tenant))).contract_id
    signed = await world.signed(contract_id, build(2) + b"% one")
    delayed = signer_events.SigningDelayed(
        contract_id=contract_id, party_id=signed.party_id, activation_id=signed.activation_id, reason="TSA_UNAVAILABLE"
    )
    await world.platform.publish(delayed, contract_id=contract_id)

    async def shown() -> bool:
        return (await world.get(contract_id)).waiting_for == "TSA_UNAVAILABLE"

    await eventually(shown)
    same = await world.platform.publish(signed, contract_id=contract_id)
    await world.platform.publish(signed, contract_id=contract_id, event_id=same)
    await world.platform.publish(signed, contract_id=contract_id)
    late = await world.platform.publish(delayed, contract_id=contract_id)

    async def handled() -> bool:
        return bool(await world.rows("SELECT 1 FROM inbox WHERE event_id = :id", id=late))

    await eventually(handled)
    contract = await world.get(contract_id)
    assert contract.waiting_for == ""
    assert contract.parties[0].state == contract_pb2.PARTY_STATE_SIGNED
    assert len(await world.events(contract_id, contract_events.PartySigned)) == 1


async def test_a_report_that_does_not_fit_is_parked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esign_kit.consumer.MAX_FAILURES", 1)
    tenant = unique("person")
    contract_id = (await world.confirm(tenant, await world.dispatched(tenant))).contract_id
    forged = await world.signed(contract_id, b"forged")
    forged.source_sha256 = "0" * 64
    event_id = await world.platform.publish(forged, contract_id=contract_id)

    async def parked() -> list[object]:
        return await world.rows("SELECT error FROM parked WHERE event_id = :id", id=event_id)

    assert "another document" in str(await eventually(parked))
    assert (await world.get(contract_id)).state == contract_pb2.CONTRACT_STATE_SIGNING


async def test_countersigning_outlives_identity(world: World) -> None:
    world.identity.policy_error = Unavailable("POLICY_DOCUMENT_UNSEEN", zh="", en="not yet")
    tenant = unique("person")
    contract_id = (await world.confirm(tenant, await world.dispatched(tenant))).contract_id
    await world.sign(contract_id)

    async def waits() -> contract_pb2.Contract | None:
        found = await world.get(contract_id)
        return found if found.waiting_for else None

    # Six failures come first; the pauses between them are not what is tested.
    async def hurry() -> contract_pb2.Contract | None:
        await world.rows_changed(
            "UPDATE parties SET due_at = now() WHERE contract_id = :id AND due_at IS NOT NULL", id=contract_id
        )
        return await waits()

    waiting = await eventually(hurry)
    assert waiting.waiting_for == "POLICY_DOCUMENT_UNSEEN"
    assert waiting.parties[1].refusal_reason == ""
    world.identity.policy_error = None
    await world.rows_changed(
        "UPDATE parties SET due_at = now() WHERE contract_id = :id AND due_at IS NOT NULL", id=contract_id
    )
    signing = await world.in_state(contract_id, contract_pb2.CONTRACT_STATE_SIGNING)
    assert signing.waiting_for == ""
    assert len(await world.events(contract_id, contract_events.SignatureRequested)) == 2


async def test_a_refused_policy_is_shown_and_tried_again(world: World) -> None:
    world.identity.policy_error = Conflict("POLICY_EXPIRED", zh="会签策略已过期", en="expired")
    tenant = unique("person")
    contract_id = (await world.confirm(tenant, await world.dispatched(tenant))).contract_id
    await world.sign(contract_id)

    async def refused() -> bool:
        return (await world.get(contract_id)).parties[1].refusal_reason == "POLICY_EXPIRED"

    await eventually(refused)
    (told,) = await world.events(contract_id, contract_events.PartyRefused)
    assert told.reason == "POLICY_EXPIRED"
    (row,) = await world.rows("SELECT due_at FROM parties WHERE contract_id = :id AND policy_id <> ''", id=contract_id)
    assert (row.due_at - world.clock()).total_seconds() > 20
    world.identity.policy_error = None
    await world.rows_changed(
        "UPDATE parties SET due_at = now() WHERE contract_id = :id AND due_at IS NOT NULL", id=contract_id
    )
    await world.in_state(contract_id, contract_pb2.CONTRACT_STATE_SIGNING)


async def test_a_countersigning_process_that_died_is_replaced(world: World) -> None:
    world.identity.policy_error = Unavailable("AWAY", zh="", en="")
    tenant = unique("person")
    contract_id = (await world.confirm(tenant, await world.dispatched(tenant))).contract_id
    await world.sign(contract_id)
    await world.in_state(contract_id, contract_pb2.CONTRACT_STATE_WAITING)
    # Out of the running service's sight, these two work ten minutes later than it does.
    due = world.clock() + timedelta(minutes=10)

    async def let_go() -> bool:
        await world.rows_changed(
            "UPDATE parties SET due_at = :due WHERE contract_id = :id AND position = 2", id=contract_id, due=due
        )
        # An attempt that the running service had begun writes its own next time.
        await asyncio.sleep(0.5)
        [row] = await world.rows("SELECT due_at FROM parties WHERE contract_id = :id AND position = 2", id=contract_id)
        return bool(row.due_at == due)

    await eventually(let_go)
    await world.rows_changed("UPDATE parties SET due_at = NULL WHERE contract_id <> :id", id=contract_id)
    world.identity.policy_error = None
    issued = len(world.identity.issued)

    dying = _countersign(world, due, dies_at=3)
    with pytest.raises(ConnectionAbortedError):
        await dying.once()
    assert (await world.get(contract_id)).state == contract_pb2.CONTRACT_STATE_WAITING
    too_early, in_time = (
        _countersign(world, due + timedelta(seconds=29)),
        _countersign(world, due + timedelta(seconds=31)),
    )
    assert await too_early.once() == 0
    assert sum(await asyncio.gather(in_time.once(), in_time.once(), in_time.once())) == 1
    assert (await world.get(contract_id)).state == contract_pb2.CONTRACT_STATE_SIGNING
    assert len(world.identity.issued) == issued + 1
    assert len(await world.events(contract_id, contract_events.SignatureRequested)) == 2


def _countersign(world: World, now: datetime, *, dies_at: int = 0) -> Countersign:
    app = world.running.app
    return Countersign(
        _dying(world, dies_at),
        IdentityPeople(app.channel("identity")),
        SignerSeals(app.channel("signer")),
        lambda: now,
    )


def _dying(world: World, dies_at: int) -> Begin:
    """Transactions of which the one with this number breaks off instead of committing."""
    real, opened = transactions(world.running.app.db), 0

    @asynccontextmanager
    async def begin() -> AsyncIterator[Records]:
        nonlocal opened
        opened += 1
        async with real() as records:
            yield records
            if opened == dies_at:
                raise ConnectionAbortedError

    return begin


async def test_a_held_contract_says_so_and_can_be_released_later(world: World) -> None:
    tenant = unique("person")
    contract_id = (await world.confirm(tenant, await world.dispatched(tenant))).contract_id
    await world.sign(contract_id)
    await world.in_state(contract_id, contract_pb2.CONTRACT_STATE_SIGNING)

    async def asked_again() -> bool:
        return len(await world.events(contract_id, contract_events.SignatureRequested)) == 2

    await eventually(asked_again)
    await world.sign(contract_id)
    await world.in_state(contract_id, contract_pb2.CONTRACT_STATE_RELEASING)
    problems = signer_events.ReleaseRefused(contract_id=contract_id, problems=["PDFSIG_INVALID"])
    await world.platform.publish(problems, contract_id=contract_id)
    await world.in_state(contract_id, contract_pb2.CONTRACT_STATE_HELD)
    (held,) = await world.events(contract_id, contract_events.ContractHeld)
    assert list(held.problems) == ["PDFSIG_INVALID"]
    archived = message(await world.store(build(2) + b"% mended"))
    released = signer_events.DocumentReleased(contract_id=contract_id, document=archived)
    await world.platform.publish(released, contract_id=contract_id)
    await world.in_state(contract_id, contract_pb2.CONTRACT_STATE_COMPLETED)


async def test_the_next_person_is_invited_when_the_first_has_signed(world: World) -> None:
    first, second = unique("person"), unique("person")
    contract = await world.dispatched(first, second)
    with pytest.raises(Conflict, match="PARTY_NOT_YOUR_TURN"):
        await world.confirm(second, contract)
    await world.confirm(first, contract)
    await world.sign(contract.contract_id)
    waiting = await world.in_state(contract.contract_id, contract_pb2.CONTRACT_STATE_WAITING)
    invited = await world.events(contract.contract_id, contract_events.ContractDispatched)
    assert [list(event.invited_person_ids) for event in invited] == [[first], [second]]
    assert waiting.parties[1].state == contract_pb2.PARTY_STATE_WAITING
    await world.confirm(second, waiting)


async def test_a_withdrawn_contract_stays_withdrawn(world: World) -> None:
    tenant = unique("person")
    contract_id = (await world.confirm(tenant, await world.dispatched(tenant))).contract_id
    signed = await world.signed(contract_id, build(2) + b"% late")
    request = contract_pb2.WithdrawContractRequest(contract_id=contract_id, reason="租户取消")
    for _ in range(2):
        assert (await world.system().WithdrawContract(request)).state == contract_pb2.CONTRACT_STATE_WITHDRAWN
    late = await world.platform.publish(signed, contract_id=contract_id)

    async def handled() -> bool:
        return bool(await world.rows("SELECT 1 FROM inbox WHERE event_id = :id", id=late))

    await eventually(handled)
    assert (await world.get(contract_id)).state == contract_pb2.CONTRACT_STATE_WITHDRAWN
    (withdrawn,) = await world.events(contract_id, contract_events.ContractWithdrawn)
    assert (list(withdrawn.person_ids), withdrawn.reason) == ([tenant], "租户取消")
    with pytest.raises(Conflict, match="CONTRACT_WITHDRAWN"):
        await world.confirm(tenant, await world.get(contract_id))
    with pytest.raises(NotFound):
        await world.system("jde").WithdrawContract(request)
