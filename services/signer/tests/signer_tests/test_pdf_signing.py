"""Signatures and archive timestamps: the level they reach, what other people's tools say, and what happens when trust
services do not answer."""

# mypy: disable-error-code="no-untyped-call"

import time
from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest
from cryptography import x509
from esign_kit.refs import Placement
from esign_signer.adapters.pdf.engine import PdfEngine
from esign_signer.adapters.pdf.gate import ReleaseGate
from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.adapters.pdf.trust import TrustServices
from esign_signer.domain.activation import Reason, SignatureRefused
from esign_signer.domain.document import DocumentRejected, Level, SignatureField, TrustServiceUnavailable
from esign_signer.domain.report import Changes, Verdict
from PIL import Image, ImageChops
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import DocumentSecurityStore

from .bench import Bench, pdfsig, qpdf_check
from .pki import TrustPki


def test_one_signature_is_b_lt_in_one_revision(bench: Bench) -> None:
    order = bench.order(bench.document(), 0)
    result = bench.engine.sign(order)
    assert (result.level, result.size) == (Level.B_LT, order.target.stat().st_size)
    assert "Signature is Valid." in pdfsig(order.target)
    assert "Total document signed" in pdfsig(order.target)
    qpdf_check(order.target)
    report = bench.validator.validate(order.target)
    assert (report.verdict, report.sha256) == (Verdict.PASSED, result.sha256)
    (signature,) = report.signatures
    assert (signature.field_name, signature.signer, signature.level) == ("Party1", "签署人0", Level.B_LT)
    assert (signature.signed_at, signature.timestamp_authority) == (result.signed_at, "Test TSA")
    assert (signature.covers_whole_file, signature.changes_afterwards) == (True, Changes.NONE)
    assert signature.certificate_sha256 == result.certificate_sha256


def test_first_signature_certifies_and_lays_out_every_field(bench: Bench) -> None:
    with bench.signed_once().open("rb") as stream:
        reader = PdfFileReader(stream)
        fields = {str(field.get_object()["/T"]): field.get_object() for field in reader.root["/AcroForm"]["/Fields"]}
        assert set(fields) == {"Party1", "Party2"}
        assert "/V" not in fields["Party2"]
        reference = reader.root["/Perms"]["/DocMDP"]["/Reference"][0]
        assert (reference["/TransformMethod"], reference["/TransformParams"]["/P"]) == ("/DocMDP", 2)
        store = DocumentSecurityStore.read_dss(reader)
        assert store.ocsps
        assert store.crls
        names = {certificate.subject.native["common_name"] for certificate in store.load_certs()}
        assert names >= {"Test Root", "Test Issuing CA", "Test TSA", "签署人0"}


def test_two_signatures_and_archive(bench: Bench, trust_settings: TrustSettings) -> None:
    path = bench.archived()
    assert pdfsig(path).count("Signature is Valid.") == 2
    qpdf_check(path)
    report = bench.validator.validate(path)
    assert report.verdict is Verdict.PASSED
    assert [signature.level for signature in report.signatures] == [Level.B_LTA, Level.B_LTA]
    assert [signature.changes_afterwards for signature in report.signatures] == [Changes.ALLOWED, Changes.ALLOWED]
    assert report.archived_at is not None
    gate = ReleaseGate(trust_settings, "pdfsig").judge(path, 2)
    assert gate.released, gate.problems
    assert [name.split("/")[0] for name in gate.validators] == ["esign-signer", "pyhanko", "pdfsig", "rfc3161-client"]


def test_signature_outlives_its_certificate(bench: Bench, trust_settings: TrustSettings) -> None:
    """A certificate for one signature has long expired when the last party signs: its timestamp and the revocation data
    beside it say that it was good."""
    order = bench.order(bench.document(), 0, certificate_seconds=3)
    assert bench.engine.sign(order).level is Level.B_LT
    time.sleep(3)
    assert bench.validator.validate(order.target).verdict is Verdict.PASSED
    second = bench.order(order.target, 1)
    bench.engine.sign(second)
    target = bench.folder / "archived.pdf"
    bench.engine.archive(second.target, target)
    report = bench.validator.validate(target)
    assert report.verdict is Verdict.PASSED, report
    assert {signature.level for signature in report.signatures} == {Level.B_LTA}
    assert ReleaseGate(trust_settings, "pdfsig").judge(target, 2).released


