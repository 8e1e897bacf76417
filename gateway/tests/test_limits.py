"""What a stranger cannot do: send too much, ask too often, take too long, be told what is inside."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator

import httpx
import pytest
from esign_gateway.access import FAILED_SESSIONS, READS, RuledRoute, public
from esign_gateway.app import create_app
from esign_gateway.limits import Rate, RateLimiter, network_of, rechunk
from esign_gateway.problems import prefers_english
from esign_kit.errors import InvalidInput, Limited
from esign_kit.testing import Pki
from fastapi import APIRouter, Request

from .doubles import SHA, Site, running

PDF = b"%PDF-1.7\n" + os.urandom(3 * 2**20)


def part(name: str, content: bytes, file_name: str = "f.pdf") -> bytes:
    head = f'--b0undary\r\ncontent-disposition: form-data; name="{name}"; filename="{file_name}"\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = b"--b0undary--\r\n"
MULTIPART = {"content-type": "multipart/form-data; boundary=b0undary"}


# -- rates


def test_a_bucket_refills_with_time_and_each_network_has_its_own() -> None:
    now = 0.0
    limiter = RateLimiter(clock=lambda: now)
    rate = Rate("x", per_minute=6, burst=2)
    limiter.take(rate, "192.0.2.1")
    limiter.take(rate, "192.0.2.1")
    with pytest.raises(Limited) as refused:
        limiter.take(rate, "192.0.2.1")
    assert refused.value.metadata == {"retry_after_seconds": "10"}
    limiter.take(rate, "192.0.2.2")
    limiter.take(Rate("y", per_minute=6, burst=1), "192.0.2.1")
    now = 9.9
    with pytest.raises(Limited):
        limiter.take(rate, "192.0.2.1")
    now = 10.1
    limiter.take(rate, "192.0.2.1")


def test_buckets_do_not_grow_without_end() -> None:
    limiter = RateLimiter(capacity=10)
    rate = Rate("x", per_minute=1, burst=1)
    for number in range(100):
        limiter.take(rate, f"198.51.100.{number}")
    assert len(limiter._buckets) == 10


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", "unknown"),
    ],
)
def test_one_client_is_one_network(address: str, network: str) -> None:
    assert network_of(address) == network


async def test_login_codes_are_limited_by_address_before_anyone_is_asked(site: Site) -> None:
    async with site.client(session="") as client:
        answers = [await client.post("/v1/login/codes", json={"phone": "13800005678"}) for _ in range(25)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 4
    assert refused[0].json()["code"] == "TOO_MANY_REQUESTS"
    assert int(refused[0].headers["retry-after"]) >= 1
    assert refused[0].json()["retry_after_seconds"] == refused[0].headers["retry-after"]
    assert len(site.doubles.asked("RequestLoginCode")) == 25 - len(refused)


async def test_guessing_sessions_is_limited_by_address(site: Site) -> None:
    site.gateway.limiter = RateLimiter(clock=lambda: 0)
    async with site.client(session="guess") as client:
        answers = [await client.get("/v1/me") for _ in range(FAILED_SESSIONS.burst + 5)]
    assert [answer.status_code for answer in answers] == [401] * FAILED_SESSIONS.burst + [429] * 5
    assert len(site.doubles.asked("Authenticate")) == FAILED_SESSIONS.burst


async def test_who_stands_behind_a_proxy_is_told_by_a_trusted_one_only(pki: Pki) -> None:
    forged = {"x-forwarded-for": "203.0.113.7"}
    async with running(pki) as site, site.client(session="", headers=forged) as client:
        await client.post("/v1/login/codes", json={"phone": "1"})
        assert site.doubles.asked("RequestLoginCode")[0].client_address == "127.0.0.1"
    async with running(pki, trusted_proxies=["127.0.0.1"]) as site, site.client(session="", headers=forged) as client:
        await client.post("/v1/login/codes", json={"phone": "1"})
        assert site.doubles.asked("RequestLoginCode")[0].client_address == "203.0.113.7"


# -- bodies


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_refused_in_a_problem(site: Site, declared: bool) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * 64 * 1024

    async with site.client() as client:
        body = b" " * 256 * 1024 + b" " if declared else endless()
        json = await client.post("/v1/login", content=body, headers={"content-type": "application/json"})
        body = b" " * 256 * 1024 + b" " if declared else endless()
        png = await client.post("/v1/seals/handwritten", content=body, headers={"content-type": "image/png"})
    for answer, limit in ((json, 64 * 1024), (png, 256 * 1024)):
        assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["limit_bytes"] == str(limit)
    assert site.doubles.asked("Login") == site.doubles.asked("CreateHandwrittenSignature") == []


async def test_a_handwritten_signature_of_the_largest_size_is_taken(site: Site) -> None:
    png = os.urandom(256 * 1024)
    async with site.client() as client:
        answer = await client.post("/v1/seals/handwritten", content=png, headers={"content-type": "image/png"})
        other = await client.post("/v1/seals/handwritten", content=png, headers={"content-type": "image/jpeg"})
    assert answer.status_code == 201
    assert site.doubles.asked("CreateHandwrittenSignature")[0].png == png
    assert (other.status_code, other.json()["code"]) == (400, "PNG_REQUIRED")


async def test_too_large_a_file_for_the_public_verification(site: Site) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(102):
            yield bytes(2**20)

    async with site.client(session="", timeout=30) as client:
        streamed = await client.post("/v1/public/validations", content=pieces())
    assert (streamed.status_code, streamed.json()["code"]) == (413, "BODY_TOO_LARGE")

    host, _, port = site.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /v1/public/validations HTTP/1.1\r\nhost: x\r\nx-requested-with: esign\r\ncontent-length: 200000000\r\n\r\n"
    )
    # Refused by what it declares, before any of it is sent.
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.transport.abort()


# -- uploads


@pytest.mark.parametrize("how", ["body", "multipart", "chunked"])
async def test_a_file_reaches_the_signer_unchanged_in_small_pieces(site: Site, how: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(PDF), 50_000):
            yield PDF[start : start + 50_000]

    async with site.client(session="") as client:
        if how == "multipart":
            answer = await client.post("/v1/public/validations", files={"file": ("合同.pdf", PDF, "application/pdf")})
        else:
            answer = await client.post("/v1/public/validations", content=PDF if how == "body" else pieces())
    assert answer.json()["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert answer.json()["size"] == len(PDF)
    assert answer.json()["verdict"] == "passed"
    assert site.doubles.asked("ValidateDocument") == [512 * 1024]


async def test_a_report_names_the_file_and_comes_in_the_readers_language(site: Site) -> None:
    async with site.client(session="") as client:
        answer = await client.post(
            "/v1/public/validations/reports?name=合同.pdf", content=b"1.7", headers={"accept-language": "en"}
        )
    assert (answer.content, answer.headers["content-type"]) == (b"%PDF-1.7", "application/pdf")
    assert "attachment" in answer.headers["content-disposition"]
    assert site.doubles.asked("PrintValidationReport") == [("合同.pdf", "en")]


async def test_fields_around_the_file_are_left_out(site: Site) -> None:
    body = part("note", b"x" * 5000) + part("file", PDF) + part("other", b"y") + END
    async with site.client(session="") as client:
        answer = await client.post(f"/v1/public/evidence/{SHA}/checks", content=body, headers=MULTIPART)
    assert answer.is_success
    assert site.doubles.asked("CheckEvidence")[0].document_sha256 == hashlib.sha256(PDF).hexdigest()


@pytest.mark.parametrize(
    ("content", "headers", "code"),
    [
        (b"", {}, "FILE_EMPTY"),
        (part("file", b"") + END, MULTIPART, "FILE_EMPTY"),
        (part("other", b"x") + END, MULTIPART, "FILE_PART_REQUIRED"),
        (part("file", b"x") + part("file", b"y") + END, MULTIPART, "FILE_PART_REQUIRED"),
        (part("file", b"x" * 1000), MULTIPART, "FILE_PART_REQUIRED"),
        (b"no boundary here", MULTIPART, "MULTIPART_MALFORMED"),
        (part("file", b"x") + END, {"content-type": "multipart/form-data"}, "MULTIPART_MALFORMED"),
        (
            part("file", b"x") + END,
            {"content-type": "multipart/form-data; boundary=" + "b" * 300},
            "MULTIPART_MALFORMED",
        ),
    ],
)
@pytest.mark.parametrize("path", ["/v1/public/validations", f"/v1/public/evidence/{SHA}/checks"])
async def test_uploads_that_are_none(site: Site, content: bytes, headers: dict[str, str], code: str, path: str) -> None:
    async with site.client(session="") as client:
        answer = await client.post(path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert site.doubles.calls == []


async def test_a_file_that_the_signer_refuses_early(site: Site) -> None:
    site.doubles.failures["ValidateDocument"] = [InvalidInput("PDF_ENCRYPTED", zh="文件已加密", en="Encrypted")]
    async with site.client(session="") as client:
        answer = await client.post("/v1/public/validations", content=PDF)
    assert (answer.status_code, answer.json()["code"]) == (400, "PDF_ENCRYPTED")


async def test_a_client_that_goes_away_midway_ends_the_validation(site: Site) -> None:
    host, _, port = site.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /v1/public/validations HTTP/1.1\r\nhost: {host}\r\nx-requested-with: esign\r\n"
        f"content-length: {len(PDF)}\r\n\r\n".encode()
        + PDF[:1_000_000]
    )
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.transport.abort()
    async with site.client(session="") as client:
        assert (await client.post("/v1/public/validations", content=PDF)).json()["size"] == len(PDF)


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"text_hash": ""}', b'{"text_hash": 1}', b"[" * 60_000])
async def test_text_checks_that_are_none(site: Site, body: bytes) -> None:
    async with site.client(session="") as client:
        answer = await client.post(
            f"/v1/public/evidence/{SHA}/checks", content=body, headers={"content-type": "application/json"}
        )
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


async def test_rechunk_keeps_every_byte() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for size in (1, 10, 0, 25, 3):
            yield bytes(range(size))

    chunks = [chunk async for chunk in rechunk(pieces(), 10)]
    assert b"".join(chunks) == b"".join(bytes(range(size)) for size in (1, 10, 0, 25, 3))
    assert [len(chunk) for chunk in chunks] == [10, 10, 10, 9]


# -- errors


@pytest.mark.parametrize(
    ("header", "english"),
    [
        ("", False),
        ("zh-CN,zh;q=0.9,en;q=0.8", False),
        ("en", True),
        ("en-US,en;q=0.9", True),
        ("en;q=0.5, zh;q=0.6", False),
        ("fr, en;q=0.1", True),
        ("en;q=x", False),
        ("*", False),
    ],
)
def test_language(header: str, english: bool) -> None:
    assert prefers_english(header) is english


async def test_a_refusal_is_a_problem_in_the_readers_language(site: Site) -> None:
    async with site.client() as client:
        chinese = await client.get("/v1/contracts/unknown")
        english = await client.get("/v1/contracts/unknown", headers={"accept-language": "en-GB"})
    assert chinese.status_code == 404
    assert chinese.headers["content-type"] == "application/problem+json"
    body = chinese.json()
    assert body["type"] == "urn:esign:error:contract-not-found"
    assert (body["title"], body["status"], body["code"]) == ("合同不存在", 404, "CONTRACT_NOT_FOUND")
    assert len(body["trace_id"]) == 32
    assert body["trace_id"] == chinese.headers["trace-id"]
    assert english.json()["title"] == "No such contract"
    assert english.headers["content-language"] == "en"
    assert english.json()["trace_id"] != body["trace_id"]


async def test_a_strangers_trace_id_is_not_taken_over(site: Site) -> None:
    parent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    async with site.client() as client:
        answer = await client.get("/v1/contracts/unknown", headers=parent)
    assert answer.json()["trace_id"] != "0af7651916cd43dd8448eb211c80319c"


async def test_an_unexpected_failure_tells_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret internals 13800005678")

    async with site.client() as client:
        behind = await client.get("/v1/contracts/crash")
        monkeypatch.setattr(type(site.gateway), "authenticate", broken)
        here = await client.get("/v1/contracts/c-1")
    for answer in (behind, here):
        assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
        assert set(answer.json()) == {"type", "title", "status", "code", "trace_id"}
        assert "secret" not in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "ROUTE_NOT_FOUND"),
        ("GET", "/v1/contracts/", 404, "ROUTE_NOT_FOUND"),
        ("GET", "/v1", 404, "ROUTE_NOT_FOUND"),
        ("GET", "/v1/face/return", 404, "ROUTE_NOT_FOUND"),
        ("GET", "/v1/assets/index.js", 404, "ROUTE_NOT_FOUND"),
        ("GET", "/sso", 404, "ROUTE_NOT_FOUND"),
        ("GET", "/v1/logout", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/apply", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/v1/me", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/contracts?list=all", 400, "INVALID_REQUEST"),
        ("GET", "/v1/contracts", 400, "INVALID_REQUEST"),
        ("GET", "/v1/contracts?list=pending&size=101", 400, "INVALID_REQUEST"),
        ("GET", "/v1/contracts/c-1/pages/0", 400, "INVALID_REQUEST"),
        ("GET", "/v1/contracts/c-1/pages/1?width=100000", 400, "INVALID_REQUEST"),
        ("GET", "/v1/contracts/a%2Fb%00", 404, "ROUTE_NOT_FOUND"),
        ("GET", "/v1/contracts/%E5%90%88", 400, "INVALID_REQUEST"),
        ("GET", "/v1/public/log/tile/..%2F..%2Fsecret", 400, "INVALID_REQUEST"),
    ],
)
async def test_what_the_framework_refuses_is_a_problem_too(
    site: Site, method: str, path: str, status: int, code: str
) -> None:
    async with site.client() as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_wrong_body_names_the_fields_and_repeats_nothing(site: Site) -> None:
    async with site.client() as client:
        answer = await client.post("/v1/login", json={"phone": 13800005678})
        broken = await client.post("/v1/login", content=b"{oops", headers={"content-type": "application/json"})
    assert answer.json()["fields"] == [
        {"field": "body.phone", "code": "string_type"},
        {"field": "body.code", "code": "missing"},
    ]
    assert "13800005678" not in answer.text
    assert (broken.status_code, broken.json()["code"]) == (400, "INVALID_REQUEST")


async def test_an_answer_that_takes_too_long(site: Site) -> None:
    router = APIRouter(route_class=RuledRoute)

    @router.get("/slow", dependencies=[public(seconds=0.1)])
    async def slow() -> None:
        await asyncio.sleep(30)

    @router.post("/fed", dependencies=[public(seconds=0.1)])
    async def fed(request: Request) -> None:
        await request.body()

    async def dripping() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.05)

    app = create_app(site.gateway, list(router.routes))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=site.url) as client:
        answers = [
            await client.get("/slow"),
            await client.post("/fed", content=dripping(), headers={"x-requested-with": "esign"}),
        ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (504, "REQUEST_TIMED_OUT")


async def test_reads_of_anyone_are_limited_too(site: Site) -> None:
    site.gateway.limiter = RateLimiter(clock=lambda: 0)
    async with site.client(session="") as client:
        answers = [await client.get("/v1/public/trust-roots") for _ in range(READS.burst + 1)]
    assert [answer.status_code for answer in answers] == [200] * READS.burst + [429]
