"""The embedded engines: they hold what they promise about isolation, durability and not outliving anyone."""

import asyncio
import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats
import nats.errors
import nats.js.api
import psutil
import psycopg
import pytest
from esign_kit.engines import (
    EVENT_STREAM,
    S3,
    EngineError,
    Nats,
    Postgres,
    S3Identity,
    TcpProxy,
    free_ports,
    give_back_ports,
)
from minio.commonconfig import COMPLIANCE
from minio.error import S3Error
from minio.retention import Retention
from nats.aio.client import Client


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres(fsync=False) as engine:
        yield engine


@pytest.fixture(scope="module")
def broker() -> Iterator[Nats]:
    with Nats(fsync=False) as engine:
        yield engine


IDENTITIES = [
    S3Identity.for_buckets("contract", "contract-secret", write=["documents"]),
    S3Identity.for_buckets("signer", "signer-secret", write=["seals"], read=["documents"]),
]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with S3(identities=IDENTITIES) as engine:
        engine.make_bucket("documents")
        engine.make_bucket("seals", object_lock=False)
        yield engine


def _psycopg(dsn: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(dsn.replace("+psycopg", ""), autocommit=True, connect_timeout=5)


def test_a_role_reaches_its_own_database_only(postgres: Postgres) -> None:
    own = postgres.create_database("contract", owner="contract", password="p@ss/w:rd%")
    other = postgres.create_database("signer", owner="signer", password="other")
    with _psycopg(own) as connection:
        connection.execute("CREATE TABLE t (x int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE DATABASE mine")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE ROLE mine")
    for forbidden in ("signer", "postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            _psycopg(postgres.dsn(forbidden, "contract", "p@ss/w:rd%"))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _psycopg(postgres.dsn("contract", "contract", "wrong"))
    with _psycopg(other):
        pass


def test_creating_a_database_again_keeps_rows_and_changes_the_password(postgres: Postgres) -> None:
    with _psycopg(postgres.create_database("again", owner="again", password="one")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS x")
    with _psycopg(postgres.create_database("again", owner="again", password="two")) as connection:
        assert connection.execute("SELECT x FROM t").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError):
        _psycopg(postgres.dsn("again", "again", "one"))
    postgres.drop_database("again")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        _psycopg(postgres.dsn("again", "again", "two"))


@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_postgres_keeps_committed_rows_when_killed(mode: int) -> None:
    directory = Path(tempfile.mkdtemp())
    directory.chmod(mode)  # 0700: as a checkout under /root is, closed to the account that the server runs as
    try:
        _survive_a_kill(directory)
    finally:
        shutil.rmtree(directory)


def _survive_a_kill(directory: Path) -> None:
    engine = Postgres(directory / "pg")
    with engine:
        dsn = engine.create_database("kept", owner="kept", password="secret")
        with _psycopg(dsn) as connection:
            connection.execute("CREATE TABLE t AS SELECT 42 AS x")
        assert engine.child is not None
        engine.child.signal_group(signal.SIGKILL)
        engine.child.stop()
        port = engine.port
        engine.start()
        assert engine.port == port
        with _psycopg(dsn) as connection:
            assert connection.execute("SELECT x FROM t").fetchone() == (42,)
    assert (directory / "pg" / "superuser-password").stat().st_mode & 0o077 == 0


async def _connect(broker: Nats, user: str, on_error: Callable[[Exception], Awaitable[None]] | None = None) -> Client:
    return await nats.connect(broker.url_for(user), error_cb=on_error, inbox_prefix=f"_INBOX.{user}".encode())


async def _stream(broker: Nats) -> None:
    admin = await nats.connect(broker.url_for("admin"))
    await admin.jetstream().add_stream(
        name=EVENT_STREAM, subjects=["esign.evt.>"], duplicate_window=120, storage=nats.js.api.StorageType.FILE
    )
    await admin.close()


async def _more_than(found: list[str], number: int) -> bool:
    """Whether `found` grows beyond `number` within a few seconds: the server tells of a violation when it likes."""
    for _ in range(500):
        if len(found) > number:
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_service_publishes_as_itself_only(broker: Nats) -> None:
    await _stream(broker)
    refused: list[str] = []

    async def remember(error: Exception) -> None:
        refused.append(str(error))

    contract = await _connect(broker, "contract", remember)
    stream = contract.jetstream(timeout=0.2)
    own, once = "esign.evt.contract.ContractCreated", {"Nats-Msg-Id": "1"}
    assert (await stream.publish(own, b"{}", timeout=10, headers=once)).stream == EVENT_STREAM
    assert (await stream.publish(own, b"{}", timeout=10, headers=once)).duplicate
    for forged in ("esign.evt.identity.ActivationIssued", "esign.evt.contract", "esign.evt.contracts.X", "other"):
        before = len(refused)
        with pytest.raises((nats.errors.TimeoutError, nats.js.errors.NoStreamResponseError)):
            await stream.publish(forged, b"{}")
        assert await _more_than(refused, before)
        assert forged.lower() in refused[-1]
    for subject in (
        "$JS.API.STREAM.DELETE.ESIGN",
        "$JS.API.STREAM.PURGE.ESIGN",
        "$JS.API.STREAM.UPDATE.ESIGN",
        "$JS.API.STREAM.MSG.DELETE.ESIGN",
        "$JS.API.STREAM.CREATE.OTHER",
        "$JS.API.CONSUMER.DELETE.ESIGN.contract",
        "$JS.API.CONSUMER.CREATE.ESIGN.identity",
        "$JS.API.CONSUMER.MSG.NEXT.ESIGN.identity",
        "$JS.ACK.ESIGN.identity.1.1.1.1.0",
        "_INBOX.identity.x",
    ):
        before = len(refused)
        await contract.publish(subject, b"")
        assert await _more_than(refused, before), f"{subject} was let through"
    for subject in ("esign.evt.>", ">", "$JS.API.>", "_INBOX.>", "_INBOX.identity.>"):
        before = len(refused)
        await contract.subscribe(subject)
        assert await _more_than(refused, before), f"{subject} was let through"
    await contract.close()


async def test_a_service_consumes_with_its_own_durable(broker: Nats) -> None:
    await _stream(broker)
    contract = await _connect(broker, "contract")
    await contract.jetstream().publish("esign.evt.contract.ContractDispatched", b"hello")
    evidence = await _connect(broker, "evidence")
    stream = evidence.jetstream(timeout=2)
    subscription = await stream.pull_subscribe(
        "esign.evt.contract.ContractDispatched", durable="evidence", stream=EVENT_STREAM
    )
    (message,) = await subscription.fetch(1, timeout=2)
    assert message.data == b"hello"
    await message.nak()
    (message,) = await subscription.fetch(1, timeout=2)
    assert message.metadata.num_delivered == 2
    await message.ack_sync()
    assert (await subscription.consumer_info()).num_ack_pending == 0
    await evidence.close()
    await contract.close()


async def test_nats_wants_a_password(broker: Nats) -> None:
    async def quiet(error: Exception) -> None:
        pass

    for url in (broker.url, f"nats://contract:wrong@127.0.0.1:{broker.port}"):
        with pytest.raises(nats.errors.Error):
            await nats.connect(url, allow_reconnect=False, max_reconnect_attempts=0, connect_timeout=2, error_cb=quiet)


async def test_nats_keeps_acknowledged_messages_when_killed(tmp_path: Path) -> None:
    async with Nats(tmp_path / "nats") as engine:
        await _stream(engine)
        client = await _connect(engine, "signer")
        await client.jetstream().publish("esign.evt.signer.Signed", b"kept")
        await client.close()
        assert engine.child is not None
        engine.child.signal_group(signal.SIGKILL)
        engine.child.stop()
        await engine.astart()
        admin = await nats.connect(engine.url_for("admin"))
        assert (await admin.jetstream().get_last_msg(EVENT_STREAM, "esign.evt.signer.Signed")).data == b"kept"
        await admin.close()


def test_s3_rights_are_per_bucket(s3: S3) -> None:
    contract, signer = s3.client("contract"), s3.client("signer")
    contract.put_object("documents", "a", io.BytesIO(b"one"), 3)
    assert signer.get_object("documents", "a").read() == b"one"
    signer.put_object("seals", "s", io.BytesIO(b"seal"), 4)
    refused = [
        lambda: signer.put_object("documents", "b", io.BytesIO(b"two"), 3),
        lambda: signer.remove_object("documents", "a"),
        lambda: contract.stat_object("seals", "s"),
        lambda: contract.make_bucket("mine"),
        lambda: contract.remove_bucket("documents"),
    ]
    for attempt in refused:
        with pytest.raises(S3Error) as error:
            attempt()  # type: ignore[no-untyped-call]
        assert error.value.code == "AccessDenied"


def test_s3_versions_and_locks_objects(s3: S3) -> None:
    contract = s3.client("contract")
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    first = contract.put_object("documents", "v", io.BytesIO(b"1"), 1, retention=Retention(COMPLIANCE, until))
    contract.put_object("documents", "v", io.BytesIO(b"2"), 1)
    assert contract.get_object("documents", "v").read() == b"2"
    assert contract.get_object("documents", "v", version_id=first.version_id).read() == b"1"
    for client in (contract, s3.client()):
        with pytest.raises(S3Error):
            client.remove_object("documents", "v", version_id=first.version_id)


def test_s3_answers_nobody_without_a_key(s3: S3) -> None:
    import httpx

    s3.client("contract").put_object("documents", "secret", io.BytesIO(b"secret"), 6)
    filer = s3.ports[3]
    for url in (f"{s3.url}/documents/secret", f"http://127.0.0.1:{filer}/buckets/documents/secret"):
        assert httpx.get(url).status_code in (401, 403), url
    assert s3.child is not None
    listening = [c for c in psutil.Process(s3.child.pid).net_connections() if c.status == "LISTEN"]
    assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}
    assert {connection.laddr.port for connection in listening} == set(s3.ports)


def test_s3_keeps_objects_when_killed(tmp_path: Path) -> None:
    with S3(tmp_path / "s3", identities=IDENTITIES, secret_key="stable") as engine:
        engine.make_bucket("documents")
        client = engine.client("contract")
        for number in range(20):
            client.put_object("documents", f"{number}", io.BytesIO(b"%d" % number * 1000), len(b"%d" % number) * 1000)
        assert engine.child is not None
        engine.child.signal_group(signal.SIGKILL)
        engine.child.stop()
        endpoint = engine.endpoint
        engine.start()
        assert engine.endpoint == endpoint
        client = engine.client("contract")
        # It answers before its volumes have reported; a read may fail until then, but never with other content.
        deadline = time.monotonic() + 30
        for number in range(20):
            while True:
                try:
                    content = client.get_object("documents", f"{number}").read()
                    break
                except S3Error as error:
                    if error.code != "InternalError" or time.monotonic() > deadline:
                        raise
                    time.sleep(0.2)
            assert content == b"%d" % number * 1000


def test_a_failing_start_names_the_engine_and_shows_its_log(tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "store").write_text("in the way")
    with pytest.raises(EngineError, match=r"nats ended at start with status 1[\s\S]*(?i:store|jetstream)"):
        Nats(tmp_path / "nats").start()


def test_two_of_each_live_side_by_side(broker: Nats, postgres: Postgres) -> None:
    with Nats(port=broker.port, fsync=False) as second, Postgres(port=postgres.port, fsync=False) as other:
        assert second.port != broker.port
        assert other.port != postgres.port


@pytest.mark.parametrize(("ending", "spawned_by"), [(signal.SIGKILL, "main thread"), (signal.SIGTERM, "other thread")])
def test_no_engine_outlives_its_parent(ending: signal.Signals, spawned_by: str, tmp_path: Path) -> None:
    start = "start()" if spawned_by == "main thread" else "t = threading.Thread(target=start); t.start(); t.join()"
    program = textwrap.dedent(
        f"""
        import pathlib, threading, time
        from esign_kit.engines import Nats, Postgres
        engines = [Postgres(pathlib.Path({str(tmp_path / "pg")!r}), fsync=False), Nats(pathlib.Path({str(tmp_path)!r}))]
        def start():
            for engine in engines:
                engine.start()
        {start}
        print(*(engine.child.pid for engine in engines), flush=True)
        time.sleep(60)
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2
    processes = [psutil.Process(pid) for pid in pids]
    parent.send_signal(ending)
    parent.wait()
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive


def test_free_ports_are_different_and_prefer_the_asked_ones() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert free_ports(2, ports[:1])[0] == ports[0]


def test_a_port_that_another_process_was_given_is_not_free() -> None:
    asks = "from esign_kit.engines import free_ports; print(*free_ports(3), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", asks], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = [int(port) for port in other.stdout.readline().split()]
        assert not {*theirs} & {*free_ports(2, theirs)}
        other.communicate("\n")
    assert free_ports(3, theirs) == theirs
    asks = f"from esign_kit.engines import free_ports; print(*free_ports(3, {theirs}))"
    for given_back in (False, True):
        if given_back:
            give_back_ports(theirs)
        said = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True).stdout
        assert ([int(port) for port in said.split()] == theirs) is given_back


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1024):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _says(proxy: TcpProxy, within: float = 2.0) -> bytes:
    async with asyncio.timeout(within):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        try:
            writer.write(b"x")
            return await reader.read(1)
        finally:
            writer.close()


async def test_the_proxy_is_a_bad_network_on_demand() -> None:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    async with server, TcpProxy("127.0.0.1", server.sockets[0].getsockname()[1]) as proxy:
        assert await _says(proxy) == b"x"

        proxy.delay(0.1)
        started = time.monotonic()
        assert await _says(proxy) == b"x"
        assert time.monotonic() - started >= 0.2
        await proxy.heal()

        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"y")
        assert await reader.read(1) == b"y"
        proxy.hang()
        writer.write(b"z")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
        with pytest.raises(TimeoutError):
            await _says(proxy, 0.1)
        await proxy.heal()
        assert await reader.read(1) == b"z"

        await proxy.cut()
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read(1) == b""
        writer.close()
        assert await _says(proxy) == b"x"

        await proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await _says(proxy)
        await proxy.heal()
        assert await _says(proxy) == b"x"


def test_nothing_is_left_in_the_temporary_directory() -> None:
    engine = Nats(fsync=False)
    with engine:
        assert engine.child is not None
        pid = engine.child.pid
    assert not engine.data_dir.exists()
    assert not psutil.pid_exists(pid)
    with pytest.raises(ProcessLookupError):
        os.killpg(pid, 0)
