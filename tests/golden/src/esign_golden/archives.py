"""Documents that claim a version or a standard, and have to keep it."""

from pathlib import Path

from pikepdf import Array, Dictionary, Name, Pdf, Stream, String
from PIL import ImageCms

from esign_golden.drawing import save

_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>{part}</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def pdf_2(path: Path) -> None:
    """PDF 2.0, with a page-level output intent and a document part, which older versions do not know."""
    pdf = _graphics(2)
    pdf.pages[0].obj["/OutputIntents"] = Array([_intent(pdf)])
    save(pdf, path, force_version="2.0")


def pdfa_1b(path: Path) -> None:
    """Like PDF/A-1b (ISO 19005-1): PDF 1.4, XMP, an output intent, no text."""
    _archive(path, 1, "1.4")


def pdfa_2b(path: Path) -> None:
    """Like PDF/A-2b (ISO 19005-2): PDF 1.7."""
    _archive(path, 2, "1.7")


def _archive(path: Path, part: int, version: str) -> None:
    pdf = _graphics(1)
    packet = _XMP.format(part=part).encode()
    pdf.Root["/Metadata"] = Stream(pdf, packet, Type=Name.Metadata, Subtype=Name.XML)
    pdf.Root["/OutputIntents"] = Array([_intent(pdf)])
    save(pdf, path, force_version=version, fix_metadata_version=False)


def _graphics(pages: int) -> Pdf:
    pdf = Pdf.new()
    for number in range(pages):
        page = pdf.add_blank_page(page_size=(595, 842))
        page.obj["/Contents"] = pdf.make_stream(b"0.2 0.4 0.8 rg %d 400 100 100 re f" % (100 + 50 * number))
    return pdf


def _intent(pdf: Pdf) -> Dictionary:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return Dictionary(
        Type=Name.OutputIntent,
        S=Name("/GTS_PDFA1"),
        OutputConditionIdentifier=String("sRGB"),
        DestOutputProfile=pdf.make_indirect(Stream(pdf, profile, N=3)),
    )
