"""Fixtures of the signer's tests."""

import base64
import os
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from esign.ca_broker.v1 import ca_broker_pb2_grpc
from esign_kit.testing import Platform
from esign_signer.adapters.keys.software import SoftwareKeyStore
from esign_signer.adapters.keys.wrapping import MasterKeys
from esign_signer.adapters.pdf.engine import PdfEngine
from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.adapters.pdf.trust import TrustServices
from esign_signer.adapters.pdf.validation import PdfValidator
from esign_signer.domain.keys import NewKey
from esign_signer.main import MIGRATIONS, build
from esign_signer.settings import KeySettings, SignerSettings, TrustServiceSettings

from .bench import Bench
from .documents import FONTS
from .pki import DER, PkiServer, TrustPki
from .remote import Provider
from .tokens import SoftToken
from .world import Broker, World


@pytest.fixture(scope="session")
def trust_server() -> Iterator[PkiServer]:
    server = PkiServer()
    yield server
    server.close()


@pytest.fixture
def trust(trust_server: PkiServer) -> TrustPki:
    """The CA, OCSP, CRL and TSA, every service up and nothing revoked."""
    pki = trust_server.pki
    pki.failing.clear()
    pki.revoked.clear()
    pki.requests.clear()
    pki.silent.clear()
    pki.fresh_for = timedelta(hours=1)
    return pki


@pytest.fixture
def trust_settings(trust: TrustPki) -> TrustSettings:
    return TrustSettings((trust.root.public_bytes(DER),), (f"{trust.base_url}/tsa", f"{trust.base_url}/tsa2"), 2.0, 2.0)


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> SoftToken:
    return SoftToken(tmp_path_factory.mktemp("token"))


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    found = Provider.start(tmp_path_factory.mktemp("provider"))
    yield found
    found.sandbox.stop()


@pytest.fixture(scope="session")
def key_store() -> SoftwareKeyStore:
    return SoftwareKeyStore(MasterKeys([os.urandom(32)]))


@pytest.fixture(scope="session")
def made() -> dict[str, bytes | NewKey]:
    return {}


@pytest.fixture
def bench(
    trust: TrustPki,
    trust_settings: TrustSettings,
    key_store: SoftwareKeyStore,
    made: dict[str, bytes | NewKey],
    tmp_path: Path,
) -> Iterator[Bench]:
    """An engine in this process, and documents to sign."""
    engine, validator = PdfEngine(key_store, TrustServices(trust_settings)), PdfValidator(trust_settings)
    yield Bench(trust, key_store, engine, validator, tmp_path, made)
    engine.close()


@pytest.fixture(scope="module")
def key_settings() -> KeySettings:
    """Which key stores the running service has; a module may have more."""
    return KeySettings()


@pytest.fixture(scope="module")
def more_roots() -> bytes:
    """Roots beside the test CA's, PEM."""
    return b""


@pytest.fixture(scope="module")
async def running_world(
    platform: Platform,
    trust_server: PkiServer,
    tmp_path_factory: pytest.TempPathFactory,
    key_settings: KeySettings,
    more_roots: bytes,
) -> AsyncIterator[World]:
    """The service with its workers, on the real engines."""
    await platform.reset_events()
    folder, trust = tmp_path_factory.mktemp("signer"), trust_server.pki
    roots = folder / "roots.pem"
    roots.write_bytes(trust.root.public_bytes(Encoding.PEM) + more_roots)
    broker = Broker(trust)
    async with platform.peer(
        "ca-broker", (ca_broker_pb2_grpc.add_InternalServiceServicer_to_server, broker)
    ) as address:
        settings = SignerSettings(
            **platform.settings("signer", {"ca-broker": address}),
            activation_public_key_file=platform.pki.activation_public_key_file,
            master_key_file=platform.pki.secret("master.key", base64.b64encode(os.urandom(32)).decode()),
            keys=key_settings,
            trust=TrustServiceSettings(
                roots_file=roots,
                tsa_urls=[f"{trust.base_url}/tsa", f"{trust.base_url}/tsa2"],
                tsa_seconds=2,
                revocation_seconds=2,
            ),
            seal_font_files=FONTS,
            spool_dir=folder,
            retry_seconds=0.2,
            max_upload_bytes=2 * 2**20,
        )
        async with platform.service(settings, build, migrations=MIGRATIONS) as running:
            yield World(running, platform, broker, trust, folder, running.app.objects)


@pytest.fixture
def world(running_world: World, trust: TrustPki) -> World:
    """The running signer, with every neighbour well."""
    running_world.broker.mode = ""
    return running_world


@pytest.fixture
def validator(trust_settings: TrustSettings) -> PdfValidator:
    """Validates in this process."""
    return PdfValidator(trust_settings)
