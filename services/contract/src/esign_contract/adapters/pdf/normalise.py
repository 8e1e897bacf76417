"""The form in which every document without signatures is stored.

One cross-reference table and no streams of them, every object by itself, one flat page tree with every attribute on its
page, no form, no layers, no leftovers of earlier revisions; the same bytes give the same clean bytes. Nothing that is
seen changes, and nothing is added that PDF/A (ISO 19005) forbids.
"""

from pathlib import Path
from typing import Final

import pikepdf
from pikepdf import Array, Dictionary, Name, ObjectStreamMode, Pdf
from pikepdf.models.metadata import XmpDocument

from esign_contract.adapters.pdf import forms
from esign_contract.adapters.pdf.names import name_of

OLDEST: Final = "1.7"
MAX_METADATA: Final = 8 * 1024 * 1024
_TRAILER: Final = frozenset({"/Root", "/Info", "/ID", "/Size"})
_MARKUP_BESIDE: Final = frozenset({"/Link", "/Popup", "/Text"})


def normalise(pdf: Pdf, target: Path) -> None:
    """Writes the clean form of an open document, whose page tree is flat, to `target`. Raises Refused."""
    forms.flatten(pdf)
    for page in pdf.pages:
        _mend_annotations(page.obj)
    # Usage rights are a signature over the file as it was; they say nothing to anyone but one vendor's reader.
    for key in ("/Perms", "/NeedsRendering"):
        if key in pdf.Root:
            del pdf.Root[key]
    for key in set(pdf.trailer.keys()) - _TRAILER:
        del pdf.trailer[key]
    # qpdf writes the size only where there was one.
    pdf.trailer["/Size"] = 0
    if not isinstance(pdf.trailer.get("/Info", Dictionary()), Dictionary):
        del pdf.trailer["/Info"]
    save(pdf, target, _version(pdf, _kept_metadata(pdf)))


def without_layers(source: Path, target: Path) -> None:
    """Takes the switches of layers away from a clean document of which every layer is always shown."""
    with pikepdf.open(source, suppress_warnings=True) as pdf:
        del pdf.Root["/OCProperties"]
        save(pdf, target, pdf.pdf_version)


def save(pdf: Pdf, target: Path, version: str) -> None:
    """Writes the file itself."""
    pdf.save(
        target,
        object_stream_mode=ObjectStreamMode.disable,
        linearize=False,
        deterministic_id=True,
        min_version=version,
        fix_metadata_version=False,
    )


def _mend_annotations(page: pikepdf.Object) -> None:
    """Annotations that nobody sees go; those that are seen are printed too, as PDF/A asks."""
    annotations = page.get("/Annots")
    if not isinstance(annotations, Array):
        return
    kept = []
    for annotation in annotations:
        if not isinstance(annotation, Dictionary):
            continue
        flags, subtype = int(annotation.get("/F", 0)), name_of(annotation.get("/Subtype"))
        if flags & forms.HIDDEN and subtype != "/Popup":
            continue
        if subtype not in _MARKUP_BESIDE and not flags & (forms.PRINT | forms.NO_VIEW | forms.HIDDEN):
            annotation["/F"] = flags | forms.PRINT
        kept.append(annotation)
    if len(kept) != len(annotations):
        page["/Annots"] = Array(kept)


def _kept_metadata(pdf: Pdf) -> str:
    """The part of PDF/A that the document's XMP claims, or nothing. A packet that is broken goes: other software would
    refuse the whole document for it."""
    packet = pdf.Root.get("/Metadata")
    if packet is None:
        return ""
    try:
        content = packet.read_bytes() if isinstance(packet, pikepdf.Stream) else b""
        if not content.strip() or len(content) > MAX_METADATA or b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            raise ValueError
        return str(XmpDocument(content, overwrite_invalid_xml=False).get("pdfaid:part", ""))
    except MemoryError:
        raise
    except Exception:  # The parser tells what is wrong in many ways.
        del pdf.Root["/Metadata"]
        return ""


def _version(pdf: Pdf, pdfa_part: str) -> str:
    """PDF/A-1 is built on PDF 1.4 and keeps its version; every other document becomes 1.7 at least."""
    stated = pdf.Root.get("/Version")
    versions = [
        pdf.pdf_version,
        str(stated)[1:] if isinstance(stated, Name) else "",
        "" if pdfa_part == "1" else OLDEST,
    ]
    if stated is not None:
        del pdf.Root["/Version"]
    return max(version for version in versions if version)
