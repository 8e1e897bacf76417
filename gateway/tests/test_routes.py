"""Who may use which route, from one table; and that each route asks the service it should, for the right person."""

from typing import Any

import pytest
from esign.common.v1 import common_pb2
from esign_gateway.access import Access, person, public, rule_of
from esign_gateway.app import create_app, describe
from esign_gateway.routes import all_routes
from esign_kit.errors import Unavailable
from esign_kit.testing import Pki
from fastapi.routing import APIRoute

from .doubles import PERSON_ID, PROCUREMENT, RELAY, SHA, TOKEN, Site, holding, objects, presigned, running

PLACEMENT = {"page": 12, "x1": 1000, "y1": 2000, "x2": 3000, "y2": 4000}
SIGNATURE = {"verification_id": "v-1", "document_sha256": SHA, "seal_id": "s-1", "placement": PLACEMENT}
FACE = {"channel": "tencent", "consent_version": "2026-01"}

# Route, access, a request that is answered with success, and what the services are asked.
TABLE: list[tuple[str, str, Access, str, dict[str, Any], str]] = [
    ("GET", "/healthz", Access.PUBLIC, "/healthz", {}, ""),
    ("GET", "/v1/openapi.json", Access.PUBLIC, "/v1/openapi.json", {}, ""),
    (
        "POST",
        "/v1/login/codes",
        Access.PUBLIC,
        "/v1/login/codes",
        {"json": {"phone": "13800005678"}},
        "RequestLoginCode",
    ),
    ("POST", "/v1/login", Access.PUBLIC, "/v1/login", {"json": {"phone": "13800005678", "code": "123456"}}, "Login"),
    ("POST", "/v1/logout", Access.PUBLIC, "/v1/logout", {}, "Logout"),
    ("GET", "/v1/me", Access.PERSON, "/v1/me", {}, "Authenticate"),
    ("GET", "/v1/contracts", Access.PERSON, "/v1/contracts?list=pending&page=2&size=10", {}, "ListContracts"),
    ("GET", "/v1/contracts/{contract_id}", Access.PERSON, "/v1/contracts/c-1", {}, "GetContract"),
    (
        "GET",
        "/v1/contracts/{contract_id}/pages/{number}",
        Access.PERSON,
        "/v1/contracts/c-1/pages/3?width=800",
        {},
        "GetPageImage",
    ),
    (
        "POST",
        "/v1/contracts/{contract_id}/downloads/{download_id}/receipt",
        Access.PERSON,
        "/v1/contracts/c-1/downloads/d-1/receipt",
        {"json": {"sha256": SHA}},
        "FinishDownload",
    ),
    (
        "POST",
        "/v1/contracts/{contract_id}/downloads",
        Access.PERSON,
        "/v1/contracts/c-1/downloads",
        {},
        "StartDownload",
    ),
    ("GET", "/v1/contracts/{contract_id}/evidence", Access.PERSON, "/v1/contracts/c-1/evidence", {}, "GetEvidence"),
    (
        "GET",
        "/v1/contracts/{contract_id}/evidence/package",
        Access.PERSON,
        "/v1/contracts/c-1/evidence/package",
        {},
        "GetEvidence",
    ),
    (
        "POST",
        "/v1/contracts/{contract_id}/verifications",
        Access.PERSON,
        "/v1/contracts/c-1/verifications",
        {},
        "StartSigning",
    ),
    ("GET", "/v1/verifications/{verification_id}", Access.PERSON, "/v1/verifications/v-1", {}, "GetVerification"),
    (
        "POST",
        "/v1/verifications/{verification_id}/codes",
        Access.PERSON,
        "/v1/verifications/v-1/codes",
        {},
        "SendVerificationCode",
    ),
    (
        "POST",
        "/v1/verifications/{verification_id}/code",
        Access.PERSON,
        "/v1/verifications/v-1/code",
        {"json": {"code": "123456"}},
        "ConfirmVerificationCode",
    ),
    (
        "POST",
        "/v1/verifications/{verification_id}/face",
        Access.PERSON,
        "/v1/verifications/v-1/face",
        {"json": FACE},
        "StartFaceCheck",
    ),
    (
        "POST",
        "/v1/verifications/{verification_id}/face/{face_check_id}/result",
        Access.PERSON,
        "/v1/verifications/v-1/face/f-1/result",
        {},
        "CompleteFaceCheck",
    ),
    (
        "POST",
        "/v1/seals/handwritten",
        Access.PERSON,
        "/v1/seals/handwritten",
        {"content": b"\x89PNG", "headers": {"content-type": "image/png"}},
        "CreateHandwrittenSignature",
    ),
    ("GET", "/v1/seals", Access.PERSON, "/v1/seals", {}, "ListSeals"),
    ("POST", "/v1/seals/name", Access.PERSON, "/v1/seals/name", {}, "CreateNameSeal"),
    ("GET", "/v1/seals/{seal_id}/image", Access.PERSON, "/v1/seals/s-1/image", {}, "GetSealImage"),
    (
        "POST",
        "/v1/contracts/{contract_id}/signatures",
        Access.PERSON,
        "/v1/contracts/c-1/signatures",
        {"json": SIGNATURE},
        "ConfirmSigning",
    ),
    (
        "POST",
        "/v1/public/validations",
        Access.PUBLIC,
        "/v1/public/validations",
        {"content": b"%PDF-1.7"},
        "ValidateDocument",
    ),
    (
        "POST",
        "/v1/public/validations/reports",
        Access.PUBLIC,
        "/v1/public/validations/reports",
        {"content": b"%PDF-1.7"},
        "PrintValidationReport",
    ),
    (
        "POST",
        "/v1/public/evidence/{number}/checks",
        Access.PUBLIC,
        f"/v1/public/evidence/{SHA}/checks",
        {"json": {"text_hash": "q6urq6urq6s="}},
        "CheckEvidence",
    ),
    ("GET", "/v1/public/support", Access.PUBLIC, "/v1/public/support", {}, ""),
    ("GET", "/v1/public/trust-roots", Access.PUBLIC, "/v1/public/trust-roots", {}, "GetTrustRoots"),
    ("GET", "/v1/public/log/checkpoint", Access.PUBLIC, "/v1/public/log/checkpoint", {}, "GetCheckpoint"),
    ("GET", "/v1/public/log/tile/{path:path}", Access.PUBLIC, "/v1/public/log/tile/0/x001/234", {}, "GetTile"),
    ("POST", "/v1/captchas", Access.PUBLIC, "/v1/captchas", {}, "CreateCaptcha"),
    (
        "POST",
        "/v1/login/enterprise",
        Access.PUBLIC,
        "/v1/login/enterprise",
        {"json": {"phone": "13800005678", "code": "123456"}},
        "StartEnterpriseLogin",
    ),
    (
        "POST",
        "/v1/login/enterprise/company",
        Access.PUBLIC,
        "/v1/login/enterprise/company",
        {"json": {"ticket": "t-1", "organisation_id": "o-1"}},
        "FinishEnterpriseLogin",
    ),
    ("GET", "/v1/sessions", Access.PERSON, "/v1/sessions", {}, "ListSessions"),
    ("DELETE", "/v1/sessions", Access.PERSON, "/v1/sessions", {}, "RevokeSessions"),
    ("DELETE", "/v1/sessions/{session_id}", Access.PERSON, "/v1/sessions/session-2", {}, "RevokeSessions"),
    ("GET", "/v1/me/export", Access.PERSON, "/v1/me/export", {}, "ExportPersonalData"),
    (
        "POST",
        "/v1/consents/terms",
        Access.PERSON,
        "/v1/consents/terms",
        {"json": {"version": "1", "sha256": SHA}},
        "GiveConsent",
    ),
    ("GET", "/v1/consents/{kind}", Access.PUBLIC, "/v1/consents/biometric", {}, "GetConsentText"),
    (
        "GET",
        "/v1/verifications/{verification_id}/face-channels",
        Access.PERSON,
        "/v1/verifications/v-1/face-channels",
        {},
        "ListFaceChannels",
    ),
    (
        "GET",
        "/v1/verifications/{verification_id}/events",
        Access.PERSON,
        "/v1/verifications/v-1/events",
        {},
        "WatchVerification",
    ),
    ("POST", "/v1/face-relays/{token}/open", Access.PUBLIC, f"/v1/face-relays/{RELAY}/open", {}, "OpenFaceRelay"),
    (
        "POST",
        "/v1/face-relays/{token}/frames",
        Access.PUBLIC,
        f"/v1/face-relays/{RELAY}/frames",
        {"data": {"nonce": "n-1", "at_ms": "0"}, "files": {"frames": ("0.jpg", b"\xff\xd8", "image/jpeg")}},
        "SubmitFaceFrames",
    ),
    ("POST", "/v1/face-relays/{token}/result", Access.PUBLIC, f"/v1/face-relays/{RELAY}/result", {}, "FinishFaceRelay"),
    (
        "POST",
        "/sso/procurement",
        Access.PLATFORM,
        "/sso/procurement",
        {"data": {"token": "signed"}, "headers": {"origin": PROCUREMENT}},
        "RedeemSignOn",
    ),
    ("GET", "/{path:site}", Access.PUBLIC, "/contracts/c-1", {}, ""),
]
ROUTES = pytest.mark.parametrize(
    ("method", "route", "access", "path", "request_", "asks"), TABLE, ids=[f"{m} {r}" for m, r, *_ in TABLE]
)
UNSAFE = pytest.mark.parametrize(
    ("method", "route", "access", "path", "request_", "asks"),
    [row for row in TABLE if row[0] != "GET" and row[2] is not Access.PLATFORM],
    ids=[f"{m} {r}" for m, r, access, *_ in TABLE if m != "GET" and access is not Access.PLATFORM],
)