@pytest.mark.parametrize("found", ["no", "wrong count", "unarchived", "altered", "garbage"])
def test_gate_refuses(bench: Bench, trust_settings: TrustSettings, found: str) -> None:
    gate = ReleaseGate(trust_settings, "pdfsig")
    path = bench.folder / "judged.pdf"
    count = 2
    match found:
        case "no":
            path, count = bench.document(), 0
        case "wrong count":
            path, count = bench.archived(), 3
        case "unarchived":
            path = bench.signed_twice()
        case "altered":
            content = bytearray(bench.archived().read_bytes())
            content[content.rindex(b"/DSS")] ^= 1
            path.write_bytes(content)
        case "garbage":
            path.write_bytes(b"%PDF-1.7 garbage")
    assert not gate.judge(path, count).released


def test_gate_without_pdfsig_says_nothing_about_the_file(bench: Bench, trust_settings: TrustSettings) -> None:
    with pytest.raises(OSError):
        ReleaseGate(trust_settings, "/nonexistent/pdfsig").judge(bench.archived(), 2)


@pytest.mark.parametrize(("service", "which"), [("ocsp", "OCSP"), ("crl", "CRL")])
def test_revocation_service_down(bench: Bench, trust: TrustPki, service: str, which: str) -> None:
    trust.failing.add(service)
    order = bench.order(bench.document(), 0)
    with pytest.raises(TrustServiceUnavailable) as unavailable:
        bench.engine.sign(order)
    assert unavailable.value.which == which
    assert not order.target.exists()
    trust.failing.clear()
    assert bench.engine.sign(order).level is Level.B_LT


@pytest.mark.parametrize("how", ["refused", "silent", "of something else", "unreachable"])
def test_timestamp_authorities_down(bench: Bench, trust: TrustPki, trust_settings: TrustSettings, how: str) -> None:
    settings = replace(trust_settings, tsa_deadline=0.3)
    match how:
        case "refused":
            trust.failing |= {"tsa", "tsa2"}
        case "silent":
            trust.silent |= {"tsa", "tsa2"}
        case "of something else":
            trust.failing.add("imprint")
        case "unreachable":
            settings = replace(settings, tsa_urls=("http://127.0.0.1:9/tsa",))
    order = bench.order(bench.document(), 0)
    engine = PdfEngine(bench.keys, TrustServices(settings))
    try:
        with pytest.raises(TrustServiceUnavailable) as unavailable:
            engine.sign(order)
    finally:
        trust.silent.clear()
    assert unavailable.value.which == "TSA"
    assert not order.target.exists()


def test_next_timestamp_authority_takes_over(bench: Bench, trust: TrustPki) -> None:
    trust.failing.add("tsa")
    assert bench.engine.sign(bench.order(bench.document(), 0)).level is Level.B_LT
    assert "tsa2" in trust.requests


def test_archive_fails_closed(bench: Bench, trust: TrustPki, trust_settings: TrustSettings) -> None:
    source, target = bench.signed_once(), bench.folder / "archived.pdf"
    engine = PdfEngine(bench.keys, TrustServices(trust_settings))
    trust.failing |= {"tsa", "tsa2"}
    with pytest.raises(TrustServiceUnavailable):
        engine.archive(source, target)
    trust.failing.clear()
    trust.failing.add("ocsp")
    with pytest.raises(TrustServiceUnavailable) as unavailable:
        engine.archive(source, target)
    assert unavailable.value.which == "OCSP"
    assert not target.exists()


