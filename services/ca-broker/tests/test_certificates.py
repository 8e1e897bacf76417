"""What a CA sends back is checked in every respect."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from esign_ca_broker.domain.certificates import Expectations, WrongCertificateError, check_issued
from esign_ca_broker.domain.orders import OrganisationSubject, PersonSubject, Profile, Subject

from .world import (
    COMPANY,
    EVENT_POLICY,
    ORGANISATION_POLICY,
    USCC,
    Authority,
    der,
    key,
    organisation_name,
    person_name,
)

PERSON = PersonSubject("p-1", "李样例", "110101199003070038")
ORGANISATION = OrganisationSubject(COMPANY, USCC)
OWNER = key()
PUBLIC = OWNER.public_key()
SPKI = PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
NAME = person_name("李样例", "p-1")
YEAR = timedelta(days=365)


@pytest.fixture
def expected(authority: Authority) -> Expectations:
    return Expectations(
        roots=(authority.root,),
        policies={
            Profile.EVENT: x509.ObjectIdentifier(EVENT_POLICY),
            Profile.ORGANISATION: x509.ObjectIdentifier(ORGANISATION_POLICY),
        },
        longest_validity={Profile.EVENT: timedelta(days=1), Profile.ORGANISATION: timedelta(days=366)},
    )


Check = Callable[..., Any]


@pytest.fixture
def check(authority: Authority, expected: Expectations) -> Check:
    def run(
        leaf: bytes,
        chain: list[bytes] | None = None,
        *,
        profile: Profile = Profile.EVENT,
        subject: Subject = PERSON,
    ) -> Any:
        return check_issued(
            leaf,
            [der(authority.issuing)] if chain is None else chain,
            profile=profile,
            subject=subject,
            public_key=SPKI,
            expected=expected,
            now=datetime.now(UTC),
        )

    return run


def test_a_good_one(authority: Authority, check: Check) -> None:
    leaf = authority.issue(PUBLIC, NAME)
    issued = check(der(leaf))
    assert issued.chain == (der(leaf), der(authority.issuing))
    assert issued.serial_number == f"{leaf.serial_number:x}"
    assert issued.not_after - issued.not_before == timedelta(hours=24)


def test_the_chain_in_any_order_and_without_the_root(authority: Authority, check: Check) -> None:
    leaf = authority.issue(PUBLIC, NAME)
    stranger = Authority()
    sent = [der(authority.root), der(stranger.issuing), der(authority.issuing)]
    assert check(der(leaf), sent).chain == (der(leaf), der(authority.issuing))


def test_an_organisation(authority: Authority, check: Check) -> None:
    full = organisation_name(COMPANY, USCC)
    for name in (full, full[:4], [*full[:2], *full[3:]], list(reversed(full))):
        leaf = authority.issue(PUBLIC, name, policy=ORGANISATION_POLICY, length=YEAR)
        assert check(der(leaf), profile=Profile.ORGANISATION, subject=ORGANISATION).serial_number


@pytest.mark.parametrize(
    "name",
    [
        organisation_name(COMPANY, "91110105MA01234573"),
        organisation_name(COMPANY + "二", USCC),
        [*organisation_name(COMPANY, USCC)[:2], (NameOID.COMMON_NAME, COMPANY)],
        [*organisation_name(COMPANY, USCC), (NameOID.ORGANIZATIONAL_UNIT_NAME, "其他")],
    ],
)
def test_another_organisation(authority: Authority, check: Check, name: Any) -> None:
    leaf = authority.issue(PUBLIC, name, policy=ORGANISATION_POLICY, length=YEAR)
    with pytest.raises(WrongCertificateError) as wrong:
        check(der(leaf), profile=Profile.ORGANISATION, subject=ORGANISATION)
    assert wrong.value.reason == "CERTIFICATE_OTHER_SUBJECT"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"public_key": key().public_key()}, "CERTIFICATE_OTHER_KEY"),
        ({"subject": person_name("王样例", "p-1")}, "CERTIFICATE_OTHER_SUBJECT"),
        ({"subject": person_name("李样例", "p-2")}, "CERTIFICATE_OTHER_SUBJECT"),
        ({"subject": person_name("李样例", "110101199003070038")}, "CERTIFICATE_OTHER_SUBJECT"),
        ({"subject": [*NAME, (NameOID.TITLE, "经理")]}, "CERTIFICATE_OTHER_SUBJECT"),
        ({"subject": NAME[:2]}, "CERTIFICATE_OTHER_SUBJECT"),
        ({"policy": ORGANISATION_POLICY}, "CERTIFICATE_OTHER_PROFILE"),
        ({"is_ca": True}, "CERTIFICATE_OTHER_PROFILE"),
        ({"signing": False}, "CERTIFICATE_OTHER_PROFILE"),
        ({"length": timedelta(days=2)}, "CERTIFICATE_VALIDITY"),
        ({"begin": timedelta(hours=1)}, "CERTIFICATE_VALIDITY"),
        ({"begin": timedelta(hours=-25)}, "CERTIFICATE_VALIDITY"),
    ],
)
def test_wrong_ones(authority: Authority, check: Check, changes: dict[str, Any], reason: str) -> None:
    values = {"public_key": PUBLIC, "subject": NAME, **changes}
    leaf = authority.issue(values.pop("public_key"), values.pop("subject"), **values)
    with pytest.raises(WrongCertificateError) as wrong:
        check(der(leaf))
    assert wrong.value.reason == reason


def test_nobody_is_trusted_for_saying_so(authority: Authority, check: Check) -> None:
    stranger = Authority()
    foreign = der(stranger.issue(PUBLIC, NAME))
    good = der(authority.issue(PUBLIC, NAME))
    for leaf, chain in (
        (foreign, [der(stranger.issuing), der(stranger.root)]),
        (foreign, [der(authority.issuing)]),
        (good, []),
        (good, [der(stranger.issuing)]),
    ):
        with pytest.raises(WrongCertificateError) as wrong:
            check(leaf, chain)
        assert wrong.value.reason == "CERTIFICATE_UNTRUSTED"


def test_an_altered_certificate(authority: Authority, check: Check) -> None:
    leaf = bytearray(der(authority.issue(PUBLIC, NAME)))
    leaf[-1] ^= 1
    with pytest.raises(WrongCertificateError) as wrong:
        check(bytes(leaf))
    assert wrong.value.reason == "CERTIFICATE_UNTRUSTED"


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"\x30\x03\x02\x01\x01"])
def test_garbage(authority: Authority, check: Check, garbage: bytes) -> None:
    good = der(authority.issue(PUBLIC, NAME))
    for leaf, chain in ((garbage, None), (good, [garbage])):
        with pytest.raises(WrongCertificateError) as wrong:
            check(leaf, chain)
        assert wrong.value.reason == "CERTIFICATE_UNREADABLE"
