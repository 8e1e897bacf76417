"""The whole service against real PostgreSQL, NATS, S3 and the sandbox's judicial chain."""

import io
import json
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from esign.evidence.v1 import evidence_pb2, evidence_pb2_grpc, events_pb2
from esign_evidence import checker
from esign_evidence.domain.checkpoint import Checkpoint, Verifier
from esign_evidence.domain.merkle import leaf_hash, root, verify_consistency
from esign_evidence.domain.tiles import needed_tiles, subtree_of, unbundle
from esign_evidence.main import MIGRATIONS, build, log_signer
from esign_evidence.settings import EvidenceSettings
from esign_kit.db import new_id
from esign_kit.errors import EsignError, Forbidden
from esign_kit.testing import Platform, Running, eventually

from .conftest import SandboxChain
from .story import document, story

Make = Callable[..., EvidenceSettings]


@pytest.fixture
async def service(platform: Platform, settings: Make, sandbox: SandboxChain) -> AsyncIterator[Running]:
    await platform.reset_events()
    async with platform.service(settings(), build, migrations=MIGRATIONS) as running:
        yield running


async def publish(platform: Platform, contract_id: str) -> int:
    events = story(contract_id, platform.pki.activation_key)
    for event in events:
        await platform.publish(event, contract_id=contract_id)
    return len(events)


def internal(service: Running) -> evidence_pb2_grpc.InternalServiceStub:
    return evidence_pb2_grpc.InternalServiceStub(service.channel("contract"))


def public(service: Running) -> evidence_pb2_grpc.PublicServiceStub:
    return evidence_pb2_grpc.PublicServiceStub(service.channel("gateway"))


async def packaged(service: Running, contract_id: str) -> evidence_pb2.ContractEvidence:
    async def ask() -> evidence_pb2.ContractEvidence | None:
        request = evidence_pb2.GetContractEvidenceRequest(contract_id=contract_id)
        found = await internal(service).GetContractEvidence(request)
        return found if found.package.url else None

    found: evidence_pb2.ContractEvidence = await eventually(ask, seconds=20)
    return found


def fetch(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        content: bytes = answer.read()
        return content


async def test_a_completed_contract_gets_evidence_that_anyone_can_check(
    platform: Platform, service: Running, sandbox: SandboxChain, tmp_path: Path
) -> None:
    contract_id = new_id()
    await publish(platform, contract_id)
    evidence = await packaged(service, contract_id)
    assert evidence.state == evidence_pb2.ANCHOR_STATE_CONFIRMED
    assert evidence.verification_url == "https://sign.example.com/verify"

    on_chain = sandbox.transaction(evidence.evidence_number)
    assert on_chain["status"] == "confirmed"
    assert (on_chain["block_hash"], on_chain["block_height"]) == (evidence.block_hash, evidence.block_height)

    content = fetch(evidence.package.url)
    assert len(content) == evidence.package.size
    vkey = log_signer(service.app.settings.log).verifier.vkey
    report = checker.check(
        content, document_sha256=document(contract_id, "final").sha256, log_key=vkey, activation_keys=None
    )
    assert report.problems == []
    assert report.passed
    assert report.facts["evidence_number"] == evidence.evidence_number
    assert report.facts["text_hash"] == evidence.text_hash
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist() if name.startswith("records/"))
        leaves = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".json"))
        # The package runs its own checker, from where it is unpacked, without this project.
        archive.extractall(tmp_path / "unpacked")
    assert "张样例" not in leaves.decode()
    assert "张样例" in everything.decode(errors="replace")
    package = tmp_path / "evidence.zip"
    package.write_bytes(content)
    ran = subprocess.run(
        [sys.executable, "-I", "-c", "import runpy, sys; sys.path.insert(0, '.'); runpy.run_module('checker')"],
        cwd=tmp_path / "unpacked",
        check=False,
        capture_output=True,
    )
    assert ran.returncode != 0
    ran = subprocess.run(
        [sys.executable, "-m", "checker", str(package), "--json"],
        cwd=tmp_path / "unpacked",
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert json.loads(ran.stdout)["passed"]

    packaged_events = [data for meta, data in await platform.events() if meta.type.endswith("EvidencePackaged")]
    assert len(packaged_events) == 1
    event = events_pb2.EvidencePackaged.FromString(packaged_events[0])
    assert (event.contract_id, event.evidence_number, event.text_hash) == (
        contract_id,
        evidence.evidence_number,
        evidence.text_hash,
    )
    assert event.package_sha256 == evidence.package.sha256
