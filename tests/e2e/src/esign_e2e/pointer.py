"""A mouse or a finger that drags something onto a page of the document on the screen."""

import asyncio
from dataclasses import dataclass
from typing import Any

from playwright.async_api import CDPSession, Page

from esign_e2e.browser import Seat

PANE = "文档预览"
_WHERE = """
(number) => {
  const box = ({ left, top, right, bottom }) => ({ left, top, right, bottom })
  const sheets = [...document.querySelectorAll('[data-page]')]
  const sheet = sheets.find((one) => Number(one.dataset.page) === number)
  const pane = document.querySelector('.pane')
  const { left, top, right, bottom } = pane.getBoundingClientRect()
  return {
    pane: { left, right, top: Math.max(top, 56), bottom: Math.min(bottom, innerHeight) },
    sheet: sheet ? box(sheet.getBoundingClientRect()) : null,
    below: !sheet && Math.max(...sheets.map((one) => Number(one.dataset.page))) < number,
    first: pane.scrollTop <= 0,
    last: pane.scrollTop + pane.clientHeight >= pane.scrollHeight - 1,
  }
}
"""


@dataclass
class Pointer:
    """Where there is touch, a finger; else the mouse."""

    page: Page
    _touch: CDPSession | None

    @classmethod
    async def of(cls, seat: Seat) -> "Pointer":
        """That of somebody's browser."""
        touch = await seat.page.evaluate("() => navigator.maxTouchPoints > 0")
        return cls(seat.page, await seat.context.new_cdp_session(seat.page) if touch else None)

    async def _send(self, kind: str, x: float, y: float) -> None:
        assert self._touch is not None
        points: list[dict[str, Any]] = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        await self._touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    async def down(self, x: float, y: float) -> None:
        """Touch, or press the button."""
        if self._touch:
            await self._send("touchStart", x, y)
        else:
            await self.page.mouse.move(x, y)
            await self.page.mouse.down()

    async def move(self, x: float, y: float) -> None:
        """Go there."""
        if self._touch:
            await self._send("touchMove", x, y)
        else:
            await self.page.mouse.move(x, y)

    async def up(self) -> None:
        """Let go."""
        if self._touch:
            await self._send("touchEnd", 0, 0)
        else:
            await self.page.mouse.up()

    async def drag(self, start: tuple[float, float], number: int, x: float, y: float) -> None:
        """From a point of the screen to one of a page, as shares of its width and height from its top left corner. Where it is
        out of sight, the pages are made to move along."""
        await self.down(*start)
        # Up first, off a list that moves sideways.
        await self.move(start[0], start[1] - 12)
        for _ in range(200):
            where = await self.page.evaluate(_WHERE, number)
            pane, sheet = where["pane"], where["sheet"]
            middle = (pane["left"] + pane["right"]) / 2
            if sheet:
                to_x = sheet["left"] + x * (sheet["right"] - sheet["left"])
                to_y = sheet["top"] + y * (sheet["bottom"] - sheet["top"])
                above, below = to_y < pane["top"] + 8, to_y > pane["bottom"] - 8
                if not (above and not where["first"]) and not (below and not where["last"]):
                    await self.move(to_x, to_y)
                    await drawn(self.page)
                    if await self.page.evaluate(_WHERE, number) != where:
                        # Near an end of what is seen the pages moved on.
                        continue
                    await self.up()
                    await drawn(self.page)
                    return
            else:
                below = where["below"]
            await self.move(middle, pane["bottom"] - 4 if below else pane["top"] + 4)
            await asyncio.sleep(0.04)
        raise AssertionError(f"page {number} was not reached")


async def middle_of(page: Page, selector: str) -> tuple[float, float]:
    """The middle of an element on the screen."""
    box = await page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def drawn(page: Page) -> None:
    """The page has drawn what came of all that was done."""
    await page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
