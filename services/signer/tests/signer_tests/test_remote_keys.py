"""Keys that a CA keeps: its remote signing service signs for us, and what goes wrong there."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from esign_signer.adapters.keys import csc
from esign_signer.adapters.keys.csc import CscKeyStore
from esign_signer.adapters.keys.request import public_key_sha256
from esign_signer.adapters.keys.settings import KeyStoreSettings
from esign_signer.adapters.keys.stores import KeyStores
from esign_signer.domain.keys import (
    KeyAlgorithm,
    KeyStoreError,
    KeyStoreKind,
    KeyStoreUnavailable,
    StoredKey,
)

from .remote import Provider
from .signatures import DIGEST, PublicKey, verify
from .world import COMPANY, USCC

RSA, EC = KeyAlgorithm.RSA_2048, KeyAlgorithm.EC_P256
WRONG_PIN_LIMIT = 5


@pytest.fixture
def store(provider: Provider) -> Iterator[CscKeyStore]:
    store = CscKeyStore(provider.settings)
    yield store
    store.close()
    provider.sandbox.ask("DELETE", "/_sandbox/faults")


def hosted(
    provider: Provider, order_no: str, algorithm: KeyAlgorithm = EC, scal: str = "2"
) -> tuple[StoredKey, PublicKey]:
    credential, chain = provider.hosted(order_no, COMPANY, USCC, algorithm, scal)
    public = x509.load_der_x509_certificate(chain[0]).public_key()
    assert isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    return StoredKey(f"organisation-{order_no}", credential.encode(), True, KeyStoreKind.CSC, algorithm), public


@pytest.mark.parametrize("scal", ["1", "2"])
@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_a_key_of_the_ca_signs(provider: Provider, store: CscKeyStore, algorithm: KeyAlgorithm, scal: str) -> None:
    key, public = hosted(provider, f"o-{algorithm}-{scal}", algorithm, scal)
    new = store.adopt(key.wrapped.decode())
    assert (new.store, new.algorithm, new.wrapped) == (KeyStoreKind.CSC, algorithm, key.wrapped)
    assert new.public_key_sha256 == public_key_sha256(public)
    assert new.certification_request == b""
    for _ in range(2):
        verify(public, store.sign_digest(key, DIGEST), algorithm)


def test_an_algorithm_that_leaves_the_hash_open(
    provider: Provider, store: CscKeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, public = hosted(provider, "plain-rsa", RSA)
    monkeypatch.setitem(csc._SIGN_ALGORITHMS, RSA, (csc._RSA_ENCRYPTION,))
    verify(public, store.sign_digest(key, DIGEST), RSA)


@pytest.mark.parametrize("mode", ["down", "error", "lost", "slow"])
def test_a_provider_that_is_away_is_asked_again(provider: Provider, store: CscKeyStore, mode: str) -> None:
    key, public = hosted(provider, f"away-{mode}")
    store.sign_digest(key, DIGEST)
    provider.sandbox.fault("csc", mode, delay_ms=5000)
    started = time.monotonic()
    with pytest.raises(KeyStoreUnavailable):
        store.sign_digest(key, DIGEST)
    assert time.monotonic() - started < 2
    provider.sandbox.ask("DELETE", "/_sandbox/faults")
    verify(public, store.sign_digest(key, DIGEST), EC)


def test_slow_answers_share_one_deadline(provider: Provider) -> None:
    key, _ = hosted(provider, "deadline")
    store = CscKeyStore(replace(provider.settings, attempt_seconds=2, deadline_seconds=1.5))
    provider.sandbox.fault("csc", "slow", delay_ms=600)
    started = time.monotonic()
    try:
        with pytest.raises(KeyStoreUnavailable):
            store.sign_digest(key, DIGEST)
        assert time.monotonic() - started < 2
    finally:
        store.close()
        provider.sandbox.ask("DELETE", "/_sandbox/faults")


def test_nobody_there(provider: Provider) -> None:
    store = CscKeyStore(replace(provider.settings, base_url="http://127.0.0.1:9"))
    with pytest.raises(KeyStoreUnavailable, match="ConnectError"):
        store.adopt("C1")
    store.close()


def test_an_access_token_that_ended_is_renewed(provider: Provider, store: CscKeyStore) -> None:
    key, public = hosted(provider, "token")
    store.sign_digest(key, DIGEST)
    provider.change("UPDATE csc_token SET expires_at = 0")
    verify(public, store.sign_digest(key, DIGEST), EC)


def test_a_wrong_client_secret(provider: Provider, store: CscKeyStore) -> None:
    key, public = hosted(provider, "secret")
    right = provider.secret_file.read_text()
    provider.secret_file.write_text("something else")
    try:
        with pytest.raises(KeyStoreUnavailable, match="oauth2/token: 400"):
            store.sign_digest(key, DIGEST)
    finally:
        provider.secret_file.write_text(right)
    verify(public, store.sign_digest(key, DIGEST), EC)


def test_a_wrong_pin_is_tried_once_and_locks_nothing(provider: Provider, store: CscKeyStore) -> None:
    key, public = hosted(provider, "pin")
    right = provider.pin_file.read_text()
    provider.pin_file.write_text("000000")
    try:
        for expected in ("invalid_authentication_data", *["refused before"] * WRONG_PIN_LIMIT):
            with pytest.raises(KeyStoreUnavailable, match=expected):
                store.sign_digest(key, DIGEST)
    finally:
        provider.pin_file.write_text(right)
    verify(public, store.sign_digest(key, DIGEST), EC)


def test_an_activation_for_another_digest_or_used_before(provider: Provider, store: CscKeyStore) -> None:
    key, _ = hosted(provider, "sad")
    credential_id = key.wrapped.decode()
    store.sign_digest(key, DIGEST)
    credential = store._credential(credential_id)
    sad = store._authorise(credential_id, credential, DIGEST)
    with pytest.raises(KeyStoreUnavailable, match="Hash is not authorized by the SAD"):
        store._sign(credential_id, credential, sad, bytes(32))
    store._sign(credential_id, credential, sad, DIGEST)
    for used in (sad, "guessed"):
        with pytest.raises(KeyStoreUnavailable, match="Invalid parameter SAD"):
            store._sign(credential_id, credential, used, DIGEST)


def test_a_signature_by_another_key_is_not_taken(provider: Provider, store: CscKeyStore) -> None:
    key, _ = hosted(provider, "confused")
    hosted(provider, "stranger")
    provider.change(
        "UPDATE csc_credential SET key_der = (SELECT key_der FROM csc_credential WHERE order_no = 'stranger')"
        " WHERE order_no = 'confused'"
    )
    with pytest.raises(KeyStoreUnavailable, match="does not hold"):
        store.sign_digest(key, DIGEST)


def test_credentials_that_cannot_be_used(provider: Provider, store: CscKeyStore) -> None:
    with pytest.raises(KeyStoreError, match="Invalid parameter credentialID"):
        store.adopt("none")
    key, _ = hosted(provider, "revoked")
    store.sign_digest(key, DIGEST)
    with pytest.raises(KeyStoreError, match="another algorithm"):
        store.sign_digest(replace(key, algorithm=RSA), DIGEST)
    provider.revoke("revoked")
    for _ in range(2):
        with pytest.raises(KeyStoreError):
            store.sign_digest(key, DIGEST)
    with pytest.raises(KeyStoreError, match="cannot be used"):
        store.adopt(key.wrapped.decode())


@pytest.mark.parametrize(
    "auth",
    [
        {"mode": "oauth2code"},
        {"mode": "explicit", "objects": [{"type": "Password", "id": "OTP", "generator": "totp"}]},
        {"mode": "explicit", "objects": [{"type": "Password", "id": "PIN"}, {"type": "Password", "id": "OTP"}]},
        {"mode": "explicit", "objects": [{"type": "ChallengeResponse", "id": "Q"}]},
        {},
    ],
)
def test_what_needs_a_person_is_refused(auth: dict[str, object]) -> None:
    with pytest.raises(KeyStoreError, match="without a person"):
        csc._authentication(auth)
    assert csc._authentication({"mode": "implicit"}) is None


def test_the_dispatcher_signs_with_the_provider(provider: Provider) -> None:
    key, public = hosted(provider, "dispatched")
    stores = KeyStores(KeyStoreSettings(provider.pin_file, csc=provider.settings))
    assert stores.adopt(key.wrapped.decode()).wrapped == key.wrapped
    verify(public, stores.sign_digest(key, DIGEST), EC)
