"""Certificate status: OCSP (RFC 6960) and CRLs (RFC 5280)."""

import base64
import binascii
import hashlib
import threading
from datetime import timedelta
from urllib.parse import unquote

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp

from esign_sandbox.ca.authority import Authority, Holder
from esign_sandbox.ca.orders import serial_text
from esign_sandbox.ca.policy import authority_key_id, utc_now
from esign_sandbox.store import Store, from_ms

SCHEMA = """
CREATE TABLE IF NOT EXISTS ca_crl (
  name TEXT NOT NULL, number INTEGER NOT NULL, this_update INTEGER NOT NULL, revoked INTEGER NOT NULL,
  der BLOB NOT NULL, PRIMARY KEY (name, number)
) STRICT;
"""
OCSP_VALIDITY = timedelta(hours=12)
CRL_VALIDITY = timedelta(days=7)
CRL_MAX_AGE = timedelta(hours=1)
ROOT_CRL_VALIDITY = timedelta(days=180)
ROOT_CRL_MAX_AGE = timedelta(days=90)
MAX_OCSP_REQUEST = 4096
MAX_NONCE = 128
REASONS = {
    "key_compromise": x509.ReasonFlags.key_compromise,
    "affiliation_changed": x509.ReasonFlags.affiliation_changed,
    "superseded": x509.ReasonFlags.superseded,
    "cessation_of_operation": x509.ReasonFlags.cessation_of_operation,
    "privilege_withdrawn": x509.ReasonFlags.privilege_withdrawn,
}


def decode_get(path: str) -> bytes:
    """The request in a GET address (RFC 6960 A.1: URL-encoded base64); empty when it is not base64."""
    text = unquote(path)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


