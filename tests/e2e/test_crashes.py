"""A crash of any process during any step, then a restart: the journeys complete, nothing is lost, nothing happens twice.

Journeys stand at every step at once. Each time, all of them take their next step, one process is killed while they do, and
comes back; so nine kills cover every process at every step. Who has to wait for long (a code was on its way, and another is
given out a minute later) waits beside the others, and a fresh journey takes the place.

The run prints its seed and a table of what was in flight at each kill; ESIGN_CRASH_SEED repeats a seed.
"""

import asyncio
import os
import random
import secrets
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import pytest
from esign_e2e import inside
from esign_e2e.doors import until
from esign_e2e.journey import Journey
from esign_e2e.steps import STEPS, take
from esign_local.configuration import SERVICES
from esign_local.stack import Stack

pytestmark = pytest.mark.e2e

PROCESSES = (*SERVICES, "gateway", "nats", "postgres")
# Without these a person may have to ask for another code; they come first, so that the wait for it passes beside the rest.
CODES_NEED = ("gateway", "identity", "notifier", "postgres")
POSITION = {step.name: position for position, step in enumerate(STEPS)}
# What comes after it only reads; it is interrupted as everything else, but need not be done for every journey.
LAST = POSITION["download-again"] + 1
# They happen by themselves when a contract is complete: who stands there at the next kill finds them done. So at each kill one
# more journey has just been completed.
BY_ITSELF = ("evidence", "told")
AFTER_COMPLETION = (0.05, 0.5)
PATIENCE = 120.0
AT_ONCE = 6
LONG = 8.0
SOON = 40.0
MOSTLY = 0.8


@dataclass(eq=False)
class Move:
    """A journey that does something while something is killed; `now` is what it is at."""

    journey: Journey
    position: int
    task: "asyncio.Task[None]" = field(init=False)
    now: set[str] = field(default_factory=set)
    completed: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, name: str) -> None:
        """One step. Raises StepFailed."""
        self.now.add(name)
        await take(self.journey, STEPS[POSITION[name]])
        self.now.remove(name)

    async def one_step(self, pause: float) -> None:
        """Take the step at hand after a pause."""
        await asyncio.sleep(pause)
        await self.take(STEPS[self.position].name)
        self.position += 1

    async def through_completion(self) -> None:
        """Confirm, tell of the completion, and go through what follows by itself."""
        try:
            await self.take("confirm")
        finally:
            self.completed.set()
        await inside.gather_all(*map(self.take, BY_ITSELF))
        self.position = POSITION[BY_ITSELF[-1]] + 1


