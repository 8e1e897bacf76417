"""What is kept between runs: ports, secrets, keys; and what a second run on the same directory gets to hear."""

import importlib
import json
import socket
import stat
import tomllib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from esign_kit.crypto import FieldCipher
from esign_kit.engines import free_ports
from esign_kit.settings import FileSettings, load
from esign_local.configuration import SERVICES, Configuration, event_user
from esign_local.material import Material
from esign_local.replicas import programs, service_of
from esign_local.state import StackError, State, is_running
from esign_local.toml import to_toml
from esign_sandbox.credentials import load_credentials

REST = ("postgres", "nats", "sandbox", "gateway")


def test_ports_stay_the_same_where_they_are_free(tmp_path: Path) -> None:
    first = State(tmp_path)
    ports = first.take_ports("gateway", 2)
    first.close()
    second = State(tmp_path)
    assert second.take_ports("gateway", 2) == ports
    second.close()
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", ports[0]))
        stranger.listen()
        third = State(tmp_path)
        taken = third.take_ports("gateway", 2)
        third.close()
    assert taken[0] != ports[0]
    assert ports[1] in taken


def test_one_directory_is_for_one_run_at_a_time(tmp_path: Path) -> None:
    assert not is_running(tmp_path)
    state = State(tmp_path)
    assert is_running(tmp_path)
    with pytest.raises(StackError, match="already running"):
        State(tmp_path)
    state.close()
    assert not is_running(tmp_path)
    State(tmp_path).close()


def test_what_was_done_once_is_remembered(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.mark_done("seed 1")
    state.close()
    again = State(tmp_path)
    assert again.done == ["seed 1"]
    again.close()


def test_secrets_are_private_and_never_change(tmp_path: Path) -> None:
    material = Material(tmp_path / "secrets", tmp_path / "trust")
    password = material.password("identity", "database")
    key = material.signing_key("identity", "activation")
    ring = material.keyring("identity")
    before = [path.read_text() for path in (password, key, ring)]
    again = Material(tmp_path / "secrets", tmp_path / "trust")
    assert again.password("identity", "database").read_text() == before[0]
    assert again.signing_key("identity", "activation").read_text() == before[1]
    assert again.keyring("identity").read_text() == before[2]
    for path in (password, key, ring):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(password.parent.stat().st_mode) == 0o700
    assert len(before[0]) >= 32
    assert material.password("signer", "database").read_text() != before[0]
    cipher = FieldCipher(before[2])
    assert cipher.open(cipher.seal("x", "c"), "c") == "x"


def test_a_public_key_belongs_to_its_private_one(tmp_path: Path) -> None:
    material = Material(tmp_path / "secrets", tmp_path / "trust")
    private = load_pem_private_key(material.signing_key("evidence", "checkpoint").read_bytes(), None)
    public = load_pem_public_key((tmp_path / "trust" / "checkpoint.pub.pem").read_bytes())
    assert private.public_key() == public


def test_a_shared_secret_follows_its_original(tmp_path: Path) -> None:
    material = Material(tmp_path / "secrets", tmp_path / "trust")
    original = material.password("vendors", "ca")
    copy = material.shared("ca-broker", "vendor-ca", original)
    assert copy.read_text() == original.read_text()
    original.write_text("changed by hand")
    assert material.shared("ca-broker", "vendor-ca", original).read_text() == "changed by hand"


def test_toml_says_what_was_meant() -> None:
    table = {
        "text": 'quotes " and \\ and\nnewline, 中文, \U0001f58b, \x7f',
        "number": 3,
        "fraction": 0.5,
        "yes": True,
        "path": Path("/tmp/a b"),
        "list": ["a", 1],
        "table": {"key with space": "v", "deeper": {"a.b": False}},
        "empty": {},
    }
    expected = {**table, "path": "/tmp/a b"}
    assert tomllib.loads(to_toml(table)) == expected
    with pytest.raises(TypeError):
        to_toml({"none": None})


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    ports = {"s3": free_ports(10), **{name: free_ports(2) for name in (*SERVICES, *REST, "identity-2", "gateway-2")}}
    made = Configuration(tmp_path, ports.__getitem__)
    made.ca_roots.write_text("roots")
    return made


def test_each_service_is_given_its_own(configuration: Configuration, tmp_path: Path) -> None:
    seen: set[str] = set()
    for name in SERVICES:
        settings = tomllib.loads(configuration.write_service(name).read_text())
        assert settings["service"] == name
        assert settings["grpc_listen"] == configuration.address(name)
        for section in ("database", "nats"):
            secret = Path(settings[section]["password_file"])
            assert secret.parent == tmp_path / "secrets" / name
            assert secret.read_text() not in seen
            seen.add(secret.read_text())
        assert Path(settings["tls"]["cert_file"]) == configuration.pki.cert_file(name)
        text = json.dumps(settings)
        assert not any(f"/secrets/{other}/" in text for other in SERVICES if other != name)
        assert not any(secret in text for secret in seen)


@pytest.mark.parametrize("name", [*SERVICES, "gateway"])
def test_the_programs_accept_their_settings(
    name: str, configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(f"esign_{event_user(name)}.settings")
    classes = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, FileSettings) and kind.__module__ == module.__name__
    ]
    file = configuration.write_gateway() if name == "gateway" else configuration.write_service(name)
    monkeypatch.setenv("ESIGN_SETTINGS_FILE", str(file))
    (settings,) = (load(kind) for kind in classes)
    assert settings.model_dump()["service"] == name


def test_replicas_are_found_by_all_and_share_what_is_their_services(configuration: Configuration) -> None:
    configuration.replicas = {"identity": 2, "gateway": 2}
    first, second = (
        tomllib.loads(configuration.write_service(name).read_text()) for name in programs("identity", {"identity": 2})
    )
    own = {"grpc_listen", "health_listen"}
    assert {key for key in first if first[key] != second[key]} == own
    gateway = tomllib.loads(configuration.write_gateway("gateway-2").read_text())
    assert gateway["http_listen"] == configuration.address("gateway-2")
    assert gateway["public_url"] == configuration.portal_url
    assert gateway["peers"]["identity"] == f"ipv4:{first['grpc_listen']},{second['grpc_listen']}"
    assert gateway["peers"]["contract"] == configuration.address("contract")
    assert service_of("ca-broker") == "ca-broker"


def test_the_sandbox_accepts_its_accounts(configuration: Configuration) -> None:
    accounts = load_credentials(configuration.write_sandbox())
    for text in accounts.sms.templates.values():
        assert "PORTAL" not in text
