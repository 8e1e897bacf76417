"""Every page that the other journeys through the browser do not pass, and the usual ones on a real phone's screen."""

from collections.abc import Awaitable, Callable

import pytest
from esign_e2e.browser import Seat
from esign_e2e.journey import Journey
from esign_e2e.portal import LoginPage, Portal
from esign_e2e.screens import SCREENS, WIDTHS, shot
from esign_local.stack import Stack
from playwright.async_api import Browser, Route, expect

pytestmark = [pytest.mark.e2e, pytest.mark.screens]

NewJourney = Callable[..., Awaitable[Journey]]
Sit = Callable[..., Awaitable[Seat]]


async def test_the_pages_on_a_phone(new_journey: NewJourney, sit: Sit) -> None:
    journey = await new_journey(upto="read")
    seat = await sit(like=journey, phone=True)
    pages = {
        "home": ("/", "您好"),
        "pending": ("/contracts/pending", "待签署文档"),
        "signed-empty": ("/contracts/signed", "已签署文档"),
        "contract-preview": (f"/contracts/{journey.contract_id}", journey.lease.title),
        "account": ("/account", "账户与安全"),
        "apply-individual": ("/apply", "申请证书"),
        "applications-individual": ("/applications", "申请记录"),
        "verify": ("/verify", "在线验证"),
        "evidence": ("/evidence", "可信存证核验中心"),
        "paper": ("/help/paper", "走纸质盖章流程"),
        "nowhere": ("/nothing/here", "页面不存在"),
    }
    for name, (path, heading) in pages.items():
        await seat.goto(path)
        await Portal(seat).heading(heading)
        await expect(seat.page.locator("[aria-busy=true]")).to_have_count(0)
        await shot(seat.page, name, 360)
    # By the menu, which opens over the page.
    for entry, heading in (("待签署文档", "待签署文档"), ("在线验证", "在线验证"), ("我的首页", "您好")):
        await Portal(seat).menu(entry)
        await Portal(seat).heading(heading)


async def test_the_pages_for_anyone(sit: Sit) -> None:
    seat = await sit()
    for name, path, heading in (("paper", "/help/paper", "走纸质盖章流程"), ("nowhere", "/nothing/here", "页面不存在")):
        await seat.goto(path)
        await Portal(seat).heading(heading)
        await shot(seat.page, name)
    login = LoginPage(seat)
    await login.open()
    await login.form.get_by_role("button", name="《平台服务协议与个人信息保护政策》").click()
    await expect(seat.page.get_by_role("dialog").get_by_text("版本 1")).to_be_visible()
    await shot(seat.page, "login-terms")


OLD_BROWSER = "delete HTMLScriptElement.prototype.noModule"


async def without_modules(route: Route) -> None:
    """A page whose modules a browser passes over as one does that knows none."""
    answer = await route.fetch()
    await route.fulfill(response=answer, body=(await answer.text()).replace('type="module"', 'type="unknown"'))


async def broken_module(route: Route) -> None:
    """A script in a syntax that the browser does not read."""
    await route.fulfill(body="const = 1", content_type="text/javascript")


@pytest.mark.parametrize("lacks", ["scripts", "modules", "syntax"])
async def test_a_browser_that_cannot_show_the_portal_says_so(stack: Stack, chromium: Browser, lacks: str) -> None:
    context = await chromium.new_context(java_script_enabled=lacks != "scripts", locale="zh-CN")
    page = await context.new_page()
    if lacks == "modules":
        await page.add_init_script(OLD_BROWSER)
        await page.route("**/login", without_modules)
    if lacks == "syntax":
        await page.route("**/assets/*.js", broken_module)
    await page.goto(stack.url("gateway") + "/login")
    title = "请启用 JavaScript" if lacks == "scripts" else "页面无法显示"
    # At once, not after the time that a slow network is given.
    await expect(page.get_by_role("heading", name=title)).to_be_visible(timeout=5_000)
    shown = await page.locator("body").inner_text()
    assert [shown.count(words) for words in ("Chrome 或 Edge", "010-58515511", "4009197888-3")] == [1, 1, 1]
    for width, height in WIDTHS.items():
        await page.set_viewport_size({"width": width, "height": height})
        await page.screenshot(path=SCREENS / f"unsupported-{lacks}-{width}.png")
    await context.close()


async def terms_are_due(route: Route) -> None:
    """What the platform answers until the terms in force are accepted."""
    await route.fulfill(status=409, json={"code": "TERMS_NOT_ACCEPTED", "title": "请先阅读并同意"})


async def test_what_cannot_be_signed_says_why(new_journey: NewJourney, sit: Sit) -> None:
    journey = await new_journey(upto="face")
    seat = await sit(like=journey)
    for _ in range(3):
        face = await journey.person.start_face(journey.verification_id)
        relay = await journey.phone.open_relay(face["url"])
        await journey.phone.pass_at_vendor(relay["vendor_url"], "fail")
        await journey.phone.finish_relay(face["url"])
    seat.expect_refusal("/v1/contracts/[^/]+/verifications", 403, 409, 429)
    # A new text of the terms came into force while somebody is signed in.
    await seat.page.route("**/v1/contracts/*/verifications", terms_are_due, times=1)
    await seat.goto(f"/contracts/{journey.contract_id}/sign")
    await seat.page.get_by_role("button", name="同意并继续").click()
    await expect(seat.page.get_by_text("人脸识别暂停")).to_be_visible()
    await shot(seat.page, "sign-paused")

    await journey.leasing.withdraw(journey.contract_id)
    await seat.goto(f"/contracts/{journey.contract_id}/sign")
    await expect(seat.page.get_by_text("合同已撤回")).to_be_visible()
    await shot(seat.page, "sign-withdrawn")


async def test_the_sandbox_in_the_same_browser(stack: Stack, sit: Sit) -> None:
    seat = await sit()
    for name, path in (("sandbox", "/"), ("sandbox-mailbox", "/mailbox"), ("sandbox-procurement", "/procurement")):
        await seat.goto(stack.url("sandbox") + path)
        await expect(seat.page.get_by_role("heading").first).to_be_visible()
        await shot(seat.page, name)
