"""Independent checks of what a journey leaves: other people's programs, and the evidence checker as anyone would run it."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

SIGNATURES = 2


def pdfsig(pdf: Path) -> str:
    """Poppler accepts every signature; document timestamps it does not know (`openssl` checks them).

    Raises AssertionError; answers in one line what it said, or that it is not installed.
    """
    program = shutil.which("pdfsig")
    if program is None:
        return "pdfsig is not installed"
    output = _run([program, "-nocert", str(pdf)])
    signatures = [block for block in output.split("Signature #")[1:] if "Signature Type: ETSI.CAdES.detached" in block]
    valid = [block for block in signatures if "Signature Validation: Signature is Valid." in block]
    if len(valid) < SIGNATURES or len(valid) != len(signatures):
        raise AssertionError(f"pdfsig: {output[-600:]}")
    return f"pdfsig: {len(valid)} signatures valid"


def openssl(pdf: Path, roots: Path) -> str:
    """Every signature and the archive timestamp hold, with certificates that lead to the roots. Raises AssertionError."""
    program = shutil.which("openssl")
    if program is None:
        return "openssl is not installed"
    kinds: list[str] = []
    with tempfile.TemporaryDirectory(prefix="esign-check-") as scratch:
        token, data = Path(scratch) / "token.der", Path(scratch) / "data"
        for kind, content, signed in _signatures(pdf.read_bytes()):
            token.write_bytes(content)
            data.write_bytes(signed)
            if kind == "ETSI.RFC3161":
                _run([program, *f"ts -verify -token_in -in {token} -data {data} -CAfile {roots}".split()])
            else:
                options = f"cms -verify -binary -inform DER -in {token} -content {data} -CAfile {roots} -purpose any"
                _run([program, *options.split(), "-out", "/dev/null"])
            kinds.append(kind)
    signatures, timestamps = kinds.count("ETSI.CAdES.detached"), kinds.count("ETSI.RFC3161")
    if signatures < SIGNATURES or kinds[-1] != "ETSI.RFC3161":
        raise AssertionError(f"openssl: the file holds {kinds}")
    return f"openssl: {signatures} signatures and {timestamps} document timestamps lead to the trusted roots"


def _signatures(pdf: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """SubFilter, DER content and signed bytes of every signature (ISO 32000-2, 12.8.1), in the order of the file."""
    for found in re.finditer(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]", pdf):
        start, length, second, rest = map(int, found.groups())
        padded = bytes.fromhex(pdf[start + length : second].strip(b"<> \r\n").decode())
        kinds = re.findall(rb"/SubFilter\s*/([\w.]+)", pdf[max(0, start + length - 600) : second + 600])
        yield kinds[-1].decode(), _der(padded), pdf[start : start + length] + pdf[second : second + rest]


def _der(padded: bytes) -> bytes:
    """The first DER element, without the padding behind it."""
    short = padded[1] < 0x80
    octets = 0 if short else padded[1] & 0x7F
    size = padded[1] if short else int.from_bytes(padded[2 : 2 + octets], "big")
    return padded[: 2 + octets + size]


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
