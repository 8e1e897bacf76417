"""A contract's way, with what may go wrong on it."""

from datetime import timedelta

import pytest
from esign_contract.domain import events
from esign_contract.domain.contract import Activation, Confirmation, Contract, Party, UnexpectedReport
from esign_contract.domain.document import SignatureKind
from esign_contract.domain.states import ContractState, PartyState
from esign_kit.errors import Conflict, InvalidInput, NotFound
from esign_kit.refs import Placement

from .samples import (
    ANNA,
    BO,
    LATER,
    NOW,
    PLACE,
    SEAL_PLACE,
    activation,
    confirmation,
    contract,
    in_state,
    ref,
)


def two_people() -> Contract:
    made = contract(
        Party("party-1", 1, person_id=ANNA),
        Party("party-2", 2, person_id=BO, placement=SEAL_PLACE),
    )
    made.dispatch(NOW)
    return made


def test_the_whole_way() -> None:
    made = contract()
    made.created()
    made.dispatch(NOW)
    person, policy = made.parties
    made.request_signature(person, confirmation(made), activation(), NOW)
    made.signed("party-1", "activation-1", made.head.sha256, ref("signed-1"), NOW, NOW)
    assert (person.state, policy.state, policy.due_at) == (PartyState.SIGNED, PartyState.WAITING, NOW)
    assert made.head == ref("signed-1")
    wanted = Confirmation("", made.head.sha256, "seal-soho", SEAL_PLACE)
    made.request_signature(policy, wanted, activation(2), NOW)
    assert policy.due_at is None
    made.signed("party-2", "activation-2", made.head.sha256, ref("signed-2"), NOW, NOW)
    made.released(ref("archived"), LATER)
    assert (made.state, made.completed_at, made.head) == (ContractState.COMPLETED, LATER, ref("archived"))
    assert [type(event).__name__ for event in made.happened] == [
        "ContractCreated",
        "ContractDispatched",
        "SignatureRequested",
        "PartySigned",
        "SignatureRequested",
        "PartySigned",
        "ArchiveRequested",
        "ContractCompleted",
    ]
    assert events.ArchiveRequested("contract-1", ref("signed-2"), 2, 0) in made.happened


def test_a_document_that_came_signed_gets_other_fields_and_keeps_its_signatures() -> None:
    made = contract()
    made.earlier_signatures = (SignatureKind.CERTIFICATION, SignatureKind.APPROVAL, SignatureKind.TIMESTAMP)
    made.dispatch(NOW)
    person, policy = made.parties
    made.request_signature(person, confirmation(made), activation(), NOW)
    made.signed("party-1", "activation-1", made.head.sha256, ref("signed-1"), NOW, NOW)
    wanted = Confirmation("", made.head.sha256, "seal-soho", SEAL_PLACE)
    made.request_signature(policy, wanted, activation(2), NOW)
    made.signed("party-2", "activation-2", made.head.sha256, ref("signed-2"), NOW, NOW)
    requested = [event for event in made.happened if isinstance(event, events.SignatureRequested)]
    assert [event.field_name for event in requested] == ["Party1-3", "Party2-3"]
    assert [field.name for field in requested[0].layout] == ["Party1-3", "Party2-3"]
    assert events.ArchiveRequested("contract-1", ref("signed-2"), 2, 2) in made.happened


def test_the_layout_holds_every_place_that_is_known() -> None:
    made = in_state(ContractState.WAITING)
    made.request_signature(made.parties[0], confirmation(made), activation(), NOW)
    (requested,) = made.happened
    assert isinstance(requested, events.SignatureRequested)
    assert requested.layout == (
        events.SignatureField("Party1", PLACE),
        events.SignatureField("Party2", SEAL_PLACE),
    )
    assert (requested.field_name, requested.document, requested.activation) == ("Party1", ref("source"), "statement-1")
    assert len(requested.reason) <= 200
    assert requested.reason.isprintable()


def test_each_further_person_is_invited_in_turn() -> None:
    made = two_people()
    with pytest.raises(Conflict, match="PARTY_NOT_YOUR_TURN"):
        made.check_turn(made.party_of(BO), NOW)
    made.request_signature(made.party_of(ANNA), confirmation(made), activation(), NOW)
    made.happened.clear()
    made.signed("party-1", "activation-1", made.head.sha256, ref("signed-1"), NOW, NOW)
    signed, invited = made.happened
    assert isinstance(signed, events.PartySigned)
    assert isinstance(invited, events.ContractDispatched)
    assert invited.invited_person_ids == (BO,)
    assert invited.document_sha256 == ref("signed-1").sha256
    made.check_turn(made.party_of(BO), NOW)


