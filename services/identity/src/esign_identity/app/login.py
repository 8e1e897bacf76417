"""Signing in with a phone and a code, as an individual or for a company."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from esign.identity.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.errors import EsignError

from esign_identity.app.captchas import CaptchaDesk
from esign_identity.app.codes import CodeDesk, CodeRequest, CodeTicket
from esign_identity.app.ports import CodeDigests, Store, Transaction
from esign_identity.app.sessions import Opened, SessionDesk
from esign_identity.domain import refusals
from esign_identity.domain.codes import (
    HOUR,
    CodeCheck,
    CodePurpose,
    OneTimeCode,
    parse_client_address,
    parse_code,
)
from esign_identity.domain.login import LoginRules, Ticket
from esign_identity.domain.organisation import Organisation
from esign_identity.domain.person import Person, parse_phone
from esign_identity.domain.session import new_token, token_digest

_REFUSALS: dict[CodeCheck, Callable[[], EsignError]] = {
    CodeCheck.EXPIRED: refusals.login_code_expired,
    CodeCheck.EXHAUSTED: refusals.login_code_exhausted,
}


@dataclass(frozen=True, slots=True)
class Companies:
    """For which companies the person of a right code may sign in, and the ticket to do so."""

    ticket: str
    expires_at: datetime
    companies: list[Organisation]


async def admit_address(
    tx: Transaction, address: str, now: datetime, rules: LoginRules, kind: str
) -> EsignError | None:
    """Why a client that failed too often may not try again yet; None when it may. One attempt of a client at a time."""
    await tx.serialise("login address", address)
    failures = await tx.codes.failure_times(address, now - HOUR)
    most = rules.failures_per_address_hour
    if len(failures) < most:
        return None
    wait = sorted(failures)[-most] + HOUR - now
    refused = refusals.address_limit(max(1, int(wait.total_seconds())))
    await tx.emit(events_pb2.AttemptRefused(kind=kind, reason=refused.reason))
    return refused


class Login:
    """Codes, and what they are good for.

    Whatever is refused is committed with what it changes: counted, and told.
    """

    def __init__(
        self,
        store: Store,
        desk: CodeDesk,
        captchas: CaptchaDesk,
        sessions: SessionDesk,
        digests: CodeDigests,
        clock: Clock,
        rules: LoginRules,
    ) -> None:
        self._store, self._desk, self._captchas, self._sessions = store, desk, captchas, sessions
        self._digests, self._clock, self._rules = digests, clock, rules

    async def request_code(
        self, phone: str, client_address: str, captcha_id: str = "", captcha_answer: str = ""
    ) -> CodeTicket:
        """Send a login code; an unknown phone is answered alike, after as much work, and gets nothing.

        Raises InvalidInput, among them CAPTCHA_REQUIRED, CAPTCHA_WRONG, CAPTCHA_EXPIRED, Limited, Unavailable.
        """
        number, address = parse_phone(phone), parse_client_address(client_address)
        if captcha_id:
            await self._captchas.solve(captcha_id, captcha_answer)

        async def ask(tx: Transaction) -> CodeRequest:
            known = await tx.people.by_phone(number) is not None
            return CodeRequest(CodePurpose.LOGIN, number, known, captcha_solved=bool(captcha_id))

        return await self._desk.issue(address, ask)

    async def login(self, phone: str, code: str, client_address: str, user_agent: str) -> Opened:
        """Turn a code into an individual's session.

        Raises InvalidInput, Limited, Unauthenticated LOGIN_CODE_WRONG, LOGIN_CODE_EXPIRED, LOGIN_CODE_EXHAUSTED.
        """
        number, typed, address = parse_phone(phone), parse_code(code), parse_client_address(client_address)
        outcome: Opened | EsignError
        async with self._store.begin() as tx:
            proven = await self._prove(tx, number, typed, address)
            if isinstance(proven, EsignError):
                outcome = proven
            else:
                person, used = proven
                await self._still_theirs(tx, number, person)
                await tx.codes.update(used)
                outcome = await self._sessions.open(
                    tx, person, None, method="code", address=address, user_agent=user_agent
                )
        if isinstance(outcome, EsignError):
            raise outcome
        return outcome

    async def start_enterprise(self, phone: str, code: str, client_address: str) -> Companies:
        """Turn a code into a ticket, and tell for which companies it is good; raises as `login`.

        Forbidden NOT_A_SIGNER when there is none: then the code stays good for an individual's login.
        """
        number, typed, address = parse_phone(phone), parse_code(code), parse_client_address(client_address)
        outcome: Companies | EsignError
        async with self._store.begin() as tx:
            proven = await self._prove(tx, number, typed, address)
            if isinstance(proven, EsignError):
                outcome = proven
            else:
                outcome = await self._issue_ticket(tx, number, *proven)
        if isinstance(outcome, EsignError):
            raise outcome
        return outcome

    async def _issue_ticket(
        self, tx: Transaction, phone: str, person: Person, used: OneTimeCode
    ) -> Companies | EsignError:
        companies = await tx.signers.companies_of(person.person_id)
        if not companies:
            refused = refusals.no_company()
            await tx.emit(events_pb2.LoginRefused(person_id=person.person_id, reason=refused.reason))
            return refused
        await self._still_theirs(tx, phone, person)
        await tx.codes.update(used)
        token, expires_at = new_token(), self._clock() + self._rules.ticket_lifetime
        await tx.tickets.add(Ticket(token_digest(token), person.person_id, expires_at))
        return Companies(token, expires_at, companies)

    async def finish_enterprise(
        self, ticket: str, organisation_id: str, client_address: str, user_agent: str
    ) -> Opened:
        """Turn a ticket into a session for a company. It is good once; a wrong company costs an attempt.

        Raises InvalidInput, Limited, Unauthenticated LOGIN_TICKET_INVALID, Forbidden NOT_SIGNER_OF_COMPANY.
        """
        address = parse_client_address(client_address)
        async with self._store.begin() as tx:
            outcome = await self._choose(tx, token_digest(ticket), organisation_id, address, user_agent)
        if isinstance(outcome, EsignError):
            raise outcome
        return outcome

    async def _choose(
        self, tx: Transaction, digest: bytes, organisation_id: str, address: str, user_agent: str
    ) -> Opened | EsignError:
        now = self._clock()
        refused = await admit_address(tx, address, now, self._rules, "login")
        if refused:
            return refused
        # Neither a change of signers nor one of the phone comes between looking and opening.
        organisation = await tx.organisations.get(organisation_id)
        if organisation:
            await tx.serialise("organisation", organisation.unified_social_credit_code)
        holder = await tx.tickets.person_of(digest)
        if holder:
            await tx.serialise("person", holder)
        ticket = await tx.tickets.lock(digest)
        if ticket is None or not ticket.good(now):
            known = ticket.person_id if ticket else ""
            return await self._refuse(tx, refusals.login_ticket_invalid(), known, address, now)
        if organisation is None or not await tx.signers.is_present(organisation.organisation_id, ticket.person_id):
            await tx.tickets.update(ticket.refused(now, self._rules))
            return await self._refuse(tx, refusals.not_signer_of_company(), ticket.person_id, address, now)
        await tx.tickets.update(ticket.used(now))
        person = await tx.people.get(ticket.person_id)
        assert person is not None, "a ticket's person is never deleted"
        return await self._sessions.open(
            tx, person, organisation, method="code", address=address, user_agent=user_agent
        )

    async def _prove(
        self, tx: Transaction, phone: str, typed: str, address: str
    ) -> tuple[Person, OneTimeCode] | EsignError:
        """The person whose code is right, and the code as it has to be kept once it is used."""
        now = self._clock()
        limited = await admit_address(tx, address, now, self._rules, "login")
        if limited:
            return limited
        person = await tx.people.by_phone(phone)
        code = await tx.codes.latest_login(phone)
        digest = self._digests.digest(code.code_id if code else "none", typed)
        check = CodeCheck.EXPIRED
        attempts_left = 0
        if code:
            check, after = code.check(digest, now, self._desk.rules)
            if check is CodeCheck.RIGHT and person:
                return person, after
            attempts_left = self._desk.rules.attempts - after.attempts
            await tx.codes.update(after)
        make = _REFUSALS.get(check)
        refused = make() if make else refusals.login_code_wrong(attempts_left)
        return await self._refuse(tx, refused, person.person_id if person else "", address, now)

    async def _refuse(
        self, tx: Transaction, refused: EsignError, person_id: str, address: str, now: datetime
    ) -> EsignError:
        await tx.codes.add_failure(address, now)
        await tx.emit(events_pb2.LoginRefused(person_id=person_id, reason=refused.reason))
        await tx.emit(events_pb2.AttemptRefused(kind="login", reason=refused.reason, person_id=person_id))
        return refused

    async def _still_theirs(self, tx: Transaction, phone: str, person: Person) -> None:
        """Raises when the phone became another's while the login went on; from here on nobody changes it meanwhile."""
        await tx.serialise("person", person.person_id)
        owner = await tx.people.by_phone(phone)
        if owner is None or owner.person_id != person.person_id:
            raise refusals.login_code_expired()
