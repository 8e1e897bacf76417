"""What replicas of the gateway tell one another, so that a limit is one limit however many they are.

Each decides by itself and at once, and tells the others ten times a second what it gave away, over NATS beside the stream of
events. Nobody is named: networks and sessions go by keyed digests. While NATS is away each goes on alone.
"""

import asyncio
import contextlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from esign_kit.bus import Bus
from esign_kit.settings import NatsSettings
from esign_kit.telemetry import logger
from pydantic import BaseModel, Field, ValidationError

from esign_gateway.limits import Rate, RateLimiter, keyed
from esign_gateway.streams import Streams

log = logger(__name__)

SUBJECT = "limits.gateway.taken"
TELL_SECONDS = 0.1
WINDOW_SECONDS = 2.0
"""What was taken is told by windows: often while one lasts, and as a whole when it is over."""
WINDOWS = 2
"""So many of another replica's are remembered; what comes later than that is not counted."""
STREAMS_TELL_SECONDS = 1.0
STREAMS_SECONDS = 3.0
"""For so long a replica's open streams count when it is not heard of."""
FORGET_SECONDS = 60.0
CONNECT_SECONDS = 3.0
"""After that long without a connection at the start, being alone is worth a line."""
MOST_COUNTS = 2000
"""In one message: some 70 kB."""

Count = Annotated[int, Field(ge=0)]


class Taken(BaseModel):
    """What was taken of one rate in a window so far, by key."""

    name: str
    per_minute: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    burst: Annotated[int, Field(ge=1)]
    counts: dict[str, Count]


class Told(BaseModel):
    """A message. `number` grows with every message of a replica; `streams` are all that are open, None where it does not say."""

    by: str
    number: int
    window: int
    taken: list[Taken] = []
    streams: dict[str, Count] | None = None


@dataclass
class _Other:
    """What is known of another replica."""

    seen: float = 0.0
    windows: dict[int, dict[str, int]] = field(default_factory=dict)
    streams: dict[str, int] = field(default_factory=dict)
    streams_number: int = -1
    streams_seen: float = 0.0


class Account:
    """One replica's limits, what it has to tell, and what it heard.

    Counts are told as sums, not as differences: a message that comes twice or late changes nothing, and a lost one is made
    up by the next. Replicas understand one another when they share `secret`.
    """

    def __init__(self, secret: bytes, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._secret, self._clock, self._name = secret, clock, secrets.token_hex(8)
        self.limiter = RateLimiter(clock=clock, secret=secret, taken=self._note)
        self.streams = Streams(self._streams_elsewhere)
        self._window = int(clock() / WINDOW_SECONDS)
        self._counts: dict[tuple[Rate, str], int] = {}
        self._changed: set[tuple[Rate, str]] = set()
        self._number = 0
        self._streams_told: dict[str, int] = {}
        self._streams_told_at = 0.0
        self._others: dict[str, _Other] = {}

    def _note(self, rate: Rate, key: str) -> None:
        self._counts[rate, key] = self._counts.get((rate, key), 0) + 1
        self._changed.add((rate, key))

    def tell(self) -> list[bytes]:
        """The messages that are due. Whether they arrive need not be known."""
        messages = self._tell_taken()
        streams = {keyed(self._secret, "stream", name): count for name, count in self.streams.by_session().items()}
        now = self._clock()
        again = bool(streams) and now - self._streams_told_at >= STREAMS_TELL_SECONDS
        if again or streams != self._streams_told:
            self._streams_told, self._streams_told_at = streams, now
            messages.append(self._message(streams=streams))
        return messages

    def _tell_taken(self) -> list[bytes]:
        window = int(self._clock() / WINDOW_SECONDS)
        over = window != self._window
        due = list(self._counts if over else self._changed)
        messages = []
        for start in range(0, len(due), MOST_COUNTS):
            by_rate: dict[Rate, dict[str, int]] = {}
            for rate, key in due[start : start + MOST_COUNTS]:
                by_rate.setdefault(rate, {})[key] = self._counts[rate, key]
            taken = [
                Taken(name=rate.name, per_minute=rate.per_minute, burst=rate.burst, counts=counts)
                for rate, counts in by_rate.items()
            ]
            messages.append(self._message(taken=taken))
        self._changed.clear()
        if over:
            self._window = window
            self._counts.clear()
        return messages

    def _message(self, *, taken: list[Taken] | None = None, streams: dict[str, int] | None = None) -> bytes:
        self._number += 1
        told = Told(by=self._name, number=self._number, window=self._window, taken=taken or [], streams=streams)
        return told.model_dump_json().encode()

    def hear(self, message: bytes) -> None:
        """Count what a replica told; one's own words, and what is no such message, count for nothing."""
        try:
            told = Told.model_validate_json(message)
        except ValidationError:
            log.warning("not understood what a replica told", bytes=len(message))
            return
        if told.by == self._name:
            return
        now = self._clock()
        self._others = {name: other for name, other in self._others.items() if now - other.seen < FORGET_SECONDS}
        other = self._others.setdefault(told.by, _Other())
        other.seen = now
        if told.streams is not None and told.number > other.streams_number:
            other.streams, other.streams_number, other.streams_seen = told.streams, told.number, now
        self._deduct(other, told)

    def _deduct(self, other: _Other, told: Told) -> None:
        newest = max([told.window, *other.windows])
        other.windows = {window: known for window, known in other.windows.items() if window > newest - WINDOWS}
        if told.window <= newest - WINDOWS:
            return
        known = other.windows.setdefault(told.window, {})
        for taken in told.taken:
            rate = Rate(taken.name, taken.per_minute, taken.burst)
            for key, count in taken.counts.items():
                if (more := count - known.get(key, 0)) > 0:
                    known[key] = count
                    self.limiter.deduct(rate, key, more)

    def _streams_elsewhere(self, session_id: str) -> int:
        key, now = keyed(self._secret, "stream", session_id), self._clock()
        present = (other for other in self._others.values() if now - other.streams_seen < STREAMS_SECONDS)
        return sum(other.streams.get(key, 0) for other in present)


def secret_of(settings: NatsSettings | None) -> bytes:
    """The key of the digests: all replicas, and they alone, know the password with which they connect. Raises OSError."""
    if settings is None:
        return secrets.token_bytes(32)
    return hmac.digest(settings.password_file.read_bytes().strip(), b"esign gateway limits 1", "sha256")


async def share(account: Account, settings: NatsSettings) -> None:
    """Tell the other replicas, and hear them; ends only by cancellation. Never in the way of a request."""
    while True:
        try:
            await _share(account, settings)
        except Exception as error:
            log.error("limits are not shared", exc_info=error)
            await asyncio.sleep(1)


async def _share(account: Account, settings: NatsSettings) -> None:
    bus, alone = Bus(settings, "gateway"), False
    joining = asyncio.create_task(_join(bus, account))
    began = time.monotonic()
    try:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            for message in account.tell():
                await bus.tell(SUBJECT, message)
            if joining.done():
                joining.result()
            connected = bus.nc.is_connected
            if not connected and not alone and (joining.done() or time.monotonic() - began > CONNECT_SECONDS):
                alone = True
                log.warning("no connection to nats: limits count what this replica lets through only")
            elif connected and alone:
                alone = False
                log.info("limits count what all replicas let through again")
    finally:
        joining.cancel()
        await asyncio.gather(joining, return_exceptions=True)
        with contextlib.suppress(Exception):
            for message in account.tell():
                await bus.tell(SUBJECT, message)
            await bus.close()


async def _join(bus: Bus, account: Account) -> None:
    await bus.connect()
    await bus.hear(SUBJECT, account.hear)
