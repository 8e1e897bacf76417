"""A workbench for the PDF engine: a document with two fields, two signers, and what they make of it."""

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from esign_kit.refs import Placement
from esign_signer.adapters.keys.software import SoftwareKeyStore
from esign_signer.adapters.pdf.engine import PdfEngine
from esign_signer.adapters.pdf.validation import PdfValidator
from esign_signer.domain.document import SignatureField, SigningOrder
from esign_signer.domain.keys import KeyAlgorithm, NewKey, StoredKey, Subject
from pyhanko.pdf_utils.reader import PdfFileReader

from .documents import seal_png, write_pdf
from .pki import TrustPki

LAYOUT = (
    SignatureField("Party1", Placement(1, 100_000, 100_000, 200_000, 200_000)),
    SignatureField("Party2", Placement(3, 300_000, 100_000, 400_000, 200_500)),
)


@dataclass
class Bench:
    """Files are kept in `folder`. `made` keeps keys and signed documents for the tests that come after."""

    pki: TrustPki
    keys: SoftwareKeyStore
    engine: PdfEngine
    validator: PdfValidator
    folder: Path
    made: dict[str, bytes | NewKey] = field(default_factory=dict)

    def order(
        self,
        source: Path,
        which: int,
        *,
        certificate_seconds: float = 86400,
        reason: str = "同意签署",
        layout: tuple[SignatureField, ...] = LAYOUT,
        algorithm: KeyAlgorithm = KeyAlgorithm.RSA_2048,
    ) -> SigningOrder:
        """An order for party `which` with a new key and certificate."""
        key_id = f"key{which}{algorithm}"
        new = self.made.get(key_id)
        if not isinstance(new, NewKey):
            new = self.made[key_id] = self.keys.create(key_id, Subject(key_id), algorithm)
        request = x509.load_der_x509_csr(new.certification_request)
        public_key = cast(RSAPublicKey | EllipticCurvePublicKey, request.public_key())
        certificate = self.pki.certificate(f"签署人{which}", public_key, seconds=certificate_seconds)
        seal = self.folder / "seal.png"
        seal.write_bytes(seal_png())
        return SigningOrder(
            source=source,
            target=self.folder / f"signed{which}.pdf",
            sha256=hashlib.sha256(content := source.read_bytes()).hexdigest(),
            size=len(content),
            field_name=layout[which].name,
            layout=layout,
            placement=layout[which].placement,
            seal_image=seal,
            key=StoredKey(key_id, new.wrapped, hosted=False, algorithm=algorithm),
            certificates=self.pki.chain(certificate),
            reason=reason,
        )

    def document(self, *, rotate: int = 0) -> Path:
        """A new document."""
        return write_pdf(self.folder / "source.pdf", rotate=rotate)

    def signed_once(self) -> Path:
        """Signed by the first party."""

        def make(target: Path) -> None:
            self.engine.sign(replace(self.order(self.document(), 0), target=target))

        return self._made("once", make)

    def signed_twice(self) -> Path:
        """Signed by both."""

        def make(target: Path) -> None:
            self.engine.sign(replace(self.order(self.signed_once(), 1), target=target))

        return self._made("twice", make)

    def archived(self) -> Path:
        """Signed by both, and archived."""
        return self._made("archived", lambda target: self.engine.archive(self.signed_twice(), target))

    def _made(self, name: str, make: Callable[[Path], object]) -> Path:
        path, content = self.folder / f"{name}.pdf", self.made.get(name)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            make(path)
            self.made[name] = path.read_bytes()
        return path


def pdfsig(path: Path) -> str:
    """What Poppler says."""
    return subprocess.run(["pdfsig", "-nocert", path], capture_output=True, text=True, check=True).stdout


def qpdf_check(path: Path) -> None:
    """Fails unless qpdf finds the file clean."""
    done = subprocess.run(["qpdf", "--check", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def openssl(path: Path, roots: Path) -> list[str]:
    """OpenSSL verifies every signature and every document timestamp in a file against `roots` (PEM); their kinds."""
    kinds = []
    with path.open("rb") as stream:
        for embedded in PdfFileReader(stream).embedded_signatures:
            token, data = path.with_suffix(".der"), path.with_suffix(".signed")
            token.write_bytes(embedded.pkcs7_content)
            stream.seek(0)
            whole, (start, length, second, rest) = stream.read(), embedded.byte_range
            data.write_bytes(whole[start : start + length] + whole[second : second + rest])
            kinds.append(str(embedded.sig_object["/Type"]))
            if kinds[-1] == "/DocTimeStamp":
                options: list[str | Path] = ["ts", "-verify", "-token_in", "-in", token, "-data", data]
            else:
                options = ["cms", "-verify", "-binary", "-inform", "DER", "-in", token, "-content", data]
                options += ["-purpose", "any", "-out", path.with_suffix(".out")]
            done = subprocess.run(["openssl", *options, "-CAfile", roots], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
    return kinds
