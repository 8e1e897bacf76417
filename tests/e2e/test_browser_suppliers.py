"""A supplier comes from the procurement platform's own page, and its signer is changed there."""

import itertools
from collections.abc import Awaitable, Callable

import pytest
from esign_e2e.browser import Seat
from esign_e2e.people import Tenant, invent
from esign_e2e.portal import Portal
from esign_e2e.procurement import ProcurementPlatform, company_code
from esign_e2e.screens import shot
from esign_local.stack import Stack
from playwright.async_api import expect

pytestmark = [pytest.mark.e2e, pytest.mark.screens]

Sit = Callable[..., Awaitable[Seat]]
COMPANY = "示例长汀纸业有限公司"


async def test_a_supplier_arrives_as_its_signer_who_is_then_replaced(
    stack: Stack, platform: ProcurementPlatform, sit: Sit, numbers: "itertools.count[int]"
) -> None:
    number = next(numbers)
    former, new = invent(number), invent(next(numbers))
    supplier = await platform.add(company_code(number + 4_200_000), former, COMPANY)
    address = f"{stack.url('sandbox')}/procurement/suppliers/{supplier['id']}"

    arrived = await sit()
    await _arrive(arrived, address)
    terms = arrived.page.get_by_role("dialog", name="平台服务协议与个人信息保护政策")
    await expect(terms.get_by_text("版本 1")).to_be_visible()
    await shot(arrived.page, "terms-due")
    # Neither a key nor another page leads past it.
    await arrived.page.keyboard.press("Escape")
    await arrived.goto("/contracts/pending")
    await expect(terms).to_be_visible()
    await expect(arrived.page.get_by_role("heading", level=1, name="待签署文档")).to_have_count(0)
    await terms.get_by_role("button", name="拒绝并退出").click()
    await expect(arrived.page.get_by_role("tab", name="企业用户登录")).to_be_visible()
    await _arrive(arrived, address)
    await terms.get_by_role("button", name="同意并继续").click()
    await _is_there(arrived, former)
    await shot(arrived.page, "apply")
    for path, name in (("/", "home-enterprise"), ("/applications", "applications"), ("/contracts/pending", "empty")):
        await arrived.goto(path)
        await expect(arrived.page.get_by_role("banner").get_by_text(COMPANY)).to_be_visible()
        await shot(arrived.page, name)

    # 变更签章人, by the platform's staff
    staff = await sit()
    await staff.goto(address)
    await staff.page.get_by_role("link", name="变更").click()
    for label, value in (("姓名", new.name), ("手机", new.phone), ("证件号码", new.id_number), ("邮箱", new.email)):
        await staff.page.get_by_label(label).fill(value)
    await staff.page.get_by_role("button", name="确认变更").click()
    await expect(staff.page.get_by_role("status")).to_be_visible()

    # The old one is out at once, and only the new one gets in.
    arrived.expect_refusal("/v1/.*", 401)
    await Portal(arrived).menu("我的首页")
    await expect(arrived.page.get_by_role("tab", name="企业用户登录")).to_be_visible()
    await expect(arrived.page.get_by_text(former.name)).to_have_count(0)
    replaced = await sit()
    await _arrive(replaced, address)
    await replaced.page.get_by_role("button", name="同意并继续").click()
    await _is_there(replaced, new)


async def _arrive(seat: Seat, address: str) -> None:
    await seat.goto(address)
    await seat.page.get_by_role("button", name="去签章平台申请电子签章").click()


async def _is_there(seat: Seat, signer: Tenant) -> None:
    await Portal(seat).heading("申请证书")
    await expect(seat.page).to_have_url(f"{seat.site}/apply")
    for words in (signer.name, COMPANY, "企业"):
        await expect(seat.page.get_by_role("banner").get_by_text(words, exact=True)).to_be_visible()
