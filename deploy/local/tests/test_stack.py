"""The whole platform under the supervisor: it starts, survives the loss of any part, keeps its state, and leaves nothing."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
from esign.identity.v1 import identity_pb2, identity_pb2_grpc
from esign_kit.errors import Forbidden
from esign_local.stack import Stack
from esign_local.state import StackError, is_running

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with Stack(ephemeral=True) as running:
        yield running


async def test_everything_answers_and_is_set_up(stack: Stack) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for name in ("gateway", "sandbox"):
            assert (await client.get(f"{stack.url(name)}/healthz")).status_code == 200
    assert stack.seeded.seal_id
    assert (stack.trust_dir / "ca-roots.pem").read_text().startswith("-----BEGIN CERTIFICATE")
    assert not any(stack.restarts.values()), stack.restarts


async def test_a_certificate_decides_who_may_call(stack: Stack) -> None:
    request = identity_pb2.RegisterOrganisationRequest(name="x", unified_social_credit_code="x")
    as_leasing = identity_pb2_grpc.OperatorServiceStub(stack.channel("identity", "leasing"))
    with pytest.raises(Forbidden) as refused:
        await as_leasing.RegisterOrganisation(request)
    assert refused.value.reason == "CALLER_NOT_ALLOWED"


async def test_all_fits_into_one_and_a_half_gigabytes(stack: Stack) -> None:
    used = stack.rss()
    assert set(used) == {*stack.names, "supervisor"}
    assert all(used.values())
    assert sum(used.values()) < 1.5 * 2**30, {name: size >> 20 for name, size in used.items()}


@pytest.mark.parametrize("name", ["postgres", "nats", "s3", "sandbox", "identity", "gateway"])
async def test_what_is_killed_comes_back_and_the_rest_recovers(stack: Stack, name: str) -> None:
    before = stack.restarts
    pid = stack.pid(name)
    await stack.kill(name)
    for each in stack.names:
        await stack.wait_healthy(each, 60)
    assert stack.pid(name) != pid
    assert stack.restarts == {**before, name: before[name] + 1}
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{stack.url('gateway')}/healthz")).status_code == 200


async def test_a_part_can_be_kept_down(stack: Stack) -> None:
    await stack.stop("nats")
    with pytest.raises(StackError):
        stack.pid("nats")
    await stack.start("nats")
    for each in stack.names:
        await stack.wait_healthy(each, 60)


async def _started(data_dir: Path) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "esign_local", "run", "--data-dir", str(data_dir)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    seen = ""
    while "all green" not in seen:
        line = (await process.stdout.readline()).decode()
        assert line, seen
        seen += line
    return process


async def test_state_outlives_a_stop_and_a_kill_and_processes_outlive_neither(tmp_path: Path) -> None:
    """Twice on one machine too: the module's own stack runs beside this one."""
    process = await _started(tmp_path)
    first = _status(tmp_path)
    ended = psutil.Process(process.pid).children(recursive=True)
    assert len(ended) > 11
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, ended, timeout=20)
    assert not alive

    process = await _started(tmp_path)
    assert _status(tmp_path) == first, "the addresses changed"
    ended = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), 30) == 0
    _, alive = await asyncio.to_thread(psutil.wait_procs, ended, timeout=3)
    assert not alive
    assert not is_running(tmp_path)
    assert "not running" in _cli("status", tmp_path)


def _cli(command: str, data_dir: Path) -> str:
    arguments = [sys.executable, "-m", "esign_local", command, "--data-dir", str(data_dir)]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=False).stdout


def _status(data_dir: Path) -> list[list[str]]:
    """Names and addresses as `status` tells them."""
    return [line.split()[:2] for line in _cli("status", data_dir).splitlines()]


async def test_the_rows_are_still_there(stack: Stack) -> None:
    dsn = stack.postgres.dsn("identity").replace("+psycopg", "")
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        tables = await (
            await connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        ).fetchone()
    assert tables is not None
    assert tables[0] > 3
