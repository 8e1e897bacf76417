"""Revocation of certificates: OCSP responses (RFC 6960) and CRLs (RFC 5280, section 6.3) that a file brings, or that
are fetched. Only what the certificate's own issuer vouches for counts."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from asn1crypto import keys
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from esign_signer.adapters.pdf.chains import fingerprint
from esign_signer.domain.report import Revocation, RevocationSource

_REMEMBERED: Final = 2048
FAULTY: Final = (ValueError, TypeError, KeyError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound)
"""What `cryptography` raises over material that does not hold."""

_HARMLESS: Final = frozenset(
    {x509.ReasonFlags.superseded, x509.ReasonFlags.cessation_of_operation, x509.ReasonFlags.affiliation_changed}
)
"""Reasons after which what an authority stamped before stays good (RFC 3161, section 4)."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a responder or CRL says of one certificate. `this_update`: as of when. `revoked_at` is None when it is good;
    `harmless`: revoked for a reason that leaves earlier timestamps good;
    `responder`: a certificate that must be looked up itself."""

    source: RevocationSource
    produced_at: datetime
    this_update: datetime
    next_update: datetime | None
    revoked_at: datetime | None = None
    harmless: bool = False
    online: bool = False
    responder: x509.Certificate | None = None

    def covers(self, moment: datetime, tolerance: timedelta) -> bool:
        """Whether it tells the state at `moment`: made then or later, or not yet to be renewed then."""
        return self.this_update + tolerance >= moment or (
            self.next_update is not None and moment <= self.next_update + tolerance
        )

    def as_revocation(self) -> Revocation:
        """For the report."""
        return Revocation(self.source, self.produced_at, self.next_update, self.revoked_at, self.online)


class Evidence:
    """Revocation material: OCSP responses and CRLs (DER), each read once and remembered by its hash."""

    def __init__(self) -> None:
        self._remembered: OrderedDict[bytes, Statement | None] = OrderedDict()
        self._ocsps: dict[bytes, tuple[ocsp.OCSPResponse, bool]] = {}
        self._crls: dict[bytes, tuple[x509.CertificateRevocationList, bool]] = {}

    def renewed(self) -> "Evidence":
        """For another file: without material, with what was checked before."""
        other = Evidence()
        other._remembered = self._remembered
        return other

    def add(self, *, ocsps: Iterable[bytes] = (), crls: Iterable[bytes] = (), online: bool = False) -> None:
        """Takes material in; what cannot be read is no evidence."""
        for der in ocsps:
            try:
                response = ocsp.load_der_ocsp_response(der)
                if response.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL:
                    self._ocsps[hashlib.sha256(der).digest()] = (response, online)
            except FAULTY:
                continue
        for der in crls:
            try:
                self._crls[hashlib.sha256(der).digest()] = (x509.load_der_x509_crl(der), online)
            except FAULTY:
                continue

    def statements(self, certificate: x509.Certificate, issuer: x509.Certificate) -> list[Statement]:
        """Everything that holds about `certificate`, from `issuer` or the responder that it named."""
        found = self._of_crls(certificate, issuer)
        about = fingerprint(certificate) + fingerprint(issuer)
        for digest, (response, online) in self._ocsps.items():
            statement = self._once(about + digest, partial(_from_ocsp, response, certificate, issuer))
            if statement is not None and self._responder_holds(statement, issuer):
                found.append(replace(statement, online=online))
        return found

    def _of_crls(self, certificate: x509.Certificate, issuer: x509.Certificate) -> list[Statement]:
        about = fingerprint(certificate) + fingerprint(issuer)
        found = []
        for digest, (crl, online) in self._crls.items():
            statement = self._once(about + digest, partial(_from_crl, crl, certificate, issuer))
            if statement is not None:
                found.append(replace(statement, online=online))
        return found

    def _responder_holds(self, statement: Statement, issuer: x509.Certificate) -> bool:
        """A responder whose certificate is not exempt (id-pkix-ocsp-nocheck) must be on a CRL as good."""
        if statement.responder is None:
            return True
        told = self._of_crls(statement.responder, issuer)
        return any(crl.covers(statement.produced_at, timedelta()) for crl in told) and all(
            crl.revoked_at is None or crl.revoked_at > statement.produced_at for crl in told
        )

    def _once(self, key: bytes, judge: Callable[[], Statement | None]) -> Statement | None:
        if key in self._remembered:
            self._remembered.move_to_end(key)
            return self._remembered[key]
        try:
            statement = judge()
        except FAULTY:
            statement = None
        self._remembered[key] = statement
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return statement


def _from_ocsp(
    response: ocsp.OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate
) -> Statement | None:
    single = next((one for one in response.responses if _is_about(one, certificate, issuer)), None)
    if single is None or single.certificate_status is ocsp.OCSPCertStatus.UNKNOWN:
        return None
    produced_at = response.produced_at_utc
    responder = None
    if not _signed_by(response, issuer):
        responder = next(
            (c for c in response.certificates if _may_respond(c, issuer, produced_at) and _signed_by(response, c)), None
        )
        if responder is None:
            return None
        if _has(responder, x509.OCSPNoCheck):
            responder = None
    revoked = single.certificate_status is ocsp.OCSPCertStatus.REVOKED
    return Statement(
        RevocationSource.OCSP,
        produced_at,
        single.this_update_utc,
        single.next_update_utc,
        single.revocation_time_utc if revoked else None,
        harmless=single.revocation_reason in _HARMLESS,
        responder=responder,
    )


def _is_about(single: ocsp.OCSPSingleResponse, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if single.serial_number != certificate.serial_number:
        return False
    key = _digest(single.hash_algorithm, _key_bits(issuer))
    name = _digest(single.hash_algorithm, certificate.issuer.public_bytes())
    return single.issuer_key_hash == key and single.issuer_name_hash == name


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    return hashlib.new(algorithm.name, data, usedforsecurity=False).digest()


def _key_bits(issuer: x509.Certificate) -> bytes:
    """The value of the subject public key's BIT STRING, over which responders hash (RFC 6960, 4.1.1)."""
    der = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    bits: bytes = keys.PublicKeyInfo.load(der)["public_key"].contents
    return bits[1:]


