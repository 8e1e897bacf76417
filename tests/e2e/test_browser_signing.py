"""我要签章 in real browsers: where the seal is shown, there it is in the PDF; and documents of any length."""

import asyncio
import io
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from esign.common.v1 import common_pb2
from esign.contract.v1 import contract_pb2
from esign_e2e.browser import Seat
from esign_e2e.journey import Journey
from esign_e2e.pointer import Pointer, drawn, middle_of
from esign_e2e.portal import Portal, SignPage, arrived
from esign_e2e.screens import shot
from esign_e2e.sheets import LANDLORD, ODD, TENANT, Rect, many_pages, odd_pages, widgets
from esign_e2e.steps import STEPS, take
from PIL import Image
from playwright.async_api import Page, Route, expect

pytestmark = [pytest.mark.e2e, pytest.mark.screens]

NewJourney = Callable[..., Awaitable[Journey]]
Sit = Callable[..., Awaitable[Seat]]
TARGETS = {"top left": (0, 0), "top right": (1, 0), "bottom left": (0, 1), "bottom right": (1, 1), "middle": (0.5, 0.5)}
"""Shares of a page's width and height."""
INSIDE = 0.02
"""So far from an edge the middle of a seal is dragged that goes to the corner: it stays on the page as a whole."""
POINT = 1.0


async def on_the_way(journey: Journey, path: Path, pages: int, upto: str) -> None:
    """Take a journey that is about to upload to a later step, with another document."""
    journey.lease = replace(journey.lease, path=path, pages=pages, landlord=LANDLORD, tenant=TENANT)
    journey.pages_to_read = (1,)
    names = [step.name for step in STEPS]
    for step in STEPS[names.index("upload") : names.index(upto)]:
        if step.name == "create":
            await create(journey)
        else:
            await take(journey, step)


async def create(journey: Journey) -> None:
    """The contract, with a place where the tenant is asked to sign."""
    places = [common_pb2.Placement(page=a.page, x1=a.x1, y1=a.y1, x2=a.x2, y2=a.y2) for a in (TENANT, LANDLORD)]
    policy = journey.countersigner
    parties = [
        contract_pb2.PartyInput(person_id=journey.person_id, placement=places[0] if journey.lease.pages == 3 else None),
        contract_pb2.PartyInput(
            policy_id=policy.policy_id, placement=places[1], seal_id=policy.seal_id, name=policy.name
        ),
    ]
    answer = await journey.leasing.create(
        journey.document_id,
        number=journey.document_number,
        title=journey.lease.title,
        amount=journey.lease.total_rent,
        parties=parties,
    )
    journey.contract_id = answer.contract_id


async def share_on_page(page: Page, number: int, selector: str) -> Rect:
    """Left, top, right and bottom of an element on the screen, as shares of a page's width and height."""
    box = await page.locator(selector).bounding_box()
    sheet = await page.locator(f"[data-page='{number}']").bounding_box()
    assert box is not None
    assert sheet is not None
    x, y = box["x"] - sheet["x"], box["y"] - sheet["y"]
    return (
        x / sheet["width"],
        y / sheet["height"],
        (x + box["width"]) / sheet["width"],
        (y + box["height"]) / sheet["height"],
    )


async def finish(page: Page) -> None:
    """结束签章 → 是."""
    await page.get_by_role("button", name="结束签章").click()
    await page.get_by_role("dialog", name="确认签章").get_by_role("button", name="是", exact=True).click()


def assert_same(found: Rect, wanted: Rect, what: str) -> None:
    """Within a point."""
    off = max(abs(a - b) for a, b in zip(found, wanted, strict=True))
    assert off <= POINT, f"{what}: {off:.2f} points off, {found} for {wanted}"


def assert_ink_within(picture: bytes, share: Rect, slack: float) -> None:
    """Of a page's image: there is ink where the seal is, and none right beside it."""
    with Image.open(io.BytesIO(picture)) as image:
        dark = image.convert("L").point(lambda value: 255 if value < 120 else 0)
        width, height = image.size
        around = (int((share[0] - 0.05) * width), int((share[1] - 0.05) * height), width, height)
        ink = dark.crop(around).getbbox()
    assert ink is not None
    found = [(ink[n] + around[n % 2]) / (width, height)[n % 2] for n in range(4)]
    assert all(value >= share[n] - slack for n, value in enumerate(found[:2])), (found, share)
    assert all(value <= share[n] + slack for n, value in enumerate(found[2:], start=2)), (found, share)
    assert found[2] - found[0] > 0.6 * (share[2] - share[0]), (found, share)


