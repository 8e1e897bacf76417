"""The short way to a signature: which documents take it, what it reads of them, and that it makes what pyHanko makes."""

# mypy: disable-error-code="no-untyped-call"

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from asn1crypto import cms, x509
from cryptography.hazmat.primitives.serialization import Encoding
from esign_kit.refs import Placement
from esign_signer.adapters.pdf import fields, stock
from esign_signer.adapters.pdf.clean import CleanDocument, NotClean
from esign_signer.adapters.pdf.cms import SignatureTemplate
from esign_signer.adapters.pdf.gate import ReleaseGate
from esign_signer.adapters.pdf.prepared import PreparedDocument
from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.domain.activation import Reason, SignatureRefused
from esign_signer.domain.document import Level, SignatureField, TrustServiceUnavailable
from esign_signer.domain.keys import KeyAlgorithm
from esign_signer.domain.report import Verdict
from PIL import Image
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.dss import DocumentSecurityStore

from .bench import LAYOUT, Bench, openssl, pdfsig, qpdf_check
from .documents import plain, seal_png, write_pdf
from .pki import TrustPki


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
async def test_cms_is_byte_for_byte_what_pyhanko_makes(bench: Bench, algorithm: KeyAlgorithm) -> None:
    order = bench.order(bench.document(), 0, algorithm=algorithm)
    certificate, *chain = [x509.Certificate.load(der) for der in order.certificates]
    signer = stock.StoredKeySigner(bench.keys, order.key, certificate, chain)
    digest = hashlib.sha256(b"document").digest()
    theirs: cms.ContentInfo = await signer.async_sign(digest, "sha256", use_pades=True)
    info = theirs["content"]["signer_infos"][0]
    template = SignatureTemplate(order.certificates, algorithm)
    attributes = template.signed_attributes(digest)
    assert attributes == info["signed_attrs"].untag().dump()
    assert template.assembled(attributes, info["signature"].native) == theirs.dump()


