"""`python -m esign_e2e.demo`: one contract from dispatch to a file that anyone can verify, on a fresh platform of its own.

Leaves `contract.pdf`, `evidence.zip`, `trust.pem` and `journey.json` in `build/demo/individual`. Exit status: 0 when every
step and every independent check passed, else 1, naming what failed.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from esign_local.stack import Stack
from esign_local.state import StackError

from esign_e2e import checks
from esign_e2e.doors import Doors
from esign_e2e.journey import Countersigner, Journey
from esign_e2e.lease import Lease, LeaseParty, make_lease
from esign_e2e.people import Tenant, invent
from esign_e2e.steps import STEPS, Step, StepFailed, travel

OUTPUT = Path("build/demo/individual")


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


class Progress:
    """One line per step."""

    def __init__(self, total: int) -> None:
        self._count, self._total = 0, total

    def line(self, title: str, seconds: float) -> None:
        """A step is done."""
        self._count += 1
        print(f"  {self._count:2d}/{self._total}  ✓ {title}  {seconds:.2f} s", flush=True)

    def step(self, step: Step, seconds: float) -> None:
        """A step of the journey is done."""
        self.line(step.title, seconds)


async def demonstrate(output: Path, progress: Progress) -> None:
    """The journey on a stack of its own, its results in `output`. Raises StackError, StepFailed."""
    with tempfile.TemporaryDirectory(prefix="esign-demo-") as scratch:
        async with Stack(ephemeral=True) as stack:
            progress.line("平台启动", stack.started_in)
            tenant, number = invent(1), document_number(1)
            lease = await asyncio.to_thread(lease_for, stack, Path(scratch) / "lease.pdf", tenant, number)
            journey = Journey(doors_of(stack), lease, tenant, countersigner_of(stack), document_number=number)
            try:
                record = await travel(journey, done=progress.step)
                roots = await journey.anyone.trust_roots()
            finally:
                await journey.close()
    write(output, {"contract.pdf": journey.pdf, "evidence.zip": journey.package, "trust.pem": roots.encode()})
    record.save(output / "journey.json", journey)


def write(output: Path, files: dict[str, bytes]) -> None:
    """Write the results."""
    for name, content in files.items():
        (output / name).write_bytes(content)


def check(output: Path, progress: Progress) -> None:
    """The results stand without the platform, which has ended by now. Raises AssertionError."""
    pdf = output / "contract.pdf"
    tests = (
        partial(checks.pdfsig, pdf),
        partial(checks.qpdf, pdf),
        partial(checks.openssl, pdf, output / "trust.pem"),
        partial(checks.evidence, output / "evidence.zip", pdf),
    )
    for test in tests:
        begun = time.monotonic()
        progress.line(test(), time.monotonic() - begun)


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m esign_e2e.demo", description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"default: {OUTPUT}")
    options = parser.parse_args(arguments)
    begun, progress = time.monotonic(), Progress(len(STEPS) + 5)
    shutil.rmtree(options.output, ignore_errors=True)
    options.output.mkdir(parents=True)
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