@pytest.mark.parametrize("phone", [False, True], ids=["computer", "phone"])
async def test_a_seal_lands_where_it_is_shown(new_journey: NewJourney, sit: Sit, tmp_path: Path, phone: bool) -> None:
    journey = await new_journey(upto="upload")
    path = tmp_path / "odd.pdf"
    odd_pages(path)
    await on_the_way(journey, path, len(ODD), "confirm")
    seat = await sit(like=journey, phone=phone)
    page, prefix = seat.page, "phone-" if phone else ""
    pointer = await Pointer.of(seat)
    widths = (360,) if phone else ()
    await SignPage(seat).open(journey.contract_id)
    await SignPage(seat).passed()
    await arrived(page.get_by_role("img", name=f"{journey.lease.title} 第1页"))
    await shot(page, f"{prefix}sign-odd-read", *widths)
    await page.get_by_role("button", name="签章位置", exact=True).click()
    await expect(page.get_by_text("签章处")).to_be_in_viewport()
    for _ in range(1 if phone else 2):
        await page.get_by_role("button", name="缩小").click()
    await page.get_by_role("button", name="我要签章").click()
    # The contract asks for a place: there the seal is, in its natural size.
    await expect(page.locator("#stamp")).to_have_attribute("aria-label", re.compile("第2页"))
    await arrived(page.get_by_role("img", name=f"{journey.lease.title} 第2页"))
    await shot(page, f"{prefix}sign-odd-place", *widths)

    # Taking pictures scrolled the window.
    await page.locator(".seal-step").evaluate("(step) => step.scrollIntoView()")
    contract = await journey.person.contract(journey.contract_id)
    (seal,) = (await journey.person.json("GET", "/seals"))["items"]
    natural = seal["width"] * seal["height"] / 1e6

    async def keep(route: Route) -> None:
        """Nothing is asked for: the contract stays as it is."""
        await route.fulfill(json=contract)

    await page.route("**/v1/contracts/*/signatures", keep)
    source = ".seals label"
    for number, sheet in enumerate(ODD, start=1):
        for name, (x, y) in TARGETS.items():
            # From the list first, afterwards from where it is.
            inside = [min(max(side, INSIDE), 1 - INSIDE) for side in (x, y)]
            await pointer.drag(await middle_of(page, source), number, *inside)
            source = "#stamp"
            share = await share_on_page(page, number, "#stamp")
            async with page.expect_response("**/signatures") as answered:
                await finish(page)
            await expect(page.get_by_role("dialog")).to_have_count(0)
            place: dict[str, Any] = json.loads((await answered.value).request.post_data or "")["placement"]
            found = (place["x1"] / 1000, place["y1"] / 1000, place["x2"] / 1000, place["y2"] / 1000)
            assert place["page"] == number, f"{name} of {sheet.name}"
            assert_same(found, sheet.rect(share), f"{name} of {sheet.name}")
            # As large as it is on paper, in the corner to which it was dragged.
            edges = [value for want, value in ((x, share[0]), (y, share[1])) if want == 0]
            edges += [1 - value for want, value in ((x, share[2]), (y, share[3])) if want == 1]
            assert (found[2] - found[0]) * (found[3] - found[1]) * sheet.unit**2 == pytest.approx(natural, rel=0.001)
            assert all(abs(edge) < 0.002 for edge in edges), f"{name} of {sheet.name}: {share}"

    # By keys: one point, with Shift ten.
    await page.unroute("**/v1/contracts/*/signatures", keep)
    await page.locator("#stamp").focus()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("Shift+ArrowUp")
    await expect(page.get_by_role("status").filter(has_text=re.compile("第3页，距左.*毫米"))).to_be_visible()
    await drawn(page)
    moved = await share_on_page(page, number, "#stamp")
    width, height = ODD[-1].shown
    points = [(share[0] - moved[0]) * width * ODD[-1].unit, (share[1] - moved[1]) * height * ODD[-1].unit]
    assert points == pytest.approx([1, 10], abs=0.1)

    # Where the page is pressed.
    await page.locator("[data-page='3']").click(position={"x": 90, "y": 40})
    await drawn(page)
    pressed = await share_on_page(page, 3, "#stamp")
    sheet_box = await page.locator("[data-page='3']").bounding_box()
    assert sheet_box is not None
    middle = [(pressed[0] + pressed[2]) / 2 * sheet_box["width"], (pressed[1] + pressed[3]) / 2 * sheet_box["height"]]
    assert middle == pytest.approx([90, 40], abs=1)

    # And one for real, in the corner of a page that is turned.
    await pointer.drag(await middle_of(page, "#stamp"), 2, 1 - INSIDE, 1 - INSIDE)
    share = await share_on_page(page, 2, "#stamp")
    await shot(page, f"{prefix}sign-odd-corner", *widths)
    await finish(page)
    # As soon as it is signed, the page of the signed document is shown.
    await expect(page.locator(".ring")).to_be_visible(timeout=60_000)
    await arrived(page.get_by_role("img", name=f"{journey.lease.title} 第2页"))
    await shot(page, f"{prefix}sign-odd-signed", *widths)
    await journey.completed()
    await journey.download()
    await asyncio.to_thread((tmp_path / "signed.pdf").write_bytes, journey.pdf)
    (signed,) = [rect for at, rect in widgets(tmp_path / "signed.pdf") if at == 2]
    assert_same(signed, ODD[1].rect(share), "in the signed document")
    picture = (await journey.person.page(journey.contract_id, 2)).content
    assert_ink_within(picture, share, POINT / ODD[1].shown[0])