def test_a_signature_with_a_timestamp_is_well_formed(bench: Bench) -> None:
    token = cms.ContentInfo({"content_type": "data", "content": b"x" * 3000}).dump()
    order = bench.order(bench.document(), 0)
    template = SignatureTemplate(order.certificates, KeyAlgorithm.RSA_2048)
    made = template.assembled(template.signed_attributes(bytes(32)), bytes(256), token)
    info = cms.ContentInfo.load(made, strict=True)["content"]["signer_infos"][0]
    (attribute,) = info["unsigned_attrs"]
    assert attribute["type"].native == "signature_time_stamp_token"
    assert attribute["values"][0].dump() == token
    assert len(made) == template.length(256, len(token))


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_both_ways_make_the_same_signature(bench: Bench, rotate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    source = plain(bench.document(rotate=rotate))
    PreparedDocument.read(source)
    made: dict[str, Path] = {}
    for way in ("short", "pyhanko"):
        if way == "pyhanko":

            def refused(*_: object) -> PreparedDocument:
                raise NotClean("by the test")

            monkeypatch.setattr(PreparedDocument, "read", refused)
        first = replace(bench.order(source, 0), target=bench.folder / f"{way}1.pdf")
        assert bench.engine.sign(first).level is Level.B_LT
        second = replace(bench.order(first.target, 1), target=bench.folder / f"{way}2.pdf")
        result = bench.engine.sign(second)
        assert result.sha256 == hashlib.sha256(second.target.read_bytes()).hexdigest()
        assert result.size == second.target.stat().st_size
        made[way] = bench.folder / f"{way}3.pdf"
        bench.engine.archive(second.target, made[way])
        qpdf_check(made[way])
        assert pdfsig(made[way]).count("Signature is Valid") == 2
        report = bench.validator.validate(made[way])
        assert report.verdict is Verdict.PASSED, report
        assert [signature.level for signature in report.signatures] == [Level.B_LTA, Level.B_LTA]
    short, stocked = (_facts(made[way]) for way in ("short", "pyhanko"))
    assert short == stocked


def _facts(path: Path) -> dict[str, object]:
    """What two files with the same signatures have in common."""
    with path.open("rb") as stream:
        reader = PdfFileReader(stream)
        root = reader.root
        return {
            "catalog": sorted(map(str, root)),
            "perms": root["/Perms"]["/DocMDP"]["/Reference"][0]["/TransformParams"]["/P"],
            "flags": root["/AcroForm"]["/SigFlags"],
            "store": (len(root["/DSS"]["/Certs"]), all(root["/DSS"][key] for key in ("/OCSPs", "/CRLs"))),
            "fields": [
                (
                    str(field["/T"]),
                    [round(float(number), 3) for number in field["/Rect"]] if any(field["/Rect"]) else None,
                    field.get("/MK", {}).get("/R"),
                    sorted(map(str, field["/V"])) if "/V" in field else None,
                    [round(float(number), 3) for number in field["/AP"]["/N"].get("/Matrix", [])]
                    if str(field["/T"]).startswith("Party")
                    else None,
                )
                for field in (each.get_object() for each in root["/AcroForm"]["/Fields"])
            ],
            "annotations": [len(page.get_object().get("/Annots", [])) for page in root["/Pages"]["/Kids"]],
        }


def test_five_parties(bench: Bench, trust: TrustPki, trust_settings: TrustSettings) -> None:
    """RSA and EC in turn, on every page of a document; everybody's validators accept it."""
    layout = tuple(
        SignatureField(
            f"Party{party}", Placement(1 + party % 3, 50_000 * party, 90_000, 50_000 * party + 45_000, 135_000)
        )
        for party in range(5)
    )
    signed = plain(bench.document())
    for party in range(5):
        algorithm = list(KeyAlgorithm)[party % 2]
        PreparedDocument.read(signed)
        order = bench.order(signed, party, layout=layout, algorithm=algorithm)
        assert bench.engine.sign(order).level is Level.B_LT
        signed = order.target
    target, roots = bench.folder / "archived.pdf", bench.folder / "roots.pem"
    bench.engine.archive(signed, target)
    roots.write_bytes(trust.root.public_bytes(Encoding.PEM))
    qpdf_check(target)
    assert pdfsig(target).count("Signature is Valid") == 5
    assert openssl(target, roots) == [*5 * ["/Sig"], "/DocTimeStamp"]
    report = bench.validator.validate(target)
    assert (report.verdict, len(report.signatures)) == (Verdict.PASSED, 5)
    assert ReleaseGate(trust_settings, "pdfsig").judge(target, 5).released
    with target.open("rb") as stream:
        assert DocumentSecurityStore.read_dss(PdfFileReader(stream)).certs


def test_what_stands_on_a_page_stays(bench: Bench) -> None:
    """Annotations in an array of their own, a form with a field, and a page tree with inherited rotation."""
    source = bench.folder / "form.pdf"
    with pikepdf.open(write_pdf(bench.folder / "plain.pdf")) as pdf:
        page = pdf.pages[0].obj
        text = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Widget,
                FT=pikepdf.Name.Tx,
                T=pikepdf.String("name"),
                V=pikepdf.String("甲 (a) \\"),
                Rect=[10, 10, 60, 30],
                P=page,
            )
        )
        page.Annots = pdf.make_indirect(pikepdf.Array([text]))
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=[text], DA=pikepdf.String("/Helv 0 Tf 0 g"))
        pdf.Root.Pages.Rotate = 90
        pdf.save(source, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    PreparedDocument.read(source)
    order = bench.order(source, 0)
    bench.engine.sign(order)
    qpdf_check(order.target)
    with pikepdf.open(order.target) as pdf:
        assert [str(field.T) for field in pdf.Root.AcroForm.Fields] == ["name", "Party1", "Party2"]
        assert str(pdf.Root.AcroForm.Fields[0].V) == "甲 (a) \\"
        assert str(pdf.Root.AcroForm.DA) == "/Helv 0 Tf 0 g"
        assert [str(widget.T) for widget in pdf.pages[0].Annots] == ["name", "Party1"]
        assert int(pdf.Root.AcroForm.Fields[1].MK.R) == 90
    assert bench.validator.validate(order.target).verdict is Verdict.PASSED


@pytest.mark.parametrize("way", ["plain", "other"])
@pytest.mark.parametrize("part", [1, 2])
def test_pdf_a_1_stays_without_transparency(bench: Bench, way: str, part: int) -> None:
    source = bench.folder / "archivable.pdf"
    with pikepdf.open(bench.document()) as pdf:
        with pdf.open_metadata() as metadata:
            metadata["pdfaid:part"] = str(part)
        mode = pikepdf.ObjectStreamMode.disable if way == "plain" else pikepdf.ObjectStreamMode.generate
        pdf.save(source, object_stream_mode=mode)
    before = _seen(source)
    order = bench.order(source, 0)
    bench.engine.sign(order)
    with pikepdf.open(order.target) as pdf:
        images = [each for each in pdf.objects if isinstance(each, pikepdf.Stream) and each.get("/Subtype") == "/Image"]
        assert any("/SMask" in each for each in images) is (part == 2)
        assert any("/Mask" in each for each in images) is (part == 1)
    # The ring is red where it is, and the page is white in its middle.
    drawn, scale = _seen(order.target), before.height / 842
    centre = (round(150 * scale), round((842 - 150) * scale))
    assert drawn.getpixel(centre) == before.getpixel(centre) == (255, 255, 255)
    assert drawn.getpixel((round(103 * scale), centre[1])) == (200, 20, 20)


def _seen(path: Path) -> Image.Image:
    """The first page."""
    with pypdfium2.PdfDocument(path) as document:
        document.init_forms()
        drawn: Image.Image = document[0].render(scale=1).to_pil().convert("RGB")
        return drawn


@pytest.mark.parametrize("way", ["plain", "other"])
def test_a_file_is_signed_where_it_stands(bench: Bench, trust: TrustPki, way: str) -> None:
    """What an attempt that broke off appended is not part of the document; a failure leaves the document."""
    source = _document(bench, way)
    content = source.read_bytes()
    order = replace(bench.order(source, 0), target=source)
    source.write_bytes(content + b"half an update" * 5000)
    trust.failing |= {"tsa", "tsa2"}
    with pytest.raises(TrustServiceUnavailable):
        bench.engine.sign(order)
    assert source.read_bytes() == content
    trust.failing.clear()
    assert bench.engine.prepare(source) == order.sha256
    source.write_bytes(content + b"half an update" * 5000)
    assert bench.engine.sign(order).sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert source.read_bytes().startswith(content)
    qpdf_check(source)
    assert bench.validator.validate(source).verdict is Verdict.PASSED


@pytest.mark.parametrize("way", ["plain", "other"])
def test_another_document_is_not_signed(bench: Bench, way: str) -> None:
    order = replace(bench.order(_document(bench, way), 0), sha256="0" * 64)
    with pytest.raises(SignatureRefused) as refused:
        bench.engine.sign(order)
    assert refused.value.reason is Reason.ACTIVATION_DOCUMENT_MISMATCH
    assert not order.target.exists()


def _document(bench: Bench, way: str) -> Path:
    """One of the plain form, or another."""
    if way == "plain":
        return plain(bench.document())
    target = bench.folder / "other.pdf"
    with pikepdf.open(bench.document()) as pdf:
        pdf.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return target


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("object streams", lambda pdf, path: pdf.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate)),
        ("encrypted", lambda pdf, path: pdf.save(path, encryption=pikepdf.Encryption(owner="o", user=""))),
    ],
)
def test_other_forms_are_left_to_pyhanko(tmp_path: Path, name: str, harm: Callable[[pikepdf.Pdf, Path], None]) -> None:
    target = tmp_path / "other.pdf"
    with pikepdf.open(write_pdf(tmp_path / "plain.pdf")) as pdf:
        harm(pdf, target)
    with pytest.raises(NotClean):
        PreparedDocument.read(target)


