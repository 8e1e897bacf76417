"""The portal's build (`gateway/portal/dist`), served from memory.

Only what was found in the folder is ever answered with, by its exact name: a path of a request never becomes a path of a file.
`NAME.br` and `NAME.gz` beside a file are its compressed forms (RFC 9110, 12.5.3). Names below `assets/` hold a hash of the
content, so browsers keep them for good; all else they ask about again. Every other address of the site is the application's
own (its router shows what is not there), so it is answered with `index.html`, which also names the support phones: a browser
that cannot run the application shows them.
"""

import asyncio
import gzip
import hashlib
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from esign_kit.telemetry import logger
from starlette.requests import Request
from starlette.responses import Response

from esign_gateway.settings import SupportContact

log = logger(__name__)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; media-src 'self' blob:; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), display-capture=(), payment=(), usb=()",
}
INDEX = "index.html"
PHONES = b"<!-- support phones -->"
"""Where `index.html` has them."""
IMMUTABLE = "assets/"
FOREVER = "public, max-age=31536000, immutable"
ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""In the order of preference."""
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}

Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Asset:
    """A file: its forms by content coding (`identity` is the file itself), and the hash that names it."""

    name: str
    forms: dict[str, bytes]
    sha256: str

    def response(self, request: Request) -> Response:
        """The answer to a request for it, in the best form that the client takes."""
        coding = best_coding(request.headers.get("accept-encoding", ""), self.forms)
        tag = f'"{self.sha256[:32]}{"" if coding == "identity" else "-" + coding}"'
        headers = HEADERS | {
            "etag": tag,
            "cache-control": FOREVER if self.name.startswith(IMMUTABLE) else "no-cache",
            "vary": "Accept-Encoding",
        }
        known = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
        if tag in known or "*" in known:
            return Response(status_code=304, headers=headers)
        if coding != "identity":
            headers["content-encoding"] = coding
        suffix = Path(self.name).suffix.lower()
        headers["content-type"] = MEDIA_TYPES.get(suffix, "application/octet-stream")
        return Response(self.forms[coding], headers=headers)


class Portal:
    """The files of one build. A new build in the same place is noticed; while one is being written the old one stays."""

    def __init__(self, folder: Path, support: Sequence[SupportContact] = ()) -> None:
        self.folder = folder
        self._phones = phone_list(support)
        self._assets: dict[str, Asset] = {}
        self._stamp: Stamp | None = None
        self._loading = asyncio.Lock()

    async def find(self, path: str) -> Asset | None:
        """The file for a path without its leading slash; None when there is none, for the application's addresses too where
        there is no build at all."""
        await self.refresh()
        if found := self._assets.get(path):
            return found
        # A file that is not there must not be answered with a page: a browser would keep it as script.
        is_file = path.startswith(IMMUTABLE) or "." in path.rpartition("/")[2]
        return None if is_file else self._assets.get(INDEX)

    @property
    def is_built(self) -> bool:
        """Whether there is a build."""
        return INDEX in self._assets

    async def refresh(self) -> None:
        """Read the build when it is not the one in memory."""
        if (stamp := self._look()) in (None, self._stamp):
            return
        async with self._loading:
            if stamp != self._stamp:
                self._assets = await asyncio.to_thread(load, self.folder, self._phones)
                self._stamp = stamp
                log.info("portal loaded", files=len(self._assets))

    def _look(self) -> Stamp | None:
        try:
            index, assets = (self.folder / INDEX).stat(), (self.folder / IMMUTABLE).stat()
        except OSError:
            return None
        return index.st_ino, index.st_size, index.st_mtime_ns, assets.st_mtime_ns


def load(folder: Path, phones: bytes = b"") -> dict[str, Asset]:
    """The files of a build by their names relative to `folder`, with the phones in the index. Links are left out."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and path.resolve().is_relative_to(folder.resolve())
    }
    assets = {}
    for name, content in files.items():
        stem = name.removesuffix(".br").removesuffix(".gz")
        if stem != name and stem in files:
            continue
        if name == INDEX and PHONES in content:
            content = content.replace(PHONES, phones)
            assets[name] = Asset(name, {"gzip": gzip.compress(content), "identity": content}, _sha256(content))
            continue
        forms = {coding: files[name + suffix] for coding, suffix in ENCODINGS.items() if name + suffix in files}
        assets[name] = Asset(name, {**forms, "identity": content}, _sha256(content))
    return assets


def phone_list(support: Sequence[SupportContact]) -> bytes:
    """The support phones as HTML; nothing when there are none."""
    items = "".join(
        f'<li>{html.escape(contact.name)} <a href="tel:{html.escape(contact.phone)}">{html.escape(contact.phone)}</a></li>'
        for contact in support
    )
    return f"<p>如需帮助，请联系客服 · Support</p><ul>{items}</ul>".encode() if items else b""


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def best_coding(accept_encoding: str, forms: dict[str, bytes]) -> str:
    """The form to send by an Accept-Encoding header (RFC 9110, 12.5.3): `br`, `gzip` or `identity`."""
    accepted = {}
    for item in accept_encoding.lower().split(","):
        coding, _, parameter = item.partition(";")
        try:
            accepted[coding.strip()] = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
    anything = accepted.get("*", 0.0)
    for coding in ENCODINGS:
        if coding in forms and accepted.get(coding, anything) > 0:
            return coding
    return "identity"


def default_folder() -> Path:
    """Where the build is: in the package, or in the checkout that it runs from."""
    package = Path(__file__).resolve().parent
    bundled = package / "portal_dist"
    return bundled if bundled.is_dir() else package.parents[1] / "portal" / "dist"
