"""Registration, and what leaves the service about people."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from esign.identity.v1 import identity_pb2
from esign_kit.errors import Conflict, Forbidden, InvalidInput, NotFound
from identity_world import World, invent


async def test_registration_is_idempotent_by_id_number(world: World) -> None:
    who = invent()
    first = await world.register(who)
    assert await world.register(replace(who, phone=f"+86 {who.phone}", name=f" {who.name} ")) == first
    assert len(await world.events("PersonRegistered", person_id=first)) == 1
    assert (await world.events("PersonRegistered", person_id=first))[0].system == "leasing"


async def test_many_at_once_are_one_person(world: World) -> None:
    who = invent()
    ids = await asyncio.gather(*(world.register(who) for _ in range(8)))
    assert len(set(ids)) == 1
    assert len(await world.events("PersonRegistered", person_id=ids[0])) == 1
    other = invent()
    ids = await asyncio.gather(*(world.register(replace(other, phone=invent().phone)) for _ in range(8)))
    assert len(set(ids)) == 1
    assert len(await world.events("PersonRegistered", person_id=ids[0])) == 1


async def test_new_phone_and_email_replace_the_old(world: World) -> None:
    who = invent()
    person_id = await world.register(who)
    moved = replace(who, phone=invent().phone, email="new@example.com")
    assert await world.register(moved) == person_id
    assert await world.register(replace(moved, email="")) == person_id
    contact = await world.internal("notifier").ResolveContact(
        identity_pb2.ResolveContactRequest(person_id=person_id, message_id="m1")
    )
    assert (contact.name, contact.phone, contact.email) == (who.name, moved.phone, "new@example.com")
    someone_else = replace(invent(), phone=who.phone)
    assert await world.register(someone_else) != person_id


async def test_new_phone_ends_what_rests_on_the_old(world: World) -> None:
    who = invent()
    person_id = await world.register(who)
    await world.request_code(who)
    session = await world.login(who, world.notifier.code(who.phone))
    opened = await world.start(person_id, "moved")
    await world.register(replace(who, phone=invent().phone))
    with pytest.raises(Exception, match="SESSION_EXPIRED"):
        await world.portal.Authenticate(identity_pb2.AuthenticateRequest(session_token=session.session_token))
    found = await world.get(person_id, opened.verification_id)
    assert found.state == identity_pb2.VERIFICATION_STATE_EXPIRED
    assert [e.reason for e in await world.events("VerificationRefused", person_id=person_id)] == ["PHONE_CHANGED"]


async def test_refusals(world: World) -> None:
    who, other = invent(), invent("李四")
    await world.register(who)
    await world.register(other)
    for changed, kind, reason in (
        (replace(who, name="李四"), Conflict, "PERSON_NAME_MISMATCH"),
        (replace(invent("王五"), phone=who.phone), Conflict, "PHONE_IN_USE"),
        (replace(who, phone=other.phone), Conflict, "PHONE_IN_USE"),
        (replace(who, id_number="E12345678"), InvalidInput, "PERSON_NOT_MAINLAND"),
        (replace(who, id_number=who.id_number[:-1] + "?"), InvalidInput, "ID_NUMBER_INVALID"),
        (replace(who, phone="021-58515511"), InvalidInput, "PHONE_INVALID"),
        (replace(who, email="nobody"), InvalidInput, "EMAIL_INVALID"),
        (replace(who, name="Zhang San"), InvalidInput, "NAME_INVALID"),
    ):
        with pytest.raises(kind) as caught:
            await world.register(changed)
        assert caught.value.reason == reason
        assert caught.value.zh
        assert caught.value.en


async def test_nothing_about_people_is_stored_in_the_clear(world: World) -> None:
    who = replace(invent("欧阳修远"), email="ouyang.xiuyuan@example.com")
    person_id = await world.register(who)
    await world.passed(who, person_id, "sealed")
    tables = [row.relname for row in await world.rows("SELECT relname FROM pg_stat_user_tables")]
    everything = ""
    for table in tables:
        for row in await world.rows(f"SELECT * FROM {table}"):
            everything += "".join(
                value.decode("latin-1") + value.decode(errors="replace") if isinstance(value, bytes) else str(value)
                for value in row
            )
    assert person_id in everything
    for secret in (who.name, who.id_number, who.phone, who.email, world.notifier.code(who.phone), who.address):
        assert secret not in everything


async def test_describe_people_masks_and_keeps_the_order(world: World) -> None:
    people = [invent("张三"), invent("欧阳修远")]
    ids = [await world.register(who) for who in people]
    answer = await world.contract.DescribePeople(
        identity_pb2.DescribePeopleRequest(person_ids=[ids[1], ids[0], ids[1]])
    )
    assert [p.name for p in answer.people] == ["欧阳修远", "张三", "欧阳修远"]
    first = answer.people[1]
    assert first.masked_phone == f"{people[0].phone[:3]}****{people[0].phone[-4:]}"
    assert first.masked_id_number == f"110***********{people[0].id_number[-4:]}"
    with pytest.raises(NotFound, match="PERSON_NOT_FOUND"):
        await world.contract.DescribePeople(identity_pb2.DescribePeopleRequest(person_ids=[ids[0], "nobody"]))
    with pytest.raises(InvalidInput, match="TOO_MANY_PEOPLE"):
        await world.contract.DescribePeople(identity_pb2.DescribePeopleRequest(person_ids=["x"] * 201))


async def test_contacts_go_to_the_notifier_only_and_are_written_down(world: World) -> None:
    person_id = await world.register(invent())
    request = identity_pb2.ResolveContactRequest(person_id=person_id, message_id="message-1")
    for _ in range(2):
        await world.internal("notifier").ResolveContact(request)
    rows = await world.rows("SELECT person_id FROM disclosure WHERE purpose = 'contact' AND reference = 'message-1'")
    assert [row.person_id for row in rows] == [person_id]
    with pytest.raises(Forbidden):
        await world.contract.ResolveContact(request)
    with pytest.raises(InvalidInput, match="MESSAGE_ID_INVALID"):
        await world.internal("notifier").ResolveContact(identity_pb2.ResolveContactRequest(person_id=person_id))


async def test_organisations_and_policies(world: World) -> None:
    code = "91110000600037341L"
    register = identity_pb2.RegisterOrganisationRequest(name="晨曦置业有限公司", unified_social_credit_code=code)
    ids = {(await world.operator.RegisterOrganisation(register)).organisation_id for _ in range(2)}
    assert len(ids) == 1
    register.name = "另一家公司"
    with pytest.raises(Conflict, match="ORGANISATION_NAME_MISMATCH"):
        await world.operator.RegisterOrganisation(register)

    def policy(**changes: object) -> identity_pb2.PutCountersignPolicyRequest:
        wanted: dict[str, Any] = {
            "policy_id": "lease",
            "unified_social_credit_code": code,
            "seal_id": "seal-soho",
            "business_types": ["租赁合同"],
            "custodian": "王五",
            "valid_until": world.clock() + timedelta(days=30),
        }
        return identity_pb2.PutCountersignPolicyRequest(**wanted | changes)

    same = policy()
    for _ in range(2):
        await world.operator.PutCountersignPolicy(same)
    assert len(await world.rows("SELECT version FROM policy WHERE policy_id = 'lease'")) == 1
    await world.operator.PutCountersignPolicy(policy(seal_id="seal-new"))
    assert [r.version for r in await world.rows("SELECT version FROM policy ORDER BY version")] == [1, 2]
    for changes, reason in (
        ({"business_types": []}, "POLICY_INVALID"),
        ({"valid_until": world.clock()}, "POLICY_INVALID"),
        ({"policy_id": "a#1"}, "POLICY_INVALID"),
        ({"seal_id": ""}, "POLICY_INVALID"),
        ({"unified_social_credit_code": "91110000600037341A"}, "USCC_INVALID"),
        ({"policy_id": "x", "unified_social_credit_code": "91110108551385082Q"}, "ORGANISATION_NOT_FOUND"),
    ):
        with pytest.raises(Exception, match=reason):
            await world.operator.PutCountersignPolicy(policy(**changes))
