"""Where the signer's keys are on this machine, as the signer itself reads it."""

import os
import tomllib
from pathlib import Path

import pytest
from esign_local.material import Material
from esign_local.signer_keys import signer_keys
from esign_local.toml import to_toml
from esign_signer.adapters.keys.pkcs11 import Pkcs11KeyStore
from esign_signer.adapters.keys.settings import Pkcs11Settings
from esign_signer.domain.keys import KeyAlgorithm, KeyStoreKind, StoredKey, Subject
from esign_signer.settings import KeySettings


def read(material: Material, store: str) -> KeySettings:
    return KeySettings.model_validate(tomllib.loads(to_toml(signer_keys(material, store)))["keys"])


def test_a_token_is_made_once_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTHSM2_CONF", "/dev/null")
    material = Material(tmp_path / "secrets", tmp_path / "trust")
    assert read(material, "software") == KeySettings()
    wanted = read(material, "pkcs11")
    assert wanted.organisations is KeyStoreKind.PKCS11
    assert wanted.pkcs11 is not None
    settings = Pkcs11Settings(
        wanted.pkcs11.module, wanted.pkcs11.token, wanted.pkcs11.pin_file.path, wanted.pkcs11.environment
    )
    store = Pkcs11KeyStore(settings)
    new = store.create("key", Subject("示例公司"), KeyAlgorithm.EC_P256)
    back = read(material, "software")
    assert (back.organisations, back.pkcs11 is None) == (KeyStoreKind.SOFTWARE, False)
    key = StoredKey("key", new.wrapped, True, KeyStoreKind.PKCS11, KeyAlgorithm.EC_P256)
    store.close()
    assert store.sign_digest(key, bytes(32))
    store.close()
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "secrets").rglob("*") if path.is_file()} == {0}
    assert os.environ["SOFTHSM2_CONF"] == wanted.pkcs11.environment["SOFTHSM2_CONF"]


def test_stores_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="software or pkcs11"):
        signer_keys(Material(tmp_path / "secrets", tmp_path / "trust"), "paper")
