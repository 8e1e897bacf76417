"""The platform's internal PKI: one EC P-256 authority, one certificate per program and per internal system.

A certificate says who its holder is by a SPIFFE ID in the subject alternative name (SPIFFE X.509-SVID); services are
addressed as `<name>.esign.internal` as well.
"""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from esign_kit.engines.base import write_private
from esign_kit.settings import SecretFile, Tls

TRUST_DOMAIN = "esign.soho.example"
AUTHORITY_LIFE = timedelta(days=3650)
LIFE = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)


class Pki:
    """Certificates below `directory`: `ca.pem`, `ca.key`, and `<name>/cert.pem`, `<name>/key.pem`; made where missing."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ca_file = directory / "ca.pem"
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._key, self._certificate = self._authority()

    def cert_file(self, name: str) -> Path:
        """The certificate of `name`, PEM."""
        return self.directory / name / "cert.pem"

    def key_file(self, name: str) -> Path:
        """The private key of `name`, PKCS#8 PEM, mode 0600."""
        return self.directory / name / "key.pem"

    def tls(self, name: str) -> Tls:
        """What `name` shows and trusts."""
        return Tls(cert_file=self.cert_file(name), key_file=SecretFile(self.key_file(name)), ca_file=self.ca_file)

    def ensure(self, name: str, kind: str, *, now: datetime | None = None) -> None:
        """Makes sure that `name` has a certificate of this authority good for the next 30 days.

        `kind` is `service` (server and client) or `system` (client only).
        """
        now = now or datetime.now(UTC)
        if self._is_good(name, now):
            return
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if kind == "service":
            usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
        alternatives: list[x509.GeneralName] = [
            x509.UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/{kind}/{name}"),
            x509.DNSName(f"{name}.esign.internal"),
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
        certificate = (
            _builder(name, self._certificate.subject, key.public_key(), now, LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        write_private(self.key_file(name), _pem(key))
        self.cert_file(name).write_bytes(certificate.public_bytes(Encoding.PEM))

    def _authority(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key_file = self.directory / "ca.key"
        if key_file.exists() and self.ca_file.exists():
            key = load_pem_private_key(key_file.read_bytes(), None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            return key, x509.load_pem_x509_certificate(self.ca_file.read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "esign internal authority")])
        certificate = (
            _builder("esign internal authority", name, key.public_key(), datetime.now(UTC), AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        write_private(key_file, _pem(key))
        self.ca_file.write_bytes(certificate.public_bytes(Encoding.PEM))
        return key, certificate

    def _is_good(self, name: str, now: datetime) -> bool:
        if not self.cert_file(name).exists() or not self.key_file(name).exists():
            return False
        certificate = x509.load_pem_x509_certificate(self.cert_file(name).read_bytes())
        try:
            certificate.verify_directly_issued_by(self._certificate)
        except Exception:
            return False
        return certificate.not_valid_after_utc > now + RENEW_BEFORE


def _builder(
    subject: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + life)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
