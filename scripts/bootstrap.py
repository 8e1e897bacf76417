"""Set-up of a checkout: tools of the system, Python environment, fonts, the portal's build. Needs nothing but python3; run by `make setup`.

Repeatable, and quick when nothing has changed. As root on Debian it installs what the system lacks; elsewhere it says by
name what is missing.
"""

# An old Python must get as far as the message that it is old: nothing newer than 3.7 in the syntax.
from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import portal

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".venv-tools"
STAMP = VENV / ".setup-done"
UV_VERSION = "0.13.9"
# program → (Debian package, Homebrew formula)
PROGRAMS = {
    "pdfsig": ("poppler-utils", "poppler"),
    "qpdf": ("qpdf", "qpdf"),
    "openssl": ("openssl", "openssl"),
    "softhsm2-util": ("softhsm2", "softhsm"),
    "chromium": ("chromium", "chromium"),
}
# What Chinese pages are drawn with on a screen: font file → Debian package; macOS brings fonts of its own.
SCREEN_FONT = (Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"), "fonts-noto-cjk")


class SetupError(Exception):
    """What stops the set-up, told to a person."""


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    """Run a command and return its output. Raises SetupError with the output when it fails."""
    argv = [str(part) for part in command]
    done = subprocess.run(
        argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, check=False
    )
    output = done.stdout.decode(errors="replace").strip()
    if done.returncode != 0:
        raise SetupError(f"`{' '.join(argv)}` failed:\n{output[-4000:]}")
    return output


def succeeds(*command: str) -> bool:
    """Whether a command exists and exits with 0; its output is dropped."""
    try:
        return (
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
        )
    except OSError:
        return False


def use_new_python() -> str:
    """The path of a Python ≥ 3.11 that is not this checkout's; goes on in it when this one is older."""
    if sys.version_info >= (3, 11):  # noqa: UP036 - an older one may well run this
        return str(getattr(sys, "_base_executable", "") or sys.executable)
    for minor in (11, 12, 13, 14):
        found = shutil.which(f"python3.{minor}")
        if found:
            os.execv(found, [found, *sys.argv])
    raise SetupError(f"Python 3.11 or newer is needed; python3 is {sys.version.split()[0]}")


def install_packages(debian: list[str], brew: list[str]) -> None:
    """Install Debian packages as root. Raises SetupError, naming what is missing, where that is not possible."""
    if sys.platform == "darwin":
        raise SetupError(f"missing: run `brew install {' '.join(brew)}`, then try again")
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise SetupError(f"missing: run `sudo apt-get install {' '.join(debian)}`, then try again")
    say(f"installing {' '.join(debian)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *debian]
    try:
        run(*install, env=environment)
    except SetupError:
        run("apt-get", "update", "-q", env=environment)
        run(*install, env=environment)


def ensure_programs() -> None:
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    fonts = [] if has_screen_font() else [SCREEN_FONT[1]]
    if lacking or fonts:
        install_packages([PROGRAMS[name][0] for name in lacking] + fonts, [PROGRAMS[name][1] for name in lacking])


def has_screen_font() -> bool:
    return sys.platform != "linux" or SCREEN_FONT[0].exists()


def ensure_uv(python: str) -> Path:
    """The pinned uv, in a virtual environment of its own: `uv sync` empties .venv of what is not locked."""
    uv = TOOLS / "bin" / "uv"
    if uv.exists() and run(uv, "--version").split()[1] == UV_VERSION:
        return uv
    say(f"installing uv {UV_VERSION}")
    if not succeeds(python, "-c", "import ensurepip, venv"):
        install_packages(["python3-venv"], ["python"])
    shutil.rmtree(TOOLS, ignore_errors=True)
    run(python, "-m", "venv", TOOLS, env=clean_environment())
    run(TOOLS / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", f"uv=={UV_VERSION}")
    return uv


def clean_environment() -> dict[str, str]:
    """The environment without what would lead uv to another environment, project or Python."""
    ignored = {"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH"}
    ignored |= {f"UV_{name}" for name in ("PYTHON", "PROJECT", "PROJECT_ENVIRONMENT", "FROZEN", "LOCKED", "NO_DEV")}
    ignored |= {f"UV_{name}" for name in ("NO_SYNC", "SYSTEM_PYTHON", "OFFLINE", "WORKING_DIR", "NO_EDITABLE")}
    return {key: value for key, value in os.environ.items() if key not in ignored}


def install_python_packages(uv: Path, python: str) -> None:
    say("installing the locked Python packages")
    environment = {"UV_HTTP_TIMEOUT": "120", **clean_environment(), "UV_PYTHON_DOWNLOADS": "never"}
    run(uv, "sync", "--frozen", "--all-packages", "--compile-bytecode", "--python", python, env=environment)


def install_node_packages() -> None:
    """Fonts, and what builds the portal: by npm, run by the Node.js that a wheel brought, or else by the system's."""
    say("installing the fonts and the portal's packages")
    if portal.wheel() is None and shutil.which("npm") is None:
        install_packages(["npm"], ["node"])
    run(*portal.npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", env=portal.environment())


def build_portal(mark: str) -> None:
    say("building the portal")
    run(*portal.command("build"), env=portal.environment())
    portal.MARK.write_text(mark)


def fingerprint() -> str:
    """Changes whenever the set-up would do something else."""
    digest = hashlib.sha256(f"{sys.version} {sysconfig.get_platform()} {ROOT}".encode())
    members = sorted(path for depth in ("*", "*/*") for path in ROOT.glob(f"{depth}/pyproject.toml"))
    packages = ROOT / "gateway" / "portal" / "package.json"
    for path in (
        Path(__file__),
        packages,
        ROOT / "pyproject.toml",
        ROOT / "uv.lock",
        ROOT / "package-lock.json",
        *members,
    ):
        digest.update(f"\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def is_done(mark: str) -> bool:
    return (
        STAMP.exists()
        and STAMP.read_text() == mark
        and (VENV / "bin" / "python").exists()
        and (ROOT / "node_modules" / "@expo-google-fonts").is_dir()
        and (ROOT / "node_modules" / "vite").is_dir()
        and (ROOT / "node_modules" / "axe-core").is_dir()
        and has_screen_font()
        and all(shutil.which(name) for name in PROGRAMS)
    )


def main() -> int:
    started = time.monotonic()
    try:
        python = use_new_python()
        mark, portal_mark = fingerprint(), portal.fingerprint()
        if is_done(mark) and portal.is_built(portal_mark):
            return 0
        (ROOT / "build").mkdir(exist_ok=True)
        with open(ROOT / "build" / "setup.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_done(mark):
                ensure_programs()
                install_python_packages(ensure_uv(python), python)
                install_node_packages()
                STAMP.write_text(mark)
            if not portal.is_built(portal_mark):
                build_portal(portal_mark)
    except SetupError as error:
        say(str(error))
        return 1
    say(f"done in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
