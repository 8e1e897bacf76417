"""Activation statements: only identity's, only for a person, only for us, only fresh."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from esign_ca_broker.adapters.statements import IdentityStatements
from esign_kit.clock import system_clock
from esign_kit.errors import Forbidden
from esign_kit.testing import Pki


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    values = {
        "iss": "identity",
        "aud": ["signer", "ca-broker"],
        "jti": "activation-1",
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "kind": "PERSON",
        "person_id": "p-1",
        "contract_id": "c-1",
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


@pytest.fixture
def statements(pki: Pki) -> IdentityStatements:
    return IdentityStatements(pki.activation_public_key_file.read_bytes(), system_clock)


def test_a_good_one(pki: Pki, statements: IdentityStatements) -> None:
    activation = statements.verify(pki.activation(**claims()))
    assert (activation.activation_id, activation.person_id, activation.contract_id) == ("activation-1", "p-1", "c-1")
    assert abs(activation.issued_at - datetime.now(UTC)) < timedelta(seconds=5)


def test_an_expired_one_is_the_signers_to_judge(pki: Pki, statements: IdentityStatements) -> None:
    now = int(time.time())
    assert statements.verify(pki.activation(**claims(iat=now - 7200, nbf=now - 7200, exp=now - 6900)))


def test_but_not_for_ever(pki: Pki, statements: IdentityStatements) -> None:
    with pytest.raises(Forbidden) as refused:
        statements.verify(pki.activation(**claims(iat=int(time.time()) - 24 * 3600 - 5)))
    assert refused.value.reason == "ACTIVATION_TOO_OLD"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "contract"},
        {"aud": ["signer"]},
        {"aud": None},
        {"jti": None},
        {"jti": ""},
        {"iat": None},
        {"iat": "yesterday"},
        {"iat": 4102444800},
        {"exp": None},
        {"kind": "POLICY"},
        {"kind": None},
        {"person_id": None},
        {"person_id": ""},
        {"person_id": 7},
        {"contract_id": None},
    ],
)
def test_wrong_claims(pki: Pki, statements: IdentityStatements, change: dict[str, Any]) -> None:
    with pytest.raises(Forbidden) as refused:
        statements.verify(pki.activation(**claims(**change)))
    assert refused.value.reason == "ACTIVATION_INVALID"


def test_other_signatures_types_and_algorithms(pki: Pki, statements: IdentityStatements) -> None:
    good = pki.activation(**claims())
    head, body, signature = good.split(".")
    other_key = Ed25519PrivateKey.generate()
    public = pki.activation_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    kind = {"typ": "esign-activation+jwt"}
    for statement in (
        "",
        "x",
        good[:-8],
        f"{head}.{body}.",
        f"{head}.{pki.activation(**claims(person_id='p-2')).split('.')[1]}.{signature}",
        jwt.encode(claims(), other_key, algorithm="EdDSA", headers=kind),
        jwt.encode(claims(), pki.activation_key, algorithm="EdDSA", headers={"typ": "esign-actor+jwt"}),
        jwt.encode(claims(), pki.activation_key, algorithm="EdDSA"),
        jwt.encode(claims(), "", algorithm="none", headers=kind),
        jwt.encode(claims(), public.hex(), algorithm="HS256", headers=kind),
        "a" * 20000,
    ):
        with pytest.raises(Forbidden) as refused:
            statements.verify(statement)
        assert refused.value.reason == "ACTIVATION_INVALID"


def test_while_the_key_is_being_changed_both_are_taken(pki: Pki) -> None:
    old = Ed25519PrivateKey.generate()
    pem = old.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    statements = IdentityStatements(pem + pki.activation_public_key_file.read_bytes(), system_clock)
    assert statements.verify(pki.activation(**claims()))
    kind = {"typ": "esign-activation+jwt"}
    assert statements.verify(jwt.encode(claims(), old, algorithm="EdDSA", headers=kind))


def test_no_key_no_service() -> None:
    with pytest.raises(ValueError, match="Ed25519"):
        IdentityStatements(b"", system_clock)
