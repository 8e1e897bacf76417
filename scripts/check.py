"""Everything that `make check` looks at, two at a time, each with its name, its time and, when it fails, its output."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHECKS: dict[str, list[str]] = {
    "types": ["mypy", "libs/kit", "services", "gateway", "sandbox", "deploy", "tests", "bench", "scripts"],
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "lint": ["ruff", "check", "--quiet", "."],
    "import rules": ["lint-imports", "--no-logo"],
    "proto lint": ["buf", "lint", "proto"],
    "proto breaking changes": ["buf", "breaking", "proto", "--against", "proto/baseline.binpb"],
    "generated code": ["python", "scripts/gen_protos.py", "--check"],
    "portal types": ["python", "scripts/portal.py", "types"],
    "portal lint and format": ["python", "scripts/portal.py", "lint"],
    "portal client": ["python", "scripts/portal.py", "client-check"],
}


def check(name: str) -> tuple[str, str, float]:
    """Runs one check; returns its name, its output when it failed, and the seconds it took."""
    started = time.monotonic()
    program, *arguments = CHECKS[name]
    done = subprocess.run(
        [str(BIN / program), *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"},
        check=False,
    )
    output = "" if done.returncode == 0 else done.stdout.strip() or f"exit status {done.returncode}"
    return name, output, time.monotonic() - started


def main() -> int:
    """Exit status 0 when all is well, 1 otherwise."""
    failed = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, output, seconds in pool.map(check, CHECKS):
            print(f"{'FAILED' if output else 'ok':<7}{name} ({seconds:.1f} s)", flush=True)
            if output:
                failed.append(name)
                print(f"\n{output}\n", flush=True)
    print(f"check failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
