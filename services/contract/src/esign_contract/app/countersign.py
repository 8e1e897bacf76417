"""Organisations sign by their standing policy, without anyone asking.

A party whose turn has come is claimed for a while, identity is asked to activate its policy, and the request for the
signature is committed. Whatever stops on the way is tried again, by this process or another, with growing pauses.
"""

import asyncio
from datetime import timedelta
from typing import Final

from esign_kit.clock import Clock
from esign_kit.errors import EsignError, Internal, TimedOut, Unavailable
from esign_kit.telemetry import extract, logger, tracer

from esign_contract.app.ports import Begin, DueParty, People, Seals
from esign_contract.domain import refusals
from esign_contract.domain.contract import Confirmation, Contract, Party
from esign_contract.domain.states import ContractState, PartyState

log = logger(__name__)

CLAIM: Final = timedelta(seconds=30)
BATCH: Final = 8
PATIENCE: Final = 6
"""Failures before they are shown: identity may learn a moment later than this service who has signed."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(milliseconds=200), timedelta(minutes=1)
FIRST_REFUSAL_PAUSE, LONGEST_REFUSAL_PAUSE = timedelta(seconds=30), timedelta(hours=1)


class Countersign:
    """The background step."""

    def __init__(self, begin: Begin, people: People, seals: Seals, clock: Clock) -> None:
        self._begin, self._people, self._seals, self._clock = begin, people, seals, clock

    async def run(self, poll_seconds: float) -> None:
        """Work for ever."""
        while True:
            if await self.once() < BATCH:
                await asyncio.sleep(poll_seconds)

    async def once(self) -> int:
        """Claim what is due and try it; returns how many parties were claimed."""
        now = self._clock()
        async with self._begin() as records:
            claimed = await records.claim_countersigning(now, now + CLAIM, BATCH)
        await asyncio.gather(*map(self._try, claimed))
        return len(claimed)

    async def _try(self, due: DueParty) -> None:
        contract_id, party_id = due.contract_id, due.party_id
        with tracer.start_as_current_span("countersign", context=extract({"traceparent": due.traceparent})):
            try:
                await self._request(contract_id, party_id)
            except EsignError as error:
                log.warning("countersigning waits", contract_id=contract_id, party_id=party_id, reason=error.reason)
                await self._postpone(contract_id, party_id, error)

    async def _request(self, contract_id: str, party_id: str) -> None:
        async with self._begin() as records:
            contract, party = _due(await records.contract(contract_id), party_id)
        if contract is None or party is None:
            return
        wanted = _wanted(contract, party)
        seal = await self._seals.get(party.seal_id)
        if not seal.active:
            raise refusals.seal_not_active()
        activation = await self._people.activate_policy(contract, party, wanted, seal.sha256)
        async with self._begin() as records:
            contract, party = _due(await records.contract(contract_id, lock=True), party_id)
            if contract is None or party is None:
                return
            contract.request_signature(party, wanted, activation, self._clock())
            await records.save_contract(contract)

    async def _postpone(self, contract_id: str, party_id: str, error: EsignError) -> None:
        async with self._begin() as records:
            contract, party = _due(await records.contract(contract_id, lock=True), party_id)
            if contract is None or party is None:
                return
            now = self._clock()
            party.attempts += 1
            if isinstance(error, Unavailable | TimedOut | Internal):
                party.due_at = now + _pause(FIRST_PAUSE, LONGEST_PAUSE, party.attempts)
                if party.attempts >= PATIENCE:
                    contract.waits_for(error.reason, now)
            else:
                party.due_at = now + _pause(FIRST_REFUSAL_PAUSE, LONGEST_REFUSAL_PAUSE, party.attempts)
                contract.countersign_refused(party, error.reason, now)
            await records.save_contract(contract)


def _pause(first: timedelta, longest: timedelta, attempts: int) -> timedelta:
    return min(first * (1 << min(attempts - 1, 16)), longest)


def _wanted(contract: Contract, party: Party) -> Confirmation:
    assert party.placement is not None
    return Confirmation("", contract.head.sha256, party.seal_id, party.placement)


def _due(contract: Contract | None, party_id: str) -> tuple[Contract | None, Party | None]:
    """The contract and the party, when it is still that policy's turn; otherwise there is nothing to do."""
    if contract is None or contract.state is not ContractState.WAITING:
        return None, None
    party = contract.current()
    if party is None or party.party_id != party_id or party.state is not PartyState.WAITING or not party.policy_id:
        return None, None
    return contract, party