@dataclass
class Crashes:
    """The journeys on their way, and what has been killed while they were at which step."""

    stack: Stack
    new_journey: Callable[..., Awaitable[Journey]]
    rng: random.Random
    travelling: list[tuple[Journey, int]] = field(default_factory=list)
    arrived: list[Journey] = field(default_factory=list)
    finishing: "list[asyncio.Task[Journey]]" = field(default_factory=list)
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    in_flight: dict[tuple[str, str], bool] = field(default_factory=dict)
    few: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def journey_at(self, position: int) -> tuple[Journey, int]:
        """A new journey whose next step is the one at `position`."""
        async with self.few:
            journey = await self.new_journey(patience=PATIENCE, wait=PATIENCE)
            for step in STEPS[:position]:
                self.took[step.name].append(await take(journey, step))
            return journey, position

    async def kill(self, name: str) -> None:
        """Every journey takes its next step; `name` is killed in the midst of them, and comes back. Raises StepFailed."""
        completing = Move(*self.travelling.pop())
        moves = [Move(*where) for where in self.travelling]
        standing = [(move, STEPS[move.position].name) for move in moves]
        completing.task = asyncio.create_task(completing.through_completion())
        for move, step in standing:
            if step == "confirm":
                move.task = asyncio.create_task(move.one_step(self.part_of(step)))
        await completing.completed.wait()
        then = self.rng.uniform(*AFTER_COMPLETION)
        for move, step in standing:
            if step != "confirm":
                move.task = asyncio.create_task(move.one_step(max(0.0, then - self.part_of(step))))
        await asyncio.sleep(then)
        for move, step in [*standing, *((completing, step) for step in BY_ITSELF)]:
            self.in_flight[name, step] = self.in_flight.get((name, step), False) or step in move.now
        await self.stack.kill(name)
        await self.stack.wait_healthy(name)
        _, slow = await asyncio.wait([move.task for move in moves], timeout=LONG)
        await inside.gather_all(*(move.task for move in moves if move.task not in slow))
        beside = [completing, *(move for move in moves if move.task in slow)]
        self.finishing += [asyncio.create_task(self.finish_later(move)) for move in beside]
        through = [(move.journey, move.position) for move in moves if move.task not in slow]
        self.arrived += [journey for journey, position in through if position == len(STEPS)]
        self.travelling = [where for where in through if where[1] < len(STEPS)]
        places = {0, *(move.position + 1 for move in moves if move.task in slow)} - {len(STEPS)}
        await self.set_out(places)

    async def set_out(self, places: Iterable[int]) -> None:
        """New journeys at these places, and one that is about to confirm, at the end."""
        self.travelling += await asyncio.gather(*map(self.journey_at, [*sorted(places), POSITION["confirm"]]))

    def part_of(self, step: str) -> float:
        """A part of the time that a step takes when nothing is wrong and little else is going on."""
        return min(self.took[step], default=0.05) * self.rng.uniform(0.05, 0.75)

    async def finish_later(self, move: Move) -> Journey:
        """Let a journey that is slow go its way beside the others."""
        await move.task
        return await self.finish(move.journey, move.position)

    async def finish(self, journey: Journey, position: int) -> Journey:
        """Take what is left of a journey's steps."""
        for step in STEPS[position:LAST]:
            await take(journey, step)
        return journey

    async def finish_all(self) -> None:
        """Bring every journey to its end. Raises StepFailed."""
        self.finishing += [asyncio.create_task(self.finish(*where)) for where in self.travelling]
        await inside.gather_all(*self.finishing)
        self.arrived += [task.result() for task in self.finishing]

    def table(self) -> str:
        """What was killed during what: ● the step was in flight, ○ it had just ended."""
        signs = {True: "●", False: "○", None: " "}
        lines = ["".join([f"{'':16}", *(f"{name:>10}" for name in PROCESSES)])]
        for step in STEPS:
            marks = [signs[self.in_flight.get((name, step.name))] for name in PROCESSES]
            lines.append("".join([f"{step.name:16}", *(f"{mark:>10}" for mark in marks)]))
        return "\n".join(lines)


@pytest.mark.timeout(600)
async def test_any_process_at_any_step(stack: Stack, new_journey: Callable[..., Awaitable[Journey]]) -> None:
    seed = int(os.environ.get("ESIGN_CRASH_SEED") or secrets.randbelow(10**6))
    crashes = Crashes(stack, new_journey, random.Random(seed))
    first = crashes.rng.sample(CODES_NEED, len(CODES_NEED))
    then = crashes.rng.sample(rest := sorted({*PROCESSES} - {*CODES_NEED}), len(rest))
    print(f"ESIGN_CRASH_SEED={seed}: {' '.join(first + then)}")
    restarts = dict(stack.restarts)
    begun = time.monotonic()
    try:
        await crashes.set_out(range(len(STEPS)))
        for name in first + then:
            print(f"{time.monotonic() - begun:6.1f} s  {len(crashes.finishing):2d} beside  {name}")
            await crashes.kill(name)
        print(f"{time.monotonic() - begun:6.1f} s  {len(crashes.finishing):2d} beside  nothing more is killed")
        await crashes.finish_all()
        print(f"{time.monotonic() - begun:6.1f} s  {len(crashes.arrived)} journeys arrived")
    finally:
        print(crashes.table())
    assert {name: stack.restarts[name] - restarts[name] for name in PROCESSES} == dict.fromkeys(PROCESSES, 1)
    await inside.audit(stack, crashes.arrived)
    assert crashes.in_flight.keys() == {(name, step.name) for name in PROCESSES for step in STEPS}
    assert sum(crashes.in_flight.values()) > MOSTLY * len(crashes.in_flight)


async def test_a_download_that_broke_off_is_not_used_up(
    stack: Stack, new_journey: Callable[..., Awaitable[Journey]]
) -> None:
    journey = await new_journey(upto="download", patience=PATIENCE, wait=PATIENCE)
    downloading = asyncio.create_task(take(journey, STEPS[POSITION["download"]]))

    async def in_the_middle() -> bool | None:
        return True if journey.person.received > 100_000 else None

    await until("the middle of the file", in_the_middle, seconds=10)
    await stack.kill("gateway")
    assert not journey.pdf
    began = time.monotonic()
    await downloading
    assert time.monotonic() - began < SOON
    await take(journey, STEPS[POSITION["download-again"]])
    ended = "SELECT state FROM downloads WHERE contract_id = %s ORDER BY download_id"
    assert await inside.rows(stack, "contract", ended, journey.contract_id) == [("GIVEN_BACK",), ("USED",)]
