"""What certification requests (PKCS#10, RFC 2986) of every store have in common."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from esign_signer.domain.keys import Subject


def public_key_sha256(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, hex."""
    return hashlib.sha256(
        key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()


def subject_name(subject: Subject) -> x509.Name:
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
