"""How much memory processes take."""

from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes. `rss` is what is resident: a page that n processes share counts in each. `pss` counts 1/n of it in each.

    Sums of `rss` are the cautious figure, sums of `pss` the true one. Where there is no `pss` (other than on Linux), it
    is `rss`.
    """

    rss: int = 0
    pss: int = 0

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(self.rss + other.rss, self.pss + other.pss)

    def __sub__(self, other: "Memory") -> "Memory":
        return Memory(self.rss - other.rss, self.pss - other.pss)


def of_tree(pid: int) -> Memory:
    """A process and all its descendants; nothing when it is gone."""
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return Memory()
    return sum((of_process(process.pid) for process in processes), Memory())


def of_process(pid: int) -> Memory:
    """One process; nothing when it is gone."""
    try:
        rss: int = psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return Memory()
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return Memory(rss, int(line.split()[1]) * 1024)
    except OSError:
        pass
    return Memory(rss, rss)
