"""签章 in real browsers, a computer and a phone: from the list of what waits to a contract that all have signed."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from esign_e2e.browser import Seat, camera_flags, launch
from esign_e2e.elapse import face_check_ends
from esign_e2e.face_clip import Portrait, write_live, write_still
from esign_e2e.journey import Journey
from esign_e2e.portal import Portal, SignPage, arrived
from esign_e2e.screens import shot
from esign_local.stack import Stack
from playwright.async_api import Playwright, expect

pytestmark = pytest.mark.e2e

NewJourney = Callable[..., Awaitable[Journey]]
Sit = Callable[..., Awaitable[Seat]]
NOT_YET = "/v1/verifications/[^/]+/face/[^/]+/result"
"""The computer may ask for a result that is not there yet."""
NO_CAMERA = """() => { navigator.mediaDevices.getUserMedia =
    () => Promise.reject(new DOMException('Requested device not found', 'NotFoundError')) }"""
INSECURE = "() => { Object.defineProperty(window, 'isSecureContext', { value: false }) }"


async def act_at_vendor(phone: Seat, button: str) -> None:
    """Press 通过 or 不通过 on the vendor's page, and come back."""
    await phone.page.get_by_role("button", name="前往核验").click()
    await expect(phone.page.get_by_text("沙箱页面")).to_be_visible()
    await phone.page.get_by_role("button", name=button, exact=True).click()
    await phone.page.wait_for_url(re.compile(f"{re.escape(phone.site)}/f/return"))


@pytest.mark.screens
async def test_from_the_list_to_a_contract_that_all_have_signed(new_journey: NewJourney, sit: Sit) -> None:
    journey = await new_journey(upto="read")
    tenant, number = journey.tenant, journey.document_number
    seat = await sit(like=journey)
    page, portal, sign = seat.page, Portal(seat), SignPage(seat)
    await seat.goto("/")
    await expect(page.get_by_role("heading", level=1, name=f"您好，{tenant.name}")).to_be_visible()
    await expect(page.get_by_role("main").get_by_text(number)).to_be_visible()
    await shot(page, "home")
    await portal.menu("待签署文档")
    await expect(portal.row(number)).to_contain_text("等待您签署")
    await shot(page, "pending")
    await portal.row(number).get_by_role("link", name="签章").click()

    # 身份信息
    await sign.step("身份信息")
    assert tenant.id_number not in await page.content()
    assert tenant.phone not in await page.content()
    code = await sign.send_code(journey.mailbox, tenant.phone, number)
    seat.expect_refusal("/v1/verifications/[^/]+/code", 400, 409)
    await sign.confirm_code(f"{(int(code) + 1) % 1_000_000:06d}")
    await expect(portal.alert("验证码不正确")).to_be_visible()
    await shot(page, "sign-identity")
    await sign.confirm_code(code)

    # 人脸识别
    await sign.step("人脸识别")
    await expect(page.get_by_role("radio", name="与留存照比对")).to_be_disabled()
    await expect(page.get_by_text("尚无留存照")).to_be_visible()
    await page.get_by_role("button", name="开始人脸识别").click()
    await expect(portal.alert("请先阅读并同意声明")).to_be_visible()
    await shot(page, "sign-face-channels")
    await sign.start_face("腾讯云")
    url = await sign.code_on_screen()
    await shot(page, "sign-face-code")
    phone = await sit(phone=True, number=journey.client)
    seat.expect_refusal(NOT_YET, 409)
    await phone.goto(url)
    await expect(phone.page.get_by_text("核验渠道：腾讯云")).to_be_visible()
    assert tenant.name not in await phone.page.content()
    await expect(page.get_by_text("已扫码")).to_be_visible()
    await shot(page, "sign-face-scanned")
    await act_at_vendor(phone, "通过")
    await expect(phone.page.get_by_text("请回到电脑继续")).to_be_visible()
    await shot(phone.page, "face-passed")

    # 核验完成: the computer went on by itself.
    await sign.passed()
    await shot(page, "sign-read")
    await page.get_by_role("button", name="我要签章").click()
    await expect(page.get_by_role("dialog", name="手写签名")).to_be_visible()
    await sign.draw()
    await shot(page, "sign-draw")
    await page.get_by_role("button", name="使用此签名").click()
    stamp = page.locator("#stamp")
    await expect(stamp).to_be_visible()
    # On the last page, by mouse and then by keyboard.
    area = journey.lease.tenant
    await page.get_by_label("签章页").select_option(str(area.page))
    sheet = page.get_by_role("img", name=f"{journey.lease.title} 第{area.page}页")
    await arrived(sheet)
    await sign.drag_to(area)
    before = await stamp.get_attribute("aria-label")
    assert f"第{area.page}页" in (before or "")
    await stamp.focus()
    await page.keyboard.press("ArrowUp")
    await expect(stamp).not_to_have_attribute("aria-label", before or "")
    await shot(page, "sign-place")
    # A name seal in its place, and back.
    await page.get_by_role("button", name="用个人名章").click()
    await expect(page.get_by_role("radio", name="个人名章")).to_be_checked()
    await expect(page.get_by_role("button", name="用个人名章")).to_have_count(0)
    await shot(page, "sign-name-seal")
    await page.get_by_role("radio", name="刚才的签名").check()
    await page.get_by_role("button", name="结束签章").click()
    await expect(page.get_by_role("dialog", name="确认签章")).to_contain_text("签章后具有法律效力")
    await shot(page, "sign-confirm")
    await page.get_by_role("dialog", name="确认签章").get_by_role("button", name="是", exact=True).click()
    # 等待SOHO中国签章 passes in a moment here.
    progress = page.get_by_role("heading", name=re.compile("正在签章|等待SOHO中国签章|正在归档|合同签署完成"))
    await expect(progress).to_be_visible()
    await shot(page, "sign-waiting")
    await expect(page.get_by_role("heading", name="合同签署完成")).to_be_visible(timeout=60_000)
    await shot(page, "sign-completed")
    await portal.menu("待签署文档")
    await expect(page.get_by_text("没有待签署的文档")).to_be_visible()
    await portal.menu("已签署文档")
    await expect(portal.row(number)).to_be_visible()


