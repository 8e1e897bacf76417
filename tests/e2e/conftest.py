"""One platform for the whole run, and tenants on it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import httpx
import pytest
from esign_e2e.browser import Seat, launch, seat
from esign_e2e.demo import countersigner_of, document_number, doors_of, lease_for
from esign_e2e.elapse import a_minute_later
from esign_e2e.face_clip import Portrait, still
from esign_e2e.journey import Journey
from esign_e2e.lease import Lease
from esign_e2e.mailbox import Mailbox
from esign_e2e.people import invent
from esign_e2e.procurement import ProcurementPlatform
from esign_e2e.screens import taken
from esign_e2e.spans import SpanSink
from esign_e2e.steps import STEPS, take
from esign_local.stack import Stack
from playwright.async_api import Browser, Playwright, async_playwright

NewJourney = Callable[..., Awaitable[Journey]]
Sit = Callable[..., Awaitable[Seat]]
LONGEST = ("test_crashes.py", "test_stack.py", "test_browser_face.py", "test_attacks.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, so that where two run side by side nobody waits for one at the end."""
    order = {name: position for position, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(scope="session")
async def spans() -> AsyncIterator[SpanSink]:
    """Every span of the platform."""
    async with SpanSink() as sink:
        yield sink


@pytest.fixture(scope="session")
async def stack(spans: SpanSink) -> AsyncIterator[Stack]:
    """The platform, freshly set up."""
    async with Stack(ephemeral=True, otlp_endpoint=spans.endpoint) as found:
        yield found


@pytest.fixture(scope="session")
def numbers() -> "itertools.count[int]":
    """A number of its own for every tenant of the run."""
    return itertools.count(100)


@pytest.fixture(scope="session")
async def lease(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Lease:
    """The document of every contract of the run."""
    path = tmp_path_factory.mktemp("lease") / "lease.pdf"
    return await asyncio.to_thread(lease_for, stack, path, invent(1), document_number(1))


@pytest.fixture
async def new_journey(stack: Stack, numbers: "itertools.count[int]", lease: Lease) -> AsyncIterator[NewJourney]:
    """`await new_journey(upto="confirm")`: a new tenant's journey whose steps before `upto` are done; with `like=journey` another
    contract of that tenant, in the same session."""
    made: list[Journey] = []

    async def make(
        *,
        upto: str = "register",
        whole_document: bool = False,
        patience: float = 0,
        wait: float = 60,
        like: Journey | None = None,
    ) -> Journey:
        number = next(numbers)
        journey = Journey(
            doors_of(stack),
            lease,
            like.tenant if like else invent(number),
            countersigner_of(stack),
            document_number=document_number(number),
            client=like.client if like else number,
            pages_to_read=() if whole_document else (lease.tenant.page,),
            patience=patience,
            wait=wait,
        )
        made.append(journey)
        if like:
            journey.person.http.cookies = httpx.Cookies(like.person.http.cookies)
            await a_minute_later(stack)
        for step in STEPS[: [step.name for step in STEPS].index(upto)]:
            if not (like and step.name in ("login-code", "login")):
                await take(journey, step)
        return journey

    yield make
    for journey in made:
        await journey.close()


@pytest.fixture
async def platform(stack: Stack) -> AsyncIterator[ProcurementPlatform]:
    """The procurement platform."""
    async with httpx.AsyncClient(base_url=stack.url("sandbox"), trust_env=False, timeout=20) as client:
        yield ProcurementPlatform(client)


@pytest.fixture
async def mailbox(stack: Stack) -> AsyncIterator[Mailbox]:
    """What arrives at phones and mail addresses."""
    found = Mailbox(stack.url("sandbox"))
    yield found
    await found.close()


@pytest.fixture(scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    """What drives the browsers."""
    async with async_playwright() as found:
        yield found


@pytest.fixture(scope="session")
async def chromium(playwright: Playwright) -> AsyncIterator[Browser]:
    """One browser for the whole run; every person has a context of one's own."""
    browser = await launch(playwright)
    yield browser
    await browser.close()


@pytest.fixture
async def sit(stack: Stack, chromium: Browser, numbers: "itertools.count[int]") -> AsyncIterator[Sit]:
    """`await sit()`: somebody at a computer; `await sit(phone=True)`: at a phone. With `like=journey` the journey's tenant,
    at that network address and signed in when the journey is. The test fails when a page reported something as broken."""
    async with AsyncExitStack() as seats:

        async def make(
            *,
            phone: bool = False,
            like: Journey | None = None,
            number: int | None = None,
            language: str = "zh-CN",
            browser: Browser | None = None,
        ) -> Seat:
            at = number if number is not None else like.client if like else next(numbers)
            found = await seats.enter_async_context(
                seat(browser or chromium, stack.url("gateway"), at, phone=phone, language=language)
            )
            if like is not None:
                await found.carry(like.person.http.cookies)
            return found

        yield make


@pytest.fixture
async def enrolled(new_journey: NewJourney) -> Journey:
    """A tenant whose portrait came with a first check by a vendor, before the face check of a second contract."""
    first = await new_journey(upto="face")
    first.face = await first.person.start_face(first.verification_id)
    relay = await first.phone.open_relay(first.face["url"])
    await first.phone.pass_at_vendor(relay["vendor_url"], photo=still(Portrait.ASTRONAUT, seconds=0.1)[0][1])
    await first.complete_face()
    return await new_journey(upto="face", like=first)


@pytest.fixture(autouse=True)
def _pictures(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that takes pictures is marked `screens`: `make screens` runs those alone."""
    before = taken()
    yield
    if taken() > before and request.node.get_closest_marker("screens") is None:
        pytest.fail("this test takes pictures and is not marked `screens`")


@pytest.fixture
async def fault(stack: Stack) -> AsyncIterator[Callable[[str, str], Awaitable[None]]]:
    """`await fault("tsa", "down")`; every fault ends with the test."""
    async with httpx.AsyncClient(base_url=f"{stack.url('sandbox')}/_sandbox", trust_env=False) as sandbox:

        async def switch(part: str, mode: str) -> None:
            (await sandbox.put(f"/faults/{part}", json={"mode": mode})).raise_for_status()

        yield switch
        (await sandbox.delete("/faults")).raise_for_status()
