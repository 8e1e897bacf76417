"""The table that tells a person what runs where."""

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

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


def render(programs: Mapping[str, Program], memory: Mapping[str, int]) -> Table:
    """Names, addresses, states, process ids, memory in MiB and restarts."""
    table = Table(title=None, header_style="bold", box=SIMPLE_HEAD)
    table.add_column("name")
    table.add_column("address")
    table.add_column("state")
    table.add_column("pid", justify="right")
    table.add_column("MiB", justify="right")
    table.add_column("restarts", justify="right")
    for name, program in programs.items():
        state = Text(str(program.phase), style=_STYLES[program.phase])
        if program.phase in (Phase.UNWELL, Phase.RESTARTING, Phase.FAILED) and program.reason:
            state.append(f" ({program.reason.splitlines()[0][:60]})")
        table.add_row(
            name,
            program.address,
            state,
            str(program.child.pid) if program.child else "",
            f"{memory.get(name, 0) / 2**20:.0f}" if name in memory else "",
            Text(str(program.restarts), style="red" if program.restarts else "dim"),
        )
    table.add_section()
    table.add_row("all", "", "", "", f"{sum(memory.values()) / 2**20:.0f}", "")
    return table
