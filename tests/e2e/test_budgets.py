"""What a login and the first view of the portal may cost."""

import itertools
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import pytest
from esign_e2e.browser import Seat
from esign_e2e.doors import Person, loopback, until
from esign_e2e.journey import Journey
from esign_e2e.mailbox import Mailbox
from esign_e2e.people import invent
from esign_e2e.portal import LOGIN_SMS, LoginPage, Portal, SignPage
from esign_e2e.procurement import ProcurementPlatform, company_code
from esign_e2e.spans import Span, SpanSink
from esign_local.stack import Stack
from playwright.async_api import Response, expect

pytestmark = pytest.mark.e2e

NewJourney = Callable[..., Awaitable[Journey]]
Sit = Callable[..., Awaitable[Seat]]

RPCS_OF_A_LOGIN = 3
BYTES_OF_THE_FIRST_VIEW = 250_000
"""JavaScript as it is transferred."""
TINY = 512
"""Bytes: what is smaller is not compressed."""
LATER = ("ContractPage", "SignPage")
"""The views of documents."""


async def test_a_login_costs_three_rpcs_at_most(
    stack: Stack,
    spans: SpanSink,
    new_journey: NewJourney,
    platform: ProcurementPlatform,
    mailbox: Mailbox,
    numbers: "itertools.count[int]",
) -> None:
    """Those that others cause are counted, too."""
    journey = await new_journey(upto="upload")
    await journey.request_login_code()
    await journey.login_code_arrives()
    body = {"phone": journey.tenant.phone, "code": journey.login_code}
    await journey.person.json("POST", "/login", json=body)
    traces = {"individual": [journey.person.trace_id]}

    number = next(numbers)
    signer = invent(number)
    supplier = await platform.add(company_code(number), signer)
    person = Person(stack.url("gateway"), address=loopback(number))
    try:
        await person.request_login_code(signer.phone)
        code = await until("login code", lambda: mailbox.code(signer.phone, contains=LOGIN_SMS), seconds=30)
        ticket = await person.json("POST", "/login/enterprise", json={"phone": signer.phone, "code": code})
        traces["enterprise"] = [person.trace_id]
        choice = {"ticket": ticket["ticket"], "organisation_id": ticket["companies"][0]["organisation_id"]}
        assert (await person.json("POST", "/login/enterprise/company", json=choice))["kind"] == "enterprise"
        traces["enterprise"].append(person.trace_id)

        headers = {"origin": stack.url("sandbox"), "sec-fetch-site": "cross-site"}
        form = {"token": await platform.token(supplier["id"])}
        arrived = await person.http.post("/sso/procurement", data=form, headers=headers)
        assert arrived.status_code == 200, arrived.text
        traces["single sign-on"] = [arrived.headers["trace-id"]]
    finally:
        await person.close()

    for login, ids in traces.items():
        called = await until(f"spans of {login}", lambda ids=ids: calls(spans, ids), seconds=20)  # type: ignore[misc]
        assert 0 < len(called) <= RPCS_OF_A_LOGIN, (login, called)
        assert {span.service for span in called} >= {"gateway"}, (login, called)


async def calls(spans: SpanSink, trace_ids: list[str]) -> list[Span] | None:
    """The RPCs of requests, when all that belongs to them has come: every request's own span, and of every call both ends."""
    found = [span for trace_id in trace_ids for span in spans.of(trace_id)]
    called = [span for span in found if span.kind == "CLIENT" and span.name.startswith("/esign.")]
    answered = {span.parent_id for span in found if span.kind == "SERVER"}
    requests = {span.trace_id for span in found if span.service == "gateway" and not span.parent_id}
    complete = requests == set(trace_ids) and all(span.span_id in answered for span in called)
    return called if complete else None


async def test_the_first_view_costs_250_kb_of_javascript_at_most(new_journey: NewJourney, sit: Sit) -> None:
    journey = await new_journey(upto="find")
    seat = await sit(number=journey.client)
    scripts: dict[str, Response] = {}

    def note(response: Response) -> None:
        if response.request.resource_type == "script":
            # What comes a second time is in the cache.
            scripts.setdefault(urlsplit(response.url).path, response)

    seat.page.on("response", note)
    await LoginPage(seat).open()
    await seat.page.wait_for_load_state("networkidle")
    assert scripts
    await seat.carry(journey.person.http.cookies)
    await seat.goto("/")
    await Portal(seat).heading("您好")
    await expect(seat.page.get_by_role("main").get_by_text(journey.document_number)).to_be_visible()
    await seat.page.wait_for_load_state("networkidle")

    sizes: dict[str, int] = {}
    for path, response in scripts.items():
        sizes[path] = (await response.request.sizes())["responseBodySize"]
        encoding = await response.header_value("content-encoding")
        assert encoding in ("br", "gzip") or sizes[path] < TINY, f"{path} is not compressed"
    assert all(sizes.values()), sizes
    assert sum(sizes.values()) <= BYTES_OF_THE_FIRST_VIEW, sizes
    assert not [path for path in sizes for name in LATER if name in path]

    # The view of a document comes when it is opened, under the name by which it was missed above.
    await SignPage(seat).open(journey.contract_id)
    await SignPage(seat).step("身份信息")
    assert [path for path in scripts if "SignPage" in path]
