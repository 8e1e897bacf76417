"""Single sign-on: a trusted platform vouches for a signer, with a token that is good once and for moments."""

from datetime import datetime

from esign.identity.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.errors import EsignError, InvalidInput

from esign_identity.app.login import admit_address
from esign_identity.app.login_ports import SignOnTokens
from esign_identity.app.ports import Store, Transaction
from esign_identity.app.sessions import Opened, SessionDesk
from esign_identity.domain import refusals
from esign_identity.domain.codes import parse_client_address
from esign_identity.domain.login import LoginRules
from esign_identity.domain.organisation import Organisation, parse_unified_social_credit_code
from esign_identity.domain.sign_on import SignOn, SignOnRefusal, SignOnRules, refusal


class SignOnDesk:
    """Turns tokens of trusted platforms into sessions."""

    def __init__(
        self,
        store: Store,
        tokens: SignOnTokens,
        sessions: SessionDesk,
        clock: Clock,
        rules: SignOnRules,
        limits: LoginRules,
    ) -> None:
        self._store, self._tokens, self._sessions = store, tokens, sessions
        self._clock, self._rules, self._limits = clock, rules, limits

    async def redeem(self, token: str, client_address: str, user_agent: str) -> Opened:
        """A session for the company that the token names, of a person who signs for it according to the same platform.

        Raises InvalidInput, Limited, Unauthenticated SIGN_ON_INVALID, Forbidden SIGN_ON_NOT_SIGNER. Why exactly a token
        is not taken is told in the audit event only.
        """
        address = parse_client_address(client_address)
        async with self._store.begin() as tx:
            outcome = await self._redeem(tx, token, address, user_agent)
        if isinstance(outcome, EsignError):
            raise outcome
        return outcome

    async def _redeem(self, tx: Transaction, token: str, address: str, user_agent: str) -> Opened | EsignError:
        now = self._clock()
        limited = await admit_address(tx, address, now, self._limits, "sign-on")
        if limited:
            return limited
        said = await self._tokens.check(token)
        if isinstance(said, SignOnRefusal):
            return await self._refuse(tx, said, "", address, now)
        reason = refusal(said, now, self._rules)
        if reason is None and not await tx.sign_ons.take(said):
            reason = SignOnRefusal.REPLAYED
        person = await tx.people.get(said.person_id)
        known = person.person_id if person else ""
        if reason:
            return await self._refuse(tx, reason, known, address, now)
        organisation = await self._organisation(tx, said)
        if (
            person is None
            or organisation is None
            or not await tx.signers.is_present(organisation.organisation_id, person.person_id, said.platform)
        ):
            return await self._refuse(tx, SignOnRefusal.NOT_SIGNER, known, address, now)
        return await self._sessions.open(
            tx, person, organisation, method=said.platform, address=address, user_agent=user_agent
        )

    async def _organisation(self, tx: Transaction, said: SignOn) -> Organisation | None:
        """The company, with changes of its signers waiting until this transaction ends."""
        try:
            code = parse_unified_social_credit_code(said.unified_social_credit_code)
        except InvalidInput:
            return None
        await tx.serialise("organisation", code)
        return await tx.organisations.by_code(code)

    async def _refuse(
        self, tx: Transaction, reason: SignOnRefusal, person_id: str, address: str, now: datetime
    ) -> EsignError:
        await tx.codes.add_failure(address, now)
        await tx.emit(events_pb2.AttemptRefused(kind="sign-on", reason=reason.value, person_id=person_id))
        return refusals.sign_on_not_signer() if reason is SignOnRefusal.NOT_SIGNER else refusals.sign_on_invalid()
