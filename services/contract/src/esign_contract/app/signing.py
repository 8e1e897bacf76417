"""A person signs: verification, confirmation, and the request for one signature."""

from esign.identity.v1.identity_pb2 import Verification
from esign_kit.clock import Clock

from esign_contract.app.portal import visible_to
from esign_contract.app.ports import Begin, Look, People, SealFacts, Seals
from esign_contract.app.views import ContractView, done
from esign_contract.domain import refusals
from esign_contract.domain.contract import Activation, Confirmation


class StartSigning:
    """Opens the acting person's verification for this contract and its present document."""

    def __init__(self, look: Look, people: People, seals: Seals, clock: Clock) -> None:
        self._look, self._people, self._seals, self._clock = look, people, seals, clock

    async def __call__(self, person_id: str, contract_id: str) -> Verification:
        """Raises NotFound, Conflict unless it is the person's turn."""
        async with self._look() as records:
            contract = visible_to(await records.contract(contract_id), person_id)
        party = contract.party_of(person_id)
        contract.check_turn(party, self._clock())
        verification = await self._people.start_verification(contract, party)
        self._seals.expect(contract.head)
        return verification


class ConfirmSigning:
    """Turns the person's verification into the request for one signature.

    No call is made while a transaction is open: the contract is read and checked, the others are asked, and the
    request is committed if the contract still allows it. A crash in between costs nothing: the same confirmation gets
    the same activation.
    """

    def __init__(self, look: Look, begin: Begin, people: People, seals: Seals, clock: Clock) -> None:
        self._look, self._begin, self._people, self._seals, self._clock = look, begin, people, seals, clock

    async def __call__(self, person_id: str, contract_id: str, wanted: Confirmation) -> ContractView:
        """The same confirmation again is answered with the contract. Raises NotFound, Conflict, InvalidInput."""
        async with self._look() as records:
            contract = visible_to(await records.contract(contract_id), person_id)
        party = contract.party_of(person_id)
        if not contract.repeats(party, wanted):
            contract.check_confirmation(party, wanted, self._clock())
            seal = await self._seals.get(wanted.seal_id)
            _check_seal(seal, person_id)
            activation = await self._people.activate_person(contract, party, wanted, seal.sha256)
            return await self._commit(person_id, contract_id, wanted, activation)
        return await done(self._people, contract)

    async def _commit(
        self, person_id: str, contract_id: str, wanted: Confirmation, activation: Activation
    ) -> ContractView:
        async with self._begin() as records:
            contract = visible_to(await records.contract(contract_id, lock=True), person_id)
            party = contract.party_of(person_id)
            if not contract.repeats(party, wanted):
                contract.request_signature(party, wanted, activation, self._clock())
                await records.save_contract(contract)
        return await done(self._people, contract)


def _check_seal(seal: SealFacts, person_id: str) -> None:
    if seal.owner_person_id != person_id:
        raise refusals.seal_not_yours()
    if not seal.active:
        raise refusals.seal_not_active()
