"""The outside world, settings, a migrated database."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from esign_ca_broker.main import MIGRATIONS
from esign_ca_broker.settings import CaSettings
from esign_kit.db import Database, migrate
from esign_kit.settings import DatabaseSettings
from esign_kit.testing import Pki, Platform

from .world import EVENT_POLICY, ORGANISATION_POLICY, Authority, World


@pytest.fixture(scope="session")
def session_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The outside world."""
    world = World(tmp_path_factory.mktemp("world"))
    world.start()
    yield world
    world.stop()


@pytest.fixture
def world(session_world: World) -> Iterator[World]:
    """The outside world, on a good day before and after."""
    yield session_world
    httpx.delete(f"{session_world.url}/_sandbox/faults").raise_for_status()


@pytest.fixture(scope="session")
def authority() -> Authority:
    """A CA of the tests' own."""
    return Authority()


@pytest.fixture(scope="session")
def ca_values(session_world: World, pki: Pki) -> dict[str, Any]:
    """Settings for the sandbox's CA."""
    return {
        "base_url": session_world.url,
        "client_secret_file": pki.secret("ca", "a-ca-client-secret"),
        "roots_file": session_world.roots_file,
        "policies": {"event": EVENT_POLICY, "organisation": ORGANISATION_POLICY},
        "attempts": 2,
        "attempt_seconds": 1,
        "deadline_seconds": 3,
        "wait_seconds": 0.6,
        "poll_seconds": 0.1,
    }


@pytest.fixture(scope="session")
def ca_settings(ca_values: dict[str, Any]) -> Callable[..., CaSettings]:
    """Makes CA settings, some of them changed."""
    return lambda **changes: CaSettings(**{**ca_values, **changes})


@pytest.fixture
async def db(platform: Platform) -> AsyncIterator[Database]:
    """A fresh, migrated database."""
    database = Database(DatabaseSettings.model_validate(platform.settings("ca-broker")["database"]))
    migrate(database.url, MIGRATIONS)
    yield database
    await database.close()
