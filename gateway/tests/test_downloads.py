"""The one download: what arrived is what is reported, whatever happens to the client, the store, contract or the gateway."""

import asyncio
import os
from urllib.parse import quote

import pytest
from esign_kit.engines import free_ports
from esign_kit.errors import Conflict, Unauthenticated, Unavailable
from esign_kit.testing import Pki

from .doubles import TOKEN, Site, holding, objects, presigned, running

SMALL = os.urandom(300_000)
LARGE = os.urandom(24 * 2**20)


async def open_download(
    site: Site, *, receive_buffer: int | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Ask for the download over a socket of one's own; the answer's header has been read."""
    import socket

    host, _, port = site.url.removeprefix("http://").partition(":")
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=sock, limit=64 * 1024)
    writer.write(
        f"POST /v1/contracts/c-1/downloads HTTP/1.1\r\nhost: {host}:{port}\r\nx-requested-with: esign\r\n"
        f"cookie: esign_session={TOKEN}\r\ncontent-length: 0\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    return reader, writer


async def test_a_whole_download_is_reported_whole(site: Site) -> None:
    async with objects(holding(SMALL)) as url, site.client() as client:
        site.doubles.file = presigned(url, len(SMALL))
        answer = await client.post("/v1/contracts/c-1/downloads")
        finish = (await site.doubles.until_asked("FinishDownload"))[0]
    assert answer.content == SMALL
    assert answer.headers["content-length"] == str(len(SMALL))
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == (
        f"attachment; filename=\"____.pdf\"; filename*=UTF-8''{quote('租赁合同.pdf', safe='')}"
    )
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["download-id"] == "d-1"
    assert [name for name, _ in site.doubles.calls if "Download" in name] == [
        "StartDownload",
        "ClaimDownload",
        "FinishDownload",
    ]
    assert (finish.contract_id, finish.download_id, finish.bytes_sent) == ("c-1", "d-1", len(SMALL))


async def test_the_connection_serves_further_requests_afterwards(site: Site) -> None:
    async with objects(holding(SMALL)) as url, site.client() as client:
        site.doubles.file = presigned(url, len(SMALL))
        for count in (1, 2):
            assert (await client.post("/v1/contracts/c-1/downloads")).content == SMALL
            await site.doubles.until_asked("FinishDownload", count=count)
        assert (await client.get("/v1/me")).is_success


async def test_a_client_that_breaks_off_has_not_used_it_up(site: Site) -> None:
    async with objects(holding(LARGE)) as url:
        site.doubles.file = presigned(url, len(LARGE))
        reader, writer = await open_download(site)
        await reader.readexactly(1_000_000)
        writer.transport.abort()
        finish = (await site.doubles.until_asked("FinishDownload"))[0]
    assert 0 < finish.bytes_sent < len(LARGE)


async def test_a_small_file_that_the_client_never_read_has_not_arrived(site: Site) -> None:
    """All of it fits into the kernel's buffers: to the application it looks sent."""
    async with objects(holding(SMALL)) as url:
        site.doubles.file = presigned(url, len(SMALL))
        _, writer = await open_download(site, receive_buffer=16 * 1024)
        await asyncio.sleep(0.3)
        assert site.doubles.asked("FinishDownload") == []
        writer.transport.abort()
        finish = (await site.doubles.until_asked("FinishDownload"))[0]
    assert finish.bytes_sent < len(SMALL)


async def test_a_slow_client_gets_it_all_and_the_gateway_holds_little(site: Site) -> None:
    taken = 0

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(LARGE))
        for start in range(0, len(LARGE), 65536):
            writer.write(LARGE[start : start + 65536])
            await writer.drain()
            taken += 65536

    async with objects(serve) as url:
        site.doubles.file = presigned(url, len(LARGE))
        reader, writer = await open_download(site, receive_buffer=64 * 1024)
        await asyncio.sleep(0.5)
        # The store is read no faster than the client takes: what is under way are the kernel's buffers.
        assert taken < len(LARGE) // 2
        received = await reader.readexactly(len(LARGE))
        finish = (await site.doubles.until_asked("FinishDownload"))[0]
        writer.close()
    assert received == LARGE
    assert finish.bytes_sent == len(LARGE)


