"""`make screens`: pictures of every page at 1280 and 360 pixels, made afresh by the tests that look at pages.

Empties `build/screens`, runs the tests marked `screens`, and writes `build/screens/index.html`, which shows all pictures.
Arguments go to pytest. Exit status 1 when a test failed, or when a route of the portal has no picture at one of the widths.
"""

import html
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SCREENS = ROOT / "build" / "screens"
ROUTER = ROOT / "gateway" / "portal" / "src" / "router.ts"
WIDTHS = (1280, 360)
TESTS = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "screens", "tests/e2e"]

PAGE = """<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<title>{count} pictures of {names} states</title>
<style>
  body {{ font: 15px system-ui, sans-serif; margin: 24px; color: #1f2733; background: #f3f5f8 }}
  section {{ display: flex; flex-wrap: wrap; gap: 24px 32px }}
  figure {{ margin: 0; padding: 12px; background: #fff; border: 1px solid #d8dee8; border-radius: 8px }}
  figcaption {{ margin-bottom: 8px }}
  figure div {{ display: flex; gap: 12px; align-items: start; height: 300px }}
  img {{ border: 1px solid #d8dee8; max-height: 300px; object-fit: cover; object-position: top }}
</style>
<h1>{count} pictures of {names} states</h1>
{body}
</html>
"""


class Picture(NamedTuple):
    """A picture of one state of a page; `route` is empty for pages that are not the portal's."""

    name: str
    width: int
    route: str


def routes(source: str) -> list[str]:
    """The names of the portal's routes. Raises ValueError when one has no name."""
    table = source.partition("export const routes")[2].partition("\n]\n")[0]
    names = re.findall(r"\bname: '([\w-]+)'", table)
    pages = len(re.findall(r"\bcomponent:", table))
    if not names or len(names) != pages:
        raise ValueError(f"{ROUTER.relative_to(ROOT)}: {pages} pages and {len(names)} names")
    return names


def taken(folder: Path) -> list[Picture]:
    """The pictures, `<name>-<width>.png`, the oldest first; tests noted their routes beside them."""
    notes = folder / "pictures.jsonl"
    lines = [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []
    noted: dict[str, str] = {line["picture"]: line["route"] for line in lines}
    files = sorted(folder.glob("*-*.png"), key=lambda file: file.stat().st_mtime)
    parts = [(file.stem, *file.stem.rsplit("-", 1)) for file in files]
    return [Picture(name, int(width), noted.get(stem, "")) for stem, name, width in parts]


def missing(names: list[str], pictures: list[Picture]) -> list[str]:
    """The routes, each with the width at which no picture shows it."""
    there = {(picture.route, picture.width) for picture in pictures}
    return [f"{name} at {width}" for name in names for width in WIDTHS if (name, width) not in there]


def index(names: list[str], pictures: list[Picture]) -> str:
    """A page with every picture, by route, both widths of one state beside each other."""
    states: dict[str, dict[str, list[int]]] = {name: {} for name in [*names, ""]}
    for picture in pictures:
        states[picture.route].setdefault(picture.name, []).append(picture.width)
    body = []
    for route, shown in states.items():
        body.append(f"<h2>{html.escape(route) or 'beside the portal'}</h2>\n<section>")
        for name, widths in shown.items():
            images = "".join(
                f'<a href="{name}-{width}.png"><img src="{name}-{width}.png" alt="{name}, {width} pixels" loading="lazy"'
                f' width="{480 if width > 600 else 180}"></a>'
                for width in sorted(widths, reverse=True)
            )
            body.append(f"<figure><figcaption>{html.escape(name)}</figcaption><div>{images}</div></figure>")
        body.append("</section>")
    count = sum(len(shown) for shown in states.values())
    return PAGE.format(count=len(pictures), names=count, body="\n".join(body))


def main() -> int:
    """The command."""
    begun = time.monotonic()
    names = routes(ROUTER.read_text())
    shutil.rmtree(SCREENS, ignore_errors=True)
    SCREENS.mkdir(parents=True)
    status = subprocess.run([*TESTS, *sys.argv[1:]], cwd=ROOT, check=False).returncode
    pictures = taken(SCREENS)
    (SCREENS / "index.html").write_text(index(names, pictures))
    lacking = missing(names, pictures)
    for one in lacking:
        print(f"✗ no picture of {one} pixels", file=sys.stderr)
    good = status == 0 and not lacking
    print(
        f"{'✓' if good else '✗'} {len(pictures)} pictures of {len(names)} pages in {time.monotonic() - begun:.0f} s: "
        f"{(SCREENS / 'index.html').relative_to(ROOT)}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
