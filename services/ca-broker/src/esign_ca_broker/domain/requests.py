"""Certification requests (PKCS#10, RFC 2986) as this platform accepts them."""

import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from esign_kit.errors import InvalidInput

MAX_REQUEST = 8192
# What a request may ask for beside a key; the CA's profile decides on its own anyway.
_EXTENSIONS = (x509.KeyUsage, x509.SubjectKeyIdentifier)
_EXTENSION_REQUEST = x509.ObjectIdentifier("1.2.840.113549.1.9.14")


@dataclass(frozen=True, slots=True)
class CertificationRequest:
    """A request whose sender has shown possession of the key. `public_key` is the SubjectPublicKeyInfo in DER."""

    der: bytes
    public_key: bytes

    @property
    def key_sha256(self) -> str:
        """Of the SubjectPublicKeyInfo, hex."""
        return hashlib.sha256(self.public_key).hexdigest()


def read_request(der: bytes) -> CertificationRequest:
    """Reads and checks a request: its signature, RSA of 2048 to 4096 bits or P-256, SHA-2, no unusual attributes or extensions.

    Raises InvalidInput CSR_INVALID, CSR_KEY_NOT_ALLOWED or CSR_EXTENSION_NOT_ALLOWED.
    """
    if len(der) > MAX_REQUEST:
        raise _invalid("larger than a certification request is")
    try:
        request = x509.load_der_x509_csr(der)
        key = request.public_key()
        proven = request.is_signature_valid
        algorithm = request.signature_hash_algorithm
        attributes = [attribute.oid for attribute in request.attributes]
        extensions = [extension.value for extension in request.extensions]
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension):
        raise _invalid("not a PKCS#10 certification request") from None
    if not proven or not isinstance(algorithm, hashes.SHA256 | hashes.SHA384 | hashes.SHA512):
        raise _invalid("the signature does not prove possession of the key")
    if isinstance(key, rsa.RSAPublicKey):
        allowed = 2048 <= key.key_size <= 4096 and key.public_numbers().e == 65537
    else:
        allowed = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    if not allowed:
        raise InvalidInput(
            "CSR_KEY_NOT_ALLOWED",
            zh="证书请求的密钥不符合要求",
            en="The key must be RSA of 2048 to 4096 bits, or P-256",
        )
    if any(oid != _EXTENSION_REQUEST for oid in attributes) or any(not isinstance(e, _EXTENSIONS) for e in extensions):
        raise InvalidInput(
            "CSR_EXTENSION_NOT_ALLOWED", zh="证书请求含有不允许的扩展", en="The request asks for what is not granted"
        )
    return CertificationRequest(der, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _invalid(why: str) -> InvalidInput:
    return InvalidInput("CSR_INVALID", zh="证书请求无效", en=f"Not a valid certification request: {why}")
