"""What a benchmark is, and what it yields."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Better(StrEnum):
    """Which way is better."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True)
class Result:
    """One measured number. `case` names what was measured, e.g. a service, an engine or a competing implementation.

    `limit` is what it must not pass; `note` says under which conditions it holds.
    """

    metric: str
    case: str
    value: float
    unit: str
    better: Better = Better.LOWER
    limit: float | None = None
    note: str = ""

    @property
    def within(self) -> bool:
        """Whether it keeps its limit; true when it has none."""
        if self.limit is None:
            return True
        return self.value <= self.limit if self.better is Better.LOWER else self.value >= self.limit

    def as_json(self) -> dict[str, Any]:
        """For `results.json`."""
        return asdict(self) | {"within": self.within}


@dataclass
class Context:
    """What benchmarks share in one run. `scratch` is a folder that is removed at the end; `shared` keeps what is costly to make."""

    scratch: Path
    quick: bool
    shared: dict[str, Any]


Function = Callable[[Context], AsyncIterator[Result]]


@dataclass(frozen=True)
class Benchmark:
    """A registered benchmark."""

    name: str
    title: str
    run: Function


_registered: dict[str, Benchmark] = {}


def benchmark(name: str, title: str) -> Callable[[Function], Function]:
    """Register a benchmark. Raises ValueError when the name is taken."""

    def register(function: Function) -> Function:
        if name in _registered:
            raise ValueError(f"two benchmarks named {name}")
        _registered[name] = Benchmark(name, title, function)
        return function

    return register


def registered() -> dict[str, Benchmark]:
    """All benchmarks in the order of their registration."""
    return dict(_registered)


async def timed(work: Callable[[], Awaitable[object]], *, repeat: int, warm_up: int = 1) -> list[float]:
    """Seconds of each of `repeat` calls, after `warm_up` calls that do not count."""
    for _ in range(warm_up):
        await work()
    seconds = []
    for _ in range(repeat):
        begun = time.perf_counter()
        await work()
        seconds.append(time.perf_counter() - begun)
        await asyncio.sleep(0)
    return seconds


def spread(metric: str, case: str, seconds: list[float], *, limit: float | None = None) -> list[Result]:
    """Median and best of measured times, in milliseconds."""
    note = f"{len(seconds)} runs"
    return [
        Result(f"{metric}, median", case, statistics.median(seconds) * 1000, "ms", limit=limit, note=note),
        Result(f"{metric}, best", case, min(seconds) * 1000, "ms", note=note),
    ]
