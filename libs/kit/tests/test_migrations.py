"""A service brings its schema up to date once, in a child process, and holds nothing of what that took."""

import asyncio
from collections.abc import Iterator

import pytest
from esign_kit import db
from esign_kit.engines import Postgres, TcpProxy
from sqlalchemy import create_engine, pool, text
from sqlalchemy.engine import make_url

PACKAGE = "kit_test_migrations"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres(fsync=False) as engine:
        yield engine


def test_the_newest_migration_is_recognised(postgres: Postgres) -> None:
    url = postgres.create_database("newest", owner="newest", password="secret")
    assert not db.is_current(url, PACKAGE)
    db.migrate(url, PACKAGE)
    assert db.is_current(url, PACKAGE)
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert not db.is_current(url, PACKAGE)


def test_every_service_has_one_newest_migration(postgres: Postgres) -> None:
    for name in ("identity", "ca_broker", "contract", "signer", "notifier", "evidence"):
        url = postgres.create_database(name, owner=name, password="secret")
        package = f"esign_{name}.adapters.migrations"
        db.migrate_when_there(url, package)
        assert db.is_current(url, package), name


async def test_a_database_that_is_away_is_waited_for(postgres: Postgres) -> None:
    url = postgres.create_database("later", owner="later", password="secret")
    async with TcpProxy("127.0.0.1", postgres.port) as proxy:
        away = make_url(url).set(port=proxy.port).render_as_string(hide_password=False)
        await proxy.refuse()
        waiting = asyncio.create_task(asyncio.to_thread(db.migrate_when_there, away, PACKAGE))
        await asyncio.sleep(0.7)
        assert not waiting.done()
        await proxy.heal()
        await asyncio.wait_for(waiting, 20)
    assert db.is_current(url, PACKAGE)
