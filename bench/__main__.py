"""`python -m bench [name …]`: run benchmarks, all when none is named. Exit status 1 when one failed."""

import argparse
import asyncio
import importlib
import pkgutil
import sys
import tempfile
import time
from pathlib import Path

import bench
from bench import report
from bench.registry import Context, Result, registered

OUTPUT = Path("build/bench/results.json")


def discover() -> None:
    """Import every `bench.suite_*`, which registers its benchmarks."""
    for module in sorted(info.name for info in pkgutil.iter_modules(bench.__path__)):
        if module.startswith("suite_"):
            importlib.import_module(f"bench.{module}")


async def run(names: list[str], *, quick: bool) -> tuple[dict[str, list[Result]], dict[str, str]]:
    """Run benchmarks one after another; a failing one does not stop the others."""
    results: dict[str, list[Result]] = {}
    failures: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="esign-bench-") as scratch:
        context = Context(Path(scratch), quick, {})
        for name in names:
            chosen = registered()[name]
            print(f"\n{name}: {chosen.title}", flush=True)
            begun = time.monotonic()
            found: list[Result] = []
            try:
                async for result in chosen.run(context):
                    found.append(result)  # noqa: PERF401 - what came before a failure is kept
            except Exception as error:
                failures[name] = f"{type(error).__name__}: {error}"
                print(f"  failed: {failures[name]}", file=sys.stderr, flush=True)
            results[name] = found
            if found:
                print(report.table(found))
            print(f"  ({time.monotonic() - begun:.0f} s)", flush=True)
    return results, failures


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    discover()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(registered()))
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"default: {OUTPUT}")
    options = parser.parse_args(arguments)
    if options.list:
        for one in registered().values():
            print(f"{one.name:<12} {one.title}")
        return 0
    if unknown := [name for name in options.names if name not in registered()]:
        parser.error(f"no benchmark named {', '.join(unknown)}")
    conditions = report.machine()
    results, failures = asyncio.run(run(options.names or list(registered()), quick=options.quick))
    report.write(options.output, conditions, results, failures)
    print(f"\n{options.output}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
