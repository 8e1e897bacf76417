"""Forms: what is filled in becomes part of the page, so that what is signed is what is seen and nobody fills in more.

A signature that allows signing allows filling in too (ISO 32000-2, 12.8.2.2): fields that stay could be changed after
everybody has signed. Empty signature fields go as well; a contract lays out its own.
"""

from dataclasses import dataclass
from typing import Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf

from esign_contract.adapters.pdf.refused import Refused

INVISIBLE: Final = 1
HIDDEN: Final = 2
PRINT: Final = 4
NO_VIEW: Final = 32
TOGGLE_NO_VIEW: Final = 256
"""Flags of annotations (ISO 32000-2, table 167)."""

_UNDRAWABLE: Final = 1 << 12 | 1 << 13 | 1 << 24
"""Fields of several lines, passwords, combs: drawing them takes more than putting a line of text."""

_MAX_DEPTH: Final = 64
_SHOWS_TEXT: Final = (b"Tj", b"TJ", b"'", b'"')


@dataclass(slots=True)
class _Annotations:
    """Of one page: its fields that are seen, those of them that have to be drawn, and what is no field."""

    page: pikepdf.Object
    seen: list[pikepdf.Object]
    undrawn: list[pikepdf.Object]
    others: list[pikepdf.Object]


def flatten(pdf: Pdf) -> None:
    """Draws every visible field into its page and takes the form away. Raises Refused."""
    form = pdf.Root.get("/AcroForm")
    if not isinstance(form, Dictionary):
        form = pdf.Root["/AcroForm"] = Dictionary(Fields=Array())
    if "/XFA" in form:
        raise Refused("DOCUMENT_HAS_XFA")
    redraw = bool(form.get("/NeedAppearances", False))
    filled: list[_Annotations] = []
    gone: list[pikepdf.Object] = []
    for page in pdf.pages:
        annotations = list(page.obj.get("/Annots", ()))
        widgets = [one for one in annotations if _is_widget(one)]
        if widgets:
            seen = [widget for widget in widgets if _is_seen(widget)]
            undrawn = [widget for widget in seen if _needs_drawing(widget, redraw)]
            others = [one for one in annotations if not _is_widget(one)]
            filled.append(_Annotations(page.obj, seen, undrawn, others))
            gone += widgets
    _draw(pdf, pdf.Root["/AcroForm"], filled)
    for one in filled:
        one.page["/Annots"] = Array(one.seen)
    if filled:
        pdf.flatten_annotations("all")
    for one in filled:
        one.page["/Annots"] = Array(one.others)
    if "/AcroForm" in pdf.Root:
        del pdf.Root["/AcroForm"]
    # Structure elements may refer to them still.
    for widget in gone:
        if widget.is_indirect:
            pdf._replace_object(widget.objgen, Dictionary())


def _is_widget(annotation: pikepdf.Object) -> bool:
    return isinstance(annotation, Dictionary) and annotation.get("/Subtype") == Name.Widget


def _is_seen(widget: pikepdf.Object) -> bool:
    flags = int(widget.get("/F", 0))
    if flags & (HIDDEN | INVISIBLE):
        return False
    if flags & TOGGLE_NO_VIEW or (flags & NO_VIEW and flags & PRINT):
        raise Refused("DOCUMENT_HAS_HIDDEN_CONTENT")
    return not flags & NO_VIEW


def _needs_drawing(widget: pikepdf.Object, redraw: bool) -> bool:
    """Whether the field's value has to be drawn anew. Raises Refused when it has to be and cannot."""
    if _held(widget, "/FT") not in (Name.Tx, Name.Ch):
        return False
    value = _held(widget, "/V")
    text = str(value).strip() if isinstance(value, pikepdf.String) else ""
    if value is None or (isinstance(value, pikepdf.String) and not text):
        return False
    appearance = _appearance(widget)
    if appearance is not None and not redraw:
        return False
    if text and text.isascii() and not int(_held(widget, "/Ff") or 0) & _UNDRAWABLE and _held(widget, "/DA"):
        return True
    if appearance is not None and any(operator in appearance.read_bytes() for operator in _SHOWS_TEXT):
        return False
    raise Refused("DOCUMENT_FORM_UNDRAWN")


def _draw(pdf: Pdf, form: pikepdf.Object, filled: list[_Annotations]) -> None:
    """Gives every field that needs one an appearance, and leaves the others theirs."""
    widgets = [widget for one in filled for widget in one.undrawn]
    for one in filled:
        one.page["/Annots"] = Array(one.undrawn)
    for widget in widgets:
        if "/AP" in widget:
            del widget["/AP"]
    if widgets:
        form["/NeedAppearances"] = True
        pdf.generate_appearance_streams()
    form["/NeedAppearances"] = False
    for widget in widgets:
        appearance = _appearance(widget)
        if appearance is None or b"Tj" not in appearance.read_bytes():
            raise Refused("DOCUMENT_FORM_UNDRAWN")


def _appearance(widget: pikepdf.Object) -> pikepdf.Stream | None:
    appearances = widget.get("/AP")
    normal = appearances.get("/N") if isinstance(appearances, Dictionary) else None
    return normal if isinstance(normal, pikepdf.Stream) else None


def _held(field: pikepdf.Object, key: str) -> pikepdf.Object | None:
    """An entry of a field, its own or inherited (ISO 32000-2, 12.7.4)."""
    for _ in range(_MAX_DEPTH):
        if key in field:
            return field[key]
        parent = field.get("/Parent")
        if not isinstance(parent, Dictionary):
            return None
        field = parent
    raise Refused("DOCUMENT_DAMAGED")
