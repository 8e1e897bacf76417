"""Known attacks on signed PDFs, made from our own signed files (https://pdf-insecurity.org: signature spoofing 2019,
shadow documents 2021, certification attacks 2021)."""

# mypy: disable-error-code="no-untyped-call"

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from esign_signer.domain.report import Problem
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, append_signature_field

CONTAINER: Final = re.compile(rb"/Contents ?<(?=30)([0-9A-Fa-f]+)>")
RANGE: Final = re.compile(rb"/ByteRange ?\[[^\]]*\]")
EVIL: Final = b"0 0 600 800 re f"

Attack = Callable[[bytes], bytes]


def prepared(path: Path) -> Path:
    """A contract by a party that means to change it later: a font, an image over the text, a form field, and another
    content of the first page in an object that nothing leads to."""
    writer = PdfFileWriter(stream_xrefs=False)
    font = writer.add_object(
        generic.DictionaryObject(
            {
                pdf_name("/Type"): pdf_name("/Font"),
                pdf_name("/Subtype"): pdf_name("/Type1"),
                pdf_name("/BaseFont"): pdf_name("/Helvetica"),
            }
        )
    )
    overlay = writer.add_object(_form(b"1 g 72 600 200 12 re f"))
    content = writer.add_object(generic.StreamObject(stream_data=b"BT /F1 12 Tf 72 700 Td (1000) Tj ET /Over Do"))
    resources = generic.DictionaryObject(
        {
            pdf_name("/Font"): generic.DictionaryObject({pdf_name("/F1"): font}),
            pdf_name("/XObject"): generic.DictionaryObject({pdf_name("/Over"): overlay}),
        }
    )
    pages = [writer.insert_page(PageObject(contents=content, media_box=(0, 0, 595, 842), resources=resources))]
    for _ in range(2):
        blank = writer.add_object(generic.StreamObject(stream_data=b"72 700 200 12 re f"))
        writer.insert_page(PageObject(contents=blank, media_box=(0, 0, 595, 842)))
    hidden = b"%d 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n" % (content.idnum, len(EVIL), EVIL)
    writer.add_object(generic.StreamObject(stream_data=hidden))
    field = writer.add_object(
        generic.DictionaryObject(
            {
                pdf_name("/Type"): pdf_name("/Annot"),
                pdf_name("/Subtype"): pdf_name("/Widget"),
                pdf_name("/FT"): pdf_name("/Tx"),
                pdf_name("/T"): generic.TextStringObject("rent"),
                pdf_name("/V"): generic.TextStringObject("1000"),
                pdf_name("/P"): pages[0],
                pdf_name("/Rect"): _rect(300, 600, 400, 620),
            }
        )
    )
    pages[0].get_object()[pdf_name("/Annots")] = generic.ArrayObject([field])
    writer.root[pdf_name("/AcroForm")] = writer.add_object(
        generic.DictionaryObject({pdf_name("/Fields"): generic.ArrayObject([field])})
    )
    with path.open("wb") as stream:
        writer.write(stream)
    return path


def _in_place(pattern: re.Pattern[bytes], replacement: bytes, group: int = 0) -> Attack:
    """Overwrites the last occurrence, keeping its length."""

    def attack(content: bytes) -> bytes:
        last = list(pattern.finditer(content))[-1]
        start, end = last.span(group)
        assert len(replacement) <= end - start
        return content[:start] + replacement.ljust(end - start) + content[end:]

    return attack


def zeroed_value(content: bytes) -> bytes:
    """The value is zeros."""
    start, end = list(CONTAINER.finditer(content))[-1].span(1)
    return content[:start] + b"0" * (end - start) + content[end:]


def wrapped(content: bytes) -> bytes:
    """The second range moves to the end; in the gap, where the table of objects was, stands another."""
    reader = PdfFileReader(io.BytesIO(content))
    last = reader.xrefs.total_revisions - 1
    container = list(CONTAINER.finditer(content))[-1]
    table = int(_start_of_xref(content))
    numbers = sorted(ref.idnum for ref in reader.xrefs.explicit_refs_in_revision(last))
    trailer = content[content.rindex(b"trailer") : content.rindex(b"startxref")]
    tail = trailer + b"startxref\n%d\n%%%%EOF\n" % table
    shift = table - container.end() + len(b"xref\n") + sum(len(b"%d 1\n" % n) + 20 for n in numbers) + len(tail)
    entries = b""
    for number in numbers:
        offset = reader.xrefs.get_historical_ref(generic.Reference(number, 0, reader), last)
        assert isinstance(offset, int)
        entries += b"%d 1\n%010d 00000 n \n" % (number, offset + shift if offset > container.end() else offset)
    rest = content[container.end() : content.index(b"endobj", container.end()) + 7]
    evil = rest.ljust(table - container.end()) + b"xref\n" + entries + tail
    moved = content[: container.end()] + evil + content[container.end() :]
    start, end = list(RANGE.finditer(moved))[-1].span()
    second = container.end() + len(evil)
    ranges = b"/ByteRange [0 %d %d %d]" % (container.start(1) - 1, second, len(moved) - second)
    assert len(ranges) <= end - start
    return moved[:start] + ranges.ljust(end - start) + moved[end:]