def _may_respond(responder: x509.Certificate, issuer: x509.Certificate, at: datetime) -> bool:
    try:
        responder.verify_directly_issued_by(issuer)
        purposes = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except FAULTY:
        return False
    return (
        ExtendedKeyUsageOID.OCSP_SIGNING in purposes
        and responder.not_valid_before_utc <= at <= responder.not_valid_after_utc
    )


def _signed_by(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    key, algorithm = certificate.public_key(), response.signature_hash_algorithm
    if algorithm is None or isinstance(algorithm, hashes.SHA1 | hashes.MD5):
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(algorithm))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _from_crl(
    crl: x509.CertificateRevocationList, certificate: x509.Certificate, issuer: x509.Certificate
) -> Statement | None:
    if crl.issuer != certificate.issuer or crl.issuer != issuer.subject:
        return None
    if isinstance(crl.signature_hash_algorithm, hashes.SHA1 | hashes.MD5) or not _is_complete(crl, certificate):
        return None
    usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value if _has(issuer, x509.KeyUsage) else None
    key = issuer.public_key()
    if (usage is not None and not usage.crl_sign) or not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return None
    if not crl.is_signature_valid(key):
        return None
    revoked_at, harmless = None, False
    if (entry := crl.get_revoked_certificate_by_serial_number(certificate.serial_number)) is not None:
        revoked_at = entry.revocation_date_utc
        for extension in entry.extensions:
            if isinstance(extension.value, x509.CRLReason):
                harmless = extension.value.reason in _HARMLESS
            elif isinstance(extension.value, x509.InvalidityDate):
                revoked_at = min(revoked_at, extension.value.invalidity_date_utc)
    made = crl.last_update_utc
    return Statement(RevocationSource.CRL, made, made, crl.next_update_utc, revoked_at, harmless)


def _is_complete(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    """Whether the CRL speaks for this certificate, for every reason (RFC 5280, 5.2.5)."""
    is_authority = _has(certificate, x509.BasicConstraints) and (
        certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    )
    for extension in crl.extensions:
        scope = extension.value
        if isinstance(scope, x509.IssuingDistributionPoint):
            if scope.indirect_crl or scope.only_contains_attribute_certs or scope.only_some_reasons:
                return False
            if scope.only_contains_user_certs if is_authority else scope.only_contains_ca_certs:
                return False
            if scope.full_name and not set(scope.full_name) & set(_distribution_points(certificate)):
                return False
        elif extension.critical:
            return False
    return True


def _distribution_points(certificate: x509.Certificate) -> list[x509.GeneralName]:
    if not _has(certificate, x509.CRLDistributionPoints):
        return []
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    return [name for point in points for name in point.full_name or ()]


def _has(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> bool:
    try:
        certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return False
    return True
