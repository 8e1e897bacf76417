"""Sessions: opened by a login, known by a token that changes, ended by time, by people or by what they rest on."""

from dataclasses import dataclass, replace
from datetime import timedelta

from esign.identity.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import new_id

from esign_identity.app.consents import Consents
from esign_identity.app.ports import Store, TokenSigner, Transaction
from esign_identity.domain import refusals
from esign_identity.domain.organisation import Organisation
from esign_identity.domain.person import Person
from esign_identity.domain.session import (
    EndCause,
    FormerToken,
    Session,
    SessionRules,
    new_nonce,
    new_token,
    successor,
    token_digest,
)

ACTOR_TOKEN_TYPE = "esign-actor+jwt"
ACTOR_TOKEN_LIFETIME = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session and its token."""

    token: str
    session: Session
    person: Person
    organisation: Organisation | None
    terms_due: bool


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who a session's token stands for. `renewed_token` is empty when the token need not change."""

    actor_token: str
    session: Session
    person: Person
    organisation: Organisation | None
    renewed_token: str
    terms_due: bool


class SessionDesk:
    """Opens, checks and ends sessions."""

    def __init__(
        self, store: Store, actor_tokens: TokenSigner, consents: Consents, clock: Clock, rules: SessionRules
    ) -> None:
        self._store, self._tokens, self._consents = store, actor_tokens, consents
        self._clock, self._rules = clock, rules

    async def open(
        self,
        tx: Transaction,
        person: Person,
        organisation: Organisation | None,
        *,
        method: str,
        address: str,
        user_agent: str,
    ) -> Opened:
        """Sign a person in; `method` is how they proved themselves."""
        now, token = self._clock(), new_token()
        session = Session(
            new_id(),
            person.person_id,
            now,
            now,
            now + self._rules.absolute,
            token_digest(token),
            now,
            organisation_id=organisation.organisation_id if organisation else "",
            user_agent="".join(c for c in user_agent if c.isprintable())[:200],
            address=address,
        )
        await tx.sessions.add(session)
        await tx.emit(
            events_pb2.LoginSucceeded(
                person_id=person.person_id,
                session_id=session.session_id,
                organisation_id=session.organisation_id,
                method=method,
            )
        )
        return Opened(token, session, person, organisation, await self._consents.terms_due(tx, person.person_id))

    async def end(
        self,
        tx: Transaction,
        cause: EndCause,
        person_id: str,
        *,
        session_id: str = "",
        organisation_id: str = "",
        spare: str = "",
    ) -> int:
        """End a person's sessions: that one, those for a company, all but one, or all; returns how many were alive."""
        now = self._clock()
        ended = await tx.sessions.end(
            cause, now, person_id, session_id=session_id, organisation_id=organisation_id, spare=spare
        )
        alive = [session for session in ended if session.alive(now, self._rules)]
        for session in alive:
            await tx.emit(
                events_pb2.SessionEnded(session_id=session.session_id, person_id=person_id, cause=cause.value)
            )
        return len(alive)

    async def authenticate(self, token: str) -> Authenticated:
        """Whom a token stands for, with an actor token (JWT, one minute). Raises Unauthenticated SESSION_EXPIRED.

        After some time the token gets a successor, and stays good until the successor comes back and a short while longer.
        Whoever comes with it later is not the only one to have had it: then nobody keeps the session.
        """
        now, digest = self._clock(), token_digest(token)
        async with self._store.read() as tx:
            found = await tx.sessions.by_token(digest)
            if found is None:
                raise refusals.session_expired()
            session, former = found
            person = await tx.people.get(session.person_id)
            assert person is not None, "a session's person is never deleted"
            organisation = await self._organisation(tx, session)
            terms_due = await self._consents.terms_due(tx, person.person_id)
        if former and not former.good(now, self._rules, session) and now < session.expires_at:
            await self._reused(session)
            raise refusals.session_expired()
        if not session.alive(now, self._rules) or (session.organisation_id and organisation is None):
            raise refusals.session_expired()
        renewed = ""
        if former:
            renewed = _successor_again(token, session, former)
        elif session.needs_rotation(now, self._rules):
            renewed = await self._rotate(token, session.session_id)
        if not renewed and (session.needs_touch(now, self._rules) or not (session.token_used or former)):
            async with self._store.begin() as tx:
                await tx.sessions.touch(session.session_id, digest, now)
        return Authenticated(self._actor_token(session), session, person, organisation, renewed, terms_due)

    async def _organisation(self, tx: Transaction, session: Session) -> Organisation | None:
        """The session's company, as long as its person signs for it."""
        if not session.organisation_id:
            return None
        if not await tx.signers.is_present(session.organisation_id, session.person_id):
            return None
        return await tx.organisations.get(session.organisation_id)

    async def _rotate(self, token: str, session_id: str) -> str:
        """The token's successor; empty when another request's client already uses it."""
        digest, now = token_digest(token), self._clock()
        async with self._store.begin() as tx:
            session = await tx.sessions.lock(session_id)
            if session is None or not session.alive(now, self._rules):
                raise refusals.session_expired()
            if session.token_digest == digest:
                former = FormerToken(digest, new_nonce(), now)
                renewed = successor(token, former.nonce)
                after = replace(
                    session, token_digest=token_digest(renewed), token_since=now, token_used=False, seen_at=now
                )
                await tx.sessions.replace_token(after, former)
                return renewed
            found = await tx.sessions.by_token(digest)
        return _successor_again(token, session, found[1]) if found and found[1] else ""

    async def _reused(self, session: Session) -> None:
        async with self._store.begin() as tx:
            await self.end(tx, EndCause.TOKEN_REUSED, session.person_id, session_id=session.session_id)
            await tx.emit(
                events_pb2.AttemptRefused(
                    kind="session",
                    reason="SESSION_TOKEN_REUSED",
                    person_id=session.person_id,
                    reference=session.session_id,
                )
            )

    def _actor_token(self, session: Session) -> str:
        issued = int(self._clock().timestamp())
        claims = {
            "iss": "identity",
            "sub": session.person_id,
            "sid": session.session_id,
            "org": session.organisation_id,
            "iat": issued,
            "exp": issued + int(ACTOR_TOKEN_LIFETIME.total_seconds()),
        }
        return self._tokens.sign(ACTOR_TOKEN_TYPE, claims)

    async def logout(self, token: str) -> None:
        """End a session; nothing happens when there is none."""
        async with self._store.begin() as tx:
            found = await tx.sessions.by_token(token_digest(token))
            if found:
                await self.end(tx, EndCause.LOGOUT, found[0].person_id, session_id=found[0].session_id)

    async def list(self, person_id: str) -> list[tuple[Session, Organisation | None]]:
        """A person's live sessions, the newest first, with their companies."""
        now = self._clock()
        async with self._store.read() as tx:
            alive = [s for s in await tx.sessions.of_person(person_id, now) if s.alive(now, self._rules)]
            companies = await tx.organisations.get_many([s.organisation_id for s in alive if s.organisation_id])
        return [(session, companies.get(session.organisation_id)) for session in alive]

    async def revoke(self, person_id: str, present: str, session_id: str) -> int:
        """End one of a person's sessions, or with an empty `session_id` all but the present; returns how many were alive."""
        async with self._store.begin() as tx:
            if session_id:
                return await self.end(tx, EndCause.REVOKED, person_id, session_id=session_id)
            return await self.end(tx, EndCause.REVOKED, person_id, spare=present)


def _successor_again(token: str, session: Session, former: FormerToken) -> str:
    """The successor of a token that was just replaced, for a client that may have missed it; empty once it came back."""
    renewed = successor(token, former.nonce)
    return renewed if session.token_digest == token_digest(renewed) and not session.token_used else ""
