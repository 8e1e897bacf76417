"""The procurement platform against identity's interface: a double of its service behind real mTLS and access rules."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from esign.identity.v1 import identity_pb2, identity_pb2_grpc
from esign_kit.context import caller
from esign_kit.errors import Forbidden, InvalidInput
from esign_kit.grpc_server import ActorTokens, GrpcServer
from esign_kit.testing import TRUST_DOMAIN, Pki
from esign_sandbox.procurement import example

from .conftest import CREDENTIALS, HTTP, Running, free_port

DEADLINE = 1.5
GATEWAY = "http://127.0.0.1:8"
COMPANY = "示例晨光建筑装饰有限公司"
WEI = {"name": "韦样例", "phone": "13800138000", "id_number": "11010519491231002X", "email": "wei@example.cn"}
LIN = {"name": "林示范", "phone": "13900139000", "id_number": "110105198801010035", "email": ""}
ABROAD = InvalidInput("FOREIGN_COMPANY", zh="境外注册的单位请走纸质盖章流程", en="Use the paper process")
Answer = identity_pb2.RegisterSignerResponse


@dataclass
class Identity(identity_pb2_grpc.IntegrationServiceServicer):
    """Knows people by their ID number; does what a test tells it to before it answers."""

    asked: list[tuple[str, float, Any]] = field(default_factory=list)
    refuse: Exception | None = None
    pause: float = 0

    async def RegisterSigner(self, request: Any, context: Any) -> Answer:
        return await self._answer(request, context)

    async def ChangeSigner(self, request: Any, context: Any) -> Answer:
        return await self._answer(request, context)

    async def _answer(self, request: Any, context: Any) -> Answer:
        self.asked.append((caller(), context.time_remaining(), request))
        await asyncio.sleep(self.pause)
        if self.refuse is not None:
            raise self.refuse
        return Answer(organisation_id="org-1", person_id=f"person-{request.signer.id_number[-4:]}")


@asynccontextmanager
async def serving(identity: Identity, pki: Pki, port: int) -> AsyncIterator[None]:
    actors = ActorTokens(pki.actor_public_key_file.read_bytes())
    server = GrpcServer(f"127.0.0.1:{port}", pki.tls("identity"), actors, TRUST_DOMAIN)
    server.add(identity_pb2_grpc.add_IntegrationServiceServicer_to_server, identity)
    await server.start()
    try:
        yield
    finally:
        await server.stop(0)


@dataclass
class World:
    """A sandbox with the procurement platform, the key it signs with, and identity, served on `port` while a test wants."""

    running: Running
    key: Ed25519PrivateKey
    pki: Pki
    port: int
    identity: Identity = field(default_factory=Identity)
    code: str = field(default_factory=lambda: example.supplier()["unified_social_credit_code"])
    """The company's of the present test."""

    @property
    def company(self) -> dict[str, str]:
        return {"name": COMPANY, "unified_social_credit_code": self.code}

    @property
    def form(self) -> dict[str, str]:
        return {**self.company, "country": "HK", **{f"signer_{name}": value for name, value in WEI.items()}}

    async def recorded(self) -> list[dict[str, Any]]:
        """The suppliers with the present test's code."""
        found = (await self.ask("GET", "/api/suppliers")).json()
        return [supplier for supplier in found if supplier["unified_social_credit_code"] == self.code]

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        url = f"{self.running.url}/procurement{path}"
        return await asyncio.to_thread(lambda: HTTP.request(method, url, **more))

    async def add(self, signer: dict[str, str] = WEI, **company: str) -> httpx.Response:
        return await self.ask("POST", "/api/suppliers", json={**self.company, **company, "signer": signer})

    def claims(self, token: str) -> dict[str, Any]:
        found: dict[str, Any] = jwt.decode(token, self.key.public_key(), algorithms=["EdDSA"], audience="esign")
        return found

    def online(self) -> Any:
        return serving(self.identity, self.pki, self.port)


def private_pem(key: Any) -> str:
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