_WHOLE = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [ 3 0 R ] /Count 1 >>\nendobj\n"
_PAGE = b"3 0 obj\n<< /Type /Page /Parent 2 0 R >>\nendobj\n"


def _file(*, page: bytes = _PAGE, trailer: bytes = b"", table: bytes | None = None, root: bytes = _WHOLE) -> bytes:
    body = root + page
    if table is None:
        offsets = [body.index(b"%d 0 obj" % number) for number in (1, 2, 3)]
        table = b"xref\n0 4\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return (
        body
        + table
        + b"trailer\n<< /Root 1 0 R /Size 4 /ID [<00><00>] %b >>\nstartxref\n%d\n%%%%EOF\n"
        % (
            trailer,
            len(body),
        )
    )


def test_the_smallest_file_is_clean() -> None:
    document = CleanDocument(_file())
    assert document.page(0) == (3, 0)
    with pytest.raises(IndexError):
        document.page(1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.7\nstartxref\n99\n%%EOF\n",
        _file()[:-7],
        _file() + b"more",
        _file(trailer=b"/Prev 0"),
        _file(trailer=b"/Prev 999999"),
        _file(trailer=b"/XRefStm 10"),
        _file(trailer=b"/Encrypt 9 0 R"),
        _file(trailer=b"/Root 2 0 R"),
        _file(trailer=b"/R#6fot 2 0 R"),
        _file(table=b"xref\n0 9999999\n"),
        _file(page=b"3 0 obj\n<< /Type /Pages /Kids [ 3 0 R ] /Count 1 >>\nendobj\n"),
        _file(page=b"3 0 obj\n<< /Type /Page /Type /Pages >>\nendobj\n"),
        _file(page=b"3 0 obj\n<< /Type /Page /Rotate 45 >>\nendobj\n"),
        _file(page=b"3 0 obj\n" + b"<< /A " * 2000 + b">>" * 2000 + b"\nendobj\n"),
        _file(page=b"3 0 obj\n<< /Type /Page /A (" + b"(" * 5000 + b" >>\nendobj\n"),
        _file(page=b"3 0 obj\n[ /Page ]\nendobj\n"),
        _file(root=_WHOLE.replace(b"/Count 1", b"/Count 2")),
        _file(root=_WHOLE.replace(b"[ 3 0 R ]", b"[ 3 0 R 3 0 ]")),
        _file(root=_WHOLE.replace(b"/Pages 2 0 R", b"/Pages 7 0 R")),
    ],
)
def test_whatever_is_not_clean_says_so(content: bytes) -> None:
    with pytest.raises(NotClean):
        CleanDocument(content).page(0)


