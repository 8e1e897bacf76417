"""Places, fields and orders: the values that describe one act on one document."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from esign_kit.refs import Placement

from esign_signer.domain.keys import StoredKey

MAX_FIELDS: Final = 64
_FIELD_NAME: Final = re.compile(r"(?!Archive)[A-Za-z][A-Za-z0-9_-]{0,63}")
MAX_COORDINATE: Final = 14_400_000
"""Thousandths of a point: 200 inches, the largest page that ISO 32000-1, annex C, speaks of."""


def is_placement(placement: Placement) -> bool:
    """Whether it is a rectangle on a page: not empty, not reversed, page counted from 1, within what any PDF page can
    measure."""
    corners = (placement.x1, placement.y1, placement.x2, placement.y2)
    return (
        placement.page >= 1
        and placement.x1 < placement.x2
        and placement.y1 < placement.y2
        and all(abs(corner) <= MAX_COORDINATE for corner in corners)
    )


def in_points(placement: Placement) -> tuple[float, float, float, float]:
    """The rectangle in points: x1, y1, x2, y2."""
    return placement.x1 / 1000, placement.y1 / 1000, placement.x2 / 1000, placement.y2 / 1000


@dataclass(frozen=True, slots=True)
class SignatureField:
    """A signature field of the document's layout."""

    name: str
    placement: Placement


def is_layout(layout: tuple[SignatureField, ...]) -> bool:
    """Whether these fields can stand in one document: names distinct, plain and not those of timestamps; real
    places."""
    names = [field.name for field in layout]
    return len(set(names)) == len(names) <= MAX_FIELDS and all(
        _FIELD_NAME.fullmatch(field.name) and is_placement(field.placement) for field in layout
    )


class Level(StrEnum):
    """PAdES baseline levels (ETSI EN 319 142-1)."""

    B_B = "B-B"
    B_T = "B-T"
    B_LT = "B-LT"
    B_LTA = "B-LTA"


@dataclass(frozen=True, slots=True)
class SigningOrder:
    """One signature to make: `source` is read, `target` is written; when they are one file, it is only appended to. The
    document are the first `size` bytes of `source`, with the hex `sha256`; what a broken-off attempt left behind them goes.
    `certificates` are DER, the signer's first, without the root.

    `layout` names every field of the document. They are created together before the first signature, which certifies
    the document so that only further signatures may follow; later signatures find their field and leave the rest alone.
    """

    source: Path
    target: Path
    sha256: str
    size: int
    field_name: str
    layout: tuple[SignatureField, ...]
    placement: Placement
    seal_image: Path
    key: StoredKey
    certificates: tuple[bytes, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class SignedFile:
    """What a signature or an archive timestamp gave. `signed_at` is the timestamp authority's time."""

    sha256: str
    size: int
    level: Level
    signed_at: datetime
    certificate_sha256: str


class TrustServiceUnavailable(Exception):
    """An outside trust service did not answer as it must, so the promised level cannot be reached now. Trying again
    later may work.

    `which` is `TSA`, `OCSP` or `CRL`.
    """

    def __init__(self, which: str, detail: str = "") -> None:
        super().__init__(which, detail)
        self.which = which
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.which} unavailable: {self.detail}"


class DocumentRejected(Exception):
    """The file cannot be worked on. `code` is stable: PDF_INVALID, PDF_ENCRYPTED, PDF_TOO_COMPLEX, PDF_DAMAGED."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"
