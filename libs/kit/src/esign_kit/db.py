"""A service's own PostgreSQL database.

Commit at the edge: a use case runs inside `Database.begin()` and neither commits nor rolls back by itself.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from opentelemetry import trace
from sqlalchemy import DateTime, text
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.types import TypeDecorator
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_kit.settings import DatabaseSettings
from esign_kit.telemetry import logger, tracer

log = logger(__name__)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Naming convention for every service's metadata."""


class UTCDateTime(TypeDecorator[datetime]):
    """`timestamptz` that takes aware datetimes only and gives back UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive datetimes with ValueError."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a naive datetime does not say when")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC."""
        return None if value is None else value.astimezone(UTC)


def new_id() -> str:
    """A new opaque id: UUID version 7 (RFC 9562), so that ids sort by time and index well."""
    import os
    import time

    milliseconds = time.time_ns() // 1_000_000
    value = int.from_bytes(milliseconds.to_bytes(6, "big") + os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return str(UUID(int=value))


def sync_url(settings: DatabaseSettings) -> str:
    """The URL with its password, for drivers. Never log it."""
    return make_url(settings.url).set(password=settings.password_file.read()).render_as_string(hide_password=False)


def is_transient(error: BaseException) -> bool:
    """Whether a database error says that the database is away or busy, rather than that the statement is wrong."""
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    # No SQLSTATE: the connection broke. 08 connection, 57P0x shutting down, 40 serialization or deadlock, 55P03 lock, 53 resources.
    return (
        error.connection_invalidated
        or state is None
        or state[:2] in ("08", "40", "53")
        or state in ("55P03", "57P01", "57P02", "57P03")
    )


class Database:
    """The connection pool and its transactions."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.url = sync_url(settings)
        self.engine: AsyncEngine = create_async_engine(
            self.url,
            pool_size=settings.pool_size,
            max_overflow=max(0, settings.pool_limit - settings.pool_size),
            pool_pre_ping=True,
            # Always the one used last, so that those beyond what is needed rest, and their memory with them.
            pool_use_lifo=True,
            pool_timeout=5,
            connect_args={
                "connect_timeout": 5,
                "options": "-c statement_timeout=15000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000",
            },
        )
        self._sessions = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """One transaction: commits when the block ends, rolls back when it raises."""
        with tracer.start_as_current_span("db.transaction", kind=trace.SpanKind.CLIENT):
            async with self._sessions.begin() as session:
                yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """One read-only transaction; whatever it reads is of one moment."""
        with tracer.start_as_current_span("db.read", kind=trace.SpanKind.CLIENT):
            async with self._sessions() as session:
                await (await session.connection()).execute(
                    text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                )
                yield session

    async def ping(self) -> None:
        """Raise when the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close the pool."""
        await self.engine.dispose()


def is_current(url: str, package: str) -> bool:
    """Whether the schema has the newest migration in `package`. Blocking. Raises sqlalchemy.exc.DBAPIError.

    Reads the files' `revision` and `down_revision` (what Alembic would do as well, but takes megabytes for).
    """
    import re
    from importlib import resources

    from sqlalchemy import create_engine, pool

    versions = resources.files(package) / "versions"
    sources = [file.read_text() for file in versions.iterdir() if file.name.endswith(".py")]
    revisions, earlier = (
        {found for source in sources for found in re.findall(rf'^{name}\b[^=\n]*= *"([^"]+)"', source, re.MULTILINE)}
        for name in ("revision", "down_revision")
    )
    engine = create_engine(url, poolclass=pool.NullPool, connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
                return False
            applied = set(connection.scalars(text("SELECT version_num FROM alembic_version")))
    finally:
        engine.dispose()
    return applied == revisions - earlier


def migrate(url: str, package: str) -> None:
    """Bring the schema up to date with the migrations in `package` (a folder with `versions/`), each in its own transaction.

    Runs under an advisory lock, so that replicas starting together take turns. Blocking: call it in a thread.
    Raises sqlalchemy.exc.DBAPIError when a lock cannot be had within `lock_timeout`.
    """
    from importlib import resources

    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine, pool

    config = Config()
    config.set_main_option("script_location", str(resources.files(package)))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)

    def upgrade(revision: Any, context: Any) -> Any:
        return script._upgrade_revs("head", revision)

    engine = create_engine(url, poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(7305117)"))
            connection.execute(text("SET lock_timeout = '10s'"))
            connection.execute(text("SET statement_timeout = '60s'"))
            connection.commit()
            with EnvironmentContext(config, script, fn=upgrade) as environment:
                environment.configure(connection=connection, transaction_per_migration=True)
                environment.run_migrations()
    finally:
        engine.dispose()


def migrate_when_there(url: str, package: str) -> None:
    """`migrate` where `is_current` says so, waiting for as long as the database is away or busy. Blocking."""
    import time

    while True:
        try:
            if not is_current(url, package):
                migrate(url, package)
            return
        except DBAPIError as error:
            if not is_transient(error):
                raise
            log.warning("waiting for the database", error=type(error.orig).__name__)
        time.sleep(0.3)