def test_fields_that_nobody_knows_are_left_to_pyhanko() -> None:
    catalog = _WHOLE.replace(b"/Pages 2 0 R >>", b"/Pages 2 0 R /AcroForm << /Fields [ 3 0 R ] >> >>")
    with pytest.raises(NotClean):
        fields.fields_of(CleanDocument(_file(root=catalog)))


def test_no_room_for_a_signature_that_is_too_long() -> None:
    gap = fields.signature(
        CleanDocument(_file()),
        field_name="Party1",
        layout=LAYOUT[:1],
        placement=LAYOUT[0].placement,
        seal=seal_png(),
        reason="",
        claimed_at=datetime(2026, 1, 1, tzinfo=UTC),
        validation_data=fields.ValidationData(),
        reserved=10,
    )
    assert len(gap.filled(bytes(10))) == len(gap.filled(bytes(3)))
    with pytest.raises(ValueError, match="longer"):
        gap.filled(bytes(11))


def test_prepared_for_a_long_document_takes_no_memory(tmp_path: Path) -> None:
    """A document over the size that is read at one stroke is mapped, hashed in pieces and copied by the kernel."""
    source, target = tmp_path / "long.pdf", tmp_path / "signed.pdf"
    with pikepdf.open(write_pdf(tmp_path / "plain.pdf")) as pdf:
        pdf.Root.Ballast = pdf.make_stream(bytes(range(256)) * 20_000, Filter=pikepdf.Name.ASCIIHexDecode)
        pdf.save(source, object_stream_mode=pikepdf.ObjectStreamMode.disable, compress_streams=False)
    prepared = PreparedDocument.read(source)
    assert not isinstance(prepared.document.data, bytes)
    assert prepared.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    prepared.append(source, target, b"% update\n")
    assert target.read_bytes() == source.read_bytes() + b"% update\n"
