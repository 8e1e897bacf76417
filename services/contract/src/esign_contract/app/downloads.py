"""The one download: the intent is committed before the link is given out, and closed by how the transfer ended."""

from dataclasses import dataclass
from datetime import timedelta

from esign_kit.clock import Clock
from esign_kit.db import new_id

from esign_contract.app.portal import visible_to
from esign_contract.app.ports import Begin, Files, Link
from esign_contract.domain import refusals
from esign_contract.domain.contract import Contract
from esign_contract.domain.download import Availability, availability, finish_download, new_download, open_download
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
        """Open it. Raises NotFound, Conflict while one is open, after one was used, or before completion."""
        now = self._clock()
        async with self._begin() as records:
            # The contract's lock lets one request at a time see and change a person's attempts.
            contract = visible_to(await records.contract(contract_id, lock=True), person_id)
            if contract.state is not ContractState.COMPLETED:
                raise refusals.contract_in_state(contract.state)
            attempts = await records.downloads(person_id, [contract_id])
            opened = new_download(new_id(), contract_id, person_id, now, self._lease)
            open_download(attempts, opened)
            for attempt in attempts:
                await records.save_download(attempt)
            await records.add_download(opened)
        file_name = _file_name(contract)
        return OpenedDownload(opened.download_id, await self._files.link_document(contract.head, file_name), file_name)

    async def finish(self, person_id: str, contract_id: str, download_id: str, bytes_sent: int) -> Availability:
        """Close it; used up when every byte arrived. Again is no error. Raises NotFound."""
        now = self._clock()
        async with self._begin() as records:
            contract = visible_to(await records.contract(contract_id, lock=True), person_id)
            attempts = await records.downloads(person_id, [contract_id])
            finished = next((attempt for attempt in attempts if attempt.download_id == download_id), None)
            if finished is None:
                raise refusals.download_not_found()
            if finish_download(attempts, finished, whole=bytes_sent == contract.head.size, now=now):
                await records.emit(DownloadUsed(contract_id, person_id, download_id))
            for attempt in attempts:
                await records.save_download(attempt)
        return availability(attempts, now)


def _file_name(contract: Contract) -> str:
    """E.g. 商业租赁合同-JDE-20200700004830.pdf, without what file systems do not take."""
    name = f"{contract.title}-{contract.document_number}"
    return "".join("_" if c in '\\/:*?"<>|' else c for c in name) + ".pdf"
