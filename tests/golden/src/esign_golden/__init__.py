"""The golden set: one document of every kind that people upload, made on the spot; no file of it is kept anywhere."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from esign_golden import archives, forms, large, layouts, signed, structures

Build = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Golden:
    """A document of the set. `big` ones take long to work on. `earlier_signatures` are those that it comes with.

    `left_to_viewers`: left, bottom, right, top, in points, of values on the first page that every program draws its own way.
    """

    build: Build
    pages: int
    big: bool = False
    earlier_signatures: int = 0
    left_to_viewers: tuple[tuple[int, int, int, int], ...] = ()


GOLDEN: Final[dict[str, Golden]] = {
    "lease of 80 pages": Golden(large.lease, 80),
    "scan of 50 MB": Golden(large.scan, large.SCANNED_PAGES, big=True),
    "500 pages in a deep tree": Golden(large.deep_tree, large.DEEP_PAGES, big=True),
    "rotated pages, odd boxes": Golden(layouts.rotated, 4),
    "user units": Golden(layouts.user_units, 1),
    "landscape": Golden(layouts.landscape, 2),
    "annotations": Golden(layouts.annotated, 1),
    "layers": Golden(layouts.layered, 1),
    "form": Golden(forms.filled, 1, left_to_viewers=(forms.UNDRAWN,)),
    "object streams": Golden(structures.object_streams, 3),
    "linearised": Golden(structures.linearised, 3),
    "hybrid cross-references": Golden(structures.hybrid, 2),
    "damaged cross-references": Golden(structures.damaged, 3),
    "broken metadata": Golden(structures.broken_metadata, 1),
    "updated many times": Golden(structures.updated, 2),
    "PDF 2.0": Golden(archives.pdf_2, 2),
    "PDF/A-1b": Golden(archives.pdfa_1b, 1),
    "PDF/A-2b": Golden(archives.pdfa_2b, 1),
    "signed twice": Golden(signed.twice, 2, earlier_signatures=2),
    "certified": Golden(signed.certified, 2, earlier_signatures=1),
}


class GoldenSet:
    """The documents, made in a folder when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> Path:
        """The document's file; not to be changed."""
        path = self._folder / f"{list(GOLDEN).index(name):02}.pdf"
        if not path.exists():
            GOLDEN[name].build(path)
        return path

    def __iter__(self) -> Iterator[str]:
        return iter(GOLDEN)
