"""企业用户登录: companies only after the code, tickets that are good once, races, guesses."""

import asyncio
import secrets
from dataclasses import replace

import jwt
import pytest
from esign.identity.v1 import identity_pb2
from esign_kit.errors import EsignError, Forbidden
from identity_login import (
    Company,
    authenticate,
    change_signer,
    finish_enterprise,
    form,
    invent_company,
    register_signer,
    signer_of,
    start_enterprise,
    system,
)
from identity_world import World, invent, known, moment, reason_of, wrong


async def test_from_code_to_a_session_for_a_company(world: World) -> None:
    company = invent_company()
    who, signer = await signer_of(world, company)
    started = await start_enterprise(world, who)
    assert [(c.organisation_id, c.name, c.unified_social_credit_code) for c in started.companies] == [
        (signer.organisation_id, company.name, company.code)
    ]
    assert 295 < (moment(started.expires_at) - world.clock()).total_seconds() <= 300
    session = await finish_enterprise(world, started.ticket, signer.organisation_id)
    assert session.organisation == started.companies[0]
    assert (session.person.person_id, session.person.name) == (signer.person_id, who.name)
    answer = await authenticate(world, session.session_token)
    assert answer.organisation == started.companies[0]
    claims = jwt.decode(answer.actor_token, options={"verify_signature": False})
    assert (claims["sub"], claims["org"]) == (signer.person_id, signer.organisation_id)
    (succeeded,) = await world.events("LoginSucceeded", session_id=answer.session_id)
    assert (succeeded.organisation_id, succeeded.method) == (signer.organisation_id, "code")


async def test_every_company_of_a_person_by_name(world: World) -> None:
    companies = [invent_company(f"示例{letter}贸易有限公司") for letter in "丙甲乙"]
    who, first = await signer_of(world, companies[0])
    for company in companies[1:]:
        await register_signer(world, company, who, "procurement")
    await register_signer(world, companies[0], who, "procurement")
    started = await start_enterprise(world, who)
    assert sorted(c.name for c in started.companies) == sorted(company.name for company in companies)
    other = next(c for c in started.companies if c.organisation_id != first.organisation_id)
    session = await finish_enterprise(world, started.ticket, other.organisation_id)
    assert session.organisation == other


async def test_a_ticket_is_good_once(world: World) -> None:
    who, signer = await signer_of(world, invent_company())
    started = await start_enterprise(world, who)
    outcomes = await asyncio.gather(
        *(finish_enterprise(world, started.ticket, signer.organisation_id, f"192.0.2.{n}") for n in range(6)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, identity_pb2.LoginResponse) for outcome in outcomes) == 1
    assert {o.reason for o in outcomes if isinstance(o, EsignError)} == {"LOGIN_TICKET_INVALID"}
    told = await world.events("AttemptRefused", kind="login", person_id=signer.person_id)
    assert [event.reason for event in told] == ["LOGIN_TICKET_INVALID"] * 5
    assert len(await world.events("LoginSucceeded", person_id=signer.person_id)) == 1


