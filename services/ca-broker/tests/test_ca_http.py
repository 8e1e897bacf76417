"""The CA over HTTP: the sandbox's, and CAs that answer otherwise."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from cryptography import x509
from esign_ca_broker.adapters.ca_http import MAX_ANSWER, HttpCertificationAuthority
from esign_ca_broker.app.ports import Issued, Pending, Refused
from esign_ca_broker.domain.orders import OrganisationSubject, PersonSubject, Profile
from esign_ca_broker.domain.requests import read_request
from esign_ca_broker.settings import CaSettings
from esign_kit.db import new_id
from esign_kit.engines import free_ports
from esign_kit.errors import Unavailable
from esign_kit.testing import Pki
from pydantic import ValidationError

from .world import COMPANY, Authority, Call, ScriptedCa, World, csr, der, key, pem, person_name

Settings = Callable[..., CaSettings]
PERSON = PersonSubject("p-1", "李样例", "110101199003070038")
REQUEST = read_request(csr(key()))


@asynccontextmanager
async def connected(settings: CaSettings) -> AsyncIterator[HttpCertificationAuthority]:
    ca = HttpCertificationAuthority(settings)
    try:
        yield ca
    finally:
        await ca.close()


@asynccontextmanager
async def scripted(
    make: Settings, respond: Callable[[Call], tuple[int, Any]], **changes: Any
) -> AsyncIterator[tuple[HttpCertificationAuthority, ScriptedCa]]:
    server = ScriptedCa(respond)
    try:
        async with connected(make(base_url=server.url, **changes)) as ca:
            yield ca, server
    finally:
        server.close()


async def test_issue_status_revoke(world: World, ca_settings: Settings) -> None:
    order_no = new_id()
    async with connected(ca_settings()) as ca:
        assert await ca.status(order_no) is None
        first = await ca.submit(order_no, Profile.EVENT, REQUEST, PERSON)
        assert isinstance(first, Issued)
        assert await ca.submit(order_no, Profile.EVENT, REQUEST, PERSON) == first
        assert await ca.status(order_no) == first
        leaf = x509.load_der_x509_certificate(first.leaf)
        assert leaf.subject.rfc4514_string() == "2.5.4.5=p-1,CN=李样例,C=CN"
        await ca.revoke(order_no)
        assert world.order(order_no)["status"] == "revoked"
        assert await ca.submit(order_no, Profile.EVENT, REQUEST, PERSON) == Refused("revoked")
        await ca.revoke("never-placed")


async def test_the_same_order_for_another_key_is_refused(world: World, ca_settings: Settings) -> None:
    order_no = new_id()
    async with connected(ca_settings()) as ca:
        await ca.submit(order_no, Profile.EVENT, REQUEST, PERSON)
        other = read_request(csr(key()))
        assert await ca.submit(order_no, Profile.EVENT, other, PERSON) == Refused("ORDER_CONFLICT")


async def test_what_the_ca_does_not_certify(world: World, ca_settings: Settings) -> None:
    async with connected(ca_settings()) as ca:
        wrong = OrganisationSubject(COMPANY, "91110105MA0123456X")
        assert await ca.submit(new_id(), Profile.ORGANISATION, REQUEST, wrong) == Refused("SUBJECT_INVALID")


async def test_a_ca_that_thinks_first(world: World, ca_settings: Settings) -> None:
    world.ca_fault("pending")
    order_no = new_id()
    async with connected(ca_settings()) as ca:
        assert await ca.submit(order_no, Profile.EVENT, REQUEST, PERSON) == Pending()
        assert await ca.status(order_no) == Pending()
        world.ca_fault("ok")
        assert isinstance(await ca.status(order_no), Issued)


@pytest.mark.parametrize("mode", ["down", "error", "lost"])
async def test_bad_days(world: World, ca_settings: Settings, mode: str) -> None:
    world.ca_fault(mode)
    async with connected(ca_settings()) as ca:
        for call in (
            ca.submit(new_id(), Profile.EVENT, REQUEST, PERSON),
            ca.status(new_id()),
            ca.revoke(new_id()),
        ):
            with pytest.raises(Unavailable) as refused:
                await call
            assert refused.value.reason == "CA_UNAVAILABLE"


async def test_the_deadline(world: World, ca_settings: Settings) -> None:
    world.ca_fault("slow", 3000)
    async with connected(ca_settings(deadline_seconds=0.5)) as ca:
        with pytest.raises(Unavailable) as refused:
            await ca.status(new_id())
    assert refused.value.metadata["cause"] == "TIMEOUT"


async def test_nobody_there(ca_settings: Settings) -> None:
    async with connected(ca_settings(base_url=f"http://127.0.0.1:{free_ports(1)[0]}")) as ca:
        with pytest.raises(Unavailable):
            await ca.status(new_id())


async def test_wrong_credentials_refuse_no_order(world: World, ca_settings: Settings, pki: Pki) -> None:
    order_no = new_id()
    async with connected(ca_settings(client_secret_file=pki.secret("wrong-ca", "wrong"))) as ca:
        with pytest.raises(Unavailable) as refused:
            await ca.submit(order_no, Profile.EVENT, REQUEST, PERSON)
    assert refused.value.metadata["cause"] == "HTTP_401"
    assert world.order(order_no) == {}


async def test_a_hiccup_is_tried_again(ca_settings: Settings) -> None:
    answers = iter([(503, b"away"), (200, {"status": "pending"})])
    async with scripted(ca_settings, lambda call: next(answers)) as (ca, server):
        assert await ca.submit(new_id(), Profile.EVENT, REQUEST, PERSON) == Pending()
    assert len(server.calls) == 2


async def test_a_ca_with_other_names_for_everything(ca_settings: Settings, authority: Authority) -> None:
    leaf = authority.issue(key().public_key(), person_name("李样例", "p-1"))

    def respond(call: Call) -> tuple[int, Any]:
        if call.path == "/chain.cer":
            return 200, der(authority.issuing)
        return 200, {"result": {"state": "DONE", "cert": base64.b64encode(der(leaf)).decode()}}

    changes = {
        "submit_path": "/api/apply",
        "chain_path": "/chain.cer",
        "credential_header": "X-App-Secret",
        "credential_prefix": "",
        "request_fields": {
            "order_no": "data.bizNo",
            "profile": "data.template",
            "request": "data.p10",
            "name": "data.user.name",
            "person_id": "data.user.no",
            "id_number": "data.user.idCard",
        },
        "answer_fields": {"status": "result.state", "certificate": "result.cert", "chain": ""},
        "words": {"issued": ["DONE"]},
        "profiles": {"event": "T-EVENT", "organisation": "T-ORG"},
    }
    async with scripted(ca_settings, respond, **changes) as (ca, server):
        assert await ca.submit("o-1", Profile.EVENT, REQUEST, PERSON) == Issued(der(leaf), ())
        assert list(await ca.chain()) == [der(authority.issuing)]
    call = server.calls[0]
    assert (call.path, call.headers["x-app-secret"]) == ("/api/apply", "a-ca-client-secret")
    sent = call.body["data"]
    assert (sent["bizNo"], sent["template"]) == ("o-1", "T-EVENT")
    assert sent["user"] == {"name": "李样例", "no": "p-1", "idCard": "110101199003070038"}
    assert sent["p10"].startswith("-----BEGIN CERTIFICATE REQUEST-----")


async def test_an_id_number_goes_only_to_a_ca_that_asks(ca_settings: Settings) -> None:
    async with scripted(ca_settings, lambda call: (200, {"status": "pending"})) as (ca, server):
        await ca.submit("o-1", Profile.EVENT, REQUEST, PERSON)
    assert "110101199003070038" not in str(server.calls)


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>"),
        (200, {"status": "thinking"}),
        (200, ["issued"]),
        (200, {}),
        (500, {}),
        (200, b"x" * (MAX_ANSWER + 1)),
        (302, {}),
    ],
)
async def test_answers_that_make_no_sense(ca_settings: Settings, answer: tuple[int, Any]) -> None:
    async with scripted(ca_settings, lambda call: answer) as (ca, _):
        with pytest.raises(Unavailable) as refused:
            await ca.submit(new_id(), Profile.EVENT, REQUEST, PERSON)
    assert refused.value.reason == "CA_UNAVAILABLE"


async def test_what_is_no_certificate_is_left_to_the_check(ca_settings: Settings, authority: Authority) -> None:
    answer = {"status": "issued", "certificate_pem": "no certificate", "chain_pem": pem(authority.issuing)}
    async with scripted(ca_settings, lambda call: (200, answer)) as (ca, _):
        found = await ca.submit(new_id(), Profile.EVENT, REQUEST, PERSON)
    assert found == Issued(b"no certificate", (der(authority.issuing),))


def test_every_profile_needs_a_policy(ca_settings: Settings) -> None:
    with pytest.raises(ValidationError, match="organisation"):
        ca_settings(policies={"event": "1.2.3"})
