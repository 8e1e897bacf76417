"""The table and the file."""

import json
import os
import platform
import subprocess
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench.registry import Better, Result

COLUMNS = ("metric", "case", "value", "", "ratio", "limit")


def table(results: Sequence[Result]) -> str:
    """The results of one benchmark as text; the first case of each metric is what the others are compared with."""
    first: dict[str, Result] = {}
    rows: list[tuple[str, ...]] = [COLUMNS]
    for result in results:
        base = first.setdefault(result.metric, result)
        alone = base is result
        ratio = "" if alone or not base.value else f"{result.value / base.value:.2f}x"
        limit = (
            "" if result.limit is None else f"{'≤' if result.better is Better.LOWER else '≥'} {number(result.limit)}"
        )
        mark = "" if result.within else "  OVER"
        rows.append(
            (result.metric if alone else "", result.case, number(result.value), result.unit, ratio, limit + mark)
        )
    widths = [max(width(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = []
    for row in rows:
        cells = [
            pad(cell, size, right=column in (2, 4)) for column, (cell, size) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def number(value: float) -> str:
    """Three significant digits, no exponent."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def width(text: str) -> int:
    """Columns on a terminal; Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def pad(text: str, size: int, *, right: bool) -> str:
    """Filled to a width."""
    filling = " " * (size - width(text))
    return filling + text if right else text + filling


def machine() -> dict[str, object]:
    """On what it was measured."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_before": [round(value, 2) for value in os.getloadavg()],
    }


def write(
    path: Path, conditions: dict[str, object], results: dict[str, list[Result]], failures: dict[str, str]
) -> None:
    """Write `results.json`."""
    content = {
        "machine": conditions,
        "results": {name: [result.as_json() for result in found] for name, found in results.items()},
        "failures": failures,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