@pytest.mark.screens
async def test_a_failed_check_and_another_channel(new_journey: NewJourney, sit: Sit) -> None:
    journey = await new_journey(upto="face")
    seat, phone = await sit(like=journey), await sit(phone=True, number=journey.client)
    seat.expect_refusal(NOT_YET, 409)
    sign = SignPage(seat)
    await sign.open(journey.contract_id)
    await sign.start_face("腾讯云")
    await phone.goto(await sign.code_on_screen())
    await act_at_vendor(phone, "不通过")
    await expect(phone.page.get_by_text("人脸识别未通过").first).to_be_visible()
    await shot(phone.page, "face-failed")
    await expect(seat.page.get_by_text("还可尝试 2 次")).to_be_visible()
    await expect(seat.page.get_by_text("活体检测未通过")).to_be_visible()
    await shot(seat.page, "sign-face-failed")

    await sign.start_face("数字认证")
    url = await sign.code_on_screen()
    second = await sit(phone=True, number=journey.client)
    await second.goto(url)
    await expect(second.page.get_by_text("核验渠道：数字认证")).to_be_visible()
    # Another phone comes too late.
    phone.expect_refusal("/v1/face-relays/[^/]+/open", 409, 404)
    await phone.goto(url)
    await expect(phone.page.get_by_text("二维码已被其他设备使用")).to_be_visible()
    await shot(phone.page, "face-claimed")
    await act_at_vendor(second, "通过")
    await sign.passed()
    # Back at the page from which it left for the vendor.
    await phone.goto("/f/" + "A" * 43)
    await expect(phone.page.get_by_text("二维码无效")).to_be_visible()
    await shot(phone.page, "face-unknown")


@pytest.mark.screens
async def test_a_code_that_nobody_scanned_in_time(stack: Stack, new_journey: NewJourney, sit: Sit) -> None:
    journey = await new_journey(upto="face")
    seat, phone = await sit(like=journey), await sit(phone=True, number=journey.client)
    sign = SignPage(seat)
    await sign.open(journey.contract_id)
    await sign.start_face("腾讯云")
    url = await sign.code_on_screen()
    await face_check_ends(stack, journey.verification_id)
    await seat.page.reload()
    await expect(seat.page.get_by_text("二维码已过期，请重新生成")).to_be_visible()
    await shot(seat.page, "sign-face-expired")
    phone.expect_refusal("/v1/face-relays/[^/]+/open", 409)
    await phone.goto(url)
    await expect(phone.page.get_by_text("二维码已过期")).to_be_visible()
    await shot(phone.page, "face-expired")
    await sign.start_face("腾讯云", "重新生成二维码")
    assert await sign.code_on_screen() != url


