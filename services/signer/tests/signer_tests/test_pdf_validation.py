"""Files from strangers: told apart plainly, and never at our expense."""

# mypy: disable-error-code="no-untyped-call"

import re
import time
import zlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.adapters.pdf.validation import PdfValidator
from esign_signer.domain.document import DocumentRejected, Level
from esign_signer.domain.report import Changes, Problem, ValidationReport, Verdict
from esign_signer.domain.words import summary
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from .bench import Bench
from .documents import write_pdf
from .pki import DER, TrustPki


def test_unsigned(bench: Bench) -> None:
    report = bench.validator.validate(bench.document())
    assert (report.verdict, report.signatures, report.problems) == (Verdict.NOT_SIGNED, (), ())


def test_every_changed_byte_is_noticed(bench: Bench) -> None:
    """Wherever in the file it is: in the content, in a signature's value and its padding, between, at the end.

    (CMS does not sign the copies of CA certificates that it carries along, so a byte of those may change without
    consequence.)
    """
    content = bench.archived().read_bytes()
    path = bench.folder / "changed.pdf"
    value = next(_CONTAINER.finditer(content)).end()
    end = content.index(b">", value)
    spread = [place for place in range(7, len(content), len(content) // 12) if not _in_container(content, place)]
    for position in (*spread, value, value + 12, end - 1, len(content) - 1):
        changed = bytearray(content)
        changed[position] ^= 0x01
        path.write_bytes(changed)
        report = _judged(bench.validator, path)
        assert report is None or report.verdict is Verdict.FAILED, position


def test_content_altered(bench: Bench) -> None:
    content = bench.signed_twice().read_bytes()
    path = bench.folder / "changed.pdf"
    path.write_bytes(content.replace(b"72 700 200 12 re", b"72 700 999 12 re", 1))
    report = bench.validator.validate(path)
    assert report.verdict is Verdict.FAILED
    assert [signature.problems for signature in report.signatures] == [(Problem.ALTERED,), (Problem.ALTERED,)]
    assert "改动" in summary(report)[0]


@pytest.mark.parametrize("what", ["page", "bytes"])
def test_something_appended(bench: Bench, what: str) -> None:
    path = bench.signed_twice()
    if what == "bytes":
        with path.open("ab") as stream:
            stream.write(b"\n% something more\n")
    else:
        with path.open("r+b") as stream:
            writer = IncrementalPdfFileWriter(stream)
            content = generic.StreamObject(stream_data=b"0 0 300 300 re f")
            page = writer.find_page_for_modification(0)[0].get_object()
            page[pdf_name("/Contents")] = writer.add_object(content)
            writer.update_container(page)
            writer.write_in_place()
    report = bench.validator.validate(path)
    assert report.verdict is Verdict.FAILED
    if what == "bytes":
        assert report.problems == (Problem.NOT_COVERED,)
    else:
        assert {signature.changes_afterwards for signature in report.signatures} == {Changes.FORBIDDEN}
        assert all(Problem.CHANGED_AFTERWARDS in signature.problems for signature in report.signatures)
    assert "改动" in summary(report)[0]


def test_truncated(bench: Bench) -> None:
    path = bench.signed_twice()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    report = _judged(bench.validator, path)
    assert report is None or report.verdict is Verdict.FAILED


def test_roots_of_others_are_not_trusted(bench: Bench, trust: TrustPki) -> None:
    stranger = TrustPki(trust.base_url)
    stranger.build()
    report = PdfValidator(TrustSettings((stranger.root.public_bytes(DER),), ())).validate(bench.signed_once())
    assert report.verdict is Verdict.FAILED
    (signature,) = report.signatures
    assert (signature.intact, signature.valid, signature.trusted) == (True, True, False)
    assert signature.problems == (Problem.CERTIFICATE_UNTRUSTED,)
    assert signature.level is Level.B_B


def test_revoked_afterwards_stays_valid(bench: Bench, trust: TrustPki) -> None:
    """What was signed while the certificate was good stays signed."""
    path = bench.archived()
    trust.revoked |= {int(signature.serial_number, 16) for signature in bench.validator.validate(path).signatures}
    assert bench.validator.validate(path).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "PDF_INVALID"),
        (b"<html></html>", "PDF_INVALID"),
        (b"%PDF-1.7\n" + b"(" * 100_000, "PDF_INVALID"),
        (b"%PDF-1.7\n" + b"[" * 100_000 + b"\nstartxref\n9\n%%EOF", "PDF_INVALID"),
        (b"%PDF-1.7\n1 0 obj<</Length 99999999999999>>stream\nstartxref\n9\n%%EOF", "PDF_INVALID"),
    ],
)
def test_garbage(bench: Bench, content: bytes, code: str) -> None:
    path = bench.folder / "garbage.pdf"
    path.write_bytes(content)
    started = time.monotonic()
    with pytest.raises(DocumentRejected) as rejected:
        bench.validator.validate(path)
    assert rejected.value.code == code
    assert time.monotonic() - started < 5


