"""`python -m esign_local`: the platform on this machine.

run         start everything on a data directory that is kept (default: .data), until Ctrl-C
demo-stack  the same on a fresh temporary directory, removed at the end
status      what runs on the data directory
reset       forget all state of the data directory
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from esign_local.signer_keys import STORES
from esign_local.state import ROOT, StackError, is_running

if TYPE_CHECKING:
    from esign_local.stack import Stack
    from esign_local.supervisor import Program


class Reporter:
    """Tells a person how things go: a line per program while starting, then the table whenever something has changed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._dirty = asyncio.Event()
        self._started = False

    def changed(self, program: "Program") -> None:
        """Called by the stack."""
        from esign_local.supervisor import Phase

        if self._started:
            self._dirty.set()
        elif program.phase is Phase.GREEN:
            self._console.print(f"  [green]✓[/] {program.name:<12} {program.took:5.1f} s", highlight=False)
        elif program.phase in (Phase.RESTARTING, Phase.FAILED, Phase.UNWELL):
            reason = program.reason.partition("\n")[0]
            self._console.print(f"  [red]✗[/] {program.name:<12} {program.phase}: {escape(reason)}", highlight=False)

    async def report(self, stack: "Stack") -> None:
        """Prints the table now and after every change, for ever."""
        from esign_local import table

        self._started = True
        while True:
            self._dirty.clear()
            stack.write_status()
            used = await asyncio.to_thread(stack.memory)
            self._console.print()
            self._console.print(table.render(stack.supervisor.programs, used))
            await self._dirty.wait()
            await asyncio.sleep(0.5)  # what happens together is told together


async def run(data_dir: Path | None, organisation_keys: str, console: Console) -> int:
    """Start, report, wait for a signal, stop. Exit status 0 after a signal, 1 when something failed."""
    from esign_local.stack import Stack  # heavy: `status` and `reset` do without

    reporter = Reporter(console)
    stack = Stack(data_dir, ephemeral=data_dir is None, organisation_keys=organisation_keys, changed=reporter.changed)
    working = asyncio.create_task(_work(stack, reporter, console))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, _cancel_once(working))
    console.print(f"starting the platform on {stack.data_dir}", highlight=False)
    try:
        await working
    except asyncio.CancelledError:
        console.print("stopped", highlight=False)
        return 0
    except StackError as error:
        console.print(f"failed: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
    return 1


async def _work(stack: "Stack", reporter: Reporter, console: Console) -> None:
    async with stack:
        console.print(f"all green after {stack.started_in:.1f} s; Ctrl-C stops everything", highlight=False)
        console.print(f"portal {stack.url('gateway')}   outside world {stack.url('sandbox')}", highlight=False)
        try:
            await reporter.report(stack)
        finally:
            console.print("\nstopping", highlight=False)


def _cancel_once(task: asyncio.Task[None]) -> Callable[[], None]:
    """A second Ctrl-C must not interrupt the stopping."""
    asked: list[bool] = []

    def cancel() -> None:
        if not asked:
            asked.append(True)
            task.cancel()

    return cancel


def status(data_dir: Path, console: Console) -> int:
    """Exit status 0 when the platform runs, 3 otherwise."""
    file = data_dir / "status.json"
    if not is_running(data_dir) or not file.exists():
        console.print(f"not running on {data_dir}", highlight=False)
        return 3
    for name, program in json.loads(file.read_text())["programs"].items():
        restarts = f"  {program['restarts']} restarts" if program["restarts"] else ""
        line = f"{name:<12} {program['address']:<17} {program['phase']:<11} {program['pid'] or ''}{restarts}"
        console.print(line, highlight=False)
    return 0


def reset(data_dir: Path, console: Console) -> int:
    """Exit status 1 when the platform still runs, or when the directory is not one of its own."""
    if not data_dir.exists():
        return 0
    if is_running(data_dir):
        console.print(f"the platform is running on {data_dir}; stop it first", style="red", highlight=False)
        return 1
    if any(data_dir.iterdir()) and not (data_dir / "lock").exists():
        console.print(f"{data_dir} is not a data directory of the platform", style="red", highlight=False)
        return 1
    shutil.rmtree(data_dir)
    console.print(f"removed {data_dir}", highlight=False)
    return 0


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="esign_local", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["run", "demo-stack", "status", "reset"])
    parser.add_argument("--data-dir", type=Path, default=ROOT / ".data")
    parser.add_argument(
        "--organisation-keys", choices=STORES, default=STORES[0], help="where organisations' new keys are kept"
    )
    arguments = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=120)
    if arguments.command == "status":
        return status(arguments.data_dir, console)
    if arguments.command == "reset":
        return reset(arguments.data_dir, console)
    with contextlib.suppress(KeyboardInterrupt):
        data_dir = None if arguments.command == "demo-stack" else arguments.data_dir
        return asyncio.run(run(data_dir, arguments.organisation_keys, console))
    return 0


if __name__ == "__main__":
    sys.exit(main())
