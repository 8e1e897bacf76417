"""`make test`: unit and integration tests in parallel, then the end-to-end tests on two platforms side by side, then those
that need the machine for themselves; one summary at the end.

Arguments go to every run of pytest. Exit status 1 when a test failed, when none ran, or when a process was left behind.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
import xml.etree.ElementTree as ET
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
NO_TESTS_COLLECTED = 5
# Where the whole platform is driven: what has the mark `e2e` lies here, so that nothing else is imported for it.
PLATFORM_TESTS = ["tests/e2e", "deploy/local"]
WORKERS = str(min(4, max(2, os.cpu_count() or 2)))
RUNS = {
    "unit and integration": ["-m", "not e2e", "-n", WORKERS, "--dist", "loadfile"],
    "end to end": ["-m", "e2e and not alone", "-n", "2", "--dist", "loadfile"],
    "end to end, alone": ["-m", "e2e and alone", "-p", "no:xdist"],
}


def pytest(options: list[str], mark: str, report: Path) -> int:
    """Run pytest and return its exit status; when this program is asked to end, so is pytest, which then cleans up."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={report}", *options]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "ESIGN_TEST_RUN": mark}) as process:

        def interrupt(number: int, _: object) -> None:
            process.send_signal(signal.SIGINT)

        before = [(number, signal.signal(number, interrupt)) for number in (signal.SIGTERM, signal.SIGHUP)]
        try:
            return process.wait()
        except KeyboardInterrupt:
            return process.wait()
        finally:
            for number, handler in before:
                signal.signal(number, handler)


def where(run: str) -> list[str]:
    """The folders that a run looks into, unless the arguments name some."""
    named = any(Path(argument.partition("::")[0]).exists() for argument in sys.argv[1:])
    return [] if named or run == "unit and integration" else PLATFORM_TESTS


def counts(report: Path) -> dict[str, int]:
    """passed, failed and skipped from a JUnit report; zeros when there is none."""
    if not report.exists():
        return {"passed": 0, "failed": 0, "skipped": 0}
    suites = ET.parse(report).getroot().iter("testsuite")
    total = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for suite in suites:
        for key in total:
            total[key] += int(suite.get(key, "0"))
    failed = total["failures"] + total["errors"]
    return {"passed": total["tests"] - failed - total["skipped"], "failed": failed, "skipped": total["skipped"]}


def left_behind(mark: str, patience: float = 8.0) -> list[str]:
    """The processes that this run started and that are still there after a moment."""
    deadline = time.monotonic() + patience
    while True:
        found = []
        for process in psutil.process_iter(["pid", "name", "status"]):
            try:
                if process.info["status"] != psutil.STATUS_ZOMBIE and process.environ().get("ESIGN_TEST_RUN") == mark:
                    found.append(f"{process.info['name']} ({process.info['pid']})")
            except psutil.Error:
                continue
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.3)


def main() -> int:
    """Run everything, print the summary."""
    started = time.monotonic()
    mark = uuid.uuid4().hex
    lines, failed, ran = [], False, 0
    with tempfile.TemporaryDirectory() as scratch:
        for name, options in RUNS.items():
            print(f"── {name} tests", flush=True)
            report = Path(scratch) / "report.xml"
            report.unlink(missing_ok=True)
            begun = time.monotonic()
            status = pytest([*options, *where(name), *sys.argv[1:]], mark, report)
            total = counts(report)
            failed = failed or status not in (0, NO_TESTS_COLLECTED) or total["failed"] > 0
            ran += total["passed"] + total["failed"]
            interrupted = status in (2, -signal.SIGINT)
            result = ", ".join(f"{number} {what}" for what, number in total.items())
            lines.append(f"{name:<22}{result} in {time.monotonic() - begun:.0f} s")
            if interrupted:
                break
    orphans = left_behind(mark)
    print("\n── summary")
    print("\n".join(lines))
    if orphans:
        print(f"left running: {', '.join(orphans)}")
    if ran == 0:
        print("no test ran")
    good = not failed and not orphans and ran > 0
    print(f"{'all tests passed' if good else 'TESTS FAILED'} in {time.monotonic() - started:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
