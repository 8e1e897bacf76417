"""What a CMS signature (RFC 5652, as CAdES and RFC 3161 narrow it) says by itself: whose it is, whether it fits the
digest, and which timestamp it carries. Nothing here is about trust."""

# mypy: disable-error-code="no-untyped-call"
# asn1crypto and pyHanko are typed in part only.

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from asn1crypto import cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.sign.general import (
    CMSExtractionError,
    NonexistentAttributeError,
    find_unique_cms_attribute,
)
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import get_signing_cert_attr, validate_sig_integrity

_DIGESTS: Final = frozenset({"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512"})
_MIN_RSA_BITS: Final = 2048


class Malformed(Exception):
    """Not a signature as the standards describe it."""


@dataclass(frozen=True, slots=True)
class SignedData:
    """A CMS signature. `certificates` are the others that it brings; `claimed_at` the signer's own time; `size` the
    bytes of its encoding, without padding."""

    data: cms.SignedData
    signer_info: cms.SignerInfo
    certificate: x509.Certificate
    certificates: tuple[x509.Certificate, ...]
    digest_algorithm: str
    content_type: str
    claimed_at: datetime | None
    size: int

    @property
    def weak(self) -> bool:
        """Whether an algorithm is no longer secure: SHA-1 and older, RSA below 2048 bits."""
        key = self.certificate.public_key()
        return (
            self.digest_algorithm not in _DIGESTS
            or _hash_of_mechanism(self.signer_info) not in _DIGESTS
            or (isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS)
        )

    @property
    def algorithm(self) -> str:
        """Algorithm and key size, e.g. `RSA 2048, SHA-256`."""
        key = self.certificate.public_key()
        kind = "RSA" if isinstance(key, rsa.RSAPublicKey) else self.signer_info["signature_algorithm"].signature_algo
        size = getattr(key, "key_size", "")
        return (
            f"{kind.upper()} {size}, {self.digest_algorithm.upper().replace('SHA', 'SHA-').replace('-_', '-')}".strip()
        )

    def holds(self, digest: bytes) -> tuple[bool, bool]:
        """Whether the signature is about this digest, and whether the cryptography holds. Raises Malformed."""
        certificate = asn1_x509.Certificate.load(_der(self.certificate))
        try:
            return validate_sig_integrity(self.signer_info, certificate, self.content_type, digest)
        except (SignatureValidationError, CMSExtractionError) as error:
            raise Malformed(str(error)) from error


@dataclass(frozen=True, slots=True)
class Token:
    """An RFC 3161 timestamp: who says when, over which imprint."""

    signed: SignedData
    time: datetime
    imprint_algorithm: str
    imprint: bytes

    def holds(self, digest: bytes) -> bool:
        """Whether it is a timestamp of this digest, and its own signature holds. Raises Malformed."""
        content = bytes(self.signed.data["encap_content_info"]["content"])
        intact, valid = self.signed.holds(hashlib.new(self.signed.digest_algorithm, content).digest())
        return intact and valid and self.imprint == digest

    def holds_over(self, signature: SignedData) -> bool:
        """Whether it is a timestamp of this signature's value. Raises Malformed."""
        try:
            digest = hashlib.new(self.imprint_algorithm, signature.signer_info["signature"].native).digest()
        except ValueError as error:
            raise Malformed("an unknown imprint") from error
        return self.holds(digest)


def read_signature(contents: bytes) -> SignedData:
    """The signature at the start of `contents`. Raises Malformed for anything but one signer whose certificate is there
    and is named among the signed attributes (ETSI EN 319 122-1, 5.2.2)."""
    return _read(contents, "data")


