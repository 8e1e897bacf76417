"""The process dies after any step, the request comes again, perhaps to another replica: one signature, told once."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from esign.signer.v1 import events_pb2
from esign_kit.clock import system_clock
from esign_kit.db import new_id
from esign_signer.adapters.broker import CaBroker
from esign_signer.adapters.documents import StoredDocuments
from esign_signer.adapters.jobs import SqlReleaseJobs, SqlSigningJobs
from esign_signer.adapters.pdf.gate import ReleaseGate
from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.adapters.public_keys import ed25519_keys
from esign_signer.adapters.registers import SqlKeys
from esign_signer.adapters.seals import SqlSeals
from esign_signer.api.convert import object_ref, placement
from esign_signer.app.ports import TryAgain
from esign_signer.app.prepare_document import PreparedDocuments
from esign_signer.app.release_document import ReleaseDocument
from esign_signer.app.sign_document import SignDocument
from esign_signer.domain.document import SignatureField, SignedFile, SigningOrder
from esign_signer.domain.jobs import ReleaseRequest, SignatureRequest
from esign_signer.domain.keys import KeyAlgorithm, KeyStoreKind, NewKey, Subject
from esign_signer.domain.report import GateResult
from sqlalchemy import text

from .bench import Bench
from .world import World, names, only, reference


class Crash(BaseException):
    """The process is gone."""


class Dying:
    """Does what `target` does, then dies after the method `after`, once."""

    def __init__(self, target: object, after: str) -> None:
        self._target, self._after = target, after

    def __getattr__(self, name: str) -> Any:
        real: Any = getattr(self._target, name)
        if name != self._after:
            return real

        async def die(*arguments: Any) -> None:
            self._after = ""
            await real(*arguments)
            raise Crash

        return die


@dataclass
class InProcess:
    """The engine of the test's own process behind the ports."""

    bench: Bench
    gate: ReleaseGate

    async def create_key(self, store: KeyStoreKind, key_id: str, subject: Subject, algorithm: KeyAlgorithm) -> NewKey:
        assert store is KeyStoreKind.SOFTWARE
        return await asyncio.to_thread(self.bench.keys.create, key_id, subject, algorithm)

    async def prepare(self, source: Path) -> None:
        await asyncio.to_thread(self.bench.engine.prepare, source)

    async def sign(self, order: SigningOrder) -> SignedFile:
        return await asyncio.to_thread(self.bench.engine.sign, order)

    async def archive(self, source: Path, target: Path) -> SignedFile:
        return await asyncio.to_thread(self.bench.engine.archive, source, target)

    async def judge(self, source: Path, signature_count: int, earlier_signatures: int = 0) -> GateResult:
        return await asyncio.to_thread(self.gate.judge, source, signature_count, earlier_signatures)


@dataclass
class Parts:
    """What the use cases are made of."""

    world: World
    engine: Any
    signing_jobs: Any
    release_jobs: Any
    keys: Any
    documents: Any
    broker: Any

    def sign(self) -> SignDocument:
        settings = self.world.running.app.settings
        return SignDocument(
            ed25519_keys(settings.activation_public_key_file.read_bytes()),
            self.signing_jobs,
            self.keys,
            SqlSeals(self.world.running.app.db, system_clock),
            self.documents,
            self.prepared(),
            self.broker,
            self.engine,
            self.engine,
            system_clock,
            self.world.folder,
        )

    def prepared(self) -> PreparedDocuments:
        return PreparedDocuments(self.documents, self.engine, self.world.folder, max_bytes=2**30, keep_seconds=60)

    def release(self) -> ReleaseDocument:
        return ReleaseDocument(self.release_jobs, self.documents, self.engine, self.engine, self.world.folder)

    def dying(self, part: str, after: str) -> "Parts":
        return Parts(**{**self.__dict__, part: Dying(getattr(self, part), after)})


@pytest.fixture
def parts(world: World, bench: Bench, trust_settings: TrustSettings) -> Parts:
    app = world.running.app
    return Parts(
        world,
        InProcess(bench, ReleaseGate(trust_settings, "pdfsig")),
        SqlSigningJobs(app.db, system_clock),
        SqlReleaseJobs(app.db, system_clock),
        SqlKeys(app.db, system_clock),
        StoredDocuments(app.objects, "documents", "seals", 2**30),
        CaBroker(app.channel("ca-broker")),
    )


