"""Word documents (.docx, ISO/IEC 29500): made into PDFs by LibreOffice, where it is installed.

Runs in a worker process of its own. What could act or bring in content from elsewhere is refused before LibreOffice sees
it; LibreOffice gets a fresh profile that runs no macros and follows no links, and, where the system allows, no network.
"""

import ctypes
import os
import re
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from esign_contract.adapters.pdf.refused import Refused

MAX_PARTS: Final = 10_000
MAX_UNPACKED: Final = 1 << 30
MAX_RELATIONS: Final = 4 << 20
_ACTIVE: Final = re.compile(r"(?i)vbaproject|vbadata|/activex/|/embeddings/|\.bin$")
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_FILTER: Final = 'pdf:writer_pdf_Export:{"ExportFormFields":{"type":"boolean","value":"false"}}'
_PROFILE: Final = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema">
{items}</oor:items>
"""
_ITEM: Final = (
    '<item oor:path="/org.openoffice.Office.{path}"><prop oor:name="{name}" oor:op="fuse"><value>{value}</value></prop>'
    "</item>\n"
)
_RULES: Final = (
    ("Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("Common/Security/Scripting", "DisableActiveContent", "true"),
    ("Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("Writer/Content/Update", "Link", "0"),
)


def convert(source: Path, target: Path, soffice: str) -> None:
    """Write `source` as a PDF to `target`; `soffice` is LibreOffice's program, empty where there is none.

    Raises Refused. Its time is bounded by whoever started this process.
    """
    _examine(source)
    if not soffice:
        raise Refused("DOCUMENT_WORD_UNAVAILABLE")
    with tempfile.TemporaryDirectory(prefix="word-", dir=target.parent) as name:
        folder = Path(name)
        profile = folder / "profile" / "user"
        profile.mkdir(parents=True)
        items = "".join(_ITEM.format(path=path, name=rule, value=value) for path, rule, value in _RULES)
        (profile / "registrymodifications.xcu").write_text(_PROFILE.format(items=items), encoding="utf-8")
        document = folder / "document.docx"
        os.link(source, document)
        _without_network()
        done = subprocess.run(  # noqa: S603 - the operator's program, paths of our own
            [
                soffice,
                f"-env:UserInstallation={profile.parent.as_uri()}",
                "--headless",
                "--norestore",
                "--nolockcheck",
                "--nodefault",
                "--convert-to",
                _FILTER,
                "--outdir",
                str(folder),
                str(document),
            ],
            env={"HOME": str(folder), "PATH": os.defpath, "LANG": "C.UTF-8", "SAL_USE_VCLPLUGIN": "svp"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        made = folder / "document.pdf"
        # It ends with 0 also when it made nothing.
        if done.returncode != 0 or not made.is_file() or made.stat().st_size == 0:
            raise Refused("DOCUMENT_WORD_FAILED")
        made.replace(target)


def _examine(source: Path) -> None:
    """Raises Refused for a package that is no plain Word document."""
    try:
        with zipfile.ZipFile(source) as package:
            parts = package.infolist()
            names = {part.filename for part in parts}
            if "word/document.xml" not in names or "[Content_Types].xml" not in names:
                raise Refused("DOCUMENT_NOT_PDF")
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise Refused("DOCUMENT_TOO_COMPLEX")
            if any(_ACTIVE.search(name) for name in names) or _macro_type(package):
                raise Refused("DOCUMENT_WORD_ACTIVE")
            for part in parts:
                if part.filename.endswith(".rels") and _brings_in(_read(package, part)):
                    raise Refused("DOCUMENT_WORD_ACTIVE")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError, EOFError, SyntaxError):
        raise Refused("DOCUMENT_NOT_PDF") from None


def _macro_type(package: zipfile.ZipFile) -> bool:
    return b"macroEnabled" in _read(package, package.getinfo("[Content_Types].xml"))


def _read(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    with package.open(part) as stream:
        content = stream.read(MAX_RELATIONS + 1)
    if len(content) > MAX_RELATIONS:
        raise Refused("DOCUMENT_TOO_COMPLEX")
    return content


def _brings_in(relations: bytes) -> bool:
    """Whether something but a hyperlink is outside of the package: a picture, a template, an object."""
    root = ElementTree.fromstring(relations)  # noqa: S314 - small, and expat stops entities that multiply
    return any(
        one.get("TargetMode", "").lower() == "external" and not one.get("Type", "").endswith("/hyperlink")
        for one in root
    )


def _without_network() -> bool:
    """A network namespace of its own, with nothing in it. False where the system does not allow one."""
    try:
        return bool(ctypes.CDLL(None, use_errno=True).unshare(_NEW_USER | _NEW_NETWORK) == 0)
    except (OSError, AttributeError):
        return False
