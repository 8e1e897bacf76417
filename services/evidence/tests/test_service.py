"""The whole service against real PostgreSQL, NATS, S3 and the sandbox's judicial chain."""

import asyncio
import hashlib
import io
import json
import random
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from esign.contract.v1 import events_pb2 as contract_events
from esign.evidence.v1 import events_pb2, evidence_pb2, evidence_pb2_grpc
from esign_evidence import checker
from esign_evidence.domain.checkpoint import Checkpoint
from esign_evidence.domain.merkle import leaf_hash, root
from esign_evidence.domain.tiles import WIDTH, Tile, needed_tiles, subtree_of, tiles_of
from esign_evidence.main import MIGRATIONS, build, log_signer
from esign_evidence.settings import EvidenceSettings
from esign_kit.db import new_id
from esign_kit.errors import Forbidden, InvalidInput, NotFound
from esign_kit.testing import Platform, Running, eventually
from google.protobuf.message import Message
from sqlalchemy import text

from .conftest import SandboxChain
from .story import digest, document, story

Make = Callable[..., EvidenceSettings]


@pytest.fixture
async def service(platform: Platform, settings: Make, sandbox: SandboxChain) -> AsyncIterator[Running]:
    await platform.reset_events()
    async with platform.service(settings(), build, migrations=MIGRATIONS) as running:
        yield running


async def publish(platform: Platform, events: Sequence[Message], contract_id: str = "") -> list[str]:
    return [await platform.publish(event, contract_id=contract_id) for event in events]


async def tell(platform: Platform, contract_id: str) -> list[str]:
    return await publish(platform, story(contract_id, platform.pki.activation_key), contract_id)


def internal(service: Running, caller: str = "contract") -> Any:
    return evidence_pb2_grpc.InternalServiceStub(service.channel(caller))


def public(service: Running, caller: str = "gateway") -> Any:
    return evidence_pb2_grpc.PublicServiceStub(service.channel(caller))


async def evidence_of(service: Running, contract_id: str) -> evidence_pb2.ContractEvidence:
    request = evidence_pb2.GetContractEvidenceRequest(contract_id=contract_id)
    found: evidence_pb2.ContractEvidence = await internal(service).GetContractEvidence(request)
    return found


async def packaged(service: Running, contract_id: str) -> evidence_pb2.ContractEvidence:
    async def ask() -> evidence_pb2.ContractEvidence | None:
        found = await evidence_of(service, contract_id)
        return found if found.package.url else None

    found: evidence_pb2.ContractEvidence = await eventually(ask, seconds=20)
    return found


async def check(service: Running, number: str, **subject: str) -> evidence_pb2.CheckEvidenceResponse:
    request = evidence_pb2.CheckEvidenceRequest(evidence_number=number, **subject)
    found: evidence_pb2.CheckEvidenceResponse = await public(service).CheckEvidence(request)
    return found


async def rows(service: Running, query: str) -> list[Any]:
    async with service.app.db.begin() as session:
        return list((await (await session.connection()).execute(text(query))).all())