def test_a_later_person_signs_where_the_field_was_laid_out() -> None:
    made = two_people()
    made.request_signature(made.party_of(ANNA), confirmation(made), activation(), NOW)
    made.signed("party-1", "activation-1", made.head.sha256, ref("signed-1"), NOW, NOW)
    elsewhere = Confirmation("verification-2", made.head.sha256, "seal-bo", PLACE)
    with pytest.raises(Conflict, match="PLACEMENT_FIXED"):
        made.check_confirmation(made.party_of(BO), elsewhere, NOW)
    made.check_confirmation(
        made.party_of(BO), Confirmation("verification-2", made.head.sha256, "seal-bo", SEAL_PLACE), NOW
    )


def test_another_document_than_the_present_one_is_not_confirmed() -> None:
    made = in_state(ContractState.WAITING)
    with pytest.raises(Conflict, match="DOCUMENT_CHANGED"):
        made.check_confirmation(made.parties[0], Confirmation("v", ref("other").sha256, "seal-anna", PLACE), NOW)


@pytest.mark.parametrize(
    "place",
    [
        Placement(0, 10, 10, 20, 20),
        Placement(2, 10, 10, 20, 20),
        Placement(1, -1, 10, 20, 20),
        Placement(1, 10, 10, 595_001, 20),
        Placement(1, 10, 10, 20, 842_001),
        Placement(1, 20, 10, 20, 20),
        Placement(1, 10, 30, 20, 20),
    ],
)
def test_a_place_off_the_page_is_refused(place: Placement) -> None:
    made = in_state(ContractState.WAITING)
    with pytest.raises(InvalidInput, match="PLACEMENT_OUTSIDE_PAGE"):
        made.check_confirmation(made.parties[0], Confirmation("v", made.head.sha256, "seal-anna", place), NOW)


def test_time_is_over_at_the_very_moment() -> None:
    made = in_state(ContractState.WAITING)
    made.check_turn(made.parties[0], made.expires_at - timedelta(microseconds=1))
    with pytest.raises(Conflict, match="CONTRACT_EXPIRED"):
        made.check_turn(made.parties[0], made.expires_at)


def test_an_activation_that_has_expired_is_not_sent_on() -> None:
    made = in_state(ContractState.WAITING)
    with pytest.raises(Conflict, match="ACTIVATION_EXPIRED"):
        made.request_signature(made.parties[0], confirmation(made), Activation("a", "s", NOW), NOW)
    assert made.state is ContractState.WAITING


def test_the_same_confirmation_again_is_known_and_another_is_not() -> None:
    made = in_state(ContractState.WAITING)
    wanted = confirmation(made)
    assert not made.repeats(made.parties[0], wanted)
    made.request_signature(made.parties[0], wanted, activation(), NOW)
    assert made.repeats(made.parties[0], wanted)
    elsewhere = Confirmation(wanted.verification_id, wanted.document_sha256, wanted.seal_id, SEAL_PLACE)
    assert not made.repeats(made.parties[0], elsewhere)
    with pytest.raises(Conflict, match="PARTY_SIGNING"):
        made.check_confirmation(made.parties[0], elsewhere, NOW)
    made.signed("party-1", "activation-1", made.head.sha256, ref("signed-1"), NOW, NOW)
    assert made.repeats(made.parties[0], wanted)


def test_a_refused_person_needs_a_new_verification() -> None:
    made = in_state(ContractState.SIGNING)
    made.signature_refused("party-1", "activation-1", made.head.sha256, "SEAL_NOT_ACTIVE", LATER, LATER)
    person = made.parties[0]
    assert (person.state, person.refusal_reason, person.due_at) == (PartyState.WAITING, "SEAL_NOT_ACTIVE", None)
    assert made.happened == [events.PartyRefused("contract-1", "party-1", "SEAL_NOT_ACTIVE")]
    with pytest.raises(Conflict, match="VERIFICATION_USED"):
        made.repeats(person, confirmation(made))
    again = confirmation(made, verification_id="verification-2")
    assert not made.repeats(person, again)
    made.request_signature(person, again, activation(2), LATER)
    assert person.refusal_reason == ""


def test_a_late_refusal_of_an_earlier_attempt_is_harmless() -> None:
    made = in_state(ContractState.SIGNING)
    made.signature_refused("party-1", "activation-1", "", "ACTIVATION_EXPIRED", LATER, LATER)
    made.request_signature(made.parties[0], confirmation(made, verification_id="verification-2"), activation(2), LATER)
    made.signature_refused("party-1", "activation-1", "", "ACTIVATION_EXPIRED", LATER, LATER)
    assert made.state is ContractState.SIGNING
    made.signature_refused("party-1", "", ref("other").sha256, "ACTIVATION_SIGNATURE_INVALID", LATER, LATER)
    assert made.parties[0].state is PartyState.SIGNING
    made.signature_refused("party-1", "", made.head.sha256, "ACTIVATION_SIGNATURE_INVALID", LATER, LATER)
    assert made.parties[0].refusal_reason == "ACTIVATION_SIGNATURE_INVALID"


