"""Setting up while the services are slow, or not there at all."""

import time
from collections import Counter
from typing import Any

import pytest
from esign.signer.v1 import signer_pb2
from esign_kit.errors import Conflict, EsignError, TimedOut, Unavailable
from esign_local import seed as seeding
from esign_local.seed import persistently, seed

SLOW = TimedOut("DEADLINE_EXCEEDED", zh="超时", en="It took too long")
AWAY = Unavailable("UNAVAILABLE", zh="暂不可用", en="Not there")


class BusyServices:
    """A channel to services each of whose methods fails twice before it answers."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.shortest = 1e9

    def unary_unary(self, path: str, **_: Any) -> Any:
        async def call(request: Any, **options: float) -> Any:
            self.calls[path.rpartition("/")[2]] += 1
            self.shortest = min(self.shortest, options["timeout"])
            if self.calls[path.rpartition("/")[2]] < 3:
                raise (SLOW, AWAY)[self.calls.total() % 2]
            return signer_pb2.Seal(seal_id="seal-1")

        return call


async def test_what_is_slow_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "PAUSE", 0.0)
    services = BusyServices()
    seeded = await seed(lambda service: services)  # type: ignore[arg-type,return-value]
    assert seeded.seal_id == "seal-1"
    names = ("RegisterOrganisation", "EnrolOrganisation", "DrawOrganisationSeal", "ApproveSeal", "PutCountersignPolicy")
    assert services.calls == dict.fromkeys(names, 3)
    assert services.shortest > 15


@pytest.mark.parametrize(
    ("error", "attempts"), [(Conflict("ORGANISATION_NAME_MISMATCH", zh="不符", en="Another"), 1), (SLOW, 3), (AWAY, 3)]
)
async def test_a_refusal_and_the_end_of_patience(
    monkeypatch: pytest.MonkeyPatch, error: EsignError, attempts: int
) -> None:
    monkeypatch.setattr(seeding, "PAUSE", 0.1)
    given: list[float] = []

    async def call(seconds: float) -> None:
        given.append(seconds)
        raise error

    began = time.monotonic()
    with pytest.raises(type(error)):
        await persistently(call, seconds=0.25)
    assert len(given) == attempts
    assert all(0 < seconds <= 0.25 for seconds in given)
    assert time.monotonic() - began < 5
