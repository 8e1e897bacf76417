"""Takes a stranger's PDF in: refuses what must not be signed, writes the rest in one clean, known form.

Runs in a worker process (`worker`): whatever a hostile file does, it does it there. The clean form has classic
cross-reference tables and no object streams, every page's visible box at the origin, no leftovers; what is written
here is what is signed. The same bytes give the same clean bytes.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import pikepdf
from pikepdf import Array, Dictionary, Name, ObjectStreamMode, Page, Pdf

SMALLEST_SIDE: Final = 72_000
LARGEST_SIDE: Final = 14_400_000
MAX_CONTENT: Final = 512 * 1024 * 1024
TAIL: Final = 4096
BOXES: Final = ("/CropBox", "/TrimBox", "/BleedBox", "/ArtBox")

# ISO 32000-2, 12.6.4: what may stay is going to a place in the document, a web address, a page turn.
HARMLESS_ACTIONS: Final = frozenset({"/GoTo", "/URI", "/Named"})
ACTIONS: Final = frozenset(
    [
        "/GoToR",
        "/GoToE",
        "/GoToDp",
        "/Launch",
        "/Thread",
        "/Sound",
        "/Movie",
        "/Hide",
        "/SubmitForm",
        "/ResetForm",
        "/ImportData",
        "/SetOCGState",
        "/Rendition",
        "/Trans",
        "/GoTo3DView",
        "/RichMediaExecute",
    ]
)
MEDIA: Final = frozenset({"/RichMedia", "/Movie", "/Screen", "/3D", "/Sound"})
ORDER: Final = (
    "DOCUMENT_ALREADY_SIGNED",
    "DOCUMENT_HAS_JAVASCRIPT",
    "DOCUMENT_HAS_EMBEDDED_FILES",
    "DOCUMENT_HAS_ACTIONS",
    "DOCUMENT_HAS_FORM",
)


class Refused(Exception):
    """The document is not taken. `code` is one of `domain.refusals.DOCUMENT_CODES`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def take_in(source: Path, target: Path, max_pages: int) -> list[tuple[int, int, int]]:
    """Write the clean form of `source` to `target`; returns width and height (1/1000 pt) and rotation of every page.

    Raises Refused; `target` is then worthless.
    """
    _check_ends(source)
    try:
        with pikepdf.open(source, suppress_warnings=True) as pdf:
            if pdf.is_encrypted:
                raise Refused("DOCUMENT_ENCRYPTED")
            pages = _clean(pdf, max_pages)
            pdf.save(
                target,
                object_stream_mode=ObjectStreamMode.disable,
                linearize=False,
                deterministic_id=True,
                min_version="1.7",
                fix_metadata_version=False,
            )
        # Of the clean form, so that leftovers which nothing refers to any more do not count.
        with pikepdf.open(target, suppress_warnings=True) as pdf:
            found = set(_findings(pdf))
            for code in ORDER:
                if code in found:
                    raise Refused(code)
            _read_contents(pdf)
    except pikepdf.PasswordError:
        raise Refused("DOCUMENT_ENCRYPTED") from None
    except pikepdf.DataDecodingError as error:
        raise Refused("DOCUMENT_TOO_COMPLEX" if "bad_alloc" in str(error) else "DOCUMENT_DAMAGED") from None
    except (pikepdf.PdfError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, IndexError):
        # pikepdf answers a structure that makes no sense with whichever of these its access meets first.
        raise Refused("DOCUMENT_DAMAGED") from None
    return pages


def _check_ends(source: Path) -> None:
    with source.open("rb") as file:
        if b"%PDF-" not in file.read(1024):
            raise Refused("DOCUMENT_NOT_PDF")
        file.seek(max(0, source.stat().st_size - TAIL))
        tail = file.read()
    end = max(tail.rfind(b"%%EOF"), tail.rfind(b"startxref"))
    if end < 0 or b" obj" in tail[end:]:
        raise Refused("DOCUMENT_TRUNCATED")


def _clean(pdf: Pdf, max_pages: int) -> list[tuple[int, int, int]]:
    count = len(pdf.pages)
    if count == 0:
        raise Refused("DOCUMENT_HAS_NO_PAGES")
    if count > max_pages:
        raise Refused("DOCUMENT_TOO_MANY_PAGES")
    pages = [_clean_page(pdf, page) for page in pdf.pages]
    form = pdf.Root.get("/AcroForm")
    if isinstance(form, Dictionary) and not form.get("/Fields") and "/XFA" not in form:
        del pdf.Root["/AcroForm"]
    # XMP says nothing of the contract, and a broken packet keeps other software from reading or signing the file.
    if "/Metadata" in pdf.Root:
        del pdf.Root["/Metadata"]
    return pages


