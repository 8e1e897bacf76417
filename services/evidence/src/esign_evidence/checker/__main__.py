"""The command: `python -m esign_evidence.checker evidence.zip [--document contract.pdf]`, or `python -m checker` beside an unpacked package.

Exit status: 0 everything holds, 1 something does not, 2 the input cannot be read.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

from .verify import Report, check

TITLES = {
    "package": ("证据包结构完整", "the package is whole"),
    "text": ("存证文本与其哈希一致", "the text evidence has the stated hash"),
    "checkpoint": ("日志检查点签名有效", "the log's checkpoint is signed and bound by the text"),
    "records": ("全部记录在日志中，未被篡改", "every record is in the log, unaltered"),
    "signatures": ("每个签署均有有效的签署授权", "every signature rests on a valid activation"),
    "document": ("签署、归档与完成的文件一致", "signed, released and completed documents agree"),
    "anchor": ("司法区块链存证回执与文本一致", "the judicial chain's receipt is for this text"),
}

NOTES = {
    "LOG_KEY_NOT_PINNED": (
        "日志公钥取自证据包本身；请与平台公布的公钥核对，或用 --log-key 指定",
        "the log's key is the package's own: compare it with the published one, or give --log-key",
    ),
    "ACTIVATION_KEY_NOT_PINNED": (
        "授权公钥取自证据包本身；请核对，或用 --activation-key 指定",
        "the activation keys are the package's own: compare them, or give --activation-key",
    ),
    "DOCUMENT_NOT_GIVEN": ("未比对合同文件（--document）", "no document was compared (--document)"),
    "CHAIN_NOT_ASKED": (
        "请在核验地址用统一证据编号查询区块",
        "ask the chain for the block, by the evidence number, at the verification address",
    ),
    "PDF_SIGNATURES_NOT_VALIDATED": (
        "PDF 内的电子签名请用 PDF 签名验证工具验证",
        "validate the signatures inside the PDF with a PDF tool",
    ),
}


def render(report: Report, language: str) -> str:
    """The report for people."""
    at = 0 if language == "zh" else 1
    lines = []
    for name, texts in TITLES.items():
        mark = {True: "✓", False: "✗", None: "-"}[report.checks.get(name)]
        lines.append(f"{mark} {texts[at]}")
        lines += [f"    {code} {detail}".rstrip() for check_name, code, detail in report.problems if check_name == name]
    lines += ["", *(f"{name}: {value}" for name, value in report.facts.items() if value is not None), ""]
    lines += [f"* {NOTES[note][at]}" for note in report.notes]
    verdict = ("核验通过", "PASSED") if report.passed else ("核验不通过", "FAILED")
    return "\n".join([*lines, "", verdict[at]])


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="checker", description="Checks an evidence package offline. 离线核验电子证据包。"
    )
    parser.add_argument("package", type=Path, help="evidence.zip")
    parser.add_argument("--document", type=Path, help="the completed contract, PDF")
    parser.add_argument(
        "--log-key", default="", help="the log's published key (vkey), trusted instead of the package's"
    )
    parser.add_argument("--activation-key", type=Path, action="append", help="a trusted activation key, PEM")
    parser.add_argument("--lang", choices=("zh", "en"), default="zh")
    parser.add_argument("--json", action="store_true", help="machine-readable report")
    options = parser.parse_args(arguments)
    try:
        package = options.package.read_bytes()
        keys = [path.read_bytes() for path in options.activation_key or []]
        digest = ""
        if options.document:
            with options.document.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    report = check(package, document_sha256=digest, log_key=options.log_key.strip(), activation_keys=keys or None)
    if options.json:
        result = {
            "passed": report.passed,
            "checks": report.checks,
            "problems": [{"check": name, "code": code, "detail": detail} for name, code, detail in report.problems],
            "facts": report.facts,
            "notes": report.notes,
        }
        sys.stdout.write(json.dumps(result, ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.write(render(report, options.lang) + "\n")
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
