"""Several gateways as one: what they tell one another, messages that are lost, doubled or late, and NATS away."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from esign_gateway import replicas
from esign_gateway.limits import Rate
from esign_gateway.replicas import FORGET_SECONDS, STREAMS_SECONDS, WINDOW_SECONDS, Account
from esign_gateway.streams import PER_SESSION, Call, EventStream
from esign_kit.engines import Nats
from esign_kit.errors import Limited
from esign_kit.settings import NatsSettings
from esign_kit.testing import Pki, eventually
from nats import connect

from .doubles import Site, running

SECRET = b"s" * 32
ADDRESS = "192.0.2.1"
RATE = Rate("x", per_minute=0.001, burst=20)
"""It practically does not refill."""


class Watch:
    """A clock that stands still."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    """The replicas' clock."""
    return Watch()


@pytest.fixture
def pair(watch: Watch) -> tuple[Account, Account]:
    """Two replicas."""
    return Account(SECRET, clock=watch), Account(SECRET, clock=watch)


def let_through(account: Account, rate: Rate = RATE, most: int = 1000, address: str = ADDRESS) -> int:
    """How many requests get through until one does not."""
    for count in range(most):
        try:
            account.limiter.take(rate, address)
        except Limited:
            return count
    return most


def exchange(*accounts: Account, wire: Callable[[list[bytes]], list[bytes]] = lambda messages: messages) -> None:
    """Everyone tells, the wire does what it does, everyone hears (oneself too)."""
    messages = wire([message for account in accounts for message in account.tell()])
    for account in accounts:
        for message in messages:
            account.hear(message)


def test_what_replicas_let_through_together_is_the_limit(pair: tuple[Account, Account], watch: Watch) -> None:
    through = 0
    for account in itertools.islice(itertools.cycle(pair), 60):
        through += let_through(account, most=1)
        exchange(*pair)
    assert through == RATE.burst
    assert let_through(pair[0], address="192.0.2.2") == RATE.burst
    assert let_through(pair[0], Rate("y", per_minute=0.001, burst=5)) == 5


def test_what_was_given_away_meanwhile_is_owed(pair: tuple[Account, Account], watch: Watch) -> None:
    rate = Rate("x", per_minute=60, burst=10)
    assert [let_through(account, rate) for account in pair] == [10, 10]
    exchange(*pair)
    # Both are ten below nothing, so for as long as it takes to make up for them nobody is let through.
    watch.now += 10.5
    assert [let_through(account, rate) for account in pair] == [0, 0]
    watch.now += 1
    assert let_through(pair[0], rate) == 1


def test_a_debt_is_never_more_than_a_bucket(watch: Watch) -> None:
    accounts = [Account(SECRET, clock=watch) for _ in range(5)]
    rate = Rate("x", per_minute=60, burst=10)
    for account in accounts:
        assert let_through(account, rate) == 10
    exchange(*accounts)
    watch.now += 11.1
    assert let_through(accounts[0], rate) == 1


@pytest.mark.parametrize("seed", range(20))
def test_messages_that_are_lost_doubled_or_out_of_order(seed: int, watch: Watch) -> None:
    rng = random.Random(seed)
    accounts = [Account(SECRET, clock=watch) for _ in range(3)]
    rate = Rate("x", per_minute=1e-9, burst=100)

    def wire(messages: list[bytes]) -> list[bytes]:
        kept = [message for message in messages for _ in range(rng.choice([0, 0, 1, 1, 2]))]
        rng.shuffle(kept)
        return kept

    late: list[bytes] = []
    for _ in range(15):
        for account in accounts:
            let_through(account, rate, most=rng.randrange(3))
        exchange(*accounts, wire=lambda messages, late=late: wire(messages + late))  # type: ignore[misc]
        late = [message for account in accounts for message in account.tell()]
    # The window is over, and that message comes through: everything is made up for, once.
    watch.now += WINDOW_SECONDS
    exchange(*accounts)
    exchange(*accounts, wire=lambda messages: messages + late)
    left = [account.limiter._buckets for account in accounts]
    assert len({round(tokens) for buckets in left for tokens, _ in buckets.values()}) == 1
    ((tokens, _),) = left[0].values()
    assert 100 - round(tokens) > 20
    assert [let_through(account, rate) for account in accounts] == [round(tokens)] * 3