def _clean_page(pdf: Pdf, page: Page) -> tuple[int, int, int]:
    x1, y1, x2, y2 = _visible_box(page)
    width, height = round((x2 - x1) * 1000), round((y2 - y1) * 1000)
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in (width, height)):
        raise Refused("DOCUMENT_PAGE_SIZE")
    rotation = int(_inherited(page.obj, "/Rotate") or 0)
    if rotation % 90:
        raise Refused("DOCUMENT_DAMAGED")
    if x1 or y1:
        page.contents_add(f"q 1 0 0 1 {-x1:f} {-y1:f} cm\n".encode(), prepend=True)
        page.contents_add(b"\nQ")
        for annotation in page.obj.get("/Annots", ()):
            _shift(annotation, x1, y1)
    page.obj["/MediaBox"] = Array([Decimal(0), Decimal(0), Decimal(width) / 1000, Decimal(height) / 1000])
    for box in BOXES:
        # An inherited crop box would still cut; a direct one equal to the media box does not.
        page.obj[box] = page.obj["/MediaBox"]
    page.obj["/Rotate"] = rotation % 360
    return width, height, rotation % 360


def _visible_box(page: Page) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    media = _rectangle(_inherited(page.obj, "/MediaBox"))
    crop_box = _inherited(page.obj, "/CropBox")
    crop = _rectangle(crop_box) if crop_box is not None else media
    box = (*map(max, media[:2], crop[:2]), *map(min, media[2:], crop[2:]))
    return (box[0], box[1], box[2], box[3]) if box[0] < box[2] and box[1] < box[3] else media


def _rectangle(value: object) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    if not isinstance(value, Array) or len(value) != 4:
        raise Refused("DOCUMENT_DAMAGED")
    a, b, c, d = (Decimal(str(number)) for number in value)
    return min(a, c), min(b, d), max(a, c), max(b, d)


def _inherited(node: pikepdf.Object, key: str) -> pikepdf.Object | None:
    for _ in range(64):
        if key in node:
            return node[key]
        parent = node.get("/Parent")
        if not isinstance(parent, Dictionary):
            return None
        node = parent
    raise Refused("DOCUMENT_DAMAGED")


def _shift(annotation: pikepdf.Object, x: Decimal, y: Decimal) -> None:
    for key in ("/Rect", "/QuadPoints", "/Vertices", "/L", "/CL"):
        numbers = annotation.get(key)
        if isinstance(numbers, Array):
            annotation[key] = Array([Decimal(str(n)) - (y if i % 2 else x) for i, n in enumerate(numbers)])


def _findings(pdf: Pdf) -> Iterator[str]:
    opening = pdf.Root.get("/OpenAction")
    if isinstance(opening, Dictionary) and str(opening.get("/S")) not in HARMLESS_ACTIONS:
        yield "DOCUMENT_HAS_ACTIONS"
    if "/Collection" in pdf.Root:
        yield "DOCUMENT_HAS_EMBEDDED_FILES"
    if "/Perms" in pdf.Root:
        yield "DOCUMENT_ALREADY_SIGNED"
    if "/AcroForm" in pdf.Root:
        yield "DOCUMENT_HAS_FORM"
    for value in pdf.objects:
        for entry in _dictionaries(value):
            yield from _judge(entry)


def _dictionaries(value: pikepdf.Object) -> Iterator[pikepdf.Object]:
    """Every dictionary that is written inside an indirect object, its own included."""
    waiting: list[pikepdf.Object] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Dictionary | pikepdf.Stream):
            yield item
            children = [child for _, child in item.items()]
        elif isinstance(item, Array):
            children = list(item)
        else:
            continue
        waiting += [c for c in children if isinstance(c, Dictionary | Array) and not c.is_indirect]


def _judge(entry: pikepdf.Object) -> Iterator[str]:
    kind, subtype, action = str(entry.get("/Type")), str(entry.get("/Subtype")), str(entry.get("/S"))
    if "/ByteRange" in entry or (entry.get("/FT") == Name.Sig and "/V" in entry):
        yield "DOCUMENT_ALREADY_SIGNED"
    link = entry.get("/URI")
    if "/JS" in entry or "/JavaScript" in entry or action == "/JavaScript" or _is_script(link):
        yield "DOCUMENT_HAS_JAVASCRIPT"
    if "/EF" in entry or "/EmbeddedFiles" in entry or "/AF" in entry or kind == "/EmbeddedFile":
        yield "DOCUMENT_HAS_EMBEDDED_FILES"
    if subtype == "/FileAttachment":
        yield "DOCUMENT_HAS_EMBEDDED_FILES"
    is_structure = kind == "/StructElem" or "/K" in entry
    if "/AA" in entry or (action in ACTIONS and not is_structure) or (kind == "/Annot" and subtype in MEDIA):
        yield "DOCUMENT_HAS_ACTIONS"
    if subtype == "/Widget" or "/XFA" in entry:
        yield "DOCUMENT_HAS_FORM"


def _is_script(link: pikepdf.Object | None) -> bool:
    return link is not None and str(link).strip().lower().startswith("javascript:")


def _read_contents(pdf: Pdf) -> None:
    """Every page's content has to be readable to its end: what cannot be read cannot be signed."""
    total = 0
    for page in pdf.pages:
        contents = page.obj.get("/Contents")
        streams = list(contents) if isinstance(contents, Array) else [contents] if contents is not None else []
        for stream in streams:
            total += len(stream.read_bytes())
            if total > MAX_CONTENT:
                raise Refused("DOCUMENT_TOO_COMPLEX")
    if pdf.get_warnings():
        raise Refused("DOCUMENT_DAMAGED")