def _append(text: Callable[[bytes], bytes]) -> Attack:
    return lambda content: content + text(content)


def _evil_object(content: bytes) -> bytes:
    number = _page_content(content)
    return b"%d 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n" % (number, len(EVIL), EVIL)


def _page_content(content: bytes) -> int:
    root = PdfFileReader(io.BytesIO(content)).root
    return int(root["/Pages"]["/Kids"][0].raw_get("/Contents").idnum)


def _start_of_xref(content: bytes) -> bytes:
    return content.rpartition(b"startxref")[2].split()[0]


def body_only(content: bytes) -> bytes:
    """A new content of the first page, nothing else."""
    return _evil_object(content)


def body_and_trailer(content: bytes) -> bytes:
    """With a trailer and the old cross-reference table."""
    return _evil_object(content) + b"trailer\n<</Size 500/Root 1 0 R>>\nstartxref\n%s\n%%%%EOF\n" % _start_of_xref(
        content
    )


def body_and_lost_xref(content: bytes) -> bytes:
    """With a cross-reference table that is not there; readers repair."""
    return _evil_object(content) + b"startxref\n7\n%%EOF\n"


def _increment(change: Callable[[IncrementalPdfFileWriter], None]) -> Attack:
    def attack(content: bytes) -> bytes:
        out = io.BytesIO(content)
        writer = IncrementalPdfFileWriter(out)
        change(writer)
        writer.write_in_place()
        return out.getvalue()

    return attack


def _page(writer: IncrementalPdfFileWriter) -> generic.DictionaryObject:
    page: generic.DictionaryObject = writer.find_page_for_modification(0)[0].get_object()
    return page


def _fields(writer: IncrementalPdfFileWriter) -> list[generic.DictionaryObject]:
    return [field.get_object() for field in writer.root["/AcroForm"]["/Fields"]]


def _rect(*values: int) -> generic.ArrayObject:
    return generic.ArrayObject(map(generic.NumberObject, values))


def _form(data: bytes) -> generic.StreamObject:
    return generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Form"),
            pdf_name("/BBox"): _rect(0, 0, 600, 800),
        },
        stream_data=data,
    )


def page_replaced(writer: IncrementalPdfFileWriter) -> None:
    """Another content of the first page."""
    page = _page(writer)
    page[pdf_name("/Contents")] = writer.add_object(generic.StreamObject(stream_data=EVIL))
    writer.update_container(page)


def content_redefined(writer: IncrementalPdfFileWriter) -> None:
    """The first page's own content stream, with other bytes."""
    content = _page(writer)["/Contents"]
    content._data = EVIL
    content._encoded_data = None
    writer.update_container(content)


def pages_replaced(writer: IncrementalPdfFileWriter) -> None:
    """Another page tree."""
    page = writer.add_object(
        generic.DictionaryObject({pdf_name("/Type"): pdf_name("/Page"), pdf_name("/MediaBox"): _rect(0, 0, 595, 842)})
    )
    tree = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Pages"),
            pdf_name("/Count"): generic.NumberObject(1),
            pdf_name("/Kids"): generic.ArrayObject([page]),
        }
    )
    writer.root[pdf_name("/Pages")] = writer.add_object(tree)
    writer.update_root()


def signature_copied(writer: IncrementalPdfFileWriter) -> None:
    """Other content, and the signature once more in a new object, so that it seems to come last."""
    page_replaced(writer)
    fields = writer.root["/AcroForm"]["/Fields"]
    field = fields[0]
    value = field["/V"]
    copied = generic.DictionaryObject({key: value.raw_get(key) for key in value})
    field[pdf_name("/V")] = writer.add_object(copied)
    writer.update_container(field)
    other = generic.DictionaryObject({key: field.raw_get(key) for key in field})
    other[pdf_name("/T")] = generic.TextStringObject("Again")
    other[pdf_name("/V")] = value.container_ref and generic.IndirectObject(value.container_ref.idnum, 0, writer)
    fields.append(writer.add_object(other))
    writer.update_container(fields)


