"""The platform as a whole: how long it takes to start, what it holds in memory, what a journey costs."""

import asyncio
import contextlib
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
from esign_e2e.demo import countersigner_of, document_number, doors_of, lease_for
from esign_e2e.journey import Journey
from esign_e2e.people import invent
from esign_e2e.steps import STEPS, travel
from esign_local.memory import Memory, of_tree
from esign_local.stack import Stack

from bench.registry import Better, Context, Result, benchmark

MIB = 2**20
START_LIMIT = 20.0
MEMORY_LIMIT = 1.5 * 1024
SETTLING_SECONDS = 2.0


def data_dir(context: Context) -> Path:
    """The data directory that the benchmarks of one run share, so that only the first start is a cold one."""
    return context.scratch / "platform"


@benchmark("startup", "from nothing running to every health check green")
async def startup(context: Context) -> AsyncIterator[Result]:
    """The first start makes keys, databases, buckets and the landlord's seal; later ones find them."""
    cold = not data_dir(context).exists()
    starts: list[float] = []
    for _ in range((2 if context.quick else 3) + cold):
        async with Stack(data_dir(context)) as stack:
            starts.append(stack.started_in)
            took = {name: program.took for name, program in stack.supervisor.programs.items()}
    if cold:
        yield Result("start", "first", starts.pop(0), "s", note="keys, databases, buckets, seal are made")
    yield Result("start", "warm, slowest", max(starts), "s", limit=START_LIMIT, note=f"{len(starts)} starts")
    yield Result("start", "warm, best", min(starts), "s")
    for name, seconds in sorted(took.items(), key=lambda item: -item[1]):
        yield Result("a program's own start", name, seconds, "s", note="all start at once")


@benchmark("memory", "memory of every process of `make run`, each with all that it shares")
async def memory(context: Context) -> AsyncIterator[Result]:
    """Just started, and after a journey, looked at from outside: the limit is for the sum of resident set sizes."""
    async with running(data_dir(context)) as (process_id, stack):
        await asyncio.sleep(SETTLING_SECONDS)
        started, _ = await asyncio.to_thread(used_by, process_id, stack)
        await one_journey(stack, context, 1)
        after, by_program = await asyncio.to_thread(used_by, process_id, stack)
    yield Result("resident (RSS)", "after a journey", after.rss / MIB, "MiB", limit=MEMORY_LIMIT)
    yield Result("resident (RSS)", "just started", started.rss / MIB, "MiB", limit=MEMORY_LIMIT)
    yield Result("shared pages once (PSS)", "after a journey", after.pss / MIB, "MiB")
    yield Result("shared pages once (PSS)", "just started", started.pss / MIB, "MiB")
    for name, one in sorted(by_program.items(), key=lambda item: -item[1].rss):
        yield Result("RSS by program", name, one.rss / MIB, "MiB", note=f"PSS {one.pss / MIB:.0f}")


@contextlib.asynccontextmanager
async def running(directory: Path) -> AsyncIterator[tuple[int, Stack]]:
    """`python -m esign_local run` as a process of its own, as people start it, all green; its process id and doors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "esign_local", "run", "--data-dir", str(directory)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    printed = b""
    while b"all green" not in printed:
        line = await process.stdout.readline()
        if not line:
            raise RuntimeError(f"the platform did not start: {printed.decode()}")
        printed += line
    reading = asyncio.create_task(process.stdout.read())  # so that it never waits for a reader
    stack = Stack.attach(directory)
    try:
        yield process.pid, stack
    finally:
        await stack.detach()
        process.terminate()
        await reading
        await process.wait()


def used_by(process_id: int, stack: Stack) -> tuple[Memory, dict[str, Memory]]:
    """The memory of a running platform as a whole, and by program."""
    status = json.loads((stack.data_dir / "status.json").read_text())
    used = {name: of_tree(program["pid"]) for name, program in status["programs"].items()}
    whole = of_tree(process_id)
    return whole, {**used, "supervisor": whole - sum(used.values(), Memory())}


@benchmark("journey", "one contract from registration to the verified file, and what it costs")
async def journey(context: Context) -> AsyncIterator[Result]:
    """One after another, then several at once."""
    async with Stack(data_dir(context)) as stack:
        await one_journey(stack, context, 2)  # imports, pools and caches are warm afterwards
        count = 3 if context.quick else 8
        numbers = itertools.count(3)
        before, begun = cpu(stack), time.monotonic()
        seconds: dict[str, float] = {}
        for _ in range(count):
            for name, took in (await one_journey(stack, context, next(numbers))).items():
                seconds[name] = seconds.get(name, 0.0) + took / count
        elapsed, after = time.monotonic() - begun, cpu(stack)
        per_journey = {name: (after[name] - before[name]) / count for name in after}

        together, begun = 4 if context.quick else 12, time.monotonic()
        await asyncio.gather(*(one_journey(stack, context, next(numbers)) for _ in range(together)))
        at_once = time.monotonic() - begun
    yield Result("steps per second", "one at a time", count * len(STEPS) / elapsed, "steps/s", Better.HIGHER)
    yield Result("steps per second", f"{together} at once", together * len(STEPS) / at_once, "steps/s", Better.HIGHER)
    yield Result("time of a journey", "whole", sum(seconds.values()), "s", note=f"mean of {count}")
    for name, took in sorted(seconds.items(), key=lambda item: -item[1])[:8]:
        yield Result("time of a journey", name, took, "s")
    yield Result("CPU time of a journey", "whole platform", sum(per_journey.values()), "s")
    for name, took in sorted(per_journey.items(), key=lambda item: -item[1]):
        yield Result("CPU time of a journey", name, took, "s")


async def one_journey(stack: Stack, context: Context, number: int) -> dict[str, float]:
    """One journey of a tenant of this number; seconds by step. Raises StepFailed."""
    if "lease" not in context.shared:
        path = context.scratch / "lease.pdf"
        context.shared["lease"] = await asyncio.to_thread(lease_for, stack, path, invent(1), document_number(1))
    one = Journey(
        doors_of(stack),
        context.shared["lease"],
        invent(number),
        countersigner_of(stack),
        document_number=document_number(number),
        client=number,
    )
    try:
        record = await travel(one)
    finally:
        await one.close()
    return {step["name"]: step["seconds"] for step in record.steps}


def cpu(stack: Stack) -> dict[str, float]:
    """Seconds of CPU that each program and its children have used."""
    return {name: _cpu_of(stack.pid(name)) for name in stack.names}


def _cpu_of(pid: int) -> float:
    root = psutil.Process(pid)
    total = sum(root.cpu_times()[:4])  # user, system, and both of ended children
    for child in root.children(recursive=True):
        try:
            total += sum(child.cpu_times()[:4])
        except psutil.Error:
            continue
    return total