class OcspResponder:
    """Answers for certificates of the issuing CA, one per request, signed by a delegated responder."""

    def __init__(self, store: Store, authority: Authority) -> None:
        self._store = store
        self._authority = authority
        issuer = authority.issuing.certificate
        key = issuer.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        name = issuer.subject.public_bytes()
        self._issuer_hashes = {
            algorithm: (hashlib.new(algorithm, name).digest(), hashlib.new(algorithm, key).digest())
            for algorithm in ("sha1", "sha256", "sha384", "sha512")
        }
        own = (authority.ocsp.certificate, authority.tsa.certificate)
        self._own_serials = {certificate.serial_number for certificate in own}

    def answer(self, der: bytes) -> bytes:
        """DER in, DER out. A serial number that was never issued is `unknown`; another CA's is `unauthorized`."""
        if not der or len(der) > MAX_OCSP_REQUEST:
            return _failure(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
        try:
            request = ocsp.load_der_ocsp_request(der)
            algorithm = request.hash_algorithm
            name_hash, key_hash = request.issuer_name_hash, request.issuer_key_hash
            nonce = _nonce(request)
        except (ValueError, NotImplementedError, UnsupportedAlgorithm):
            return _failure(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
        if self._issuer_hashes.get(algorithm.name) != (name_hash, key_hash):
            return _failure(ocsp.OCSPResponseStatus.UNAUTHORIZED)
        responder = self._authority.ocsp
        now = utc_now()
        status, revoked_at, reason = self._status(request.serial_number)
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                issuer_name_hash=name_hash,
                issuer_key_hash=key_hash,
                serial_number=request.serial_number,
                algorithm=algorithm,
                cert_status=status,
                this_update=now,
                next_update=now + OCSP_VALIDITY,
                revocation_time=None if revoked_at is None else from_ms(revoked_at).replace(microsecond=0),
                revocation_reason=reason,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, responder.certificate)
            .certificates([responder.certificate])
        )
        if nonce is not None:
            builder = builder.add_extension(nonce, critical=False)
        return builder.sign(responder.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def _status(self, serial: int) -> tuple[ocsp.OCSPCertStatus, int | None, x509.ReasonFlags | None]:
        row = self._store.row(
            "SELECT revoked_at, revocation_reason FROM ca_certificate WHERE serial = ?", serial_text(serial)
        )
        if row is None:
            known = serial in self._own_serials
            return (ocsp.OCSPCertStatus.GOOD if known else ocsp.OCSPCertStatus.UNKNOWN), None, None
        if row["revoked_at"] is None:
            return ocsp.OCSPCertStatus.GOOD, None, None
        return ocsp.OCSPCertStatus.REVOKED, row["revoked_at"], REASONS.get(row["revocation_reason"])


def _nonce(request: ocsp.OCSPRequest) -> x509.OCSPNonce | None:
    try:
        nonce = request.extensions.get_extension_for_class(x509.OCSPNonce).value
    except x509.ExtensionNotFound:
        return None
    if not 1 <= len(nonce.nonce) <= MAX_NONCE:  # RFC 9654
        raise ValueError("nonce of an unacceptable length")
    return nonce


def _failure(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


class CrlPublisher:
    """Full CRLs. A new one is signed when something was revoked since, or the last one is old."""

    def __init__(self, store: Store, authority: Authority) -> None:
        self._store = store
        self._authority = authority
        self._lock = threading.Lock()

    def issuing(self) -> bytes:
        """The issuing CA's list, DER; a revocation is in it from the moment it was answered for."""
        with self._lock:
            revoked = self._store.rows(
                "SELECT serial, revoked_at, revocation_reason FROM ca_certificate WHERE revoked_at IS NOT NULL"
            )
            last = self._last("issuing", CRL_MAX_AGE)
            if last is not None and last[1] == len(revoked):
                return last[0]
            entries = []
            for row in revoked:
                entry = (
                    x509.RevokedCertificateBuilder()
                    .serial_number(int(row["serial"], 16))
                    .revocation_date(from_ms(row["revoked_at"]).replace(microsecond=0))
                )
                if row["revocation_reason"] in REASONS:
                    reason = x509.CRLReason(REASONS[row["revocation_reason"]])
                    entry = entry.add_extension(reason, critical=False)
                entries.append(entry.build())
            return self._publish("issuing", self._authority.issuing, entries, CRL_VALIDITY)

    def root(self) -> bytes:
        """The root's list, DER: empty, the root having revoked nothing."""
        with self._lock:
            last = self._last("root", ROOT_CRL_MAX_AGE)
            if last is not None:
                return last[0]
            return self._publish("root", self._authority.root(), [], ROOT_CRL_VALIDITY)

    def _last(self, name: str, max_age: timedelta) -> tuple[bytes, int] | None:
        row = self._store.row("SELECT * FROM ca_crl WHERE name = ? ORDER BY number DESC LIMIT 1", name)
        if row is None or utc_now().timestamp() - row["this_update"] > max_age.total_seconds():
            return None
        return row["der"], row["revoked"]

    def _publish(self, name: str, signer: Holder, entries: list[x509.RevokedCertificate], validity: timedelta) -> bytes:
        now = utc_now()
        row = self._store.row("SELECT max(number) + 1 AS next FROM ca_crl WHERE name = ?", name)
        number = (row["next"] if row else None) or 1
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(signer.certificate.subject)
            .last_update(now)
            .next_update(now + validity)
            .add_extension(authority_key_id(signer.certificate), critical=False)
            .add_extension(x509.CRLNumber(number), critical=False)
        )
        for entry in entries:
            builder = builder.add_revoked_certificate(entry)
        der = builder.sign(signer.key, hashes.SHA384() if name == "root" else hashes.SHA256()).public_bytes(
            Encoding.DER
        )
        with self._store.write() as db:
            db.execute("DELETE FROM ca_crl WHERE name = ?", (name,))
            db.execute(
                "INSERT INTO ca_crl VALUES (?, ?, ?, ?, ?)", (name, number, int(now.timestamp()), len(entries), der)
            )
        return der
