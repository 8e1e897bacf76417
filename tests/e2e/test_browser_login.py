"""Logging in and out in a real browser, what a wrong code, a stranger, a second tab and an ended session meet."""

import itertools
from collections.abc import Awaitable, Callable

import pytest
from esign_e2e.browser import Seat
from esign_e2e.doors import Refused
from esign_e2e.elapse import a_minute_later, session_ends
from esign_e2e.journey import Journey
from esign_e2e.mailbox import Mailbox
from esign_e2e.people import invent
from esign_e2e.portal import LoginPage, Portal
from esign_e2e.procurement import ProcurementPlatform, company_code
from esign_e2e.screens import shot
from esign_local.stack import Stack
from playwright.async_api import expect

pytestmark = pytest.mark.e2e

NewJourney = Callable[..., Awaitable[Journey]]
Sit = Callable[..., Awaitable[Seat]]


@pytest.mark.screens
async def test_an_individual_logs_in_and_out(new_journey: NewJourney, sit: Sit) -> None:
    journey = await new_journey(upto="upload")
    seat = await sit(number=journey.client)
    page, login, phone = seat.page, LoginPage(seat), journey.tenant.phone
    await login.open("/contracts/pending")
    await shot(page, "login-individual")
    # Nothing typed: each field says what it lacks.
    await login.form.get_by_role("button", name="登录").click()
    for text in ("请输入11位中国大陆手机号", "请输入短信中的6位数字验证码", "请先阅读并同意"):
        await expect(login.form.get_by_role("alert").filter(has_text=text)).to_be_visible()
    await shot(page, "login-empty")

    await login.send_code(phone)
    await expect(login.form.get_by_text("验证码短信将很快送达")).to_be_visible()
    await expect(login.form.get_by_role("button", name="秒后可重发")).to_be_disabled()
    code = await login.code(journey.mailbox, phone)
    seat.expect_refusal("/v1/login", 401)
    await login.submit(f"{(int(code) + 1) % 1_000_000:06d}")
    await expect(Portal(seat).alert("验证码不正确")).to_contain_text("还可尝试4次")
    await expect(Portal(seat).alert("参考编号")).to_be_visible()
    await shot(page, "login-wrong-code")
    await login.submit(code)
    # Where one wanted to go.
    await Portal(seat).heading("待签署文档")
    await expect(page.get_by_text("没有待签署的文档")).to_be_visible()
    await expect(page.get_by_role("banner").get_by_text(journey.tenant.name)).to_be_visible()
    await expect(page.get_by_role("banner").get_by_text("个人", exact=True)).to_be_visible()
    cookies = {cookie["name"]: cookie for cookie in await seat.context.cookies()}
    assert cookies["esign_session"]["httpOnly"]
    assert cookies["esign_session"]["sameSite"] == "Strict"
    assert "esign_session" not in await page.evaluate("document.cookie")

    await Portal(seat).leave()
    assert not [cookie for cookie in await seat.context.cookies() if cookie["name"] == "esign_session"]
    await page.go_back()
    await expect(page.get_by_role("tab", name="个人用户登录")).to_be_visible()
    await expect(page.get_by_text(journey.tenant.name)).to_have_count(0)


