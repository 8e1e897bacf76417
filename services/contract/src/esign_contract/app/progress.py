"""What other services report about contracts. Duplicates, late and reordered reports are harmless."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from esign_kit.clock import Clock
from esign_kit.refs import ObjectRef

from esign_contract.app.ports import Records
from esign_contract.domain.contract import Contract, UnexpectedReport

SOON: Final = timedelta(seconds=1)


class Progress:
    """Each method works within the transaction of the event's consumer."""

    def __init__(self, clock: Clock, retry_after: timedelta) -> None:
        self._clock, self._retry_after = clock, retry_after

    async def signed(
        self,
        records: Records,
        contract_id: str,
        party_id: str,
        activation_id: str,
        source_sha256: str,
        document: ObjectRef,
        signed_at: datetime,
    ) -> None:
        """A signature was made."""
        now = self._clock()
        await _change(
            records,
            contract_id,
            lambda contract: contract.signed(party_id, activation_id, source_sha256, document, signed_at, now),
        )

    async def refused(
        self, records: Records, contract_id: str, party_id: str, activation_id: str, document_sha256: str, reason: str
    ) -> None:
        """A signature was refused. A policy tries again: at once when only time had run out, else when its activation is over."""
        now = self._clock()
        retry_at = now + (SOON if reason == "ACTIVATION_EXPIRED" else self._retry_after)
        await _change(
            records,
            contract_id,
            lambda contract: contract.signature_refused(
                party_id, activation_id, document_sha256, reason, now, retry_at
            ),
        )

    async def delayed(self, records: Records, contract_id: str, party_id: str, activation_id: str, reason: str) -> None:
        """A signature or the archive timestamp waits for an outside service."""
        now = self._clock()
        await _change(records, contract_id, lambda contract: contract.delayed(party_id, activation_id, reason, now))

    async def released(self, records: Records, contract_id: str, document: ObjectRef) -> None:
        """The release gate was passed."""
        now = self._clock()
        await _change(records, contract_id, lambda contract: contract.released(document, now))

    async def release_refused(
        self, records: Records, contract_id: str, document_sha256: str, problems: tuple[str, ...]
    ) -> None:
        """The release gate was not passed."""
        now = self._clock()
        await _change(records, contract_id, lambda contract: contract.hold(document_sha256, problems, now))

    async def evidenced(self, records: Records, contract_id: str, evidence_number: str) -> None:
        """The evidence package is complete."""
        now = self._clock()
        await _change(records, contract_id, lambda contract: contract.evidenced(evidence_number, now))


async def _change(records: Records, contract_id: str, change: Callable[[Contract], None]) -> None:
    contract = await records.contract(contract_id, lock=True)
    if contract is None:
        raise UnexpectedReport(f"there is no contract {contract_id}")
    change(contract)
    await records.save_contract(contract)
