"""Whether a certificate belongs to a key and to its owner."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from esign_signer.domain.keys import Certificate, Key


class CertificateUnfit(Exception):
    """The certificate must not be used with this key. `code`: CERTIFICATE_INVALID, CERTIFICATE_KEY_MISMATCH,
    CERTIFICATE_SUBJECT_MISMATCH, CERTIFICATE_NOT_CURRENT, CERTIFICATE_UNTRUSTED, CERTIFICATE_USAGE."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def certificate_for(key: Key, chain: Sequence[bytes], owner: str, at: datetime) -> Certificate:
    """`chain` (DER, leaf first, without the root) as `key`'s certificate, for non-repudiation, naming `owner` in its
    subject, valid at `at`.

    `owner` is a person's id or a unified social credit code. Whether the chain leads to a root that we trust, and is
    not revoked, is checked when it signs, and by `check_root` where roots are at hand. Raises CertificateUnfit.
    """
    parsed = _parsed(chain)
    leaf = parsed[0]
    public_key = leaf.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    if hashlib.sha256(public_key).hexdigest() != key.public_key_sha256:
        raise CertificateUnfit("CERTIFICATE_KEY_MISMATCH")
    if not _names(leaf, owner):
        raise CertificateUnfit("CERTIFICATE_SUBJECT_MISMATCH")
    if not leaf.not_valid_before_utc <= at <= leaf.not_valid_after_utc:
        raise CertificateUnfit("CERTIFICATE_NOT_CURRENT")
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        raise CertificateUnfit("CERTIFICATE_USAGE") from None
    if not usage.content_commitment or usage.key_cert_sign:
        raise CertificateUnfit("CERTIFICATE_USAGE")
    sha256 = hashlib.sha256(chain[0]).hexdigest()
    return Certificate(sha256, key.key_id, tuple(chain), sha256, leaf.not_valid_before_utc, leaf.not_valid_after_utc)


def names(certificate: bytes, owner: str) -> bool:
    """Whether the subject of a certificate (DER) is `owner`, as in `certificate_for`. Raises CertificateUnfit."""
    return _names(_parsed([certificate])[0], owner)


def _names(leaf: x509.Certificate, owner: str) -> bool:
    """An organizationIdentifier (ETSI EN 319 412-1, 5.1.4) decides where there is one, else the serialNumber."""

    def values(kind: x509.ObjectIdentifier) -> list[str]:
        return [str(attribute.value) for attribute in leaf.subject.get_attributes_for_oid(kind)]

    organisations = [value.removeprefix("NTRCN-") for value in values(NameOID.ORGANIZATION_IDENTIFIER)]
    return (organisations or values(NameOID.SERIAL_NUMBER)) == [owner]


def check_root(chain: Sequence[bytes], roots: Sequence[x509.Certificate]) -> None:
    """Whether the last certificate of `chain` was issued by one of `roots`. Raises CertificateUnfit
    (CERTIFICATE_UNTRUSTED)."""
    last = _parsed(chain)[-1]
    for root in roots:
        if last == root:
            return
        try:
            last.verify_directly_issued_by(root)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            continue
        return
    raise CertificateUnfit("CERTIFICATE_UNTRUSTED")


def _parsed(chain: Sequence[bytes]) -> list[x509.Certificate]:
    """The certificates, each issued by the next."""
    try:
        parsed = [x509.load_der_x509_certificate(der) for der in chain]
        for issued, issuer in pairwise(parsed):
            issued.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        raise CertificateUnfit("CERTIFICATE_INVALID") from None
    if not parsed or len(parsed) > 6:
        raise CertificateUnfit("CERTIFICATE_INVALID")
    return parsed
