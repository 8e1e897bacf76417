"""Workers: a slow, dead or greedy one costs its own work at most."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from esign_signer.adapters.keys.settings import KeyStoreSettings
from esign_signer.adapters.pdf import worker
from esign_signer.adapters.pdf.pool import WorkerPool
from esign_signer.adapters.pdf.settings import TrustSettings, WorkerSettings
from esign_signer.app.ports import WorkerFailed
from esign_signer.domain.document import DocumentRejected
from esign_signer.domain.keys import KeyAlgorithm, KeyStoreKind, Subject
from esign_signer.domain.seal import ImageInvalid


@pytest.fixture(scope="module")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerPool]:
    master = tmp_path_factory.mktemp("pool") / "master.key"
    master.write_bytes(os.urandom(32))
    pool = WorkerPool(WorkerSettings(TrustSettings((), ()), "pdfsig", KeyStoreSettings(master), 4 * 2**30), 1)
    await pool.warm_up()
    yield pool
    await pool.close()


async def test_a_slow_worker_is_replaced(pool: WorkerPool) -> None:
    first = await pool.run(worker.process_id, 5)
    with pytest.raises(WorkerFailed):
        await pool.run(time.sleep, 0.2, 30)
    assert await pool.run(worker.process_id, 5) != first


async def test_a_dead_worker_is_replaced_and_its_work_repeated(pool: WorkerPool) -> None:
    os.kill(await pool.run(worker.process_id, 5), signal.SIGKILL)
    new = await pool.run(worker.create_key, 20, KeyStoreKind.SOFTWARE, "k", Subject("k"), KeyAlgorithm.EC_P256)
    assert new.wrapped


async def test_work_that_kills_every_worker_fails(pool: WorkerPool) -> None:
    with pytest.raises(WorkerFailed):
        await pool.run(os._exit, 5, 3)
    assert await pool.run(worker.process_id, 5)


async def test_errors_arrive_typed(pool: WorkerPool, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"no pdf")
    with pytest.raises(DocumentRejected) as rejected:
        await pool.run(worker.validate, 20, path, 5.0)
    assert rejected.value.code == "PDF_INVALID"
    with pytest.raises(ImageInvalid):
        await pool.run(worker.inspect_image, 20, b"no png")


async def test_a_cancelled_caller_does_not_lose_the_worker(pool: WorkerPool) -> None:
    task = asyncio.create_task(pool.run(time.sleep, 5, 0.3))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await pool.run(worker.process_id, 5)


async def test_a_worker_starts_with_its_first_work_and_ends_when_it_has_none(pool: WorkerPool) -> None:
    lazy = WorkerPool(WorkerSettings(TrustSettings((), ()), "pdfsig"), 2, idle_seconds=0.3)
    before = set(_children())
    first = await lazy.run(worker.process_id, 5)
    assert await lazy.run(worker.process_id, 5) == first
    assert set(_children()) - before == {first}
    await asyncio.sleep(0.8)
    assert first not in _children()
    second = await lazy.run(worker.process_id, 5)
    assert second != first
    await lazy.close()
    assert second not in _children()
    with pytest.raises(WorkerFailed):
        await lazy.run(worker.process_id, 5)


async def test_an_error_that_cannot_travel_is_told_in_words(pool: WorkerPool) -> None:
    with pytest.raises(RuntimeError, match="cannot travel"):
        await pool.run(exec, 5, "class Odd(Exception): ...\nraise Odd('cannot travel')")
    assert await pool.run(worker.process_id, 5)


def _children() -> list[int]:
    return [child.pid for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]


def test_time_limit_inside_the_worker() -> None:
    started = time.monotonic()
    with pytest.raises(DocumentRejected) as rejected, worker.limited(0.2):
        while time.monotonic() < started + 5:
            pass
    assert rejected.value.code == "PDF_TOO_COMPLEX"
    assert time.monotonic() - started < 2
