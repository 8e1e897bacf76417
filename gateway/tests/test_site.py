"""The portal's files: what is served, in which form, for how long it may be kept, and that nothing else can be had."""

import gzip
import os
from pathlib import Path

import pytest
from esign_gateway.portal import PHONES, POLICY, Portal, best_coding, load
from esign_gateway.settings import GatewaySettings, SupportContact
from esign_kit.testing import Pki
from pydantic import ValidationError

from .doubles import INDEX, SCRIPT, Site, running, write_build

FOREVER = "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", ["/", "/login", "/contracts/c-1/sign", "/f/return", "/f/secret-token", "/healthz/x"])
async def test_the_applications_addresses_are_its_one_page(site: Site, path: str) -> None:
    async with site.client(session="", header=False) as client:
        answer = await client.get(path, headers={"accept-encoding": "identity"})
        head = await client.head(path)
    assert answer.status_code == head.status_code == 200
    assert answer.content == INDEX
    assert head.content == b""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["permissions-policy"].startswith("camera=(self), microphone=()")
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert site.doubles.calls == []


def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    parts = dict(part.split(" ", 1) for part in POLICY.split("; "))
    assert parts["default-src"] == parts["frame-ancestors"] == parts["base-uri"] == "'none'"
    assert parts["script-src"] == parts["style-src"] == parts["connect-src"] == parts["form-action"] == "'self'"
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/assets/index-a1b2c3.js", "text/javascript; charset=utf-8"),
        ("/assets/index-d4e5f6.css", "text/css; charset=utf-8"),
        ("/assets/font-070809.woff2", "font/woff2"),
    ],
)
async def test_hashed_files_are_kept_for_good(site: Site, path: str, media_type: str) -> None:
    async with site.client(session="") as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["cache-control"] == FOREVER


async def test_other_files_are_asked_about_again(site: Site) -> None:
    async with site.client(session="") as client:
        answer = await client.get("/favicon.svg")
        known = await client.get("/favicon.svg", headers={"if-none-match": f'"other", W/{answer.headers["etag"]}'})
        changed = await client.get("/favicon.svg", headers={"if-none-match": '"other"'})
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"] == "image/svg+xml"
    assert (known.status_code, known.content) == (304, b"")
    assert known.headers["etag"] == answer.headers["etag"]
    assert known.headers["cache-control"] == "no-cache"
    assert changed.status_code == 200


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("br", "br"),
        ("BR;q=0.1, gzip", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("*", "br"),
        ("br;q=0, *;q=0.3", "gzip"),
        ("deflate", ""),
        ("identity", ""),
        ("br;q=x", ""),
        ("", ""),
    ],
)
async def test_the_form_is_chosen_by_what_the_client_takes(site: Site, accepted: str, coding: str) -> None:
    async with (
        site.client(session="", headers={"accept-encoding": accepted}) as client,
        client.stream("GET", "/assets/index-a1b2c3.js") as answer,
    ):
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers.get("content-encoding", "") == coding
    assert answer.headers["content-length"] == str(len(raw))
    assert answer.headers["vary"] == "Accept-Encoding"
    assert raw == {"br": b"brotli form", "": SCRIPT}.get(coding, raw)
    if coding == "gzip":
        assert gzip.decompress(raw) == SCRIPT


async def test_each_form_has_a_tag_of_its_own(site: Site) -> None:
    tags = set()
    async with site.client(session="") as client:
        for accepted in ("br", "gzip", "identity"):
            async with client.stream("GET", "/assets/index-a1b2c3.js", headers={"accept-encoding": accepted}) as answer:
                tags.add(answer.headers["etag"])
    assert len(tags) == 3


