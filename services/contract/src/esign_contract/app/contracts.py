"""What systems do with their contracts: create, dispatch, look at, withdraw."""

from collections.abc import Callable
from datetime import timedelta

from esign_kit.clock import Clock
from esign_kit.db import new_id

from esign_contract.app.places import FindPlaces
from esign_contract.app.ports import Begin, People, Seals
from esign_contract.app.views import ContractView, done, named
from esign_contract.domain import refusals
from esign_contract.domain.contract import Contract
from esign_contract.domain.document import Document
from esign_contract.domain.places import Size
from esign_contract.domain.terms import ContractTerms, text


class CreateContract:
    """Makes a contract from an uploaded document, once for each number of a system."""

    def __init__(
        self, begin: Begin, people: People, seals: Seals, places: FindPlaces, clock: Clock, term: timedelta
    ) -> None:
        self._begin, self._people, self._seals, self._clock, self._term = begin, people, seals, clock, term
        self._places = places

    async def __call__(self, system: str, terms: ContractTerms) -> ContractView:
        """The same request again is answered with the contract as it stands. Raises InvalidInput, NotFound, Conflict."""
        async with self._begin() as records:
            document = await records.document(system, terms.document_id)
            existing = await records.contract_by_number(system, terms.document_number)
        if document is None:
            raise refusals.document_not_found()
        if existing is not None:
            return await done(self._people, _same(existing, terms, document))
        now = self._clock()
        terms.check(document, now)
        names = await self._people.names([p.person_id for p in terms.parties if p.person_id])
        found = await self._places(terms, document, await self._check_seals(terms))
        contract = terms.draft(new_id(), [new_id() for _ in terms.parties], system, document, now, self._term, found)
        async with self._begin() as records:
            if await records.add_contract(contract):
                return ContractView(contract, names)
            existing = await records.contract_by_number(system, terms.document_number)
        assert existing is not None
        return ContractView(_same(existing, terms, document), names)

    async def _check_seals(self, terms: ContractTerms) -> dict[int, Size]:
        """The natural sizes of policies' seals, by the party's index."""
        sizes = {}
        for index, party in enumerate(terms.parties):
            if party.policy_id:
                seal = await self._seals.get(party.seal_id)
                if not seal.owner_organisation:
                    raise refusals.seal_not_of_organisation()
                if not seal.active:
                    raise refusals.seal_not_active()
                sizes[index] = seal.size
        return sizes


def _same(existing: Contract, terms: ContractTerms, document: Document) -> Contract:
    if existing.fingerprint != terms.fingerprint(document):
        raise refusals.document_number_taken()
    return existing


class SystemContracts:
    """A system's commands on one of its contracts. Another system's contract is not there for it."""

    def __init__(self, begin: Begin, people: People, clock: Clock) -> None:
        self._begin, self._people, self._clock = begin, people, clock

    async def get(self, system: str, contract_id: str) -> ContractView:
        """The contract. Raises NotFound."""
        async with self._begin() as records:
            contract = _of_system(await records.contract(contract_id), system)
        return ContractView(contract, await named(self._people, [contract]))

    async def dispatch(self, system: str, contract_id: str) -> ContractView:
        """Freeze the document and invite the first party; again is no error. Raises NotFound, Conflict."""
        now = self._clock()
        return await self._change(system, contract_id, lambda contract: contract.dispatch(now))

    async def withdraw(self, system: str, contract_id: str, reason: str) -> ContractView:
        """Withdraw; again is no error. Raises NotFound, InvalidInput, Conflict when it is complete or expired."""
        why, now = text("reason", reason, 200), self._clock()
        return await self._change(system, contract_id, lambda contract: contract.withdraw(why, now))

    async def _change(self, system: str, contract_id: str, change: Callable[[Contract], None]) -> ContractView:
        async with self._begin() as records:
            contract = _of_system(await records.contract(contract_id, lock=True), system)
            change(contract)
            await records.save_contract(contract)
        return await done(self._people, contract)


def _of_system(contract: Contract | None, system: str) -> Contract:
    if contract is None or contract.system != system:
        raise refusals.contract_not_found()
    return contract
