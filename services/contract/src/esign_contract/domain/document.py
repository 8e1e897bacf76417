"""Documents as they were taken in: PDFs with known pages, and the signatures that they came with."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from esign_kit.refs import ObjectRef, Placement


@dataclass(frozen=True, slots=True)
class PageSize:
    """What is seen of a page, in thousandths of a unit of its user space (a point, unless the page says otherwise), and
    its rotation in degrees clockwise. `left` and `bottom` are where the visible box starts in user space, `unit` is how
    long a unit is, in thousandths of a point (ISO 32000-2, 7.7.3.3, UserUnit)."""

    width: int
    height: int
    rotation: int
    left: int = 0
    bottom: int = 0
    unit: int = 1000


class SignatureKind(StrEnum):
    """What a signature in a document is for."""

    APPROVAL = "APPROVAL"
    CERTIFICATION = "CERTIFICATION"
    TIMESTAMP = "TIMESTAMP"


@dataclass(frozen=True, slots=True)
class EarlierSignature:
    """A signature that a document came with, as the document tells it: nothing of it is proven here.

    `claimed_at` is the signer's own clock. `covers_whole_file` is false when something was appended afterwards.
    """

    field_name: str
    kind: SignatureKind
    signer: str
    claimed_at: datetime | None
    covers_whole_file: bool


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What intake learnt of a document that is fit to be signed."""

    pages: tuple[PageSize, ...]
    signatures: tuple[EarlierSignature, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A stored document. `upload_sha256` is of the bytes that came; `ref` is what is signed: its clean form, or, of a
    document that came with signatures, the bytes that came."""

    document_id: str
    system: str
    file_name: str
    upload_sha256: str
    ref: ObjectRef
    pages: tuple[PageSize, ...]
    created_at: datetime
    signatures: tuple[EarlierSignature, ...] = ()


def lies_on_page(placement: Placement, pages: tuple[PageSize, ...]) -> bool:
    """Whether a rectangle is a real one and lies wholly on the visible part of its page."""
    if not 1 <= placement.page <= len(pages):
        return False
    page = pages[placement.page - 1]
    return (
        page.left <= placement.x1 < placement.x2 <= page.left + page.width
        and page.bottom <= placement.y1 < placement.y2 <= page.bottom + page.height
    )
