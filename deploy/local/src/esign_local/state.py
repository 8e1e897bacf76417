"""The data directory: its layout, its lock, and the ports that stay the same from run to run."""

import fcntl
import json
import os
from pathlib import Path
from typing import IO

from esign_kit.engines.process import free_ports, give_back_ports

ROOT = Path(__file__).resolve().parents[4]
"""The checkout."""


class StackError(RuntimeError):
    """The platform, or a named part of it, did not start; the text is for a person."""


class State:
    """`state.json` in the data directory: ports by name, and what has been done once.

    Taking it locks the directory for this process; raises StackError when another one holds it.
    """

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self._file = data_dir / "state.json"
        self._lock: IO[str] = open(data_dir / "lock", "a+")  # noqa: SIM115 - held until close()
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.seek(0)
            holder = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise StackError(f"the platform is already running on {data_dir} (process {holder})") from None
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()
        content = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.ports: dict[str, list[int]] = content.get("ports", {})
        self.done: list[str] = content.get("done", [])

    def take_ports(self, name: str, count: int) -> list[int]:
        """`count` ports free now, those of the last run where possible. Remembered."""
        self.ports[name] = free_ports(count, self.ports.get(name, [])[:count])
        self.save()
        return self.ports[name]

    def mark_done(self, what: str) -> None:
        """Remembers that `what` need not be done again on this directory."""
        self.done.append(what)
        self.save()

    def save(self) -> None:
        """Writes the file in one step."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps({"ports": self.ports, "done": self.done}, indent=2))
        fresh.replace(self._file)

    def close(self) -> None:
        """Unlocks the directory, and lets others have its ports."""
        if not self._lock.closed:
            give_back_ports(port for ports in self.ports.values() for port in ports)
            self._lock.truncate(0)
            self._lock.close()


def read_ports(data_dir: Path) -> dict[str, list[int]]:
    """The ports by name as the run that holds `data_dir` has taken them. Raises OSError."""
    ports: dict[str, list[int]] = json.loads((data_dir / "state.json").read_text())["ports"]
    return ports


def is_running(data_dir: Path) -> bool:
    """Whether a process holds the lock of `data_dir`."""
    path = data_dir / "lock"
    if not path.exists():
        return False
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