async def test_a_code_gives_one_ticket_or_one_session(world: World) -> None:
    who, _ = await signer_of(world, invent_company())
    await world.request_code(who)
    code = world.notifier.code(who.phone)
    outcomes = await asyncio.gather(
        *(start_enterprise(world, who, code) for _ in range(4)),
        *(world.login(who, code) for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1
    assert {o.reason for o in outcomes if isinstance(o, EsignError)} == {"LOGIN_CODE_EXPIRED"}


async def test_a_ticket_ends_after_five_minutes(world: World) -> None:
    who, signer = await signer_of(world, invent_company())
    started = await start_enterprise(world, who)
    world.clock.advance(minutes=5)
    assert await reason_of(finish_enterprise(world, started.ticket, signer.organisation_id)) == "LOGIN_TICKET_INVALID"


async def test_a_few_wrong_companies_close_the_ticket(world: World) -> None:
    who, signer = await signer_of(world, invent_company())
    _, stranger = await signer_of(world, invent_company())
    started = await start_enterprise(world, who)
    for wanted in (stranger.organisation_id, "", "nowhere", stranger.organisation_id):
        with pytest.raises(Forbidden, match="NOT_SIGNER_OF_COMPANY"):
            await finish_enterprise(world, started.ticket, wanted)
    started_again = started.ticket
    assert await reason_of(finish_enterprise(world, started_again, stranger.organisation_id)) == "NOT_SIGNER_OF_COMPANY"
    assert await reason_of(finish_enterprise(world, started.ticket, signer.organisation_id)) == "LOGIN_TICKET_INVALID"
    told = await world.events("AttemptRefused", kind="login", person_id=signer.person_id)
    assert [event.reason for event in told] == ["NOT_SIGNER_OF_COMPANY"] * 5 + ["LOGIN_TICKET_INVALID"]


async def test_a_wrong_company_then_the_right_one(world: World) -> None:
    who, signer = await signer_of(world, invent_company())
    started = await start_enterprise(world, who)
    await reason_of(finish_enterprise(world, started.ticket, "nowhere"))
    await finish_enterprise(world, started.ticket, signer.organisation_id)


async def test_guessed_tickets(world: World) -> None:
    _, signer = await signer_of(world, invent_company())
    address = "192.0.2.60"
    for _ in range(10):
        guesses = (
            finish_enterprise(world, secrets.token_urlsafe(), signer.organisation_id, address) for _ in range(10)
        )
        assert {*await asyncio.gather(*map(reason_of, guesses))} == {"LOGIN_TICKET_INVALID"}
    assert await reason_of(finish_enterprise(world, "guess", signer.organisation_id, address)) == "CLIENT_ADDRESS_LIMIT"


async def test_companies_are_told_to_nobody_without_the_code(world: World) -> None:
    who, _ = await signer_of(world, invent_company())
    (individual, _), stranger = await known(world), invent()
    answers: list[list[str]] = []
    for asking in (who, individual, stranger):
        await world.request_code(asking)
        typed = wrong(world.notifier.code(asking.phone)) if asking is not stranger else "123456"
        answers.append([await reason_of(start_enterprise(world, asking, typed)) for _ in range(6)])
    assert answers[0] == answers[1] == answers[2] == ["LOGIN_CODE_WRONG"] * 4 + ["LOGIN_CODE_EXHAUSTED"] * 2


async def test_who_signs_for_nobody_can_go_on_as_an_individual(world: World) -> None:
    who, person_id = await known(world)
    await world.request_code(who)
    code = world.notifier.code(who.phone)
    with pytest.raises(Forbidden, match="NOT_A_SIGNER") as refused:
        await start_enterprise(world, who, code)
    assert "个人用户登录" in refused.value.zh
    assert [e.reason for e in await world.events("LoginRefused", person_id=person_id)] == ["NOT_A_SIGNER"]
    await world.login(who, code)
    assert await reason_of(start_enterprise(world, who, code)) == "LOGIN_CODE_EXPIRED"


async def test_a_signer_changed_while_choosing(world: World) -> None:
    company = invent_company()
    who, signer = await signer_of(world, company)
    started = await start_enterprise(world, who)
    await change_signer(world, company, invent("李四"))
    assert await reason_of(finish_enterprise(world, started.ticket, signer.organisation_id)) == "NOT_SIGNER_OF_COMPANY"


async def test_a_phone_changed_while_choosing(world: World) -> None:
    company = invent_company()
    who, signer = await signer_of(world, company)
    started = await start_enterprise(world, who)
    await world.register(replace(who, phone=invent().phone))
    assert await reason_of(finish_enterprise(world, started.ticket, signer.organisation_id)) == "LOGIN_TICKET_INVALID"


async def test_logins_while_signers_change(world: World) -> None:
    """However a login and a change of the signer fall together, no session of the former signer is left."""
    for n in range(8):
        company = invent_company()
        who, signer = await signer_of(world, company)
        started = await start_enterprise(world, who)

        async def later(seconds: float, changing: Company) -> None:
            await asyncio.sleep(seconds)
            await change_signer(world, changing, invent("李四"))

        login, changed = await asyncio.gather(
            finish_enterprise(world, started.ticket, signer.organisation_id),
            later(n * 0.003, company),
            return_exceptions=True,
        )
        assert changed is None
        if isinstance(login, identity_pb2.LoginResponse):
            assert await reason_of(authenticate(world, login.session_token)) == "SESSION_EXPIRED"
        alive = "SELECT 1 FROM session WHERE organisation_id = :id AND ended_at IS NULL"
        assert await world.rows(alive, id=signer.organisation_id) == []


async def test_logins_while_phones_change(world: World) -> None:
    """However a login and a new phone fall together, no session or ticket of the former phone is left."""
    for n in range(8):
        who, signer = await signer_of(world, invent_company())
        await world.request_code(who)
        code = world.notifier.code(who.phone)

        async def later(seconds: float, request: identity_pb2.RegisterPersonRequest) -> None:
            await asyncio.sleep(seconds)
            await system(world, "leasing").RegisterPerson(request)

        attempt = start_enterprise(world, who, code) if n % 2 else world.login(who, code)
        request = form(replace(who, phone=invent().phone))
        _, changed = await asyncio.gather(attempt, later(n * 0.002, request), return_exceptions=True)
        assert changed is None
        left = (
            "SELECT 1 FROM session WHERE person_id = :id AND ended_at IS NULL"
            " UNION ALL SELECT 1 FROM login_ticket WHERE person_id = :id AND closed_at IS NULL"
        )
        assert await world.rows(left, id=signer.person_id) == []
