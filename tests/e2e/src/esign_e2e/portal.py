"""The portal as a person uses it: what is pressed and typed, by the labels and roles that the person perceives."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Locator, expect

from esign_e2e.browser import Seat
from esign_e2e.doors import Mailbox, until

LOGIN_SMS = "登录电子签章平台"


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


async def download(seat: Seat, press: Locator, target: Path) -> bytes:
    """Press, and take the file that comes."""
    async with seat.page.expect_download() as coming:
        await press.click()
    await (await coming.value).save_as(target)
    return await asyncio.to_thread(target.read_bytes)
