"""Where contracts and parties stand, and what may happen to them there. What is not in a table is refused."""

from enum import StrEnum
from typing import Final

from esign_contract.domain import refusals


class ContractState(StrEnum):
    """Where a contract stands; see `esign.contract.v1.ContractState`."""

    DRAFT = "DRAFT"
    WAITING = "WAITING"
    SIGNING = "SIGNING"
    RELEASING = "RELEASING"
    COMPLETED = "COMPLETED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    HELD = "HELD"


class ContractStep(StrEnum):
    """What happens to a contract."""

    DISPATCH = "DISPATCH"
    REQUEST_SIGNATURE = "REQUEST_SIGNATURE"
    REFUSE_SIGNATURE = "REFUSE_SIGNATURE"
    SIGN = "SIGN"
    SIGN_LAST = "SIGN_LAST"
    RELEASE = "RELEASE"
    HOLD = "HOLD"
    WITHDRAW = "WITHDRAW"
    EXPIRE = "EXPIRE"


class PartyState(StrEnum):
    """Where a party stands; see `esign.contract.v1.PartyState`."""

    QUEUED = "QUEUED"
    WAITING = "WAITING"
    SIGNING = "SIGNING"
    SIGNED = "SIGNED"


class PartyStep(StrEnum):
    """What happens to a party."""

    INVITE = "INVITE"
    REQUEST_SIGNATURE = "REQUEST_SIGNATURE"
    REFUSE_SIGNATURE = "REFUSE_SIGNATURE"
    SIGN = "SIGN"


CONTRACT_TRANSITIONS: Final[dict[tuple[ContractState, ContractStep], ContractState]] = {
    (ContractState.DRAFT, ContractStep.DISPATCH): ContractState.WAITING,
    (ContractState.DRAFT, ContractStep.WITHDRAW): ContractState.WITHDRAWN,
    (ContractState.DRAFT, ContractStep.EXPIRE): ContractState.EXPIRED,
    (ContractState.WAITING, ContractStep.REQUEST_SIGNATURE): ContractState.SIGNING,
    (ContractState.WAITING, ContractStep.WITHDRAW): ContractState.WITHDRAWN,
    (ContractState.WAITING, ContractStep.EXPIRE): ContractState.EXPIRED,
    (ContractState.SIGNING, ContractStep.REFUSE_SIGNATURE): ContractState.WAITING,
    (ContractState.SIGNING, ContractStep.SIGN): ContractState.WAITING,
    (ContractState.SIGNING, ContractStep.SIGN_LAST): ContractState.RELEASING,
    (ContractState.SIGNING, ContractStep.WITHDRAW): ContractState.WITHDRAWN,
    (ContractState.RELEASING, ContractStep.RELEASE): ContractState.COMPLETED,
    (ContractState.RELEASING, ContractStep.HOLD): ContractState.HELD,
    (ContractState.RELEASING, ContractStep.WITHDRAW): ContractState.WITHDRAWN,
    # People looked into it, and the gate was passed after all.
    (ContractState.HELD, ContractStep.RELEASE): ContractState.COMPLETED,
    (ContractState.HELD, ContractStep.WITHDRAW): ContractState.WITHDRAWN,
}
"""Every change of a contract that there is."""

PARTY_TRANSITIONS: Final[dict[tuple[PartyState, PartyStep], PartyState]] = {
    (PartyState.QUEUED, PartyStep.INVITE): PartyState.WAITING,
    (PartyState.WAITING, PartyStep.REQUEST_SIGNATURE): PartyState.SIGNING,
    (PartyState.SIGNING, PartyStep.REFUSE_SIGNATURE): PartyState.WAITING,
    (PartyState.SIGNING, PartyStep.SIGN): PartyState.SIGNED,
}
"""Every change of a party that there is."""

ENDED: Final = frozenset({ContractState.COMPLETED, ContractState.WITHDRAWN, ContractState.EXPIRED})
"""From here nothing happens any more."""


def next_contract_state(state: ContractState, step: ContractStep) -> ContractState:
    """Where `step` leads from `state`. Raises Conflict with a reason that names the state."""
    following = CONTRACT_TRANSITIONS.get((state, step))
    if following is None:
        raise refusals.contract_in_state(state)
    return following


def next_party_state(state: PartyState, step: PartyStep) -> PartyState:
    """Where `step` leads from `state`. Raises Conflict with a reason that names the state."""
    following = PARTY_TRANSITIONS.get((state, step))
    if following is None:
        raise refusals.party_in_state(state)
    return following
