"""Signers of companies: registered and changed by the systems that know them; who cannot sign online is told why."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from esign.identity.v1 import identity_pb2
from esign_kit.errors import Conflict, Forbidden, InvalidInput, NotFound
from identity_login import (
    PROCUREMENT,
    authenticate,
    change_signer,
    company_session,
    form,
    invent_company,
    redeem,
    register_signer,
    signer_of,
    start_enterprise,
    system,
)
from identity_world import World, invent, reason_of


async def test_registration_is_idempotent(world: World) -> None:
    company, who = invent_company(), invent()
    answers = await asyncio.gather(*(register_signer(world, company, who) for _ in range(6)))
    assert len({(answer.organisation_id, answer.person_id) for answer in answers}) == 1
    told = await world.events("SignerRegistered", person_id=answers[0].person_id)
    assert [(e.organisation_id, e.system) for e in told] == [(answers[0].organisation_id, "leasing")]
    assert await world.register(who) == answers[0].person_id


async def test_a_company_has_several_signers(world: World) -> None:
    company = invent_company()
    first, one = await signer_of(world, company)
    second, two = await signer_of(world, company, name="李四")
    assert one.organisation_id == two.organisation_id
    for who in (first, second):
        await company_session(world, who, one.organisation_id)


async def test_other_names_are_refused(world: World) -> None:
    company = invent_company()
    who, _ = await signer_of(world, company)
    with pytest.raises(Conflict, match="ORGANISATION_NAME_MISMATCH"):
        await register_signer(world, replace(company, name="另一家有限公司"), who)
    stranger = invent("王五")
    with pytest.raises(Conflict, match="PHONE_IN_USE"):
        await register_signer(world, invent_company(), replace(stranger, phone=who.phone))
    companies = await world.rows("SELECT count(*) AS n FROM organisation WHERE name = '另一家有限公司'")
    assert companies[0].n == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"country": "HK"}, "ORGANISATION_NOT_MAINLAND"),
        ({"country": "us"}, "ORGANISATION_NOT_MAINLAND"),
        (
            {"country": "KY", "unified_social_credit_code": "", "organisation_name": "Example Ltd."},
            "ORGANISATION_NOT_MAINLAND",
        ),
        ({"country": "中国"}, "COUNTRY_INVALID"),
        ({"country": "CHN"}, "COUNTRY_INVALID"),
        ({"unified_social_credit_code": "91110000600037341A"}, "USCC_INVALID"),
        ({"organisation_name": "A"}, "ORGANISATION_NAME_INVALID"),
    ],
)
async def test_companies_that_cannot_sign_online(world: World, changes: dict[str, Any], reason: str) -> None:
    who = invent()
    with pytest.raises(InvalidInput) as refused:
        await register_signer(world, invent_company(), who, **changes)
    assert refused.value.reason == reason
    if reason.endswith("NOT_MAINLAND"):
        assert "走纸质盖章流程" in refused.value.zh
        assert "paper process" in refused.value.en
    registered = len(await world.events("PersonRegistered"))
    signer = await register_signer(world, invent_company(), who, country="cn ")
    # Until now nothing was known of the person.
    assert len(await world.events("PersonRegistered", person_id=signer.person_id)) == 1
    assert len(await world.events("PersonRegistered")) == registered + 1


@pytest.mark.parametrize(
    "changes",
    [
        {"id_document_type": identity_pb2.ID_DOCUMENT_TYPE_OTHER},
        {"id_document_type": identity_pb2.ID_DOCUMENT_TYPE_OTHER, "id_number": "E12345678", "name": "John Smith"},
        {"id_number": "H12345678"},
        {"id_number": "830000199001010017"},
    ],
)
async def test_people_who_cannot_sign_online(world: World, changes: dict[str, Any]) -> None:
    company, who = invent_company(), invent()
    leasing = system(world, "leasing")
    attempts: list[Any] = [
        leasing.RegisterPerson(form(who, **changes)),
        register_signer(world, company, who, signer=form(who, **changes)),
    ]
    await register_signer(world, company, invent("李四"))
    attempts.append(
        leasing.ChangeSigner(
            identity_pb2.ChangeSignerRequest(unified_social_credit_code=company.code, signer=form(who, **changes))
        )
    )
    for attempt in attempts:
        with pytest.raises(InvalidInput) as refused:
            await attempt
        assert refused.value.reason == "PERSON_NOT_MAINLAND"
        assert "走纸质盖章流程" in refused.value.zh
        assert "paper process" in refused.value.en


async def test_a_resident_id_may_be_named(world: World) -> None:
    leasing = system(world, "leasing")
    await leasing.RegisterPerson(form(invent(), id_document_type=identity_pb2.ID_DOCUMENT_TYPE_RESIDENT_ID))


async def verification_in(world: World, person_id: str, organisation_id: str, contract_id: str) -> str:
    """A verification opened in a session for a company, or an individual's."""
    opened = await world.start(person_id, contract_id, organisation_id=organisation_id)
    return str(opened.verification_id)


