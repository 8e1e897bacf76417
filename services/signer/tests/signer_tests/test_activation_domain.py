"""No activation, no signature: every way in which a statement can be wrong has its own stable refusal."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from esign_kit.refs import ObjectRef, Placement
from esign_signer.domain import activation as activations
from esign_signer.domain.activation import ActivationKind, Reason, RequestFacts, SignatureRefused
from esign_signer.domain.seal import Grant, Seal, SealKind, SealState

KEY, OTHER_KEY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
USCC = "91110000MA0DEM0X18"
DOCUMENT, IMAGE = "a" * 64, "b" * 64
PLACE = Placement(2, 100_000, 100_000, 220_000, 160_000)
FACTS = RequestFacts("contract", "party", DOCUMENT, "seal", PLACE)
OWN_SEAL = Seal(
    "seal", SealKind.HANDWRITTEN, SealState.ACTIVE, ObjectRef("seals", "k", "v", IMAGE, 9), 1, 1, "person", None
)
COMPANY_SEAL = replace(OWN_SEAL, kind=SealKind.OFFICIAL, owner_person_id=None, owner_organisation=USCC)


def claims(**changed: Any) -> dict[str, Any]:
    statement = {
        "iss": "identity",
        "aud": ["signer", "ca-broker"],
        "jti": "activation",
        "iat": int(NOW.timestamp()),
        "nbf": int(NOW.timestamp()),
        "exp": int((NOW + timedelta(minutes=5)).timestamp()),
        "kind": "PERSON",
        "person_id": "person",
        "contract_id": "contract",
        "party_id": "party",
        "document_sha256": DOCUMENT,
        "seal_id": "seal",
        "seal_sha256": IMAGE,
        "page": PLACE.page,
        "rect": [PLACE.x1, PLACE.y1, PLACE.x2, PLACE.y2],
        "reason": "同意签署",
        "receipts": {"sms": "s", "face": "f"},
    }
    return {name: value for name, value in (statement | changed).items() if value is not None}


def policy(**changed: Any) -> dict[str, Any]:
    return claims(kind="POLICY", person_id=None, policy_id="policy", organisation=USCC, receipts={}, **changed)


def sign(content: dict[str, Any], key: Ed25519PrivateKey = KEY, typ: str = "esign-activation+jwt") -> str:
    return jwt.encode(content, key, algorithm="EdDSA", headers={"typ": typ})


def altered(statement: str) -> str:
    head, body, signature = statement.split(".")
    return f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def decide(statement: str, seal: Seal | None = OWN_SEAL, facts: RequestFacts = FACTS, now: datetime = NOW) -> None:
    activations.check(activations.read(statement, [OTHER_KEY.public_key(), KEY.public_key()]), facts, seal, now)


def refusal(check: Callable[[], object]) -> Reason:
    with pytest.raises(SignatureRefused) as refused:
        check()
    return refused.value.reason


def test_a_person_may_sign_what_the_statement_says() -> None:
    decide(sign(claims()))
    read = activations.read(sign(claims()), [KEY.public_key()])
    assert (read.kind, read.person_id, read.policy_id, read.placement) == (ActivationKind.PERSON, "person", None, PLACE)
    assert read.receipts == {"sms": "s", "face": "f"}
    assert read.expires_at - read.issued_at == timedelta(minutes=5)


def test_a_policy_may_use_its_organisations_seal_and_no_other() -> None:
    decide(sign(policy()), COMPANY_SEAL)
    other = replace(COMPANY_SEAL, owner_organisation="91310000MA1DEM0X14")
    assert refusal(lambda: decide(sign(policy()), other)) is Reason.SEAL_OWNER_MISMATCH
    assert refusal(lambda: decide(sign(policy()), OWN_SEAL)) is Reason.SEAL_OWNER_MISMATCH


def test_an_organisations_seal_needs_a_grant_from_a_person() -> None:
    statement = sign(claims(organisation=USCC))
    assert refusal(lambda: decide(statement, COMPANY_SEAL)) is Reason.PERSON_NOT_GRANTED
    grant = Grant("person", NOW - timedelta(days=1), NOW + timedelta(seconds=1))
    decide(statement, replace(COMPANY_SEAL, grants=(grant,)))
    for other in (
        replace(grant, person_id="another"),
        replace(grant, ends_at=NOW),
        replace(grant, revoked_at=NOW - timedelta(seconds=1)),
    ):
        seal = replace(COMPANY_SEAL, grants=(other,))
        assert refusal(partial(decide, statement, seal)) is Reason.PERSON_NOT_GRANTED


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("", Reason.ACTIVATION_MISSING),
        ("not.a.jws", Reason.ACTIVATION_SIGNATURE_INVALID),
        ("x" * 9000, Reason.ACTIVATION_SIGNATURE_INVALID),
        (sign(claims(), Ed25519PrivateKey.generate()), Reason.ACTIVATION_SIGNATURE_INVALID),
        (altered(sign(claims())), Reason.ACTIVATION_SIGNATURE_INVALID),
        (sign(claims(), typ="esign-actor+jwt"), Reason.ACTIVATION_SIGNATURE_INVALID),
        (jwt.encode(claims(), "k" * 32, headers={"typ": "esign-activation+jwt"}), Reason.ACTIVATION_SIGNATURE_INVALID),
        (
            jwt.encode(claims(), "", algorithm="none", headers={"typ": "esign-activation+jwt"}),
            Reason.ACTIVATION_SIGNATURE_INVALID,
        ),
    ],
)
def test_what_identity_did_not_sign(statement: str, reason: Reason) -> None:
    assert refusal(lambda: decide(statement)) is reason


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "contract"},
        {"aud": "ca-broker"},
        {"jti": None},
        {"exp": None},
        {"kind": "ANYONE"},
        {"person_id": None},
        {"policy_id": "policy"},
        {"kind": "POLICY", "person_id": None, "policy_id": "policy"},
        {"document_sha256": DOCUMENT.upper()},
        {"rect": [1, 2, 3]},
        {"rect": [200, 0, 100, 100]},
        {"rect": [1.5, 2, 3, 4]},
        {"page": 0},
        {"page": True},
        {"receipts": ["sms"]},
        {"contract_id": ""},
    ],
)
def test_a_signed_statement_that_is_not_an_activation(changed: dict[str, Any]) -> None:
    assert refusal(lambda: decide(sign(claims(**changed)))) is Reason.ACTIVATION_SIGNATURE_INVALID


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (replace(FACTS, document_sha256="c" * 64), Reason.ACTIVATION_DOCUMENT_MISMATCH),
        (replace(FACTS, contract_id="other"), Reason.ACTIVATION_DOCUMENT_MISMATCH),
        (replace(FACTS, party_id="other"), Reason.ACTIVATION_PERSON_MISMATCH),
        (replace(FACTS, seal_id="other"), Reason.ACTIVATION_SEAL_MISMATCH),
        (replace(FACTS, placement=replace(PLACE, x1=99_999)), Reason.ACTIVATION_PLACE_MISMATCH),
        (replace(FACTS, placement=replace(PLACE, page=1)), Reason.ACTIVATION_PLACE_MISMATCH),
    ],
)
def test_another_request_than_the_statements(facts: RequestFacts, reason: Reason) -> None:
    assert refusal(lambda: decide(sign(claims()), facts=facts)) is reason


@pytest.mark.parametrize(
    ("seal", "reason"),
    [
        (None, Reason.ACTIVATION_SEAL_MISMATCH),
        (replace(OWN_SEAL, image=replace(OWN_SEAL.image, sha256="d" * 64)), Reason.ACTIVATION_SEAL_MISMATCH),
        (replace(OWN_SEAL, owner_person_id="someone else"), Reason.SEAL_OWNER_MISMATCH),
        (COMPANY_SEAL, Reason.SEAL_OWNER_MISMATCH),
        (replace(OWN_SEAL, state=SealState.SUSPENDED), Reason.SEAL_NOT_ACTIVE),
        (replace(OWN_SEAL, state=SealState.PENDING), Reason.SEAL_NOT_ACTIVE),
        (replace(OWN_SEAL, state=SealState.DESTROYED), Reason.SEAL_NOT_ACTIVE),
    ],
)
def test_another_seal_than_the_statements(seal: Seal | None, reason: Reason) -> None:
    assert refusal(lambda: decide(sign(claims()), seal)) is reason


def test_time() -> None:
    statement = sign(claims())
    decide(statement, now=NOW + timedelta(minutes=4, seconds=59))
    assert refusal(lambda: decide(statement, now=NOW + timedelta(minutes=5))) is Reason.ACTIVATION_EXPIRED
    decide(statement, now=NOW - timedelta(seconds=29))
    assert refusal(lambda: decide(statement, now=NOW - timedelta(seconds=31))) is Reason.ACTIVATION_NOT_YET_VALID
