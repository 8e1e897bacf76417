"""Seals as drawings: what is taken for one, what it looks like on paper, and what is taken out of an image."""

import io
from collections.abc import Callable

import numpy as np
import pypdfium2
import pytest
from esign_kit.errors import InvalidInput
from esign_signer.adapters.pdf.artwork import MAX_PATHS, MAX_SVG, Artwork, Shape, artwork, slices, svg
from esign_signer.adapters.pdf.cleaning import clean
from esign_signer.adapters.pdf.drawing import Engraver
from esign_signer.domain.seal import ImageInvalid, InkMissing, SealKind
from esign_signer.domain.seal_design import NameUndrawable, RoundSeal, SquareSeal, columns, design
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from .documents import FONTS, seal_png

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" width="40mm" height="40mm" viewBox="0 0 400 400">'
PATH = '<path d="M0 0L400 0L400 400Z" fill="#ff0000"/>'
NAME = "示例搜候商业管理有限公司"
LONGEST = ("示例市人民政府国有资产监督管理委员会直属机关示例能源投资集团有限责任公司物资采购处办")[:40]
POINTS = 72 / 25.4


@pytest.fixture(scope="module")
def engraver() -> Engraver:
    return Engraver(FONTS)


def page_of(drawing: Artwork, scale: float = 4) -> NDArray[np.uint8]:
    """The drawing in the lower left corner of a page of its size, as pixels (rows, columns, RGB)."""
    return raster(b"q\n" + drawing.operators + b"\nQ", drawing.width, drawing.height, scale)


def raster(content: bytes, width: float, height: float, scale: float = 4) -> NDArray[np.uint8]:
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %.4f %.4f]/Contents 4 0 R/Resources<<>>>>" % (width, height),
        b"<</Length %d>>stream\n%b\nendstream" % (len(content), content),
    ]
    pdf = b"%PDF-1.7\n" + b"".join(b"%d 0 obj\n%b\nendobj\n" % one for one in enumerate(objects, 1))
    pdf += b"trailer<</Size 5/Root 1 0 R>>\nstartxref\n0\n%%EOF"
    return np.asarray(pypdfium2.PdfDocument(pdf)[0].render(scale=scale).to_pil().convert("RGB"))


def around(drawing: Artwork) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """A 40 mm seal: what is red, and how far (mm) and in which direction (degrees clockwise from the top) it lies."""
    seen = red(page_of(drawing, 10 / POINTS))
    y, x = np.indices(seen.shape) - 200 + 0.5
    return seen, np.hypot(x, y) / 10, np.degrees(np.arctan2(x, -y))


