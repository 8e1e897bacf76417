"""`esign verify FILE.pdf --trust ROOTS.pem`: validates a signed PDF on this machine, with no platform around.

Exit status: 0 every signature holds, 1 at least one does not, 2 the file or the arguments cannot be used, 3 the file has
no signature.
"""

import argparse
import json
import locale
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from esign_signer.domain.document import DocumentRejected
from esign_signer.domain.plain import plain
from esign_signer.domain.report import ChainCertificate, SignatureReport, ValidationReport, Verdict
from esign_signer.domain.words import (
    LEVELS,
    Language,
    Text,
    change_text,
    chosen,
    problem_text,
    revocation_text,
    summary,
    time_source_text,
    verdict_text,
)

PASSED, FAILED, UNUSABLE, NOT_SIGNED = 0, 1, 2, 3
_EXIT: Final = {Verdict.PASSED: PASSED, Verdict.FAILED: FAILED, Verdict.NOT_SIGNED: NOT_SIGNED}
_SECONDS: Final = 120.0
_FONTS: Final = (
    "node_modules/@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
)

_REJECTED: Final[dict[str, Text]] = {
    "PDF_INVALID": ("不是可读取的 PDF 文件", "not a readable PDF"),
    "PDF_ENCRYPTED": ("文件已加密，无法验证", "the file is encrypted"),
    "PDF_TOO_COMPLEX": ("文件过于复杂，无法验证", "the file asks for more work than any contract does"),
}


class _Unusable(Exception):
    """What stops the command, told to a person."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit status."""
    options = _parser().parse_args(arguments)
    language: Language = options.lang or _language_of_this_machine()
    try:
        report = _validated(options.file, options.trust, online=options.online)
        if options.report is not None:
            _print_report(report, options.file, options.report, options.font, language)
    except DocumentRejected as error:
        reason = chosen(_REJECTED.get(error.code, _REJECTED["PDF_INVALID"]), language)
        sys.stderr.write(f"esign: {options.file}: {reason} [{error.code}]\n")
        return UNUSABLE
    except (_Unusable, OSError) as error:
        sys.stderr.write(f"esign: {error}\n")
        return UNUSABLE
    if options.json:
        text = json.dumps(plain(report, language), ensure_ascii=False, indent=2)
    else:
        text = "\n".join(_lines(report, options.file, language))
    sys.stdout.write(f"{text}\n")
    return _EXIT[report.verdict]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="esign", description="SOHO China's electronic seals, on the command line.")
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser(
        "verify",
        help="验证已签署的 PDF / validate a signed PDF",
        epilog="Exit status: 0 valid, 1 not valid, 2 unreadable file or wrong usage, 3 not signed.",
    )
    verify.add_argument("file", type=Path, metavar="FILE.pdf")
    verify.add_argument("--trust", type=Path, required=True, metavar="ROOTS.pem", help="the roots to trust")
    verify.add_argument("--json", action="store_true", help="the whole report as JSON")
    verify.add_argument("--report", type=Path, metavar="OUT.pdf", help="write the report as a PDF too")
    verify.add_argument("--font", type=Path, metavar="FONT.ttf", help="TrueType font for the PDF report")
    verify.add_argument("--lang", choices=("zh", "en"), help="default: by LANG")
    verify.add_argument(
        "--online", action="store_true", help="ask for present revocation state where the file's own is stale"
    )
    return parser


def _validated(file: Path, trust: Path, *, online: bool) -> ValidationReport:
    # Reading PDFs takes a second to import: not for --help and wrong usage.
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from esign_signer.adapters.pdf.settings import TrustSettings
    from esign_signer.adapters.pdf.validation import PdfValidator
    from esign_signer.adapters.pdf.worker import limited

    try:
        roots = x509.load_pem_x509_certificates(trust.read_bytes())
    except ValueError as error:
        raise _Unusable(f"{trust}: no PEM certificates") from error
    settings = TrustSettings(tuple(root.public_bytes(Encoding.DER) for root in roots), ())
    with limited(_SECONDS):
        return PdfValidator(settings, online=online).validate(file)


def _print_report(report: ValidationReport, file: Path, target: Path, font: Path | None, language: Language) -> None:
    from esign_signer.adapters.pdf.picture import with_pictures
    from esign_signer.adapters.pdf.report_pdf import render
    from esign_signer.adapters.pdf.worker import limited

    found = font or next((path for path in map(Path, _FONTS) if path.is_file()), None)
    if found is None:
        raise _Unusable("no font for the PDF report; name a TrueType font with Chinese characters: --font FONT.ttf")
    with limited(_SECONDS):
        drawn = with_pictures(report, file)
        target.write_bytes(render(drawn, file_name=file.name, font=found, language=language))


def _lines(report: ValidationReport, file: Path, language: Language) -> list[str]:
    def say(zh: str, en: str) -> str:
        return zh if language == "zh" else en

    lines = [f"{_mark(report.verdict is Verdict.PASSED)} {file}: {chosen(summary(report), language)}"]
    lines.append(f"  SHA-256 {report.sha256}")
    lines += [f"  ! {chosen(problem_text(problem), language)} [{problem}]" for problem in report.problems]
    if report.archived_at:
        lines.append(f"  {say('归档时间戳', 'Archive timestamp')}: {_moment(report.archived_at)}")
    for number, signature in enumerate(report.signatures, 1):
        lines += ["", *_signature_lines(number, signature, language)]
    return lines


def _signature_lines(number: int, signature: SignatureReport, language: Language) -> list[str]:
    zh = language == "zh"
    who = signature.signer or signature.field_name
    lines = [f"{_mark(signature.passed)} {'签名' if zh else 'Signature'} {number}: {who}"]
    lines.append(f"  {chosen(verdict_text(signature), language)}")
    if signature.problems:
        lines.append(f"  {'问题代码' if zh else 'Codes'}: {', '.join(signature.problems)}")
    code = signature.unified_social_credit_code
    when = f"{_moment(signature.signed_at)} ({chosen(time_source_text(signature), language)})"
    seal = signature.seal
    page = "" if seal is None else f"第 {seal.page} 页" if zh else f"page {seal.page}"
    facts = [
        ("签署单位", "Organisation", f"{signature.organisation} {code}".strip()),
        ("时间", "Time", when if signature.signed_at else ""),
        ("印章位置", "Seal", page),
        ("事由", "Reason", signature.reason),
        ("级别", "Level", f"PAdES {signature.level}, {chosen(LEVELS[signature.level], language)}"),
        ("算法", "Algorithm", signature.algorithm),
    ]
    lines += [f"  {label_zh if zh else label_en}: {value}" for label_zh, label_en, value in facts if value]
    lines += [f"  · {_certificate_line(one, language)}" for one in signature.chain]
    lines += [
        f"  {'+' if change.kind.allowed else '!'} {chosen(change_text(change), language)}"
        for change in signature.changes
    ]
    return lines


def _certificate_line(one: ChainCertificate, language: Language) -> str:
    return f"{one.subject}: {chosen(revocation_text(one.revocation, _moment), language)}"


def _mark(good: bool) -> str:
    return "✓" if good else "✗"


def _moment(moment: datetime | None) -> str:
    """In this machine's time zone."""
    return moment.astimezone().isoformat(sep=" ", timespec="seconds") if moment else "?"


def _language_of_this_machine() -> Language:
    name = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    name = name or (locale.getlocale()[0] or "")
    return "en" if name.lower().startswith("en") else "zh"


if __name__ == "__main__":
    sys.exit(main())