@pytest.mark.screens
async def test_everything_on_one_phone(new_journey: NewJourney, sit: Sit) -> None:
    journey = await new_journey(upto="face")
    phone = await sit(like=journey, phone=True)
    phone.expect_refusal(NOT_YET, 409)
    page, sign = phone.page, SignPage(phone)
    await sign.open(journey.contract_id)
    await sign.start_face("数字认证", "用本手机开始人脸识别")
    await expect(page.get_by_text("核验渠道：数字认证")).to_be_visible()
    await act_at_vendor(phone, "通过")
    await sign.passed()
    await page.get_by_role("button", name="我要签章").tap()
    await sign.draw()
    await shot(page, "phone-sign-draw", 360)
    await page.get_by_role("button", name="使用此签名").tap()
    await expect(page.locator("#stamp")).to_be_visible()
    await shot(page, "phone-sign-place", 360)
    await page.get_by_role("button", name="结束签章").tap()
    await page.get_by_role("dialog", name="确认签章").get_by_role("button", name="是", exact=True).tap()
    await expect(page.get_by_role("heading", name="合同签署完成")).to_be_visible(timeout=60_000)


@pytest.mark.screens
async def test_a_phone_without_its_camera(playwright: Playwright, enrolled: Journey, sit: Sit) -> None:
    # With a camera that nobody allowed the site to use.
    browser = await launch(playwright, "--use-fake-device-for-media-stream")
    phone = await sit(like=enrolled, phone=True, browser=browser)
    phone.expect_refusal(NOT_YET, 409)
    page, sign = phone.page, SignPage(phone)
    await sign.open(enrolled.contract_id)
    await sign.start_face("与留存照比对", "用本手机开始人脸识别")
    begin, again = (page.get_by_role("button", name=name) for name in ("打开摄像头，开始", "重试"))
    await begin.tap()
    await expect(page.get_by_role("alert").filter(has_text="没有摄像头权限")).to_be_visible()
    await shot(page, "face-camera-denied")
    for trouble, words in ((NO_CAMERA, "没有找到摄像头"), (INSECURE, "当前连接不安全")):
        await page.evaluate(trouble)
        await again.tap()
        await expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()
    await page.get_by_role("link", name="更换核验渠道").tap()
    await page.get_by_role("button", name="更换渠道或重新开始").tap()
    await expect(page.get_by_role("radio", name="腾讯云")).to_be_visible()
    await phone.context.close()
    await browser.close()


@pytest.mark.alone
@pytest.mark.parametrize(
    "alive", [pytest.param(True, marks=pytest.mark.screens), False], ids=["a person", "a photograph"]
)
async def test_our_own_channel(
    playwright: Playwright, enrolled: Journey, sit: Sit, tmp_path: Path, alive: bool
) -> None:
    clip = tmp_path / "camera.mjpeg"
    (write_live if alive else write_still)(clip, Portrait.ASTRONAUT)
    browser = await launch(playwright, *camera_flags(clip))
    seat, phone = await sit(like=enrolled), await sit(phone=True, number=enrolled.client, browser=browser)
    seat.expect_refusal(NOT_YET, 409)
    sign = SignPage(seat)
    await sign.open(enrolled.contract_id)
    outcome = phone.page.get_by_text(re.compile("人脸识别(通过|未通过)")).first
    # A person who is not recognised at once tries again, as the page offers.
    for left in (2, 1) if alive else (2,):
        await sign.start_face("与留存照比对")
        await phone.goto(await sign.code_on_screen())
        await expect(phone.page.get_by_role("heading", name="准备好了吗")).to_be_visible()
        if alive and left == 2:
            await shot(phone.page, "face-camera-ready")
        await phone.page.get_by_role("button", name="打开摄像头，开始").tap()
        await expect(phone.page.get_by_text("个动作，共 3 个").or_(outcome).first).to_be_visible()
        await expect(outcome).to_be_visible(timeout=60_000)
        if await outcome.inner_text() == "人脸识别通过":
            break
        await expect(seat.page.get_by_text(f"还可尝试 {left} 次")).to_be_visible()
    if alive:
        await sign.passed()
    else:
        await expect(phone.page.get_by_text(re.compile("未检测到规定动作|人脸比对未通过|画面"))).to_be_visible()
        await sign.step("人脸识别")
    await phone.context.close()
    await browser.close()
