"""What a validation costs, beside pyHanko as its documentation shows."""

# mypy: disable-error-code="no-untyped-call"
# pyHanko is typed in part only.

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from asn1crypto import x509 as asn1_x509
from esign_kit.refs import Placement
from esign_signer.adapters.pdf.engine import PdfEngine
from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.adapters.pdf.trust import TrustServices
from esign_signer.adapters.pdf.validation import PdfValidator
from esign_signer.domain.document import SignatureField
from esign_signer.domain.keys import KeyAlgorithm
from esign_signer.domain.report import Verdict

from bench.authority import Authority
from bench.registry import Context, Result, benchmark
from bench.suite_signing import FIELD, Signing, medians, timed

OTHER = SignatureField("Party2", Placement(20, 300_000, 100_000, 400_000, 200_000))


@benchmark("validation", "a file of 20 pages with two B-LT signatures, nothing asked of anyone")
async def validation(context: Context) -> AsyncIterator[Result]:
    """Medians of one run. Ours also checks revocation, bytes and changes in words; pyHanko as documented does not ask
    for revocation data."""
    with Authority() as authority:
        path, trust = await asyncio.to_thread(signed_twice, context.scratch / "validation", authority)
    rounds = 10 if context.quick else 40
    theirs, known, fresh = await asyncio.to_thread(measured, path, trust, rounds)
    metric = "validation, 20 pages, two signatures"
    yield Result(metric, "pyHanko as documented", theirs, "ms", note=f"{rounds} runs")
    yield Result(metric, "ours", known, "ms", limit=theirs / 2, note="authorities seen before")
    yield Result(metric, "ours, first file", fresh, "ms", note="nothing remembered")


def measured(path: Path, trust: TrustSettings, rounds: int) -> list[float]:
    """Milliseconds: pyHanko, ours, ours with nothing remembered."""
    validator = PdfValidator(trust, online=False)
    if validator.validate(path).verdict is not Verdict.PASSED:
        raise RuntimeError("the file does not validate")
    return medians(
        rounds,
        lambda: timed(lambda: as_documented(path, trust)),
        lambda: timed(lambda: validator.validate(path)),
        lambda: timed(lambda: PdfValidator(trust, online=False).validate(path)),
    )


def signed_twice(folder: Path, authority: Authority) -> tuple[Path, TrustSettings]:
    """A file with two B-LT signatures, and whom it needs to be trusted."""
    bench = Signing(folder, KeyAlgorithm.RSA_2048)
    trust = TrustSettings((authority.root,), (authority.tsa_url,))
    engine = PdfEngine(bench.who.keys, TrustServices(trust))
    chain = authority.issue(bench.who.key.public_key())
    first = replace(bench.order, certificates=chain, layout=(FIELD, OTHER), target=folder / "once.pdf")
    try:
        once = engine.sign(first)
        second = replace(
            first,
            source=first.target,
            target=folder / "twice.pdf",
            sha256=once.sha256,
            size=once.size,
            field_name=OTHER.name,
            placement=OTHER.placement,
        )
        engine.sign(second)
    finally:
        engine.close()
    return second.target, trust


def as_documented(path: Path, trust: TrustSettings) -> None:
    """pyHanko as its documentation shows: a validation context with roots, and `validate_pdf_signature` on each."""
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    with path.open("rb") as file:
        for signature in PdfFileReader(file).embedded_signatures:
            roots = [asn1_x509.Certificate.load(root) for root in trust.roots]
            if not validate_pdf_signature(signature, ValidationContext(trust_roots=roots)).bottom_line:
                raise RuntimeError("pyHanko does not accept the file")