def fetch(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        content: bytes = answer.read()
        return content


async def audit(service: Running) -> Checkpoint:
    """What an auditor does: fetch the checkpoint and the tiles that it needs, verify signature and root."""
    note = (await public(service).GetCheckpoint(evidence_pb2.GetCheckpointRequest())).note
    checkpoint = Checkpoint.parse(log_signer(service.app.settings.log).verifier.open(note))
    tiles = {}
    for tile in needed_tiles(lambda tree: root(checkpoint.size, tree)):
        width = min(WIDTH, tiles_of(checkpoint.size, tile.level) - tile.index * WIDTH)
        path = Tile(tile.level, tile.index, width).path
        content = (await public(service).GetTile(evidence_pb2.GetTileRequest(path=path))).content
        tiles[tile.level, tile.index] = [content[at : at + 32] for at in range(0, len(content), 32)]
    assert root(checkpoint.size, subtree_of(tiles)) == checkpoint.root
    return checkpoint


async def logged(service: Running) -> list[str]:
    """Event ids in the log, in order; indexes have no gaps and every leaf is its entry's."""
    found = await rows(service, "SELECT index, event_id, entry, leaf_hash FROM records ORDER BY index")
    assert [row[0] for row in found] == list(range(len(found)))
    assert all(leaf_hash(bytes(row[2])) == bytes(row[3]) for row in found)
    return [row[1] for row in found]


async def test_a_completed_contract_gets_evidence_that_anyone_can_check(
    platform: Platform, service: Running, sandbox: SandboxChain, tmp_path: Path
) -> None:
    contract_id = new_id()
    with pytest.raises(NotFound, match="EVIDENCE_NOT_FOUND"):
        await evidence_of(service, contract_id)
    await tell(platform, contract_id)
    evidence = await packaged(service, contract_id)
    assert evidence.state == evidence_pb2.ANCHOR_STATE_CONFIRMED
    assert evidence.verification_url == "https://sign.example.com/verify"

    on_chain = sandbox.transaction(evidence.evidence_number)
    assert (on_chain["block_hash"], on_chain["block_height"]) == (evidence.block_hash, evidence.block_height)
    assert on_chain["content_sha256"] == hashlib.sha256(evidence.text_hash.encode()).hexdigest()

    content = fetch(evidence.package.url)
    assert (len(content), hashlib.sha256(content).hexdigest()) == (evidence.package.size, evidence.package.sha256)
    final = document(contract_id, "final").sha256
    vkey = log_signer(service.app.settings.log).verifier.vkey
    keys = [platform.pki.activation_public_key_file.read_bytes()]
    report = checker.check(content, document_sha256=final, log_key=vkey, activation_keys=keys)
    assert report.problems == []
    assert report.passed
    assert (report.facts["evidence_number"], report.facts["text_hash"]) == (
        evidence.evidence_number,
        evidence.text_hash,
    )

    # The package runs its own checker, from where it is unpacked.
    (tmp_path / "evidence.zip").write_bytes(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path / "unpacked")
    command = [sys.executable, "-m", "checker", str(tmp_path / "evidence.zip"), "--json"]
    ran = await asyncio.to_thread(
        subprocess.run, command, cwd=tmp_path / "unpacked", check=False, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert json.loads(ran.stdout)["passed"]

    told = [data for meta, data in await platform.events() if meta.type.endswith(".EvidencePackaged")]
    assert [events_pb2.EvidencePackaged.FromString(data) for data in told] == [
        events_pb2.EvidencePackaged(
            contract_id=contract_id,
            evidence_number=evidence.evidence_number,
            text_hash=evidence.text_hash,
            package_sha256=evidence.package.sha256,
            block_hash=evidence.block_hash,
            block_height=evidence.block_height,
        )
    ]


async def test_the_log_holds_every_event_once_and_comes_to_rest(
    platform: Platform, service: Running, sandbox: SandboxChain
) -> None:
    await tell(platform, new_id())

    async def at_rest() -> bool:
        stream = [meta.id for meta, _ in await platform.events()]
        anchors = await rows(service, "SELECT subject FROM anchors WHERE kind = 'CHECKPOINT' AND state = 'CONFIRMED'")
        open_anchors = await rows(service, "SELECT 1 FROM anchors WHERE state <> 'CONFIRMED'")
        return (
            len(anchors) > 0
            and not open_anchors
            and any(meta.type.endswith(".EvidencePackaged") for meta, _ in await platform.events())
            and await logged(service) == stream
            and (await audit(service)).size == len(stream)
        )

    await eventually(at_rest, seconds=20)
    before = len(await platform.events())
    await asyncio.sleep(0.5)
    await eventually(at_rest, seconds=20)
    # The report of an anchored checkpoint calls for no further anchor.
    assert len(await platform.events()) - before <= 2
    settled = len(await platform.events())
    await asyncio.sleep(0.7)
    assert len(await platform.events()) == settled

    anchored = [data for meta, data in await platform.events() if meta.type.endswith(".CheckpointAnchored")]
    for data in anchored:
        event = events_pb2.CheckpointAnchored.FromString(data)
        assert sandbox.transaction(event.tx_hash)["block_height"] == event.block_height


async def test_checks_are_told_apart(platform: Platform, service: Running, sandbox: SandboxChain) -> None:
    contract_id = new_id()
    await tell(platform, contract_id)
    evidence = await packaged(service, contract_id)
    number = evidence.evidence_number
    final = document(contract_id, "final").sha256

    by_file = await check(service, number, document_sha256=final)
    assert (by_file.passed, by_file.matches, by_file.anchored, by_file.package_intact) == (True, True, True, True)
    assert (by_file.evidence_type, list(by_file.problems)) == ("文件", [])
    assert (by_file.block_hash, by_file.block_height) == (evidence.block_hash, evidence.block_height)
    assert by_file.anchored_at == evidence.anchored_at
    by_text = await check(service, f" {number.upper()} ", text_hash=evidence.text_hash)
    assert (by_text.passed, by_text.evidence_type) == (True, "文本")

    other_file = await check(service, number, document_sha256=digest("one byte changed"))
    assert (other_file.passed, other_file.matches, other_file.anchored, other_file.package_intact) == (
        *(False, False),
        *(True, True),
    )
    assert list(other_file.problems) == ["DOCUMENT_DIFFERS"]
    other_text = await check(service, number, text_hash="A" * 43 + "=")
    assert list(other_text.problems) == ["TEXT_DIFFERS"]

    with pytest.raises(NotFound, match="EVIDENCE_NUMBER_UNKNOWN"):
        await check(service, digest("unknown"), document_sha256=final)
    # A checkpoint's transaction is no evidence number.
    [(checkpoint,)] = (await rows(service, "SELECT tx_hash FROM anchors WHERE kind = 'CHECKPOINT' LIMIT 1"))[:1]
    with pytest.raises(NotFound, match="EVIDENCE_NUMBER_UNKNOWN"):
        await check(service, checkpoint or digest("unknown"), document_sha256=final)
    for reason, wrong in {
        "EVIDENCE_NUMBER_INVALID": ("123", {"document_sha256": final}),
        "DOCUMENT_HASH_INVALID": (number, {"document_sha256": "xyz"}),
        "TEXT_HASH_INVALID": (number, {"text_hash": "not base64"}),
        "EVIDENCE_SUBJECT_MISSING": (number, {}),
    }.items():
        with pytest.raises(InvalidInput, match=reason):
            await check(service, wrong[0], **wrong[1])


async def test_checks_see_what_is_wrong_with_chain_and_package(
    platform: Platform, settings: Make, sandbox: SandboxChain
) -> None:
    await platform.reset_events()
    contract_id, configuration = new_id(), settings()
    final = document(contract_id, "final").sha256
    async with platform.service(configuration, build, migrations=MIGRATIONS) as service:
        await tell(platform, contract_id)
        number = (await packaged(service, contract_id)).evidence_number
    # Each question to a service that remembers nothing.
    async with platform.service(configuration, build, migrations=MIGRATIONS) as service:
        sandbox.chain_fault("down")
        down = await check(service, number, document_sha256=final)
        assert (down.passed, down.anchored, down.package_intact) == (False, False, True)
        assert list(down.problems) == ["CHAIN_UNAVAILABLE"]
        sandbox.chain_fault("ok")

        await rows(service, f"UPDATE anchors SET block_hash = '{digest('x')}' WHERE tx_hash = '{number}' RETURNING id")
        differs = await check(service, number, document_sha256=final)
        assert (differs.anchored, list(differs.problems)) == (False, ["ANCHOR_DIFFERS"])
        await rows(service, f"UPDATE anchors SET content = 'another' WHERE tx_hash = '{number}' RETURNING id")
        assert list((await check(service, number, document_sha256=final)).problems) == ["ANCHOR_DIFFERS"]
        await rows(service, f"UPDATE anchors SET tx_hash = '{digest('lost')}' WHERE tx_hash = '{number}' RETURNING id")
        assert list((await check(service, digest("lost"), document_sha256=final)).problems) == [
            "ANCHOR_NOT_FOUND",
            "PACKAGE_OF_ANOTHER",
        ]

        # An altered package: in place, and with its hash made to fit.
        objects = service.app.objects
        forged = await objects.put_bytes("evidence", f"packages/{contract_id}/forged.zip", b"forged", "application/zip")
        point = f"UPDATE dossiers SET package_key = '{forged.key}', package_version = '{forged.version_id}'"
        await rows(service, f"{point} RETURNING 1")
        assert "PACKAGE_ALTERED" in (await check(service, digest("lost"), document_sha256=final)).problems
        await rows(service, f"{point}, package_sha256 = '{forged.sha256}' RETURNING 1")
        assert "PACKAGE_UNREADABLE" in (await check(service, digest("lost"), document_sha256=final)).problems
        await rows(service, "UPDATE dossiers SET package_key = 'packages/none.zip', package_version = '' RETURNING 1")
        assert "PACKAGE_MISSING" in (await check(service, digest("lost"), document_sha256=final)).problems


async def test_duplicates_and_any_order(platform: Platform, service: Running) -> None:
    """Events of different services overtake one another and come more than once."""
    contract_id, order = new_id(), random.Random(7)
    events = [(event, new_id()) for event in story(contract_id, platform.pki.activation_key)]
    deliveries = [*events, *order.sample(events, 5)]
    order.shuffle(deliveries)
    completed = next(pair for pair in events if pair[0].DESCRIPTOR.name == "ContractCompleted")
    for event, event_id in [completed, *deliveries]:
        await platform.publish(event, contract_id=contract_id, event_id=event_id)
    await packaged(service, contract_id)
    found = await logged(service)
    assert sorted(set(found)) == sorted(found)
    assert {event_id for _, event_id in events} <= set(found)
    packages = [meta for meta, _ in await platform.events() if meta.type.endswith(".EvidencePackaged")]
    assert len(packages) == 1


async def test_evidence_waits_until_it_is_whole(platform: Platform, service: Running) -> None:
    contract_id = new_id()
    events = story(contract_id, platform.pki.activation_key)
    late = next(event for event in events if event.DESCRIPTOR.name == "ActivationIssued")
    await publish(platform, [event for event in events if event is not late], contract_id)

    async def waits() -> bool:
        found = await rows(service, "SELECT waiting_for FROM dossiers")
        return bool(found) and "ActivationIssued:" in found[0][0]

    await eventually(waits)
    evidence = await evidence_of(service, contract_id)
    assert (evidence.state, evidence.evidence_number) == (evidence_pb2.ANCHOR_STATE_QUEUED, "")
    await publish(platform, [late], contract_id)
    assert (await packaged(service, contract_id)).evidence_number


async def test_the_chain_is_away_for_a_while(platform: Platform, service: Running, sandbox: SandboxChain) -> None:
    sandbox.chain_fault("down")
    contract_id = new_id()
    await tell(platform, contract_id)

    async def state(wanted: int) -> evidence_pb2.ContractEvidence | None:
        found = await evidence_of(service, contract_id)
        return found if found.state == wanted and found.text_hash else None

    queued = await eventually(lambda: state(evidence_pb2.ANCHOR_STATE_QUEUED))
    assert queued.evidence_number == ""

    # Deposits arrive, their answers never do: the number is one that the chain really holds.
    sandbox.chain_fault("lost")
    await asyncio.sleep(1)
    sandbox.chain_fault("pending")
    submitted = await eventually(lambda: state(evidence_pb2.ANCHOR_STATE_SUBMITTED), seconds=20)
    assert len(submitted.evidence_number) == 64
    pending = await check(service, submitted.evidence_number, text_hash=submitted.text_hash)
    assert (pending.passed, pending.matches) == (False, True)
    assert list(pending.problems) == ["ANCHOR_PENDING", "PACKAGE_PENDING"]
    sandbox.chain_fault("error")
    await asyncio.sleep(0.5)
    sandbox.chain_fault("ok")
    done = await packaged(service, contract_id)
    assert done.evidence_number == submitted.evidence_number
    assert sandbox.transaction(done.evidence_number)["status"] == "confirmed"
    assert (await check(service, done.evidence_number, text_hash=done.text_hash)).passed


async def test_two_replicas_make_one_log(platform: Platform, settings: Make, sandbox: SandboxChain) -> None:
    await platform.reset_events()
    configuration = settings()
    contracts = [new_id() for _ in range(2)]
    async with (
        platform.service(configuration, build, migrations=MIGRATIONS) as one,
        platform.service(configuration, build, migrations=MIGRATIONS) as other,
    ):
        told = [event for contract_id in contracts for event in await tell(platform, contract_id)]
        for contract_id in contracts:
            number = (await packaged(one, contract_id)).evidence_number
            assert (await packaged(other, contract_id)).evidence_number == number
        for service in (one, other):

            async def whole(service: Running = service) -> bool:
                found = await logged(service)
                return set(told) <= set(found) and (await audit(service)).size == len(found)

            await eventually(whole)
        packages = [data for meta, data in await platform.events() if meta.type.endswith(".EvidencePackaged")]
        assert sorted(events_pb2.EvidencePackaged.FromString(data).contract_id for data in packages) == sorted(
            contracts
        )


async def test_a_restart_goes_on_where_it_stopped(platform: Platform, settings: Make, sandbox: SandboxChain) -> None:
    await platform.reset_events()
    configuration, contract_id = settings(), new_id()
    events = story(contract_id, platform.pki.activation_key)
    async with platform.service(configuration, build, migrations=MIGRATIONS) as service:
        await publish(platform, events[:5], contract_id)
        await eventually(lambda: audit(service))
        first = await audit(service)
    await publish(platform, events[5:], contract_id)
    async with platform.service(configuration, build, migrations=MIGRATIONS) as service:
        evidence = await packaged(service, contract_id)
        assert (await check(service, evidence.evidence_number, text_hash=evidence.text_hash)).passed
        again = await audit(service)
        assert (again.origin, again.size > first.size) == (first.origin, True)


async def test_tiles_for_auditors(platform: Platform, service: Running) -> None:
    await publish(platform, [contract_events.DownloadUsed(contract_id="c", person_id="p")], "c")
    await eventually(lambda: audit(service))
    for path in ("entries/000.p/1", "../checkpoint", "0/000.p/0", "x"):
        with pytest.raises(InvalidInput, match="TILE_PATH_INVALID"):
            await public(service).GetTile(evidence_pb2.GetTileRequest(path=path))
    for path in ("0/000", "0/001.p/1", "63/000"):
        with pytest.raises(NotFound, match="TILE_NOT_FOUND"):
            await public(service).GetTile(evidence_pb2.GetTileRequest(path=path))


async def test_an_empty_log_has_no_checkpoint(service: Running) -> None:
    with pytest.raises(NotFound, match="LOG_EMPTY"):
        await public(service).GetCheckpoint(evidence_pb2.GetCheckpointRequest())
    with pytest.raises(NotFound, match="TILE_NOT_FOUND"):
        await public(service).GetTile(evidence_pb2.GetTileRequest(path="0/000.p/1"))


async def test_only_who_may_asks(service: Running) -> None:
    for caller in ("leasing", "signer", "gateway"):
        with pytest.raises(Forbidden):
            await internal(service, caller).GetContractEvidence(evidence_pb2.GetContractEvidenceRequest())
    with pytest.raises(Forbidden):
        await public(service, "contract").GetCheckpoint(evidence_pb2.GetCheckpointRequest())
