"""Two gateways and two identities behave as one, whichever of them a request reaches."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from esign_e2e import inside
from esign_e2e.demo import document_number, lease_for
from esign_e2e.doors import Browser, Person, Phone, Refused, loopback, until
from esign_e2e.journey import Journey
from esign_e2e.lease import Lease
from esign_e2e.people import invent
from esign_e2e.steps import STEPS, take
from esign_e2e.turns import Turns
from esign_local.stack import Stack

pytestmark = pytest.mark.e2e

Begin = Callable[..., Awaitable[Journey]]


@pytest.fixture(scope="module")
async def stack() -> AsyncIterator[Stack]:
    """A platform of its own."""
    async with Stack(ephemeral=True, replicas={"gateway": 2, "identity": 2}) as found:
        yield found


@pytest.fixture(scope="module")
async def lease(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Lease:
    """The document of every contract."""
    path = tmp_path_factory.mktemp("lease") / "lease.pdf"
    return await asyncio.to_thread(lease_for, stack, path, invent(1), document_number(1))


@pytest.fixture
def turns(stack: Stack) -> Turns:
    """Whose requests go to the two gateways in turn."""
    return Turns(stack.urls("gateway"))


@pytest.fixture
async def begin(new_journey: Begin, turns: Turns) -> Begin:
    """`await begin("face")`: a journey through both gateways whose steps before that one are done."""

    async def make(upto: str, **options: float) -> Journey:
        journey = await new_journey(**options)
        turns.lead(journey.person, journey.phone, journey.anyone)
        for step in STEPS[: position(upto)]:
            await take(journey, step)
        return journey

    return make


@pytest.fixture
async def at(stack: Stack) -> AsyncIterator[Callable[..., Browser]]:
    """`at(1, Person, like=browser)`: a browser at one gateway, with the cookies of another."""
    made: list[Browser] = []

    def make(which: int, kind: type[Browser] = Person, *, like: Browser | None = None, client: int = 0) -> Browser:
        browser = kind(stack.url("gateway"), address=loopback(client) if client else None)
        Turns([stack.urls("gateway")[which]]).lead(browser)
        if like:
            browser.http.cookies.update(like.http.cookies)
        made.append(browser)
        return browser

    yield make
    for browser in made:
        await browser.close()


def position(name: str) -> int:
    """Of a step among all."""
    return [step.name for step in STEPS].index(name)


async def refusal(call: Awaitable[object]) -> str:
    """The code with which a call is refused; empty when it is not."""
    try:
        await call
    except Refused as refused:
        return refused.code
    return ""


async def test_a_whole_journey_through_both_while_an_identity_dies(
    stack: Stack, begin: Begin, turns: Turns, at: Callable[..., Person]
) -> None:
    journey = await begin("sms-code", patience=10)

    async def sign() -> None:
        for step in STEPS[position("sms-code") : position("download")]:
            await take(journey, step)

    signing = asyncio.create_task(sign())
    await asyncio.sleep(0.15)
    killed_at = len(turns.answers)
    await stack.kill("identity-2")
    await signing
    assert stack.restarts["identity-2"] == 1
    await begun_at_one_and_anew_at_the_other(stack, journey, *(at(which, like=journey.person) for which in (0, 1)))
    for step in STEPS[position("download-again") :]:
        await take(journey, step)
    await inside.audit(stack, [journey])
    by_gateway = Counter(gateway for gateway, _ in turns.answers)
    assert len(by_gateway) == 2
    assert max(by_gateway.values()) - min(by_gateway.values()) <= 1
    # What is not safe to repeat by itself, the person repeats, once.
    failed = [number for number, (_, status) in enumerate(turns.answers) if status >= 500]
    assert len(failed) <= 1
    assert all(number >= killed_at for number in failed)


async def begun_at_one_and_anew_at_the_other(stack: Stack, journey: Journey, here: Person, there: Person) -> None:
    """The one download: begun anew elsewhere it goes on there alone, and whoever hears that it arrived counts it once."""
    first = asyncio.create_task(here.download(journey.contract_id, seconds=1.0))

    async def in_the_middle() -> bool | None:
        return True if here.received > 100_000 else None

    await until("the middle of the file", in_the_middle, seconds=10)
    journey.pdf, download_id = await there.download(journey.contract_id)
    with pytest.raises(httpx.RemoteProtocolError):
        await first
    assert here.received < len(journey.pdf)
    await here.confirm_receipt(journey.contract_id, download_id, hashlib.sha256(journey.pdf).hexdigest())
    for person in (here, there):
        assert await refusal(person.download(journey.contract_id)) == "DOWNLOAD_ALREADY_USED"
    ended = "SELECT state FROM downloads WHERE contract_id = %s ORDER BY download_id"
    assert await inside.rows(stack, "contract", ended, journey.contract_id) == [("GIVEN_BACK",), ("USED",)]


async def test_who_only_reads_notices_nothing(stack: Stack, begin: Begin, turns: Turns) -> None:
    journey = await begin("find")
    await stack.wait_healthy("identity-2")
    over = asyncio.Event()

    async def read() -> None:
        while not over.is_set():
            await journey.person.contracts("pending")

    # Several at once, so that some wait for the one that dies.
    reading = [asyncio.create_task(read()) for _ in range(8)]
    await asyncio.sleep(0.3)
    await stack.kill("identity")
    before = len(turns.answers)
    while len(turns.answers) < before + 24 and not any(task.done() for task in reading):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    over.set()
    await asyncio.gather(*reading)
    assert {status for _, status in turns.answers if status >= 400} == set()


async def test_a_session_is_one_everywhere(stack: Stack, begin: Begin, at: Callable[..., Person]) -> None:
    journey = await begin("find")
    due = "UPDATE session SET token_since = now() - interval '1 hour' WHERE person_id = %s RETURNING session_id"
    ((session,),) = await inside.rows(stack, "identity", due, journey.person_id)
    people = [at(which % 2, like=journey.person) for which in range(8)]
    await asyncio.gather(*(person.contracts("pending") for person in people))
    # However many come at once with a token that is due, it has one successor, good everywhere.
    former = journey.person.http.cookies["esign_session"]
    cookies = [cookie for person in people for cookie in person.http.cookies.jar if cookie.name == "esign_session"]
    (renewed,) = {str(cookie.value) for cookie in cookies} - {former}
    here, there = people[:2]
    for person in (here, there):
        person.http.cookies.clear()
        person.http.cookies.set("esign_session", renewed)
        await person.contracts("pending")
    # And what ends at one has ended at the other.
    await here.ask("DELETE", f"/sessions/{session}")
    assert await refusal(there.contracts("pending")) == "SESSION_EXPIRED"


async def test_wrong_codes_are_counted_together(stack: Stack, begin: Begin) -> None:
    journey = await begin("login")
    wrong = [f"{(int(journey.login_code) + number) % 10**6:06d}" for number in range(1, 17)]
    login = journey.person.login
    codes = Counter(await asyncio.gather(*(refusal(login(journey.tenant.phone, code)) for code in wrong)))
    assert codes["LOGIN_CODE_WRONG"] <= 5
    assert codes.total() == 16
    assert not codes[""]
    assert await refusal(login(journey.tenant.phone, journey.login_code))
    newest = "SELECT attempts FROM code WHERE purpose = 'LOGIN' ORDER BY created_at DESC LIMIT 1"
    assert await inside.rows(stack, "identity", newest) == [(5,)]


async def test_together_they_let_through_what_one_would(at: Callable[..., Person]) -> None:
    here, there = (at(which, client=60_001) for which in (0, 1))
    begun, burst, per_minute = time.monotonic(), 30, 20
    codes: Counter[str] = Counter()
    for _ in range(8):
        codes.update(await asyncio.gather(*(refusal(person.login("1", "000000")) for person in (here, there) * 3)))
        # They tell one another ten times a second: what one lets through until then is the tolerance, here three.
        await asyncio.sleep(0.2)
    assert codes.total() == 48
    refilled = (time.monotonic() - begun) * per_minute / 60
    assert burst <= codes.total() - codes["TOO_MANY_REQUESTS"] <= burst + 3 + refilled


async def test_the_computer_at_one_follows_the_phone_at_the_other(begin: Begin, at: Callable[..., Browser]) -> None:
    journey = await begin("face")
    computer, phone = at(0, Person, like=journey.person), at(1, Phone)
    assert isinstance(computer, Person)
    assert isinstance(phone, Phone)
    face = await computer.start_face(journey.verification_id)
    following = asyncio.create_task(computer.follow(journey.verification_id, "passed"))
    others = [asyncio.create_task(computer.follow(journey.verification_id, "passed")) for _ in range(2)]
    await asyncio.sleep(0.5)
    # Three streams of one session are open at one gateway: the other opens no fourth.
    elsewhere = at(1, Person, like=journey.person)
    assert isinstance(elsewhere, Person)
    assert await refusal(elsewhere.follow(journey.verification_id, "passed")) == "TOO_MANY_STREAMS"
    relay = await phone.open_relay(face["url"])
    await asyncio.sleep(1.2)
    await phone.pass_at_vendor(relay["vendor_url"])
    await phone.finish_relay(face["url"])
    async with asyncio.timeout(10):
        assert await following == ["face_pending open", "face_pending scanned", "passed passed"]
        await asyncio.gather(*others)

    async def again() -> list[str] | None:
        return await elsewhere.follow(journey.verification_id, "passed")

    assert await until("streams that ended are counted no more", again, seconds=3) == ["passed passed"]