async def test_a_store_that_breaks_off_cuts_the_connection_and_gives_the_download_back(site: Site) -> None:
    async with objects(holding(SMALL, truncate=1000)) as url:
        site.doubles.file = presigned(url, len(SMALL))
        reader, _ = await open_download(site)
        with pytest.raises(asyncio.IncompleteReadError):
            await reader.readexactly(len(SMALL))
        finish = (await site.doubles.until_asked("FinishDownload"))[0]
    assert finish.bytes_sent < len(SMALL)


@pytest.mark.parametrize("store", ["down", "refuses", "other size"])
async def test_a_store_that_does_not_give_the_file_gives_the_download_back(site: Site, store: str) -> None:
    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 6\r\n\r\nsecret")

    async with objects(refuse if store == "refuses" else holding(SMALL)) as url, site.client() as client:
        if store == "down":
            url = f"http://127.0.0.1:{free_ports(1)[0]}/object"
        site.doubles.file = presigned(url, len(SMALL) + (1 if store == "other size" else 0))
        answer = await client.post("/v1/contracts/c-1/downloads")
        finish = (await site.doubles.until_asked("FinishDownload"))[0]
    assert (answer.status_code, answer.json()["code"]) == (503, "OBJECT_STORE_UNAVAILABLE")
    assert "secret" not in answer.text
    assert "127.0.0.1" not in answer.text
    assert finish.bytes_sent == 0


async def test_the_last_part_goes_out_only_when_the_download_is_claimed(site: Site) -> None:
    """Another download has taken its place: nobody gets two copies by starting twice."""
    async with objects(holding(SMALL)) as url:
        site.doubles.file = presigned(url, len(SMALL))
        site.doubles.failures["ClaimDownload"] = [Conflict("DOWNLOAD_REPLACED", zh="已由新的下载代替", en="Replaced")]
        reader, _ = await open_download(site)
        received = await reader.read(-1)
        finish = (await site.doubles.until_asked("FinishDownload"))[0]
    assert received == SMALL[: len(received)]
    assert len(SMALL) - 2048 < len(received) < len(SMALL)
    assert finish.bytes_sent < len(SMALL)


async def test_a_client_that_takes_nothing_does_not_claim(site: Site) -> None:
    async with objects(holding(SMALL)) as url:
        site.doubles.file = presigned(url, len(SMALL))
        _, writer = await open_download(site, receive_buffer=16 * 1024)
        await asyncio.sleep(0.3)
        writer.transport.abort()
        await site.doubles.until_asked("FinishDownload")
    assert site.doubles.asked("ClaimDownload") == []


async def test_a_file_smaller_than_the_last_part(site: Site) -> None:
    async with objects(holding(b"%PDF-tiny")) as url, site.client() as client:
        site.doubles.file = presigned(url, 9)
        assert (await client.post("/v1/contracts/c-1/downloads")).content == b"%PDF-tiny"
        assert (await site.doubles.until_asked("FinishDownload"))[0].bytes_sent == 9


async def test_the_claim_waits_for_a_restart_of_contract(site: Site) -> None:
    async with objects(holding(SMALL)) as url, site.client() as client:
        site.doubles.file = presigned(url, len(SMALL))
        site.doubles.failures["ClaimDownload"] = [
            Unavailable("SERVICE_UNAVAILABLE", zh="服务暂时不可用", en="Away"),
            Unauthenticated("ACTOR_TOKEN_EXPIRED", zh="已过期", en="Expired"),
        ]
        assert (await client.post("/v1/contracts/c-1/downloads")).content == SMALL
        await site.doubles.until_asked("FinishDownload")
    assert len(site.doubles.asked("ClaimDownload")) == 3
    assert len(site.doubles.asked("Authenticate")) == 2


async def test_the_reader_says_that_it_arrived(site: Site) -> None:
    async with site.client() as client:
        wrong = await client.post("/v1/contracts/c-1/downloads/d-1/receipt", json={"sha256": "AB" * 32})
        right = await client.post("/v1/contracts/c-1/downloads/d-1/receipt", json={"sha256": "ab" * 32})
    assert (wrong.status_code, right.status_code, right.content) == (400, 204, b"")
    (finish,) = site.doubles.asked("FinishDownload")
    assert (finish.contract_id, finish.download_id, finish.received_sha256) == ("c-1", "d-1", "ab" * 32)


