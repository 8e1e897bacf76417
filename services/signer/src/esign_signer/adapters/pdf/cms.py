"""CMS signatures as PAdES wants them (RFC 5652, ETSI EN 319 122-1 and 319 142-1), put together from parts that are
encoded once per certificate: only the digest, the signature and the timestamp differ from one signature to the next.

What pyHanko and asn1crypto make of the same parts is byte for byte the same, which the tests hold them to.
"""

import hashlib
from typing import Final

from asn1crypto import algos, cms, core, tsp, x509

from esign_signer.domain.keys import KeyAlgorithm

_SIGNED_ATTRIBUTES: Final = 0x31
_SIGNED_ATTRIBUTES_TAGGED: Final = 0xA0
_UNSIGNED_ATTRIBUTES: Final = 0xA1
_CERTIFICATES: Final = 0xA0
_SEQUENCE: Final = 0x30
_SET: Final = 0x31
_OCTETS: Final = 0x04
_EXPLICIT: Final = 0xA0


def _attribute(kind: str, value: object) -> cms.CMSAttribute:
    return cms.CMSAttribute({"type": cms.CMSAttributeType(kind), "values": (value,)})


def _der(tag: int, content: bytes) -> bytes:
    """A value's encoding with a definite length (X.690, 8.1.3)."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


_DIGEST_LENGTH: Final = 32
# A digest has one length, so that the attribute is its encoding's beginning and the digest.
_MESSAGE_DIGEST: Final = _attribute("message_digest", bytes(_DIGEST_LENGTH)).dump()[:-_DIGEST_LENGTH]
_TIMESTAMP_TOKEN: Final = cms.CMSAttributeType("signature_time_stamp_token").dump()
_SIGNED_DATA: Final = cms.ContentType("signed_data").dump()


class SignatureTemplate:
    """The CMS signatures of one certificate, with SHA-256."""

    def __init__(self, chain: tuple[bytes, ...], algorithm: KeyAlgorithm) -> None:
        certificate = x509.Certificate.load(chain[0])
        digest_algorithm = algos.DigestAlgorithm({"algorithm": "sha256"})
        signature_algorithm = algos.SignedDigestAlgorithm(
            {"algorithm": "sha256_ecdsa" if algorithm is KeyAlgorithm.EC_P256 else "sha256_rsa"}
        )
        self._digest_algorithm = digest_algorithm.dump()
        self._signature_algorithm = signature_algorithm.dump()
        self._attributes = [
            attribute.dump()
            for attribute in (
                _attribute("content_type", "data"),
                _attribute("signing_certificate_v2", _signing_certificate(certificate, chain[0])),
            )
        ]
        identifier = cms.IssuerAndSerialNumber(
            {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
        )
        version = core.Integer(1).dump()
        self._signer_start = version + identifier.dump() + self._digest_algorithm
        self._data_start = (
            version
            + _der(_SET, self._digest_algorithm)
            + cms.EncapsulatedContentInfo({"content_type": "data"}).dump()
            # A SET OF in DER is sorted (X.690, 11.6).
            + _der(_CERTIFICATES, b"".join(sorted(set(chain))))
        )

    def signed_attributes(self, digest: bytes) -> bytes:
        """The attributes that the key signs, DER, for a document's SHA-256."""
        if len(digest) != _DIGEST_LENGTH:
            raise ValueError("not a SHA-256 digest")
        return _der(_SIGNED_ATTRIBUTES, b"".join(sorted((*self._attributes, _MESSAGE_DIGEST + digest))))

    def assembled(self, signed_attributes: bytes, signature: bytes, token: bytes | None = None) -> bytes:
        """The ContentInfo, DER. `token`: a signature timestamp (RFC 3161, a ContentInfo) over `signature`."""
        signer = (
            self._signer_start
            + bytes((_SIGNED_ATTRIBUTES_TAGGED,))
            + signed_attributes[1:]
            + self._signature_algorithm
            + _der(_OCTETS, signature)
        )
        if token is not None:
            signer += _der(_UNSIGNED_ATTRIBUTES, _der(_SEQUENCE, _TIMESTAMP_TOKEN + _der(_SET, token)))
        data = _der(_SEQUENCE, self._data_start + _der(_SET, _der(_SEQUENCE, signer)))
        return _der(_SEQUENCE, _SIGNED_DATA + _der(_EXPLICIT, data))

    def length(self, signature_length: int, token_length: int = 0) -> int:
        """Bytes that a signature takes at most."""
        token = bytes(token_length) if token_length else None
        return len(self.assembled(self.signed_attributes(bytes(32)), bytes(signature_length), token))


def _signing_certificate(certificate: x509.Certificate, der: bytes) -> tsp.SigningCertificateV2:
    """RFC 5035; SHA-256 is the default algorithm, which DER leaves out."""
    identifier = tsp.ESSCertIDv2(
        {
            "cert_hash": hashlib.sha256(der).digest(),
            "issuer_serial": {
                "issuer": [x509.GeneralName({"directory_name": certificate.issuer})],
                "serial_number": certificate.serial_number,
            },
        }
    )
    return tsp.SigningCertificateV2({"certs": [identifier]})
