"""Whose a certificate is."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from esign_signer.domain import certificates

from .pki import TrustPki
from .world import USCC

OTHER_USCC = "91310000MA1DEM0X1U"


def test_whom_a_certificate_names(trust: TrustPki) -> None:
    def subject(**values: str) -> bytes:
        kinds = {"organisation": NameOID.ORGANIZATION_IDENTIFIER, "number": NameOID.SERIAL_NUMBER}
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, USCC)]
        attributes += [x509.NameAttribute(kinds[kind], value) for kind, value in values.items()]
        key = trust.tsa_key.public_key()
        return trust.certificate("", key, subject=x509.Name(attributes)).public_bytes(Encoding.DER)

    assert certificates.names(subject(organisation=f"NTRCN-{USCC}", number=USCC), USCC)
    assert certificates.names(subject(organisation=USCC), USCC)
    assert certificates.names(subject(number=USCC), USCC)
    assert certificates.names(subject(number="person-1"), "person-1")
    assert not certificates.names(subject(organisation=f"NTRCN-{OTHER_USCC}", number=USCC), USCC)
    assert not certificates.names(subject(number=OTHER_USCC), USCC)
    assert not certificates.names(subject(), USCC), "a name is no identifier"
    assert not certificates.names(subject(), "")
