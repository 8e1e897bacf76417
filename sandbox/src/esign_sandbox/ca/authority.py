"""The authority's own keys and certificates: made once, at the first start, in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import AuthorityInformationAccessOID as Access
from cryptography.x509.oid import NameOID

from esign_sandbox.ca.policy import (
    CA_NAME,
    OCSP_USAGE,
    TSA_USAGE,
    Addresses,
    CaKey,
    authority_key_id,
    distribution_point,
    issue,
    key_usage,
    utc_now,
)
from esign_sandbox.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS ca_authority (
  name TEXT PRIMARY KEY, key_pem BLOB NOT NULL, cert_pem BLOB NOT NULL
) STRICT;
"""


@dataclass(frozen=True)
class Holder:
    """A certificate with its private key, loaded once and kept."""

    certificate: x509.Certificate
    key: CaKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


class Authority:
    """Root (offline: its key is read from the store only to sign the root CRL), issuing CA, OCSP responder, TSA."""

    def __init__(self, store: Store, addresses: Addresses) -> None:
        self._store = store
        self.addresses = addresses
        if store.row("SELECT 1 FROM ca_authority") is None:
            self._create()
        self.root_certificate = x509.load_pem_x509_certificate(self._row("root")[1])
        self.issuing = self._load("issuing")
        self.ocsp = self._load("ocsp")
        self.tsa = self._load("tsa")

    def root(self) -> Holder:
        """The root with its key, for the moment of one signature."""
        return self._load("root")

    def chain_pem(self) -> str:
        """Issuing CA then root, as PEM."""
        certificates = (self.issuing.certificate, self.root_certificate)
        return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)

    def _row(self, name: str) -> tuple[bytes, bytes]:
        row = self._store.row("SELECT key_pem, cert_pem FROM ca_authority WHERE name = ?", name)
        if row is None:
            raise RuntimeError(f"the authority has no {name} certificate: the data directory is damaged")
        return row["key_pem"], row["cert_pem"]

    def _load(self, name: str) -> Holder:
        key_pem, cert_pem = self._row(name)
        key = load_pem_private_key(key_pem, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{name}: not an EC key")
        return Holder(x509.load_pem_x509_certificate(cert_pem), key)

    def _create(self) -> None:
        start = utc_now()
        root_key = ec.generate_private_key(ec.SECP384R1())
        root = _ca_certificate("Root CA", root_key, root_key, None, start, 20, self.addresses)
        issuing_key = ec.generate_private_key(ec.SECP256R1())
        issuing = _ca_certificate("Issuing CA", issuing_key, root_key, root, start, 10, self.addresses)
        made = {"root": (root_key, root), "issuing": (issuing_key, issuing)}
        for name, title, usage in (("ocsp", "OCSP Responder", OCSP_USAGE), ("tsa", "Time-Stamping Unit 1", TSA_USAGE)):
            key = ec.generate_private_key(ec.SECP256R1())
            certificate = issue(
                subject=_name(title),
                key=key.public_key(),
                usage=usage,
                start=start,
                end=start + timedelta(days=5 * 365),
                issuer=issuing,
                issuer_key=issuing_key,
                addresses=self.addresses,
            )
            made[name] = (key, certificate)
        with self._store.write() as db:
            for name, (key, certificate) in made.items():
                key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
                cert_pem = certificate.public_bytes(Encoding.PEM)
                db.execute("INSERT INTO ca_authority VALUES (?, ?, ?)", (name, key_pem, cert_pem))


def _name(title: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, CA_NAME),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Sandbox {title}"),
        ]
    )


def _ca_certificate(
    title: str,
    key: CaKey,
    issuer_key: CaKey,
    issuer: x509.Certificate | None,
    start: datetime,
    years: int,
    addresses: Addresses,
) -> x509.Certificate:
    subject = _name(title)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=years * 365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0 if issuer else 1), critical=True)
        .add_extension(key_usage(False, False, authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer is not None:
        root_url = x509.UniformResourceIdentifier(addresses.root)
        any_policy = x509.PolicyInformation(x509.ObjectIdentifier("2.5.29.32.0"), None)
        builder = (
            builder.add_extension(authority_key_id(issuer), critical=False)
            .add_extension(x509.CertificatePolicies([any_policy]), critical=False)
            .add_extension(
                x509.AuthorityInformationAccess([x509.AccessDescription(Access.CA_ISSUERS, root_url)]), critical=False
            )
            .add_extension(distribution_point(addresses.root_crl), critical=False)
        )
    return builder.sign(issuer_key, hashes.SHA384())
