"""A small real PKI for the tests: root, issuing CA, OCSP responder, CRLs and an RFC 3161 timestamp authority behind one
HTTP server."""

import hashlib
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

DER = serialization.Encoding.DER


def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def name(common_name: str, subject_id: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if subject_id:
        attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, subject_id))
    return x509.Name(attributes)


def rsa_key(request: x509.CertificateSigningRequest) -> rsa.RSAPublicKey:
    found = request.public_key()
    assert isinstance(found, rsa.RSAPublicKey)
    return found


def usage(**set_to: bool) -> x509.KeyUsage:
    flags = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(**(flags | set_to))


@dataclass
class TrustPki:
    """`failing` names the services that answer 503 now (`imprint`: timestamps of something else), `silent` those that
    never answer; `revoked` holds serial numbers."""

    base_url: str = ""
    failing: set[str] = field(default_factory=set)
    revoked: set[int] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    fresh_for: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        self.root_key, self.ca_key, self.ocsp_key, self.tsa_key = key(), key(), key(), key()

    def build(self) -> None:
        self.root = self.certificate("Test Root", self.root_key.public_key(), issuer=None, ca=True)
        self.ca = self.certificate("Test Issuing CA", self.ca_key.public_key(), issuer="root", ca=True)
        self.ocsp = self.certificate("Test OCSP", self.ocsp_key.public_key(), eku=ExtendedKeyUsageOID.OCSP_SIGNING)
        self.tsa = self.certificate("Test TSA", self.tsa_key.public_key(), eku=ExtendedKeyUsageOID.TIME_STAMPING)

    def certificate(
        self,
        common_name: str,
        public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
        *,
        issuer: str | None = "ca",
        ca: bool = False,
        eku: x509.ObjectIdentifier | None = None,
        subject: x509.Name | None = None,
        seconds: float = 86400,
        subject_id: str = "",
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        subject = subject or name(common_name, subject_id)
        issuer_key, issuer_name = {
            None: (self.root_key, subject),
            "root": (self.root_key, name("Test Root")),
            "ca": (self.ca_key, name("Test Issuing CA")),
        }[issuer]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer_name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + (timedelta(days=3650) if ca or eku else timedelta(seconds=seconds)))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        )
        if ca:
            builder = builder.add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True)
        elif eku is not None:
            builder = builder.add_extension(usage(digital_signature=True), critical=True)
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([eku]), critical=eku == ExtendedKeyUsageOID.TIME_STAMPING
            )
        else:
            builder = builder.add_extension(usage(digital_signature=True, content_commitment=True), critical=True)
        if eku == ExtendedKeyUsageOID.OCSP_SIGNING:
            builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
        elif issuer == "root":
            url = x509.UniformResourceIdentifier(f"{self.base_url}/crl/root")
            builder = builder.add_extension(
                x509.CRLDistributionPoints([x509.DistributionPoint([url], None, None, None)]), critical=False
            )
        elif issuer == "ca":
            url = x509.UniformResourceIdentifier(f"{self.base_url}/ocsp")
            access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, url)
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        return builder.sign(issuer_key, hashes.SHA256())

    def chain(self, leaf: x509.Certificate) -> tuple[bytes, ...]:
        return (leaf.public_bytes(DER), self.ca.public_bytes(DER))

    def respond_crl(self) -> bytes:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.root.subject)
            .last_update(now - timedelta(minutes=1))
            .next_update(now + self.fresh_for)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root_key.public_key()), critical=False
            )
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        return builder.sign(self.root_key, hashes.SHA256()).public_bytes(DER)

    def respond_ocsp(self, body: bytes) -> bytes:
        request = ocsp.load_der_ocsp_request(body)
        now = datetime.now(UTC)
        revoked = request.serial_number in self.revoked
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                request.issuer_name_hash,
                request.issuer_key_hash,
                request.serial_number,
                request.hash_algorithm,
                cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
                this_update=now - timedelta(seconds=5),
                next_update=now + self.fresh_for,
                revocation_time=now - timedelta(minutes=1) if revoked else None,
                revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, self.ocsp)
            .certificates([self.ocsp])
        )
        for extension in request.extensions:
            builder = builder.add_extension(extension.value, critical=False)
        return builder.sign(self.ocsp_key, hashes.SHA256()).public_bytes(DER)

    def respond_tsa(self, body: bytes, *, wrong_imprint: bool = False) -> bytes:
        request = tsp.TimeStampReq.load(body)
        imprint = request["message_imprint"]
        if wrong_imprint:
            imprint = tsp.MessageImprint({"hash_algorithm": imprint["hash_algorithm"], "hashed_message": b"\0" * 32})
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": "1.2.3.4",
                "message_imprint": imprint,
                "serial_number": x509.random_serial_number(),
                "gen_time": datetime.now(UTC),
                "nonce": request["nonce"],
            }
        )
        certificate = asn1_x509.Certificate.load(self.tsa.public_bytes(DER))
        sha256 = algos.DigestAlgorithm({"algorithm": "sha256"})
        signing_certificate = tsp.SigningCertificateV2(
            {"certs": [tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(certificate.dump()).digest()})]}
        )
        attributes = [
            cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
            cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(info.dump()).digest()]}),
            cms.CMSAttribute({"type": "signing_certificate_v2", "values": [signing_certificate]}),
        ]
        signed_attributes = cms.CMSAttributes(sorted(attributes, key=lambda attribute: attribute.dump()))
        signature = self.tsa_key.sign(signed_attributes.dump(), padding.PKCS1v15(), hashes.SHA256())
        signer_info = cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier(
                    "issuer_and_serial_number",
                    cms.IssuerAndSerialNumber(
                        {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
                    ),
                ),
                "digest_algorithm": sha256,
                "signed_attrs": signed_attributes,
                "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "rsassa_pkcs1v15"}),
                "signature": signature,
            }
        )
        ca = asn1_x509.Certificate.load(self.ca.public_bytes(DER))
        token = cms.ContentInfo(
            {
                "content_type": "signed_data",
                "content": cms.SignedData(
                    {
                        "version": "v3",
                        "digest_algorithms": [sha256],
                        "encap_content_info": {
                            "content_type": "tst_info",
                            "content": core.ParsableOctetString(info.dump()),
                        },
                        "certificates": [certificate, ca],
                        "signer_infos": [signer_info],
                    }
                ),
            }
        )
        return bytes(tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token}).dump())


class PkiServer:
    """Serves a TrustPki on a free port until closed."""

    def __init__(self) -> None:
        self.pki = pki = TrustPki()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            content_types: ClassVar = {
                "tsa": "application/timestamp-reply",
                "tsa2": "application/timestamp-reply",
                "ocsp": "application/ocsp-response",
                "crl": "application/pkix-crl",
            }

            def answer(self, body: bytes) -> None:
                service = self.path.split("/")[1]
                pki.requests.append(service)
                while service in pki.silent:
                    time.sleep(0.05)
                if service in pki.failing:
                    self.send_response(503)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if service.startswith("tsa"):
                    data = pki.respond_tsa(body, wrong_imprint="imprint" in pki.failing)
                else:
                    data = pki.respond_ocsp(body) if service == "ocsp" else pki.respond_crl()
                self.send_response(200)
                self.send_header("Content-Type", self.content_types[service])
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self) -> None:
                self.answer(self.rfile.read(int(self.headers["Content-Length"])))

            def do_GET(self) -> None:
                self.answer(b"")

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        pki.base_url = f"http://127.0.0.1:{self.server.server_address[1]}"
        pki.build()
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
