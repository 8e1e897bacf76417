"""Keys in a token: they never leave it, and they work again when it comes back."""

from collections.abc import Iterator
from dataclasses import replace

import pkcs11
import pytest
from cryptography import x509
from esign_signer.adapters.keys.pkcs11 import Pkcs11KeyStore
from esign_signer.adapters.keys.request import public_key_sha256
from esign_signer.adapters.keys.settings import KeyStoreSettings, Pkcs11Settings
from esign_signer.adapters.keys.stores import KeyStores
from esign_signer.domain.keys import (
    KeyAlgorithm,
    KeyStoreError,
    KeyStoreKind,
    KeyStoreUnavailable,
    NewKey,
    StoredKey,
    Subject,
)
from pkcs11 import Attribute, ObjectClass

from .signatures import DIGEST, requested_key, verify
from .tokens import SoftToken

SUBJECT = Subject("示例公司", "示例公司", "91110000MA0DEM0X18")


@pytest.fixture(autouse=True)
def logged_out(token: SoftToken) -> Iterator[None]:
    """Each test with the module as a new process finds it."""
    pkcs11.lib(str(token.module)).reinitialize()
    yield
    pkcs11.lib(str(token.module)).finalize()


@pytest.fixture
def store(token: SoftToken) -> Pkcs11KeyStore:
    return Pkcs11KeyStore(token.settings)


def stored(key_id: str, new: NewKey) -> StoredKey:
    return StoredKey(key_id, new.wrapped, True, new.store, new.algorithm)


def private_objects(token: SoftToken, **about: object) -> list[pkcs11.Object]:
    """What another session of the same login sees."""
    session = pkcs11.lib(str(token.module)).get_token(token_label="esign").open()
    return list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: about["label"]}))


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_a_key_signs_as_its_request_says_and_stays_inside(
    store: Pkcs11KeyStore, token: SoftToken, algorithm: KeyAlgorithm
) -> None:
    new = store.create(f"k {algorithm}", SUBJECT, algorithm)
    assert (new.store, new.algorithm) == (KeyStoreKind.PKCS11, algorithm)
    request = x509.load_der_x509_csr(new.certification_request)
    assert "91110000MA0DEM0X18" in request.subject.rfc4514_string()
    public = requested_key(new)
    assert public_key_sha256(public) == new.public_key_sha256
    for _ in range(20):
        verify(public, store.sign_digest(stored(f"k {algorithm}", new), DIGEST), algorithm)

    (private,) = private_objects(token, label=f"k {algorithm}")
    assert private[Attribute.SENSITIVE]
    assert private[Attribute.ALWAYS_SENSITIVE]
    assert private[Attribute.NEVER_EXTRACTABLE]
    assert not private[Attribute.EXTRACTABLE]
    secret = Attribute.PRIVATE_EXPONENT if algorithm is KeyAlgorithm.RSA_2048 else Attribute.VALUE
    with pytest.raises(pkcs11.exceptions.AttributeSensitive):
        private[secret]


def test_an_interrupted_attempt_leaves_no_second_key(store: Pkcs11KeyStore, token: SoftToken) -> None:
    first = store.create("again", SUBJECT, KeyAlgorithm.EC_P256)
    store.close()
    again = Pkcs11KeyStore(token.settings).create("again", SUBJECT, KeyAlgorithm.EC_P256)
    assert (again.wrapped, again.public_key_sha256) == (first.wrapped, first.public_key_sha256)
    assert len(private_objects(token, label="again")) == 1


def test_a_key_signs_under_its_own_id_only(store: Pkcs11KeyStore) -> None:
    one, other = (store.create(key_id, SUBJECT, KeyAlgorithm.EC_P256) for key_id in ("one", "other"))
    for swapped in (
        stored("one", other),
        stored("none", one),
        replace(stored("one", one), wrapped=b"unknown"),
        replace(stored("one", one), algorithm=KeyAlgorithm.RSA_2048),
    ):
        with pytest.raises(KeyStoreError, match="no such key"):
            store.sign_digest(swapped, DIGEST)


