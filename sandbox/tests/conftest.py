"""A sandbox of its own process per test session, and one that tests may kill."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

CREDENTIALS: dict[str, Any] = {
    "tencent": {"secret_id": "AKIDsandbox", "secret_key": "a-tencent-secret"},
    "sms": {
        "sdk_app_id": "1400006666",
        "sign_name": "SOHO中国",
        "templates": {"1001": "您的验证码是{1}，{2}分钟内有效。", "1002": "您有一份合同等待签署。"},
    },
    "faceid": {"rule_ids": ["1"]},
    "antchain": {"access_key": "ANTKEY", "access_secret": "an-antchain-secret"},
    "ca": {"client_secret": "a-ca-client-secret"},
    "smtp": {"user": "esign", "password": "a-mail-password"},
    "bjca": {"app_id": "esign-test", "secret": "a-bjca-secret-of-length"},
    "csc": {"client_id": "esign-test", "client_secret": "a-csc-client-secret", "pin": "246810"},
}


# One client for all tests (a new one loads the trust store each time); a new connection for each request.
HTTP = httpx.Client(timeout=5, limits=httpx.Limits(max_keepalive_connections=0))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Running:
    """A sandbox process on ports that stay its own across restarts."""

    directory: Path
    http_port: int = field(default_factory=free_port)
    smtp_port: int = field(default_factory=free_port)
    accounts: dict[str, Any] = field(default_factory=lambda: CREDENTIALS)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.http_port}"

    def start(self) -> None:
        credentials = self.directory / "credentials.json"
        credentials.write_text(json.dumps(self.accounts))
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "esign_sandbox", "--data-dir", str(self.directory / "data")),
                *("--credentials", str(credentials)),
                *("--http-port", str(self.http_port), "--smtp-port", str(self.smtp_port)),
            ],
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        deadline = time.monotonic() + 15
        while True:
            try:
                if HTTP.get(f"{self.url}/healthz").status_code == 200:
                    return
            except httpx.TransportError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
            time.sleep(0.02)

    def stop(self, sig: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(sig)
        return self.process.wait(10)

    def fault(self, part: str, mode: str, delay_ms: int = 0) -> None:
        answer = HTTP.put(f"{self.url}/_sandbox/faults/{part}", json={"mode": mode, "delay_ms": delay_ms})
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="session")
def session_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("sandbox"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def sandbox(session_sandbox: Running) -> Iterator[Running]:
    """The session's sandbox, without faults before and after."""
    yield session_sandbox
    HTTP.delete(f"{session_sandbox.url}/_sandbox/faults").raise_for_status()


@pytest.fixture
def own_sandbox(tmp_path: Path) -> Iterator[Running]:
    """A sandbox that the test may stop, kill and start again."""
    running = Running(tmp_path)
    running.start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.stop()