async def test_a_refused_download_reports_nothing(site: Site) -> None:
    site.doubles.failures["StartDownload"] = [
        Conflict("DOWNLOAD_USED", zh="文件已下载，仅可下载一次", en="Already downloaded")
    ]
    async with site.client() as client:
        answer = await client.post("/v1/contracts/c-1/downloads")
    assert (answer.status_code, answer.json()["code"]) == (409, "DOWNLOAD_USED")
    assert site.doubles.asked("FinishDownload") == []


async def test_the_report_outlives_a_restart_of_contract(site: Site) -> None:
    away = [Unavailable("SERVICE_UNAVAILABLE", zh="服务暂时不可用", en="Away") for _ in range(3)]
    async with objects(holding(SMALL)) as url, site.client() as client:
        site.doubles.file = presigned(url, len(SMALL))
        site.doubles.failures["FinishDownload"] = list(away)
        await client.post("/v1/contracts/c-1/downloads")
        reports = await site.doubles.until_asked("FinishDownload", count=4)
    assert {report.bytes_sent for report in reports} == {len(SMALL)}


async def test_a_download_longer_than_the_actor_token_signs_in_again(site: Site) -> None:
    async with objects(holding(SMALL)) as url, site.client() as client:
        site.doubles.file = presigned(url, len(SMALL))
        site.doubles.failures["FinishDownload"] = [Unauthenticated("ACTOR_TOKEN_EXPIRED", zh="已过期", en="Expired")]
        await client.post("/v1/contracts/c-1/downloads")
        await site.doubles.until_asked("FinishDownload", count=2)
    assert len(site.doubles.asked("Authenticate")) == 2


async def test_the_report_ends_when_the_session_has(site: Site) -> None:
    async with objects(holding(SMALL)) as url, site.client() as client:
        site.doubles.file = presigned(url, len(SMALL))
        expired = Unauthenticated("ACTOR_TOKEN_EXPIRED", zh="已过期", en="Expired")
        site.doubles.failures["FinishDownload"] = [expired] * 3
        site.doubles.pauses["FinishDownload"] = 0.1
        await client.post("/v1/contracts/c-1/downloads")
        site.doubles.logged_out = True
        await site.doubles.until_asked("Authenticate", count=2)
        await asyncio.sleep(0.5)
    assert len(site.doubles.asked("FinishDownload")) == 1


async def test_stopping_the_gateway_waits_for_the_report(pki: Pki) -> None:
    async with running(pki) as site, objects(holding(SMALL)) as url, site.client() as client:
        site.doubles.file = presigned(url, len(SMALL))
        site.doubles.pauses["FinishDownload"] = 0.5
        await client.post("/v1/contracts/c-1/downloads")
        doubles = site.doubles
    assert len(doubles.asked("FinishDownload")) == 1


async def test_page_images_are_kept_by_the_browser_alone_and_asked_for_again(site: Site) -> None:
    async with objects(holding(SMALL)) as url, site.client() as client:
        site.doubles.file = presigned(url, len(SMALL), "image/webp")
        first = await client.get("/v1/contracts/c-1/pages/2")
        again = await client.get(
            "/v1/contracts/c-1/pages/2", headers={"if-none-match": f'"x", {first.headers["etag"]}'}
        )
        other = await client.get("/v1/contracts/c-1/pages/2", headers={"if-none-match": '"x"'})
    assert (first.status_code, first.content, first.headers["content-type"]) == (200, SMALL, "image/webp")
    assert first.headers["cache-control"] == "private, no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert other.content == SMALL
    assert site.doubles.asked("FinishDownload") == []
    asked = site.doubles.asked("GetPageImage")
    assert [(r.page, r.width) for r in asked] == [(2, 1000)] * 3
    assert {r.viewer for r in asked} == {"**岚 138****5678"}


async def test_an_evidence_package_that_is_not_there_yet(site: Site) -> None:
    async with site.client() as client:
        answer = await client.get("/v1/contracts/c-1/evidence/package")
        evidence = (await client.get("/v1/contracts/c-1/evidence")).json()
    assert (answer.status_code, answer.json()["code"]) == (404, "EVIDENCE_PACKAGE_NOT_READY")
    assert evidence["package_ready"] is False
    assert evidence["block_height"] == 1234567890123
