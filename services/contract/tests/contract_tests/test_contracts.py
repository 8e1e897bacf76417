"""Creation, lists, ownership, expiry, the one download, the schema."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from esign.common.v1 import common_pb2
from esign.contract.v1 import contract_pb2
from esign.contract.v1 import events_pb2 as contract_events
from esign_contract.adapters.rows import Base
from esign_contract.adapters.store import transactions
from esign_contract.app.expiry import Expire
from esign_kit.errors import EsignError, NotFound
from sqlalchemy import Connection, create_engine

from .world import SOHO_PLACE, World, unique

USED = contract_pb2.DOWNLOAD_STATE_USED
AVAILABLE = contract_pb2.DOWNLOAD_STATE_AVAILABLE


async def test_a_contract_shows_what_was_agreed(world: World) -> None:
    tenant = unique("person")
    request = await world.request([tenant], title="  商业租赁合同\u3000（望岚中心）")
    request.expires_at.FromDatetime(datetime.now(UTC) + timedelta(days=10))
    created = await world.system().CreateContract(request)
    assert created.title == "商业租赁合同 （望岚中心）"
    assert (created.amount.currency, created.amount.amount) == ("CNY", "1859358.64")
    assert [party.name for party in created.parties] == [f"林{tenant[-4:]}", "SOHO中国"]
    assert [party.state for party in created.parties] == 2 * [contract_pb2.PARTY_STATE_QUEUED]
    assert created.expires_at.ToDatetime(UTC) == request.expires_at.ToDatetime(UTC)
    assert created.page_count == len(created.pages) == 2
    assert created.download_state == contract_pb2.DOWNLOAD_STATE_UNSPECIFIED
    (event,) = await world.events(created.contract_id, contract_events.ContractCreated)
    assert (event.system, event.document_sha256) == ("leasing", created.document_sha256)


async def test_a_number_is_one_contract(world: World) -> None:
    request = await world.request([unique("person")])
    made = await asyncio.gather(*(world.system().CreateContract(request) for _ in range(5)))
    assert len({contract.contract_id for contract in made}) == 1
    assert len(await world.events(made[0].contract_id, contract_events.ContractCreated)) == 1
    await world.system().DispatchContract(contract_pb2.DispatchContractRequest(contract_id=made[0].contract_id))
    again = await world.system().CreateContract(request)
    assert (again.contract_id, again.state) == (made[0].contract_id, contract_pb2.CONTRACT_STATE_WAITING)
    request.title = "另一份"
    with pytest.raises(EsignError, match="DOCUMENT_NUMBER_TAKEN"):
        await world.system().CreateContract(request)
    theirs = await world.upload(system="jde")
    request.document_id = theirs.document_id
    assert (await world.system("jde").CreateContract(request)).contract_id != made[0].contract_id


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"document_id": "no-such"}, "DOCUMENT_NOT_FOUND"),
        ({"document_id": ""}, "CONTRACT_INPUT_INVALID"),
        ({"document_number": "有 空格"}, "CONTRACT_INPUT_INVALID"),
        ({"title": "\u202e"}, "CONTRACT_INPUT_INVALID"),
        ({"business_type": ""}, "CONTRACT_INPUT_INVALID"),
        ({"amount": common_pb2.Money(currency="CNY", amount="1.005")}, "CONTRACT_INPUT_INVALID"),
        ({"parties": []}, "CONTRACT_INPUT_INVALID"),
        ({"parties": [contract_pb2.PartyInput()]}, "CONTRACT_INPUT_INVALID"),
        ({"parties": [contract_pb2.PartyInput(person_id="nobody")]}, "PERSON_NOT_FOUND"),
    ],
)
async def test_contracts_that_cannot_be_are_refused(world: World, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(EsignError) as refusal:
        await world.system().CreateContract(await world.request([unique("person")], **change))
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("seal_id", "reason"),
    [
        ("no-seal", "SEAL_NOT_FOUND"),
        ("seal-of-person-x", "SEAL_NOT_OF_ORGANISATION"),
        ("seal-suspended", "SEAL_NOT_ACTIVE"),
    ],
)
async def test_a_policys_seal_is_looked_at_before_anyone_signs(world: World, seal_id: str, reason: str) -> None:
    request = await world.request([unique("person")])
    request.parties[-1].seal_id = seal_id
    with pytest.raises(EsignError) as refusal:
        await world.system().CreateContract(request)
    assert refusal.value.reason == reason


async def test_times_are_points_in_time(world: World) -> None:
    request = await world.request([unique("person")])
    request.expires_at.seconds = 2**62
    with pytest.raises(EsignError, match="CONTRACT_INPUT_INVALID"):
        await world.system().CreateContract(request)
    request.expires_at.FromDatetime(datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(EsignError, match="CONTRACT_INPUT_INVALID"):
        await world.system().CreateContract(request)


async def test_dispatching_at_once_and_again_invites_once(world: World) -> None:
    created = await world.system().CreateContract(await world.request([unique("person")]))
    request = contract_pb2.DispatchContractRequest(contract_id=created.contract_id)
    await asyncio.gather(*(world.system().DispatchContract(request) for _ in range(4)))
    assert len(await world.events(created.contract_id, contract_events.ContractDispatched)) == 1


async def listed(world: World, person_id: str, which: int, page: int = 0, size: int = 0) -> Any:
    request = contract_pb2.ListContractsRequest(list=which, page=common_pb2.PageRequest(page=page, size=size))  # type: ignore[arg-type]
    return await world.portal.ListContracts(request, metadata=world.running.as_person(person_id))


async def test_lists_are_newest_first_with_names_in_one_call(world: World) -> None:
    tenant = unique("person")
    contracts = [await world.dispatched(tenant) for _ in range(5)]
    await world.dispatched(unique("person"))
    draft = await world.system().CreateContract(await world.request([tenant]))
    newest_first = [c.contract_id for c in reversed(contracts)]
    before = world.identity.described
    first = await listed(world, tenant, contract_pb2.CONTRACT_LIST_PENDING, size=2)
    assert world.identity.described == before + 1
    assert [c.contract_id for c in first.contracts] == newest_first[:2]
    assert (first.page.page, first.page.size, first.page.total) == (1, 2, 5)
    assert first.contracts[0].parties[0].name == f"林{tenant[-4:]}"
    last = await listed(world, tenant, contract_pb2.CONTRACT_LIST_PENDING, page=3, size=2)
    assert [c.contract_id for c in last.contracts] == newest_first[4:]
    assert draft.contract_id not in newest_first
    assert (await listed(world, tenant, contract_pb2.CONTRACT_LIST_PENDING, page=9)).page.total == 5

    await world.confirm(tenant, contracts[1])
    pending = await listed(world, tenant, contract_pb2.CONTRACT_LIST_PENDING)
    assert pending.contracts[0].state == contract_pb2.CONTRACT_STATE_SIGNING
    assert (await listed(world, tenant, contract_pb2.CONTRACT_LIST_SIGNED)).page.total == 0
    for which, page, size in ((0, 1, 1), (1, -1, 1), (1, 1, 101), (1, 10_001, 1)):
        with pytest.raises(EsignError, match="CONTRACT_INPUT_INVALID"):
            await listed(world, tenant, which, page, size)


def every_call_for_a_person(world: World, contract_id: str, metadata: Any) -> list[Any]:
    """Everything that the gateway asks for a person about one contract."""
    by_id: dict[str, Any] = {"contract_id": contract_id}
    portal = world.portal
    calls = {
        "GetContract": contract_pb2.GetContractRequest(**by_id),
        "GetPageImage": contract_pb2.GetPageImageRequest(**by_id, page=1),
        "StartSigning": contract_pb2.StartSigningRequest(**by_id),
        "ConfirmSigning": contract_pb2.ConfirmSigningRequest(**by_id, verification_id="v", seal_id="s"),
        "StartDownload": contract_pb2.StartDownloadRequest(**by_id),
        "ClaimDownload": contract_pb2.ClaimDownloadRequest(**by_id, download_id="d"),
        "FinishDownload": contract_pb2.FinishDownloadRequest(**by_id, download_id="d"),
        "GetEvidence": contract_pb2.GetEvidenceRequest(**by_id),
    }
    names = contract_pb2.DESCRIPTOR.services_by_name["PortalService"].methods_by_name
    assert set(calls) == set(names) - {"ListContracts"}
    return [getattr(portal, name)(request, metadata=metadata) for name, request in calls.items()]


async def test_contracts_of_others_are_not_there(world: World) -> None:
    tenant = unique("person")
    contract = await world.dispatched(tenant)
    stranger = world.running.as_person(unique("person"))
    by_id: dict[str, Any] = {"contract_id": contract.contract_id}
    attempts: list[Any] = [
        *every_call_for_a_person(world, contract.contract_id, stranger),
        world.system("procurement").GetContract(contract_pb2.GetContractRequest(**by_id)),
        world.system("procurement").DispatchContract(contract_pb2.DispatchContractRequest(**by_id)),
        world.system("procurement").WithdrawContract(contract_pb2.WithdrawContractRequest(**by_id, reason="x")),
        world.system().GetContract(contract_pb2.GetContractRequest(contract_id="no-such")),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound, match="CONTRACT_NOT_FOUND"):
            await attempt
    portal = world.portal
    mine = world.running.as_person(tenant)
    assert (await portal.GetContract(contract_pb2.GetContractRequest(**by_id), metadata=mine)).contract_id
    evidence = await portal.GetEvidence(contract_pb2.GetEvidenceRequest(**by_id), metadata=mine)
    assert evidence.contract_id == contract.contract_id


async def test_private_contracts_are_not_there_in_a_session_for_a_company(world: World) -> None:
    tenant = unique("person")
    waiting, signing = await world.dispatched(tenant), await world.dispatched(tenant)
    await world.confirm(tenant, signing)
    for_company = world.running.as_person(tenant, organisation_id="organisation")
    for which in (contract_pb2.CONTRACT_LIST_PENDING, contract_pb2.CONTRACT_LIST_SIGNED):
        page = await world.portal.ListContracts(contract_pb2.ListContractsRequest(list=which), metadata=for_company)
        assert (len(page.contracts), page.page.total) == (0, 0)
    for contract in (waiting, signing):
        for attempt in every_call_for_a_person(world, contract.contract_id, for_company):
            with pytest.raises(NotFound, match="CONTRACT_NOT_FOUND"):
                await attempt
    assert (await listed(world, tenant, contract_pb2.CONTRACT_LIST_PENDING)).page.total == 2


async def test_the_signer_hears_of_a_document_that_will_be_signed(world: World) -> None:
    tenant = unique("person")
    contract = await world.dispatched(tenant)
    await world.confirmation(tenant, contract)
    async with asyncio.timeout(5):
        while await world.signer.prepared.get() != contract.document_sha256:
            continue


async def test_overdue_contracts_expire_once(world: World) -> None:
    tenant, late = unique("person"), unique("person")
    overdue = [await world.dispatched(tenant) for _ in range(3)]
    signed = (await world.confirm(late, await world.dispatched(late))).contract_id
    draft = await world.system().CreateContract(await world.request([tenant]))
    world.clock.moved = timedelta(days=31)
    try:
        with pytest.raises(EsignError, match="CONTRACT_EXPIRED"):
            start = contract_pb2.StartSigningRequest(contract_id=overdue[0].contract_id)
            await world.portal.StartSigning(start, metadata=world.running.as_person(tenant))
        sweeps = [Expire(transactions(world.running.app.db), world.clock).once() for _ in range(4)]
        await asyncio.gather(*sweeps)
    finally:
        world.clock.moved = timedelta(0)
    for contract in overdue:
        assert (await world.get(contract.contract_id)).state == contract_pb2.CONTRACT_STATE_EXPIRED
        (event,) = await world.events(contract.contract_id, contract_events.ContractExpired)
        assert list(event.person_ids) == [tenant]
    assert (await world.get(signed)).state == contract_pb2.CONTRACT_STATE_SIGNING
    (event,) = await world.events(draft.contract_id, contract_events.ContractExpired)
    assert list(event.person_ids) == []


async def test_the_one_download(world: World) -> None:
    tenant = unique("person")
    contract = await world.completed(tenant)
    me = world.running.as_person(tenant)
    by_id: dict[str, Any] = {"contract_id": contract.contract_id}

    async def start() -> contract_pb2.StartDownloadResponse:
        return await world.portal.StartDownload(contract_pb2.StartDownloadRequest(**by_id), metadata=me)

    async def claim(opened: contract_pb2.StartDownloadResponse) -> datetime:
        request = contract_pb2.ClaimDownloadRequest(**by_id, download_id=opened.download_id)
        return (await world.portal.ClaimDownload(request, metadata=me)).claimed_until.ToDatetime(UTC)

    async def finish(opened: contract_pb2.StartDownloadResponse, sent: int) -> int:
        request = contract_pb2.FinishDownloadRequest(**by_id, download_id=opened.download_id, bytes_sent=sent)
        return (await world.portal.FinishDownload(request, metadata=me)).download_state

    async def shown() -> int:
        return (await world.portal.GetContract(contract_pb2.GetContractRequest(**by_id), metadata=me)).download_state

    assert await shown() == AVAILABLE
    started = await asyncio.gather(*(start() for _ in range(5)))
    claims = await asyncio.gather(*map(claim, started), return_exceptions=True)
    (opened,) = [s for s, c in zip(started, claims, strict=True) if isinstance(c, datetime)]
    assert {c.reason for c in claims if isinstance(c, EsignError)} == {"DOWNLOAD_REPLACED"}
    assert await shown() == contract_pb2.DOWNLOAD_STATE_OPEN
    with pytest.raises(EsignError, match="DOWNLOAD_IN_PROGRESS") as waiting:
        await start()
    assert 0 < int(waiting.value.metadata["retry_after_seconds"]) <= 20
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.get(opened.file.url)
    assert response.headers["content-type"] == "application/pdf"
    assert "filename*=UTF-8''%E5%95%86" in response.headers["content-disposition"]
    assert len(response.content) == opened.file.size
    assert opened.file.sha256 == contract.document_sha256
    assert opened.file_name == f"商业租赁合同-{contract.document_number}.pdf"

    assert await finish(opened, opened.file.size - 1) == AVAILABLE
    second = await start()
    assert second.download_id != opened.download_id
    assert await claim(second) > datetime.now(UTC)
    finished = await asyncio.gather(*(finish(second, second.file.size) for _ in range(4)))
    assert finished == 4 * [USED]
    assert await finish(second, 0) == USED
    assert await shown() == USED
    with pytest.raises(EsignError) as refusal:
        await start()
    assert refusal.value.reason == "DOWNLOAD_ALREADY_USED"
    assert "联系SOHO中国" in refusal.value.zh
    (event,) = await world.events(contract.contract_id, contract_events.DownloadUsed)
    assert (event.person_id, event.download_id) == (tenant, second.download_id)
    with pytest.raises(NotFound, match="DOWNLOAD_NOT_FOUND"):
        request = contract_pb2.FinishDownloadRequest(**by_id, download_id="no-such", bytes_sent=1)
        await world.portal.FinishDownload(request, metadata=me)


async def test_a_claimed_download_that_nobody_finished_is_given_back_in_time(world: World) -> None:
    tenant = unique("person")
    contract = await world.completed(tenant)
    request = contract_pb2.StartDownloadRequest(contract_id=contract.contract_id)
    me = world.running.as_person(tenant)
    opened = await world.portal.StartDownload(request, metadata=me)
    claim = contract_pb2.ClaimDownloadRequest(contract_id=contract.contract_id, download_id=opened.download_id)
    await world.portal.ClaimDownload(claim, metadata=me)
    world.clock.moved = timedelta(seconds=21)
    try:
        await world.portal.StartDownload(request, metadata=me)
    finally:
        world.clock.moved = timedelta(0)


async def test_the_reader_says_that_it_arrived(world: World) -> None:
    """The gateway died before it could: the reader's word uses the download up, and only for the right file."""
    tenant = unique("person")
    contract = await world.completed(tenant)
    me = world.running.as_person(tenant)
    start = contract_pb2.StartDownloadRequest(contract_id=contract.contract_id)
    opened = await world.portal.StartDownload(start, metadata=me)

    async def receive(sha256: str) -> int:
        request = contract_pb2.FinishDownloadRequest(
            contract_id=contract.contract_id, download_id=opened.download_id, received_sha256=sha256
        )
        return (await world.portal.FinishDownload(request, metadata=me)).download_state

    with pytest.raises(EsignError, match="RECEIVED_FILE_WRONG"):
        await receive("ab" * 32)
    assert [await receive(opened.file.sha256) for _ in range(2)] == 2 * [USED]
    with pytest.raises(EsignError, match="DOWNLOAD_ALREADY_USED"):
        await world.portal.StartDownload(start, metadata=me)
    assert len(await world.events(contract.contract_id, contract_events.DownloadUsed)) == 1


