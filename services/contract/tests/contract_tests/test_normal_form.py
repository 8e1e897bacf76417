"""The form in which documents are stored, and what stays of them in it."""

from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from esign_contract.adapters.pdf.intake import take_in
from esign_contract.adapters.pdf.pages import size_of
from esign_contract.adapters.pdf.refused import Refused
from esign_contract.domain.document import SignatureKind
from esign_golden import GOLDEN, GoldenSet, signed
from pikepdf import Dictionary, Name, Pdf

SMALL = [name for name, facts in GOLDEN.items() if not facts.big and facts.pages < 80]


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> GoldenSet:
    return GoldenSet(tmp_path_factory.mktemp("golden"))


def cleaned(golden: GoldenSet, name: str, folder: Path) -> Pdf:
    take_in(golden[name], folder / "clean.pdf", 100)
    return pikepdf.open(folder / "clean.pdf")


@pytest.mark.parametrize("name", [name for name in SMALL if not GOLDEN[name].earlier_signatures])
def test_unsigned_documents_have_one_form(name: str, golden: GoldenSet, tmp_path: Path) -> None:
    with cleaned(golden, name, tmp_path) as pdf:
        content = (tmp_path / "clean.pdf").read_bytes()
        assert content.startswith(b"%PDF-")
        assert content.endswith(b"%%EOF\n")
        assert (content.count(b"startxref"), content.count(b"/ObjStm"), content.count(b"/XRef")) == (1, 0, 0)
        assert len(pdf.trailer["/ID"]) == 2
        root = pdf.Root
        assert not {"/AcroForm", "/OCProperties", "/Perms", "/Version"} & set(root.keys())
        assert int(root["/Pages"]["/Count"]) == len(root["/Pages"]["/Kids"]) == GOLDEN[name].pages
        for page in root["/Pages"]["/Kids"]:
            assert (page["/Type"], page["/Parent"].objgen) == (Name.Page, root["/Pages"].objgen)
            assert {"/MediaBox", "/Resources"} <= set(page.keys())
        assert pdf.check_pdf_syntax() == []


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("PDF 2.0", "2.0"),
        ("PDF/A-1b", "1.4"),
        ("PDF/A-2b", "1.7"),
        ("hybrid cross-references", "1.7"),
        ("user units", "1.7"),
    ],
)
def test_versions(name: str, version: str, golden: GoldenSet, tmp_path: Path) -> None:
    with cleaned(golden, name, tmp_path) as pdf:
        assert pdf.pdf_version == version


@pytest.mark.parametrize("name", ["PDF/A-1b", "PDF/A-2b"])
def test_an_archive_stays_one(name: str, golden: GoldenSet, tmp_path: Path) -> None:
    with cleaned(golden, name, tmp_path) as pdf, pikepdf.open(golden[name]) as before:
        metadata = pdf.Root["/Metadata"]
        assert metadata.read_raw_bytes() == before.Root["/Metadata"].read_bytes()
        assert "/Filter" not in metadata
        profiles = [one.Root["/OutputIntents"][0]["/DestOutputProfile"].read_bytes() for one in (pdf, before)]
        assert profiles[0] == profiles[1]


def test_what_is_filled_in_becomes_part_of_the_page(golden: GoldenSet, tmp_path: Path) -> None:
    with cleaned(golden, "form", tmp_path) as pdf:
        content = (tmp_path / "clean.pdf").read_bytes()
        for gone in (b"/AcroForm", b"/Widget", b"JavaScript", b"SubmitForm", b"/Annots [ <"):
            assert gone not in content
        drawn = [value.read_bytes() for value in pdf.pages[0].obj["/Resources"]["/XObject"].values()]
        assert any(b"(JDE-2026) Tj" in one for one in drawn)
        assert any(one.startswith(b"0 0 1 rg") for one in drawn)


def test_annotations_are_printed_as_they_are_seen(golden: GoldenSet, tmp_path: Path) -> None:
    with cleaned(golden, "annotations", tmp_path) as pdf:
        kept = {str(one["/Subtype"]): int(one.get("/F", 0)) for one in pdf.pages[0].obj["/Annots"]}
        assert kept == {"/Link": 0, "/Stamp": 4}
        assert len(pdf.pages[0].obj["/Annots"]) == 2


def test_a_page_keeps_its_unit_and_its_boxes(golden: GoldenSet, tmp_path: Path) -> None:
    with cleaned(golden, "user units", tmp_path) as pdf:
        assert pdf.pages[0].obj["/UserUnit"] == 18
        assert size_of(pdf.pages[0].obj).unit == 18_000
        # As long as what viewers take for one, and no length at all.
        for unit, taken in (("1.5", 1500), ("0", 1000), ("-2", 1000), ("(a)", 1000), ("80000", 1000)):
            pdf.pages[0].obj["/UserUnit"] = pikepdf.Object.parse(unit.encode())
            assert size_of(pdf.pages[0].obj).unit == taken
    with cleaned(golden, "rotated pages, odd boxes", tmp_path) as pdf:
        page = pdf.pages[1].obj
        assert [float(side) for side in page["/MediaBox"]] == [1000, -2000, 1600, -1150]
        assert [float(side) for side in page["/CropBox"]] == [1010.5, -1979.75, 1590, -1150]
        assert page["/Rotate"] == 90
        assert "/Rotate" not in pdf.pages[0].obj


def refusal(source: Path, target: Path) -> str:
    with pytest.raises(Refused) as refused:
        take_in(source, target, 100)
    return refused.value.code


@pytest.mark.parametrize(
    ("build", "code"),
    [
        (signed.certified_final, "DOCUMENT_LOCKED"),
        (signed.locked, "DOCUMENT_LOCKED"),
        (signed.acting, "DOCUMENT_HAS_ACTIONS"),
    ],
)
def test_signed_documents_that_are_refused(build: Callable[[Path], None], code: str, tmp_path: Path) -> None:
    build(tmp_path / "in.pdf")
    assert refusal(tmp_path / "in.pdf", tmp_path / "out.pdf") == code


def test_signed_documents_tell_who_signed(golden: GoldenSet, tmp_path: Path) -> None:
    taken = take_in(golden["certified"], tmp_path / "out.pdf", 100)
    (one,) = taken.signatures
    assert (one.field_name, one.kind, one.signer) == ("Author", SignatureKind.CERTIFICATION, "示例出版有限公司")
    assert one.covers_whole_file


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (b" 595 842 ]", b" 595 841 ]", "DOCUMENT_SIGNATURE_BROKEN"),
        (b"%PDF-1", b"\n%PDF-1", "DOCUMENT_SIGNED_AND_DAMAGED"),
        (b"startxref\n", b"startxref\n9", "DOCUMENT_SIGNED_AND_DAMAGED"),
    ],
)
def test_signed_documents_are_not_mended(
    before: bytes, after: bytes, code: str, golden: GoldenSet, tmp_path: Path
) -> None:
    parts = golden["signed twice"].read_bytes().rpartition(before)
    assert parts[1]
    (tmp_path / "in.pdf").write_bytes(parts[0] + after + parts[2])
    assert refusal(tmp_path / "in.pdf", tmp_path / "out.pdf") == code


def test_usage_rights_go_with_the_rewrite(tmp_path: Path) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.Root["/Perms"] = Dictionary(UR3=Dictionary(Type=Name.Sig))
        pdf.save(tmp_path / "in.pdf")
    assert take_in(tmp_path / "in.pdf", tmp_path / "out.pdf", 100).signatures == ()
    assert b"/UR3" not in (tmp_path / "out.pdf").read_bytes()