async def test_a_change_takes_effect_at_once(world: World) -> None:
    company, elsewhere = invent_company(), invent_company()
    old, signer = await signer_of(world, company)
    other = await register_signer(world, elsewhere, old)
    here = await company_session(world, old, signer.organisation_id)
    world.clock.advance(seconds=61)
    there = await company_session(world, old, other.organisation_id)
    world.clock.advance(seconds=61)
    await world.request_code(old)
    private = await world.login(old, world.notifier.code(old.phone))
    for_company = await verification_in(world, signer.person_id, signer.organisation_id, "company's")
    for_self = await verification_in(world, signer.person_id, "", "private")

    new = invent("李四")
    changed = await change_signer(world, company, new)
    assert changed.organisation_id == signer.organisation_id
    ended = await authenticate_reason(world, here.session_token)
    assert ended == "SESSION_EXPIRED"
    await authenticate(world, there.session_token)
    await authenticate(world, private.session_token)
    told = await world.events("SessionEnded", person_id=signer.person_id)
    assert [event.cause for event in told] == ["signer-changed"]
    (event,) = await world.events("SignerChanged", organisation_id=signer.organisation_id)
    assert (event.person_id, list(event.former_person_ids), event.system) == (
        changed.person_id,
        [signer.person_id],
        "leasing",
    )
    found = await world.get(signer.person_id, for_company, signer.organisation_id)
    assert found.state == identity_pb2.VERIFICATION_STATE_EXPIRED
    assert (await world.get(signer.person_id, for_self)).state == identity_pb2.VERIFICATION_STATE_SMS_PENDING
    refused = await world.events("VerificationRefused", verification_id=for_company)
    assert [e.reason for e in refused] == ["SIGNER_CHANGED"]

    world.clock.advance(seconds=61)
    assert [c.name for c in (await start_enterprise(world, old)).companies] == [elsewhere.name]
    await company_session(world, new, signer.organisation_id)


async def authenticate_reason(world: World, token: str) -> str:
    return await reason_of(authenticate(world, token))


async def test_a_change_again_changes_nothing(world: World) -> None:
    company = invent_company()
    await signer_of(world, company)
    new = invent("李四")
    changed = await change_signer(world, company, new)
    session = await company_session(world, new, changed.organisation_id)
    assert await change_signer(world, company, new) == changed
    await authenticate(world, session.session_token)
    assert len(await world.events("SignerChanged", organisation_id=changed.organisation_id)) == 1


async def test_a_change_to_one_of_several(world: World) -> None:
    company = invent_company()
    first, one = await signer_of(world, company)
    second, two = await signer_of(world, company, name="李四")
    sessions = [await company_session(world, who, one.organisation_id) for who in (first, second)]
    await change_signer(world, company, second)
    assert await authenticate_reason(world, sessions[0].session_token) == "SESSION_EXPIRED"
    await authenticate(world, sessions[1].session_token)
    (event,) = await world.events("SignerChanged", organisation_id=one.organisation_id)
    assert (event.person_id, list(event.former_person_ids)) == (two.person_id, [one.person_id])