def make_world(directory: Path, pki: Pki) -> World:
    key, port = Ed25519PrivateKey.generate(), free_port()
    (directory / "sign-on.key").write_text(private_pem(key))
    tls = pki.tls("procurement")
    platform = {
        "gateway_url": GATEWAY,
        "identity": {
            "address": f"127.0.0.1:{port}",
            "server_name": "identity.esign.internal",
            "ca_file": str(tls.ca_file),
            "cert_file": str(tls.cert_file),
            "key_file": str(tls.key_file.path),
            "deadline_seconds": DEADLINE,
        },
        "sign_on": {"key_file": str(directory / "sign-on.key"), "key_id": "key-1"},
    }
    running = Running(directory, accounts=CREDENTIALS | {"procurement": platform})
    return World(running, key, pki, port)


@pytest.fixture(scope="module")
async def shared_world(tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> AsyncIterator[World]:
    made = make_world(tmp_path_factory.mktemp("procurement"), pki)
    await asyncio.to_thread(made.running.start)
    async with made.online():
        yield made
    await asyncio.to_thread(made.running.stop)


@pytest.fixture
def world(shared_world: World) -> World:
    """The module's sandbox, a company of the test's own, and an identity that has heard nothing."""
    shared_world.code = example.supplier()["unified_social_credit_code"]
    shared_world.identity.asked, shared_world.identity.refuse = [], None
    return shared_world


@pytest.fixture
def own_world(tmp_path: Path, pki: Pki) -> Iterator[World]:
    """One whose sandbox the test starts by itself, once it has changed what it wants; identity is away."""
    made = make_world(tmp_path, pki)
    yield made
    if made.running.process is not None and made.running.process.poll() is None:
        made.running.stop()


async def test_a_supplier_is_registered_with_its_signer(world: World) -> None:
    added = await world.add(unified_social_credit_code=world.code.lower())
    assert added.status_code == 201
    ((who, left, request),) = world.identity.asked
    assert who == "procurement"
    assert 0 < left <= DEADLINE
    assert (request.organisation_name, request.unified_social_credit_code, request.country) == (
        COMPANY,
        world.code,
        "CN",
    )
    signer = request.signer
    assert {name: getattr(signer, name) for name in WEI} == WEI
    assert signer.id_document_type == identity_pb2.ID_DOCUMENT_TYPE_RESIDENT_ID

    supplier = added.json()
    assert supplier["signer"]["person_id"] == "person-002X"
    assert (supplier["certificate_first_day"], supplier["certificate_last_day"]) == (None, None)
    assert await world.recorded() == [supplier]
    page = (await world.ask("GET", f"/suppliers/{supplier['id']}")).text
    assert page.count("未办理") == 2
    assert all(text in page for text in ("韦样例", "13800138000", "wei@example.cn", "居民身份证", "1101**********002X"))
    assert WEI["id_number"] not in page
    index = (await world.ask("GET", "", params={"q": world.code[-8:]})).text
    assert supplier["id"] in index
    assert "没有符合" in (await world.ask("GET", "", params={"q": "远山"})).text


async def test_the_same_company_is_not_added_twice(world: World) -> None:
    await world.add()
    again = await world.add(LIN)
    assert (again.status_code, again.json()["code"]) == (409, "SUPPLIER_EXISTS")
    assert len(world.identity.asked) == 1


async def test_a_changed_signer_is_the_one_from_then_on(world: World) -> None:
    supplier = (await world.add()).json()
    path = f"/suppliers/{supplier['id']}"
    before = (await world.ask("POST", f"/api{path}/sign-on")).json()
    for _ in range(2):  # the same change again changes nothing
        changed = await world.ask("POST", f"/api{path}/signer", json=LIN)
        assert changed.status_code == 200, changed.text
        assert changed.json()["signer"]["person_id"] == "person-0035"
    who, _, request = world.identity.asked[-1]
    assert (who, request.unified_social_credit_code, request.signer.name) == ("procurement", world.code, "林示范")
    after = (await world.ask("POST", f"/api{path}/sign-on")).json()
    assert [world.claims(answer["token"])["sub"] for answer in (before, after)] == ["person-002X", "person-0035"]

    world.running.stop(signal.SIGKILL)
    await asyncio.to_thread(world.running.start)
    assert (await world.ask("GET", f"/api{path}")).json() == changed.json()
    page = (await world.ask("GET", path)).text
    assert "原签章人" in page
    assert page.count("韦样例") == 1


async def test_the_token_says_who_and_is_short_lived_and_fresh(world: World) -> None:
    supplier = (await world.add()).json()
    answers = [(await world.ask("POST", f"/api/suppliers/{supplier['id']}/sign-on")).json() for _ in range(2)]
    assert answers[0]["action_url"] == f"{GATEWAY}/sso/procurement"
    token = answers[0]["token"]
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "esign-sso+jwt", "kid": "key-1"}
    claims = world.claims(token)
    assert claims.keys() == {"iss", "aud", "sub", "org", "iat", "exp", "jti"}
    assert (claims["iss"], claims["sub"], claims["org"]) == ("procurement", "person-002X", world.code)
    assert abs(claims["iat"] - time.time()) < 5
    assert 0 < claims["exp"] - claims["iat"] <= 120
    assert world.claims(answers[1]["token"])["jti"] != claims["jti"]


