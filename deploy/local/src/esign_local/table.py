"""The table that tells a person what runs where."""

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from esign_local.memory import Memory
from esign_local.supervisor import Phase, Program

_STYLES = {
    Phase.GREEN: "green",
    Phase.STARTING: "yellow",
    Phase.WAITING: "dim",
    Phase.UNWELL: "red",
    Phase.RESTARTING: "red",
    Phase.STOPPED: "dim",
    Phase.FAILED: "bold red",
}


def render(programs: Mapping[str, Program], memory: Mapping[str, Memory]) -> Table:
    """Names, addresses, states, process ids, resident memory in MiB, restarts and what the last trouble was.

    The last line adds up everything; in brackets with what processes share counted once.
    """
    table = Table(header_style="bold", box=SIMPLE_HEAD)
    for column in ("name", "address", "state"):
        table.add_column(column, no_wrap=True)
    for column in ("pid", "MiB", "restarts"):
        table.add_column(column, justify="right", no_wrap=True)
    troubled = any(program.reason for program in programs.values())
    if troubled:
        table.add_column("last trouble")
    for name, program in programs.items():
        cells: list[str | Text] = [
            name,
            program.address,
            Text(str(program.phase), style=_STYLES[program.phase]),
            str(program.child.pid) if program.child else "",
            _mib(memory[name].rss) if name in memory else "",
            Text(str(program.restarts), style="red" if program.restarts else "dim"),
        ]
        table.add_row(*cells, *([program.reason.partition("\n")[0]] if troubled else []))
    table.add_section()
    if "supervisor" in memory:
        table.add_row("supervisor", "", "", "", _mib(memory["supervisor"].rss), "")
    table.add_section()
    total = sum(memory.values(), Memory())
    table.add_row("all", "", "", "", f"{_mib(total.rss)} ({_mib(total.pss)})", "")
    return table


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f}"