def test_a_token_that_went_away_works_when_it_is_back(store: Pkcs11KeyStore, token: SoftToken) -> None:
    new = store.create("wandering", SUBJECT, KeyAlgorithm.EC_P256)
    key = stored("wandering", new)
    store.sign_digest(key, DIGEST)
    token.take_away()
    try:
        for _ in range(2):
            with pytest.raises(KeyStoreUnavailable, match="PKCS#11"):
                store.sign_digest(key, DIGEST)
        with pytest.raises(KeyStoreUnavailable, match="PKCS#11"):
            store.create("meanwhile", SUBJECT, KeyAlgorithm.EC_P256)
    finally:
        token.bring_back()
    verify(requested_key(new), store.sign_digest(key, DIGEST), KeyAlgorithm.EC_P256)


def test_a_session_that_ended_is_opened_anew(store: Pkcs11KeyStore, token: SoftToken) -> None:
    new = store.create("session", SUBJECT, KeyAlgorithm.EC_P256)
    pkcs11.lib(str(token.module)).reinitialize()
    verify(requested_key(new), store.sign_digest(stored("session", new), DIGEST), KeyAlgorithm.EC_P256)


def test_a_wrong_pin_is_tried_once_and_the_right_one_at_once(token: SoftToken, monkeypatch: pytest.MonkeyPatch) -> None:
    store, attempts = Pkcs11KeyStore(token.settings), []
    lib = pkcs11.lib

    def counted(module: str) -> object:
        attempts.append(module)
        return lib(module)

    monkeypatch.setattr(pkcs11, "lib", counted)
    right = token.pin_file.read_text()
    token.pin_file.write_text("999999")
    try:
        with pytest.raises(KeyStoreUnavailable, match="PinIncorrect"):
            store.create("pin", SUBJECT, KeyAlgorithm.EC_P256)
        for _ in range(3):
            with pytest.raises(KeyStoreUnavailable, match="refused this PIN"):
                store.create("pin", SUBJECT, KeyAlgorithm.EC_P256)
        assert len(attempts) == 1
    finally:
        token.pin_file.write_text(right)
    assert store.create("pin", SUBJECT, KeyAlgorithm.EC_P256).wrapped


def test_no_module_no_token_no_pin(token: SoftToken) -> None:
    settings = token.settings
    for wrong in (
        replace(settings, module=settings.module.with_name("nothing.so")),
        replace(settings, token="another"),
        replace(settings, pin_file=settings.pin_file.with_name("nothing")),
    ):
        with pytest.raises(KeyStoreUnavailable, match="PKCS#11"):
            Pkcs11KeyStore(wrong).create("k", SUBJECT)


def test_a_store_that_is_not_set_up_is_refused(token: SoftToken) -> None:
    stores = KeyStores(KeyStoreSettings(token.pin_file))
    with pytest.raises(KeyStoreError, match="no PKCS#11 token"):
        stores.create(KeyStoreKind.PKCS11, "k", SUBJECT, KeyAlgorithm.RSA_2048)
    with pytest.raises(KeyStoreError, match="made by the CA"):
        stores.create(KeyStoreKind.CSC, "k", SUBJECT, KeyAlgorithm.RSA_2048)
    with pytest.raises(KeyStoreError, match="no remote signing service"):
        stores.adopt("credential")


def test_the_dispatcher_signs_with_a_token(token: SoftToken) -> None:
    settings = Pkcs11Settings(token.module, "esign", token.pin_file)
    stores = KeyStores(KeyStoreSettings(token.pin_file, settings))
    new = stores.create(KeyStoreKind.PKCS11, "dispatched", SUBJECT, KeyAlgorithm.EC_P256)
    verify(requested_key(new), stores.sign_digest(stored("dispatched", new), DIGEST), KeyAlgorithm.EC_P256)
