"""Child processes that never outlive their parent, however it ends.

Three nets, because none holds alone: the kernel's parent-death signal (Linux; lost when a set-user-id step follows), a
session of its own per child, so that its whole process group can be signalled, and one small `sh` per parent that waits
for the parent's end on a pipe and then ends every group that is left.
"""

import contextlib
import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import BinaryIO

_LAUNCHER = """
import ctypes, os, sys
parent, death_signal = int(sys.argv[1]), int(sys.argv[2])
ctypes.CDLL(None).prctl(1, death_signal, 0, 0, 0)
if os.getppid() != parent:
    os._exit(1)
os.execvp(sys.argv[3], sys.argv[3:])
"""

# Reads "+ group signal" and "- group -" lines; at the end of input asks every group left to stop, then kills it.
_REAPER = """
trap '' HUP INT TERM
groups=' '
while read -r op group signal; do
  case $op in
    +) groups="$groups$group:$signal " ;;
    -) rest=' '
       for entry in $groups; do
         case $entry in "$group":*) ;; *) rest="$rest$entry " ;; esac
       done
       groups=$rest ;;
  esac
done
for entry in $groups; do kill -s "${entry#*:}" -- "-${entry%:*}" 2>/dev/null; done
tries=0
while [ $tries -lt 50 ]; do
  left=
  for entry in $groups; do kill -s 0 -- "-${entry%:*}" 2>/dev/null && left=1; done
  [ -z "$left" ] && exit 0
  sleep 0.1
  tries=$((tries + 1))
done
for entry in $groups; do kill -s KILL -- "-${entry%:*}" 2>/dev/null; done
"""


class _Reaper:
    """The `sh` that ends what this process leaves behind; started with the first child."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def tell(self, line: str) -> None:
        with self._lock:
            if self._process is None or self._owner != os.getpid():
                self._owner = os.getpid()
                self._process = subprocess.Popen(  # noqa: S603 - a constant
                    ["/bin/sh", "-c", _REAPER],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    start_new_session=True,
                )
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):
                self._process.stdin.write(line.encode() + b"\n")
                self._process.stdin.flush()


_reaper = _Reaper()


class Child:
    """One child process in a session of its own, its output appended to `log`.

    `death_signal` is what it is sent when the parent is gone. Raises OSError when the program cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        name: str,
        log: Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        death_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log = log
        command = [os.fspath(argument) for argument in argv]
        # The parent-death signal fires when the *thread* that started the child ends, so only the main one may arm it.
        if sys.platform == "linux" and threading.current_thread() is threading.main_thread():
            launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), str(int(death_signal))]
            command = launcher + command
        output = open(log, "ab") if log is not None else subprocess.DEVNULL  # noqa: SIM115 - closed below
        try:
            self._process = subprocess.Popen(  # noqa: S603 - running programs is what this is for
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                start_new_session=True,
            )
        finally:
            if not isinstance(output, int):
                output.close()
        self.started_at = time.monotonic()
        self._gone = False
        _reaper.tell(f"+ {self.pid} {death_signal.name.removeprefix('SIG')}")

    @property
    def pid(self) -> int:
        """Process id, and id of its process group."""
        return self._process.pid

    def poll(self) -> int | None:
        """The exit status, negative for a signal, or None while it runs."""
        status = self._process.poll()
        if status is not None and not self._gone:
            self._gone = True
            self.signal_group(signal.SIGKILL)  # what it had started itself
            _reaper.tell(f"- {self.pid} -")
        return status

    def send(self, number: signal.Signals) -> None:
        """Signals the process itself; nothing happens when it has ended."""
        self._process.send_signal(number)

    def signal_group(self, number: signal.Signals) -> None:
        """Signals the process and everything it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM, grace: float = 5.0) -> int:
        """Asks it to end with `number`, kills the group after `grace` seconds, and returns the exit status."""
        if self.poll() is None:
            self.send(number)
            self.send(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
            if self._process.returncode is None:
                self.signal_group(signal.SIGKILL)
                self._process.wait()
        status = self.poll()
        assert status is not None
        return status

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of its log, for a message to a person."""
        return tail(self.log, lines)


def tail(path: Path | None, lines: int = 20) -> str:
    """The last `lines` lines of a text file, or an empty string when there is none."""
    if path is None or not path.exists():
        return ""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 65536))
        text = stream.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])


_handed_out: set[int] = set()


def free_ports(count: int, preferred: Sequence[int] = ()) -> list[int]:
    """`count` different TCP ports free on 127.0.0.1, the `preferred` ones where they are free.

    Taken from below the range that the system uses for outgoing connections, so that none of those takes a port between
    this answer and its use; nor does another process of this user that asks here, until this one ends or gives them back.
    """
    found: list[int] = []
    candidates = list(preferred)
    for attempt in range(2000):
        if len(found) == count:
            return found
        port = candidates[attempt] if attempt < len(candidates) else random.randint(15000, 32000)  # noqa: S311
        wanted = attempt < len(candidates)
        if port in found or (port in _handed_out and not wanted) or not _is_free(port) or not _reserve(port):
            continue
        found.append(port)
        _handed_out.add(port)
    raise OSError(f"no {count} free TCP ports on 127.0.0.1")


def give_back_ports(ports: Iterable[int]) -> None:
    """Lets other processes have ports that are not used any more."""
    for port in ports:
        fcntl.lockf(_reservations(), fcntl.LOCK_UN, 1, port)
        _handed_out.discard(port)


@cache
def _reservations() -> BinaryIO:
    """One byte for each port; whoever holds its lock may use it. Open until the process ends: closing it once would give
    back every lock."""
    return (Path(tempfile.gettempdir()) / f"esign-ports-{os.getuid()}").open("a+b")


def _reserve(port: int) -> bool:
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True