def test_a_refused_policy_is_due_again() -> None:
    made = in_state(ContractState.SIGNING)
    made.signed("party-1", "activation-1", made.head.sha256, ref("signed-1"), NOW, NOW)
    policy = made.parties[1]
    wanted = Confirmation("", made.head.sha256, "seal-soho", SEAL_PLACE)
    made.request_signature(policy, wanted, activation(2), NOW)
    retry_at = NOW + timedelta(minutes=6)
    made.signature_refused("party-2", "activation-2", made.head.sha256, "CERTIFICATE_EXPIRED", LATER, retry_at)
    assert (policy.state, policy.due_at, policy.refusal_reason) == (PartyState.WAITING, retry_at, "CERTIFICATE_EXPIRED")


def test_reports_that_do_not_fit_are_set_aside() -> None:
    made = in_state(ContractState.SIGNING)
    with pytest.raises(UnexpectedReport):
        made.signed("party-9", "activation-1", made.head.sha256, ref("signed-1"), NOW, NOW)
    with pytest.raises(UnexpectedReport):
        made.signed("party-1", "activation-9", made.head.sha256, ref("signed-1"), NOW, NOW)
    with pytest.raises(UnexpectedReport):
        made.signed("party-1", "activation-1", ref("other").sha256, ref("signed-1"), NOW, NOW)
    assert made.state is ContractState.SIGNING
    made.signed("party-1", "activation-1", made.head.sha256, ref("signed-1"), NOW, NOW)
    with pytest.raises(UnexpectedReport):
        made.signed("party-1", "activation-1", ref("source").sha256, ref("forged"), NOW, NOW)
    assert made.head == ref("signed-1")


def test_duplicates_and_late_reports_change_nothing() -> None:
    made = in_state(ContractState.SIGNING)
    made.delayed("party-1", "activation-1", "TSA_UNAVAILABLE", NOW)
    assert made.waiting_for == "TSA_UNAVAILABLE"
    for _ in range(2):
        made.signed("party-1", "activation-1", ref("source").sha256, ref("signed-1"), NOW, NOW)
    assert made.waiting_for == ""
    made.delayed("party-1", "activation-1", "TSA_UNAVAILABLE", NOW)
    made.signature_refused("party-1", "activation-1", "", "ACTIVATION_REUSED", NOW, NOW)
    assert made.waiting_for == ""
    assert [type(e).__name__ for e in made.happened] == ["PartySigned"]


def test_the_archive_may_wait_too() -> None:
    made = in_state(ContractState.RELEASING)
    made.delayed("", "", "TSA_UNAVAILABLE", NOW)
    assert made.waiting_for == "TSA_UNAVAILABLE"
    made.released(ref("archived"), NOW)
    assert made.waiting_for == ""
    with pytest.raises(UnexpectedReport):
        made.released(ref("other"), NOW)


def test_a_policys_delay_is_not_the_persons() -> None:
    made = in_state(ContractState.SIGNING)
    made.signed("party-1", "activation-1", made.head.sha256, ref("signed-1"), NOW, NOW)
    late = made.expires_at + timedelta(days=1)
    made.expire(late)
    assert made.state is ContractState.WAITING
    wanted = Confirmation("", made.head.sha256, "seal-soho", SEAL_PLACE)
    made.request_signature(made.parties[1], wanted, Activation("activation-2", "s", late + timedelta(1)), late)


def test_only_those_who_were_invited_are_told_of_the_end() -> None:
    draft = contract()
    draft.withdraw("输入错误", NOW)
    (withdrawn,) = draft.happened
    assert isinstance(withdrawn, events.ContractWithdrawn)
    assert withdrawn.person_ids == ()
    made = two_people()
    made.happened.clear()
    made.expire(made.expires_at)
    (expired,) = made.happened
    assert isinstance(expired, events.ContractExpired)
    assert expired.person_ids == (ANNA,)


def test_strangers_and_drafts_are_not_seen() -> None:
    with pytest.raises(NotFound, match="CONTRACT_NOT_FOUND"):
        in_state(ContractState.WAITING).party_of(BO)
    with pytest.raises(NotFound, match="CONTRACT_NOT_FOUND"):
        contract().party_of(ANNA)
    in_state(ContractState.WITHDRAWN).party_of(ANNA)


def test_a_draft_that_is_overdue_is_not_dispatched() -> None:
    made = contract()
    with pytest.raises(Conflict, match="CONTRACT_EXPIRED"):
        made.dispatch(made.expires_at)
    assert made.state is ContractState.DRAFT
