"""Documents that somebody else has signed before, with pyHanko and keys of their own."""

# mypy: disable-error-code="no-untyped-call"

import io
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pikepdf import Dictionary, Name, Pdf, String

from esign_golden.drawing import document


def twice(path: Path) -> None:
    """By two people, one after the other; the field names are those that this platform uses too."""
    once = _signed(_plain(), "Party1", "沈怀瑾")
    path.write_bytes(_signed(once, "Party2", "陆明远"))


def certified(path: Path) -> None:
    """By its author, who allows filling in and signing."""
    path.write_bytes(_signed(_plain(), "Author", "示例出版有限公司", permissions=2))


def certified_final(path: Path) -> None:
    """By its author, who allows no changes."""
    path.write_bytes(_signed(_plain(), "Author", "示例出版有限公司", permissions=1))


def locked(path: Path) -> None:
    """By somebody whose field locks all others."""
    path.write_bytes(_signed(_plain(), "Last", "陆明远", lock=True))


def acting(path: Path) -> None:
    """By somebody who had not seen that it starts a program."""
    pdf = document(1)
    pdf.Root["/OpenAction"] = Dictionary(S=Name.Launch, F=String("calc.exe"))
    path.write_bytes(_signed(_written(pdf), "Party1", "沈怀瑾"))


def _plain() -> bytes:
    return _written(document(2))


def _written(pdf: Pdf) -> bytes:
    out = io.BytesIO()
    pdf.save(out, deterministic_id=True)
    return out.getvalue()


def _signed(content: bytes, field: str, signer: str, *, permissions: int = 0, lock: bool = False) -> bytes:
    from asn1crypto import keys as asn1_keys
    from asn1crypto import x509 as asn1_x509
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    key, certificate = _identity(signer)
    meta = signers.PdfSignatureMetadata(
        field_name=field,
        md_algorithm="sha256",
        certify=bool(permissions),
        docmdp_permissions=fields.MDPPerm(permissions or 2),
    )
    everything = fields.FieldMDPSpec(fields.FieldMDPAction.ALL) if lock else None
    place = fields.SigFieldSpec(field, on_page=0, box=(60, 60, 160, 120), field_mdp_spec=everything)
    signer_of = signers.SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(certificate),
        signing_key=asn1_keys.PrivateKeyInfo.load(key),
        cert_registry=SimpleCertificateStore(),
    )
    out = io.BytesIO()
    signers.PdfSigner(meta, signer_of, new_field_spec=place).sign_pdf(
        IncrementalPdfFileWriter(io.BytesIO(content)), output=out
    )
    return out.getvalue()


@cache
def _identity(name: str) -> tuple[bytes, bytes]:
    """A key (PKCS #8) and a certificate that it issued to itself, both DER."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.KeyUsage(True, True, False, False, False, False, False, False, False),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(serialization.Encoding.DER)
