"""The portal's own unit tests, which run on Node.js."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_what_the_portal_reckons() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "portal.py"), "test"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
