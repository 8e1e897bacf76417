"""What a signature costs, from stored bytes to stored bytes, beside the one operation that nobody can do without."""

# mypy: disable-error-code="no-untyped-call"
# pyHanko is typed in part only.

import asyncio
import gc
import hashlib
import io
import os
import resource
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pikepdf
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from esign_kit.refs import Placement
from esign_signer.adapters.keys.software import SoftwareKeyStore
from esign_signer.adapters.keys.wrapping import MasterKeys
from esign_signer.adapters.pdf.engine import PdfEngine
from esign_signer.adapters.pdf.fields import ValidationData
from esign_signer.adapters.pdf.prepared import PreparedDocument
from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.adapters.pdf.trust import TrustServices
from esign_signer.domain.document import SignatureField, SigningOrder
from esign_signer.domain.keys import KeyAlgorithm, StoredKey, Subject
from PIL import Image, ImageDraw

from bench.authority import Authority
from bench.registry import Better, Context, Result, benchmark

FIELD = SignatureField("Party1", Placement(1, 100_000, 100_000, 200_000, 200_000))
MIB = 2**20
SHA256 = Prehashed(hashes.SHA256())
DIGEST = hashlib.sha256(b"").digest()
MASTER_KEY = bytes(32)


@dataclass(frozen=True)
class Signatory:
    """A key in our store, the same key as a file for others, and its certificate."""

    stored: StoredKey
    keys: SoftwareKeyStore
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def sign(self) -> bytes:
        """One bare signature: the limit."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(DIGEST, padding.PKCS1v15(), SHA256)
        return self.key.sign(DIGEST, ec.ECDSA(SHA256))


def signatory(algorithm: KeyAlgorithm) -> Signatory:
    """A signatory with a certificate of its own making."""
    keys = SoftwareKeyStore(MasterKeys([MASTER_KEY]))
    made = keys.create("bench", Subject("bench"), algorithm)
    stored = StoredKey("bench", made.wrapped, hosted=True, algorithm=algorithm)
    key = keys.load(stored)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bench")])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return Signatory(stored, keys, key, builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()))


def seal() -> bytes:
    """A red ring of 200 pixels on a transparent ground."""
    image = Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((4, 4, 195, 195), outline=(200, 0, 0, 255), width=8)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def document(path: Path, pages: int, ballast: int = 0) -> Path:
    """A document as intake leaves it: `pages` of text, and `ballast` bytes of scans in it."""
    with pikepdf.new() as pdf:
        font = pdf.make_indirect(
            pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        )
        for number in range(pages):
            page = pdf.add_blank_page(page_size=(595, 842)).obj
            lines = (f"1 0 0 1 72 {780 - 18 * line} Tm (Page {number}, line {line}) Tj" for line in range(40))
            page.Contents = pdf.make_stream(f"BT /F1 10 Tf {' '.join(lines)} ET".encode())
            page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
            if ballast:
                page.Resources.XObject = pikepdf.Dictionary(Scan=pdf.make_stream(os.urandom(ballast // pages)))
        pdf.save(path, object_stream_mode=pikepdf.ObjectStreamMode.disable, min_version="1.7")
    return path


def order(who: Signatory, source: Path, target: Path, seal_image: Path) -> SigningOrder:
    """The first party's signature."""
    with source.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return SigningOrder(
        source=source,
        target=target,
        sha256=sha256,
        size=source.stat().st_size,
        field_name=FIELD.name,
        layout=(FIELD,),
        placement=FIELD.placement,
        seal_image=seal_image,
        key=who.stored,
        certificates=(who.certificate.public_bytes(Encoding.DER),),
        reason="同意签署",
    )


def finish(prepared: PreparedDocument, wanted: SigningOrder, who: Signatory, image: bytes) -> str:
    """What is left after 结束签章, without a timestamp."""
    pending = prepared.signature(wanted, image, ValidationData())
    update = pending.update(who.keys.sign_digest(wanted.key, pending.digest()))
    return prepared.append(wanted.source, wanted.target, update)


def timed(function: Callable[[], object]) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    function()
    return (time.perf_counter() - begun) * 1e3


