"""The identity service on real engines, with doubles of the notifier and of the face vendor's cloud."""

import base64
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from esign.notifier.v1 import notifier_pb2_grpc
from esign_identity.adapters.captcha import ImagePainter
from esign_identity.main import MIGRATIONS, compose
from esign_identity.settings import (
    BjcaFaceSettings,
    FaceSettings,
    IdentitySettings,
    SignOnSettings,
    TencentFaceSettings,
)
from esign_kit.service import App
from esign_kit.testing import Platform

sys.path.insert(0, str(Path(__file__).parent))

from identity_bjca import Bjca
from identity_engine import SeeingEngine
from identity_login import PAINTER, PROCUREMENT
from identity_tencent import TencentCloud
from identity_world import MovableClock, Notifier, World


@pytest.fixture(scope="session")
def tencent() -> Iterator[TencentCloud]:
    """The face vendor's cloud."""
    with TencentCloud() as cloud:
        yield cloud


@pytest.fixture(scope="session")
def bjca() -> Iterator[Bjca]:
    """The other face vendor."""
    with Bjca() as vendor:
        yield vendor


@pytest.fixture(scope="module")
def engine() -> SeeingEngine:
    """What looks at frames."""
    return SeeingEngine()


@pytest.fixture(scope="session", autouse=True)
def _read_captchas() -> Iterator[None]:
    """Pictures of captchas are drawn as ever, and remembered with what they show."""

    async def paint(painter: ImagePainter, answer: str) -> bytes:
        return await PAINTER.paint(painter, answer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImagePainter, "paint", paint)
        yield


@pytest.fixture(scope="module")
def notifier() -> Notifier:
    """The notifier's double."""
    return Notifier()


@pytest.fixture(scope="module")
def clock() -> MovableClock:
    """Time as the service sees it."""
    return MovableClock()


@pytest.fixture(scope="module")
async def notifier_address(platform: Platform, notifier: Notifier) -> AsyncIterator[str]:
    """Where the notifier's double listens."""
    async with platform.peer(
        "notifier", (notifier_pb2_grpc.add_InternalServiceServicer_to_server, notifier)
    ) as address:
        yield address


@pytest.fixture(scope="module")
def settings(platform: Platform, notifier_address: str, tencent: TencentCloud, bjca: Bjca) -> IdentitySettings:
    """The service's settings, with a database of its own."""
    pki = platform.pki
    ring = {
        "current": "k1",
        "keys": {"k1": base64.b64encode(os.urandom(32)).decode()},
        "index_key": base64.b64encode(os.urandom(32)).decode(),
    }
    return IdentitySettings(
        **platform.settings("identity", {"notifier": notifier_address}, with_objects=False),
        actor_key_file=pki.private_file("actor", pki.actor_key),
        activation_key_file=pki.private_file("activation", pki.activation_key),
        field_keyring_file=pki.secret("identity.keyring", json.dumps(ring)),
        sign_on=SignOnSettings(platforms={"procurement": pki.secret("procurement.jwks", PROCUREMENT.key_set).path}),
        portal_url="https://sign.example",
        face=FaceSettings(
            bjca=BjcaFaceSettings(
                base_url=bjca.base_url,
                app_id=bjca.app_id,
                secret_file=pki.secret("bjca", bjca.secret),
                deadline_seconds=2,
            ),
            tencent=TencentFaceSettings(
                endpoint=tencent.endpoint,
                scheme="http",
                rule_id=tencent.rule_id,
                secret_id=tencent.secret_id,
                secret_key_file=pki.secret("tencent", tencent.secret_key),
                deadline_seconds=1,
            ),
        ),
    )


@pytest.fixture(scope="module")
async def world(
    platform: Platform,
    settings: IdentitySettings,
    notifier: Notifier,
    tencent: TencentCloud,
    clock: MovableClock,
    engine: SeeingEngine,
) -> AsyncIterator[World]:
    """The service, running."""
    await platform.reset_events()

    async def build(app: App[IdentitySettings]) -> None:
        await compose(app, engine, poll_seconds=0.1)

    async with platform.service(settings, build, migrations=MIGRATIONS, clock=clock) as running:
        yield World(running, notifier, tencent, clock, platform, PAINTER.answers)


@pytest.fixture(autouse=True)
def _all_well(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test breaks works again for the next."""
    yield
    if "world" in request.fixturenames:
        world: World = request.getfixturevalue("world")
        world.notifier.failure, world.notifier.delay = None, 0.0
        for breakable in (world.tencent, request.getfixturevalue("bjca"), request.getfixturevalue("engine")):
            breakable.mend()
