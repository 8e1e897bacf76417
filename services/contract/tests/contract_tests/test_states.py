"""Every state with everything that may be tried in it."""

import copy
from collections.abc import Callable
from datetime import timedelta

import pytest
from esign_contract.domain.contract import Contract, UnexpectedReport
from esign_contract.domain.states import (
    CONTRACT_TRANSITIONS,
    ENDED,
    PARTY_TRANSITIONS,
    ContractState,
    ContractStep,
    PartyState,
    PartyStep,
    next_contract_state,
    next_party_state,
)
from esign_kit.errors import Conflict, EsignError

from .samples import ANNA, LATER, NOW, activation, confirmation, in_state, ref

S = ContractState
REASONS = {
    S.DRAFT: "CONTRACT_NOT_DISPATCHED",
    S.WAITING: "CONTRACT_WAITING",
    S.SIGNING: "CONTRACT_SIGNING",
    S.RELEASING: "CONTRACT_RELEASING",
    S.COMPLETED: "CONTRACT_COMPLETED",
    S.WITHDRAWN: "CONTRACT_WITHDRAWN",
    S.EXPIRED: "CONTRACT_EXPIRED",
    S.HELD: "CONTRACT_HELD",
}


@pytest.mark.parametrize("state", ContractState)
@pytest.mark.parametrize("step", ContractStep)
def test_every_contract_step_leads_on_or_is_refused(state: ContractState, step: ContractStep) -> None:
    if (state, step) in CONTRACT_TRANSITIONS:
        assert next_contract_state(state, step) is CONTRACT_TRANSITIONS[state, step]
        assert state not in ENDED
    else:
        with pytest.raises(Conflict) as refusal:
            next_contract_state(state, step)
        assert refusal.value.reason == REASONS[state]
        assert refusal.value.zh


@pytest.mark.parametrize("state", PartyState)
@pytest.mark.parametrize("step", PartyStep)
def test_every_party_step_leads_on_or_is_refused(state: PartyState, step: PartyStep) -> None:
    allowed = {
        (PartyState.QUEUED, PartyStep.INVITE): PartyState.WAITING,
        (PartyState.WAITING, PartyStep.REQUEST_SIGNATURE): PartyState.SIGNING,
        (PartyState.SIGNING, PartyStep.REFUSE_SIGNATURE): PartyState.WAITING,
        (PartyState.SIGNING, PartyStep.SIGN): PartyState.SIGNED,
    }
    assert allowed == PARTY_TRANSITIONS
    if (state, step) in allowed:
        assert next_party_state(state, step) is allowed[state, step]
    else:
        with pytest.raises(Conflict):
            next_party_state(state, step)


def test_what_has_not_ended_can_be_withdrawn() -> None:
    assert {s for s, step in CONTRACT_TRANSITIONS if step is ContractStep.WITHDRAW} == set(S) - ENDED


def _sign(contract: Contract) -> None:
    contract.signed("party-1", "activation-1", ref("source").sha256, ref("signed-1"), LATER, LATER)


def _request(contract: Contract) -> None:
    party = contract.party_of(ANNA)
    contract.request_signature(party, confirmation(contract, verification_id="verification-2"), activation(3), LATER)


REFUSED, NOTHING, PARKED = "refused", "nothing", "parked"
# What is tried → in which states it leads where; elsewhere it is refused, changes nothing, or is set aside.
TRIED: dict[str, tuple[Callable[[Contract], None], dict[ContractState, ContractState], dict[ContractState, str]]] = {
    "dispatch": (
        lambda c: c.dispatch(LATER),
        {S.DRAFT: S.WAITING},
        {S.WITHDRAWN: REFUSED, S.EXPIRED: REFUSED},
    ),
    "request a signature": (
        _request,
        {S.WAITING: S.SIGNING},
        {state: REFUSED for state in S if state is not S.WAITING},
    ),
    "signed": (_sign, {S.SIGNING: S.WAITING}, {S.DRAFT: PARKED, S.WAITING: PARKED}),
    "signature refused": (
        lambda c: c.signature_refused("party-1", "activation-1", "", "SEAL_NOT_ACTIVE", LATER, LATER),
        {S.SIGNING: S.WAITING},
        {},
    ),
    "delayed": (lambda c: c.delayed("party-1", "activation-1", "TSA_UNAVAILABLE", LATER), {}, {}),
    "released": (
        lambda c: c.released(ref("archived"), LATER),
        {S.RELEASING: S.COMPLETED, S.HELD: S.COMPLETED},
        {S.DRAFT: PARKED, S.WAITING: PARKED, S.SIGNING: PARKED, S.EXPIRED: PARKED},
    ),
    "release refused": (
        lambda c: c.hold(c.head.sha256, ("PDFSIG_INVALID",), LATER),
        {S.RELEASING: S.HELD},
        {S.DRAFT: PARKED, S.WAITING: PARKED, S.SIGNING: PARKED},
    ),
    "withdraw": (
        lambda c: c.withdraw("不再需要", LATER),
        {state: S.WITHDRAWN for state in S if state not in ENDED},
        {S.COMPLETED: REFUSED, S.EXPIRED: REFUSED},
    ),
    "expire": (
        lambda c: c.expire(NOW + timedelta(days=3)),
        {S.DRAFT: S.EXPIRED, S.WAITING: S.EXPIRED},
        {S.SIGNING: REFUSED, S.WITHDRAWN: REFUSED, S.EXPIRED: REFUSED},
    ),
}


@pytest.mark.parametrize("state", ContractState)
@pytest.mark.parametrize("tried", TRIED)
def test_everything_in_every_state(state: ContractState, tried: str) -> None:
    attempt, leads_to, otherwise = TRIED[tried]
    contract = in_state(state)
    before = copy.deepcopy(contract)
    outcome = NOTHING
    try:
        attempt(contract)
    except UnexpectedReport:
        outcome = PARKED
    except EsignError:
        outcome = REFUSED
    if state in leads_to:
        assert contract.state is leads_to[state]
        assert contract.happened
        assert contract.updated_at >= LATER
    else:
        assert outcome == otherwise.get(state, NOTHING)
        if tried == "delayed" and state is S.SIGNING:
            assert contract.waiting_for == "TSA_UNAVAILABLE"
        else:
            assert contract == before
