"""The process itself: start, stop, its data directory, faults on demand."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from .ca_client import organisation, place
from .conftest import CREDENTIALS, HTTP, Running, free_port


def test_an_ordered_stop_is_quick_and_clean(own_sandbox: Running) -> None:
    with httpx.Client() as idle:  # a connection kept open must not hold it up
        idle.get(f"{own_sandbox.url}/healthz").raise_for_status()
        started = time.monotonic()
        assert own_sandbox.stop(signal.SIGTERM) == 0
        assert time.monotonic() - started < 3


def test_a_second_process_on_the_same_data_is_refused(own_sandbox: Running) -> None:
    second = Running(own_sandbox.directory)
    with pytest.raises(httpx.TransportError):
        second.start()
    assert second.process is not None
    assert second.process.wait(5) == 2
    HTTP.get(f"{own_sandbox.url}/healthz").raise_for_status()


@pytest.mark.parametrize(
    ("change", "says"),
    [({"ca": {"client_secret": "short"}}, "ca.client_secret"), ({"smtp": None}, "smtp"), ({"more": 1}, "more")],
)
def test_bad_credentials_are_named_but_not_shown(tmp_path: Path, change: dict[str, object], says: str) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(CREDENTIALS | change))
    command = [sys.executable, "-m", "esign_sandbox", "--data-dir", str(tmp_path / "d"), "--credentials", str(file)]
    ports = ["--http-port", str(free_port()), "--smtp-port", str(free_port())]
    done = subprocess.run([*command, *ports], capture_output=True, text=True, timeout=15)
    assert done.returncode == 2
    assert says in done.stderr
    assert "short" not in done.stderr.replace("should", "")


def test_faults_are_shown_switched_and_cleared(sandbox: Running) -> None:
    url = f"{sandbox.url}/_sandbox/faults"
    assert {fault["mode"] for fault in HTTP.get(url).json().values()} == {"ok"}
    sandbox.fault("tsa", "slow", 1500)
    assert HTTP.get(url).json()["tsa"] == {"mode": "slow", "delay_ms": 1500}
    for path, body in (("none", {"mode": "ok"}), ("tsa", {"mode": "sideways"}), ("tsa", {"mode": "pending"})):
        assert HTTP.put(f"{url}/{path}", json=body).status_code == 400
    HTTP.delete(url)
    assert HTTP.get(url).json()["tsa"]["mode"] == "ok"


def test_each_part_fails_in_its_own_way(sandbox: Running) -> None:
    timestamp = {"Content-Type": "application/timestamp-query"}
    sandbox.fault("tsa", "down")
    assert HTTP.post(f"{sandbox.url}/ca/tsa", headers=timestamp).status_code == 503
    sandbox.fault("tsa", "error")
    assert b"internal error" in HTTP.post(f"{sandbox.url}/ca/tsa", headers=timestamp).content
    sandbox.fault("ocsp", "error")
    assert HTTP.get(f"{sandbox.url}/ca/ocsp/x").content.hex() == "30030a0102"
    sandbox.fault("crl", "slow", 400)
    with pytest.raises(httpx.ReadTimeout):
        HTTP.get(f"{sandbox.url}/ca/crl/issuing.crl", timeout=0.2)
    assert HTTP.get(f"{sandbox.url}/ca/crl/root.crl").status_code == 200
    assert HTTP.get(f"{sandbox.url}/healthz").status_code == 200


def test_work_is_done_though_its_answer_is_lost(sandbox: Running) -> None:

    order = organisation("org-lost", ec.generate_private_key(ec.SECP256R1()))
    sandbox.fault("ca", "lost")
    assert place(sandbox.url, order).status_code == 502
    sandbox.fault("ca", "ok")
    first = place(sandbox.url, order).json()
    assert first["created_at"] < place(sandbox.url, order | {"order_no": "org-later"}).json()["created_at"]


@pytest.mark.parametrize("path", ["/ca/tsa", "/ca/ocsp", "/gateway.do", "/", "/faceid/h5/result"])
def test_oversized_bodies_are_refused_unread(sandbox: Running, path: str) -> None:
    assert HTTP.post(f"{sandbox.url}{path}", content=b"x" * (1 << 20 | 1)).status_code == 413
