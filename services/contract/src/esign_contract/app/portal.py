"""What people see of their contracts."""

from typing import Final

from esign.evidence.v1.evidence_pb2 import ContractEvidence
from esign_kit.clock import Clock

from esign_contract.app.ports import Evidence, Look, People, PersonList
from esign_contract.app.views import ContractView, downloads, named
from esign_contract.domain import refusals
from esign_contract.domain.contract import Contract

MAX_LIST_PAGE: Final = 10_000


class PersonContracts:
    """A person's contracts; another's are not there for them."""

    def __init__(self, look: Look, people: People, evidence: Evidence, clock: Clock) -> None:
        self._look, self._people, self._evidence, self._clock = look, people, evidence, clock

    async def list(self, person_id: str, which: PersonList, page: int, size: int) -> tuple[list[ContractView], int]:
        """A page of a list (from 1), newest first, and the list's length. Raises InvalidInput."""
        if not (1 <= page <= MAX_LIST_PAGE and 1 <= size <= 100):
            raise refusals.invalid("page", "页码或每页条数不正确", "page: 1 to 10000, size: 1 to 100")
        async with self._look() as records:
            contracts, total = await records.contracts_of(person_id, which, (page - 1) * size, size)
            left = await downloads(records, person_id, contracts, self._clock())
        names = await named(self._people, contracts)
        return [ContractView(contract, names, left[contract.contract_id]) for contract in contracts], total

    async def get(self, person_id: str, contract_id: str) -> ContractView:
        """One contract. Raises NotFound."""
        async with self._look() as records:
            contract = visible_to(await records.contract(contract_id), person_id)
            left = await downloads(records, person_id, [contract], self._clock())
        return ContractView(contract, await named(self._people, [contract]), left[contract_id])

    async def evidence(self, person_id: str, contract_id: str) -> ContractEvidence:
        """合同查验: what the evidence service has. Raises NotFound."""
        async with self._look() as records:
            visible_to(await records.contract(contract_id), person_id)
        return await self._evidence.of_contract(contract_id)


def visible_to(contract: Contract | None, person_id: str) -> Contract:
    """The contract, when the person is a party to it and it was sent. Raises NotFound."""
    if contract is None:
        raise refusals.contract_not_found()
    contract.party_of(person_id)
    return contract