def red(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (pixels[..., 0] > 150) & (pixels[..., 1] < 120)
    return found


def test_svg_becomes_operators() -> None:
    drawing = artwork(f'{HEAD}<path d="M0 0L400 0L400 400Z" fill="#336699" fill-rule="evenodd"/></svg>'.encode())
    assert (round(drawing.width, 3), round(drawing.height, 3), drawing.image) == (113.386, 113.386, None)
    assert drawing.operators.split(b"\n") == [
        b"q 0.2834645669 0 0 -0.2834645669 0 113.385827 cm",
        b"0.2 0.4 0.6 rg",
        b"0 0 m",
        b"400 0 l",
        b"400 400 l",
        b"h",
        b"f*",
        b"Q",
    ]
    pixels = page_of(drawing)
    assert pixels[4, 440].tolist() == [51, 102, 153]
    assert pixels[440, 4].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<svg",
        HEAD + PATH,
        HEAD + "</svg>",
        HEAD + PATH + "</svg>\n",
        "\n" + HEAD + PATH + "</svg>",
        '<?xml version="1.0"?>' + HEAD + PATH + "</svg>",
        '<!DOCTYPE svg [<!ENTITY a "b">]>' + HEAD + PATH + "</svg>",
        HEAD + "<script>alert(1)</script>" + PATH + "</svg>",
        HEAD + '<image href="http://127.0.0.1/"/>' + PATH + "</svg>",
        HEAD + "<text>公章</text>" + PATH + "</svg>",
        HEAD + "<!-- x -->" + PATH + "</svg>",
        HEAD.replace(">", ' onload="alert(1)">') + PATH + "</svg>",
        HEAD.replace("40mm", "40"),
        HEAD.replace("0 0 400 400", "-9 0 400 400") + PATH + "</svg>",
        HEAD.replace("0 0 400 400", "0 0 400 300") + PATH + "</svg>",
        HEAD.replace("0 0 400 400", "0 0 0 0") + PATH + "</svg>",
        HEAD.replace('"40mm"', '"0mm"') + PATH + "</svg>",
        HEAD + PATH.replace("#ff0000", "url(#a)") + "</svg>",
        HEAD + PATH.replace("#ff0000", "red") + "</svg>",
        HEAD + PATH.replace("/>", ' style="x"/>') + "</svg>",
        HEAD + PATH.replace("Z", "") + "</svg>",
        HEAD + PATH.replace("Z", "ZZ") + "</svg>",
        HEAD + PATH.replace("M0 0", "") + "</svg>",
        HEAD + PATH.replace("M0 0", "M0 0M1 1") + "</svg>",
        HEAD + PATH.replace("L400 0", "l400 0") + "</svg>",
        HEAD + PATH.replace("L400 0", "L400 0 1 1") + "</svg>",
        HEAD + PATH.replace("L400 0", "C400 0") + "</svg>",
        HEAD + PATH.replace("L400 0", "L401 0") + "</svg>",
        HEAD + PATH.replace("L400 0", "L-1 0") + "</svg>",
        HEAD + PATH.replace("L400 0", "L1e2 0") + "</svg>",
        HEAD + PATH.replace("L400 0", "LNaN 0") + "</svg>",
        HEAD + PATH.replace("L400 0", "L0400 0") + "</svg>",
        HEAD + PATH.replace("L400 0", "L400 0 Q BT /F 1 Tf") + "</svg>",
        HEAD + PATH.replace("M0 0L400 0L400 400Z", "") + "</svg>",
        HEAD + PATH * (MAX_PATHS + 1) + "</svg>",
        HEAD + PATH.replace("L400 0", "L400 0" * (MAX_SVG // 6)) + "</svg>",
        HEAD + "<svg>" * 10_000,
    ],
)
def test_what_is_no_drawing(content: str) -> None:
    with pytest.raises(ImageInvalid):
        artwork(content.encode())


@pytest.mark.parametrize("content", [seal_png()[:200], b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff\xe0"])
def test_what_is_no_image(content: bytes) -> None:
    with pytest.raises(ImageInvalid):
        artwork(content)


def test_a_drawing_outside_its_box_is_not_written() -> None:
    with pytest.raises(ImageInvalid):
        svg(40, 40, 10, [Shape("M0 0L401 0L0 9Z", "#ff0000")])


@pytest.mark.parametrize("pages", [1, 2, 7, 40])
def test_slices_laid_edge_to_edge_are_the_seal(engraver: Engraver, pages: int) -> None:
    whole = artwork(engraver.draw(design(SealKind.OFFICIAL, NAME)))
    strips = slices(whole, pages)
    assert len(strips) == pages
    assert sum(strip.width for strip in strips) == pytest.approx(whole.width)
    content = b"".join(
        b"q 1 0 0 1 %.4f 0 cm\n%b\nQ\n" % (strip.width * number, strip.operators) for number, strip in enumerate(strips)
    )
    together, single = raster(content, whole.width, whole.height), page_of(whole)
    # Where two strips meet, each has softened its edge.
    assert (np.abs(together.astype(int) - single).max(axis=2) > 90).mean() < 0.005
    first = raster(strips[0].operators, whole.width, whole.height)
    assert not red(first)[:, int(strips[0].width * 4) + 2 :].any()


def test_no_slices_without_pages(engraver: Engraver) -> None:
    with pytest.raises(ValueError, match="0"):
        slices(artwork(engraver.draw(design(SealKind.OFFICIAL, NAME))), 0)


@pytest.mark.parametrize("name", ["示例公司", NAME, LONGEST, "ABC示例（中国）有限公司"])
@pytest.mark.parametrize("kind", [SealKind.OFFICIAL, SealKind.CONTRACT])
def test_round_seals(engraver: Engraver, kind: SealKind, name: str) -> None:
    drawing = artwork(engraver.draw(design(kind, name, "1101050000018")))
    assert drawing.width == drawing.height == pytest.approx(40 * POINTS)
    seen, mm, angle = around(drawing)
    assert seen[(mm > 18.95) & (mm < 19.85)].all(), "the edge, 1.2 mm wide"
    assert not seen[(mm > 18.3) & (mm < 18.7)].any(), "nothing touches it"
    assert seen[mm < 2.4].all(), "the star"
    assert mm[seen & (mm < 8)].max() == pytest.approx(7, abs=0.2), "the star, 14 mm across"
    tip = angle[seen & (mm > 6.7) & (mm < 7.2)]
    assert sorted({round(point / 72) * 72 for point in tip}) == [-144, -72, 0, 72, 144]
    above = np.abs(angle) < 90
    name_at = seen & above & (mm > 8)
    assert mm[name_at & (mm < 18.7)].min() > 12, "the name keeps away from the star"
    assert mm[name_at & (mm < 18.7)].max() == pytest.approx(17.9, abs=0.35), "and is close to the edge"
    digits = seen & (mm > 16.4) & (mm < 18.2) & (np.abs(angle) > 152)
    assert np.abs(angle[digits]).min() == pytest.approx(156, abs=3), "the code, in the middle of the lower arc"
    title = seen & (mm > 8) & (np.abs(angle) > 152) & (mm < 15)
    assert bool(title.any()) is (kind is SealKind.CONTRACT)


def test_the_name_is_in_the_middle_and_spread_as_far_as_it_is_long(engraver: Engraver) -> None:
    spread = {}
    for name in ("示例公司", NAME, LONGEST):
        seen, mm, angle = around(artwork(engraver.draw(design(SealKind.OFFICIAL, name))))
        left, right = (angle[seen & (mm > 12) & (mm < 18.5)].min(), angle[seen & (mm > 12) & (mm < 18.5)].max())
        assert left == pytest.approx(-right, abs=4)
        spread[name] = right - left, mm[seen & (mm > 8)].min()
    assert spread["示例公司"][0] < 130
    assert 270 < spread[NAME][0] < 300
    assert 270 < spread[LONGEST][0] < 300
    # The longest name is set lower than the others, to stay legible.
    assert spread["示例公司"][1] == pytest.approx(spread[NAME][1], abs=0.6)
    assert spread[NAME][1] + 1 < spread[LONGEST][1] < 15.5


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("李明", ("李明", "之印")),
        ("王小明", ("王小", "明印")),
        ("欧阳小明", ("欧阳", "小明")),
        ("买买提·艾力", ("买买提", "艾力印")),
        ("古丽娜扎尔·拜合提亚尔", ("古丽娜扎", "尔拜合提", "亚尔")),
    ],
)
def test_square_seals(engraver: Engraver, name: str, expected: tuple[str, ...]) -> None:
    assert columns(name) == expected
    drawing = artwork(engraver.draw(design(SealKind.LEGAL_REPRESENTATIVE, name)))
    assert drawing.width == drawing.height == pytest.approx(20 * POINTS)
    seen = red(page_of(drawing, 10 / POINTS))
    assert seen[3:8, 20:180].all()
    assert seen[20:180, 192:197].all()


def test_same_design_same_bytes(engraver: Engraver) -> None:
    wanted = design(SealKind.CONTRACT, NAME, "1101050000018")
    assert engraver.draw(wanted) == Engraver(list(FONTS)).draw(wanted)


def test_a_font_behind_the_first_helps_out(engraver: Engraver) -> None:
    with pytest.raises(NameUndrawable) as missing:
        Engraver(FONTS[:1]).draw(RoundSeal("示例𰻝𰻝面馆𠀀", "", "", 40_000))
    assert missing.value.characters == "𰻝𠀀"
    with pytest.raises(NameUndrawable) as missing:
        engraver.draw(SquareSeal(("李𠀀",), 20_000))
    assert missing.value.characters == "𠀀"
    assert artwork(engraver.draw(RoundSeal("示例𰻝𰻝面馆", "", "", 40_000)))


@pytest.mark.parametrize(
    ("kind", "name", "code", "size", "reason"),
    [
        (SealKind.HANDWRITTEN, "李明", "", 0, "SEAL_KIND_INVALID"),
        (SealKind.OFFICIAL, "", "", 0, "SEAL_NAME_INVALID"),
        (SealKind.OFFICIAL, "示", "", 0, "SEAL_NAME_INVALID"),
        (SealKind.OFFICIAL, "示" * 41, "", 0, "SEAL_NAME_INVALID"),
        (SealKind.OFFICIAL, "示例 公司", "", 0, "SEAL_NAME_INVALID"),
        (SealKind.OFFICIAL, "示例\n公司", "", 0, "SEAL_NAME_INVALID"),
        (SealKind.OFFICIAL, "示例\u202e公司", "", 0, "SEAL_NAME_INVALID"),
        (SealKind.OFFICIAL, "示例<公司>", "", 0, "SEAL_NAME_INVALID"),
        (SealKind.NAME, "李" * 21, "", 0, "SEAL_NAME_INVALID"),
        (SealKind.NAME, "···", "", 0, "SEAL_NAME_INVALID"),
        (SealKind.OFFICIAL, "（）12", "", 0, "SEAL_NAME_INVALID"),
        (SealKind.OFFICIAL, NAME, "123", 0, "SEAL_CODE_INVALID"),
        (SealKind.OFFICIAL, NAME, "１１０１０５００００００１", 0, "SEAL_CODE_INVALID"),
        (SealKind.NAME, "李明", "1101050000018", 0, "SEAL_CODE_INVALID"),
        (SealKind.OFFICIAL, NAME, "", 39_999, "SEAL_SIZE_INVALID"),
        (SealKind.OFFICIAL, NAME, "", 45_001, "SEAL_SIZE_INVALID"),
        (SealKind.LEGAL_REPRESENTATIVE, "李明", "", 40_000, "SEAL_SIZE_INVALID"),
        (SealKind.OFFICIAL, NAME, "", -1, "SEAL_SIZE_INVALID"),
    ],
)
def test_designs_that_are_none(kind: SealKind, name: str, code: str, size: int, reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        design(kind, name, code, size)
    assert refused.value.reason == reason


def photograph(engraver: Engraver, *, blue: bool = False, seal: bool = True) -> Image.Image:
    """A seal on yellowish paper over print, unevenly lit, blurred and noisy."""
    drawing = artwork(engraver.draw(design(SealKind.OFFICIAL, NAME)))
    pixels = page_of(drawing, 4.4) if seal else np.full((499, 499, 3), 255, np.uint8)
    stamped = Image.fromarray(pixels[..., ::-1] if blue else pixels)
    paper = Image.new("RGB", (640, 640), (255, 255, 255))
    paper.paste(stamped, (80, 60))
    drawn = ImageDraw.Draw(paper)
    for line in range(9):
        drawn.rectangle((10, 40 + line * 70, 630, 46 + line * 70), fill=(40, 40, 45))
    y, x = np.mgrid[0:640, 0:640] / 640
    light = (0.97 - 0.4 * x * y)[..., None] * np.array([1.0, 0.97, 0.90])
    noise = np.random.default_rng(1).normal(0, 5, (640, 640, 3))
    lit = np.asarray(paper.filter(ImageFilter.GaussianBlur(1)), np.float32) * light + noise
    return Image.fromarray(lit.clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("blue", [False, True])
def test_a_photograph_is_cleaned(engraver: Engraver, blue: bool) -> None:
    content = encoded(photograph(engraver, blue=blue), "JPEG", quality=80)
    cleaned = Image.open(io.BytesIO(clean(content)))
    assert (cleaned.format, cleaned.mode) == ("PNG", "RGBA")
    # Cut to the seal.
    assert cleaned.width == pytest.approx(499, abs=10)
    assert cleaned.height == pytest.approx(499, abs=10)
    pixels = np.asarray(cleaned)
    (colour,) = np.unique(pixels[pixels[..., 3] > 0][:, :3], axis=0).tolist()
    assert max(colour) == colour[2 if blue else 0] > 2 * sorted(colour)[1], "one colour, that of the ink"
    alpha = pixels[..., 3] / 255
    mm = np.hypot(*(np.indices(alpha.shape) - np.array(alpha.shape).reshape(2, 1, 1) / 2)) / alpha.shape[0] * 40
    assert alpha[(mm > 19.1) & (mm < 19.7)].mean() > 0.85
    assert alpha[(mm > 8) & (mm < 11.5)].mean() < 0.03, "the print is gone"
    # Soft edges.
    assert ((alpha > 0.1) & (alpha < 0.9)).mean() > 0.01


def test_a_photograph_held_sideways_is_cleaned_upright(engraver: Engraver) -> None:
    upright = photograph(engraver)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned = encoded(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=90, exif=exif)
    one, other = (Image.open(io.BytesIO(clean(each))) for each in (encoded(upright, "JPEG", quality=90), turned))
    difference = np.asarray(one.getchannel("A").resize((300, 300)), int) - np.asarray(
        other.getchannel("A").resize((300, 300)), int
    )
    assert np.abs(difference).mean() < 6


def test_a_transparent_seal_is_only_cut() -> None:
    wide = ImageOps.expand(Image.open(io.BytesIO(seal_png())), 150, (0, 0, 0, 0))
    wide.putpixel((3, 3), (200, 20, 20, 255))
    cleaned = Image.open(io.BytesIO(clean(encoded(wide, "PNG"))))
    assert cleaned.size == (194, 194), "cut to what is seen, without the speck"
    assert cleaned.getpixel((97, 97)) == (0, 0, 0, 0)
    assert np.asarray(cleaned)[..., 0].max() == 200


def test_large_images_are_made_smaller() -> None:
    big = seal_png(size=1800)
    assert Image.open(io.BytesIO(clean(big))).size == (900, 900)


@pytest.mark.parametrize("kind", ["print", "white", "red all over", "clear"])
def test_images_without_a_seal(engraver: Engraver, kind: str) -> None:
    image = {
        "print": lambda: photograph(engraver, seal=False),
        "white": lambda: Image.new("RGB", (300, 300), (255, 255, 255)),
        "red all over": lambda: Image.new("RGB", (300, 300), (210, 20, 20)),
        "clear": lambda: Image.new("RGBA", (300, 300), (210, 20, 20, 0)),
    }[kind]()
    with pytest.raises(InkMissing):
        clean(encoded(image, "PNG"))


@pytest.mark.parametrize("kind", ["cut", "more behind it", "bomb", "many frames", "no image", "cut JPEG", "text"])
def test_hostile_images(engraver: Engraver, kind: str) -> None:
    def bomb() -> bytes:
        return encoded(Image.new("1", (4001, 4000)), "PNG")

    def frames() -> bytes:
        one = Image.open(io.BytesIO(seal_png()))
        return encoded(one, "PNG", save_all=True, append_images=[ImageOps.flip(one), ImageOps.mirror(one)])

    made: dict[str, Callable[[], bytes]] = {
        "cut": lambda: seal_png()[:-300],
        "more behind it": lambda: seal_png() + b"<svg onload='x'>",
        "bomb": bomb,
        "many frames": frames,
        "no image": lambda: b"\x89PNG\r\n\x1a\n" + bytes(100),
        "cut JPEG": lambda: encoded(photograph(engraver), "JPEG")[:2000],
        "text": lambda: b"<svg/>",
    }
    content = made[kind]()
    with pytest.raises(ImageInvalid):
        clean(content)
