"""Verifications: opening them, the SMS step, and their end by time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from esign.identity.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import new_id
from esign_kit.errors import EsignError

from esign_identity.app.attempts import Attempt, told_by
from esign_identity.app.codes import CodeDesk, CodeRequest, CodeTicket
from esign_identity.app.consents import Consents
from esign_identity.app.ports import CodeDigests, Store, Transaction
from esign_identity.domain import signing_refusals as refusals
from esign_identity.domain.activation import check_id, check_sha256
from esign_identity.domain.codes import DAY, CodeCheck, CodePurpose, parse_code
from esign_identity.domain.face import FaceCheck
from esign_identity.domain.person import Person
from esign_identity.domain.refusals import person_not_found
from esign_identity.domain.verification import Holder, Verification, VerificationRules, VerificationState


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


async def close_verifications(tx: Transaction, person_id: str, reason: str, organisation_id: str | None = None) -> None:
    """End a person's open verifications, or only those opened in a session for one company: what they rest on changed."""
    for verification in await tx.verifications.open_of(person_id, organisation_id):
        await tx.verifications.update(verification.expired())
        await refuse(tx, verification, reason)


async def person_of(tx: Transaction, verification: Verification) -> Person:
    """The person who is verified."""
    person = await tx.people.get(verification.person_id)
    assert person is not None, "a verification's person is never deleted"
    return person


def own(found: Verification | None, holder: Holder) -> Verification:
    """The verification, when it was opened by this person in a session for the same company.

    Raises NotFound, and Attempt NotFound when it is another person's.
    """
    if found is not None and found.person_id != holder.person_id:
        raise Attempt("verification", refusals.verification_not_found(), holder.person_id, found.verification_id)
    if found is None or found.holder != holder:
        raise refusals.verification_not_found()
    return found


@dataclass(frozen=True, slots=True)
class VerificationView:
    """A verification as it stands now, whose it is, and its newest face check."""

    verification: Verification
    person: Person
    face: FaceCheck | None = None


async def view_of(tx: Transaction, verification: Verification, now: datetime) -> VerificationView:
    """All that the person's screens show of it."""
    face = await tx.faces.latest(verification.verification_id)
    person = await person_of(tx, verification)
    return VerificationView(verification.seen_at(now), person, face.seen_at(now, verification) if face else None)


class Verifications:
    """A person's verifications. Another person's are not found, nor one's own that began in a session for another company."""

    def __init__(
        self,
        store: Store,
        desk: CodeDesk,
        digests: CodeDigests,
        consents: Consents,
        clock: Clock,
        rules: VerificationRules,
    ) -> None:
        self._store, self._desk, self._digests, self._consents = store, desk, digests, consents
        self._clock, self.rules = clock, rules

    async def start(
        self,
        holder: Holder,
        contract_id: str,
        party_id: str,
        document_sha256: str,
        document_number: str,
    ) -> VerificationView:
        """Open a verification of a person for one contract and document, or give the one that is open.

        Raises InvalidInput, NotFound PERSON_NOT_FOUND, Conflict TERMS_NOT_ACCEPTED, Limited VERIFICATION_LIMIT, FACE_PAUSED.
        """
        check_id("contract_id", contract_id)
        check_id("party_id", party_id)
        check_id("document_number", document_number)
        check_sha256("document_sha256", document_sha256)
        now, person_id = self._clock(), holder.person_id
        async with self._store.begin() as tx:
            await tx.serialise("verification", person_id, contract_id)
            person = await tx.people.get(person_id)
            if person is None:
                raise person_not_found()
            await self._consents.require_terms(tx, person_id)
            known = await tx.verifications.open_for(person_id, contract_id, party_id, document_sha256)
            if known:
                if now < known.expires_at and known.holder == holder:
                    return await view_of(tx, known, now)
                await self._expire(tx, known)
            if await tx.verifications.failures(person_id, contract_id, now - DAY) >= self.rules.failures_per_day:
                raise refusals.verification_limit()
            failed_at = await tx.verifications.face_failed_at(person_id, contract_id)
            if failed_at and (pause := failed_at + self.rules.face_pause - now) > timedelta(0):
                raise refusals.face_paused(max(1, -int(-pause.total_seconds() // 1)))
            opened = Verification(
                new_id(),
                person_id,
                contract_id,
                party_id,
                document_sha256,
                document_number,
                now,
                now + self.rules.lifetime,
                organisation_id=holder.organisation_id,
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
            return VerificationView(opened, person)

    async def get(self, holder: Holder, verification_id: str) -> VerificationView:
        """As it stands now. Raises NotFound."""
        async with told_by(self._store), self._store.read() as tx:
            found = own(await tx.verifications.get(verification_id), holder)
            return await view_of(tx, found, self._clock())

    async def send_code(self, holder: Holder, verification_id: str) -> CodeTicket:
        """Send the SMS code to the person's registered phone. Raises NotFound, Conflict, Limited, Unavailable."""

        async def ask(tx: Transaction) -> CodeRequest:
            found = await self._locked(tx, holder, verification_id)
            found.require(VerificationState.SMS_PENDING)
            person = await person_of(tx, found)
            return CodeRequest(CodePurpose.SIGNING, person.phone, True, found.verification_id, found.document_number)

        async with told_by(self._store):
            return await self._desk.issue("", ask)

    async def confirm_code(self, holder: Holder, verification_id: str, code: str) -> VerificationView:
        """Check the SMS code; the last wrong one fails the verification. Raises InvalidInput, NotFound, Conflict."""
        typed = parse_code(code)
        async with told_by(self._store), self._store.begin() as tx:
            found = await self._locked(tx, holder, verification_id)
            found.require(VerificationState.SMS_PENDING)
            outcome = await self._try(tx, found, typed)
            person = await person_of(tx, found)
        if isinstance(outcome, EsignError):
            raise outcome
        return VerificationView(outcome, person)

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

    async def _locked(self, tx: Transaction, holder: Holder, verification_id: str) -> Verification:
        return own(await tx.verifications.lock(verification_id), holder).seen_at(self._clock())