def read_token(contents: bytes) -> Token:
    """The timestamp token at the start of `contents`. Raises Malformed."""
    signed = _read(contents, "tst_info")
    try:
        info = signed.data["encap_content_info"]["content"].parsed
        imprint = info["message_imprint"]
        return Token(
            signed,
            info["gen_time"].native.astimezone(UTC),
            imprint["hash_algorithm"]["algorithm"].native,
            imprint["hashed_message"].native,
        )
    except _BROKEN as error:
        raise Malformed(type(error).__name__) from error


def token_of(signed: SignedData) -> Token | None:
    """The timestamp over the signature's value (ETSI EN 319 122-1, 5.3), None when it carries none. Raises Malformed."""
    attributes = signed.signer_info["unsigned_attrs"]
    if attributes is core.VOID:
        return None
    try:
        value = find_unique_cms_attribute(attributes, "signature_time_stamp_token")
    except NonexistentAttributeError:
        return None
    except CMSExtractionError as error:
        raise Malformed(str(error)) from error
    except _BROKEN as error:
        raise Malformed(type(error).__name__) from error
    return read_token(value.dump())


_BROKEN: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)
"""What asn1crypto raises over malformed input; it promises no common base class."""


def _read(contents: bytes, content_type: str) -> SignedData:
    try:
        info = cms.ContentInfo.load(contents)
        if info["content_type"].native != "signed_data":
            raise Malformed("not signed data")
        data = info["content"]
        if len(data["signer_infos"]) != 1:
            raise Malformed("not one signer")
        if data["encap_content_info"]["content_type"].native != content_type:
            raise Malformed("another content type")
        if content_type == "data" and data["encap_content_info"]["content"].native is not None:
            raise Malformed("content inside a detached signature")
        signer_info = data["signer_infos"][0]
        signed_attributes = signer_info["signed_attrs"]
        if signed_attributes is core.VOID:
            raise Malformed("no signed attributes")
        certificate, others = _certificates(data, signer_info["sid"])
        # That it is the signer's, `validate_sig_integrity` checks.
        if get_signing_cert_attr(signed_attributes) is None:
            raise Malformed("the signed attributes name no certificate")
        return SignedData(
            data,
            signer_info,
            certificate,
            others,
            signer_info["digest_algorithm"]["algorithm"].native,
            content_type,
            _claimed(signed_attributes),
            len(info.dump()),
        )
    except (SignatureValidationError, CMSExtractionError) as error:
        raise Malformed(str(error)) from error
    except _BROKEN as error:
        raise Malformed(type(error).__name__) from error


def _certificates(
    data: cms.SignedData, sid: cms.SignerIdentifier
) -> tuple[x509.Certificate, tuple[x509.Certificate, ...]]:
    """The signer's certificate, and the others."""
    brought = data["certificates"]
    if brought is core.VOID:
        raise Malformed("no certificates")
    found = [choice.chosen for choice in brought if choice.name == "certificate"]
    if sid.name == "issuer_and_serial_number":
        issuer, serial = sid.chosen["issuer"].dump(), sid.chosen["serial_number"].native
        matching = [c for c in found if c.serial_number == serial and c.issuer.dump() == issuer]
    else:
        matching = [c for c in found if c.key_identifier == sid.chosen.native]
    if not matching:
        raise Malformed("the signer's certificate is missing")
    loaded = [x509.load_der_x509_certificate(c.dump()) for c in (matching[0], *found)]
    return loaded[0], tuple(c for c in loaded[1:] if c != loaded[0])


def _claimed(attributes: cms.CMSAttributes) -> datetime | None:
    try:
        claimed = find_unique_cms_attribute(attributes, "signing_time").native
    except (NonexistentAttributeError, CMSExtractionError):
        return None
    return claimed.astimezone(UTC) if isinstance(claimed, datetime) and claimed.tzinfo else None


def _hash_of_mechanism(signer_info: cms.SignerInfo) -> str:
    try:
        return str(signer_info["signature_algorithm"].hash_algo)
    except ValueError:  # the mechanism names none: the digest's
        return str(signer_info["digest_algorithm"]["algorithm"].native)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
