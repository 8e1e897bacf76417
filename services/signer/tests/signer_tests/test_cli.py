"""`esign verify`, as people and scripts run it; the report to keep; what B-LT promises; quick reading."""

# mypy: disable-error-code="no-untyped-call"

import io
import json
import time
from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from esign_signer import cli
from esign_signer.adapters.pdf.reading import quick_reading
from esign_signer.adapters.pdf.report_pdf import render
from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.adapters.pdf.validation import PdfValidator
from esign_signer.domain.document import Level
from esign_signer.domain.report import RevocationSource, SignatureReport, ValidationReport, Verdict
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfError

from . import attacks
from .bench import Bench
from .documents import write_pdf

FONT = Path(__file__).parents[4] / "node_modules/@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf"


@pytest.fixture
def roots(bench: Bench) -> str:
    path = bench.folder / "roots.pem"
    path.write_bytes(bench.pki.root.public_bytes(Encoding.PEM))
    return str(path)


def test_exit_status_and_words(bench: Bench, roots: str, capsys: pytest.CaptureFixture[str]) -> None:
    signed = bench.archived()
    assert cli.main(["verify", str(signed), "--trust", roots, "--lang", "zh"]) == cli.PASSED
    told = capsys.readouterr().out
    assert "核验通过" in told
    assert "签署人0" in told
    assert cli.main(["verify", str(signed), "--trust", roots, "--lang", "en"]) == cli.PASSED
    assert "Passed: 2 signatures are valid" in capsys.readouterr().out
    attacked = bench.folder / "attacked.pdf"
    attack, problem = attacks.ON_SIGNED["evil annotation: Stamp"]
    attacked.write_bytes(attack(signed.read_bytes()))
    assert cli.main(["verify", str(attacked), "--trust", roots]) == cli.FAILED
    assert problem.value in capsys.readouterr().out
    assert cli.main(["verify", str(write_pdf(bench.folder / "plain.pdf")), "--trust", roots]) == cli.NOT_SIGNED


def test_what_cannot_be_used(bench: Bench, roots: str, capsys: pytest.CaptureFixture[str]) -> None:
    garbage = bench.folder / "garbage.pdf"
    garbage.write_bytes(b"no PDF")
    for arguments in (
        ["verify", str(garbage), "--trust", roots],
        ["verify", str(bench.folder / "none.pdf"), "--trust", roots],
        ["verify", str(bench.archived()), "--trust", str(garbage)],
    ):
        assert cli.main(arguments) == cli.UNUSABLE
        assert capsys.readouterr().err.startswith("esign: ")
    with pytest.raises(SystemExit) as wrong:
        cli.main(["verify"])
    assert wrong.value.code == cli.UNUSABLE


def test_reports_to_keep(bench: Bench, roots: str, capsys: pytest.CaptureFixture[str]) -> None:
    target = bench.folder / "report.pdf"
    arguments = ["verify", str(bench.archived()), "--trust", roots, "--json", "--report", str(target)]
    assert cli.main([*arguments, "--font", str(FONT), "--lang", "zh"]) == cli.PASSED
    report = json.loads(capsys.readouterr().out)
    assert (report["verdict"], len(report["signatures"])) == ("passed", 2)
    assert report["signatures"][0]["chain"][0]["revocation"]["source"] == "OCSP"
    with pypdfium2.PdfDocument(target) as printed:
        text = "".join(page.get_textpage().get_text_range() for page in printed)
    assert "电子签名验证报告" in text
    assert report["sha256"] in text


def test_a_report_takes_texts_of_strangers_as_texts() -> None:
    name = "<b>&amp; </b><img src='file:///etc/passwd'/>\0\n" * 200
    signature = SignatureReport(name, signer=name, organisation=name, reason=name)
    report = ValidationReport("0" * 64, 1, (signature,) * 3)
    assert render(report, file_name=name, font=FONT).startswith(b"%PDF-")


def test_b_lt_outlives_its_certificate_by_its_own_timestamp(bench: Bench, trust_settings: TrustSettings) -> None:
    order = bench.order(bench.document(), 0, certificate_seconds=3)
    bench.engine.sign(order)
    time.sleep(3.1)
    settings = replace(trust_settings, clock_tolerance=0.0)
    report = PdfValidator(settings, online=False).validate(order.target)
    assert report.verdict is Verdict.PASSED, report
    (signature,) = report.signatures
    assert signature.level is Level.B_LT
    leaf = signature.chain[0]
    assert report.validated_at is not None
    assert leaf.not_after < report.validated_at
    assert leaf.revocation is not None
    assert (leaf.revocation.source, leaf.revocation.online) == (RevocationSource.OCSP, False)


@given(st.binary(max_size=80))
def test_quick_reading_reads_what_pyhanko_reads(content: bytes) -> None:
    for start in (b"<", b"/"):
        source = start + content
        with quick_reading():
            quick = _read(source)
        assert quick == _read(source)


def _read(source: bytes) -> tuple[str, object, int]:
    stream = io.BytesIO(source)
    try:
        found = generic.read_object(stream, generic.Reference(1, 0))
    except (PdfError, ValueError, TypeError) as error:
        return type(error).__name__, "", 0
    content = getattr(found, "original_bytes", found)
    return type(found).__name__, content, stream.tell()
