"""Documents as they were taken in: clean PDFs with known pages."""

from dataclasses import dataclass
from datetime import datetime

from esign_kit.refs import ObjectRef, Placement


@dataclass(frozen=True, slots=True)
class PageSize:
    """A page's user space in thousandths of a point (origin at its bottom-left corner), and its rotation in degrees."""

    width: int
    height: int
    rotation: int


@dataclass(frozen=True, slots=True)
class Document:
    """A stored document. `upload_sha256` is of the bytes that came, `ref` is the clean form that is signed."""

    document_id: str
    system: str
    file_name: str
    upload_sha256: str
    ref: ObjectRef
    pages: tuple[PageSize, ...]
    created_at: datetime


def lies_on_page(placement: Placement, pages: tuple[PageSize, ...]) -> bool:
    """Whether a rectangle is a real one and lies wholly on its page."""
    if not 1 <= placement.page <= len(pages):
        return False
    page = pages[placement.page - 1]
    return 0 <= placement.x1 < placement.x2 <= page.width and 0 <= placement.y1 < placement.y2 <= page.height
