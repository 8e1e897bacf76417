"""The outside world, a settable clock, a migrated database, and a notifier's settings."""

import base64
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from esign_kit.db import Database, migrate
from esign_kit.settings import DatabaseSettings
from esign_kit.testing import Pki, Platform
from esign_notifier.main import MIGRATIONS
from esign_notifier.settings import SmsSettings, SmtpSettings

from .world import TEMPLATES, SetClock, World


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


@pytest.fixture
def clock() -> SetClock:
    """A clock of one's own."""
    return SetClock()


@pytest.fixture
def phone() -> str:
    """A phone number that no other test uses."""
    return f"13{int.from_bytes(os.urandom(4), 'big') % 10**9:09d}"


@pytest.fixture
def mailbox() -> str:
    """A mail address that no other test uses."""
    return f"tenant.{os.urandom(4).hex()}@mail.example"


@pytest.fixture(scope="session")
def sms_values(session_world: World, pki: Pki) -> dict[str, Any]:
    """Settings of the SMS provider."""
    return {
        "scheme": "http",
        "endpoint": f"127.0.0.1:{session_world.http_port}",
        "secret_id": "AKIDtest",
        "secret_key_file": pki.secret("tencent", "a-tencent-secret"),
        "sdk_app_id": "1400006666",
        "sign_name": "SOHO中国",
        "templates": {kind: {"id": number, "parameters": names} for kind, (number, _, names) in TEMPLATES.items()},
        "deadline_seconds": 5,
        "report_grace_seconds": 60,
    }


@pytest.fixture(scope="session")
def smtp_values(session_world: World, pki: Pki) -> dict[str, Any]:
    """Settings of the mail server."""
    return {
        "host": "127.0.0.1",
        "port": session_world.smtp_port,
        "security": "plain",
        "user": "esign",
        "password_file": pki.secret("smtp", "a-mail-password"),
        "from_address": "no-reply@sign.example.com",
        "message_id_domain": "sign.example.com",
        "deadline_seconds": 5,
    }


@pytest.fixture
def sms_settings(sms_values: dict[str, Any]) -> Callable[..., SmsSettings]:
    """Makes SMS settings, some of them changed."""
    return lambda **changes: SmsSettings(**{**sms_values, **changes})


@pytest.fixture
def smtp_settings(smtp_values: dict[str, Any]) -> Callable[..., SmtpSettings]:
    """Makes mail settings, some of them changed."""
    return lambda **changes: SmtpSettings(**{**smtp_values, **changes})


@pytest.fixture
async def db(platform: Platform) -> AsyncIterator[Database]:
    """A fresh, migrated database."""
    database = Database(DatabaseSettings.model_validate(platform.settings("notifier")["database"]))
    migrate(database.url, MIGRATIONS)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def service_values(
    platform: Platform, sms_values: dict[str, Any], smtp_values: dict[str, Any]
) -> Callable[[str], dict[str, Any]]:
    """Makes a notifier's whole settings, for an identity at the given address."""

    def make(identity: str) -> dict[str, Any]:
        key = base64.b64encode(os.urandom(32)).decode()
        ring = json.dumps({"current": "k1", "keys": {"k1": key}, "index_key": key})
        return {
            **platform.settings("notifier", {"identity": identity}, with_objects=False),
            "field_keyring_file": platform.pki.secret("keyring", ring),
            "portal_url": "https://sign.example.com",
            "sms": sms_values,
            "smtp": smtp_values,
            "delivery": {"poll_seconds": 0.05, "lease_seconds": 20, "first_delay_seconds": 0.2, "max_attempts": 3},
        }

    return make
