"""The portal as a person uses it: what is pressed and typed, by the labels and roles that the person perceives."""

import asyncio
import math
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Locator, expect

from esign_e2e.browser import Seat
from esign_e2e.doors import until
from esign_e2e.lease_layout import SigningArea
from esign_e2e.mailbox import Mailbox
from esign_e2e.pointer import Pointer, middle_of
from esign_e2e.screens import qr_code

LOGIN_SMS = "登录电子签章平台"
A4 = (595_276, 841_890)
"""Width and height in thousandths of a point."""


@dataclass(frozen=True)
class LoginPage:
    """登录: `kind` is 个人 or 企业."""

    seat: Seat
    kind: str = "个人"

    @property
    def form(self) -> Locator:
        """The form of the chosen tab."""
        return self.seat.page.get_by_role("tabpanel", name=f"{self.kind}用户登录")

    async def open(self, path: str = "/login") -> None:
        """Open the page and choose the tab."""
        await self.seat.goto(path)
        await self.choose()

    async def choose(self) -> None:
        """Choose the tab."""
        await self.seat.page.get_by_role("tab", name=f"{self.kind}用户登录").click()
        await expect(self.form).to_be_visible()

    async def send_code(self, phone: str) -> None:
        """发送验证码."""
        await self.form.get_by_label("手机号").fill(phone)
        await self.form.get_by_role("button", name="发送验证码").click()

    async def submit(self, code: str) -> None:
        """Type the code, agree, 登录."""
        await self.form.get_by_label("手机验证码").fill(code)
        await self.form.get_by_role("checkbox", name="我已阅读并同意").check()
        await self.form.get_by_role("button", name="登录").click()

    async def code(self, mailbox: Mailbox, phone: str, *, but: str = "") -> str:
        """What the SMS says; a code after `but`."""

        async def look() -> str | None:
            found = await mailbox.code(phone, contains=LOGIN_SMS)
            return found if found != but else None

        return await until("login code", look, seconds=30)

    async def log_in(self, mailbox: Mailbox, phone: str) -> None:
        """The whole of it, up to 登录."""
        await self.send_code(phone)
        await expect(self.form.get_by_text("验证码短信将很快送达")).to_be_visible()
        await self.submit(await self.code(mailbox, phone))


@dataclass(frozen=True)
class Portal:
    """What every page of somebody who is signed in offers."""

    seat: Seat

    async def heading(self, title: str) -> None:
        """The page with this title is there."""
        await expect(self.seat.page.get_by_role("heading", level=1, name=title)).to_be_visible()

    async def menu(self, entry: str) -> None:
        """Choose an entry of the menu, which a phone shows on demand."""
        page = self.seat.page
        burger = page.get_by_role("button", name="打开菜单")
        if await burger.is_visible():
            await burger.click()
        menu = page.get_by_role("navigation", name="主菜单")
        await (
            menu.get_by_role("link", name=entry, exact=True)
            .or_(menu.get_by_role("button", name=entry, exact=True))
            .click()
        )

    async def leave(self) -> None:
        """安全退出."""
        await self.menu("安全退出")
        await expect(self.seat.page.get_by_role("tab", name="个人用户登录")).to_be_visible()

    def row(self, document_number: str) -> Locator:
        """The row of a document."""
        return self.seat.page.get_by_role("row").filter(has_text=document_number)

    def alert(self, text: str) -> Locator:
        """What the page says went wrong."""
        return self.seat.page.get_by_role("alert").filter(has_text=text)


@dataclass(frozen=True)
class SignPage:
    """签章 of one contract."""

    seat: Seat

    async def open(self, contract_id: str) -> None:
        """Open the page."""
        await self.seat.goto(f"/contracts/{contract_id}/sign")

    async def step(self, name: str) -> None:
        """That step is the present one."""
        steps = self.seat.page.get_by_role("list", name="签章步骤")
        await expect(steps.locator("[aria-current=step]")).to_contain_text(name)

    async def send_code(self, mailbox: Mailbox, phone: str, document_number: str) -> str:
        """发送验证码; answers what the SMS says."""
        await self.seat.page.get_by_role("button", name="发送验证码").click()
        return await until("signing code", lambda: mailbox.code(phone, contains=document_number), seconds=30)

    async def confirm_code(self, code: str) -> None:
        """Type it, 下一步."""
        await self.seat.page.get_by_label("短信验证码").fill(code)
        await self.seat.page.get_by_role("button", name="下一步").click()

    async def start_face(self, channel: str, button: str = "开始人脸识别") -> None:
        """Choose a channel, accept the statement, and start."""
        page = self.seat.page
        await page.get_by_role("radio", name=channel).check()
        await page.get_by_role("checkbox", name="我已阅读并同意").check()
        await page.get_by_role("button", name=button).click()

    async def code_on_screen(self) -> str:
        """The address in the QR code, read from the screen."""
        code = self.seat.page.get_by_role("img", name="人脸识别二维码")
        await code.scroll_into_view_if_needed()
        return await qr_code(self.seat.page)

    async def passed(self) -> None:
        """By itself the page has gone on to the document."""
        await self.step("核验完成")
        await expect(self.seat.page.get_by_role("button", name="我要签章")).to_be_visible()

    async def draw(self) -> None:
        """Write a signature on the pad, with the mouse."""
        page = self.seat.page
        pad = page.get_by_role("img", name="手写区域")
        box = await pad.bounding_box()
        assert box is not None
        x, y, width, height = box["x"], box["y"], box["width"], box["height"]
        for stroke in range(3):
            left, phase = x + width * (0.12 + 0.25 * stroke), 2.1 * stroke
            for part in range(25):
                t = part / 24
                to_x = left + width * (0.24 * t + 0.06 * math.sin(phase + 11 * t))
                to_y = y + height * (0.5 + 0.28 * math.sin(phase + 8 * t) * (1 - t / 2) - 0.08 * math.cos(14 * t))
                await page.mouse.move(to_x, to_y)
                if part == 0:
                    await page.mouse.down()
            await page.mouse.up()

    async def drag_to(self, area: SigningArea) -> None:
        """Drag the stamp to the middle of an area of an A4 sheet, wherever that is."""
        pointer = await Pointer.of(self.seat)
        x, y = (area.x1 + area.x2) / 2 / A4[0], 1 - (area.y1 + area.y2) / 2 / A4[1]
        await pointer.drag(await middle_of(self.seat.page, "#stamp"), area.page, x, y)


async def arrived(image: Locator) -> None:
    """The picture is there."""
    await expect(image).to_be_visible()
    await image.page.wait_for_function(
        "(image) => image.complete && image.naturalWidth > 0", arg=await image.element_handle()
    )


async def download(seat: Seat, press: Locator, target: Path) -> bytes:
    """Press, and take the file that comes."""
    async with seat.page.expect_download() as coming:
        await press.click()
    await (await coming.value).save_as(target)
    return await asyncio.to_thread(target.read_bytes)
