"""The rows of one transaction."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

from esign_kit.db import Database
from esign_kit.outbox import emit, last_traceparent
from sqlalchemy import ColumnElement, exists, func, insert
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_contract.adapters.mapping import (
    contract_of,
    contract_values,
    document_of,
    document_values,
    download_of,
    party_values,
)
from esign_contract.adapters.messages import message_of
from esign_contract.adapters.rows import ContractRow, DocumentRow, DownloadRow, PartyRow
from esign_contract.app.ports import DueParty, PersonList, Records
from esign_contract.domain.contract import Contract
from esign_contract.domain.document import Document
from esign_contract.domain.download import Download
from esign_contract.domain.events import DomainEvent
from esign_contract.domain.states import ContractState, PartyState


def transactions(db: Database) -> Callable[[], AbstractAsyncContextManager[Records]]:
    """Plays `Begin`."""

    @asynccontextmanager
    async def begin() -> AsyncIterator[Records]:
        async with db.begin() as session:
            yield SqlRecords(session)

    return begin


def readings(db: Database) -> Callable[[], AbstractAsyncContextManager[Records]]:
    """Plays `Look`."""

    @asynccontextmanager
    async def look() -> AsyncIterator[Records]:
        async with db.read() as session:
            yield SqlRecords(session)

    return look


class SqlRecords:
    """Plays `Records`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def contract(self, contract_id: str, *, lock: bool = False) -> Contract | None:
        """Locks the contract's row only: nobody changes a party or download without it, but to claim a policy."""
        query = select(ContractRow).where(col(ContractRow.contract_id) == contract_id)
        found = (await self._session.exec(query.with_for_update() if lock else query)).one_or_none()
        return (await self._complete([found]))[0] if found else None

    async def contract_by_number(self, system: str, document_number: str) -> Contract | None:
        query = select(ContractRow).where(
            col(ContractRow.system) == system, col(ContractRow.document_number) == document_number
        )
        found = (await self._session.exec(query)).one_or_none()
        return (await self._complete([found]))[0] if found else None

    async def add_contract(self, contract: Contract) -> bool:
        row = insert_or(ContractRow).values(contract_values(contract))
        row = row.on_conflict_do_nothing(index_elements=["system", "document_number"])
        if (await self._session.exec(row.returning(col(ContractRow.contract_id)))).first() is None:
            return False
        parties = [party_values(contract.contract_id, party) for party in contract.parties]
        await self._session.exec(insert(PartyRow), params=parties)
        await self._emit_happened(contract)
        return True

    async def save_contract(self, contract: Contract) -> None:
        row = await self._session.get_one(ContractRow, contract.contract_id)
        _assign(row, contract_values(contract))
        for party in contract.parties:
            _assign(await self._session.get_one(PartyRow, party.party_id), party_values(contract.contract_id, party))
        await self._session.flush()
        await self._emit_happened(contract)

    async def contracts_of(
        self, person_id: str, which: PersonList, offset: int, limit: int
    ) -> tuple[list[Contract], int]:
        condition = _in_list(person_id, which)
        joined = select(ContractRow).join(PartyRow, col(PartyRow.contract_id) == col(ContractRow.contract_id))
        newest = (col(PartyRow.since).desc(), col(PartyRow.contract_id).desc())
        rows = await self._session.exec(joined.where(*condition).order_by(*newest).offset(offset).limit(limit))
        counted = select(func.count()).select_from(joined.where(*condition).subquery())
        total = (await self._session.exec(counted)).one()
        return await self._complete(list(rows)), total

    async def overdue(self, now: datetime, limit: int) -> list[Contract]:
        waits_for_person = exists().where(
            col(PartyRow.contract_id) == col(ContractRow.contract_id),
            col(PartyRow.person_id) != "",
            col(PartyRow.state) == PartyState.WAITING.value,
        )
        draft = col(ContractRow.state) == ContractState.DRAFT.value
        query = (
            select(ContractRow)
            .where(
                col(ContractRow.state).in_([ContractState.DRAFT.value, ContractState.WAITING.value]),
                col(ContractRow.expires_at) <= now,
                draft | waits_for_person,
            )
            .order_by(col(ContractRow.expires_at))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return await self._complete(list(await self._session.exec(query)))

    async def claim_countersigning(self, now: datetime, until: datetime, limit: int) -> list[DueParty]:
        query = (
            select(PartyRow)
            .join(ContractRow, col(ContractRow.contract_id) == col(PartyRow.contract_id))
            .where(
                col(PartyRow.due_at) <= now,
                col(PartyRow.state) == PartyState.WAITING.value,
                col(ContractRow.state) == ContractState.WAITING.value,
            )
            .order_by(col(PartyRow.due_at))
            .limit(limit)
            .with_for_update(of=PartyRow, skip_locked=True)
        )
        claimed = list(await self._session.exec(query))
        for row in claimed:
            row.due_at = until
        return [
            DueParty(row.contract_id, row.party_id, await last_traceparent(self._session, row.contract_id))
            for row in claimed
        ]

    async def document(self, system: str, document_id: str) -> Document | None:
        row = await self._session.get(DocumentRow, document_id)
        return document_of(row) if row and row.system == system else None

    async def document_by_upload(self, system: str, upload_sha256: str) -> Document | None:
        query = select(DocumentRow).where(
            col(DocumentRow.system) == system, col(DocumentRow.upload_sha256) == upload_sha256
        )
        row = (await self._session.exec(query)).one_or_none()
        return document_of(row) if row else None

    async def add_document(self, document: Document) -> bool:
        row = insert_or(DocumentRow).values(document_values(document))
        row = row.on_conflict_do_nothing(index_elements=["system", "upload_sha256"])
        return (await self._session.exec(row.returning(col(DocumentRow.document_id)))).first() is not None

    async def downloads(self, person_id: str, contract_ids: Sequence[str]) -> list[Download]:
        query = select(DownloadRow).where(
            col(DownloadRow.person_id) == person_id, col(DownloadRow.contract_id).in_(contract_ids)
        )
        rows = await self._session.exec(query.order_by(col(DownloadRow.download_id)))
        return [download_of(row) for row in rows]

    async def add_download(self, download: Download) -> None:
        self._session.add(
            DownloadRow(
                download_id=download.download_id,
                contract_id=download.contract_id,
                person_id=download.person_id,
                state=download.state.value,
                opened_at=download.opened_at,
                lease_until=download.lease_until,
            )
        )

    async def save_download(self, download: Download) -> None:
        row = await self._session.get_one(DownloadRow, download.download_id)
        _assign(
            row,
            {"state": download.state.value, "lease_until": download.lease_until, "finished_at": download.finished_at},
        )

    async def emit(self, event: DomainEvent) -> None:
        await emit(self._session, message_of(event), contract_id=event.contract_id)

    async def _emit_happened(self, contract: Contract) -> None:
        for event in contract.happened:
            await self.emit(event)
        contract.happened.clear()

    async def _complete(self, rows: list[ContractRow]) -> list[Contract]:
        """Contracts with their parties and pages, in the order of their rows."""
        if not rows:
            return []
        wanted = col(PartyRow.contract_id).in_([row.contract_id for row in rows])
        parties: dict[str, list[PartyRow]] = {row.contract_id: [] for row in rows}
        for party in await self._session.exec(select(PartyRow).where(wanted)):
            parties[party.contract_id].append(party)
        used = col(DocumentRow.document_id).in_({row.document_id for row in rows})
        found = await self._session.exec(select(DocumentRow).where(used))
        documents = {document.document_id: document for document in found}
        return [contract_of(row, documents[row.document_id], parties[row.contract_id]) for row in rows]


def _in_list(person_id: str, which: PersonList) -> list[ColumnElement[bool]]:
    if which is PersonList.PENDING:
        states = [PartyState.WAITING.value, PartyState.SIGNING.value]
        open_ = [ContractState.WAITING.value, ContractState.SIGNING.value]
        return [
            col(PartyRow.person_id) == person_id,
            col(PartyRow.state).in_(states),
            col(ContractRow.state).in_(open_),
        ]
    return [col(PartyRow.person_id) == person_id, col(PartyRow.state) == PartyState.SIGNED.value]


def _assign(row: SQLModel, values: dict[str, object]) -> None:
    """Set what differs, so that an unchanged column is not written over what another transaction claimed."""
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