async def asked(world: World, **changed: Any) -> SignatureRequest:
    event = await world.request(**changed)
    return SignatureRequest(
        request_id=new_id(),
        contract_id=event.contract_id,
        party_id=event.party_id,
        statement=event.activation,
        document=object_ref(event.document),
        seal_id=event.seal_id,
        placement=placement(event.placement),
        field_name=event.field_name,
        layout=tuple(SignatureField(field.name, placement(field.placement)) for field in event.layout),
        reason=event.reason,
    )


SIGNING_STEPS = [
    ("signing_jobs", "open"),
    ("documents", "fetch_document"),
    ("engine", "create_key"),
    ("keys", "add_event_key"),
    ("broker", "issue_event_certificate"),
    ("keys", "add_certificate"),
    ("engine", "sign"),
    ("documents", "store_document"),
    ("signing_jobs", "signed"),
]


@pytest.mark.parametrize(("part", "after"), SIGNING_STEPS)
async def test_signing_survives(parts: Parts, part: str, after: str) -> None:
    request = await asked(parts.world)
    with pytest.raises(Crash):
        await parts.dying(part, after).sign()(request)
    await parts.sign()(request)
    await parts.sign()(request)
    told = await parts.world.told(request.contract_id)
    assert names(told) == ["EventKeyCreated", "DocumentSigned", "EventKeyDestroyed"]
    signed = only(told, events_pb2.DocumentSigned)
    report = await asyncio.to_thread(parts.engine.bench.validator.validate, await parts.world.fetch(signed.document))
    assert len(report.signatures) == 1
    assert not list(parts.world.folder.glob("sign-*"))


async def test_expiry_does_not_void_what_was_begun(parts: Parts, trust: Any) -> None:
    import time

    request = await asked(parts.world, exp=int(time.time()) + 2)
    trust.failing |= {"tsa", "tsa2"}
    with pytest.raises(TryAgain):
        await parts.sign()(request)
    await asyncio.sleep(2)
    trust.failing.clear()
    await parts.sign()(request)
    assert names(await parts.world.told(request.contract_id))[-2:] == ["DocumentSigned", "EventKeyDestroyed"]


@pytest.mark.parametrize("after", ["open", "refused"])
async def test_refusal_survives(parts: Parts, after: str) -> None:
    request = await asked(parts.world)
    parts.world.broker.mode = "refuses"
    with pytest.raises(Crash):
        await parts.dying("signing_jobs", after).sign()(request)
    await parts.sign()(request)
    told = await parts.world.told(request.contract_id)
    assert names(told) == ["EventKeyCreated", "EventKeyDestroyed", "SignatureRefused"]


async def test_replicas_take_turns(parts: Parts) -> None:
    """Two get the same request at once, and a third one a copy of it under another id."""
    request = await asked(parts.world)
    copy = SignatureRequest(**{name: getattr(request, name) for name in request.__slots__} | {"request_id": new_id()})
    results = await asyncio.gather(*(parts.sign()(one) for one in (request, request, copy)), return_exceptions=True)
    assert all(result is None or isinstance(result, TryAgain) for result in results), results
    await parts.sign()(request)
    await parts.sign()(copy)
    told = await parts.world.told(request.contract_id)
    assert sorted(names(told)) == ["DocumentSigned", "EventKeyCreated", "EventKeyDestroyed", "SignatureRefused"]
    assert only(told, events_pb2.SignatureRefused).reason == "ACTIVATION_REUSED"
    async with parts.world.running.app.db.engine.connect() as connection:
        held = await connection.execute(
            text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid <> 7305118")
        )
        assert held.scalar_one() == 0


@pytest.mark.parametrize(
    ("part", "after"),
    [
        ("release_jobs", "open"),
        ("engine", "archive"),
        ("engine", "judge"),
        ("documents", "store_document"),
        ("release_jobs", "released"),
    ],
)
async def test_release_survives(parts: Parts, part: str, after: str) -> None:
    document = await parts.world.upload(await asyncio.to_thread(parts.engine.bench.signed_twice))
    request = ReleaseRequest(new_id(), new_id(), document, 2)
    with pytest.raises(Crash):
        await parts.dying(part, after).release()(request)
    await parts.release()(request)
    await parts.release()(ReleaseRequest(new_id(), request.contract_id, document, 2))
    told = await parts.world.told(request.contract_id)
    assert names(told) == ["DocumentReleased"]
    released = only(told, events_pb2.DocumentReleased)
    assert released.document != reference(document)
    assert (await parts.engine.judge(await parts.world.fetch(released.document), 2)).released
