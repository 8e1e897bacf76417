"""Takes a stranger's PDF in: refuses what must not be signed, writes the rest in one clean, known form.

Runs in a worker process (`worker`): whatever a hostile file does, it does it there. A document that is signed already
stays byte for byte what came, for everything else would void its signatures.
"""

import shutil
from pathlib import Path
from typing import Final

import pikepdf

from esign_contract.adapters.pdf import pages, signatures
from esign_contract.adapters.pdf.inspection import inspect, read_contents
from esign_contract.adapters.pdf.normalise import normalise, without_layers
from esign_contract.adapters.pdf.refused import Refused
from esign_contract.domain.document import TakenIn

TAIL: Final = 4096

# pikepdf answers a structure that makes no sense with whichever of these its access meets first.
_SENSELESS: Final = (RuntimeError, ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError)


def take_in(source: Path, target: Path, max_pages: int) -> TakenIn:
    """Write what is to be signed to `target`: the clean form of `source`, or, of a signed document, its very bytes.

    Raises Refused; `target` is then worthless.
    """
    header = _check_ends(source)
    try:
        with pikepdf.open(source, suppress_warnings=True) as pdf:
            if pdf.is_encrypted:
                raise Refused("DOCUMENT_RESTRICTED")
            warned = bool(pdf.get_warnings())
            sizes = tuple(pages.size_of(page) for page in pages.flatten_tree(pdf, max_pages))
            signed = signatures.find(pdf)
            if signed:
                # Only appended to: what intake would mend in another document is a reason to refuse this one.
                if warned or header != 0:
                    raise Refused("DOCUMENT_SIGNED_AND_DAMAGED")
                found = signatures.earlier(source, pdf, signed)
                inspect(pdf)
                if pdf.get_warnings():
                    raise Refused("DOCUMENT_SIGNED_AND_DAMAGED")
                read_contents(pdf, mend=False)
                shutil.copyfile(source, target)
                return TakenIn(sizes, found)
            read_contents(pdf, mend=True)
            normalise(pdf, target)
        _check_clean(target)
    except pikepdf.PasswordError:
        raise Refused("DOCUMENT_ENCRYPTED") from None
    except pikepdf.PikepdfError as error:
        too_much = any(words in str(error) for words in ("bad_alloc", "too deeply nested"))
        raise Refused("DOCUMENT_TOO_COMPLEX" if too_much else "DOCUMENT_DAMAGED") from None
    except _SENSELESS:
        raise Refused("DOCUMENT_DAMAGED") from None
    return TakenIn(sizes)


def _check_ends(source: Path) -> int:
    """Where the file's header stands."""
    with source.open("rb") as file:
        header = file.read(1024).find(b"%PDF-")
        if header < 0:
            raise Refused("DOCUMENT_NOT_PDF")
        file.seek(max(0, source.stat().st_size - TAIL))
        tail = file.read()
    end = max(tail.rfind(b"%%EOF"), tail.rfind(b"startxref"))
    if end < 0 or b" obj" in tail[end:]:
        raise Refused("DOCUMENT_TRUNCATED")
    return header


def _check_clean(target: Path) -> None:
    """Of the clean form, so that leftovers which nothing refers to any more do not count."""
    with pikepdf.open(target, suppress_warnings=True) as pdf:
        inspect(pdf)
        if pdf.get_warnings():
            raise Refused("DOCUMENT_DAMAGED")
        layered = "/OCProperties" in pdf.Root
    if layered:
        clean = target.with_suffix(".layers")
        without_layers(target, clean)
        clean.replace(target)