async def test_nothing_is_downloaded_before_completion(world: World) -> None:
    tenant = unique("person")
    contract = await world.dispatched(tenant)
    request = contract_pb2.StartDownloadRequest(contract_id=contract.contract_id)
    me = world.running.as_person(tenant)
    with pytest.raises(EsignError, match="CONTRACT_WAITING"):
        await world.portal.StartDownload(request, metadata=me)
    shown = await world.portal.GetContract(
        contract_pb2.GetContractRequest(contract_id=contract.contract_id), metadata=me
    )
    assert shown.download_state == contract_pb2.DOWNLOAD_STATE_NOT_YET


async def test_the_migrations_make_the_tables_that_the_rows_say(world: World) -> None:
    def differences() -> list[object]:
        engine = create_engine(world.running.app.db.url)
        with engine.connect() as connection:
            return _differences(connection)

    assert await asyncio.to_thread(differences) == []


def _differences(connection: Connection) -> list[object]:
    tables = set(Base.metadata.tables)

    def ours(_object: object, name: str | None, kind: str, reflected: bool, _other: object) -> bool:
        return kind != "table" or not reflected or name in tables

    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    return list(compare_metadata(context, Base.metadata))


async def test_placements_beyond_the_page_are_refused_at_creation(world: World) -> None:
    request = await world.request([unique("person")])
    request.parties[-1].placement.CopyFrom(SOHO_PLACE)
    request.parties[-1].placement.page = 3
    with pytest.raises(EsignError) as refusal:
        await world.system().CreateContract(request)
    assert (refusal.value.reason, refusal.value.metadata["field"]) == ("PLACEMENT_OUTSIDE_PAGE", "parties[1].placement")