def test_what_comes_far_too_late_or_makes_no_sense_counts_for_nothing(
    pair: tuple[Account, Account], watch: Watch
) -> None:
    first, second = pair
    first.limiter.take(RATE, ADDRESS)
    (old,) = first.tell()
    for _ in range(3):
        watch.now += WINDOW_SECONDS
        first.limiter.take(RATE, "192.0.2.9")
        messages = first.tell()
    second.hear(messages[-1])
    for message in (old, b"", b"[]", b"\xff", b'{"by":"x"}', old.replace(b'"burst":20', b'"burst":0')):
        second.hear(message)
    assert let_through(second) == RATE.burst


def test_a_replica_that_comes_anew_begins_from_nothing(pair: tuple[Account, Account], watch: Watch) -> None:
    first, second = pair
    for _ in range(5):
        first.limiter.take(RATE, ADDRESS)
    exchange(*pair)
    again = Account(SECRET, clock=watch)
    again.limiter.take(RATE, ADDRESS)
    exchange(again, second)
    assert let_through(second) == RATE.burst - 6
    # And what is not heard of any more is forgotten.
    watch.now += FORGET_SECONDS
    exchange(again, second, wire=lambda messages: messages or [again._message()])
    assert len(second._others) == 1


def test_nobody_is_named(pair: tuple[Account, Account], watch: Watch) -> None:
    first, second = pair
    first.limiter.take(RATE, "203.0.113.77")
    hold(first, "session-4711")
    told = b"".join(first.tell())
    assert b"203.0.113" not in told
    assert b"session-4711" not in told
    # Whoever does not know the secret cannot find out by trying; whoever does understands.
    assert Account(b"t" * 32).limiter._key(RATE, "203.0.113.77").encode() not in told
    assert second.limiter._key(RATE, "203.0.113.77").encode() in told


def test_many_networks_are_told_in_messages_of_a_bounded_size(pair: tuple[Account, Account], watch: Watch) -> None:
    first, second = pair
    for number in range(5000):
        first.limiter.take(RATE, f"198.{18 + number // 65536}.{number // 256 % 256}.{number % 256}")
    messages = first.tell()
    assert len(messages) == 3
    assert max(map(len, messages)) < 256 * 1024
    for message in messages:
        second.hear(message)
    assert len(second.limiter._buckets) == 5000
    assert not first.tell()


# -- streams


def hold(account: Account, session: str) -> EventStream:
    """A stream is open, for as long as it is held."""
    stream = EventStream(lambda message: b"", asyncio.Event(), lambda: None)
    account.streams._open[session].add(stream)
    return stream


async def may_open(account: Account, session: str) -> bool:
    """Whether another stream would be opened."""
    try:
        await account.streams.open(session, nothing, lambda message: b"")
    except Limited:
        return False
    except LookupError:
        return True
    raise AssertionError("there was nothing to stream")


def nothing() -> Call:
    """No call at all."""
    raise LookupError


async def test_streams_of_a_session_are_counted_together(pair: tuple[Account, Account], watch: Watch) -> None:
    first, second = pair
    held = [hold(first, "s") for _ in range(PER_SESSION - 1)]
    exchange(*pair)
    assert await may_open(second, "s")
    held.append(hold(second, "s"))
    exchange(*pair)
    assert [await may_open(account, "s") for account in pair] == [False, False]
    assert await may_open(second, "other")
    assert not {"other"} & {*second.streams._open}
    # One is closed, and both know.
    del held[0]
    before = first.streams.count()
    exchange(*pair)
    assert before == PER_SESSION - 2
    assert [await may_open(account, "s") for account in pair] == [True, True]


