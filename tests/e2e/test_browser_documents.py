"""已签署文档, 在线验证 and 可信存证核验中心 in a real browser: preview, the one download, and what anyone can check of it."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from esign_e2e.browser import Seat
from esign_e2e.journey import Journey, altered
from esign_e2e.portal import Portal, arrived, download
from esign_e2e.screens import shot
from playwright.async_api import expect

pytestmark = [pytest.mark.e2e, pytest.mark.screens]

NewJourney = Callable[..., Awaitable[Journey]]
Sit = Callable[..., Awaitable[Seat]]


async def test_a_signed_document_is_downloaded_once_and_checked_by_anyone(
    new_journey: NewJourney, sit: Sit, tmp_path: Path
) -> None:
    journey = await new_journey(upto="download")
    seat = await sit(like=journey)
    page, portal = seat.page, Portal(seat)
    await seat.goto("/contracts/signed")
    row = portal.row(journey.document_number)
    await expect(row).to_contain_text(journey.tenant.name)
    await expect(row).to_contain_text(journey.countersigner.name)
    await shot(page, "signed")

    # 预览
    await row.get_by_role("link", name="预览").click()
    await portal.heading(journey.lease.title)
    await arrived(page.get_by_role("img", name=f"{journey.lease.title} 第1页"))
    await shot(page, "contract-preview")
    # Larger, it is sharper; and by a small page one goes to that page.
    async with page.expect_response(re.compile(r"/pages/1\?width=2000&")):
        for _ in range(3):
            await page.get_by_role("button", name="放大").click()
    await page.get_by_role("navigation", name="缩略图").get_by_role("button", name="第3页").click()
    await expect(page.get_by_label("转到页码")).to_have_value("3")
    await arrived(page.get_by_role("img", name=f"{journey.lease.title} 第3页"))
    await shot(page, "contract-zoomed", 1280)

    # 合同查验
    await page.get_by_role("button", name="合同查验").click()
    proof = page.get_by_role("dialog", name="存证信息")
    await expect(proof).to_contain_text(journey.evidence_number)
    await expect(proof).to_contain_text(journey.facts["text_hash"])
    await expect(proof).to_contain_text("已在司法区块链存证")
    await shot(page, "proof")
    package = await download(seat, proof.get_by_role("button", name="下载证据包"), tmp_path / "evidence.zip")
    assert package[:2] == b"PK"
    await proof.get_by_role("button", name="关闭", exact=True).last.click()

    # 下载, once
    await seat.goto("/contracts/signed")
    await row.get_by_role("button", name="下载").click()
    dialog = page.get_by_role("dialog", name="下载合同")
    await expect(dialog).to_contain_text("该合同只能下载一次")
    await shot(page, "download")
    pdf = await download(seat, dialog.get_by_role("button", name="立即下载"), tmp_path / "contract.pdf")
    await expect(dialog).to_contain_text("下载完成")
    await shot(page, "download-done")
    await dialog.get_by_role("button", name="关闭", exact=True).last.click()
    await expect(row.get_by_role("button", name="已下载")).to_be_disabled()

    # 在线验证, by somebody else
    anyone = await sit(number=journey.client)
    await anyone.goto("/verify")
    await shot(anyone.page, "verify")
    await anyone.page.get_by_label("选择 PDF 文件").set_input_files(tmp_path / "contract.pdf")
    await expect(anyone.page.get_by_text("验证通过")).to_be_visible(timeout=30_000)
    await expect(anyone.page.get_by_role("region", name=journey.tenant.name)).to_contain_text("证书可信，签署时有效")
    await shot(anyone.page, "verify-passed")
    changed = tmp_path / "changed.pdf"
    changed.write_bytes(altered(pdf))
    await anyone.page.get_by_role("button", name="验证另一份文件").click()
    await anyone.page.get_by_label("选择 PDF 文件").set_input_files(changed)
    await expect(anyone.page.get_by_text("验证未通过")).to_be_visible(timeout=30_000)
    await shot(anyone.page, "verify-failed")

    # 可信存证核验中心
    await anyone.goto("/evidence")
    await shot(anyone.page, "evidence")
    submit = anyone.page.get_by_role("button", name="查询核验")
    await submit.click()
    await expect(Portal(anyone).alert("统一证据编号应为64位")).to_be_visible()
    await anyone.page.get_by_label("统一证据编号").fill(journey.evidence_number)
    await anyone.page.get_by_label("选择要核验的文件").set_input_files(tmp_path / "contract.pdf")
    await submit.click()
    for words in ("核验通过", "比对结果一致", "电子证据已在司法区块链存证", "电子数据包完整性校验通过，数据未被篡改"):
        await expect(anyone.page.get_by_text(words, exact=True)).to_be_visible(timeout=30_000)
    await shot(anyone.page, "evidence-passed")
    # Once a file is chosen, its name is the label.
    await anyone.page.get_by_label("contract.pdf").set_input_files(changed)
    await submit.click()
    await expect(anyone.page.get_by_text("比对结果不一致")).to_be_visible(timeout=30_000)
    await shot(anyone.page, "evidence-failed")
    await anyone.page.get_by_role("radio", name="文本").check()
    await anyone.page.get_by_label("存证文本HASH").fill(journey.facts["text_hash"])
    await submit.click()
    await expect(anyone.page.get_by_text("核验通过", exact=True)).to_be_visible(timeout=30_000)
    anyone.expect_refusal("/v1/public/evidence/.*", 404)
    await anyone.page.get_by_label("统一证据编号").fill("0" * 64)
    await submit.click()
    await expect(anyone.page.get_by_text("请核对统一证据编号是否完整、正确")).to_be_visible()
    await shot(anyone.page, "evidence-unknown")


async def test_a_second_download_is_refused_in_words(new_journey: NewJourney, sit: Sit) -> None:
    journey = await new_journey(upto="download")
    seat = await sit(like=journey)
    portal, path = Portal(seat), "/v1/contracts/[^/]+/downloads"
    await seat.goto("/contracts/signed")
    await portal.row(journey.document_number).get_by_role("button", name="下载").click()
    # Meanwhile it arrives on another device.
    await journey.download()
    await journey.download_again()
    seat.expect_refusal(path, 409)
    dialog = seat.page.get_by_role("dialog", name="下载合同")
    await dialog.get_by_role("button", name="立即下载").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("下载")
    await expect(dialog.get_by_role("alert")).to_contain_text("参考编号")
    await shot(seat.page, "download-refused")