async def test_signers_of_another_system_stay(world: World) -> None:
    company = invent_company()
    tenant, one = await signer_of(world, company, "leasing")
    supplier, two = await signer_of(world, company, "procurement", "李四")
    session = await company_session(world, tenant, one.organisation_id)
    await change_signer(world, company, invent("王五"), "procurement")
    await authenticate(world, session.session_token)
    world.clock.advance(seconds=61)
    await company_session(world, tenant, one.organisation_id)
    await world.request_code(supplier)
    code = world.notifier.code(supplier.phone)
    assert await reason_of(start_enterprise(world, supplier, code)) == "NOT_A_SIGNER"
    assert two.organisation_id == one.organisation_id


async def test_a_former_signer_may_come_back(world: World) -> None:
    company = invent_company()
    who, signer = await signer_of(world, company)
    await change_signer(world, company, invent("李四"))
    assert await change_signer(world, company, who) == signer
    await company_session(world, who, signer.organisation_id)
    rows = await world.rows("SELECT 1 FROM signer WHERE organisation_id = :id", id=signer.organisation_id)
    assert len(rows) == 3


async def test_many_changes_at_once_leave_one_signer(world: World) -> None:
    company = invent_company()
    _, signer = await signer_of(world, company)
    people = [invent(name) for name in ("李四", "王五", "赵六", "孙七")]
    await asyncio.gather(*(change_signer(world, company, who) for who in people))
    query = "SELECT person_id FROM signer WHERE organisation_id = :id AND ended_at IS NULL"
    assert len(await world.rows(query, id=signer.organisation_id)) == 1


async def test_only_ones_own_companies_and_callers(world: World) -> None:
    company = invent_company()
    await signer_of(world, company, "leasing")
    for code in (company.code, invent_company().code):
        with pytest.raises(NotFound, match="ORGANISATION_NOT_FOUND"):
            await change_signer(world, replace(company, code=code), invent("李四"), "procurement")
    with pytest.raises(Forbidden):
        await change_signer(world, company, invent("李四"), "jde")
    with pytest.raises(Forbidden):
        await register_signer(world, company, invent("李四"), "gateway")
    await register_signer(world, company, invent("李四"), "jde")


async def test_a_change_that_is_refused_changes_nothing(world: World) -> None:
    company = invent_company()
    who, signer = await signer_of(world, company)
    session = await company_session(world, who, signer.organisation_id)
    taken = invent("李四")
    await world.register(taken)
    for new, reason in (
        (replace(invent("王五"), phone=taken.phone), "PHONE_IN_USE"),
        (replace(taken, name="王五"), "PERSON_NAME_MISMATCH"),
        (replace(invent("王五"), id_number="E12345678"), "PERSON_NOT_MAINLAND"),
    ):
        assert await reason_of(change_signer(world, company, new)) == reason
    await authenticate(world, session.session_token)
    assert await world.events("SignerChanged", organisation_id=signer.organisation_id) == []


async def test_a_new_phone_of_a_signer_ends_the_sessions(world: World) -> None:
    company = invent_company()
    who, signer = await signer_of(world, company, "procurement")
    session = await company_session(world, who, signer.organisation_id)
    token = PROCUREMENT.token(world, signer.person_id, company.code)
    arrived = await redeem(world, token)
    await register_signer(world, company, replace(who, phone=invent().phone), "procurement")
    for ended in (session, arrived):
        assert await authenticate_reason(world, ended.session_token) == "SESSION_EXPIRED"
    causes = [event.cause for event in await world.events("SessionEnded", person_id=signer.person_id)]
    assert causes == ["phone-changed"] * 2
