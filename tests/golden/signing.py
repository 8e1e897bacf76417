"""The signer's engine, and where a seal is to be seen. All that the golden set's tests know of the signer is here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from esign_contract.domain.document import PageSize, TakenIn, lies_on_page
from esign_kit.refs import Placement
from esign_signer.adapters.keys.software import SoftwareKeyStore
from esign_signer.adapters.keys.wrapping import MasterKeys
from esign_signer.adapters.pdf.clean import NotClean
from esign_signer.adapters.pdf.engine import PdfEngine
from esign_signer.adapters.pdf.gate import ReleaseGate
from esign_signer.adapters.pdf.prepared import PreparedDocument
from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.adapters.pdf.trust import TrustServices
from esign_signer.adapters.pdf.validation import PdfValidator
from esign_signer.domain.document import SignatureField

from services.signer.tests.signer_tests.bench import Bench, pdfsig, qpdf_check
from services.signer.tests.signer_tests.pki import DER, PkiServer

__all__ = ["Signing", "pdfsig", "qpdf_check", "signing"]

SEAL: Final = 90_000
MARGIN: Final = 30_000


@dataclass(frozen=True, slots=True)
class Signing:
    """Signs documents for two parties: the first near the top left corner of the first page, the second near the bottom
    right corner of the last."""

    bench: Bench
    gate: ReleaseGate

    def sign(self, source: Path, taken: TakenIn, which: int) -> Path:
        """Signed for party `which`, 0 or 1, as the contract service would ask for it."""
        suffix = f"-{len(taken.signatures)}" if taken.signatures else ""
        places = self.places(taken)
        layout = tuple(SignatureField(f"Party{n}{suffix}", place) for n, place in enumerate(places, start=1))
        order = self.bench.order(source, which, layout=layout)
        self.bench.engine.sign(order)
        return order.target

    def released(self, signed: Path, earlier_signatures: int) -> tuple[str, ...]:
        """Archived, and what the release gate has against it, with two signatures of parties."""
        target = self.bench.folder / "archived.pdf"
        self.bench.engine.archive(signed, target)
        return self.gate.judge(target, 2, earlier_signatures).problems

    @staticmethod
    def takes_short_way(source: Path) -> bool:
        """Whether the document is of the form that the engine reads by itself."""
        try:
            PreparedDocument.read(source)
        except NotClean:
            return False
        return True

    @staticmethod
    def places(taken: TakenIn) -> tuple[Placement, Placement]:
        """Of both parties' seals."""
        first, last = taken.pages[0], taken.pages[-1]
        places = (
            _square(1, first.left + MARGIN, first.bottom + first.height - MARGIN - SEAL),
            _square(len(taken.pages), last.left + last.width - MARGIN - SEAL, last.bottom + MARGIN),
        )
        assert all(lies_on_page(place, taken.pages) for place in places)
        return places


def _square(page: int, x: int, y: int) -> Placement:
    return Placement(page, x, y, x + SEAL, y + SEAL)


def seen_at(place: Placement, page: PageSize, pixels: float) -> tuple[int, int, int, int]:
    """Where a place is on the page as shown, left, top, right, bottom, with `pixels` for a thousandth of a unit; a pixel
    more on every side, for edges are smoothed."""
    x1, x2 = place.x1 - page.left, place.x2 - page.left
    y1, y2 = place.y1 - page.bottom, place.y2 - page.bottom
    left, top, right, bottom = {
        0: (x1, page.height - y2, x2, page.height - y1),
        90: (y1, x1, y2, x2),
        180: (page.width - x2, y1, page.width - x1, y2),
        270: (page.height - y2, page.width - x2, page.height - y1, page.width - x1),
    }[page.rotation]
    return int(left * pixels) - 1, int(top * pixels) - 1, int(right * pixels) + 2, int(bottom * pixels) + 2


@contextmanager
def signing(folder: Path) -> Iterator[Signing]:
    """An engine, its keys and the trust services that it asks."""
    server = PkiServer()
    try:
        trust = TrustSettings((server.pki.root.public_bytes(DER),), (f"{server.pki.base_url}/tsa",), 5.0, 5.0)
        keys = SoftwareKeyStore(MasterKeys([bytes(range(32))]))
        engine = PdfEngine(keys, TrustServices(trust))
        yield Signing(Bench(server.pki, keys, engine, PdfValidator(trust), folder), ReleaseGate(trust, "pdfsig"))
        engine.close()
    finally:
        server.close()