def test_a_form_that_is_not_there_is_not_chosen() -> None:
    assert best_coding("br, gzip", {"gzip": b"", "identity": b""}) == "gzip"
    assert best_coding("br, gzip", {"identity": b""}) == "identity"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/gone-000000.js",
        "/assets/",
        "/assets",
        "/robots.txt",
        "/index.html.gz",
        "/assets/index-a1b2c3.js.br",
        "/assets/../index.html.gz",
        "/.env",
        "/login/config.json",
    ],
)
async def test_a_file_that_is_not_there_is_not_the_page(site: Site, path: str) -> None:
    async with site.client(session="") as client:
        answer = await client.get(path)
    if path == "/assets":
        assert answer.content == INDEX
        return
    assert (answer.status_code, answer.json()["code"]) == (404, "ROUTE_NOT_FOUND")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/..\\secret.txt",
        "/..%5csecret.txt",
        "//secret.txt",
        "/./secret.txt",
        "/link.txt",
        "/folder/secret.txt",
        "/secret.txt%00.js",
        "{absolute}",
        "/{absolute}",
    ],
)
async def test_nothing_outside_the_build_can_be_had(pki: Pki, tmp_path: Path, path: str) -> None:
    import asyncio

    (tmp_path / "secret.txt").write_text("the secret")
    folder = write_build(tmp_path / "dist")
    os.symlink(tmp_path / "secret.txt", folder / "link.txt")
    os.symlink(tmp_path, folder / "folder")
    async with running(pki, portal_dir=folder) as site:
        host, _, port = site.url.removeprefix("http://").partition(":")
        # As the bytes stand here: a client library would tidy the path up.
        reader, writer = await asyncio.open_connection(host, int(port))
        target = path.replace("{absolute}", str(tmp_path / "secret.txt"))
        writer.write(f"GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
    assert b"the secret" not in answer
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))


async def test_without_a_build_the_api_works_and_the_rest_says_so(pki: Pki, tmp_path: Path) -> None:
    async with running(pki, portal_dir=tmp_path / "dist") as site, site.client() as client:
        page = await client.get("/login")
        assert page.status_code == 503
        assert page.headers["content-type"].startswith("text/html")
        assert "页面尚未构建" in page.text
        assert "has not been built" in page.text
        assert (await client.get("/v1/me")).is_success
        assert (await client.get("/v1/nothing")).json()["code"] == "ROUTE_NOT_FOUND"
        # As soon as there is one, it is served.
        write_build(tmp_path / "dist")
        assert (await client.get("/login")).content == INDEX


async def test_a_new_build_is_noticed_and_the_old_one_stays_until_then(tmp_path: Path) -> None:
    folder = write_build(tmp_path / "dist")
    portal = Portal(folder)
    assert await portal.find("login") is not None
    # Vite empties the folder first.
    (folder / "index.html").unlink()
    (folder / "assets" / "index-a1b2c3.js").unlink()
    assert await portal.find("assets/index-a1b2c3.js") is not None
    (folder / "assets" / "index-ffffff.js").write_bytes(b"new")
    (folder / "index.html").write_bytes(b"<!doctype html>new")
    found = await portal.find("login")
    assert found is not None
    assert found.forms["identity"] == b"<!doctype html>new"
    assert await portal.find("assets/index-ffffff.js") is not None
    assert await portal.find("assets/index-a1b2c3.js") is None


def test_compressed_forms_belong_to_their_file(tmp_path: Path) -> None:
    write_build(tmp_path)
    (tmp_path / "archive.tar.gz").write_bytes(b"a file of its own")
    assets = load(tmp_path)
    assert set(assets["assets/index-a1b2c3.js"].forms) == {"br", "gzip", "identity"}
    assert set(assets["favicon.svg"].forms) == {"identity"}
    assert "archive.tar.gz" in assets
    assert "index.html.gz" not in assets


@pytest.mark.parametrize(
    "origin", ["procurement.example", "https://procurement.example/", "https://a.example/sso", "*"]
)
def test_an_origin_is_an_origin(pki: Pki, origin: str) -> None:
    peers = dict.fromkeys(("identity", "contract", "signer", "evidence"), "127.0.0.1:1")
    with pytest.raises(ValidationError):
        GatewaySettings(
            environment="local",
            http_listen="127.0.0.1:1",
            public_url="http://127.0.0.1:1",
            tls=pki.tls("gateway"),
            peers=peers,
            sso_origins=[origin],
        )


async def test_browsers_that_cannot_run_the_portal_are_told_whom_to_call(tmp_path: Path) -> None:
    folder = write_build(tmp_path)
    marked = b"<section>%s</section><noscript>%s</noscript>" % (PHONES, PHONES)
    (folder / "index.html").write_bytes(marked)
    (folder / "index.html.br").write_bytes(b"compressed without the phones")
    support = [SupportContact(name="<客服>", phone="010-00000000"), SupportContact(name="另一处", phone="4000000000")]
    index = await Portal(folder, support).find("login")
    assert index is not None
    text = index.forms["identity"].decode()
    assert text.count('&lt;客服&gt; <a href="tel:010-00000000">010-00000000</a>') == text.count("4000000000</a>") == 2
    assert gzip.decompress(index.forms["gzip"]).decode() == text
    assert "br" not in index.forms
    alone = await Portal(folder).find("login")
    assert alone is not None
    assert alone.forms["identity"] == b"<section></section><noscript></noscript>"
    assert alone.sha256 != index.sha256