def font_redefined(writer: IncrementalPdfFileWriter) -> None:
    """Shadow document, replace: other glyphs for the same text."""
    font = _page(writer)["/Resources"]["/Font"]["/F1"]
    font[pdf_name("/BaseFont")] = pdf_name("/ZapfDingbats")
    writer.update_container(font)


def overlay_removed(writer: IncrementalPdfFileWriter) -> None:
    """Shadow document, hide: what covered the text is gone."""
    overlay = _page(writer)["/Resources"]["/XObject"]["/Over"]
    overlay._data = b" "
    overlay._encoded_data = None
    writer.update_container(overlay)


def field_filled(writer: IncrementalPdfFileWriter) -> None:
    """Shadow document, replace by a form field that shows another value."""
    field = next(one for one in _fields(writer) if one["/T"] == "rent")
    field[pdf_name("/V")] = generic.TextStringObject("9000")
    field[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): writer.add_object(_form(EVIL))})
    writer.update_container(field)


def overlay_freed(content: bytes) -> bytes:
    """Shadow document, hide: the object that covered the text is marked free."""
    reader = PdfFileReader(io.BytesIO(content))
    number = reader.root["/Pages"]["/Kids"][0]["/Resources"]["/XObject"].raw_get("/Over").idnum
    return content + _xref(content, number, b"0000000000 00001 f \n")


def switched(content: bytes) -> bytes:
    """Shadow document, hide and replace: only a cross-reference entry, which leads to the hidden content."""
    number = _page_content(content)
    hidden = content.index(b"%d 0 obj\n<</Length %d>>" % (number, len(EVIL)))
    return content + _xref(content, number, b"%010d 00000 n \n" % hidden)


def _xref(content: bytes, number: int, entry: bytes) -> bytes:
    reader = PdfFileReader(io.BytesIO(content))
    root = reader.root_ref.idnum
    return b"xref\n%d 1\n%strailer\n<</Size %d/Root %d 0 R/Prev %s/ID[<00><01>]>>\nstartxref\n%d\n%%%%EOF\n" % (
        number,
        entry,
        int(reader.trailer["/Size"]),
        root,
        _start_of_xref(content),
        len(content),
    )


