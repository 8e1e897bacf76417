"""The command line where nothing has to be started."""

import subprocess
import sys
from pathlib import Path

import pytest
from esign_local.state import State


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "esign_local", *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def test_status_says_when_nothing_runs(tmp_path: Path) -> None:
    done = _run("status", "--data-dir", str(tmp_path))
    assert done.returncode == 3
    assert "not running" in done.stdout


@pytest.mark.parametrize("command", ["reset", "run"])
def test_a_directory_in_use_is_left_alone(command: str, tmp_path: Path) -> None:
    state = State(tmp_path)
    try:
        done = _run(command, "--data-dir", str(tmp_path))
    finally:
        state.close()
    assert done.returncode == 1
    assert "running on" in done.stdout
    assert (tmp_path / "lock").exists()


def test_reset_removes_a_data_directory_and_nothing_else(tmp_path: Path) -> None:
    ours, foreign = tmp_path / "ours", tmp_path / "foreign"
    State(ours).close()
    (ours / "engines").mkdir()
    foreign.mkdir()
    (foreign / "precious").write_text("x")
    assert _run("reset", "--data-dir", str(ours)).returncode == 0
    assert not ours.exists()
    done = _run("reset", "--data-dir", str(foreign))
    assert done.returncode == 1
    assert (foreign / "precious").exists()
    assert _run("reset", "--data-dir", str(ours)).returncode == 0
