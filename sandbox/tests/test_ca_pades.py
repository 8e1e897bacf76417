"""The authority is good for PAdES B-LTA: pyHanko signs with it and validates offline, poppler agrees."""

# mypy: disable-error-code="no-untyped-call"

import asyncio
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import keys, pem, x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.ades.report import AdESPassed
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.timestamps.requests_client import HTTPTimeStamper
from pyhanko.sign.validation.ades import ades_lta_validation
from pyhanko.sign.validation.policy_decl import (
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.fetchers.requests_fetchers import RequestsFetcherBackend
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleCertificateStore, SimpleTrustManager

from .ca_client import Key, event, organisation, place, revoke
from .conftest import HTTP, Running


def blank_pdf() -> BytesIO:
    writer = PdfFileWriter()
    contents = writer.add_object(generic.StreamObject(stream_data=b""))
    writer.insert_page(PageObject(contents=contents, media_box=(0, 0, 595, 842)))
    out = BytesIO()
    writer.write(out)
    return out


def certificates(text: str) -> list[x509.Certificate]:
    return [x509.Certificate.load(der) for _, _, der in pem.unarmor(text.encode(), multiple=True)]


def roots(url: str) -> list[x509.Certificate]:
    return certificates(HTTP.get(f"{url}/ca/roots.pem").text)


async def sign_lta(url: str, order: dict[str, Any], key: Key) -> BytesIO:
    answer = place(url, order).json()
    pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = SimpleSigner(
        certificates(answer["certificate_pem"])[0],
        keys.PrivateKeyInfo.load(pkcs8),
        SimpleCertificateStore.from_certs(certificates(answer["chain_pem"])),
    )
    metadata = PdfSignatureMetadata(
        field_name="Signature",
        subfilter=SigSeedSubFilter.PADES,
        md_algorithm="sha256",
        embed_validation_info=True,
        use_pades_lta=True,
        validation_context=ValidationContext(
            trust_roots=roots(url),
            allow_fetching=True,
            revocation_mode="require",
            fetcher_backend=RequestsFetcherBackend(),
        ),
    )
    pdf_signer = PdfSigner(metadata, signer, timestamper=HTTPTimeStamper(f"{url}/ca/tsa"))
    return BytesIO((await pdf_signer.async_sign_pdf(IncrementalPdfFileWriter(blank_pdf()))).getvalue())


@pytest.mark.parametrize("profile", [organisation, event])
@pytest.mark.parametrize("kind", ["rsa", "ec"])
async def test_a_b_lta_signature_validates_offline(
    sandbox: Running, tmp_path: Path, profile: Callable[..., dict[str, Any]], kind: str
) -> None:
    url = sandbox.url
    key: Key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    signed = await sign_lta(url, profile(f"lta-{profile.__name__}-{kind}", key), key)

    policy = CertValidationPolicySpec(
        trust_manager=SimpleTrustManager.build(roots(url)),
        revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
    )
    spec = SignatureValidationSpec(
        cert_validation_policy=policy,
        revinfo_gathering_policy=RevocationInfoGatheringSpec(RevinfoOnlineFetchingRule.LOCAL_ONLY),
    )
    reader = PdfFileReader(signed)
    result = await ades_lta_validation(reader.embedded_signatures[0], PdfSignatureValidationSpec(spec))
    assert result.ades_subindic == AdESPassed.OK, result.failure_msg

    file = tmp_path / "signed.pdf"
    file.write_bytes(signed.getvalue())
    report = await asyncio.to_thread(subprocess.check_output, ["pdfsig", str(file)], text=True, timeout=20)
    assert report.count("Signature is Valid") == 1, report  # poppler 22 knows no document timestamps
    assert "invalid" not in report.lower()


async def test_nothing_is_signed_with_a_revoked_certificate(sandbox: Running) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    order = event("lta-revoked", key)
    place(sandbox.url, order).raise_for_status()
    revoke(sandbox.url, "lta-revoked").raise_for_status()
    with pytest.raises(SigningError, match="could not be validated"):
        await sign_lta(sandbox.url, order, key)