async def test_the_page_s_button_goes_to_the_gateway_and_says_from_where(world: World) -> None:
    supplier = (await world.add()).json()
    page = await world.ask("GET", f"/suppliers/{supplier['id']}")
    assert f'action="{GATEWAY}/sso/procurement"' in page.text
    assert "去签章平台申请电子签章" in page.text
    assert page.headers["content-security-policy"].endswith(f"form-action 'self' {GATEWAY}")
    # With `no-referrer` browsers would say `Origin: null`.
    assert page.headers["referrer-policy"] == "strict-origin"


async def test_the_pages_add_and_change(world: World) -> None:
    added = await world.ask("POST", "/suppliers", data={**world.form, "country": "CN", "signer_id_type": "other"})
    assert added.status_code == 303
    assert world.identity.asked[-1][2].signer.id_document_type == identity_pb2.ID_DOCUMENT_TYPE_OTHER
    path = added.headers["location"].removeprefix("/procurement").split("?")[0]
    page = await world.ask("GET", path, params={"done": "added"})
    assert "供应商已登记" in page.text
    assert "其他证件" in page.text
    changed = await world.ask("POST", f"{path}/signer", data={f"signer_{name}": value for name, value in LIN.items()})
    assert changed.status_code == 303
    assert "林示范" in (await world.ask("GET", path)).text


async def test_what_identity_refuses_is_said_in_chinese_and_not_recorded(world: World) -> None:
    world.identity.refuse = ABROAD
    page = await world.ask("POST", "/suppliers", data=world.form)
    assert page.status_code == 400
    assert ABROAD.zh in page.text
    assert "FOREIGN_COMPANY" in page.text
    assert 'value="韦样例"' in page.text
    assert '<option value="HK" selected>' in page.text
    answer = await world.add(country="HK")
    assert (answer.status_code, answer.json()) == (400, {"code": "FOREIGN_COMPANY", "message": ABROAD.zh})
    assert await world.recorded() == []

    world.identity.refuse = None
    supplier = (await world.add()).json()
    world.identity.refuse = Forbidden("NOT_REGISTERED_BY_CALLER", zh="不是由本系统登记的单位", en="Not yours")
    refused = await world.ask("POST", f"/api/suppliers/{supplier['id']}/signer", json=LIN)
    assert (refused.status_code, refused.json()["code"]) == (403, "NOT_REGISTERED_BY_CALLER")
    page = await world.ask("POST", f"/suppliers/{supplier['id']}/signer", data={"signer_name": "只有姓名"})
    assert "请检查：手机、证件号码" in page.text
    assert (await world.ask("GET", f"/api/suppliers/{supplier['id']}")).json() == supplier


