"""Wrapped keys: bound to their id and their master key, and never in clear."""

import base64
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from esign_signer.adapters.keystore import KeyStoreError, SoftwareKeyStore, public_key_sha256
from esign_signer.domain.keys import StoredKey, Subject, is_unified_social_credit_code

from .pki import rsa_key


@pytest.fixture(scope="module")
def store() -> SoftwareKeyStore:
    return SoftwareKeyStore(os.urandom(32))


def test_a_key_signs_as_its_request_says(store: SoftwareKeyStore) -> None:
    new = store.create("k1", Subject("示例公司", "示例公司", "91110000MA0DEM0X18"))
    request = x509.load_der_x509_csr(new.certification_request)
    assert request.is_signature_valid
    assert "91110000MA0DEM0X18" in request.subject.rfc4514_string()
    public = rsa_key(request)
    assert (public.key_size, public_key_sha256(public)) == (2048, new.public_key_sha256)
    signature = store.load(StoredKey("k1", new.wrapped, hosted=True)).sign(b"x", padding.PKCS1v15(), hashes.SHA256())
    public.verify(signature, b"x", padding.PKCS1v15(), hashes.SHA256())


def test_nothing_of_the_key_shows(store: SoftwareKeyStore) -> None:
    secret = os.urandom(64)
    wrapped = store.wrap("k", secret)
    assert secret not in wrapped
    assert store.unwrap("k", wrapped) == secret
    assert store.wrap("k", secret) != wrapped


@pytest.mark.parametrize("position", [0, 1, 5, 20, -1])
def test_altered_keys_are_refused(store: SoftwareKeyStore, position: int) -> None:
    wrapped = bytearray(store.wrap("k", b"secret"))
    wrapped[position] ^= 1
    with pytest.raises(KeyStoreError):
        store.unwrap("k", bytes(wrapped))


def test_a_key_opens_under_its_own_id_and_master_key_only(store: SoftwareKeyStore) -> None:
    wrapped = store.wrap("k", b"secret")
    with pytest.raises(KeyStoreError):
        store.unwrap("other", wrapped)
    with pytest.raises(KeyStoreError):
        SoftwareKeyStore(os.urandom(32)).unwrap("k", wrapped)
    with pytest.raises(KeyStoreError):
        store.unwrap("k", b"")


def test_hosted_keys_stay_loaded_and_others_do_not(store: SoftwareKeyStore) -> None:
    new = store.create("k2", Subject("k2"))
    hosted, single = StoredKey("k2", new.wrapped, hosted=True), StoredKey("k2", new.wrapped, hosted=False)
    assert store.load(single) is not store.load(single)
    assert store.load(hosted) is store.load(hosted)


def test_master_key_files(tmp_path: Path) -> None:
    key = os.urandom(32)
    file = tmp_path / "master.key"
    file.write_bytes(key)
    wrapped = SoftwareKeyStore.from_file(file).wrap("k", b"secret")
    file.write_text(base64.b64encode(key).decode() + "\n")
    assert SoftwareKeyStore.from_file(file).unwrap("k", wrapped) == b"secret"
    for bad in (b"", b"short", b"CHANGE-ME", base64.b64encode(key[:16])):
        file.write_bytes(bad)
        with pytest.raises(KeyStoreError):
            SoftwareKeyStore.from_file(file)


@pytest.mark.parametrize("code", ["91110000MA0DEM0X19", "91110000MA0DEM0X1", "", "91110000MA0DEM0I18", "x" * 18])
def test_credit_codes_with_a_wrong_check_character(code: str) -> None:
    assert is_unified_social_credit_code("91110000MA0DEM0X18")
    assert not is_unified_social_credit_code(code)
