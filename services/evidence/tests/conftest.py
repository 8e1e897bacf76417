"""The judicial chain as a sandbox process, and the service's settings."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from esign_evidence.settings import EvidenceSettings
from esign_kit.testing import Platform, Sandbox

CREDENTIALS: dict[str, Any] = {
    "tencent": {"secret_id": "AKIDsandbox", "secret_key": "a-tencent-secret"},
    "sms": {"sdk_app_id": "1400006666", "sign_name": "SOHO中国", "templates": {"1001": "验证码{1}"}},
    "faceid": {"rule_ids": ["1"]},
    "antchain": {"access_key": "ANTKEY", "access_secret": "an-antchain-secret"},
    "ca": {"client_secret": "a-ca-client-secret"},
    "smtp": {"user": "esign", "password": "a-mail-password"},
}
ORIGIN = "esign.soho.example/evidence"
LOG_SEED = bytes(range(32))


class SandboxChain(Sandbox):
    """A sandbox process of which only the chain is used."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, CREDENTIALS)

    @property
    def endpoint(self) -> str:
        """`host:port`."""
        return self.address

    def chain_fault(self, mode: str) -> None:
        """Give the chain a bad day."""
        self.fault("chain", mode)

    def transaction(self, tx_hash: str) -> dict[str, Any]:
        """What the chain's public explorer shows."""
        found: dict[str, Any] = json.loads(self.ask("GET", f"/chain/tx/{tx_hash}"))
        return found


@pytest.fixture(scope="session")
def _sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxChain]:
    found = SandboxChain(tmp_path_factory.mktemp("sandbox"))
    found.start()
    yield found
    found.stop()


@pytest.fixture
def sandbox(_sandbox: SandboxChain) -> Iterator[SandboxChain]:
    """The chain, without faults before and after."""
    yield _sandbox
    _sandbox.chain_fault("ok")


@pytest.fixture(scope="session")
def log_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(LOG_SEED)


@pytest.fixture
def settings(platform: Platform, _sandbox: SandboxChain, log_key: Ed25519PrivateKey) -> Callable[..., EvidenceSettings]:
    """Settings with a fresh database; each call is another log."""
    pki = platform.pki

    def make(**changes: Any) -> EvidenceSettings:
        common = platform.settings("evidence")
        values: dict[str, Any] = {
            "verification_url": "https://sign.example.com/verify",
            "activation_public_key_files": [pki.activation_public_key_file],
            "poll_seconds": 0.05,
            "log": {
                "origin": f"{ORIGIN}/{common['database']['url'].rpartition('/')[2]}",
                "key_file": pki.private_file("log", log_key),
                "publish_poll_seconds": 0.05,
                "anchor_interval_seconds": 0,
            },
            "chain": {
                "scheme": "http",
                "endpoint": _sandbox.endpoint,
                "access_key": CREDENTIALS["antchain"]["access_key"],
                "access_secret_file": pki.secret("antchain", CREDENTIALS["antchain"]["access_secret"]),
                "customer": {"name": "北京样例商贸有限公司", "unified_social_credit_code": "91110105MA01234565"},
                "deadline_seconds": 3,
            },
        }
        return EvidenceSettings(**common, **{**values, **changes})

    return make
