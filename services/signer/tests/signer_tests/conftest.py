"""Fixtures of the signer's tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from esign_signer.adapters.keystore import SoftwareKeyStore
from esign_signer.adapters.pdf.engine import PdfEngine
from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.adapters.pdf.trust import TrustServices
from esign_signer.adapters.pdf.validation import PdfValidator

from .bench import Bench
from .pki import DER, PkiServer, TrustPki


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
    return pki


@pytest.fixture
def trust_settings(trust: TrustPki) -> TrustSettings:
    return TrustSettings((trust.root.public_bytes(DER),), (f"{trust.base_url}/tsa", f"{trust.base_url}/tsa2"), 2.0, 2.0)


@pytest.fixture
def bench(trust: TrustPki, trust_settings: TrustSettings, tmp_path: Path) -> Bench:
    """An engine in this process, and documents to sign."""
    keys = SoftwareKeyStore(os.urandom(32))
    return Bench(trust, keys, PdfEngine(keys, TrustServices(trust_settings)), PdfValidator(trust_settings), tmp_path)
