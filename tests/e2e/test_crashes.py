"""A crash of any process at any step, then a restart: the journeys complete, nothing is lost, nothing happens twice.

Journeys stand at every step at once. Each time, all of them take their next step, one process is killed while they do, and
comes back; so nine kills cover every process at every step.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from esign_e2e import inside
from esign_e2e.doors import patiently
from esign_e2e.journey import Journey
from esign_e2e.steps import STEPS, Step, StepFailed, take
from esign_local.configuration import SERVICES
from esign_local.stack import Stack

pytestmark = pytest.mark.e2e

PROCESSES = (*SERVICES, "gateway", "nats", "postgres")
PATIENCE = 60.0
AT_ONCE = 6
# What comes after it only reads; it is interrupted as everything else, but need not be done for every journey.
LAST = [step.name for step in STEPS].index("download-again") + 1


async def step_with_a_crash(stack: Stack, name: str, moves: list[tuple[Journey, Step]], pause: float) -> None:
    """Every journey takes its step; `name` is killed while they do.

    Steps of which a person has only one a minute, or one at all, are triggered before; the kill meets what follows from them.
    """

    async def trigger(journey: Journey, step: Step) -> None:
        try:
            await patiently(lambda: step.trigger(journey), journey.patience)
        except Exception as error:
            raise StepFailed(step, error) from error

    async def settle(journey: Journey, step: Step) -> None:
        try:
            if step.settle:
                await step.settle(journey)
        except Exception as error:
            raise StepFailed(step, error) from error

    await inside.gather_all(*(trigger(journey, step) for journey, step in moves if step.whole))
    running = [asyncio.create_task(trigger(journey, step)) for journey, step in moves if not step.whole]
    await asyncio.sleep(pause)
    await stack.kill(name)
    await inside.gather_all(*running)
    await stack.wait_healthy(name)
    await inside.gather_all(*(settle(journey, step) for journey, step in moves))


@pytest.mark.timeout(240)
async def test_any_process_at_any_step(stack: Stack, new_journey: Callable[..., Awaitable[Journey]]) -> None:
    rng = random.Random(20261123)
    restarts = dict(stack.restarts)
    few = asyncio.Semaphore(AT_ONCE)

    async def journey_at(step: Step) -> Journey:
        async with few:
            return await new_journey(upto=step.name, patience=PATIENCE, wait=PATIENCE)

    travelling = list(zip(await asyncio.gather(*map(journey_at, STEPS)), range(len(STEPS)), strict=True))
    arrived: list[Journey] = []
    for name in rng.sample(PROCESSES, len(PROCESSES)):
        moves = [(journey, STEPS[position]) for journey, position in travelling]
        for journey, step in moves:
            # When the gateway dies before it could report how the download ended, its lease has to run out.
            journey.download_may_be_open |= (name, step.name) == ("gateway", "download")
        await step_with_a_crash(stack, name, moves, rng.choice([0.0, 0.005, 0.02, 0.06]))
        arrived += [journey for journey, position in travelling if position + 1 == len(STEPS)]
        travelling = [(journey, position + 1) for journey, position in travelling if position + 1 < len(STEPS)]
        travelling.append((await journey_at(STEPS[0]), 0))

    async def finish(journey: Journey, position: int) -> None:
        for step in STEPS[position:LAST]:
            await take(journey, step)

    # Of those that have only been invited and logged in, two stand for all: signing costs the most time.
    young = [journey for journey, position in travelling if position < len(PROCESSES)][2:]
    travelling = [(journey, position) for journey, position in travelling if journey not in young]
    await inside.gather_all(*(finish(journey, position) for journey, position in travelling))
    arrived += [journey for journey, _ in travelling]
    assert {name: stack.restarts[name] - restarts[name] for name in PROCESSES} == dict.fromkeys(PROCESSES, 1)
    await inside.audit(stack, arrived, young)
