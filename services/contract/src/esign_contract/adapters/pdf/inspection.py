"""What a document must not hold: content that acts, that hides, or that is not seen when the document is."""

from collections.abc import Iterator
from typing import Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf

from esign_contract.adapters.pdf.forms import HIDDEN, NO_VIEW, PRINT, TOGGLE_NO_VIEW
from esign_contract.adapters.pdf.layers import Layers
from esign_contract.adapters.pdf.names import name_of, text_of
from esign_contract.adapters.pdf.refused import Refused

# ISO 32000-2, 12.6.4: what may stay is going to a place in the document, a web address, a page turn.
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
MAX_PIXELS: Final = 1_000_000_000
"""Of one image: a sheet of DIN A0 at 600 dots an inch has 560 million."""

MAX_CONTENT: Final = 512 * 1024 * 1024
"""Bytes of all pages' contents, unpacked."""

_ORDER: Final = (
    "DOCUMENT_HAS_XFA",
    "DOCUMENT_HAS_JAVASCRIPT",
    "DOCUMENT_HAS_EMBEDDED_FILES",
    "DOCUMENT_HAS_ACTIONS",
    "DOCUMENT_HAS_HIDDEN_CONTENT",
    "DOCUMENT_TOO_COMPLEX",
)


def inspect(pdf: Pdf) -> None:
    """Raises Refused for the first that is found of what must not be, in a fixed order."""
    found = set(_of_catalog(pdf.Root))
    layers = Layers(pdf)
    for value in pdf.objects:
        for entry in _dictionaries(value):
            found.update(_of_entry(entry, layers))
    for code in _ORDER:
        if code in found:
            raise Refused(code)


def read_contents(pdf: Pdf, *, mend: bool) -> None:
    """Every page's content has to be readable: what cannot be read cannot be signed. Content that breaks off in a way that
    viewers overlook is written anew when asked. Raises Refused."""
    total = 0
    pdf.get_warnings()
    for page in pdf.pages:
        contents = page.obj.get("/Contents")
        streams = list(contents) if isinstance(contents, Array) else [contents] if contents is not None else []
        for stream in streams:
            content = stream.read_bytes()
            total += len(content)
            if total > MAX_CONTENT:
                raise Refused("DOCUMENT_TOO_COMPLEX")
            if pdf.get_warnings() and mend:
                stream.write(content)


def _of_catalog(root: pikepdf.Object) -> Iterator[str]:
    opening = root.get("/OpenAction")
    if isinstance(opening, Dictionary) and opening.get("/S") != Name.GoTo:
        yield "DOCUMENT_HAS_ACTIONS"
    if "/Collection" in root:
        yield "DOCUMENT_HAS_EMBEDDED_FILES"


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


def _of_entry(entry: pikepdf.Object, layers: Layers) -> Iterator[str]:
    kind, subtype, action = (name_of(entry.get(key)) for key in ("/Type", "/Subtype", "/S"))
    if "/JS" in entry or "/JavaScript" in entry or action == "/JavaScript" or _is_script(entry.get("/URI")):
        yield "DOCUMENT_HAS_JAVASCRIPT"
    if "/EF" in entry or "/EmbeddedFiles" in entry or "/AF" in entry or kind == "/EmbeddedFile":
        yield "DOCUMENT_HAS_EMBEDDED_FILES"
    if subtype == "/FileAttachment":
        yield "DOCUMENT_HAS_EMBEDDED_FILES"
    is_structure = kind == "/StructElem" or "/K" in entry
    if "/AA" in entry or (action in ACTIONS and not is_structure) or (kind == "/Annot" and subtype in MEDIA):
        yield "DOCUMENT_HAS_ACTIONS"
    if "/XFA" in entry:
        yield "DOCUMENT_HAS_XFA"
    if "/Rect" in entry and "/F" in entry and _differs_on_paper(entry["/F"]):
        yield "DOCUMENT_HAS_HIDDEN_CONTENT"
    if layers.present and (("/OC" in entry and layers.hide(entry["/OC"])) or _hides_marked(entry, layers)):
        yield "DOCUMENT_HAS_HIDDEN_CONTENT"
    if subtype == "/Image":
        if "/Alternates" in entry:
            yield "DOCUMENT_HAS_HIDDEN_CONTENT"
        if int(entry.get("/Width", 0)) * int(entry.get("/Height", 0)) > MAX_PIXELS:
            yield "DOCUMENT_TOO_COMPLEX"


def _hides_marked(entry: pikepdf.Object, layers: Layers) -> bool:
    """Of resources: whether content marked by one of their property lists is hidden."""
    properties = entry.get("/Properties")
    return isinstance(properties, Dictionary) and any(layers.hide(value) for _, value in properties.items())


def _differs_on_paper(flags: pikepdf.Object | int) -> bool:
    """Whether an annotation is printed and not seen, or seen only while the pointer is over it."""
    value = int(flags) if isinstance(flags, int) else 0
    return not value & HIDDEN and bool(value & TOGGLE_NO_VIEW or (value & NO_VIEW and value & PRINT))


def _is_script(link: pikepdf.Object | None) -> bool:
    return link is not None and text_of(link).strip().lower().startswith("javascript:")
