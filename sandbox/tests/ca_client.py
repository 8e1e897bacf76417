"""What the CA tests share: requests, orders, the openssl command line."""

import subprocess
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from .conftest import HTTP

USCC = "91110105MA01234565"
COMPANY = "北京样例商贸有限公司"
PERSON = "张伟样"
AUTH = {"Authorization": "Bearer a-ca-client-secret"}
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def csr(key: Key) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ignored")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def organisation(order_no: str, key: Key, **more: object) -> dict[str, Any]:
    subject = {"name": COMPANY, "uscc": USCC}
    return {"order_no": order_no, "profile": "organisation", "csr_pem": csr(key), "subject": subject, **more}


def event(order_no: str, key: Key, **more: object) -> dict[str, Any]:
    subject = {"name": PERSON, "pseudonym": f"P-{order_no}"}
    return {"order_no": order_no, "profile": "event", "csr_pem": csr(key), "subject": subject, **more}


def place(url: str, order: dict[str, Any]) -> httpx.Response:
    return HTTP.post(f"{url}/ca/v1/certificates", json=order, headers=AUTH)


def revoke(url: str, order_no: str, reason: str = "key_compromise") -> httpx.Response:
    return HTTP.post(f"{url}/ca/v1/certificates/{order_no}/revoke", json={"reason": reason}, headers=AUTH)


def openssl(*args: str | Path, cwd: Path, check: bool = True) -> str:
    done = subprocess.run(["openssl", *map(str, args)], cwd=cwd, capture_output=True, text=True, timeout=20)
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def trust_files(url: str, directory: Path) -> None:
    """root.pem, issuing.pem and trust.pem (root and both CRLs) as the authority publishes them."""
    (directory / "root.pem").write_bytes(HTTP.get(f"{url}/ca/roots.pem").content)
    for kind, source in (("x509", "certs/issuing.cer"), ("crl", "crl/issuing.crl"), ("crl", "crl/root.crl")):
        target = source.replace("/", "-")
        (directory / target).write_bytes(HTTP.get(f"{url}/ca/{source}").content)
        openssl(kind, "-inform", "der", "-in", target, "-out", f"{target}.pem", cwd=directory)
    (directory / "certs-issuing.cer.pem").rename(directory / "issuing.pem")
    parts = ("root.pem", "crl-issuing.crl.pem", "crl-root.crl.pem")
    (directory / "trust.pem").write_text("".join((directory / part).read_text() for part in parts))
