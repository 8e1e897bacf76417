"""The supervisor with small programs: order, restarts, failures told by name, freezing, and no orphans."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from esign_kit.engines import Child, free_ports
from esign_local.state import StackError
from esign_local.supervisor import Phase, Program, Supervisor, rotate

SERVER = """
import http.server, os, signal, subprocess, sys
if "--stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("serving", flush=True)
if "--with-worker" in sys.argv:
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    print("worker", worker.pid, flush=True)
class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Quiet).serve_forever()
"""


def server(tmp_path: Path, name: str, needs: tuple[str, ...] = (), *options: str) -> Program:
    port = free_ports(1)[0]
    log = tmp_path / f"{name}.log"

    async def healthy() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        try:
            assert (await asyncio.wait_for(_.read(12), 1)).endswith(b"200")
        finally:
            writer.close()

    command = [sys.executable, "-I", "-S", "-c", SERVER, str(port), *options]
    return Program(
        name=name,
        address=f"127.0.0.1:{port}",
        log=log,
        spawn=lambda: Child(command, name=name, log=log),
        healthy=healthy,
        needs=needs,
        grace=1.0,
    )


def broken(tmp_path: Path, name: str = "broken") -> Program:
    log = tmp_path / f"{name}.log"

    async def healthy() -> None:
        raise ConnectionError("nobody there")

    command = [sys.executable, "-I", "-S", "-c", "print('no such table: people'); raise SystemExit(3)"]
    return Program(name, "", log, lambda: Child(command, name=name, log=log), healthy)


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    made = Supervisor()
    yield made
    await made.stop_all()


async def test_programs_start_after_what_they_need(tmp_path: Path) -> None:
    order: list[str] = []
    supervisor = Supervisor(lambda program: order.append(f"{program.name} {program.phase}"))
    supervisor.add(server(tmp_path, "first"))
    supervisor.add(server(tmp_path, "beside"))
    supervisor.add(server(tmp_path, "second", ("first",)))
    with pytest.raises(ValueError, match="nowhere"):
        supervisor.add(server(tmp_path, "third", ("nowhere",)))
    await supervisor.start_all()
    pids = [program.child.pid for program in supervisor.programs.values() if program.child]
    assert order.index("first green") < order.index("second starting")
    assert order.index("beside starting") < order.index("first green")
    await supervisor.stop_all([["second"]])
    assert order.index("second stopped") < order.index("first stopped")
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_a_killed_program_is_restarted_and_counted(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.add(server(tmp_path, "one"))
    program = supervisor.programs["one"]
    await supervisor.start_all()
    for count in (1, 2):
        assert program.child is not None
        before = program.child.pid
        await supervisor.kill("one")
        await supervisor.wait_green("one", 20)
        assert program.child.pid != before
        assert program.restarts == count
    assert "SIGKILL" in program.reason


async def test_what_a_killed_program_had_started_dies_too(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.add(server(tmp_path, "one", (), "--with-worker"))
    await supervisor.start_all()
    worker = psutil.Process(int((tmp_path / "one.log").read_text().split("worker")[1].split()[0]))
    await supervisor.kill("one")
    await supervisor.wait_green("one", 20)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


async def test_a_frozen_program_is_seen_and_recovers(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esign_local.supervisor.HEALTH_EVERY", 0.1)
    supervisor.add(server(tmp_path, "one"))
    await supervisor.start_all()
    program = supervisor.programs["one"]
    supervisor.pause("one")
    async with asyncio.timeout(10):
        while program.phase is not Phase.UNWELL:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    supervisor.resume("one")
    await supervisor.wait_green("one", 10)
    assert program.restarts == 0
    supervisor.pause("one")
    begun = time.monotonic()
    await supervisor.stop("one")  # also while it is frozen
    assert time.monotonic() - begun < 5


async def test_a_stopped_program_stays_down_until_started(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.add(server(tmp_path, "one"))
    await supervisor.start_all()
    await supervisor.stop("one")
    await asyncio.sleep(0.3)
    assert not supervisor.programs["one"].green.is_set()
    with pytest.raises(StackError, match="not running"):
        await supervisor.kill("one")
    await supervisor.start("one")
    assert supervisor.programs["one"].phase is Phase.GREEN
    assert supervisor.programs["one"].restarts == 0


async def test_a_start_that_fails_is_told_by_name_with_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.add(server(tmp_path, "fine"))
    supervisor.add(broken(tmp_path))
    with pytest.raises(StackError, match=r"broken: ended with status 3[\s\S]*no such table: people"):
        await supervisor.start_all()
    assert supervisor.programs["broken"].phase is Phase.FAILED


async def test_a_program_that_never_answers_is_told_too(supervisor: Supervisor, tmp_path: Path) -> None:
    program = server(tmp_path, "deaf")

    async def healthy() -> None:
        raise ConnectionError("health check: NOT_SERVING")

    program.healthy, program.start_timeout = healthy, 0.3
    supervisor.add(program)
    with pytest.raises(StackError, match=r"deaf: not healthy after 0 s: health check: NOT_SERVING"):
        await supervisor.start_all()


def test_a_log_that_has_grown_is_moved_away_under_its_writer(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        rotate(log, limit=200)
        assert log.stat().st_size == 100
        rotate(log, limit=50)
        writer.write(b"next")
    assert log.read_bytes() == b"next"
    assert (tmp_path / "a.log.1").read_bytes() == b"x" * 100


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_the_supervisor(ending: signal.Signals, tmp_path: Path) -> None:
    stubborn = "--stubborn" if ending is signal.SIGKILL else ""  # one that does not listen to SIGTERM
    program = textwrap.dedent(
        f"""
        import asyncio, pathlib, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_supervisor import Supervisor, server
        async def main():
            supervisor = Supervisor()
            for name in "abc":
                supervisor.add(server(pathlib.Path({str(tmp_path)!r}), name, (), "--with-worker", {stubborn!r}))
            await supervisor.start_all()
            print("up", flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "up\n"
    started = psutil.Process(parent.pid).children(recursive=True)
    assert len([process for process in started if "python" in process.name()]) == 6
    os.kill(parent.pid, ending)
    parent.wait()
    _, alive = psutil.wait_procs(started, timeout=10)
    assert not alive