def annotated(subtype: str) -> Callable[[IncrementalPdfFileWriter], None]:
    """Evil annotation: something over the text."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        annotation = generic.DictionaryObject(
            {
                pdf_name("/Type"): pdf_name("/Annot"),
                pdf_name("/Subtype"): pdf_name(f"/{subtype}"),
                pdf_name("/Rect"): _rect(0, 0, 600, 800),
                pdf_name("/Contents"): generic.TextStringObject("9000"),
                pdf_name("/AP"): generic.DictionaryObject({pdf_name("/N"): writer.add_object(_form(EVIL))}),
            }
        )
        page = _page(writer)
        present = page["/Annots"] if "/Annots" in page else ()  # noqa: SIM401 - get() follows no references
        page[pdf_name("/Annots")] = generic.ArrayObject([*present, writer.add_object(annotation)])
        writer.update_container(page)

    return change


def field_added(writer: IncrementalPdfFileWriter) -> None:
    """Sneaky signature: a new field whose appearance covers the text."""
    append_signature_field(writer, SigFieldSpec("Sneaky", on_page=0, box=(0, 0, 600, 800)))
    field = writer.root["/AcroForm"]["/Fields"][-1]
    field[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): writer.add_object(_form(EVIL))})
    writer.update_container(field)


def field_moved(writer: IncrementalPdfFileWriter) -> None:
    """Sneaky signature: an empty field of the layout grows over the text."""
    field = next(one for one in _fields(writer) if "/V" not in one)
    field[pdf_name("/Rect")] = _rect(0, 0, 600, 800)
    field[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): writer.add_object(_form(EVIL))})
    writer.update_container(field)


def seal_replaced(writer: IncrementalPdfFileWriter) -> None:
    """Another picture in a field that is signed."""
    field = writer.root["/AcroForm"]["/Fields"][0]
    field[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): writer.add_object(_form(EVIL))})
    writer.update_container(field)


def script_added(writer: IncrementalPdfFileWriter) -> None:
    """A script that runs when the file is opened."""
    writer.root[pdf_name("/OpenAction")] = generic.DictionaryObject(
        {pdf_name("/S"): pdf_name("/JavaScript"), pdf_name("/JS"): generic.TextStringObject("app.alert(1)")}
    )
    writer.update_root()


def signatures_hidden(writer: IncrementalPdfFileWriter) -> None:
    """A form without fields: no reader finds a signature."""
    form = writer.root["/AcroForm"]
    form[pdf_name("/Fields")] = generic.ArrayObject()
    writer.update_container(form)


ON_SIGNED: Final[dict[str, tuple[Attack, Problem]]] = {
    "universal forgery: value zeroed": (zeroed_value, Problem.CONTENTS_FORGED),
    "universal forgery: value empty": (_in_place(CONTAINER, b"/Contents <>"), Problem.CONTENTS_FORGED),
    "universal forgery: value null": (_in_place(CONTAINER, b"/Contents null"), Problem.CONTENTS_FORGED),
    "universal forgery: no value": (_in_place(CONTAINER, b""), Problem.CONTENTS_FORGED),
    "universal forgery: no range": (_in_place(RANGE, b""), Problem.BYTE_RANGE_FORGED),
    "universal forgery: range null": (_in_place(RANGE, b"/ByteRange null"), Problem.BYTE_RANGE_FORGED),
    "universal forgery: range empty": (_in_place(RANGE, b"/ByteRange []"), Problem.BYTE_RANGE_FORGED),
    "universal forgery: range zero": (_in_place(RANGE, b"/ByteRange [0 0 0 0]"), Problem.BYTE_RANGE_FORGED),
    "universal forgery: range negative": (_in_place(RANGE, b"/ByteRange [0 -1 -1 9]"), Problem.BYTE_RANGE_FORGED),
    "universal forgery: range beyond the end": (
        _in_place(RANGE, b"/ByteRange [0 9 99 9999999]"),
        Problem.BYTE_RANGE_FORGED,
    ),
    "wrapping: second range moved": (wrapped, Problem.SIGNATURE_WRAPPED),
    "wrapping: range over other bytes": (_in_place(RANGE, b"/ByteRange [0 90 99 900]"), Problem.SIGNATURE_WRAPPED),
    "incremental saving: body only": (_append(body_only), Problem.INCREMENT_DAMAGED),
    "incremental saving: body and trailer": (_append(body_and_trailer), Problem.INCREMENT_DAMAGED),
    "incremental saving: table lost": (_append(body_and_lost_xref), Problem.INCREMENT_DAMAGED),
    "incremental saving: page replaced": (_increment(page_replaced), Problem.PAGE_CHANGED),
    "incremental saving: content redefined": (_increment(content_redefined), Problem.PAGE_CHANGED),
    "incremental saving: page tree replaced": (_increment(pages_replaced), Problem.PAGE_CHANGED),
    "incremental saving: signature copied": (_increment(signature_copied), Problem.SIGNATURE_COPIED),
    "incremental saving: script added": (_increment(script_added), Problem.ACTION_ADDED),
    "incremental saving: signatures hidden": (_increment(signatures_hidden), Problem.SIGNATURE_HIDDEN),
    "evil annotation: FreeText": (_increment(annotated("FreeText")), Problem.ANNOTATION_ADDED),
    "evil annotation: Stamp": (_increment(annotated("Stamp")), Problem.ANNOTATION_ADDED),
    "evil annotation: Redact": (_increment(annotated("Redact")), Problem.ANNOTATION_ADDED),
    "sneaky signature: field added": (_increment(field_added), Problem.SIGNATURE_FIELD_ADDED),
    "sneaky signature: empty field moved": (_increment(field_moved), Problem.FIELD_CHANGED),
    "sneaky signature: seal replaced": (_increment(seal_replaced), Problem.FIELD_CHANGED),
}
"""Attacks on a document that one of two parties has signed, and the code that must be among what is found."""

ON_PREPARED: Final[dict[str, tuple[Attack, Problem]]] = {
    "shadow, replace: font": (_increment(font_redefined), Problem.PAGE_CHANGED),
    "shadow, replace: form field": (_increment(field_filled), Problem.FIELD_CHANGED),
    "shadow, hide: overlay emptied": (_increment(overlay_removed), Problem.PAGE_CHANGED),
    "shadow, hide: overlay freed": (overlay_freed, Problem.OBJECTS_REMOVED),
    "shadow, hide and replace": (switched, Problem.SHADOW_CONTENT),
}
"""The same on a document that was prepared for it before it was signed."""
