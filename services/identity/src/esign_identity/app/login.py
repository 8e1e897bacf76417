"""Signing in with a phone and a code, and what a session is good for afterwards."""

from collections.abc import Callable
from datetime import timedelta

from esign.identity.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import new_id
from esign_kit.errors import EsignError

from esign_identity.app.codes import CodeDesk, CodeRequest, CodeTicket
from esign_identity.app.ports import CodeDigests, Store, TokenSigner, Transaction
from esign_identity.domain import refusals
from esign_identity.domain.codes import HOUR, CodeCheck, CodePurpose, parse_client_address, parse_code
from esign_identity.domain.person import Person, parse_phone
from esign_identity.domain.session import Session, SessionRules, new_token, token_digest

ACTOR_TOKEN_TYPE = "esign-actor+jwt"
ACTOR_TOKEN_LIFETIME = timedelta(seconds=60)

_REFUSALS: dict[CodeCheck, Callable[[], EsignError]] = {
    CodeCheck.EXPIRED: refusals.login_code_expired,
    CodeCheck.EXHAUSTED: refusals.login_code_exhausted,
}


class Login:
    """Codes, sessions and actor tokens."""

    def __init__(
        self,
        store: Store,
        desk: CodeDesk,
        digests: CodeDigests,
        actor_tokens: TokenSigner,
        clock: Clock,
        rules: SessionRules,
        failures_per_address_hour: int,
    ) -> None:
        self._store, self._desk, self._digests, self._tokens = store, desk, digests, actor_tokens
        self._clock, self._rules, self._most_failures = clock, rules, failures_per_address_hour

    async def request_code(self, phone: str, client_address: str) -> CodeTicket:
        """Send a login code; an unknown phone is answered alike, after as much work, and gets nothing.

        Raises InvalidInput, Limited, Unavailable.
        """
        number, address = parse_phone(phone), parse_client_address(client_address)

        async def ask(tx: Transaction) -> CodeRequest:
            known = await tx.people.by_phone(number) is not None
            return CodeRequest(CodePurpose.LOGIN, number, known)

        return await self._desk.issue(address, ask)

    async def login(self, phone: str, code: str, client_address: str, user_agent: str) -> tuple[str, Session, Person]:
        """Turn a code into a session: its token, itself, its person.

        Raises InvalidInput, Limited, Unauthenticated LOGIN_CODE_WRONG, LOGIN_CODE_EXPIRED, LOGIN_CODE_EXHAUSTED.
        """
        number, typed, address = parse_phone(phone), parse_code(code), parse_client_address(client_address)
        async with self._store.begin() as tx:
            outcome = await self._try(tx, number, typed, address, user_agent)
        if isinstance(outcome, EsignError):
            raise outcome
        return outcome

    async def _try(
        self, tx: Transaction, phone: str, typed: str, address: str, user_agent: str
    ) -> tuple[str, Session, Person] | EsignError:
        """A refusal is returned, not raised, so that it is committed with what it changes."""
        now = self._clock()
        await tx.serialise("login address", address)
        failures = await tx.codes.failure_times(address, now - HOUR)
        if len(failures) >= self._most_failures:
            wait = sorted(failures)[-self._most_failures] + HOUR - now
            raise refusals.address_limit(max(1, int(wait.total_seconds())))
        person = await tx.people.by_phone(phone)
        code = await tx.codes.latest_login(phone)
        digest = self._digests.digest(code.code_id if code else "none", typed)
        check = CodeCheck.EXPIRED
        attempts_left = 0
        if code:
            check, after = code.check(digest, now, self._desk.rules)
            attempts_left = self._desk.rules.attempts - after.attempts
            await tx.codes.update(after)
        if check is CodeCheck.RIGHT and person:
            return await self._open(tx, person, user_agent)
        make = _REFUSALS.get(check)
        refused = make() if make else refusals.login_code_wrong(attempts_left)
        await tx.codes.add_failure(address, now)
        await tx.emit(events_pb2.LoginRefused(person_id=person.person_id if person else "", reason=refused.reason))
        return refused

    async def _open(self, tx: Transaction, person: Person, user_agent: str) -> tuple[str, Session, Person]:
        now = self._clock()
        token = new_token()
        session = Session(new_id(), person.person_id, now, now, now + self._rules.absolute)
        await tx.sessions.add(session, token_digest(token), user_agent[:200])
        await tx.emit(events_pb2.LoginSucceeded(person_id=person.person_id, session_id=session.session_id))
        return token, session, person

    async def authenticate(self, token: str) -> tuple[str, Person]:
        """An actor token (JWT, one minute) for a session's person. Raises Unauthenticated SESSION_EXPIRED."""
        now = self._clock()
        async with self._store.read() as tx:
            session = await tx.sessions.by_digest(token_digest(token))
            if session is None or not session.alive(now, self._rules):
                raise refusals.session_expired()
            person = await tx.people.get(session.person_id)
            assert person is not None, "a session's person is never deleted"
        if session.needs_touch(now, self._rules):
            async with self._store.begin() as tx:
                await tx.sessions.touch(session.session_id, now)
        issued = int(now.timestamp())
        claims = {
            "iss": "identity",
            "sub": session.person_id,
            "sid": session.session_id,
            "iat": issued,
            "exp": issued + int(ACTOR_TOKEN_LIFETIME.total_seconds()),
        }
        return self._tokens.sign(ACTOR_TOKEN_TYPE, claims), person

    async def logout(self, token: str) -> None:
        """End a session; nothing happens when there is none."""
        async with self._store.begin() as tx:
            await tx.sessions.end(token_digest(token), self._clock())
