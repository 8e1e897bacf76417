"""Verifications: opening them, the SMS step, and their end by time."""

import asyncio

from esign.identity.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import new_id
from esign_kit.errors import EsignError

from esign_identity.app.codes import CodeDesk, CodeRequest, CodeTicket
from esign_identity.app.ports import CodeDigests, Store, Transaction
from esign_identity.domain import signing_refusals as refusals
from esign_identity.domain.activation import check_id, check_sha256
from esign_identity.domain.codes import DAY, CodeCheck, CodePurpose, parse_code
from esign_identity.domain.person import Person
from esign_identity.domain.refusals import person_not_found
from esign_identity.domain.verification import Verification, VerificationRules, VerificationState


async def refuse(tx: Transaction, verification: Verification, reason: str) -> None:
    """Tell that a step, or the whole verification, was refused."""
    await tx.emit(
        events_pb2.VerificationRefused(
            verification_id=verification.verification_id,
            person_id=verification.person_id,
            contract_id=verification.contract_id,
            reason=reason,
        ),
        verification.contract_id,
    )


async def person_of(tx: Transaction, verification: Verification) -> Person:
    """The person who is verified."""
    person = await tx.people.get(verification.person_id)
    assert person is not None, "a verification's person is never deleted"
    return person


class Verifications:
    """A person's verifications. Another person's are not found."""

    def __init__(
        self, store: Store, desk: CodeDesk, digests: CodeDigests, clock: Clock, rules: VerificationRules
    ) -> None:
        self._store, self._desk, self._digests, self._clock, self.rules = store, desk, digests, clock, rules

    async def start(
        self,
        person_id: str,
        organisation_id: str,
        contract_id: str,
        party_id: str,
        document_sha256: str,
        document_number: str,
    ) -> tuple[Verification, Person]:
        """Open a verification of a person for one contract and document, or give the one that is open.

        Raises InvalidInput, NotFound PERSON_NOT_FOUND, Limited VERIFICATION_LIMIT.
        """
        check_id("contract_id", contract_id)
        check_id("party_id", party_id)
        check_id("document_number", document_number)
        check_sha256("document_sha256", document_sha256)
        now = self._clock()
        async with self._store.begin() as tx:
            await tx.serialise("verification", person_id, contract_id)
            person = await tx.people.get(person_id)
            if person is None:
                raise person_not_found()
            known = await tx.verifications.open_for(person_id, contract_id, party_id, document_sha256)
            if known:
                if now < known.expires_at:
                    return known, person
                await self._expire(tx, known)
            if await tx.verifications.failures(person_id, contract_id, now - DAY) >= self.rules.failures_per_day:
                raise refusals.verification_limit()
            opened = Verification(
                new_id(),
                person_id,
                contract_id,
                party_id,
                document_sha256,
                document_number,
                now,
                now + self.rules.lifetime,
                organisation_id=organisation_id,
            )
            await tx.verifications.add(opened)
            await tx.emit(
                events_pb2.VerificationStarted(
                    verification_id=opened.verification_id,
                    person_id=person_id,
                    contract_id=contract_id,
                    document_sha256=document_sha256,
                ),
                contract_id,
            )
            return opened, person

    async def get(self, person_id: str, verification_id: str) -> tuple[Verification, Person]:
        """As it stands now. Raises NotFound."""
        async with self._store.read() as tx:
            found = self._own(await tx.verifications.get(verification_id), person_id)
            return found.seen_at(self._clock()), await person_of(tx, found)

    async def send_code(self, person_id: str, verification_id: str) -> CodeTicket:
        """Send the SMS code to the person's registered phone. Raises NotFound, Conflict, Limited, Unavailable."""

        async def ask(tx: Transaction) -> CodeRequest:
            found = await self._locked(tx, person_id, verification_id)
            found.require(VerificationState.SMS_PENDING)
            person = await person_of(tx, found)
            return CodeRequest(CodePurpose.SIGNING, person.phone, True, found.verification_id, found.document_number)

        return await self._desk.issue("", ask)

    async def confirm_code(self, person_id: str, verification_id: str, code: str) -> tuple[Verification, Person]:
        """Check the SMS code; the last wrong one fails the verification. Raises InvalidInput, NotFound, Conflict."""
        typed = parse_code(code)
        async with self._store.begin() as tx:
            found = await self._locked(tx, person_id, verification_id)
            found.require(VerificationState.SMS_PENDING)
            outcome = await self._try(tx, found, typed)
            person = await person_of(tx, found)
        if isinstance(outcome, EsignError):
            raise outcome
        return outcome, person

    async def _try(self, tx: Transaction, found: Verification, typed: str) -> Verification | EsignError:
        """A refusal is returned, not raised, so that it is committed with what it changes."""
        code = await tx.codes.latest_signing(found.verification_id)
        if code is None:
            return refusals.verification_code_expired()
        digest = self._digests.digest(code.code_id, typed)
        check, code_after = code.check(digest, self._clock(), self._desk.rules)
        if check is CodeCheck.EXPIRED:
            return refusals.verification_code_expired()
        await tx.codes.update(code_after)
        if check is CodeCheck.RIGHT:
            passed = found.sms_passed(code.code_id)
            await tx.verifications.update(passed)
            await tx.emit(
                events_pb2.VerificationSmsPassed(
                    verification_id=found.verification_id,
                    person_id=found.person_id,
                    contract_id=found.contract_id,
                    receipt=passed.sms_receipt,
                ),
                found.contract_id,
            )
            return passed
        after = found.sms_refused(self.rules)
        await tx.verifications.update(after)
        failed = after.state is VerificationState.FAILED
        await refuse(tx, after, "SMS_ATTEMPTS_EXHAUSTED" if failed else "SMS_CODE_WRONG")
        return (
            refusals.verification_failed()
            if failed
            else refusals.verification_code_wrong(after.attempts_left(self.rules))
        )

    async def expire_overdue(self) -> int:
        """Close verifications whose time is over; returns how many."""
        async with self._store.begin() as tx:
            overdue = await tx.verifications.overdue(self._clock(), 100)
            for verification in overdue:
                await self._expire(tx, verification)
            return len(overdue)

    async def _expire(self, tx: Transaction, verification: Verification) -> None:
        await tx.verifications.update(verification.expired())
        await refuse(tx, verification, "VERIFICATION_EXPIRED")

    async def _locked(self, tx: Transaction, person_id: str, verification_id: str) -> Verification:
        return self._own(await tx.verifications.lock(verification_id), person_id).seen_at(self._clock())

    def _own(self, found: Verification | None, person_id: str) -> Verification:
        if found is None or found.person_id != person_id:
            raise refusals.verification_not_found()
        return found


class Housekeeping:
    """What nobody asks for but time does."""

    def __init__(self, store: Store, verifications: Verifications, clock: Clock, pause: float = 30.0) -> None:
        self._store, self._verifications, self._clock, self._pause = store, verifications, clock, pause

    async def run(self) -> None:
        """Tidy up again and again; ends only by cancellation. Any number of replicas may do so."""
        while True:
            await self.once()
            await asyncio.sleep(self._pause)

    async def once(self) -> None:
        """Expire verifications, forget old codes and sessions."""
        while await self._verifications.expire_overdue():
            pass
        now = self._clock()
        async with self._store.begin() as tx:
            await tx.codes.forget(now - 2 * DAY)
            await tx.sessions.forget(now - 30 * DAY)