async def test_two_hundred_pages_on_a_phone(new_journey: NewJourney, sit: Sit, tmp_path: Path) -> None:
    pages = 200
    journey = await new_journey(upto="upload")
    many_pages(tmp_path / "many.pdf", pages)
    await on_the_way(journey, tmp_path / "many.pdf", pages, "find")
    seat = await sit(like=journey, phone=True)
    page = seat.page
    images: list[str] = []
    page.on("request", lambda request: images.append(request.url) if "/pages/" in request.url else None)
    await seat.goto(f"/contracts/{journey.contract_id}")
    await Portal(seat).heading(journey.lease.title)
    await arrived(page.get_by_role("img", name=f"{journey.lease.title} 第1页"))
    nodes = await page.evaluate("() => document.querySelectorAll('*').length")
    pane = page.get_by_role("region", name="文档预览")
    # Swiped to the end, past everything.
    most, top = 0, -1.0
    while (now := await pane.evaluate("(e) => { e.scrollTop += e.clientHeight * 4; return e.scrollTop }")) > top:
        top = now
        most = max(most, await page.evaluate("() => document.querySelectorAll('*').length"))
    await arrived(page.get_by_role("img", name=f"{journey.lease.title} 第{pages}页"))
    await expect(page.get_by_label("转到页码")).to_have_value(str(pages))
    assert len(images) < 20, len(images)
    assert most < nodes + 30, (nodes, most)

    await page.get_by_role("button", name="缩略图").tap()
    drawer = page.get_by_role("navigation", name="缩略图")
    last = drawer.get_by_role("button", name=f"第{pages}页 / 共{pages}页")
    await expect(last).to_be_in_viewport()
    await expect(last).to_have_attribute("aria-current", "page")
    await arrived(last.locator("img"))
    await shot(page, "phone-thumbnails", 360)
    strip = await drawer.evaluate("(e) => { e.scrollTop = 0; return e.scrollHeight }")
    for top in range(0, strip, 2000):
        await drawer.evaluate("(e, top) => { e.scrollTop = top }", top)
        assert await drawer.get_by_role("button").count() < 20
    await drawer.evaluate("(e) => { e.scrollTop = 0 }")
    await drawer.get_by_role("button", name="第2页").first.tap()
    await expect(page.get_by_label("转到页码")).to_have_value("2")
    await arrived(page.get_by_role("img", name=f"{journey.lease.title} 第2页"))
    await page.get_by_role("button", name="放大").tap()
    await arrived(page.get_by_role("img", name=f"{journey.lease.title} 第2页"))
    await shot(page, "phone-many-pages", 360)
    assert len(images) < 40, len(images)
