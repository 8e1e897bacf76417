"""The check of what a CA sends back. Nothing of the answer is believed: it must be what was ordered, by whom we trust."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from esign_ca_broker.domain.orders import IssuedCertificate, OrganisationSubject, Profile, Subject

T = TypeVar("T", bound=x509.ExtensionType)

CLOCK_SKEW = timedelta(minutes=5)


class WrongCertificateError(Exception):
    """The CA's answer is not what was ordered. `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Expectations:
    """What a CA's certificates must hold to. `policies` are the certificate policy OIDs by profile (RFC 5280, 4.2.1.4)."""

    roots: tuple[x509.Certificate, ...]
    policies: dict[Profile, x509.ObjectIdentifier]
    longest_validity: dict[Profile, timedelta]


def check_issued(
    leaf_der: bytes,
    chain_der: Sequence[bytes],
    *,
    profile: Profile,
    subject: Subject,
    public_key: bytes,
    expected: Expectations,
    now: datetime,
) -> IssuedCertificate:
    """The certificate with its chain, checked: key, subject, profile, validity, and a path to one of the roots (RFC 5280, 6).

    `chain_der` may be in any order and hold the root. Raises WrongCertificateError: CERTIFICATE_UNREADABLE, CERTIFICATE_OTHER_KEY,
    CERTIFICATE_OTHER_SUBJECT, CERTIFICATE_OTHER_PROFILE, CERTIFICATE_VALIDITY, CERTIFICATE_UNTRUSTED.
    """
    try:
        leaf = x509.load_der_x509_certificate(leaf_der)
        chain = [x509.load_der_x509_certificate(der) for der in chain_der]
        key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        usage = _extension(leaf, x509.KeyUsage)
        constraints = _extension(leaf, x509.BasicConstraints)
        policies = _extension(leaf, x509.CertificatePolicies)
        names = sorted((attribute.oid.dotted_string, str(attribute.value)) for attribute in leaf.subject)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension):
        raise WrongCertificateError("CERTIFICATE_UNREADABLE") from None
    if key != public_key:
        raise WrongCertificateError("CERTIFICATE_OTHER_KEY")
    if names not in _subjects(subject):
        raise WrongCertificateError("CERTIFICATE_OTHER_SUBJECT")
    for_signatures = usage is not None and usage.content_commitment and not usage.key_cert_sign
    stated = {policy.policy_identifier for policy in policies or ()}
    if not for_signatures or (constraints and constraints.ca) or expected.policies[profile] not in stated:
        raise WrongCertificateError("CERTIFICATE_OTHER_PROFILE")
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if begin > now + CLOCK_SKEW or end <= now or end - begin > expected.longest_validity[profile]:
        raise WrongCertificateError("CERTIFICATE_VALIDITY")
    path = _path(leaf, chain, expected, max(now, begin))
    return IssuedCertificate(
        chain=tuple(certificate.public_bytes(Encoding.DER) for certificate in path[:-1]),
        serial_number=f"{leaf.serial_number:x}",
        not_before=begin,
        not_after=end,
    )


def _path(
    leaf: x509.Certificate, chain: Sequence[x509.Certificate], expected: Expectations, moment: datetime
) -> list[x509.Certificate]:
    # The leaf's extensions were checked above; those of the authorities are held to the usual rules.
    verifier = (
        PolicyBuilder()
        .store(Store(list(expected.roots)))
        .time(moment)
        .extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    try:
        return list(verifier.verify(leaf, list(chain)).chain)
    except (VerificationError, ValueError, UnsupportedAlgorithm):
        raise WrongCertificateError("CERTIFICATE_UNTRUSTED") from None


def _subjects(subject: Subject) -> list[list[tuple[str, str]]]:
    """The distinguished names that stand for the subject, as sorted attributes; nothing may be added to them.

    A person: C=CN, CN = the name, serialNumber = the platform's number of the person. An organisation: C=CN, O = CN = the name,
    organizationIdentifier = NTRCN- and the code (ETSI EN 319 412-1, 5.1.4) and serialNumber = the code, or either alone.
    """
    country, common_name, serial = (
        (NameOID.COUNTRY_NAME, "CN"),
        (NameOID.COMMON_NAME, subject.name),
        NameOID.SERIAL_NUMBER,
    )
    if not isinstance(subject, OrganisationSubject):
        variants = [[country, common_name, (serial, subject.person_id)]]
    else:
        base = [country, common_name, (NameOID.ORGANIZATION_NAME, subject.name)]
        code = subject.unified_social_credit_code
        identifier, number = (NameOID.ORGANIZATION_IDENTIFIER, f"NTRCN-{code}"), (serial, code)
        variants = [[*base, identifier, number], [*base, identifier], [*base, number]]
    return [sorted((oid.dotted_string, value) for oid, value in variant) for variant in variants]


def _extension(certificate: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
