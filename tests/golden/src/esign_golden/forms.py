"""Forms as people send them: filled in, some fields drawn and some not."""

from pathlib import Path
from typing import Any, Final

from pikepdf import Array, Dictionary, Name, Object, Pdf, String

from esign_golden.drawing import document, save, text_font

UNDRAWN: Final = (60, 660, 260, 680)


def filled(path: Path) -> None:
    """A drawn Chinese value, a value that viewers draw themselves, a tick, a button that would send the form, an empty
    signature field; scripts format and calculate."""
    pdf = document(1)
    script = Dictionary(S=Name.JavaScript, JS=String("AFNumber_Format(2, 0, 0, 0, '', true);"))
    fields = [
        _field(
            pdf, "tenant", [60, 700, 260, 720], FT=Name.Tx, V=String("沈怀瑾"), AP=_drawn(pdf, b"0 0 1 rg", 200, 20)
        ),
        _field(pdf, "number", [*UNDRAWN], FT=Name.Tx, V=String("JDE-2026"), DA=String("/Helv 12 Tf 0 g")),
        _field(pdf, "rent", [300, 660, 400, 680], FT=Name.Tx, AA=Dictionary(F=script, K=script)),
        _tick(pdf),
        _field(
            pdf,
            "send",
            [300, 700, 400, 720],
            FT=Name.Btn,
            Ff=1 << 16,
            A=Dictionary(S=Name.SubmitForm, F=String("https://www.example.com/")),
            AP=_drawn(pdf, b"0.8 g", 100, 20),
        ),
        _field(pdf, "signature", [60, 100, 260, 160], FT=Name.Sig),
    ]
    pdf.pages[0].obj["/Annots"] = Array(fields)
    pdf.Root["/AcroForm"] = Dictionary(
        Fields=Array(fields), DR=Dictionary(Font=Dictionary(Helv=text_font(pdf))), CO=Array([fields[2]])
    )
    save(pdf, path)


def _field(pdf: Pdf, name: str, rect: list[int], **entries: Any) -> Object:
    widget = Dictionary(Type=Name.Annot, Subtype=Name.Widget, T=String(name), F=4, Rect=Array(rect), **entries)
    return pdf.make_indirect(widget)


def _tick(pdf: Pdf) -> Object:
    states = Dictionary(Yes=_drawn(pdf, b"1 0 0 rg", 20, 20)["/N"], Off=_drawn(pdf, b"1 g", 20, 20)["/N"])
    return _field(pdf, "agreed", [60, 620, 80, 640], FT=Name.Btn, V=Name.Yes, AS=Name.Yes, AP=Dictionary(N=states))


def _drawn(pdf: Pdf, colour: bytes, width: int, height: int) -> Dictionary:
    form = {"/Type": Name.XObject, "/Subtype": Name.Form, "/BBox": [0, 0, width, height]}
    return Dictionary(N=pdf.make_stream(colour + b" 0 0 %d %d re f" % (width, height), form))
