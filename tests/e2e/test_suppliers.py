"""A supplier comes from the procurement platform, logs in by itself, and loses the company when its signer is changed."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from esign_e2e.doors import Person, Refused, loopback, until
from esign_e2e.mailbox import Mailbox
from esign_e2e.people import invent
from esign_e2e.procurement import ProcurementPlatform, company_code
from esign_local.stack import Stack

pytestmark = pytest.mark.e2e


@pytest.fixture
async def site(stack: Stack, numbers: "itertools.count[int]") -> AsyncIterator["Site"]:
    async with AsyncExitStack() as browsers:
        yield Site(stack, numbers, browsers)


class Site:
    """The signing platform, seen from as many browsers as are wanted."""

    def __init__(self, stack: Stack, numbers: "itertools.count[int]", browsers: AsyncExitStack) -> None:
        self._stack, self._numbers, self._browsers = stack, numbers, browsers

    def browser(self) -> Person:
        """A fresh one, at an address of its own."""
        found = Person(self._stack.url("gateway"), address=loopback(next(self._numbers)))
        self._browsers.push_async_callback(found.close)
        return found

    async def arrive(self, token: str, *, origin: str = "") -> tuple[Person, httpx.Response]:
        """Bring a token as the platform's page does: a form of another site's."""
        browser = self.browser()
        headers = {"origin": origin or self._stack.url("sandbox"), "sec-fetch-site": "cross-site"}
        del browser.http.headers["x-requested-with"]
        answer = await browser.http.post("/sso/procurement", data={"token": token}, headers=headers)
        browser.http.headers["x-requested-with"] = "esign"
        return browser, answer

    async def code(self, browser: Person, phone: str) -> str:
        """Ask for a login code and read it."""
        await browser.request_login_code(phone)
        mailbox = Mailbox(self._stack.url("sandbox"))
        try:
            return await until("login code", lambda: mailbox.code(phone, contains="登录电子签章平台"), seconds=30)
        finally:
            await mailbox.close()


async def test_a_supplier_arrives_signs_in_and_is_replaced(
    platform: ProcurementPlatform, site: Site, numbers: "itertools.count[int]"
) -> None:
    number = next(numbers)
    former, new = invent(number), invent(next(numbers))
    supplier = await platform.add(company_code(number), former)

    # 去签章平台申请电子签章
    token = await platform.token(supplier["id"])
    arrived, page = await site.arrive(token)
    assert page.status_code == 200, page.text
    assert 'content="0;url=/apply"' in page.text
    session = await arrived.json("GET", "/me")
    assert (session["kind"], session["person"]["name"]) == ("enterprise", former.name)
    assert session["organisation"]["unified_social_credit_code"] == company_code(number)
    # No form asked for it on this way.
    assert session["terms_due"]
    await arrived.accept_terms()
    assert not (await arrived.json("GET", "/me"))["terms_due"]
    # A token is good once, and from the platform's own pages only.
    _, again = await site.arrive(token)
    assert again.status_code == 401
    _, elsewhere = await site.arrive(await platform.token(supplier["id"]), origin="https://procurement.evil.example")
    assert elsewhere.status_code == 403

    # 企业用户登录
    at_home = site.browser()
    body = {"phone": former.phone, "code": await site.code(at_home, former.phone)}
    ticket = await at_home.json("POST", "/login/enterprise", json=body)
    assert [company["name"] for company in ticket["companies"]] == ["示例远山机电设备有限公司"]
    choice = {"ticket": ticket["ticket"], "organisation_id": ticket["companies"][0]["organisation_id"]}
    assert (await at_home.json("POST", "/login/enterprise/company", json=choice))["kind"] == "enterprise"
    assert len((await at_home.json("GET", "/sessions"))["items"]) == 2
    with pytest.raises(Refused) as refused:
        await site.browser().json("POST", "/login/enterprise/company", json=choice)
    assert refused.value.status == 401

    # 变更签章人
    stale = await platform.token(supplier["id"])
    await platform.change_signer(supplier["id"], new)
    for browser in (arrived, at_home):
        with pytest.raises(Refused) as refused:
            await browser.json("GET", "/me")
        assert refused.value.status == 401
    _, page = await site.arrive(stale)
    assert page.status_code in (401, 403)
    replaced, page = await site.arrive(await platform.token(supplier["id"]))
    assert page.status_code == 200
    assert (await replaced.json("GET", "/me"))["person"]["name"] == new.name


async def test_a_token_brought_many_times_at_once_is_good_once(
    platform: ProcurementPlatform, site: Site, numbers: "itertools.count[int]"
) -> None:
    number = next(numbers)
    supplier = await platform.add(company_code(number), invent(number))
    token = await platform.token(supplier["id"])
    arrivals = await asyncio.gather(*(site.arrive(token) for _ in range(8)))
    assert sorted(answer.status_code for _, answer in arrivals) == [200] + [401] * 7
