"""PDFs for tests: a plain one, and every kind that is refused."""

import io
import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pikepdf
from esign_golden.large import chained
from pikepdf import Array, Dictionary, Name, Pdf, String

A4 = (595, 842)


def build(pages: int = 1, *, change: Callable[[Pdf], None] | None = None, **save: object) -> bytes:
    """A PDF whose pages show a frame and their number."""
    pdf = Pdf.new()
    font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
    for number in range(1, pages + 1):
        page = pdf.add_blank_page(page_size=A4)
        page.Contents = pdf.make_stream(
            f"0 0 1 RG 20 20 555 802 re S BT /F1 40 Tf 60 700 Td (Page {number}) Tj ET".encode()
        )
        page.Resources = Dictionary(Font=Dictionary(F1=font))
    if change:
        change(pdf)
    out = io.BytesIO()
    pdf.save(out, **save)  # type: ignore[arg-type]
    return out.getvalue()


def _root(key: str, value: object) -> Callable[[Pdf], None]:
    def change(pdf: Pdf) -> None:
        pdf.Root[key] = value

    return change


def _annotation(**entries: Any) -> Callable[[Pdf], None]:
    def change(pdf: Pdf) -> None:
        annotation = Dictionary(Type=Name.Annot, Rect=Array([10, 10, 90, 40]), **entries)
        pdf.pages[0].Annots = Array([pdf.make_indirect(annotation)])

    return change


def _widget(**entries: Any) -> Callable[[Pdf], None]:
    """A form with one field."""

    def change(pdf: Pdf) -> None:
        widget = pdf.make_indirect(
            Dictionary(Type=Name.Annot, Subtype=Name.Widget, T=String("f"), Rect=Array([10, 10, 90, 40]), **entries)
        )
        pdf.pages[0].Annots = Array([widget])
        pdf.Root.AcroForm = Dictionary(Fields=Array([widget]))

    return change


def _layer(*, OFF: bool = False, member: Any = None, **entries: Any) -> Callable[[Pdf], None]:
    """A layer with content, its default state or its usage by `entries`."""

    def change(pdf: Pdf) -> None:
        usages = {key: value for key, value in entries.items() if key in ("Print", "Zoom")}
        layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String("Draft"), Usage=Dictionary(**usages)))
        content = Dictionary(Type=Name.OCMD, OCGs=layer, P=member) if member else layer
        pdf.pages[0].obj["/Resources"]["/Properties"] = Dictionary(L1=content)
        states: dict[str, Any] = {key: value for key, value in entries.items() if key not in usages}
        if OFF:
            states["OFF"] = Array([layer])
        if usages:
            automatic = Dictionary(
                Event=Name.Print, OCGs=Array([layer]), Category=Array([Name("/" + k) for k in usages])
            )
            states["AS"] = Array([automatic])
        pdf.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(**states))

    return change


def _picture(**entries: Any) -> Callable[[Pdf], None]:
    def change(pdf: Pdf) -> None:
        facts: dict[str, Any] = {"Width": 1, "Height": 1, "BitsPerComponent": 8, "ColorSpace": Name.DeviceGray}
        picture = pikepdf.Stream(pdf, b"\0", Type=Name.XObject, Subtype=Name.Image, **(facts | entries))
        pdf.pages[0].obj["/Resources"]["/XObject"] = Dictionary(Im=picture)

    return change


def _circle() -> bytes:
    nodes = (
        b"2 0 obj <</Type/Pages /Count 1 /Kids[3 0 R]>> endobj\n3 0 obj <</Type/Pages /Count 1 /Kids[2 0 R]>> endobj\n"
    )
    end = b"trailer <</Root 1 0 R>>\nstartxref\n0\n%%EOF\n"
    return b"%PDF-1.4\n1 0 obj <</Type/Catalog /Pages 2 0 R>> endobj\n" + nodes + end


def _attach(pdf: Pdf) -> None:
    pdf.attachments["notes.txt"] = b"hidden"


def _page_action(pdf: Pdf) -> None:
    pdf.pages[0].AA = Dictionary(O=Dictionary(S=Name.Named, N=Name.NextPage))


def _deep_script(pdf: Pdf) -> None:
    step = Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))
    for _ in range(20):
        step = Dictionary(S=Name.GoTo, D=Array([pdf.pages[0].obj, Name.Fit]), Next=step)
    pdf.Root.OpenAction = step


def _script_names(pdf: Pdf) -> None:
    action = pdf.make_indirect(Dictionary(S=Name.JavaScript, JS=pdf.make_stream(b"app.alert(1)")))
    pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String("a"), action])))


SCRIPT = Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))
SIGNATURE = Dictionary(
    Type=Name.Sig, Filter=Name("/Adobe.PPKLite"), ByteRange=Array([0, 1, 2, 3]), Contents=String("x")
)
LAUNCH = Dictionary(S=Name.Launch, F=String("calc.exe"))

REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "script on opening": ("DOCUMENT_HAS_JAVASCRIPT", lambda: build(change=_root("/OpenAction", SCRIPT))),
    "script in the name tree": ("DOCUMENT_HAS_JAVASCRIPT", lambda: build(change=_script_names)),
    "script deep in a chain of actions": ("DOCUMENT_HAS_JAVASCRIPT", lambda: build(change=_deep_script)),
    "script in object streams": (
        "DOCUMENT_HAS_JAVASCRIPT",
        lambda: build(change=_script_names, object_stream_mode=pikepdf.ObjectStreamMode.generate),
    ),
    "script behind a link": (
        "DOCUMENT_HAS_JAVASCRIPT",
        lambda: build(change=_annotation(Subtype=Name.Link, A=Dictionary(S=Name.URI, URI=String(" JavaScript:x()")))),
    ),
    "attachment": ("DOCUMENT_HAS_EMBEDDED_FILES", lambda: build(change=_attach)),
    "attached note": ("DOCUMENT_HAS_EMBEDDED_FILES", lambda: build(change=_annotation(Subtype=Name.FileAttachment))),
    "portfolio": ("DOCUMENT_HAS_EMBEDDED_FILES", lambda: build(change=_root("/Collection", Dictionary()))),
    "launch": ("DOCUMENT_HAS_ACTIONS", lambda: build(change=_annotation(Subtype=Name.Link, A=LAUNCH))),
    "launch on opening": ("DOCUMENT_HAS_ACTIONS", lambda: build(change=_root("/OpenAction", LAUNCH))),
    "submit": (
        "DOCUMENT_HAS_ACTIONS",
        lambda: build(change=_annotation(Subtype=Name.Link, A=Dictionary(S=Name.SubmitForm, F=String("http://x")))),
    ),
    "page action": ("DOCUMENT_HAS_ACTIONS", lambda: build(change=_page_action)),
    "video": ("DOCUMENT_HAS_ACTIONS", lambda: build(change=_annotation(Subtype=Name.RichMedia))),
    "XFA form": ("DOCUMENT_HAS_XFA", lambda: build(change=_root("/AcroForm", Dictionary(XFA=String("<x/>"))))),
    "Chinese value that nothing draws": (
        "DOCUMENT_FORM_UNDRAWN",
        lambda: build(change=_widget(FT=Name.Tx, V=String("沈怀瑾"), DA=String("/Helv 12 Tf"))),
    ),
    "several lines that nothing draws": (
        "DOCUMENT_FORM_UNDRAWN",
        lambda: build(change=_widget(FT=Name.Tx, V=String("a b"), DA=String("/Helv 12 Tf"), Ff=1 << 12)),
    ),
    "field that is only printed": ("DOCUMENT_HAS_HIDDEN_CONTENT", lambda: build(change=_widget(FT=Name.Tx, F=36))),
    "signature of other bytes": (
        "DOCUMENT_SIGNATURE_BROKEN",
        lambda: build(change=_widget(FT=Name.Sig, V=SIGNATURE)),
    ),
    "stamp that is only printed": (
        "DOCUMENT_HAS_HIDDEN_CONTENT",
        lambda: build(change=_annotation(Subtype=Name.Stamp, F=36)),
    ),
    "layer that is off": ("DOCUMENT_HAS_HIDDEN_CONTENT", lambda: build(change=_layer(OFF=True))),
    "all layers off but one": ("DOCUMENT_HAS_HIDDEN_CONTENT", lambda: build(change=_layer(BaseState=Name.OFF))),
    "layer that is not printed": (
        "DOCUMENT_HAS_HIDDEN_CONTENT",
        lambda: build(change=_layer(Print=Dictionary(PrintState=Name.OFF))),
    ),
    "layer that is seen from near": (
        "DOCUMENT_HAS_HIDDEN_CONTENT",
        lambda: build(change=_layer(Zoom=Dictionary(min=4))),
    ),
    "seen when the layer is not": ("DOCUMENT_HAS_HIDDEN_CONTENT", lambda: build(change=_layer(member=Name.AllOff))),
    "another picture on paper": ("DOCUMENT_HAS_HIDDEN_CONTENT", lambda: build(change=_picture(Alternates=Array()))),
    "picture of a trillion pixels": (
        "DOCUMENT_TOO_COMPLEX",
        lambda: build(change=_picture(Width=1_000_000, Height=1_000_000)),
    ),
    "opens a web page": (
        "DOCUMENT_HAS_ACTIONS",
        lambda: build(change=_root("/OpenAction", Dictionary(S=Name.URI, URI=String("http://x")))),
    ),
    "page tree of 300 levels": ("DOCUMENT_TOO_COMPLEX", lambda: chained(300, 1)),
    "page tree in a circle": ("DOCUMENT_DAMAGED", lambda: _circle()),
    "encrypted": ("DOCUMENT_ENCRYPTED", lambda: build(encryption=pikepdf.Encryption(user="u", owner="o"))),
    "encrypted without a user password": (
        "DOCUMENT_RESTRICTED",
        lambda: build(encryption=pikepdf.Encryption(user="", owner="o")),
    ),
    "cut in half": ("DOCUMENT_TRUNCATED", lambda: (whole := build(50))[: len(whole) // 2]),
    "linearised and cut": ("DOCUMENT_TRUNCATED", lambda: build(50, linearize=True)[:-5000]),
    "cut within a later revision": ("DOCUMENT_TRUNCATED", lambda: build() + b"9 0 obj\n<< /Type /Page >>\n"),
    "not a PDF": ("DOCUMENT_NOT_PDF", lambda: b"PK\x03\x04 a zip, say" * 100),
    "empty": ("DOCUMENT_NOT_PDF", lambda: b""),
    "header and end only": ("DOCUMENT_DAMAGED", lambda: b"%PDF-1.7\nstartxref\n0\n%%EOF\n"),
    "no root": ("DOCUMENT_DAMAGED", lambda: build().replace(b"/Root", b"/Toor")),
    "broken content": ("DOCUMENT_DAMAGED", lambda: _broken_content()),
    "no pages": ("DOCUMENT_HAS_NO_PAGES", lambda: build(0)),
    "too many pages": ("DOCUMENT_TOO_MANY_PAGES", lambda: build(21)),
    "tiny page": ("DOCUMENT_PAGE_SIZE", lambda: build(change=_box("/MediaBox", [0, 0, 10, 10]))),
    "askew": ("DOCUMENT_DAMAGED", lambda: build(change=_box("/Rotate", 45))),
}
"""What is wrong → the code, and the file; tests allow 20 pages."""


def cut_off() -> bytes:
    """A page whose compressed content lacks its end."""

    def change(pdf: Pdf) -> None:
        packed = zlib.compress(b"1 0 0 rg 100 100 200 200 re f " * 9)[:-6]
        pdf.pages[0].Contents = pikepdf.Stream(pdf, packed, Filter=Name.FlateDecode)

    return build(change=change)


def odd_names() -> bytes:
    """Names in GBK, as key and as value, in a structure tree and in resources."""

    def change(pdf: Pdf) -> None:
        pdf.Root.StructTreeRoot = Dictionary(Type=Name.StructTreeRoot, K=Dictionary(S=Name.Heading))
        pdf.pages[0].obj["/Resources"]["/Font"]["/Heading"] = pdf.pages[0].obj["/Resources"]["/Font"]["/F1"]

    return build(change=change).replace(b"/Heading", b"/#b1#ea#cc#e2")


MENDED: dict[str, Callable[[], bytes]] = {
    "content that lacks its end": cut_off,
    "names in GBK": odd_names,
    "trailer without a size": lambda: build().replace(b"/Size", b"/Sise"),
    "information that is none": lambda: build(change=lambda pdf: pdf.trailer.__setitem__("/Info", Array())),
    "no media box": lambda: build(change=lambda pdf: pdf.pages[0].obj.__delitem__("/MediaBox")),
    "page twice in the tree": lambda: build(change=lambda pdf: pdf.Root.Pages.Kids.append(pdf.pages[0].obj)),
    "annotation that is nothing": lambda: build(change=lambda pdf: pdf.pages[0].obj.__setitem__("/Annots", [1])),
}
"""What is not quite right and can be shown all the same."""


def _box(key: str, value: object) -> Callable[[Pdf], None]:
    def change(pdf: Pdf) -> None:
        pdf.pages[0].obj[key] = Array(value) if isinstance(value, list) else value

    return change


def _broken_content() -> bytes:
    def change(pdf: Pdf) -> None:
        content = bytearray(zlib.compress(b"0 0 m 10 10 l S " * 500))
        content[20:40] = b"\xff" * 20
        pdf.pages[0].Contents = pikepdf.Stream(pdf, bytes(content), Filter=Name.FlateDecode)

    return build(change=change)


def shifted() -> bytes:
    """A page whose visible box starts at (100, 50) and is 400 × 600, rotated by 450°, with a link at its corner."""

    def change(pdf: Pdf) -> None:
        page = pdf.pages[0]
        page.obj["/MediaBox"] = Array([0, 0, 600, 800])
        page.obj["/CropBox"] = Array([500, 650, 100, Decimal("50")])
        page.obj["/Rotate"] = 450
        page.Contents = pdf.make_stream(b"1 0 0 rg 100 50 40 40 re f")
        link = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([100, 50, 140, 90]))
        page.Annots = Array([pdf.make_indirect(link)])

    return build(change=change)


def bomb() -> bytes:
    """A page whose content unpacks to 3 GB, a megabyte at a time."""
    packer = zlib.compressobj(9)
    start = packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = start + 3071 * block

    def change(pdf: Pdf) -> None:
        pdf.pages[0].Contents = pikepdf.Stream(pdf, packed, Filter=Name.FlateDecode)

    return build(change=change)
