"""Finds the programs that wheels put beside the interpreter."""

import shutil
import sys
from pathlib import Path

from esign_kit.engines.base import EngineError


def program(name: str) -> str:
    """The path of a program of this environment. Raises EngineError when its wheel is not installed."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise EngineError(f"the program {name} is not installed (extra: esign-kit[engines])")
    return found
