"""Every document of the golden set goes through intake and is signed twice; other people's tools accept the result, and
nothing but the seals is seen to have changed."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pytest
from esign_contract.adapters.pdf.intake import take_in
from esign_contract.domain.document import TakenIn
from esign_golden import GOLDEN, GoldenSet
from esign_kit.refs import Placement
from PIL import Image, ImageChops

from .signing import Signing, pdfsig, qpdf_check, seen_at, signing

SCALE = 0.6
MAX_PAGES = 1000


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> GoldenSet:
    return GoldenSet(tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signing]:
    with signing(tmp_path_factory.mktemp("signing")) as made:
        yield made


@pytest.mark.parametrize("name", GOLDEN)
def test_taken_in_and_signed(name: str, golden: GoldenSet, signer: Signing, tmp_path: Path) -> None:
    facts, clean = GOLDEN[name], tmp_path / "clean.pdf"
    taken = take_in(golden[name], clean, MAX_PAGES)
    assert (len(taken.pages), len(taken.signatures)) == (facts.pages, facts.earlier_signatures)
    if facts.earlier_signatures:
        assert clean.read_bytes() == golden[name].read_bytes()
    else:
        assert signer.takes_short_way(clean)
    signed, signatures = clean, facts.earlier_signatures
    for which in range(1 if facts.big else 2):
        before = signed
        signed = signer.sign(before, taken, which)
        signatures += 1
        assert starts_with(signed, before)
        said = pdfsig(signed)
        assert said.count("Signature is Valid.") == signatures, said
        assert said.count("- Total document signed") == 1, said
    qpdf_check(signed)
    places = signer.places(taken)[: 1 if facts.big else 2]
    drawn = [Placement(1, *(1000 * side for side in box)) for box in facts.left_to_viewers]
    assert_only_these_differ(golden[name], signed, taken, [*places, *drawn])


@pytest.mark.parametrize("name", ["PDF/A-2b", "signed twice", "certified"])
def test_released(name: str, golden: GoldenSet, signer: Signing, tmp_path: Path) -> None:
    taken = take_in(golden[name], tmp_path / "clean.pdf", MAX_PAGES)
    signed = signer.sign(signer.sign(tmp_path / "clean.pdf", taken, 0), taken, 1)
    assert signer.released(signed, len(taken.signatures)) == ()
    if taken.signatures:
        assert signer.released(signed, len(taken.signatures) - 1)


def starts_with(signed: Path, before: Path) -> bool:
    """Whether a file was only appended to."""
    with signed.open("rb") as longer, before.open("rb") as shorter:
        length = os.fstat(shorter.fileno()).st_size
        same = hashlib.file_digest(shorter, "sha256").digest()
        return hashlib.sha256(longer.read(length)).digest() == same


def assert_only_these_differ(original: Path, signed: Path, taken: TakenIn, places: list[Placement]) -> None:
    """Page by page as they are seen; of a long document the first ones, those at the end and some between."""
    count = len(taken.pages)
    numbers = [n for n in range(1, count + 1) if n < 4 or n > count - 2 or n % max(1, count // 8) == 0]
    with pypdfium2.PdfDocument(original) as one, pypdfium2.PdfDocument(signed) as other:
        for document in (one, other):
            document.init_forms()
        for number in numbers:
            page = taken.pages[number - 1]
            was, now = (image(document, number) for document in (one, other))
            pixels = was.width / (page.width if page.rotation % 180 == 0 else page.height)
            difference = ImageChops.difference(was, now)
            for place in (place for place in places if place.page == number):
                box = seen_at(place, page, pixels)
                assert difference.crop(box).getbbox() is not None, f"nothing at {place}"
                difference.paste(0, box)
            assert difference.getbbox() is None, f"page {number} differs at {difference.getbbox()}"


def image(document: pypdfium2.PdfDocument, number: int) -> Image.Image:
    """A page as it is seen."""
    page = document[number - 1]
    drawn: Image.Image = page.render(scale=SCALE).to_pil().convert("L")
    page.close()
    return drawn
