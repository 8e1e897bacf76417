"""What a stranger can use up: requests per address, and the size of a body."""

import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from esign_kit.errors import Limited, TooLarge
from starlette.requests import Request
from starlette.types import Message, Receive


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: `burst` requests at once, refilled at `per_minute`."""

    name: str
    per_minute: float
    burst: int


class RateLimiter:
    """Token buckets by rate and client network.

    What is taken here is passed to `taken(rate, key)`; `deduct` takes what other replicas gave away, so that all of them
    together let through what one would (see `replicas`). Keys tell networks apart and do not name them: they are keyed by
    `secret`, which replicas share. At most `capacity` buckets are kept; the longest unused one goes first, which at worst
    refills it early.
    """

    def __init__(
        self,
        *,
        capacity: int = 50_000,
        clock: Callable[[], float] = time.monotonic,
        secret: bytes = b"",
        taken: Callable[[Rate, str], None] = lambda rate, key: None,
    ) -> None:
        self._capacity = capacity
        self._clock = clock
        self._secret = secret or secrets.token_bytes(32)
        self._taken = taken
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def _key(self, rate: Rate, address: str) -> str:
        return keyed(self._secret, rate.name, network_of(address))

    def _tokens(self, rate: Rate, key: str, now: float) -> float:
        tokens, since = self._buckets.get(key, (float(rate.burst), now))
        return min(float(rate.burst), tokens + (now - since) * rate.per_minute / 60)

    def check(self, rate: Rate, address: str) -> None:
        """Raise Limited when nothing is left, with `retry_after_seconds`; takes nothing."""
        self._check(rate, self._key(rate, address))

    def _check(self, rate: Rate, key: str) -> None:
        tokens = self._tokens(rate, key, self._clock())
        if tokens < 1:
            wait = max(1, round((1 - tokens) * 60 / rate.per_minute + 0.5))
            raise Limited(
                "TOO_MANY_REQUESTS",
                zh="操作过于频繁，请稍后再试",
                en="Too many requests, try again later",
                retry_after_seconds=str(wait),
            )

    def take(self, rate: Rate, address: str) -> None:
        """Take one token. Raises Limited when there is none."""
        key = self._key(rate, address)
        self._check(rate, key)
        self._put(rate, key, 1)
        self._taken(rate, key)

    def deduct(self, rate: Rate, key: str, count: int) -> None:
        """Take what another replica gave away, although there may be less: what is missing is owed, up to a bucketful."""
        self._put(rate, key, count)

    def _put(self, rate: Rate, key: str, count: int) -> None:
        now = self._clock()
        self._buckets[key] = (max(-float(rate.burst), self._tokens(rate, key, now) - count), now)
        self._buckets.move_to_end(key)
        while len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)


def keyed(secret: bytes, kind: str, name: str) -> str:
    """A name that only holders of `secret` can tell from another, 96 bits in hexadecimal."""
    return hmac.digest(secret, f"{kind}\0{name}".encode(), "sha256")[:12].hex()


def network_of(address: str) -> str:
    """What one client commands: an IPv4 address, or an IPv6 /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def client_address(request: Request) -> str:
    """The client's address; behind a trusted proxy the one that the proxy states."""
    return request.client.host if request.client else ""


def user_agent(request: Request) -> str:
    """What the client calls itself, cut to a length that is worth keeping."""
    return request.headers.get("user-agent", "")[:256]


def too_large(limit: int) -> TooLarge:
    """The error for a body over `limit` bytes."""
    return TooLarge(
        "BODY_TOO_LARGE",
        zh=f"上传内容超过 {_size(limit)} 的限制",
        en=f"The body is larger than {_size(limit)}",
        limit_bytes=str(limit),
    )


def _size(limit: int) -> str:
    return f"{limit // 2**20} MB" if limit >= 2**20 else f"{limit // 2**10} KB"


def limited_receive(request: Request, limit: int) -> Receive:
    """The request's `receive`, which raises TooLarge once more than `limit` bytes came, or at once when more are declared."""
    declared = request.headers.get("content-length", "")
    receive, total = request.receive, 0

    async def counted() -> Message:
        nonlocal total
        if declared.isdigit() and int(declared) > limit:
            raise too_large(limit)
        message = await receive()
        total += len(message.get("body", b""))
        if total > limit:
            raise too_large(limit)
        return message

    return counted


async def rechunk(chunks: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """The same bytes in pieces of at most `size`, and of exactly `size` but for the last."""
    pending = bytearray()
    async for chunk in chunks:
        pending += chunk
        while len(pending) >= size:
            yield bytes(pending[:size])
            del pending[:size]
    if pending:
        yield bytes(pending)
