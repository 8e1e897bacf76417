"""Contracts with what only others know of them: people's names, and the acting person's download."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from esign_kit.errors import TimedOut, Unavailable

from esign_contract.app.ports import People, Records
from esign_contract.domain.contract import Contract
from esign_contract.domain.download import Availability, availability
from esign_contract.domain.states import ContractState


@dataclass(frozen=True, slots=True)
class ContractView:
    """A contract as it is shown. `download` is None for those who have no one download: systems."""

    contract: Contract
    names: dict[str, str]
    download: Availability | None = None


async def named(people: People, contracts: Sequence[Contract]) -> dict[str, str]:
    """Names of all people of some contracts, in one call."""
    person_ids = sorted({person for contract in contracts for person in contract.person_ids})
    return await people.names(person_ids) if person_ids else {}


async def done(people: People, contract: Contract) -> ContractView:
    """How a command's outcome is shown: what is committed is told even while names cannot be had."""
    try:
        return ContractView(contract, await named(people, [contract]))
    except (Unavailable, TimedOut):
        return ContractView(contract, {})


async def downloads(
    records: Records, person_id: str, contracts: Sequence[Contract], now: datetime
) -> dict[str, Availability]:
    """What is left of a person's one download, by contract."""
    completed = [c.contract_id for c in contracts if c.state is ContractState.COMPLETED]
    attempts = await records.downloads(person_id, completed) if completed else []
    return {
        contract.contract_id: availability([a for a in attempts if a.contract_id == contract.contract_id], now)
        if contract.state is ContractState.COMPLETED
        else Availability.NOT_YET
        for contract in contracts
    }
