"""The procurement platform's sign-on key: the sandbox signs with it, the platform is told its public half only."""

import json
from pathlib import Path

import jwt
import pytest
from esign_kit.engines import free_ports
from esign_local.configuration import SERVICES, Configuration
from esign_local.material import Material
from esign_sandbox.credentials import load_credentials


def test_the_key_set_verifies_what_the_key_signs_and_nothing_else(tmp_path: Path) -> None:
    material = Material(tmp_path / "secrets", tmp_path / "trust")
    ours, other = material.signing_key("procurement", "ours"), material.signing_key("procurement", "other")
    published = json.loads(material.key_set("ours").read_text())
    keys = jwt.PyJWKSet.from_dict(published)
    key = keys[material.key_id("ours")]
    assert "d" not in published["keys"][0]
    assert jwt.decode(jwt.encode({"a": 1}, ours.read_text(), "EdDSA"), key, algorithms=["EdDSA"]) == {"a": 1}
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(jwt.encode({"a": 1}, other.read_text(), "EdDSA"), key, algorithms=["EdDSA"])


def test_the_thumbprint_is_that_of_the_standard(tmp_path: Path) -> None:
    material = Material(tmp_path / "secrets", tmp_path / "trust")
    # RFC 8037, appendix A.3
    material.public("known.pub.pem").write_text(
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"
    )
    assert material.key_id("known") == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_sandbox_signs_with_the_key_that_the_platform_knows(tmp_path: Path) -> None:
    ports = {"s3": free_ports(10), **{name: free_ports(2) for name in (*SERVICES, "sandbox", "gateway")}}
    configuration = Configuration(tmp_path, ports.__getitem__)
    platform = load_credentials(configuration.write_sandbox()).procurement
    assert platform is not None
    assert platform.sign_on.key_file == configuration.sign_on_key
    published = jwt.PyJWKSet.from_dict(json.loads(configuration.sign_on_key_set.read_text()))
    assert [key.key_id for key in published.keys] == [platform.sign_on.key_id]
    assert platform.identity.address == configuration.address("identity")
    assert platform.identity.cert_file == configuration.pki.cert_file("procurement")
