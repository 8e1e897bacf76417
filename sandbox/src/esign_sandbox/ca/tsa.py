"""A time-stamping authority (RFC 3161, updated by RFC 5816), writing its tokens with its own DER encoders."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

from asn1crypto import tsp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from esign_sandbox.ca import der
from esign_sandbox.ca.authority import Authority
from esign_sandbox.ca.policy import TIMESTAMP_POLICY
from esign_sandbox.store import Store, from_ms, now_ms

SCHEMA = """
CREATE TABLE IF NOT EXISTS tsa_token (
  serial INTEGER PRIMARY KEY AUTOINCREMENT, gen_time INTEGER NOT NULL, hash_algorithm TEXT NOT NULL,
  imprint BLOB NOT NULL
) STRICT;
"""
MAX_REQUEST = 4096
MAX_NONCE_BITS = 256
# Digests by OID with their lengths in bytes: SHA-256, SHA-384, SHA-512, SM3.
IMPRINTS = {
    "2.16.840.1.101.3.4.2.1": 32,
    "2.16.840.1.101.3.4.2.2": 48,
    "2.16.840.1.101.3.4.2.3": 64,
    "1.2.156.10197.1.401": 32,
}
_SHA256 = der.tlv(der.SEQUENCE, der.oid("2.16.840.1.101.3.4.2.1"))
_ECDSA_SHA256 = der.tlv(der.SEQUENCE, der.oid("1.2.840.10045.4.3.2"))
_TST_INFO = der.oid("1.2.840.113549.1.9.16.1.4")
_SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")
_CONTENT_TYPE = der.oid("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = der.oid("1.2.840.113549.1.9.4")
_SIGNING_CERTIFICATE_V2 = der.oid("1.2.840.113549.1.9.16.2.47")
_ACCURACY = der.tlv(der.SEQUENCE, der.integer(1))


class Failure(IntEnum):
    """PKIFailureInfo bits (RFC 3161 2.4.2)."""

    BAD_ALG = 0
    BAD_REQUEST = 2
    BAD_DATA_FORMAT = 5
    UNACCEPTED_POLICY = 15
    UNACCEPTED_EXTENSION = 16
    SYSTEM_FAILURE = 25


def rejection(failure: Failure, text: str) -> bytes:
    """A TimeStampResp without a token: status rejection(2), one text, one failure bit."""
    info = der.tlv(
        der.SEQUENCE,
        der.integer(2),
        der.tlv(der.SEQUENCE, der.tlv(der.UTF8, text.encode())),
        der.named_bits(failure),
    )
    return der.tlv(der.SEQUENCE, info)


@dataclass(frozen=True)
class Token:
    """One issued token: its TimeStampResp, the ContentInfo in it, its serial number and time."""

    response: bytes
    content_info: bytes
    serial: int
    gen_time: datetime


class _RefusedError(Exception):
    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text)
        self.failure = failure


class TimeStampAuthority:
    def __init__(self, store: Store, authority: Authority) -> None:
        self._store = store
        self._unit = authority.tsa
        certificate = authority.tsa.certificate
        issuer = authority.issuing.certificate
        issuer_name = issuer.subject.public_bytes()
        serial = der.integer(certificate.serial_number)
        self._sid = der.tlv(der.SEQUENCE, issuer_name, serial)
        general_names = der.tlv(der.SEQUENCE, der.tlv(0xA4, issuer_name))
        ess_cert = der.tlv(
            der.SEQUENCE,
            der.tlv(der.OCTET_STRING, hashlib.sha256(authority.tsa.der).digest()),
            der.tlv(der.SEQUENCE, general_names, serial),
        )
        ess = der.tlv(der.SEQUENCE, der.tlv(der.SEQUENCE, ess_cert))
        self._ess_attribute = _attribute(_SIGNING_CERTIFICATE_V2, ess)
        chain = (authority.tsa.der, issuer.public_bytes(Encoding.DER))
        self._certificates = der.set_of(*chain, tag=0xA0)

    def answer(self, request: bytes) -> bytes:
        """A TimeStampReq in DER; always a TimeStampResp: granted with a token, or a rejection that says why."""
        try:
            return self._answer(request).response
        except _RefusedError as refusal:
            return rejection(refusal.failure, str(refusal))

    def stamp(self, digest: bytes) -> Token:
        """A token over a SHA-256 digest, with the certificates in it, for the sandbox's own use."""
        return self._issue("2.16.840.1.101.3.4.2.1", _SHA256, digest, None, True)

    def _answer(self, data: bytes) -> Token:
        if not data or len(data) > MAX_REQUEST:
            raise _RefusedError(Failure.BAD_DATA_FORMAT, "not a TimeStampReq")
        try:
            request = tsp.TimeStampReq.load(data, strict=True)
            version = request["version"].native
            algorithm = request["message_imprint"]["hash_algorithm"]
            algorithm_oid = algorithm["algorithm"].dotted
            algorithm_der = algorithm.dump()
            digest = request["message_imprint"]["hashed_message"].native
            policy = request["req_policy"].native and request["req_policy"].dotted
            nonce = request["nonce"].native
            wants_certificates = request["cert_req"].native
            extensions = request["extensions"].native
        except (ValueError, TypeError, KeyError):
            raise _RefusedError(Failure.BAD_DATA_FORMAT, "not a TimeStampReq") from None
        if version != "v1":
            raise _RefusedError(Failure.BAD_REQUEST, "version must be 1")
        if algorithm_oid not in IMPRINTS:
            raise _RefusedError(Failure.BAD_ALG, "hash algorithm not accepted: SHA-256, SHA-384, SHA-512 or SM3")
        if len(digest) != IMPRINTS[algorithm_oid]:
            raise _RefusedError(Failure.BAD_DATA_FORMAT, "the imprint's length is not its algorithm's")
        if policy is not None and policy != TIMESTAMP_POLICY:
            raise _RefusedError(Failure.UNACCEPTED_POLICY, f"only policy {TIMESTAMP_POLICY} is served")
        if extensions:
            raise _RefusedError(Failure.UNACCEPTED_EXTENSION, "no extension is understood")
        if nonce is not None and nonce.bit_length() > MAX_NONCE_BITS:
            raise _RefusedError(Failure.BAD_REQUEST, "nonce too long")
        return self._issue(algorithm_oid, algorithm_der, digest, nonce, wants_certificates)

    def _issue(
        self, algorithm_oid: str, algorithm_der: bytes, digest: bytes, nonce: int | None, certificates: bool
    ) -> Token:
        at = now_ms()
        with self._store.write() as db:
            serial = db.execute(
                "INSERT INTO tsa_token (gen_time, hash_algorithm, imprint) VALUES (?, ?, ?)",
                (at, algorithm_oid, digest),
            ).lastrowid
        if serial is None:
            raise RuntimeError("the token's serial number was not stored")
        gen_time = from_ms(at).astimezone(UTC)
        info = der.tlv(
            der.SEQUENCE,
            der.integer(1),
            der.oid(TIMESTAMP_POLICY),
            der.tlv(der.SEQUENCE, algorithm_der, der.tlv(der.OCTET_STRING, digest)),
            der.integer(serial),
            der.tlv(der.TIME, _generalized_time(gen_time)),
            _ACCURACY,
            b"" if nonce is None else der.integer(nonce),
        )
        attributes = (
            _attribute(_CONTENT_TYPE, _TST_INFO),
            _attribute(_MESSAGE_DIGEST, der.tlv(der.OCTET_STRING, hashlib.sha256(info).digest())),
            self._ess_attribute,
        )
        signature = self._unit.key.sign(der.set_of(*attributes), ec.ECDSA(hashes.SHA256()))
        signer_info = der.tlv(
            der.SEQUENCE,
            der.integer(1),
            self._sid,
            _SHA256,
            der.set_of(*attributes, tag=0xA0),
            _ECDSA_SHA256,
            der.tlv(der.OCTET_STRING, signature),
        )
        signed_data = der.tlv(
            der.SEQUENCE,
            der.integer(3),
            der.set_of(_SHA256),
            der.tlv(der.SEQUENCE, _TST_INFO, der.tlv(0xA0, der.tlv(der.OCTET_STRING, info))),
            self._certificates if certificates else b"",
            der.set_of(signer_info),
        )
        token = der.tlv(der.SEQUENCE, _SIGNED_DATA, der.tlv(0xA0, signed_data))
        granted = der.tlv(der.SEQUENCE, der.integer(0))
        return Token(der.tlv(der.SEQUENCE, granted, token), token, serial, gen_time)


def _attribute(kind: bytes, value: bytes) -> bytes:
    return der.tlv(der.SEQUENCE, kind, der.set_of(value))


def _generalized_time(at: datetime) -> bytes:
    """Milliseconds as RFC 3161 wants them: no trailing zeros, no bare point."""
    fraction = f"{at.microsecond // 1000:03d}".rstrip("0")
    return (at.strftime("%Y%m%d%H%M%S") + (f".{fraction}" if fraction else "") + "Z").encode()
