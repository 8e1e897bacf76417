"""Activations of people: bound facts, one per verification, refusals on record, the certificate's subject."""

import asyncio
import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from esign.common.v1 import common_pb2
from esign.identity.v1 import identity_pb2 as pb
from esign_identity.main import MIGRATIONS, build
from esign_identity.settings import IdentitySettings
from esign_kit.errors import Conflict, EsignError, Forbidden, InvalidInput, NotFound
from esign_kit.testing import Platform
from identity_world import SEAL_SHA, SHA, World, known, moment, read, reason_of

USCC = "91110000600037341L"
PLACE = common_pb2.Placement(page=12, x1=300000, y1=10000, x2=420000, y2=70000)


async def test_a_statement_binds_every_fact(world: World) -> None:
    who, person = await known(world)
    verification = await world.passed(who, person, "bind")
    issued = await world.issue(person, verification, "bind")
    header, claims = read(world, issued.statement)
    raw = world.platform.pki.activation_key.public_key().public_bytes_raw()
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    jwk = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"))
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(jwk.encode()).digest()).rstrip(b"=").decode()
    assert header == {"alg": "EdDSA", "typ": "esign-activation+jwt", "kid": thumbprint}
    face = (await world.events("VerificationFacePassed", verification_id=verification))[0]
    sms = (await world.events("VerificationSmsPassed", verification_id=verification))[0]
    assert claims.pop("exp") - claims["iat"] == 300
    assert claims.pop("iat") == claims.pop("nbf")
    assert claims == {
        "iss": "identity",
        "aud": ["signer", "ca-broker"],
        "jti": issued.activation_id,
        "kind": "PERSON",
        "person_id": person,
        "contract_id": "bind",
        "party_id": "tenant",
        "document_sha256": SHA,
        "seal_id": "seal-1",
        "seal_sha256": SEAL_SHA,
        "page": 12,
        "rect": [300000, 100000, 420000, 160000],
        "reason": "签署租赁合同",
        "receipts": {"sms": sms.receipt, "face": face.receipt_sha256},
    }
    assert timedelta(minutes=4, seconds=50) < moment(issued.expires_at) - world.clock() <= timedelta(minutes=5)
    assert (await world.get(person, verification)).state == pb.VERIFICATION_STATE_CONSUMED
    [event] = await world.events("ActivationIssued", activation_id=issued.activation_id)
    assert event.statement == issued.statement
    assert event.statement_sha256 == hashlib.sha256(issued.statement.encode()).hexdigest()
    assert (event.contract_id, event.person_id, event.policy_id) == ("bind", person, "")
    altered = issued.statement.replace(issued.statement.split(".")[1][:8], issued.statement.split(".")[1][:7] + "A")
    with pytest.raises(jwt.InvalidTokenError):
        read(world, altered)


async def test_the_same_request_gets_the_same_statement(world: World) -> None:
    who, person = await known(world)
    verification = await world.passed(who, person, "same")
    first = await world.issue(person, verification, "same")
    world.clock.advance(minutes=20)
    assert await world.issue(person, verification, "same") == first
    for changes in (
        {"document_sha256": "c" * 64},
        {"seal_id": "seal-2"},
        {"seal_sha256": "c" * 64},
        {"party_id": "guarantor"},
        {"reason": "其他"},
        {"placement": PLACE},
        {"contract_id": "other"},
    ):
        refused = world.issue(person, verification, **{"contract_id": "same"} | changes)
        assert await reason_of(refused) == "VERIFICATION_CONSUMED"
    assert len(await world.events("ActivationIssued", person_id=person)) == 1
    refusals = await world.events("ActivationRefused", person_id=person)
    assert [event.reason for event in refusals] == ["VERIFICATION_CONSUMED"] * 7


async def test_many_at_once_make_one_activation(world: World) -> None:
    who, person = await known(world)
    verification = await world.passed(who, person, "race")
    same = await asyncio.gather(*(world.issue(person, verification, "race") for _ in range(8)))
    assert len({answer.statement for answer in same}) == 1
    verification = await world.passed(who, person, "race2")
    different = await asyncio.gather(
        *(world.issue(person, verification, "race2", seal_id=f"seal-{n}") for n in range(8)), return_exceptions=True
    )
    assert sum(isinstance(answer, pb.IssueActivationResponse) for answer in different) == 1
    assert [e.reason for e in different if isinstance(e, EsignError)] == ["VERIFICATION_CONSUMED"] * 7
    rows = await world.rows("SELECT count(*) AS n FROM activation WHERE person_id = :id", id=person)
    assert rows[0].n == 2
    assert len(await world.events("ActivationIssued", person_id=person)) == 2