async def test_an_unexpected_failure_of_identity_tells_nothing_of_it(world: World) -> None:
    world.identity.refuse = RuntimeError("a secret detail")
    answer = await world.add()
    assert answer.status_code == 502
    assert "secret" not in answer.text


async def test_wrong_fields_and_unknown_suppliers(world: World) -> None:
    for body in (
        {},
        {**world.company, "signer": {"name": "无"}},
        {**world.company, "signer": {**WEI, "id_type": "passport"}},
    ):
        answer = await world.ask("POST", "/api/suppliers", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")
    for method, path in (("GET", ""), ("POST", "/sign-on")):
        answer = await world.ask(method, f"/api/suppliers/none{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "SUPPLIER_NOT_FOUND")
    assert (await world.ask("POST", "/api/suppliers/none/signer", json=LIN)).status_code == 404
    for path in ("/suppliers/none", "/suppliers/none/signer"):
        page = await world.ask("GET", path)
        assert (page.status_code, "没有这家供应商" in page.text) == (404, True)
    assert (await world.ask("POST", "/suppliers/none/signer", data={})).status_code == 404
    assert world.identity.asked == []


async def test_examples_to_fill_in_are_different_people(world: World) -> None:
    first, second = [(await world.ask("GET", "/suppliers/new", params={"filled": "1"})).text for _ in range(2)]
    assert "示例" in first
    assert first != second
    assert "signer_id_number" in (await world.ask("GET", "/suppliers/new")).text


async def test_identity_may_come_later_and_go_again(own_world: World) -> None:
    world = own_world
    await asyncio.to_thread(world.running.start)
    other = example.supplier()["unified_social_credit_code"]
    away = await world.add()
    assert away.status_code in (503, 504)
    assert "签章平台" in away.json()["message"]
    async with world.online():
        assert (await world.add()).status_code == 201
        world.identity.pause = 4
        begun = time.monotonic()
        slow = await world.add(unified_social_credit_code=other)
        assert (slow.status_code, slow.json()["code"]) == (504, "DEADLINE_EXCEEDED")
        assert time.monotonic() - begun < DEADLINE + 1
        world.identity.pause = 0
    assert (await world.add(unified_social_credit_code=other)).status_code in (503, 504)
    async with world.online():
        assert (await world.add(unified_social_credit_code=other)).status_code == 201


async def test_nothing_is_told_to_a_stranger_in_identity_s_place(
    own_world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own_world.pki = Pki(tmp_path_factory.mktemp("stranger"))
    await asyncio.to_thread(own_world.running.start)
    async with own_world.online():
        assert (await own_world.add()).status_code in (503, 504)
    assert own_world.identity.asked == []


async def test_identity_takes_no_one_else_s_certificate(own_world: World, pki: Pki) -> None:
    tls = pki.tls("gateway")
    own_world.running.accounts["procurement"]["identity"] |= {
        "cert_file": str(tls.cert_file),
        "key_file": str(tls.key_file.path),
    }
    await asyncio.to_thread(own_world.running.start)
    async with own_world.online():
        assert (await own_world.add()).status_code == 403
    assert own_world.identity.asked == []


def test_a_key_of_another_kind_stops_the_start(own_world: World) -> None:
    key_file = Path(own_world.running.accounts["procurement"]["sign_on"]["key_file"])
    key_file.write_text(private_pem(generate_private_key(65537, 2048)))
    with pytest.raises(httpx.TransportError):
        own_world.running.start()
    assert own_world.running.process is not None
    assert own_world.running.process.wait(5) == 2


def test_without_the_part_it_is_not_served(sandbox: Running) -> None:
    assert HTTP.get(f"{sandbox.url}/procurement").status_code == 404
    home = HTTP.get(sandbox.url)
    assert 'href="/mailbox"' in home.text
    assert "/procurement" not in home.text


def test_grpc_is_loaded_when_it_is_first_used() -> None:
    check = "import json, sys, esign_sandbox.app; print(json.dumps([m for m in ('grpc', 'google.protobuf') if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(done.stdout) == []
