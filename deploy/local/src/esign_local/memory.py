"""How much memory processes take, counting what they share once."""

from pathlib import Path

import psutil


def of_tree(pid: int) -> int:
    """Bytes of memory of a process and all its descendants; 0 when it is gone.

    On Linux the proportional set size: a page that n processes share counts 1/n in each, so that sums are true.
    Elsewhere the resident set size.
    """
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(of_process(process.pid) for process in processes)


def of_process(pid: int) -> int:
    """Bytes of memory of one process, as `of_tree`."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        size: int = psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0
    return size
