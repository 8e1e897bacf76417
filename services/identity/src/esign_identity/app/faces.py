"""The face step: opened with a vendor, judged by what the vendor itself answers."""

from collections.abc import Mapping
from dataclasses import replace

from esign.identity.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import new_id
from esign_kit.errors import EsignError

from esign_identity.app.ports import FaceVendor, Store, Transaction
from esign_identity.app.verifications import person_of, refuse
from esign_identity.domain import signing_refusals as refusals
from esign_identity.domain.face import FaceAnswer, FaceChannel, FaceCheck, FaceCheckState, FaceVerdict, judge
from esign_identity.domain.person import Person
from esign_identity.domain.verification import Verification, VerificationRules, VerificationState


class FaceChecks:
    """Face checks of a person's own verification. No transaction is open while a vendor is asked."""

    def __init__(
        self,
        store: Store,
        vendors: Mapping[FaceChannel, FaceVendor],
        clock: Clock,
        rules: VerificationRules,
        consent_versions: frozenset[str],
    ) -> None:
        self._store, self._vendors, self._clock, self._rules = store, vendors, clock, rules
        self._consents = consent_versions

    async def start(
        self, person_id: str, verification_id: str, channel: FaceChannel | None, consent_version: str
    ) -> FaceCheck:
        """Open a face check, or give the one that is open.

        Raises InvalidInput FACE_CHANNEL_UNKNOWN, CONSENT_REQUIRED, NotFound, Conflict, Unavailable FACE_UNAVAILABLE.
        """
        vendor = self._vendors.get(channel) if channel else None
        if channel is None or vendor is None:
            raise refusals.face_channel_unknown()
        if consent_version not in self._consents:
            raise refusals.consent_required()
        async with self._store.read() as tx:
            verification = await self._pending(tx, await tx.verifications.get(verification_id), person_id)
            known = await self._usable(tx, verification)
            if known:
                return known
            person = await person_of(tx, verification)
        face_check_id = new_id()
        token, url, token_ends = await vendor.open(face_check_id, person.name, person.id_number)
        async with self._store.begin() as tx:
            verification = await self._pending(tx, await tx.verifications.lock(verification_id), person_id)
            known = await self._usable(tx, verification)
            if known:
                return known
            stale = await tx.verifications.open_face_check(verification_id)
            if stale:
                await tx.verifications.update_face_check(replace(stale, state=FaceCheckState.EXPIRED))
            now = self._clock()
            ends = min(token_ends, verification.expires_at)
            check = FaceCheck(face_check_id, verification_id, channel, token, url, consent_version, now, ends)
            await tx.verifications.add_face_check(check)
            return check

    async def complete(self, person_id: str, verification_id: str, face_check_id: str) -> tuple[Verification, Person]:
        """Ask the vendor and act on its answer; the same question again gets the same answer.

        Raises NotFound, Conflict FACE_NOT_FINISHED (costs nothing), FACE_CHECK_EXPIRED (likewise), the verdict of a
        failed check (costs one attempt), or that the verification is at another step, Unavailable FACE_UNAVAILABLE.
        """
        async with self._store.read() as tx:
            verification, check = await self._of(
                tx, await tx.verifications.get(verification_id), person_id, face_check_id
            )
            person = await person_of(tx, verification)
        settled = self._settled(verification, check)
        if settled:
            return settled, person
        answer = await self._vendors[check.channel].result(check.token)
        async with self._store.begin() as tx:
            verification, check = await self._of(
                tx, await tx.verifications.lock(verification_id), person_id, face_check_id
            )
            settled = self._settled(verification, check)
            if settled:
                return settled, person
            outcome = await self._act(tx, verification, check, person, answer)
        if isinstance(outcome, EsignError):
            raise outcome
        return outcome, person

    async def _act(
        self, tx: Transaction, verification: Verification, check: FaceCheck, person: Person, answer: FaceAnswer | None
    ) -> Verification | EsignError:
        """A refusal is returned, not raised, so that it is committed with what it changes."""
        if answer is None:
            await tx.verifications.update_face_check(replace(check, state=FaceCheckState.EXPIRED))
            return refusals.face_check_expired()
        verdict = judge(answer, check, person)
        if verdict is FaceVerdict.NOT_FINISHED:
            return refusals.face_not_finished()
        passed = verdict is FaceVerdict.PASSED
        closed = replace(
            check,
            state=FaceCheckState.PASSED if passed else FaceCheckState.FAILED,
            verdict=verdict,
            score=(answer.score or "")[:20],
            receipt=answer.receipt,
        )
        await tx.verifications.update_face_check(closed)
        if not passed:
            after = verification.face_refused(self._rules)
            await tx.verifications.update(after)
            await refuse(tx, after, verdict.value)
            return refusals.face_refused(verdict.value, after.attempts_left(self._rules))
        after = verification.face_passed(answer.receipt_sha256, self._clock(), self._rules)
        await tx.verifications.update(after)
        await tx.emit(
            events_pb2.VerificationFacePassed(
                verification_id=after.verification_id,
                person_id=after.person_id,
                contract_id=after.contract_id,
                channel=check.channel.value,
                receipt_sha256=answer.receipt_sha256,
                score=closed.score,
            ),
            after.contract_id,
        )
        return after

    def _settled(self, verification: Verification, check: FaceCheck) -> Verification | None:
        """The verification when this check made it pass, None while the check is open. Raises what came out otherwise."""
        if check.state is FaceCheckState.PASSED:
            return verification
        if check.state is FaceCheckState.EXPIRED:
            raise refusals.face_check_expired()
        if check.state is FaceCheckState.FAILED:
            assert check.verdict is not None, "a failed check has a verdict"
            raise refusals.face_refused(check.verdict.value, verification.attempts_left(self._rules))
        verification.require(VerificationState.FACE_PENDING)
        return None

    async def _of(
        self, tx: Transaction, found: Verification | None, person_id: str, face_check_id: str
    ) -> tuple[Verification, FaceCheck]:
        if found is None or found.person_id != person_id:
            raise refusals.verification_not_found()
        check = await tx.verifications.face_check(face_check_id)
        if check is None or check.verification_id != found.verification_id:
            raise refusals.face_check_not_found()
        return found.seen_at(self._clock()), check

    async def _pending(self, tx: Transaction, found: Verification | None, person_id: str) -> Verification:
        if found is None or found.person_id != person_id:
            raise refusals.verification_not_found()
        return found.seen_at(self._clock()).require(VerificationState.FACE_PENDING)

    async def _usable(self, tx: Transaction, verification: Verification) -> FaceCheck | None:
        known = await tx.verifications.open_face_check(verification.verification_id)
        return known if known and self._clock() < known.expires_at else None
