"""Turns what happened to a contract into messages to people."""

from collections.abc import Iterable

from esign_notifier.app.ports import Announcements
from esign_notifier.domain.messages import (
    Channel,
    Closure,
    ContractFacts,
    Kind,
    closing_notice_is_pointless,
    invitation_is_late,
)


class Announce:
    """Adds message rows inside the transaction of the event that calls for them, so that none is lost and none is added twice.

    Events of one contract may arrive in another order than they happened: the rules hold in any order.
    """

    async def dispatched(self, rows: Announcements, event_id: str, facts: ContractFacts, people: Iterable[str]) -> None:
        """Invites people to sign, unless the contract has ended meanwhile."""
        late = invitation_is_late(await rows.closure(facts.contract_id))
        await self._tell(rows, event_id, Kind.CONTRACT_INVITATION, facts, people, late)

    async def completed(self, rows: Announcements, event_id: str, facts: ContractFacts, people: Iterable[str]) -> None:
        """Tells people that all have signed; invitations still waiting to go out are dropped."""
        await rows.close(facts.contract_id, Closure.COMPLETED)
        await rows.drop_pending_invitations(facts.contract_id, f"CONTRACT_{Closure.COMPLETED}")
        await self._tell(rows, event_id, Kind.CONTRACT_COMPLETED, facts, people, None)

    async def withdrawn(self, rows: Announcements, event_id: str, facts: ContractFacts, people: Iterable[str]) -> None:
        """Tells the people who were invited that the contract was withdrawn."""
        await self._closed(rows, event_id, Kind.CONTRACT_WITHDRAWN, Closure.WITHDRAWN, facts, people)

    async def expired(self, rows: Announcements, event_id: str, facts: ContractFacts, people: Iterable[str]) -> None:
        """Tells the people who were invited that the contract was not signed in time."""
        await self._closed(rows, event_id, Kind.CONTRACT_EXPIRED, Closure.EXPIRED, facts, people)

    async def _closed(
        self,
        rows: Announcements,
        event_id: str,
        kind: Kind,
        closure: Closure,
        facts: ContractFacts,
        people: Iterable[str],
    ) -> None:
        await rows.close(facts.contract_id, closure)
        invitations = await rows.invitation_states(facts.contract_id)
        await rows.drop_pending_invitations(facts.contract_id, f"CONTRACT_{closure}")
        for person in dict.fromkeys(people):
            for channel in Channel:
                pointless = closing_notice_is_pointless(invitations.get((person, channel)))
                await rows.add(event_id, kind, channel, person, facts, pointless)

    async def _tell(
        self,
        rows: Announcements,
        event_id: str,
        kind: Kind,
        facts: ContractFacts,
        people: Iterable[str],
        dropped: str | None,
    ) -> None:
        for person in dict.fromkeys(people):
            for channel in Channel:
                await rows.add(event_id, kind, channel, person, facts, dropped)