@pytest.mark.screens
async def test_a_signer_of_two_companies_chooses_one(
    platform: ProcurementPlatform, sit: Sit, mailbox: Mailbox, numbers: "itertools.count[int]"
) -> None:
    number = next(numbers)
    signer = invent(number)
    names = ("示例青禾保洁服务有限公司", "示例望山园林绿化工程有限公司")
    for index, name in enumerate(names):
        await platform.add(company_code(2 * number + index), signer, name)
    seat = await sit(number=number, phone=True)
    login = LoginPage(seat, "企业")
    await login.open()
    company = login.form.get_by_label("公司")
    await expect(company).to_be_disabled()
    await expect(login.form.get_by_text("验证手机号后选择公司")).to_be_visible()
    await shot(seat.page, "login-enterprise")
    await login.log_in(mailbox, signer.phone)
    await expect(login.form.get_by_text("手机号已验证，请选择公司后登录")).to_be_visible()
    await expect(company).to_be_focused()
    assert sorted(await company.get_by_role("option").all_inner_texts()) == sorted(["请选择公司", *names])
    await shot(seat.page, "login-company")
    await company.select_option(names[1])
    await login.form.get_by_role("button", name="登录").click()
    await expect(seat.page.get_by_role("heading", level=1, name="您好")).to_be_visible()
    await seat.page.get_by_role("button", name="打开菜单").click()
    drawer = seat.page.get_by_role("dialog")
    await expect(drawer.get_by_text(names[1])).to_be_visible()
    await expect(drawer.get_by_text("企业", exact=True)).to_be_visible()
    await expect(drawer.get_by_text(signer.name)).to_be_visible()
    await shot(seat.page, "menu", 360)
    await seat.page.keyboard.press("Escape")
    await Portal(seat).leave()


@pytest.mark.screens
async def test_after_five_wrong_codes_the_right_one_is_void(new_journey: NewJourney, sit: Sit) -> None:
    journey = await new_journey(upto="login")
    seat = await sit(number=journey.client)
    seat.expect_refusal("/v1/login", 401, 403, 429)
    login = LoginPage(seat)
    await login.open()
    await login.form.get_by_label("手机号").fill(journey.tenant.phone)
    for left in (4, 3, 2, 1, 0):
        await login.submit(f"{(int(journey.login_code) + 1 + left) % 1_000_000:06d}")
        words = f"还可尝试{left}次" if left else "验证码错误次数过多"
        await expect(Portal(seat).alert(words)).to_be_visible()
    async with seat.page.expect_response("**/v1/login") as answer:
        await login.submit(journey.login_code)
    assert (await answer.value).status in (401, 403, 429)
    await expect(Portal(seat).alert("重新获取")).to_be_visible()
    await shot(seat.page, "login-locked")


@pytest.mark.screens
async def test_who_asks_for_many_codes_has_to_read_a_picture(stack: Stack, new_journey: NewJourney, sit: Sit) -> None:
    journey = await new_journey(upto="upload")
    for _ in range(2):
        await journey.person.request_login_code(journey.tenant.phone)
        await a_minute_later(stack)
    seat = await sit(number=journey.client)
    seat.expect_refusal("/v1/login/codes", 400)
    login = LoginPage(seat)
    await login.open()
    await login.send_code(journey.tenant.phone)
    answer, picture = login.form.get_by_label("图形验证码"), login.form.get_by_role("img", name="图形验证码图片")
    await expect(answer).to_be_focused()
    first = await picture.get_attribute("src")
    await shot(seat.page, "login-captcha")
    await login.form.get_by_role("button", name="发送验证码").click()
    await expect(login.form.get_by_role("alert").filter(has_text="请输入图形验证码")).to_be_visible()
    await answer.fill("0000")
    await login.form.get_by_role("button", name="发送验证码").click()
    await expect(login.form.get_by_role("alert").filter(has_text="图形验证码不正确")).to_be_visible()
    await expect(picture).not_to_have_attribute("src", first or "")
    await login.form.get_by_role("button", name="换一张").click()
    assert len(await journey.mailbox.sms(journey.tenant.phone)) == 2


@pytest.mark.screens
async def test_another_persons_session_does_not_see_my_contract(new_journey: NewJourney, sit: Sit) -> None:
    mine, other = await new_journey(upto="find"), await new_journey(upto="find")
    seat = await sit(like=other)
    seat.expect_refusal("/v1/contracts/[^/]+(/.*)?", 403, 404)
    for path in (f"/contracts/{mine.contract_id}", f"/contracts/{mine.contract_id}/sign"):
        await seat.goto(path)
        await expect(Portal(seat).alert("参考编号")).to_be_visible()
        await expect(seat.page.get_by_text(mine.document_number)).to_have_count(0)
    await shot(seat.page, "contract-not-mine")


