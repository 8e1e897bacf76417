"""Documents that are not quite right are mended by the rewrite and look as before."""

import subprocess
from pathlib import Path

import pypdfium2
import pytest
from esign_contract.adapters.pdf.intake import take_in

from .documents import MENDED


@pytest.mark.parametrize("name", MENDED)
def test_what_can_be_shown_is_mended(name: str, tmp_path: Path) -> None:
    source, target = tmp_path / "in.pdf", tmp_path / "out.pdf"
    source.write_bytes(MENDED[name]())
    taken = take_in(source, target, 20)
    done = subprocess.run(["qpdf", "--check", target], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with pypdfium2.PdfDocument(source) as before, pypdfium2.PdfDocument(target) as after:
        assert len(before) == len(after) == len(taken.pages)
        for old, new in zip(before, after, strict=True):
            assert old.render().to_pil().tobytes() == new.render().to_pil().tobytes()
