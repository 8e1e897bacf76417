"""Independent checks of what a journey leaves: other people's programs, and the evidence checker as anyone would run it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

SIGNATURES = 2


def pdfsig(pdf: Path) -> str:
    """Poppler accepts every signature. Raises AssertionError; answers what it said in one line, or that it is not there."""
    program = shutil.which("pdfsig")
    if program is None:
        return "pdfsig is not installed"
    output = _run([program, "-nocert", str(pdf)])
    states = re.findall(r"Signature Validation: (.+)", output)
    if len(states) < SIGNATURES or any(state != "Signature is Valid." for state in states):
        raise AssertionError(f"pdfsig: {states or output[:300]}")
    return f"pdfsig: {len(states)} signatures valid"


def qpdf(pdf: Path) -> str:
    """qpdf finds no fault in the file's structure. Raises AssertionError."""
    program = shutil.which("qpdf")
    if program is None:
        return "qpdf is not installed"
    output = _run([program, "--check", str(pdf)])
    if "WARNING" in output:
        raise AssertionError(f"qpdf: {output[:300]}")
    return "qpdf: no errors"


def evidence(package: Path, pdf: Path, log_key: str = "") -> str:
    """The package proves itself and the document, without the platform. Raises AssertionError."""
    command = [sys.executable, "-m", "esign_evidence.checker", str(package), "--document", str(pdf)]
    _run([*command, "--log-key", log_key] if log_key else command)
    return "evidence checker: passed"


def _run(command: list[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if result.returncode != 0:
        raise AssertionError(
            f"{Path(command[0]).name} ended with {result.returncode}: {(result.stdout + result.stderr)[-600:]}"
        )
    return result.stdout + result.stderr
