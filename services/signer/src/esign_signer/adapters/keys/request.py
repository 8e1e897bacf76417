"""Certification requests (PKCS#10, RFC 2986), whichever store signs them."""

import hashlib
from collections.abc import Callable

from asn1crypto import algos, csr, keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from esign_signer.domain.keys import KeyAlgorithm, KeyStoreKind, NewKey, Subject

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_SIGNATURE = {KeyAlgorithm.RSA_2048: "sha256_rsa", KeyAlgorithm.EC_P256: "sha256_ecdsa"}


def new_key(
    store: KeyStoreKind,
    algorithm: KeyAlgorithm,
    wrapped: bytes,
    public_key: PublicKey,
    subject: Subject,
    sign_digest: Callable[[bytes], bytes],
) -> NewKey:
    """The key that `store` holds as `wrapped`, with the request for `subject` that `sign_digest` signs."""
    spki = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    info = csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": asn1_x509.Name.load(_name(subject).public_bytes()),
            "subject_pk_info": keys.PublicKeyInfo.load(spki),
            "attributes": [],
        }
    )
    request = csr.CertificationRequest(
        {
            "certification_request_info": info,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": _SIGNATURE[algorithm]}),
            "signature": sign_digest(hashlib.sha256(info.dump()).digest()),
        }
    )
    return NewKey(wrapped, hashlib.sha256(spki).hexdigest(), request.dump(), store, algorithm)


def public_key_sha256(key: PublicKey) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, hex."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _name(subject: Subject) -> x509.Name:
    """As an X.501 name; the credit code goes into organizationIdentifier (ETSI EN 319 412-1, clause 5.1.4)."""
    attributes = [x509.NameAttribute(NameOID.COUNTRY_NAME, "CN")]
    if subject.organisation:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject.organisation))
    if subject.unified_social_credit_code:
        attributes.append(
            x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, f"NTRCN-{subject.unified_social_credit_code}")
        )
    attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, subject.common_name[:64]))
    return x509.Name(attributes)