def test_encrypted(bench: Bench) -> None:
    import pikepdf

    path = bench.folder / "encrypted.pdf"
    with pikepdf.open(bench.document()) as pdf:
        pdf.save(path, encryption=pikepdf.Encryption(owner="o", user="u"))
    with pytest.raises(DocumentRejected) as rejected:
        bench.validator.validate(path)
    assert rejected.value.code == "PDF_ENCRYPTED"


def test_decompression_bomb(bench: Bench) -> None:
    """An object stream that inflates to 300 MB."""
    bomb = zlib.compress(bytes(300 * 2**20), 9)
    path = bench.folder / "bomb.pdf"
    head = b"%PDF-1.7\n"
    stream = (
        b"1 0 obj\n<</Type/XRef/Size 3/W[1 4 1]/Root 2 0 R/Filter/FlateDecode/Length %d>>\nstream\n" % len(bomb)
        + bomb
        + b"\nendstream\nendobj\n"
    )
    path.write_bytes(head + stream + b"startxref\n%d\n%%%%EOF\n" % len(head))
    started = time.monotonic()
    with pytest.raises(DocumentRejected) as rejected:
        bench.validator.validate(path)
    assert rejected.value.code in ("PDF_TOO_COMPLEX", "PDF_INVALID")
    assert time.monotonic() - started < 10


def test_cyclic_page_tree_and_fields(bench: Bench) -> None:
    source = write_pdf(bench.folder / "cyclic.pdf")
    with source.open("r+b") as stream:
        writer = IncrementalPdfFileWriter(stream)
        form = generic.DictionaryObject()
        reference = writer.add_object(form)
        field = generic.DictionaryObject({pdf_name("/T"): generic.TextStringObject("a")})
        field_reference = writer.add_object(field)
        field[pdf_name("/Kids")] = generic.ArrayObject([field_reference])
        form[pdf_name("/Fields")] = generic.ArrayObject([field_reference])
        writer.root[pdf_name("/AcroForm")] = reference
        writer.update_root()
        writer.write_in_place()
    assert _judged(bench.validator, source) is None


def test_fresh_revocation_data_of_the_file_is_enough(bench: Bench, trust: TrustPki) -> None:
    path = bench.archived()
    trust.failing |= {"ocsp", "crl", "tsa", "tsa2"}
    trust.requests.clear()
    assert bench.validator.validate(path).verdict is Verdict.PASSED
    assert not trust.requests


def test_stale_revocation_data_is_asked_for_again(bench: Bench, trust: TrustPki, trust_settings: TrustSettings) -> None:
    trust.fresh_for = timedelta(seconds=2)
    path = replace(bench, made={}).archived()
    time.sleep(2.1)
    trust.failing |= {"ocsp", "crl"}
    strict = PdfValidator(replace(trust_settings, clock_tolerance=0.0))
    report = strict.validate(path)
    assert report.verdict is Verdict.FAILED
    assert report.problems == (Problem.REVOCATION_UNKNOWN,)
    trust.failing.clear()
    assert strict.validate(path).verdict is Verdict.PASSED


_CONTAINER = re.compile(rb"/Contents ?<(?=30)")


def _in_container(content: bytes, position: int) -> bool:
    return any(start.end() <= position < content.index(b">", start.end()) for start in _CONTAINER.finditer(content))


def _judged(validator: PdfValidator, path: Path) -> ValidationReport | None:
    try:
        return validator.validate(path)
    except DocumentRejected:
        return None
