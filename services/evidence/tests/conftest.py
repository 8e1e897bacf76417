"""The judicial chain as a sandbox process, and the service's settings."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from esign_evidence.settings import EvidenceSettings
from esign_kit.testing import Platform

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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class SandboxChain:
    """A sandbox process of which only the chain is used."""

    directory: Path
    port: int = field(default_factory=_free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        credentials = self.directory / "credentials.json"
        credentials.write_text(json.dumps(CREDENTIALS))
        command = [sys.executable, "-m", "esign_sandbox", "--data-dir", str(self.directory / "data")]
        command += ["--credentials", str(credentials), "--http-port", str(self.port), "--smtp-port", str(_free_port())]
        self.process = subprocess.Popen(command, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        deadline = time.monotonic() + 20
        while True:
            try:
                self._ask("GET", "/healthz")
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)

    def fault(self, mode: str) -> None:
        self._ask("PUT", "/_sandbox/faults/chain", {"mode": mode})

    def transaction(self, tx_hash: str) -> dict[str, Any]:
        """What the chain's public explorer shows."""
        found: dict[str, Any] = json.loads(self._ask("GET", f"/chain/tx/{tx_hash}"))
        return found

    def _ask(self, method: str, path: str, body: object = None) -> bytes:
        request = urllib.request.Request(
            f"http://{self.endpoint}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=5) as answer:
            content: bytes = answer.read()
            return content


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
    _sandbox.fault("ok")


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
