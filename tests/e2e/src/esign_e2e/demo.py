"""`python -m esign_e2e.demo`: contracts from dispatch to files that anyone can verify, on a fresh platform of its own, one
for each channel by which a person's face is recognised.

Leaves `journey.json` in `build/demo`, and in a folder for each journey there (the first is `individual`) `contract.pdf`,
`evidence.zip`, `trust.pem` and its own `journey.json`. Exit status: 0 when every step and every independent check passed,
else 1, naming what failed.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from esign_local.stack import Stack
from esign_local.state import StackError

from esign_e2e import checks
from esign_e2e.doors import Doors
from esign_e2e.elapse import a_minute_later
from esign_e2e.face_clip import Portrait
from esign_e2e.journey import Countersigner, Journey
from esign_e2e.lease import Lease, LeaseParty, make_lease
from esign_e2e.people import Tenant, invent
from esign_e2e.steps import CHANNELS, STEPS, Record, Step, StepFailed, travel

OUTPUT = Path("build/demo")


def doors_of(stack: Stack) -> Doors:
    """The public doors of a running stack."""
    return Doors(stack.url("gateway"), stack.url("sandbox"), lambda service: stack.channel(service, "leasing"))


def countersigner_of(stack: Stack) -> Countersigner:
    """The landlord that the stack was set up with."""
    seeded = stack.seeded
    return Countersigner(seeded.organisation, seeded.policy_id, seeded.seal_id)


def lease_for(stack: Stack, path: Path, tenant: Tenant, document_number: str) -> Lease:
    """A fresh 12-page lease of a tenant with the stack's landlord."""
    seeded = stack.seeded
    landlord = LeaseParty(
        seeded.organisation, seeded.unified_social_credit_code, "北京市朝阳区望岚东路 8 号", "010-00008866"
    )
    party = LeaseParty(tenant.name, tenant.id_number, "北京市朝阳区青杉南街 16 号院", tenant.phone)
    return make_lease(path, document_number=document_number, landlord=landlord, tenant=party)


def document_number(number: int) -> str:
    """A 文档编号."""
    return f"JDE-202611{number:08d}"


@dataclass(frozen=True)
class Way:
    """How one journey of the demonstration goes: by which face channel, and which folder its results go to."""

    folder: str
    channel: str

    @property
    def words(self) -> str:
        """The channel, for people."""
        return CHANNELS[self.channel.upper()]


VENDOR = Way("individual", "tencent")
OWN = Way("individual-own-channel", "own")
OTHER = Way("individual-bjca", "bjca")
WAYS = (VENDOR, OWN, OTHER)
CHECKS = 4


class Progress:
    """One line per step."""

    def __init__(self, total: int) -> None:
        self._count, self._total = 0, total

    def line(self, title: str, seconds: float) -> None:
        """A step is done."""
        self._count += 1
        print(f"  {self._count:2d}/{self._total}  ✓ {title}  {seconds:.2f} s", flush=True)

    def step(self, way: Way, step: Step, seconds: float) -> None:
        """A step of a journey is done."""
        self.line(f"{way.words}｜{step.title}", seconds)


async def demonstrate(output: Path, progress: Progress) -> None:
    """The journeys on a stack of their own, their results in `output`. Raises StackError, StepFailed.

    The first check by a vendor enrols the portrait with which the same tenant's second contract is signed by our own
    channel; meanwhile another tenant comes by the other vendor.
    """
    with tempfile.TemporaryDirectory(prefix="esign-demo-") as scratch:
        async with Stack(ephemeral=True) as stack:
            progress.line("平台启动", stack.started_in)
            go = partial(travelled, stack, Path(scratch), output, progress)
            async with AsyncExitStack() as journeys:
                first = await go(journeys, VENDOR, 1, tenant=invent(1))
                # A phone has a code a minute at most.
                await a_minute_later(stack)
                print("         一分钟后（演示把时间拨快）", flush=True)
                others = await asyncio.gather(
                    go(journeys, OWN, 2, tenant=invent(1), after=first[0]),
                    go(journeys, OTHER, 3, tenant=invent(3)),
                )
    content = first[1].content(first[0])
    content["journeys"] = [
        {"folder": way.folder} | record.summary(journey)
        for way, (journey, record) in zip(WAYS, (first, *others), strict=True)
    ]
    save(output / "journey.json", content)


async def travelled(
    stack: Stack,
    scratch: Path,
    output: Path,
    progress: Progress,
    journeys: AsyncExitStack,
    way: Way,
    number: int,
    *,
    tenant: Tenant,
    after: Journey | None = None,
) -> tuple[Journey, Record]:
    """One journey, its results in a folder of its own; `journeys` closes it. Raises StepFailed."""
    lease = await asyncio.to_thread(lease_for, stack, scratch / f"lease-{number}.pdf", tenant, document_number(number))
    journey = Journey(
        doors_of(stack),
        lease,
        tenant,
        countersigner_of(stack),
        document_number=document_number(number),
        client=0 if after else number,
        channel=way.channel,
        portrait=Portrait.ASTRONAUT,
        after=after,
        pages_to_read=() if way is VENDOR else (lease.tenant.page,),
    )
    journeys.push_async_callback(journey.close)
    record = await travel(journey, done=partial(progress.step, way))
    roots = await journey.anyone.trust_roots()
    folder = output / way.folder
    folder.mkdir()
    write(folder, {"contract.pdf": journey.pdf, "evidence.zip": journey.package, "trust.pem": roots.encode()})
    save(folder / "journey.json", record.content(journey))
    return journey, record


def write(output: Path, files: dict[str, bytes]) -> None:
    """Write the results."""
    for name, content in files.items():
        (output / name).write_bytes(content)


def save(file: Path, content: dict[str, Any]) -> None:
    """Write a record."""
    file.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def check(output: Path, progress: Progress) -> None:
    """The results stand without the platform, which has ended by now. Raises AssertionError."""
    for way in WAYS:
        folder = output / way.folder
        pdf = folder / "contract.pdf"
        tests = (
            partial(checks.pdfsig, pdf),
            partial(checks.qpdf, pdf),
            partial(checks.openssl, pdf, folder / "trust.pem"),
            partial(checks.evidence, folder / "evidence.zip", pdf),
        )
        for test in tests:
            begun = time.monotonic()
            progress.line(f"{way.words}｜{test()}", time.monotonic() - begun)


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m esign_e2e.demo", description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"default: {OUTPUT}")
    options = parser.parse_args(arguments)
    begun, progress = time.monotonic(), Progress(1 + len(WAYS) * (len(STEPS) + CHECKS))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "journey.json").unlink(missing_ok=True)
    for way in WAYS:
        shutil.rmtree(options.output / way.folder, ignore_errors=True)
    try:
        asyncio.run(demonstrate(options.output, progress))
        check(options.output, progress)
    except (StackError, StepFailed, AssertionError) as error:
        print(f"\n✗ {error}", file=sys.stderr, flush=True)
        return 1
    print(f"\n✓ {time.monotonic() - begun:.1f} s; the results are in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