async def test_streams_of_a_killed_replica_fall_away(pair: tuple[Account, Account], watch: Watch) -> None:
    first, second = pair
    held = [hold(first, "s") for _ in range(PER_SESSION)]
    exchange(*pair)
    assert not await may_open(second, "s")
    # As long as it lives it says so again.
    for _ in range(5):
        watch.now += STREAMS_SECONDS / 2
        exchange(*pair)
        assert not await may_open(second, "s")
    watch.now += STREAMS_SECONDS + 0.1
    assert await may_open(second, "s")
    assert len(held) == PER_SESSION


async def test_an_older_word_about_streams_does_not_count(pair: tuple[Account, Account], watch: Watch) -> None:
    first, second = pair
    held = [hold(first, "s") for _ in range(PER_SESSION)]
    old = first.tell()
    held.clear()
    for message in [*first.tell(), *old]:
        second.hear(message)
    assert await may_open(second, "s")


# -- over NATS


@pytest.fixture(scope="module")
async def nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Nats]:
    """A server that can be stopped and started."""
    engine = Nats(tmp_path_factory.mktemp("nats"), fsync=False)
    await engine.astart()
    yield engine
    await engine.astop()


@pytest.fixture
def settings(nats: Nats, pki: Pki) -> NatsSettings:
    """The gateway's user."""
    password = pki.secret("gateway.nats", nats.passwords["gateway"])
    return NatsSettings(servers=[nats.url], user="gateway", password_file=password)


class Lines:
    """Stands for the logger, and keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def warning(self, text: str, **_: object) -> None:
        """Keep it."""
        self.said.append(text)

    info = error = warning


def empty(site: Site, address: str) -> bool:
    """Whether the gateway lets nothing more through."""
    try:
        site.gateway.limiter.check(RATE, address)
    except Limited:
        return True
    return False


async def until(true: Callable[[], bool]) -> None:
    """Return when it is so."""

    async def look() -> bool:
        return true()

    await eventually(look, seconds=10)


async def test_the_gateway_has_no_part_in_events(nats: Nats) -> None:
    refused: list[str] = []

    async def on_error(error: Exception) -> None:
        refused.append(str(error).lower())

    client = await connect(nats.url_for("gateway"), error_cb=on_error)
    try:
        await client.publish("esign.evt.contract.ContractCompleted", b"")
        await client.subscribe("esign.evt.>")
        await client.publish("$JS.API.STREAM.NAMES", b"")
        await client.publish(replicas.SUBJECT, b"")
        await client.flush()
        await until(lambda: len(refused) == 3)
    finally:
        await client.close()
    assert all("permissions violation" in error for error in refused)


async def test_two_gateways_share_limits_and_go_on_alone_without_nats(
    nats: Nats, settings: NatsSettings, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Lines()
    monkeypatch.setattr(replicas, "log", lines)
    monkeypatch.setattr(replicas, "CONNECT_SECONDS", 0.3)
    await nats.astop()
    async with AsyncExitStack() as stack:
        # They start without it, each with limits of its own.
        sites = [await stack.enter_async_context(running(pki, nats=settings)) for _ in range(2)]
        alone = "no connection to nats: limits count what this replica lets through only"
        await until(lambda: lines.said.count(alone) == 2)
        assert let_through(sites[0].gateway.account, address="192.0.2.1") == RATE.burst
        await asyncio.sleep(0.3)
        assert lines.said == [alone] * 2
        assert not empty(sites[1], "192.0.2.1")

        await nats.astart()
        await until(lambda: len(lines.said) == 4)
        assert let_through(sites[0].gateway.account, address="192.0.2.2") == RATE.burst
        await until(lambda: empty(sites[1], "192.0.2.2"))

        # It goes, and comes back.
        await nats.astop()
        await until(lambda: lines.said.count(alone) == 4)
        async with sites[0].client() as client:
            assert (await client.get("/v1/public/trust-roots")).status_code == 200
        await nats.astart()
        await until(lambda: len(lines.said) == 8)
        assert let_through(sites[1].gateway.account, address="192.0.2.3") == RATE.burst
        await until(lambda: empty(sites[0], "192.0.2.3"))
        assert not empty(sites[0], "192.0.2.4")