def prepare(site: Site) -> None:
    """The state in which every request of the table succeeds, and ends."""
    site.doubles.updates.put_nowait(None)
    site.doubles.claims[RELAY] = ""


def test_the_table_names_every_route_and_its_access() -> None:
    routes = [route for route in all_routes() if isinstance(route, APIRoute)]
    assert len(routes) == len(all_routes())
    stated = {
        (method, route.path): rule_of(route).access
        for route in routes
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert stated == {(method, route): access for method, route, access, *_ in TABLE}


async def test_a_route_without_access_or_with_two_stops_the_start(site: Site) -> None:
    async def endpoint() -> None: ...

    bare = APIRoute("/v1/open", endpoint)
    torn = APIRoute("/v1/torn", endpoint, dependencies=[public(), person()])
    for route in (bare, torn):
        with pytest.raises(RuntimeError, match=route.path):
            create_app(site.gateway, [*all_routes(), route])


async def test_every_operation_describes_its_access_and_its_errors(site: Site) -> None:
    schema = describe(create_app(site.gateway, all_routes()))
    operations = {
        (method.upper(), path): operation
        for path, item in schema["paths"].items()
        for method, operation in item.items()
    }
    for method, route, access, *_ in TABLE:
        if route in ("/healthz", "/v1/openapi.json", "/{path:site}"):
            continue
        operation = operations[method, route.replace(":path", "")]
        assert operation["x-access"] == access.value
        assert bool(operation.get("security")) is (access is Access.PERSON)
        assert operation["description"]
        errors = {status for status in operation["responses"] if int(status) >= 400}
        signs_in = route.startswith("/v1/login") or access is Access.PLATFORM
        assert ("401" in errors) is (access is Access.PERSON) or signs_in
        assert ("403" in errors) is (method != "GET")
        for status in errors:
            rendered = "text/html" if access is Access.PLATFORM else "application/problem+json"
            assert list(operation["responses"][status]["content"]) == [rendered]


@ROUTES
async def test_success(
    site: Site, method: str, route: str, access: Access, path: str, request_: dict[str, Any], asks: str
) -> None:
    prepare(site)
    async with objects(holding(b"content of an object")) as url, site.client() as client:
        site.doubles.file = presigned(url, 20)
        answer = await client.request(method, path, **request_)
    assert answer.is_success, answer.text
    if asks:
        assert len(site.doubles.asked(asks)) == 1
    if access is Access.PERSON and asks != "Authenticate":
        assert set(site.doubles.acting) == {PERSON_ID}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    if access is Access.PERSON and "/pages/" not in path and not path.endswith("/image"):
        assert answer.headers["cache-control"] == "no-store"


@ROUTES
async def test_without_a_session(
    site: Site, method: str, route: str, access: Access, path: str, request_: dict[str, Any], asks: str
) -> None:
    prepare(site)
    async with site.client(session="") as client:
        answer = await client.request(method, path, **request_)
    if access is not Access.PERSON:
        assert answer.is_success
    else:
        assert (answer.status_code, answer.json()["code"]) == (401, "SESSION_MISSING")
        assert site.doubles.calls == []


@ROUTES
async def test_with_a_session_that_is_not_one(
    site: Site, method: str, route: str, access: Access, path: str, request_: dict[str, Any], asks: str
) -> None:
    async with site.client(session="forged") as client:
        answer = await client.request(method, path, **request_)
    if access is Access.PERSON:
        assert (answer.status_code, answer.json()["code"]) == (401, "SESSION_INVALID")
        assert [name for name, _ in site.doubles.calls] == ["Authenticate"]


@UNSAFE
async def test_cross_site_requests_are_refused(
    site: Site, method: str, route: str, access: Access, path: str, request_: dict[str, Any], asks: str
) -> None:
    own = {"x-requested-with": "esign"}
    forgeries: list[dict[str, str]] = [
        {},
        {"x-requested-with": "XMLHttpRequest"},
        own | {"origin": "https://evil.example"},
        own | {"origin": "null"},
        own | {"sec-fetch-site": "cross-site"},
        own | {"sec-fetch-site": "same-site"},
    ]
    async with site.client(header=False) as client:
        for headers in forgeries:
            answer = await client.request(
                method, path, **{**request_, "headers": request_.get("headers", {}) | headers}
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "CROSS_SITE_REQUEST"), headers
        assert site.doubles.calls == []


async def test_a_page_of_the_site_may(site: Site) -> None:
    async with site.client() as client:
        answer = await client.post("/v1/logout", headers={"origin": site.url, "sec-fetch-site": "same-origin"})
    assert answer.status_code == 204


async def test_login_sets_a_cookie_that_scripts_and_other_sites_cannot_use(pki: Pki) -> None:
    body = {"phone": "13800005678", "code": "123456"}
    async with running(pki) as site, site.client(session="") as client:
        answer = await client.post("/v1/login", json=body)
        cookie = answer.headers["set-cookie"].lower()
        assert cookie.startswith(f"esign_session={TOKEN};")
        assert {"httponly", "samesite=strict", "path=/"} <= set(cookie.split("; "))
        assert "secure" not in cookie
        assert TOKEN not in answer.text
        assert answer.json()["person"]["masked_phone"] == "138****5678"
        login = site.doubles.asked("Login")[0]
        assert (login.phone, login.code, login.client_address) == ("13800005678", "123456", "127.0.0.1")

    async with running(pki, environment="production") as site, site.client(session="") as client:
        answer = await client.post("/v1/login", json=body)
        cookie = answer.headers["set-cookie"].lower()
        assert cookie.startswith(f"__host-esign_session={TOKEN};")
        assert {"secure", "httponly", "samesite=strict", "path=/"} <= set(cookie.split("; "))
        assert "max-age" in answer.headers["strict-transport-security"]


async def test_logout_ends_the_session_and_drops_the_cookie(site: Site) -> None:
    async with site.client() as client:
        answer = await client.post("/v1/logout")
    assert site.doubles.asked("Logout")[0].session_token == TOKEN
    assert 'esign_session=""' in answer.headers["set-cookie"]
    assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_requests_reach_the_services_as_they_were_made(site: Site) -> None:
    async with site.client() as client:
        await client.get("/v1/contracts?list=signed&page=3&size=50")
        await client.post("/v1/contracts/c-1/signatures", json=SIGNATURE)
        await client.post("/v1/verifications/v-1/face", json=FACE)
    listing = site.doubles.asked("ListContracts")[0]
    assert (listing.list, listing.page.page, listing.page.size) == (2, 3, 50)
    signing = site.doubles.asked("ConfirmSigning")[0]
    assert signing.placement == common_pb2.Placement(page=12, x1=1000, y1=2000, x2=3000, y2=4000)
    assert (signing.verification_id, signing.document_sha256, signing.seal_id) == ("v-1", SHA, "s-1")
    assert site.doubles.asked("StartFaceCheck")[0].channel == 1


async def test_answers_keep_times_money_and_absence_apart(site: Site) -> None:
    async with site.client() as client:
        body = (await client.get("/v1/contracts/c-1")).json()
    assert body["created_at"] == "2026-11-23T08:30:00.250000Z"
    assert body["completed_at"] is None
    assert body["waiting_for"] is None
    assert body["amount"] == {"currency": "CNY", "amount": "12800.00"}
    assert body["state"] == "waiting"
    assert [(p["kind"], p["state"], p["person_id"]) for p in body["parties"]] == [
        ("person", "waiting", PERSON_ID),
        ("organisation", "queued", None),
    ]
    assert body["parties"][1]["placement"] == PLACEMENT
    assert body["suggested_places"] == [{"page": 12, "x1": 5000, "y1": 6000, "x2": 7000, "y2": 8000}]


async def test_health_names_the_services_that_cannot_be_reached(pki: Pki, site: Site) -> None:
    async with site.client(session="") as client:
        assert (await client.get("/healthz")).json() == {"ready": True, "unreachable": []}
    peers = dict.fromkeys(("identity", "contract", "signer", "evidence"), "127.0.0.1:1")
    async with running(pki, peers=peers) as lonely, lonely.client(session="") as client:
        answer = await client.get("/healthz")
        assert answer.status_code == 503
        assert answer.json() == {"ready": False, "unreachable": ["identity", "contract", "signer", "evidence"]}


async def test_a_service_that_is_away_is_said_so(site: Site) -> None:
    site.doubles.failures["GetContract"] = [Unavailable("SERVICE_UNAVAILABLE", zh="服务暂时不可用", en="Away")]
    async with site.client() as client:
        answer = await client.get("/v1/contracts/c-1")
    assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