class Signing:
    """One document, one signatory; every signature is made into a file of its own."""

    def __init__(self, folder: Path, algorithm: KeyAlgorithm, pages: int = 20, ballast: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.who, self.image = folder, signatory(algorithm), seal()
        self.source = document(folder / "source.pdf", pages, ballast)
        self.seal_image = folder / "seal.png"
        self.seal_image.write_bytes(self.image)
        self.order = order(self.who, self.source, folder / "target.pdf", self.seal_image)

    def both(self) -> float:
        """Prepare and finish, as the service does: the stored document is read, hashed and signed where it stands."""
        self.order.target.write_bytes(self.source.read_bytes())
        wanted = replace(self.order, source=self.order.target)
        return timed(lambda: finish(PreparedDocument.read(wanted.source), wanted, self.who, self.image))

    def copied(self) -> float:
        """Prepare and finish, into a file of its own."""
        self.order.target.unlink(missing_ok=True)
        return timed(lambda: finish(PreparedDocument.read(self.source), self.order, self.who, self.image))

    def at_hand(self) -> PreparedDocument:
        """The document lies where it will be signed, read and hashed."""
        self.order.target.write_bytes(self.source.read_bytes())
        return PreparedDocument.read(self.order.target)

    def last_step(self) -> float:
        """Finish alone."""
        prepared, wanted = self.at_hand(), replace(self.order, source=self.order.target)
        return timed(lambda: finish(prepared, wanted, self.who, self.image))

    def bare(self) -> float:
        """One bare signature, after the same preparation: both find the processor's caches as cold."""
        self.at_hand()
        return timed(self.who.sign)


def as_documented(folder: Path, source: Path, who: Signatory, seal_image: Path) -> Callable[[], float]:
    """pyHanko as its documentation shows: a signer loaded from files, a stamp with an image, `sign_pdf`."""
    from pyhanko.pdf_utils.images import PdfImage
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers
    from pyhanko.stamp import TextStampStyle

    key_file, certificate_file = folder / "key.pem", folder / "certificate.pem"
    key_file.write_bytes(who.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certificate_file.write_bytes(who.certificate.public_bytes(Encoding.PEM))
    signer = signers.SimpleSigner.load(str(key_file), str(certificate_file))
    style = TextStampStyle(stamp_text="", background=PdfImage(Image.open(seal_image)))
    target = folder / "documented.pdf"

    def sign() -> None:
        with source.open("rb") as file, target.open("wb") as out:
            writer = IncrementalPdfFileWriter(file)
            fields.append_signature_field(writer, fields.SigFieldSpec("Party1", on_page=0, box=(100, 100, 200, 200)))
            metadata = signers.PdfSignatureMetadata(field_name="Party1", certify=True)
            signers.PdfSigner(metadata, signer=signer, stamp_style=style).sign_pdf(writer, output=out)

    return lambda: timed(sign)


def medians(rounds: int, *functions: Callable[[], float]) -> list[float]:
    """Of measurements in turn, so that all see the same machine."""
    found: list[list[float]] = [[] for _ in functions]
    for function in functions:
        function()
    gc.collect()
    for _ in range(rounds):
        for which, function in enumerate(functions):
            found[which].append(function())
    return [statistics.median(each) for each in found]


@benchmark("signing", "one visible signature, 20 pages, no timestamp, stored bytes to stored bytes")
async def signing(context: Context) -> AsyncIterator[Result]:
    """Medians of one run. The limits are multiples of one bare signature of the same run."""
    for algorithm in KeyAlgorithm:
        bench = Signing(context.scratch / f"signing-{algorithm}", algorithm)
        documented = as_documented(bench.folder, bench.source, bench.who, bench.seal_image)
        rounds, theirs_rounds = (50, 5) if context.quick else (300, 15)
        bare, both, last = await asyncio.to_thread(medians, rounds, bench.bare, bench.both, bench.last_step)
        (theirs,) = await asyncio.to_thread(medians, theirs_rounds, documented)
        limited = algorithm is KeyAlgorithm.RSA_2048
        metric = f"a signature ({algorithm})"
        yield Result(metric, "bare", bare, "ms")
        yield Result(metric, "prepare + finish", both, "ms", limit=3 * bare if limited else None, note="3 × bare")
        yield Result(metric, "finish alone", last, "ms", limit=1.5 * bare if limited else None, note="1.5 × bare")
        yield Result(metric, "pyHanko as documented", theirs, "ms")
        yield Result(
            f"pyHanko as documented / ours ({algorithm})",
            "prepare + finish",
            theirs / both,
            "×",
            Better.HIGHER,
            limit=50 if limited else None,
        )


def copied(source: Path, target: Path) -> None:
    """Reads, hashes and writes a file: the least that signing it can take."""
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("wb") as out:
        while chunk := file.read(MIB):
            digest.update(chunk)
            out.write(chunk)


@benchmark("scan", "a scanned document of 60 MB")
async def scan(context: Context) -> AsyncIterator[Result]:
    """Against reading, hashing and writing the same file; memory in a process that does nothing else."""
    bench = Signing(context.scratch / "scan", KeyAlgorithm.RSA_2048, ballast=60 * 10**6)
    other = bench.folder / "copy.pdf"

    def read_hash_write() -> float:
        other.unlink(missing_ok=True)
        return timed(lambda: copied(bench.source, other))

    rounds = 5 if context.quick else 15
    least, both, last = await asyncio.to_thread(medians, rounds, read_hash_write, bench.copied, bench.last_step)
    yield Result("60 MB", "read, hash, write", least, "ms")
    yield Result(
        "60 MB", "prepare + finish, into a new file", both, "ms", limit=1.5 * least, note="1.5 × read, hash, write"
    )
    yield Result("60 MB", "finish alone", last, "ms", limit=5)
    alone = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, str(bench.folder)), stdout=asyncio.subprocess.PIPE
    )
    grown, _ = await alone.communicate()
    yield Result("memory beyond the file", "60 MB", float(grown), "MiB", limit=16)