def test_revoked_expired_and_strange_certificates_do_not_sign(bench: Bench, trust: TrustPki) -> None:
    def reason(order_certificates: tuple[bytes, ...]) -> Reason:
        with pytest.raises(SignatureRefused) as refused:
            bench.engine.sign(replace(bench.order(bench.document(), 0), certificates=order_certificates))
        return refused.value.reason

    order = bench.order(bench.document(), 0)
    trust.revoked.add(x509.load_der_x509_certificate(order.certificates[0]).serial_number)
    assert reason(order.certificates) is Reason.CERTIFICATE_REVOKED
    assert reason(bench.order(bench.document(), 0, certificate_seconds=-60).certificates) is Reason.CERTIFICATE_EXPIRED
    stranger = TrustPki(trust.base_url)
    stranger.build()
    leaf = stranger.certificate("陌生人", bench.pki.tsa_key.public_key())
    assert reason(stranger.chain(leaf)) is Reason.CERTIFICATE_UNTRUSTED


@pytest.mark.parametrize("problem", ["moved", "unknown", "page", "taken"])
def test_fields(bench: Bench, problem: str) -> None:
    order = bench.order(bench.signed_once(), 1)
    match problem:
        case "moved":
            order = replace(order, placement=replace(order.placement, x1=order.placement.x1 + 1000))
        case "unknown":
            order = replace(order, field_name="Party9")
        case "page":
            layout = (SignatureField("Party1", Placement(9, 0, 0, 10, 10)),)
            order = bench.order(bench.document(), 0, layout=layout)
        case "taken":
            order = replace(order, field_name="Party1", placement=order.layout[0].placement)
    with pytest.raises(SignatureRefused) as refused:
        bench.engine.sign(order)
    assert refused.value.reason is Reason.FIELD_NOT_AVAILABLE


@pytest.mark.parametrize("content", [b"", b"not a pdf", b"%PDF-1.7\n%%EOF"])
def test_documents_that_cannot_be_signed(bench: Bench, content: bytes) -> None:
    source = bench.folder / "bad.pdf"
    source.write_bytes(content)
    with pytest.raises(DocumentRejected):
        bench.engine.sign(bench.order(source, 0))


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_seal_is_upright_on_rotated_pages(bench: Bench, rotate: int) -> None:
    """The seal's upper half is red, its lower half blue: so it must be on the screen."""
    layout = (SignatureField("Party1", Placement(1, 100_000, 300_000, 200_000, 400_000)),)
    order = bench.order(bench.document(rotate=rotate), 0, layout=layout)
    seal = Image.new("RGBA", (40, 40), (255, 0, 0, 255))
    seal.paste((0, 0, 255, 255), (0, 20, 40, 40))
    seal.save(order.seal_image)
    bench.engine.sign(order)
    assert "Signature is Valid." in pdfsig(order.target)
    shown = _page_image(order.target)
    red, blue = _centre(shown, (255, 0, 0)), _centre(shown, (0, 0, 255))
    assert red[1] < blue[1]
    assert abs(red[0] - blue[0]) < 2
    x, y = {0: (150, 842 - 350), 90: (350, 150), 180: (595 - 150, 350), 270: (842 - 350, 595 - 150)}[rotate]
    assert abs((red[0] + blue[0]) / 2 - x) < 2
    assert abs((red[1] + blue[1]) / 2 - y) < 2


def _page_image(path: Path) -> Image.Image:
    document = pypdfium2.PdfDocument(path)
    document.init_forms()
    image: Image.Image = document[0].render(scale=1).to_pil().convert("RGB")
    document.close()
    return image


def _centre(image: Image.Image, colour: tuple[int, int, int]) -> tuple[float, float]:
    differences = ImageChops.difference(image, Image.new("RGB", image.size, colour)).split()
    red, green, blue = (channel.point([255] * 40 + [0] * 216) for channel in differences)
    box = ImageChops.darker(ImageChops.darker(red, green), blue).getbbox()
    assert box is not None
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
