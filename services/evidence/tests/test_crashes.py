"""A crash between every two steps: whatever was done stays, whatever was not is done later, nothing is done twice."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from esign.evidence.v1 import events_pb2
from esign_evidence import checker
from esign_evidence.adapters.evidence_store import SqlAnchorStore, SqlDossierStore
from esign_evidence.adapters.log_store import SqlAppender, SqlLogStore
from esign_evidence.adapters.objects import EvidenceObjects
from esign_evidence.api.events import read
from esign_evidence.app.anchoring import Anchoring
from esign_evidence.app.log import Prune, Publish, append, load_tree
from esign_evidence.app.packaging import Packaging, Published
from esign_evidence.app.questions import Questions
from esign_evidence.domain.anchor import Block, Finding, Verdict
from esign_evidence.domain.checkpoint import Checkpoint, Signer
from esign_evidence.domain.merkle import consistency_proof, verify_consistency
from esign_evidence.domain.tiles import WIDTH, Tile, changed_tiles, needed_tiles, unbundle
from esign_evidence.main import MIGRATIONS
from esign_evidence.settings import EvidenceSettings
from esign_kit.bus import EventMeta
from esign_kit.db import Database, migrate, new_id
from esign_kit.errors import Internal, NotFound, Unavailable
from esign_kit.objects import Objects
from esign_kit.telemetry import extract
from esign_kit.testing import Platform
from opentelemetry import context
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from .story import document, story


class Crash(BaseException):
    """The process is gone."""


class Plan:
    """Counts instants, and crashes at one of them (0: never)."""

    def __init__(self, crash_at: int = 0) -> None:
        self.crash_at, self.instants = crash_at, 0

    def instant(self) -> None:
        self.instants += 1
        if self.instants == self.crash_at:
            raise Crash


# What changes nothing outside makes no instant of its own.
READS = {"newest", "size", "hashes", "entries", "events", "anchor", "note", "look_up", "reading", "get_package"}


class Mortal:
    """Something that is called: an instant after each call that changes something."""

    def __init__(self, target: Any, plan: Plan) -> None:
        self._target, self._plan = target, plan

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if name == "publication":

            @asynccontextmanager
            async def opened() -> AsyncIterator[Any]:
                async with found() as inner:
                    yield None if inner is None else Mortal(inner, self._plan)
                self._plan.instant()

            return opened
        if name in READS or not inspect.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            result = await found(*args, **kwargs)
            self._plan.instant()
            return result

        return call


class Ledger:
    """A chain that seals at once; like the real one it takes the same content twice."""

    def __init__(self) -> None:
        self.deposits: dict[str, str] = {}
        self.forget: set[str] = set()

    async def open_transaction(self) -> str:
        return new_id()

    async def deposit(self, transaction_id: str, phase: str, content: str) -> str:
        tx_hash = f"{len(self.deposits):064x}"
        self.deposits[tx_hash] = content
        return tx_hash

    async def look_up(self, tx_hash: str, content: str) -> Finding:
        if tx_hash not in self.deposits or tx_hash in self.forget:
            return Finding(Verdict.NOT_FOUND)
        if self.deposits[tx_hash] != content:
            return Finding(Verdict.DIFFERS)
        return Finding(Verdict.HELD, Block("ab" * 32, int(tx_hash, 16) + 1, datetime.now(UTC), "t"))


class World:
    """A database, a bucket, a chain, and a clock that tests turn; processes come and go."""

    def __init__(self, platform: Platform, settings: EvidenceSettings, key: Ed25519PrivateKey) -> None:
        assert settings.s3 is not None
        self.platform, self.settings = platform, settings
        self.db = Database(settings.database)
        self.now = datetime.now(UTC)
        self.origin = settings.log.origin
        self.signer = Signer(self.origin, key)
        self.ledger = Ledger()
        self.log = SqlLogStore(self.db, self.clock)
        self.dossiers = SqlDossierStore(self.db, "evidence", self.clock)
        self.objects = EvidenceObjects(Objects(settings.s3), "evidence", self.origin, timedelta(0), self.clock)

    def clock(self) -> datetime:
        return self.now

    async def add(self, contract_id: str, *, others: int = 0) -> None:
        """Log a contract's events, and some of nobody's."""
        events = story(contract_id, self.platform.pki.activation_key)
        async with self.db.begin() as session:
            for event in events:
                meta = EventMeta(new_id(), event.DESCRIPTOR.full_name, "test", self.now, contract_id, "", 1)
                await append(SqlAppender(session, self.clock), read(event.SerializeToString(), meta), self.now)
            for _ in range(others):
                meta = EventMeta(new_id(), "esign.identity.v1.LoginSucceeded", "identity", self.now, "", "", 1)
                await append(SqlAppender(session, self.clock), read(b"", meta), self.now)

    def process(self, plan: Plan) -> tuple[Publish, Anchoring, Packaging]:
        objects, log = Mortal(self.objects, plan), Mortal(self.log, plan)
        key = self.platform.pki.activation_public_key_file.read_bytes()
        return (
            Publish(log, objects, self.signer, self.origin),
            Anchoring(Mortal(SqlAnchorStore(self.db), plan), Mortal(self.ledger, plan), self.clock, timedelta(0)),
            Packaging(
                Mortal(self.dossiers, plan),
                log,
                objects,
                Published(self.signer.verifier, [key], "https://sign.example.com/verify"),
                self.clock,
            ),
        )

    async def work(self, plan: Plan, contract_id: str) -> None:
        """Let one process work until the contract is packaged."""
        loops = self.process(plan)
        for _ in range(12):
            for loop in loops:
                await loop.once()
            self.now += timedelta(seconds=61)
            found = await self.dossiers.of_contract(contract_id)
            if found and found[0].package:
                return
        raise AssertionError("not packaged")

    async def rows(self, query: str) -> list[Any]:
        async with self.db.begin() as session:
            return list((await (await session.connection()).execute(text(query))).all())

    async def unlock(self) -> None:
        """What only the owner of the table can do."""
        async with self.db.begin() as session:
            await (await session.connection()).execute(text("ALTER TABLE records DISABLE TRIGGER append_only"))

    async def check_log(self) -> None:
        """Every checkpoint continues the one before it, and the object store holds exactly what the rows say."""
        notes = [row[0] for row in await self.rows("SELECT note FROM checkpoints ORDER BY size")]
        checkpoints = [Checkpoint.parse(self.signer.verifier.open(note)) for note in notes]
        async with self.log.reading() as rows:
            for old, new in pairwise(checkpoints):
                tiles = needed_tiles(partial(consistency_proof, old.size, new.size))
                proof = consistency_proof(old.size, new.size, await load_tree(rows, tiles))
                verify_consistency(old.size, new.size, proof, old.root, new.root)
        size = checkpoints[-1].size
        leaves = await self.rows("SELECT leaf_hash, entry FROM records ORDER BY index")
        assert size == len(leaves)
        for tile in changed_tiles(0, size):
            if tile.level == 0:
                part = leaves[tile.index * WIDTH : tile.index * WIDTH + tile.width]
                assert await self.objects.get_tile(tile.path) == b"".join(bytes(row[0]) for row in part)
                bundle = await self.objects.get_tile(tile.entries_path)
                assert unbundle(bundle) == [bytes(row[1]) for row in part]
            else:
                assert len(await self.objects.get_tile(tile.path)) == 32 * tile.width


@pytest.fixture
async def world(
    platform: Platform, settings: Callable[..., EvidenceSettings], log_key: Ed25519PrivateKey
) -> AsyncIterator[World]:
    found = World(platform, settings(), log_key)
    await asyncio.to_thread(migrate, found.db.url, MIGRATIONS)
    yield found
    await found.db.close()


async def test_a_crash_at_every_instant(world: World) -> None:
    contracts = []
    crash_at = 0
    while True:
        crash_at += 1
        contract_id = new_id()
        contracts.append(contract_id)
        await world.add(contract_id)
        plan = Plan(crash_at)
        try:
            await world.work(plan, contract_id)
        except Crash:
            world.now += timedelta(seconds=61)
            await world.work(Plan(), contract_id)
        else:
            break
    # Fewer would mean that steps are no longer seen.
    assert crash_at > 20
    publish = world.process(Plan())[0]
    while await publish.once():
        pass
    await world.check_log()

    told = await world.rows("SELECT data FROM outbox WHERE type LIKE '%EvidencePackaged' ORDER BY seq")
    events = [events_pb2.EvidencePackaged.FromString(bytes(row[0])) for row in told]
    assert sorted(event.contract_id for event in events) == sorted(contracts)
    assert len({event.evidence_number for event in events}) == len(events)
    for event in events:
        assert world.ledger.deposits[event.evidence_number] == event.text_hash
        found = await world.dossiers.of_contract(event.contract_id)
        assert found is not None
        dossier, anchor = found
        assert dossier.package is not None
        assert anchor is not None
        assert (dossier.package.sha256, anchor.tx_hash) == (event.package_sha256, event.evidence_number)
    for event in events[:: len(events) // 5]:
        found = await world.dossiers.of_contract(event.contract_id)
        assert found is not None
        assert found[0].package is not None
        final = document(event.contract_id, "final").sha256
        assert checker.check(await world.objects.get_package(found[0].package), document_sha256=final).passed
    doubled = await world.rows(
        "SELECT 1 FROM outbox WHERE type LIKE '%CheckpointAnchored' GROUP BY data HAVING count(*) > 1"
    )
    assert doubled == []


async def test_a_rolled_back_append_leaves_no_gap(world: World) -> None:
    meta = EventMeta("event-1", "esign.identity.v1.LoginSucceeded", "identity", world.now, "", "", 1)
    with pytest.raises(Crash):
        async with world.db.begin() as session:
            assert await append(SqlAppender(session, world.clock), read(b"", meta), world.now) == 0
            raise Crash
    for _ in range(2):
        async with world.db.begin() as session:
            assert await append(SqlAppender(session, world.clock), read(b"", meta), world.now) == 0
    assert await world.rows("SELECT size FROM log_state") == [(1,)]


async def test_concurrent_appends_have_one_order(world: World) -> None:
    async def one(number: int) -> int:
        meta = EventMeta(f"event-{number}", "esign.identity.v1.LoginSucceeded", "identity", world.now, "", "", 1)
        async with world.db.begin() as session:
            return await append(SqlAppender(session, world.clock), read(b"", meta), world.now)

    assert sorted(await asyncio.gather(*(one(number) for number in range(40)))) == list(range(40))


async def test_what_is_logged_cannot_be_changed(world: World) -> None:
    for table, column in (("records", "index"), ("checkpoints", "size"), ("tile_hashes", "index")):
        for change in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(DBAPIError, match="append-only"):
                await world.rows(change)


async def test_a_changed_history_is_not_signed(world: World) -> None:
    contract_id = new_id()
    await world.add(contract_id)
    publish = world.process(Plan())[0]
    await publish.once()
    before = await world.rows("SELECT note FROM checkpoints ORDER BY size")
    await world.unlock()
    await world.rows("UPDATE records SET leaf_hash = sha256('forged') WHERE index = 3 RETURNING 1")
    await world.add(new_id())
    with pytest.raises(Internal, match="LOG_INCONSISTENT"):
        await publish.once()
    assert await world.rows("SELECT note FROM checkpoints ORDER BY size") == before


async def test_a_missing_leaf_is_not_passed_over(world: World) -> None:
    await world.add(new_id())
    await world.unlock()
    await world.rows("DELETE FROM records WHERE index = 3 RETURNING 1")
    with pytest.raises(Internal, match="LOG_GAP"):
        await world.process(Plan())[0].once()


async def test_a_published_tile_is_never_replaced(world: World) -> None:
    """As after a restore of the database from a backup older than the bucket: the log refuses to fork."""
    path = Tile(0, 7, 17).path
    await world.objects.put_tile(path, b"x" * 32 * 17, full=False)
    await world.objects.put_tile(path, b"x" * 32 * 17, full=False)
    with pytest.raises(Internal, match="LOG_OBJECT_DIFFERS"):
        await world.objects.put_tile(path, b"y" * 32 * 17, full=False)
    await world.add(new_id())
    size = (await world.rows("SELECT size FROM log_state"))[0][0]
    await world.objects.put_tile(Tile(0, 0, size).path, b"z", full=False)
    with pytest.raises(Internal, match="LOG_OBJECT_DIFFERS"):
        await world.process(Plan())[0].once()
    assert await world.rows("SELECT 1 FROM checkpoints") == []


async def test_locked_evidence_cannot_be_deleted(world: World) -> None:
    assert world.settings.s3 is not None
    locking = EvidenceObjects(
        Objects(world.settings.s3), "evidence", world.origin, timedelta(seconds=5), lambda: datetime.now(UTC)
    )
    package = await locking.put_package("contract-1", b"a package")
    with pytest.raises(Internal, match="OBJECT_STORE_REFUSED"):
        await Objects(world.settings.s3).delete(package)
    assert await locking.put_package("contract-1", b"a package") == package
    assert await locking.get_package(package) == b"a package"


async def there(world: World, tile: Tile) -> bool:
    try:
        return len(await world.objects.get_tile(tile.path)) == 32 * tile.width
    except NotFound:
        return False


async def test_a_backlog_is_published_in_steps(world: World) -> None:
    """Two levels of tiles, full and partial; the batch ends within a tile."""
    entry = "convert_to('stranger ' || n, 'UTF8')"
    async with world.db.begin() as session:
        await (await session.connection()).execute(
            text(
                "INSERT INTO records SELECT n, 'event-' || n, 'a.b.c', '', e, sha256('\\x00'::bytea || e), '', '', now() "
                f"FROM (SELECT n, {entry} AS e FROM generate_series(0, 2835) AS n) AS s"
            )
        )
        await (await session.connection()).execute(text("UPDATE log_state SET size = 2836"))
    publish = Publish(world.log, world.objects, world.signer, world.origin, max_batch=1536)
    assert await publish.once() == 1536
    publish = Publish(world.log, world.objects, world.signer, world.origin, max_batch=600)
    assert [await publish.once() for _ in range(4)] == [600, 600, 100, 0]
    await world.add(new_id())
    assert await publish.once() == 17
    await world.check_log()

    # Partial tiles go once the full one is there, and only then.
    partials = [Tile(0, 8, 88), Tile(0, 10, 176), Tile(0, 11, 20), Tile(0, 11, 37), Tile(1, 0, 8)]
    assert [tile for tile in partials if await there(world, tile)] == partials
    prune = Prune(world.log, world.objects)
    while await prune.once():
        pass
    assert [tile for tile in partials if await there(world, tile)] == partials[2:]
    await world.check_log()
    questions = Questions(
        world.dossiers, world.log, world.objects, world.objects, world.ledger, world.signer.verifier.vkey, world.clock
    )
    full = await questions.tile("0/008")
    assert await questions.tile("0/008.p/88") == full[: 88 * 32]
    assert len(full) == 256 * 32


async def test_a_transaction_that_the_chain_lost_is_deposited_again(world: World) -> None:
    contract_id = new_id()
    await world.add(contract_id)
    publish, anchoring, packaging = world.process(Plan())
    await publish.once()
    await packaging.once()
    await anchoring.once()
    [lost] = [tx_hash for tx_hash, content in world.ledger.deposits.items() if "\n" not in content]
    world.ledger.forget.add(lost)
    for _ in range(3):
        world.now += timedelta(seconds=100)
        await anchoring.once()
    found = await world.dossiers.of_contract(contract_id)
    assert found is not None
    assert found[1] is not None
    assert found[1].tx_hash == lost
    world.now += timedelta(minutes=10)
    await world.work(Plan(), contract_id)
    found = await world.dossiers.of_contract(contract_id)
    assert found is not None
    assert found[1] is not None
    assert found[1].tx_hash != lost
    assert world.ledger.deposits[found[1].tx_hash] == found[0].text_hash


async def test_another_content_under_our_number_is_never_confirmed(world: World) -> None:
    contract_id = new_id()
    await world.add(contract_id)
    publish, anchoring, packaging = world.process(Plan())
    await publish.once()
    await packaging.once()
    await anchoring.once()
    for tx_hash in world.ledger.deposits:
        world.ledger.deposits[tx_hash] = "another"
    for _ in range(3):
        world.now += timedelta(hours=1)
        await anchoring.once()
    assert await world.rows("SELECT DISTINCT state, error FROM anchors") == [("SUBMITTED", "ANCHOR_DIFFERS")]


async def test_a_package_that_does_not_hold_is_not_handed_out(world: World) -> None:
    """The activation's key is not the one that packages carry: the checker refuses, and nobody is told."""
    contract_id = new_id()
    await world.add(contract_id)
    publish, anchoring, _ = world.process(Plan())
    other = world.platform.pki.actor_public_key_file.read_bytes()
    published = Published(world.signer.verifier, [other], "https://sign.example.com/verify")
    packaging = Packaging(world.dossiers, world.log, world.objects, published, world.clock)
    for _ in range(5):
        for loop in (publish, anchoring, packaging):
            await loop.once()
        world.now += timedelta(seconds=61)
    assert await world.rows("SELECT waiting_for, package_key FROM dossiers") == [("PACKAGE_INVALID", "")]
    assert await world.rows("SELECT 1 FROM outbox WHERE type LIKE '%EvidencePackaged'") == []


async def test_a_store_that_is_away_holds_the_checkpoint_back(world: World) -> None:
    class Away(Mortal):
        async def put_tile(self, path: str, content: bytes, *, full: bool) -> None:
            raise Unavailable("OBJECT_STORE_UNAVAILABLE", zh="", en="")

    await world.add(new_id())
    publish = Publish(world.log, Away(world.objects, Plan()), world.signer, world.origin)
    with pytest.raises(Unavailable):
        await publish.once()
    assert await world.rows("SELECT 1 FROM checkpoints") == []
    assert await world.process(Plan())[0].once()


async def test_a_package_belongs_to_the_trace_of_the_completion(world: World) -> None:
    contract_id, trace_id = new_id(), "0af7651916cd43dd8448eb211c80319c"
    token = context.attach(extract({"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}))
    await world.add(contract_id)
    context.detach(token)
    await world.work(Plan(), contract_id)
    [(traceparent,)] = await world.rows("SELECT traceparent FROM outbox WHERE type LIKE '%EvidencePackaged'")
    assert traceparent.split("-")[1] == trace_id
