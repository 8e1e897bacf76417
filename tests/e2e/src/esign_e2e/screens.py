"""What can be judged of a page by looking at it: pictures at two widths, nothing cut or in the way, accessible; QR codes."""

import io
import json
from functools import cache
from pathlib import Path
from typing import Final

import zxingcpp
from PIL import Image
from playwright.async_api import Page, expect

ROOT: Final = Path(__file__).resolve().parents[4]
SCREENS: Final = ROOT / "build" / "screens"
WIDTHS: Final = {1280: 800, 360: 740}
PICTURES: Final = SCREENS / "pictures.jsonl"
"""The portal's route of every picture, by its file's name; empty where the page is not the portal's."""
TALLEST: Final = 3000
"""Pixels: a higher page is shown as the window shows it, as is one with a dialog."""

# Of the page as it stands: what is broader than the window, which texts are cut, what covers something else that can be used.
_LAYOUT: Final = """
() => {
  const problems = []
  const name = (e) => `<${e.tagName.toLowerCase()}${e.className && typeof e.className === 'string' ? '.' + e.className.trim().split(/\\s+/).join('.') : ''}> “${(e.innerText || e.getAttribute('aria-label') || '').trim().slice(0, 30)}”`
  const root = document.documentElement
  if (root.scrollWidth > innerWidth + 1) {
    problems.push(`the page is ${root.scrollWidth} pixels wide in a window of ${innerWidth}`)
    for (const e of document.body.querySelectorAll('*')) {
      const box = e.getBoundingClientRect()
      if (box.right > innerWidth + 1 && box.width > 0) { problems.push(`  reaches ${Math.round(box.right)}: ${name(e)}`); break }
    }
  }
  const seen = (e) => {
    if (!e.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false
    const box = e.getBoundingClientRect()
    if (box.width <= 1 || box.height <= 1 || e.closest('[aria-hidden="true"]')) return false
    // For screen readers only.
    for (let at = e; at; at = at.parentElement) if (getComputedStyle(at).clipPath.startsWith('inset(50%')) return false
    return true
  }
  const scrolls = (value) => value === 'auto' || value === 'scroll'
  for (const e of document.body.querySelectorAll('*')) {
    if (e.closest('svg, canvas, select, script, style') || !seen(e)) continue
    const hasText = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())
    if (!hasText) continue
    const style = getComputedStyle(e)
    if (e.clientWidth && e.scrollWidth > e.clientWidth + 1 && !scrolls(style.overflowX) && !e.title)
      problems.push(`cut at the side (${e.scrollWidth} > ${e.clientWidth}): ${name(e)}`)
    if (e.clientHeight && e.scrollHeight > e.clientHeight + 3 && ['hidden', 'clip'].includes(style.overflowY))
      problems.push(`cut below (${e.scrollHeight} > ${e.clientHeight}): ${name(e)}`)
  }
  const dialogs = [...document.querySelectorAll('[role=dialog], dialog[open]')].filter(seen)
  const scope = dialogs.at(-1) ?? document.body
  const usable = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [role=tab], [role=checkbox]'
  const floats = (e) => {
    for (let at = e; at && at !== document.body; at = at.parentElement)
      if (['fixed', 'sticky'].includes(getComputedStyle(at).position)) return at
    return null
  }
  const items = [...scope.querySelectorAll(usable)].filter(seen).map((e) => ({ e, box: e.getBoundingClientRect(), layer: floats(e) }))
  for (let i = 0; i < items.length; i++) for (let j = i + 1; j < items.length; j++) {
    const [a, b] = [items[i], items[j]]
    if (a.layer !== b.layer || a.e.contains(b.e) || b.e.contains(a.e) || a.e.labels && [...a.e.labels].some((l) => l.contains(b.e))) continue
    const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left)
    const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top)
    if (across > 2 && down > 2) problems.push(`${name(a.e)} and ${name(b.e)} overlap`)
  }
  return problems
}
"""
_AXE: Final = """
async () => {
  const found = await axe.run(document, { resultTypes: ['violations'], rules: { 'color-contrast': { enabled: true } } })
  return found.violations.filter((v) => ['serious', 'critical'].includes(v.impact))
    .map((v) => `${v.impact}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | ')}`)
}
"""
_ARRIVED: Final = """
() => Promise.allSettled(
  document.getAnimations().filter((a) => a.effect?.getComputedTiming().endTime !== Infinity).map((a) => a.finished))
"""
_ROUTE: Final = (
    "() => document.querySelector('#app')?.__vue_app__?.config.globalProperties.$router.currentRoute.value.name ?? ''"
)

_taken = 0


@cache
def _axe() -> str:
    return (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()


async def shot(page: Page, name: str, *widths: int) -> None:
    """Look at the page as it stands, at 1280 and 360 pixels or at other widths: its picture goes to `build/screens`, and it has
    to be in order.

    Raises AssertionError listing what is cut, overlaps or is not accessible (axe, serious and critical).
    """
    problems: list[str] = []
    before = page.viewport_size
    for width in widths or tuple(WIDTHS):
        await page.set_viewport_size({"width": width, "height": WIDTHS[width]})
        problems += [f"{name}-{width}: {problem}" for problem in await look(page, SCREENS / f"{name}-{width}.png")]
        _note(name, width, await page.evaluate(_ROUTE))
    if before is not None:
        await page.set_viewport_size(before)
    if problems:
        raise AssertionError("\n".join(problems))


def taken() -> int:
    """How many pictures this process has taken."""
    return _taken


def _note(name: str, width: int, route: str) -> None:
    global _taken
    _taken += 1
    # A line at a time: two test processes may write side by side.
    with PICTURES.open("a") as file:
        file.write(json.dumps({"picture": f"{name}-{width}", "route": route}) + "\n")


async def look(page: Page, file: Path) -> list[str]:
    """Take a picture; answers what is wrong."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # What loads has come, the layout has followed the window, and what moves has arrived.
    await expect(page.locator(".loading")).to_have_count(0)
    await page.evaluate(_ARRIVED)
    await page.evaluate(
        "() => Promise.all([document.fonts.ready, ...[...document.images].filter((i) => i.loading !== 'lazy' && !i.complete)"
        ".map((i) => new Promise((done) => { i.onload = i.onerror = done }))])"
        ".then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))"
    )
    problems: list[str] = await page.evaluate(_LAYOUT)
    whole = await page.evaluate(
        f"() => document.documentElement.scrollHeight < {TALLEST}"
        " && ![...document.querySelectorAll('[role=dialog]')].some((e) => e.checkVisibility())"
    )
    if whole:
        await page.evaluate("() => scrollTo({ top: 0, behavior: 'instant' })")
    await page.screenshot(path=file, full_page=whole, animations="disabled", scale="css")
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(_axe())
    problems += await page.evaluate(_AXE)
    return problems


async def qr_code(page: Page) -> str:
    """What the QR code on the screen says. Raises AssertionError when there is not exactly one that can be read."""
    picture = await page.screenshot()
    with Image.open(io.BytesIO(picture)) as image:
        found = [code.text for code in zxingcpp.read_barcodes(image.convert("RGB"))]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} codes on the screen")
    return found[0]
