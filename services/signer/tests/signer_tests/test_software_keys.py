"""Wrapped keys: bound to their id and their master key, and never in clear."""

import base64
import os
from pathlib import Path

import pytest
from cryptography import x509
from esign_signer.adapters.keys.request import public_key_sha256
from esign_signer.adapters.keys.software import SoftwareKeyStore
from esign_signer.adapters.keys.wrapping import MasterKeys
from esign_signer.domain.keys import (
    KeyAlgorithm,
    KeyStoreError,
    KeyStoreKind,
    StoredKey,
    Subject,
    is_unified_social_credit_code,
)

from .signatures import DIGEST, requested_key, verify


@pytest.fixture(scope="module")
def wrapping() -> MasterKeys:
    return MasterKeys([os.urandom(32)])


@pytest.fixture(scope="module")
def store(wrapping: MasterKeys) -> SoftwareKeyStore:
    return SoftwareKeyStore(wrapping)


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_a_key_signs_as_its_request_says(store: SoftwareKeyStore, algorithm: KeyAlgorithm) -> None:
    new = store.create("k1", Subject("示例公司", "示例公司", "91110000MA0DEM0X18"), algorithm)
    request = x509.load_der_x509_csr(new.certification_request)
    assert request.is_signature_valid
    assert "91110000MA0DEM0X18" in request.subject.rfc4514_string()
    public = requested_key(new)
    assert (public_key_sha256(public), new.algorithm) == (new.public_key_sha256, algorithm)
    stored = StoredKey("k1", new.wrapped, True, KeyStoreKind.SOFTWARE, algorithm)
    signatures = [store.sign_digest(stored, DIGEST) for _ in range(20)]
    for signature in signatures:
        verify(public, signature, algorithm)
    assert max(map(len, signatures)) <= algorithm.signature_length


def test_nothing_of_the_key_shows(wrapping: MasterKeys) -> None:
    secret = os.urandom(64)
    wrapped = wrapping.wrap("k", secret)
    assert secret not in wrapped
    assert wrapping.unwrap("k", wrapped) == secret
    assert wrapping.wrap("k", secret) != wrapped


@pytest.mark.parametrize("position", [0, 1, 5, 20, -1])
def test_altered_keys_are_refused(wrapping: MasterKeys, position: int) -> None:
    wrapped = bytearray(wrapping.wrap("k", b"secret"))
    wrapped[position] ^= 1
    with pytest.raises(KeyStoreError):
        wrapping.unwrap("k", bytes(wrapped))


def test_a_key_opens_under_its_own_id_and_master_key_only(wrapping: MasterKeys) -> None:
    wrapped = wrapping.wrap("k", b"secret")
    with pytest.raises(KeyStoreError):
        wrapping.unwrap("other", wrapped)
    with pytest.raises(KeyStoreError):
        MasterKeys([os.urandom(32)]).unwrap("k", wrapped)
    with pytest.raises(KeyStoreError):
        wrapping.unwrap("k", b"")


def test_hosted_keys_stay_loaded_and_others_do_not(store: SoftwareKeyStore) -> None:
    new = store.create("k2", Subject("k2"))
    hosted, single = StoredKey("k2", new.wrapped, hosted=True), StoredKey("k2", new.wrapped, hosted=False)
    assert store.load(single) is not store.load(single)
    assert store.load(hosted) is store.load(hosted)


def test_master_key_files(tmp_path: Path) -> None:
    key = os.urandom(32)
    file = tmp_path / "master.key"
    file.write_bytes(key)
    wrapped = MasterKeys.from_file(file).wrap("k", b"secret")
    file.write_text(base64.b64encode(key).decode() + "\n")
    assert MasterKeys.from_file(file).unwrap("k", wrapped) == b"secret"
    for bad in (b"", b"short", b"CHANGE-ME", base64.b64encode(key[:16]), base64.b64encode(key) + b"\nabcd"):
        file.write_bytes(bad)
        with pytest.raises(KeyStoreError):
            MasterKeys.from_file(file)


def test_a_new_master_key_stands_before_the_old_one(tmp_path: Path) -> None:
    old, new = os.urandom(32), os.urandom(32)
    before = MasterKeys([old]).wrap("k", b"secret")
    file = tmp_path / "master.key"
    file.write_text("\n".join(base64.b64encode(key).decode() for key in (new, old)) + "\n")
    both = MasterKeys.from_file(file)
    assert both.unwrap("k", before) == b"secret"
    after = both.wrap("k", b"secret")
    assert (before.startswith(both.head), after.startswith(both.head)) == (False, True)
    assert MasterKeys([new]).unwrap("k", after) == b"secret"
    with pytest.raises(KeyStoreError, match="another master key"):
        MasterKeys([new]).unwrap("k", before)


@pytest.mark.parametrize("code", ["91110000MA0DEM0X19", "91110000MA0DEM0X1", "", "91110000MA0DEM0I18", "x" * 18])
def test_credit_codes_with_a_wrong_check_character(code: str) -> None:
    assert is_unified_social_credit_code("91110000MA0DEM0X18")
    assert not is_unified_social_credit_code(code)
