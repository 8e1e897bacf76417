"""Logins of both kinds, the session's cookie and its renewal, sign-on from a trusted platform, what people see of their own."""

import asyncio
import base64
import hashlib
import re
from typing import Any

import pytest
from esign_gateway.limits import RateLimiter
from esign_gateway.routes.session import CAPTCHAS
from esign_gateway.routes.sign_on import SIGN_ONS
from esign_kit.errors import InvalidInput, Unauthenticated
from esign_kit.testing import Pki

from .doubles import (
    COMPANY,
    PROCUREMENT,
    RENEWED,
    SESSION_ID,
    TOKEN,
    Site,
    holding,
    objects,
    presigned,
    running,
)

SIGN_ON: dict[str, Any] = {
    "data": {"token": "signed"},
    "headers": {"origin": PROCUREMENT, "sec-fetch-site": "cross-site"},
}


def cookie_of(header: str) -> tuple[str, set[str]]:
    """`name=value` and the attributes of a Set-Cookie header, lower case."""
    first, *attributes = header.lower().split("; ")
    return first, set(attributes)


# -- logins


async def test_a_captcha_is_an_image_to_look_at(site: Site) -> None:
    async with site.client(session="") as client:
        answer = await client.post("/v1/captchas")
        codes = await client.post(
            "/v1/login/codes", json={"phone": "13800005678", "captcha_id": "k-1", "captcha_answer": "x7Kq"}
        )
    assert answer.status_code == 201
    head, _, content = answer.json()["image"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(content, validate=True) == b"\x89PNG\r\n"
    assert codes.is_success
    asked = site.doubles.asked("RequestLoginCode")[0]
    assert (asked.captcha_id, asked.captcha_answer) == ("k-1", "x7Kq")
    assert site.doubles.asked("CreateCaptcha")[0].client_address == "127.0.0.1"


async def test_captchas_are_limited_by_address(site: Site) -> None:
    site.gateway.limiter = RateLimiter(clock=lambda: 0)
    async with site.client(session="") as client:
        answers = [await client.post("/v1/captchas") for _ in range(CAPTCHAS.burst + 1)]
    assert [answer.status_code for answer in answers] == [201] * CAPTCHAS.burst + [429]


async def test_that_a_captcha_is_wanted_is_told_by_its_code(site: Site) -> None:
    site.doubles.failures["RequestLoginCode"] = [InvalidInput("CAPTCHA_REQUIRED", zh="请输入图形验证码", en="Captcha")]
    async with site.client(session="") as client:
        answer = await client.post("/v1/login/codes", json={"phone": "13800005678"})
    assert (answer.status_code, answer.json()["code"]) == (400, "CAPTCHA_REQUIRED")


async def test_a_company_login_in_two_halves(site: Site) -> None:
    async with site.client(session="", headers={"user-agent": "Browser/" * 100}) as client:
        ticket = await client.post("/v1/login/enterprise", json={"phone": "13800005678", "code": "123456"})
        assert "set-cookie" not in ticket.headers
        assert ticket.json()["companies"] == [
            {
                "organisation_id": "o-1",
                "name": COMPANY.name,
                "unified_social_credit_code": COMPANY.unified_social_credit_code,
            }
        ]
        session = await client.post(
            "/v1/login/enterprise/company", json={"ticket": ticket.json()["ticket"], "organisation_id": "o-1"}
        )
        assert client.cookies["esign_session"] == TOKEN
    assert (session.json()["kind"], session.json()["organisation"]["name"]) == ("enterprise", COMPANY.name)
    assert TOKEN not in session.text
    chosen = site.doubles.asked("FinishEnterpriseLogin")[0]
    assert (chosen.ticket, chosen.organisation_id, chosen.client_address) == ("t-1", "o-1", "127.0.0.1")
    assert len(chosen.user_agent) == 256


async def test_me_tells_for_whom_one_is_signed_in(site: Site) -> None:
    async with site.client() as client:
        alone = (await client.get("/v1/me")).json()
        site.doubles.enterprise, site.doubles.terms_due = True, True
        company = (await client.get("/v1/me")).json()
    assert (alone["terms_due"], company["terms_due"]) == (False, True)
    assert (alone["kind"], alone["organisation"]) == ("individual", None)
    assert (company["kind"], company["organisation"]["organisation_id"]) == ("enterprise", "o-1")
    assert company["person"]["masked_id_number"] == "110***********1234"
    assert company["expires_at"] == "2030-01-01T00:00:00Z"


# -- renewal


@pytest.mark.parametrize("environment", ["local", "production"])
async def test_a_renewed_token_takes_the_old_ones_place(pki: Pki, environment: str) -> None:
    async with running(pki, environment=environment) as site, site.client(session="") as client:
        site.doubles.renews = True
        prefix = "__Host-" if environment == "production" else ""
        answer = await client.get("/v1/me", headers={"cookie": f"{prefix}esign_session={TOKEN}"})
    first, attributes = cookie_of(answer.headers["set-cookie"])
    assert first == f"{prefix}esign_session={RENEWED}".lower()
    assert {"httponly", "samesite=strict", "path=/", "expires=tue, 01 jan 2030 00:00:00 gmt"} <= attributes
    assert ("secure" in attributes) is (environment == "production")
    assert RENEWED not in answer.text


async def test_every_kind_of_answer_carries_the_renewed_token(site: Site) -> None:
    site.doubles.renews = True
    site.doubles.updates.put_nowait(None)
    content = b"page"
    async with objects(holding(content)) as url, site.client() as client:
        site.doubles.file = presigned(url, len(content), "image/png")
        for method, path, status in (
            ("GET", "/v1/contracts/c-1", 200),
            ("GET", "/v1/contracts/unknown", 404),
            ("GET", "/v1/contracts/crash", 500),
            ("GET", "/v1/contracts?list=nonsense", 400),
            ("GET", "/v1/contracts/c-1/pages/1", 200),
            ("GET", "/v1/verifications/v-1/events", 200),
            ("GET", "/v1/verifications/unknown/events", 404),
        ):
            client.cookies.set("esign_session", TOKEN)
            answer = await client.request(method, path)
            assert answer.status_code == status, path
            assert cookie_of(answer.headers["set-cookie"])[0] == f"esign_session={RENEWED}", path
            client.cookies.clear()
        # And nothing is set when nothing changed.
        client.cookies.set("esign_session", RENEWED)
        assert "set-cookie" not in (await client.get("/v1/contracts/c-1")).headers


async def test_a_long_download_is_reported_with_the_renewed_token(site: Site) -> None:
    site.doubles.renews = True
    site.doubles.failures["FinishDownload"] = [Unauthenticated("ACTOR_TOKEN_EXPIRED", zh="已过期", en="Expired")]
    async with objects(holding(b"content")) as url, site.client() as client:
        site.doubles.file = presigned(url, 7)
        await client.post("/v1/contracts/c-1/downloads")
        await site.doubles.until_asked("FinishDownload", count=2)
    assert [asked.session_token for asked in site.doubles.asked("Authenticate")] == [TOKEN, RENEWED]


# -- one's own


async def test_sessions_are_listed_and_ended(site: Site) -> None:
    async with site.client() as client:
        listed = (await client.get("/v1/sessions")).json()["items"]
        ended = await client.delete("/v1/sessions/session-2")
        others = await client.delete("/v1/sessions")
    assert [(s["session_id"], s["current"], s["masked_address"]) for s in listed] == [
        (SESSION_ID, True, "203.0.113.*"),
        ("session-2", False, ""),
    ]
    assert listed[1]["organisation"]["organisation_id"] == "o-1"
    assert [asked.session_id for asked in site.doubles.asked("RevokeSessions")] == ["session-2", ""]
    assert ended.json() == others.json() == {"ended": 1}
    assert "set-cookie" not in ended.headers
    assert "set-cookie" not in others.headers


async def test_ending_the_present_session_drops_its_cookie_also_when_it_was_just_renewed(site: Site) -> None:
    site.doubles.renews = True
    async with site.client() as client:
        answer = await client.delete(f"/v1/sessions/{SESSION_ID}")
    assert [cookie_of(value)[0] for value in answer.headers.get_list("set-cookie")] == ['esign_session=""']
    assert "max-age=0" in cookie_of(answer.headers["set-cookie"])[1]


async def test_personal_data_come_as_a_file(site: Site) -> None:
    async with site.client() as client:
        answer = await client.get("/v1/me/export")
    assert answer.json() == {"姓名": "张晓岚"}
    assert answer.headers["content-disposition"].startswith('attachment; filename="esign-personal-data.json"')
    assert answer.headers["cache-control"] == "no-store"


async def test_texts_to_accept(site: Site) -> None:
    async with site.client(session="") as client:
        answer = (await client.get("/v1/consents/terms")).json()
        unknown = await client.get("/v1/consents/anything")
    assert (answer["kind"], answer["version"], answer["text"]) == ("terms", "2026-01", "一\n\n二")
    assert site.doubles.asked("GetConsentText")[0].kind == 2
    assert (unknown.status_code, unknown.json()["code"]) == (400, "INVALID_REQUEST")


# -- sign-on


async def test_a_supplier_arrives_from_the_procurement_platform(site: Site) -> None:
    async with site.client(session="", header=False) as client:
        answer = await client.post("/sso/procurement", **SIGN_ON)
    assert answer.status_code == 200
    first, attributes = cookie_of(answer.headers["set-cookie"])
    assert first == f"esign_session={TOKEN}"
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    # It moves on by itself, within the site.
    assert '<meta http-equiv="refresh" content="0;url=/apply">' in answer.text
    assert "script" not in answer.text
    assert "location" not in answer.headers
    style = re.search("<style>(.*)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy[:2] == ["default-src 'none'", f"style-src 'sha256-{digest}'"]
    assert "signed" not in answer.text
    redeemed = site.doubles.asked("RedeemSignOn")[0]
    assert (redeemed.token, redeemed.client_address) == ("signed", "127.0.0.1")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "https://evil.example"},
        {"origin": f"{PROCUREMENT}.evil.example"},
        {"origin": f"{PROCUREMENT}:8443"},
        {"origin": "http://procurement.example"},
        {"x-requested-with": "esign"},
    ],
)
async def test_nobody_else_can_sign_people_in(site: Site, headers: dict[str, str]) -> None:
    async with site.client(session="", header=False) as client:
        answer = await client.post("/sso/procurement", data={"token": "signed"}, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert "set-cookie" not in answer.headers
    assert site.doubles.calls == []


async def test_without_a_trusted_platform_there_is_no_sign_on(pki: Pki) -> None:
    async with running(pki, sso_origins=[]) as site, site.client(session="", header=False) as client:
        assert (await client.post("/sso/procurement", **SIGN_ON)).status_code == 403
        assert (await client.post("/sso/procurement", data={"token": "x"})).status_code == 403


async def test_a_refused_sign_on_is_a_page_that_people_can_read(site: Site) -> None:
    refusal = Unauthenticated("SIGN_ON_INVALID", zh="跳转登录凭证<无效>", en="The sign-on is not valid")
    site.doubles.failures["RedeemSignOn"] = [refusal, refusal]
    english = {**SIGN_ON, "headers": {"origin": PROCUREMENT, "accept-language": "en"}}
    async with site.client(session="", header=False) as client:
        answer = await client.post("/sso/procurement", **SIGN_ON)
        translated = await client.post("/sso/procurement", **english)
        empty = await client.post("/sso/procurement", data={}, headers={"origin": PROCUREMENT})
        large = await client.post("/sso/procurement", data={"token": "x" * 9000}, headers={"origin": PROCUREMENT})
    assert (answer.status_code, empty.status_code, large.status_code) == (401, 400, 413)
    for page in (answer, translated, empty, large):
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert page.headers["trace-id"] in page.text
        assert "set-cookie" not in page.headers
    assert "跳转登录凭证&lt;无效&gt;" in answer.text
    assert '<html lang="en">' in translated.text
    assert "The sign-on is not valid" in translated.text


async def test_sign_ons_are_limited_by_address(site: Site) -> None:
    site.gateway.limiter = RateLimiter(clock=lambda: 0)
    async with site.client(session="", header=False) as client:
        answers = await asyncio.gather(*(client.post("/sso/procurement", **SIGN_ON) for _ in range(SIGN_ONS.burst + 3)))
    assert sorted(answer.status_code for answer in answers) == [200] * SIGN_ONS.burst + [429] * 3
