"""Word documents: what is refused before anything opens them, and how the converter is run.

LibreOffice's place is taken by a small program of the same command line.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from esign_contract.adapters.pdf.process import PdfProcesses
from esign_contract.settings import WorkerSettings
from esign_kit.errors import InvalidInput
from esign_kit.testing import eventually

from .documents import build
from .samples import FONT

HYPERLINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"
PICTURE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"
RELATIONS = "word/_rels/document.xml.rels"

CONVERTER = """#!{python}
import json, os, pathlib, resource, socket, sys, time
arguments = sys.argv[1:]
folder = pathlib.Path(arguments[arguments.index("--outdir") + 1])
profile = next(a for a in arguments if a.startswith("-env:UserInstallation=file://")).split("file://")[1]
assert arguments[-1].endswith(".docx") and pathlib.Path(arguments[-1]).read_bytes()[:2] == b"PK"
(pathlib.Path({seen!r})).write_text(json.dumps({{
    "arguments": arguments,
    "rules": pathlib.Path(profile, "user", "registrymodifications.xcu").read_text(),
    "environment": dict(os.environ),
    "memory": resource.getrlimit(resource.RLIMIT_AS)[0],
    "process": os.getpid(),
    "networks": [line.split(":")[0].strip() for line in open("/proc/self/net/dev") if ":" in line],
}}))
{work}
"""
WRITES = "(folder / 'document.pdf').write_bytes(pathlib.Path({pdf!r}).read_bytes())"


def word(**parts: str) -> bytes:
    """A package with the parts of a plain Word document, and others."""
    contents = {
        "[Content_Types].xml": "<Types/>",
        "word/document.xml": "<document/>",
        RELATIONS: relations(HYPERLINK),
    } | parts
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in contents.items():
            package.writestr(name, content)
    return out.getvalue()


def relations(kind: str, mode: str = "External") -> str:
    return (
        f'<Relationships><Relationship Id="r1" Type="{kind}" Target="http://x/" TargetMode="{mode}"/></Relationships>'
    )


def has_namespaces() -> bool:
    """Whether this system gives a process a network of its own; elsewhere there is only the profile."""
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-rn", "true"], check=False).returncode == 0


class Converter:
    """The program, and what it saw."""

    def __init__(self, folder: Path, work: str) -> None:
        self.path, self.folder, self._seen = folder / "soffice", folder, folder / "seen.json"
        (folder / "made.pdf").write_bytes(build(2))
        written = work.replace("WRITES", WRITES.format(pdf=str(folder / "made.pdf")))
        self.path.write_text(CONVERTER.format(python=sys.executable, seen=str(self._seen), work=written))
        self.path.chmod(0o755)

    def saw(self) -> dict[str, object]:
        seen: dict[str, object] = json.loads(self._seen.read_text())
        return seen


async def taken_in(folder: Path, content: bytes, soffice: str, **settings: object) -> int:
    """The pages of what came out."""
    source = folder / "upload"
    source.write_bytes(content)
    bounds = WorkerSettings(soffice=soffice, **settings)  # type: ignore[arg-type]
    pdf = PdfProcesses(bounds, max_pages=20, max_file_bytes=10_000_000, font=FONT)
    return len((await pdf.take_in(source, folder / "clean.pdf")).pages)


async def test_a_word_document_becomes_a_pdf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converter = Converter(tmp_path, "WRITES")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SECRET_OF_THE_SERVICE", "x")
    assert await taken_in(tmp_path, word(), "soffice", word_memory_mib=2048) == 2
    saw = converter.saw()
    assert "--headless" in str(saw["arguments"])
    assert "SECRET_OF_THE_SERVICE" not in str(saw["environment"])
    assert saw["memory"] == 2048 << 20
    assert saw["networks"] == ["lo"] or not has_namespaces()
    for rule in ("DisableMacrosExecution", "MacroSecurityLevel", "BlockUntrustedRefererLinks"):
        assert rule in str(saw["rules"])
    assert not [name for name in os.listdir(tmp_path) if name.startswith("word-")]


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"word/vbaProject.bin": "x"}, "DOCUMENT_WORD_ACTIVE"),
        ({"word/embeddings/oleObject1.bin": "x"}, "DOCUMENT_WORD_ACTIVE"),
        (
            {"[Content_Types].xml": "<Types><Default ContentType='m.macroEnabled.main+xml'/></Types>"},
            "DOCUMENT_WORD_ACTIVE",
        ),
        ({RELATIONS: relations(PICTURE)}, "DOCUMENT_WORD_ACTIVE"),
        ({RELATIONS: relations(PICTURE, "&#69;xternal")}, "DOCUMENT_WORD_ACTIVE"),
        ({"word/settings.xml": "x", "word/big.xml": "\0" * (1 << 20)}, ""),
        ({RELATIONS: "<broken"}, "DOCUMENT_NOT_PDF"),
    ],
)
async def test_what_acts_or_comes_from_elsewhere_is_refused(parts: dict[str, str], code: str, tmp_path: Path) -> None:
    converter = Converter(tmp_path, "WRITES")
    if not code:
        assert await taken_in(tmp_path, word(**parts), str(converter.path)) == 2
        return
    with pytest.raises(InvalidInput) as refusal:
        await taken_in(tmp_path, word(**parts), str(converter.path))
    assert refusal.value.reason == code
    assert not (tmp_path / "seen.json").exists()


async def test_a_package_that_unpacks_too_far_is_refused(tmp_path: Path) -> None:
    content = bytearray(word(**{"word/media/image1.png": "x"}))
    at = content.rindex(b"PK\x01\x02")
    # The size that the directory states, of a part that nobody has unpacked yet.
    content[at + 24 : at + 28] = (0xF0000000).to_bytes(4, "little")
    with pytest.raises(InvalidInput, match="DOCUMENT_TOO_COMPLEX"):
        await taken_in(tmp_path, bytes(content), str(Converter(tmp_path, "WRITES").path))


@pytest.mark.parametrize(
    ("work", "code"),
    [
        ("sys.exit(1)", "DOCUMENT_WORD_FAILED"),
        ("pass", "DOCUMENT_WORD_FAILED"),
        ("(folder / 'document.pdf').write_bytes(b'no pdf')", "DOCUMENT_NOT_PDF"),
        ("bytearray(3 << 30)", "DOCUMENT_WORD_FAILED"),
    ],
)
async def test_a_conversion_that_fails(work: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await taken_in(tmp_path, word(), str(Converter(tmp_path, work).path), word_memory_mib=2048)
    assert refusal.value.reason == code


async def test_a_converter_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    converter = Converter(tmp_path, "time.sleep(60)")
    started = time.monotonic()
    with pytest.raises(InvalidInput, match="DOCUMENT_WORD_FAILED"):
        await taken_in(tmp_path, word(), str(converter.path), wall_seconds=2)
    assert time.monotonic() - started < 10
    process = str(converter.saw()["process"])

    async def gone() -> bool:
        return process not in os.listdir("/proc")

    await eventually(gone, seconds=5)


async def test_without_a_converter_word_documents_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="DOCUMENT_WORD_UNAVAILABLE") as refusal:
        await taken_in(tmp_path, word(), "soffice-that-is-not-there")
    assert "PDF" in refusal.value.zh


async def test_a_zip_that_is_no_word_document_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="DOCUMENT_NOT_PDF"):
        await taken_in(tmp_path, word().replace(b"word/document.xml", b"text/document.xml"), "soffice")