async def test_two_processes_at_once_make_one_activation(
    platform: Platform, settings: IdentitySettings, world: World
) -> None:
    who, person = await known(world)
    verification = await world.passed(who, person, "replicas")
    async with platform.service(settings, build, migrations=MIGRATIONS, clock=world.clock) as running:
        other = World(running, world.notifier, world.tencent, world.clock, platform, world.captchas)
        answers = await asyncio.gather(*(w.issue(person, verification, "replicas") for w in (world, other) * 4))
    assert len({answer.statement for answer in answers}) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"contract_id": "elsewhere"}, "VERIFICATION_OTHER_CONTRACT"),
        ({"party_id": "guarantor"}, "VERIFICATION_OTHER_PARTY"),
        ({"document_sha256": "c" * 64}, "VERIFICATION_OTHER_DOCUMENT"),
        ({"verification_id": "never was"}, "VERIFICATION_NOT_FOUND"),
    ],
)
async def test_wrong_facts_are_refused_and_on_record(world: World, changes: dict[str, Any], reason: str) -> None:
    who, person = await known(world)
    contract = f"facts {reason}"
    verification = await world.passed(who, person, contract)
    wanted = {"verification_id": verification, "contract_id": contract} | changes
    assert await reason_of(world.issue(person, **wanted)) == reason
    [event] = await world.events("ActivationRefused", person_id=person)
    assert (event.reason, event.contract_id) == (reason, wanted["contract_id"])
    assert event.document_sha256 == wanted.get("document_sha256", SHA)
    assert (await world.get(person, verification)).state == pb.VERIFICATION_STATE_PASSED
    await world.issue(person, verification, contract)


async def test_another_persons_verification_is_not_there(world: World) -> None:
    who, owner = await known(world)
    _, thief = await known(world, "李四")
    verification = await world.passed(who, owner, "theirs")
    with pytest.raises(NotFound, match="VERIFICATION_NOT_FOUND"):
        await world.issue(thief, verification, "theirs")
    assert [e.reason for e in await world.events("ActivationRefused", person_id=thief)] == ["VERIFICATION_NOT_FOUND"]
    await world.issue(owner, verification, "theirs")
    with pytest.raises(NotFound):
        await world.issue(thief, verification, "theirs")


async def test_a_verification_must_have_passed_and_be_fresh(world: World) -> None:
    who, person = await known(world)
    opened = await world.start(person, "not yet")
    assert await reason_of(world.issue(person, opened.verification_id, "not yet")) == "VERIFICATION_AWAITS_SMS"
    pending = await world.face_pending(who, person, "half")
    assert await reason_of(world.issue(person, pending, "half")) == "VERIFICATION_AWAITS_FACE"
    stale = await world.passed(who, person, "stale")
    world.clock.advance(minutes=15)
    assert await reason_of(world.issue(person, stale, "stale")) == "VERIFICATION_EXPIRED"
    reasons = [event.reason for event in await world.events("ActivationRefused", person_id=person)]
    assert reasons == ["VERIFICATION_AWAITS_SMS", "VERIFICATION_AWAITS_FACE", "VERIFICATION_EXPIRED"]


async def test_malformed_facts(world: World) -> None:
    who, person = await known(world)
    verification = await world.passed(who, person, "malformed")
    for changes in (
        {"document_sha256": "x"},
        {"seal_sha256": ""},
        {"seal_id": ""},
        {"placement": common_pb2.Placement()},
        {"reason": "x" * 201},
    ):
        with pytest.raises(InvalidInput, match="ACTIVATION_FACTS_INVALID"):
            await world.issue(person, verification, "malformed", **changes)
    assert (await world.get(person, verification)).state == pb.VERIFICATION_STATE_PASSED


async def test_certificate_subject(world: World) -> None:
    who, person = await known(world)
    issued = await world.issue(person, await world.passed(who, person, "cert"), "cert")
    broker = world.internal("ca-broker")
    request = pb.GetCertificateSubjectRequest(activation_id=issued.activation_id)
    for _ in range(2):
        subject = await broker.GetCertificateSubject(request)
    assert (subject.person_id, subject.name, subject.id_number) == (person, who.name, who.id_number)
    rows = await world.rows("SELECT person_id FROM disclosure WHERE reference = :id", id=issued.activation_id)
    assert [row.person_id for row in rows] == [person]
    for caller in ("contract", "signer", "gateway", "notifier"):
        with pytest.raises(Forbidden):
            await world.internal(caller).GetCertificateSubject(request)
    with pytest.raises(NotFound, match="ACTIVATION_NOT_FOUND"):
        await broker.GetCertificateSubject(pb.GetCertificateSubjectRequest(activation_id="never"))
    world.clock.advance(hours=24, seconds=1)
    with pytest.raises(Conflict, match="ACTIVATION_TOO_OLD"):
        await broker.GetCertificateSubject(request)
