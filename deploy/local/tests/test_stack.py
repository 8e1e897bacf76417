"""The whole platform as a developer runs it: it starts, restarts what dies, keeps its state, and leaves nothing behind.

What journeys make of such losses is tested end to end; here it is the supervisor's part.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest
from esign_local import memory
from esign_local.seed import Seeded
from esign_local.state import is_running

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


class Run:
    """`python -m esign_local run` on a directory, and what it prints."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.printed = ""
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Return when all is green."""
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "esign_local", "run", "--data-dir", str(self.data_dir)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "120"},
        )
        await self.until(lambda: "all green" in self.printed and (self.data_dir / "status.json").exists())

    async def until(self, true: Callable[[], bool]) -> None:
        """Read what it prints until `true`; fails when it ends before."""
        assert self.process is not None
        assert self.process.stdout is not None
        async with asyncio.timeout(90):
            while not true():
                line = (await self.process.stdout.readline()).decode()
                assert line, self.printed
                self.printed += line

    def programs(self) -> dict[str, dict[str, object]]:
        """Address, phase, pid and restarts by name."""
        found: dict[str, dict[str, object]] = json.loads((self.data_dir / "status.json").read_text())["programs"]
        return found

    def status(self) -> str:
        """What the command `status` prints."""
        command = [sys.executable, "-m", "esign_local", "status", "--data-dir", str(self.data_dir)]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout

    def children(self) -> list[psutil.Process]:
        """All processes below it."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)


async def _all_gone(processes: list[psutil.Process], within: float) -> None:
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, timeout=within)
    assert not alive


async def test_start_kill_start_again_stop(tmp_path: Path) -> None:
    run = Run(tmp_path)
    await run.start()
    first = run.programs()
    assert len(first) == 11
    assert {program["phase"] for program in first.values()} == {"green"}
    assert all(name in run.status() for name in first)
    async with httpx.AsyncClient(trust_env=False) as client:
        for name in ("gateway", "sandbox"):
            assert (await client.get(f"http://{first[name]['address']}/healthz")).status_code == 200
    seeded = Seeded.load(tmp_path / "seeded.json")
    used = {name: memory.of_tree(int(str(program["pid"]))) for name, program in first.items()}
    assert all(0 < one.pss <= one.rss for one in used.values())
    assert run.process is not None
    whole = memory.of_tree(run.process.pid)
    assert whole.rss < 1.4 * 2**30, {name: one.rss >> 20 for name, one in used.items()}

    for name in ("s3", "identity"):
        os.kill(int(str(first[name]["pid"])), signal.SIGKILL)
    await run.until(lambda: all(_is_back(run.programs()[name]) for name in ("s3", "identity")))
    assert "SIGKILL" in run.printed
    assert run.programs()["gateway"]["restarts"] == 0

    children = run.children()
    assert run.process is not None
    run.process.kill()
    await run.process.wait()
    await _all_gone(children, within=20)

    again = Run(tmp_path)
    await again.start()
    assert {name: program["address"] for name, program in again.programs().items()} == {
        name: program["address"] for name, program in first.items()
    }
    assert Seeded.load(tmp_path / "seeded.json") == seeded
    children = again.children()
    assert again.process is not None
    again.process.send_signal(signal.SIGINT)
    await again.until(lambda: "stopped" in again.printed)
    assert await asyncio.wait_for(again.process.wait(), 30) == 0
    await _all_gone(children, within=3)
    assert not is_running(tmp_path)
    assert "not running" in again.status()


def _is_back(program: dict[str, object]) -> bool:
    return program["phase"] == "green" and program["restarts"] == 1