def growth(folder: Path) -> float:
    """MiB by which this process's peak grows when it signs `folder`'s document, beyond what a short document asks for."""
    small = Signing(folder / "small", KeyAlgorithm.RSA_2048)
    small.both()
    wanted = order(small.who, folder / "source.pdf", folder / "grown.pdf", small.seal_image)
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    finish(PreparedDocument.read(wanted.source), wanted, small.who, small.image)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


_in_worker: Signing | None = None


def enter(folder: Path) -> None:
    """A worker process's own document."""
    global _in_worker
    _in_worker = Signing(folder / str(os.getpid()), KeyAlgorithm.RSA_2048)
    _in_worker.copied()


def many(count: int) -> None:
    """Signs again and again."""
    assert _in_worker is not None
    for _ in range(count):
        _in_worker.copied()


@benchmark("workers", "signatures per second of worker processes")
async def workers(context: Context) -> AsyncIterator[Result]:
    """The same work, by one process and by two."""
    loop, batch = asyncio.get_running_loop(), 100 if context.quick else 400
    speeds: dict[int, list[float]] = {1: [], 2: []}
    with ProcessPoolExecutor(2, initializer=enter, initargs=(context.scratch / "workers",)) as pool:
        await asyncio.gather(*(loop.run_in_executor(pool, many, 20) for _ in range(8)))
        for _ in range(3):
            for size, found in speeds.items():
                begun = time.perf_counter()
                await asyncio.gather(*(loop.run_in_executor(pool, many, batch) for _ in range(size)))
                found.append(size * batch / (time.perf_counter() - begun))
    one, two = (statistics.median(found) for found in speeds.values())
    yield Result("signatures per second", "one process", one, "1/s", Better.HIGHER)
    yield Result("signatures per second", "two processes", two, "1/s", Better.HIGHER, limit=1.8 * one, note="1.8 × one")


@benchmark("b-lt", "a B-LT signature with a timestamp authority, OCSP and CRL beside it")
async def b_lt(context: Context) -> AsyncIterator[Result]:
    """Our own CPU time, round trips included; the authorities run in a process of their own."""
    with Authority() as authority:
        yield await asyncio.to_thread(stamped, context, authority)


def stamped(context: Context, authority: Authority) -> Result:
    """The median of CPU time per signature."""
    bench = Signing(context.scratch / "b-lt", KeyAlgorithm.RSA_2048)
    chain = authority.issue(bench.who.key.public_key())
    trust = TrustSettings((authority.root,), (authority.tsa_url,))
    engine, wanted = PdfEngine(bench.who.keys, TrustServices(trust)), replace(bench.order, certificates=chain)
    try:
        engine.sign(wanted)
        spent: list[float] = []
        for _ in range(20 if context.quick else 60):
            wanted.target.unlink()
            begun = time.process_time()
            engine.sign(wanted)
            spent.append((time.process_time() - begun) * 1e3)
    finally:
        engine.close()
    return Result("own CPU", "B-LT, hosted key", statistics.median(spent), "ms", limit=15)


if __name__ == "__main__":
    sys.stdout.write(str(growth(Path(sys.argv[1]))))
