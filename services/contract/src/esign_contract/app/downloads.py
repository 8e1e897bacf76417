"""The one download: the intent is committed before the link is given out, and closed by how the transfer ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from esign_kit.clock import Clock
from esign_kit.db import new_id

from esign_contract.app.portal import visible_to
from esign_contract.app.ports import Begin, Files, Link, Records
from esign_contract.domain import refusals
from esign_contract.domain.contract import Contract
from esign_contract.domain.download import (
    Availability,
    Download,
    availability,
    claim_download,
    finish_download,
    new_download,
    open_download,
)
from esign_contract.domain.events import DownloadUsed
from esign_contract.domain.states import ContractState


@dataclass(frozen=True, slots=True)
class OpenedDownload:
    """A download that has begun."""

    download_id: str
    link: Link
    file_name: str


class Downloads:
    """A person's one download of a completed contract."""

    def __init__(self, begin: Begin, files: Files, clock: Clock, lease: timedelta) -> None:
        self._begin, self._files, self._clock, self._lease = begin, files, clock, lease

    async def start(self, person_id: str, contract_id: str) -> OpenedDownload:
        """Open it. Raises NotFound, Conflict while one is claimed, after one was used, or before completion."""
        async with self._begin() as records:
            # The contract's lock lets one request at a time see and change a person's attempts; the clock is read under
            # it, or a request that waited would be earlier than those before it.
            contract = visible_to(await records.contract(contract_id, lock=True), person_id)
            now = self._clock()
            if contract.state is not ContractState.COMPLETED:
                raise refusals.contract_in_state(contract.state)
            attempts = await records.downloads(person_id, [contract_id])
            opened = new_download(new_id(), contract_id, person_id, now)
            open_download(attempts, opened)
            for attempt in attempts:
                await records.save_download(attempt)
            await records.add_download(opened)
        file_name = _file_name(contract)
        return OpenedDownload(opened.download_id, await self._files.link_document(contract.head, file_name), file_name)

    async def claim(self, person_id: str, contract_id: str, download_id: str) -> datetime:
        """Have its last part handed over; answers until when nobody else can start one. Raises NotFound, Conflict."""
        async with self._begin() as records:
            visible_to(await records.contract(contract_id, lock=True), person_id)
            now = self._clock()
            attempts, claimed = await _attempts(records, person_id, contract_id, download_id)
            claim_download(attempts, claimed, now, self._lease)
            await records.save_download(claimed)
        return claimed.lease_until

    async def finish(
        self, person_id: str, contract_id: str, download_id: str, bytes_sent: int, received_sha256: str = ""
    ) -> Availability:
        """Close it; used up when every byte arrived, or the reader received the document. Again is no error.

        Raises NotFound, InvalidInput when the reader received something else.
        """
        async with self._begin() as records:
            contract = visible_to(await records.contract(contract_id, lock=True), person_id)
            now = self._clock()
            attempts, finished = await _attempts(records, person_id, contract_id, download_id)
            if received_sha256 and received_sha256 != contract.head.sha256:
                raise refusals.received_other_file()
            whole = bool(received_sha256) or bytes_sent == contract.head.size
            if finish_download(attempts, finished, whole=whole, now=now):
                await records.emit(DownloadUsed(contract_id, person_id, download_id))
            for attempt in attempts:
                await records.save_download(attempt)
        return availability(attempts, now)


async def _attempts(
    records: Records, person_id: str, contract_id: str, download_id: str
) -> tuple[list[Download], Download]:
    """A person's attempts, and the one that is meant. Raises NotFound."""
    attempts = await records.downloads(person_id, [contract_id])
    meant = next((attempt for attempt in attempts if attempt.download_id == download_id), None)
    if meant is None:
        raise refusals.download_not_found()
    return attempts, meant


def _file_name(contract: Contract) -> str:
    """E.g. 商业租赁合同-JDE-20200700004830.pdf, without what file systems do not take."""
    name = f"{contract.title}-{contract.document_number}"
    return "".join("_" if c in '\\/:*?"<>|' else c for c in name) + ".pdf"
