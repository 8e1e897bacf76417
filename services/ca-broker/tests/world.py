"""The sandbox's CA as a child process, a CA that answers what a test tells it to, keys, requests and certificates."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from esign_kit.testing import Sandbox

CREDENTIALS: dict[str, Any] = {
    "tencent": {"secret_id": "AKIDtest", "secret_key": "a-tencent-secret"},
    "sms": {"sdk_app_id": "1400006666", "sign_name": "SOHO中国", "templates": {"1001": "验证码{1}"}},
    "faceid": {"rule_ids": ["1"]},
    "antchain": {"access_key": "ANTKEY", "access_secret": "an-antchain-secret"},
    "ca": {"client_secret": "a-ca-client-secret"},
    "smtp": {"user": "esign", "password": "a-mail-password"},
}
EVENT_POLICY, ORGANISATION_POLICY = "1.3.6.1.4.1.32473.1.1.2", "1.3.6.1.4.1.32473.1.1.1"
COMPANY, USCC = "北京样例商贸有限公司", "91110105MA01234565"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Name = list[tuple[x509.ObjectIdentifier, str]]


class World(Sandbox):
    """The sandbox of this test session."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, CREDENTIALS)

    @property
    def roots_file(self) -> Path:
        """The CA's root, PEM."""
        return self.directory / "roots.pem"

    def start(self) -> None:
        """Start it and fetch the root."""
        super().start()
        self.roots_file.write_bytes(self.ask("GET", "/ca/roots.pem"))

    def ca_fault(self, mode: str, delay_ms: int = 0) -> None:
        """Give the CA a bad day."""
        self.fault("ca", mode, delay_ms)

    def order(self, order_no: str) -> dict[str, Any]:
        """What the CA has of an order; empty when nothing."""
        headers = {"Authorization": "Bearer a-ca-client-secret"}
        answer = httpx.get(f"{self.url}/ca/v1/certificates/{order_no}", headers=headers)
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return found


def key(kind: str = "p256") -> Any:
    """A new private key."""
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    curves: dict[str, ec.EllipticCurve] = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "k1": ec.SECP256K1()}
    return ec.generate_private_key(curves[kind])


def csr(owner: Any, *extensions: x509.ExtensionType, algorithm: Any = None, password: bytes = b"") -> bytes:
    """A certification request, DER."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "any")])
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    if password:
        builder = builder.add_attribute(x509.ObjectIdentifier("1.2.840.113549.1.9.7"), password)
    chosen = None if isinstance(owner, ed25519.Ed25519PrivateKey) else algorithm or hashes.SHA256()
    return builder.sign(owner, chosen).public_bytes(Encoding.DER)


def person_name(name: str, person_id: str) -> Name:
    """The subject of a person's certificate."""
    return [(NameOID.COUNTRY_NAME, "CN"), (NameOID.COMMON_NAME, name), (NameOID.SERIAL_NUMBER, person_id)]


def organisation_name(name: str, uscc: str) -> Name:
    """The subject of an organisation's certificate."""
    return [
        (NameOID.COUNTRY_NAME, "CN"),
        (NameOID.ORGANIZATION_NAME, name),
        (NameOID.ORGANIZATION_IDENTIFIER, f"NTRCN-{uscc}"),
        (NameOID.COMMON_NAME, name),
        (NameOID.SERIAL_NUMBER, uscc),
    ]


class Authority:
    """A root and an issuing CA that issue whatever is asked of them, right or wrong."""

    def __init__(self) -> None:
        self.root_key, self.key = key("p384"), key()
        self.root = self._authority("Root", self.root_key, None, 1)
        self.issuing = self._authority("Issuing", self.key, self.root, 0)

    def _authority(self, title: str, owner: Key, issuer: x509.Certificate | None, depth: int) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Test {title} {id(self)}")])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer.subject if issuer else name)
            .public_key(owner.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + timedelta(days=900))
            .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
            .add_extension(usage(signing=False, authority=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(owner.public_key()), critical=False)
        )
        if issuer:
            identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root_key.public_key())
            builder = builder.add_extension(identifier, critical=False)
        return builder.sign(self.root_key, hashes.SHA384())

    def issue(
        self,
        public_key: Any,
        subject: Name,
        *,
        policy: str = EVENT_POLICY,
        begin: timedelta = timedelta(),
        length: timedelta = timedelta(hours=24),
        is_ca: bool = False,
        signing: bool = True,
    ) -> x509.Certificate:
        """A certificate, right unless a test says otherwise."""
        start = datetime.now(UTC).replace(microsecond=0) + begin
        policies = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(policy), None)])
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(oid, value) for oid, value in subject]))
            .issuer_name(self.issuing.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + length)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(usage(signing=signing), critical=True)
            .add_extension(policies, critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )


def usage(*, signing: bool, authority: bool = False) -> x509.KeyUsage:
    """A key usage."""
    return x509.KeyUsage(
        digital_signature=not signing and not authority,
        content_commitment=signing,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def pem(*certificates: x509.Certificate) -> str:
    """Certificates in PEM."""
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)


def der(certificate: x509.Certificate) -> bytes:
    """A certificate in DER."""
    return certificate.public_bytes(Encoding.DER)


@dataclass
class Call:
    """A request as it reached the scripted CA."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class ScriptedCa:
    """An HTTP server that answers by `respond(call) -> (status, body)`; `calls` is what it was asked."""

    def __init__(self, respond: Callable[[Call], tuple[int, Any]]) -> None:
        self.respond, self.calls = respond, list[Call]()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                call = Call(self.command, self.path, headers, json.loads(self.rfile.read(length) or b"{}"))
                outer.calls.append(call)
                status, answer = outer.respond(call)
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stops it."""
        self._server.shutdown()
        self._server.server_close()
