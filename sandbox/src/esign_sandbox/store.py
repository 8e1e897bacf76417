"""State of the sandbox: one SQLite file in WAL mode, so that what was answered for survives SIGKILL."""

import fcntl
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path


class DataDirBusyError(RuntimeError):
    """Another process already runs on this data directory."""


def now_ms() -> int:
    """Milliseconds since the epoch (UTC): the unit of every `*_at` column."""
    return time.time_ns() // 1_000_000


def from_ms(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, tz=UTC)


def iso_utc(ms: int) -> str:
    """RFC 3339 with milliseconds, e.g. `2026-11-23T08:00:00.123Z`."""
    return from_ms(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Store:
    """One connection behind a lock: every statement takes well under a millisecond, writers never overlap.

    `write()` is one transaction, committed when the block ends and rolled back when it raises. A commit is in
    the operating system's hands when `write()` returns: it survives the death of this process.
    """

    def __init__(self, data_dir: Path, schemas: Iterable[str]) -> None:
        """Opens (and creates) `data_dir/sandbox.sqlite3`; raises DataDirBusyError when another process has it."""
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._guard = (data_dir / "lock").open("w")
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._guard.close()
            raise DataDirBusyError(f"{data_dir} is in use by another sandbox") from None
        path = data_dir / "sandbox.sqlite3"
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        path.chmod(0o600)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA foreign_keys=ON")
        for schema in schemas:
            self._db.executescript(schema)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, sql: str, *params: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, params).fetchall()

    def row(self, sql: str, *params: object) -> sqlite3.Row | None:
        found = self.rows(sql, *params)
        return found[0] if found else None

    def close(self) -> None:
        with self._lock:
            self._db.close()
            self._guard.close()
