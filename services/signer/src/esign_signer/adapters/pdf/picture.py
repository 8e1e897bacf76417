"""Pictures of seals as pages show them. PDFium reads a stranger's file here: only in a worker that has limits."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Final

import pypdfium2

from esign_signer.domain.report import SealShown, ValidationReport

_PIXELS: Final = 240
_MAX_PICTURES: Final = 20
_MARGIN: Final = 2.0


def with_pictures(report: ValidationReport, source: Path) -> ValidationReport:
    """The report on `source` with a picture of every seal: of its place on its page, at most 240 pixels on a side. None
    where nothing is shown, nothing can be drawn, or twenty were drawn already."""
    if not any(signature.seal for signature in report.signatures):
        return report
    try:
        document = pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError:
        return report
    with document:
        document.init_forms()
        drawn = [
            replace(signature, seal=_drawn(document, signature.seal)) if index < _MAX_PICTURES else signature
            for index, signature in enumerate(report.signatures)
        ]
    return replace(report, signatures=tuple(drawn))


def _drawn(document: pypdfium2.PdfDocument, seal: SealShown | None) -> SealShown | None:
    if seal is None or not 0 < seal.page <= len(document):
        return seal
    return replace(seal, picture=_picture(document, seal))


def _picture(document: pypdfium2.PdfDocument, seal: SealShown) -> bytes:
    x1, y1, x2, y2 = seal.rect
    try:
        page = document[seal.page - 1]
        left, bottom, right, top = page.get_mediabox()
        crop = (x1 - left - _MARGIN, y1 - bottom - _MARGIN, right - x2 - _MARGIN, top - y2 - _MARGIN)
        rotation = page.get_rotation()
        page.set_rotation(0)
        image = page.render(
            scale=_PIXELS / max(x2 - x1, y2 - y1, 1.0), crop=tuple(max(0.0, side) for side in crop), may_draw_forms=True
        ).to_pil()
    except (pypdfium2.PdfiumError, ValueError, RuntimeError):
        return b""
    out = io.BytesIO()
    image.rotate(-rotation, expand=True).save(out, "PNG")
    return out.getvalue()
