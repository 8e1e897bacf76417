"""What the authority certifies, by profile: the machine-readable side of CA-POLICY.md."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID as Access
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.oid import ObjectIdentifier as Oid

from esign_sandbox.identifiers import is_uscc

# 1.3.6.1.4.1.32473 is the enterprise number reserved for examples (RFC 5612).
ARC = "1.3.6.1.4.1.32473.1"
POLICY_ORGANISATION = Oid(f"{ARC}.1.1")
POLICY_EVENT = Oid(f"{ARC}.1.2")
POLICY_TSA = Oid(f"{ARC}.1.3")
TIMESTAMP_POLICY = f"{ARC}.2.1"

CA_NAME = "Sandbox Trust Services (test only)"
ProfileName = Literal["organisation", "event"]
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
CaKey = ec.EllipticCurvePrivateKey


class RefusedError(Exception):
    """The authority does not certify this. `code` is stable; the text names no personal data."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Addresses:
    """Where the authority can be reached: what its certificates say about it."""

    base: str

    @property
    def issuer(self) -> str:
        return f"{self.base}/ca/certs/issuing.cer"

    @property
    def root(self) -> str:
        return f"{self.base}/ca/certs/root.cer"

    @property
    def crl(self) -> str:
        return f"{self.base}/ca/crl/issuing.crl"

    @property
    def root_crl(self) -> str:
        return f"{self.base}/ca/crl/root.crl"

    @property
    def ocsp(self) -> str:
        return f"{self.base}/ca/ocsp"


@dataclass(frozen=True)
class Usage:
    """Extensions that make a certificate what it is."""

    digital_signature: bool = False
    non_repudiation: bool = False
    extended: tuple[Oid, ...] = ()
    extended_critical: bool = False
    policy: Oid | None = None
    ocsp_nocheck: bool = False


@dataclass(frozen=True)
class Profile:
    """A certificate for a subscriber, at most `max_days` valid (a year is counted by the calendar)."""

    usage: Usage
    max_days: int
    whole_year: bool = field(default=False)


PROFILES: dict[ProfileName, Profile] = {
    "organisation": Profile(
        Usage(digital_signature=True, non_repudiation=True, policy=POLICY_ORGANISATION), max_days=366, whole_year=True
    ),
    "event": Profile(Usage(non_repudiation=True, policy=POLICY_EVENT), max_days=1),
}
TSA_USAGE = Usage(
    digital_signature=True, extended=(ExtendedKeyUsageOID.TIME_STAMPING,), extended_critical=True, policy=POLICY_TSA
)
OCSP_USAGE = Usage(digital_signature=True, extended=(ExtendedKeyUsageOID.OCSP_SIGNING,), ocsp_nocheck=True)


def utc_now() -> datetime:
    """Whole seconds, as X.509 stores them."""
    return datetime.now(UTC).replace(microsecond=0)


def a_year_after(start: datetime) -> datetime:
    try:
        return start.replace(year=start.year + 1)
    except ValueError:  # 29 February
        return start.replace(year=start.year + 1, day=28)


def not_after(profile: Profile, start: datetime, validity_seconds: int | None) -> datetime:
    """The end of validity: the profile's own, or sooner when the subscriber asks for less."""
    end = a_year_after(start) if profile.whole_year else start + timedelta(days=profile.max_days)
    if validity_seconds is None:
        return end
    if not 1 <= validity_seconds <= (end - start).total_seconds():
        raise RefusedError("VALIDITY_NOT_ALLOWED", "validity_seconds is outside what the profile allows")
    return start + timedelta(seconds=validity_seconds)


def subject_of(profile: ProfileName, name: str, identifier: str) -> x509.Name:
    """The distinguished name (CA-POLICY.md, 'Names'); raises RefusedError for a name nobody can have."""
    if not (1 <= len(name) <= 64) or name != name.strip() or not name.isprintable():
        raise RefusedError("SUBJECT_INVALID", "name: 1 to 64 printable characters, no surrounding spaces")
    if profile == "organisation":
        if not is_uscc(identifier):
            raise RefusedError("SUBJECT_INVALID", "uscc is not a valid unified social credit code (GB 32100)")
        attributes = [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, f"NTRCN-{identifier}"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, identifier),
        ]
    else:
        if not (1 <= len(identifier) <= 64) or not all(c.isascii() and (c.isalnum() or c == "-") for c in identifier):
            raise RefusedError("SUBJECT_INVALID", "pseudonym: 1 to 64 letters, digits or hyphens")
        if len(identifier) == 18 and identifier[:17].isdigit():
            raise RefusedError("SUBJECT_INVALID", "pseudonym looks like a resident ID number, which is never certified")
        attributes = [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, identifier),
        ]
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), *attributes])


def public_key_of(csr_pem: str) -> PublicKey:
    """The key of a PKCS#10 request whose proof of possession holds; raises RefusedError (CSR_INVALID, KEY_WEAK)."""
    try:
        csr = x509.load_pem_x509_csr(csr_pem.encode())
        if not csr.is_signature_valid:
            raise RefusedError("CSR_INVALID", "the request's signature does not prove possession of the key")
        hash_algorithm = csr.signature_hash_algorithm
        key = csr.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature):
        raise RefusedError("CSR_INVALID", "csr_pem is not a PKCS#10 request in PEM") from None
    if not isinstance(hash_algorithm, hashes.SHA256 | hashes.SHA384 | hashes.SHA512):
        raise RefusedError("CSR_INVALID", "the request must be signed with SHA-256, SHA-384 or SHA-512")
    if isinstance(key, rsa.RSAPublicKey):
        if not 2048 <= key.key_size <= 4096 or key.public_numbers().e != 65537:
            raise RefusedError("KEY_WEAK", "RSA keys: 2048 to 4096 bits, exponent 65537")
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1):
        return key
    raise RefusedError("KEY_WEAK", "keys: RSA, or ECDSA on P-256 or P-384")


def issue(
    *,
    subject: x509.Name,
    key: PublicKey,
    usage: Usage,
    start: datetime,
    end: datetime,
    issuer: x509.Certificate,
    issuer_key: CaKey,
    addresses: Addresses,
    serial: int | None = None,
) -> x509.Certificate:
    """An end-entity certificate by the issuing CA. Serial numbers are 159 random bits unless given."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject)
        .public_key(key)
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(usage.digital_signature, usage.non_repudiation), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(authority_key_id(issuer), critical=False)
    )
    if usage.extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage.extended), critical=usage.extended_critical)
    if usage.policy is not None:
        policies = x509.CertificatePolicies([x509.PolicyInformation(usage.policy, None)])
        builder = builder.add_extension(policies, critical=False)
    if usage.ocsp_nocheck:
        builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
    else:
        access = x509.AuthorityInformationAccess(
            [
                x509.AccessDescription(Access.OCSP, x509.UniformResourceIdentifier(addresses.ocsp)),
                x509.AccessDescription(Access.CA_ISSUERS, x509.UniformResourceIdentifier(addresses.issuer)),
            ]
        )
        builder = builder.add_extension(access, critical=False)
        builder = builder.add_extension(distribution_point(addresses.crl), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def key_usage(digital_signature: bool, non_repudiation: bool, authority: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=non_repudiation,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def authority_key_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    ski = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski)


def distribution_point(url: str) -> x509.CRLDistributionPoints:
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)
    return x509.CRLDistributionPoints([point])