async def test_two_tabs_are_one_session(new_journey: NewJourney, sit: Sit) -> None:
    journey = await new_journey(upto="find")
    seat = await sit(number=journey.client)
    second = await seat.tab()
    await second.goto("/login")
    login = LoginPage(seat)
    await login.open()
    await seat.context.add_cookies(
        [
            {"name": cookie.name, "value": cookie.value or "", "url": seat.site, "httpOnly": True}
            for cookie in journey.person.http.cookies.jar
        ]
    )
    # Signed in in one: the other follows, and so it does out.
    await seat.page.evaluate("localStorage.setItem('esign.signed-in', '1')")
    await second.goto("/contracts/pending")
    await seat.goto("/")
    await expect(Portal(second).row(journey.document_number)).to_be_visible()
    await Portal(seat).leave()
    await expect(second.page.get_by_role("tab", name="个人用户登录")).to_be_visible()
    await expect(second.page.get_by_text(journey.document_number)).to_have_count(0)


@pytest.mark.screens
async def test_an_expired_session_leads_back_after_the_login(stack: Stack, new_journey: NewJourney, sit: Sit) -> None:
    journey = await new_journey(upto="find")
    seat = await sit(like=journey)
    seat.expect_refusal("/v1/.*", 401)
    await seat.goto("/contracts/pending")
    await expect(Portal(seat).row(journey.document_number)).to_be_visible()
    await session_ends(stack, journey.person_id)
    await Portal(seat).menu("已签署文档")
    await expect(seat.page.get_by_text("登录已过期，请重新登录")).to_be_visible()
    await shot(seat.page, "login-expired")
    await a_minute_later(stack)
    login = LoginPage(seat)
    await login.choose()
    await login.send_code(journey.tenant.phone)
    await login.submit(await login.code(journey.mailbox, journey.tenant.phone, but=journey.login_code))
    await Portal(seat).heading("已签署文档")


@pytest.mark.screens
async def test_devices_are_listed_and_signed_out(stack: Stack, new_journey: NewJourney, sit: Sit) -> None:
    journey = await new_journey(upto="find")
    await a_minute_later(stack)
    seat = await sit(number=journey.client)
    page, login = seat.page, LoginPage(seat)
    await login.open("/account")
    await login.send_code(journey.tenant.phone)
    await login.submit(await login.code(journey.mailbox, journey.tenant.phone, but=journey.login_code))
    await Portal(seat).heading("账户与安全")
    await expect(page.get_by_text("当前设备")).to_have_count(1)
    await expect(page.get_by_text(journey.tenant.phone[-4:])).to_be_visible()
    for secret in (journey.tenant.phone, journey.tenant.id_number):
        assert secret not in await page.content()
    await shot(page, "account")
    await page.get_by_role("button", name="退出此设备").click()
    await expect(page.get_by_role("dialog").get_by_text("该设备需重新登录")).to_be_visible()
    await shot(page, "account-end-device")
    await page.get_by_role("dialog").get_by_role("button", name="确定").click()
    await expect(page.get_by_text("没有其他设备登录")).to_be_visible()
    with pytest.raises(Refused) as refused:
        await journey.person.json("GET", "/me")
    assert refused.value.status == 401
    for kind in ("平台服务协议与个人信息保护政策", "生物特征信息使用声明"):
        await page.get_by_role("listitem").filter(has_text=kind).get_by_role("button", name="阅读").click()
        await expect(page.get_by_role("dialog").get_by_text("版本 1")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.screens
async def test_english_is_one_press_away(sit: Sit) -> None:
    seat = await sit()
    await LoginPage(seat).open()
    await seat.page.get_by_role("button", name="English").click()
    await expect(seat.page.get_by_role("tab", name="Individual")).to_be_visible()
    assert await seat.page.locator("html").get_attribute("lang") == "en"
    await shot(seat.page, "login-english")
    await seat.page.reload()
    await expect(seat.page.get_by_role("button", name="中文")).to_be_visible()
