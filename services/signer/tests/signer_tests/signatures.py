"""Signatures of every store, checked by what did not make them."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from esign_signer.domain.keys import KeyAlgorithm, NewKey

MESSAGE = b"what is signed"
DIGEST = hashlib.sha256(MESSAGE).digest()

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


def public_key_of(certification_request: bytes) -> PublicKey:
    """The public key in a certification request whose own signature holds."""
    request = x509.load_der_x509_csr(certification_request)
    assert request.is_signature_valid
    found = request.public_key()
    assert isinstance(found, PublicKey)
    return found


def requested_key(new: NewKey) -> PublicKey:
    """A new key's public half."""
    return public_key_of(new.certification_request)


def verify(public: PublicKey, signature: bytes, algorithm: KeyAlgorithm) -> None:
    """Raises InvalidSignature unless it is `public`'s over MESSAGE."""
    if algorithm is KeyAlgorithm.RSA_2048:
        assert isinstance(public, rsa.RSAPublicKey)
        assert public.key_size == 2048
        public.verify(signature, MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    else:
        assert isinstance(public, ec.EllipticCurvePublicKey)
        assert isinstance(public.curve, ec.SECP256R1)
        public.verify(signature, MESSAGE, ec.ECDSA(hashes.SHA256()))
