"""Which certification requests are accepted, and which organisations."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID
from esign_ca_broker.domain.orders import PersonSubject, checked_organisation, event_order_no
from esign_ca_broker.domain.requests import read_request
from esign_kit.errors import InvalidInput

from .world import COMPANY, USCC, csr, key, usage


@pytest.mark.parametrize("kind", ["p256", "rsa2048", "rsa3072"])
def test_good_requests(kind: str) -> None:
    owner = key(kind)
    first = read_request(csr(owner))
    second = read_request(csr(owner, usage(signing=True), algorithm=hashes.SHA384()))
    assert first.key_sha256 == second.key_sha256
    assert len(first.key_sha256) == 64
    assert first.key_sha256 != read_request(csr(key())).key_sha256


@pytest.mark.parametrize("kind", ["rsa1024", "p384", "k1"])
def test_keys_that_are_not_allowed(kind: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_request(csr(key(kind)))
    assert refused.value.reason == "CSR_KEY_NOT_ALLOWED"


def forged() -> bytes:
    """A request with another's key put in."""
    good, other = csr(key()), csr(key())
    start = good.index(bytes.fromhex("03420004"))
    there = other.index(bytes.fromhex("03420004"))
    return good[:start] + other[there : there + 68] + good[start + 68 :]


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"not a request",
        csr(key())[:-5],
        csr(key()) + b"\x00",
        forged(),
        csr(key("ed25519")),
        b"\x30" * 9000,
    ],
    ids=["empty", "text", "truncated", "trailing", "forged", "ed25519", "large"],
)
def test_what_proves_nothing(der: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_request(der)
    assert refused.value.reason == "CSR_INVALID"


@pytest.mark.parametrize(
    "request_der",
    [
        csr(key(), x509.BasicConstraints(ca=True, path_length=None)),
        csr(key(), x509.SubjectAlternativeName([x509.DNSName("sign.example.com")])),
        csr(key(), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])),
        csr(key(), password=b"challenge"),
    ],
    ids=["ca", "san", "eku", "challenge password"],
)
def test_nothing_unusual_can_be_asked_for(request_der: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_request(request_der)
    assert refused.value.reason == "CSR_EXTENSION_NOT_ALLOWED"


def test_order_numbers_follow_from_activations() -> None:
    assert event_order_no("a") == event_order_no("a") != event_order_no("b")
    assert len(event_order_no("x" * 500)) < 64


@pytest.mark.parametrize(
    ("name", "uscc", "reason"),
    [
        ("", USCC, "ORGANISATION_NAME_INVALID"),
        (" " + COMPANY, USCC, "ORGANISATION_NAME_INVALID"),
        ("公" * 65, USCC, "ORGANISATION_NAME_INVALID"),
        ("公\n司", USCC, "ORGANISATION_NAME_INVALID"),
        (COMPANY, "", "USCC_INVALID"),
        (COMPANY, USCC[:-1] + "6", "USCC_INVALID"),
        (COMPANY, f" {USCC}", "USCC_INVALID"),
        (COMPANY, USCC.lower(), "USCC_INVALID"),
    ],
)
def test_organisations_are_checked(name: str, uscc: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_organisation(name, uscc)
    assert refused.value.reason == reason
    assert checked_organisation(COMPANY, USCC).name == COMPANY


def test_values_of_people_do_not_show() -> None:
    shown = repr(PersonSubject("p1", "李样例", "110101199003070038"))
    assert "李样例" not in shown
    assert "110101199003070038" not in shown
