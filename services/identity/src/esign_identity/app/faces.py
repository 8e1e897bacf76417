"""The face step: channels, checks that a person opens, and asking vendors for what came out."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from esign_kit.clock import Clock
from esign_kit.db import new_id
from esign_kit.errors import EsignError
from esign_kit.telemetry import logger

from esign_identity.app.attempts import Attempt, told_by
from esign_identity.app.consents import Consents
from esign_identity.app.face_results import decide, locked
from esign_identity.app.own_face import OwnFace
from esign_identity.app.ports import FaceVendor, Store, Transaction
from esign_identity.app.verifications import VerificationView, own, person_of, view_of
from esign_identity.domain import face_refusals as refusals
from esign_identity.domain.consent import ConsentKind, Device
from esign_identity.domain.face import (
    FaceAnswer,
    FaceChannel,
    FaceCheck,
    FaceCheckState,
    FaceVerdict,
    judge,
    new_secret,
)
from esign_identity.domain.liveness import Portrait
from esign_identity.domain.person import Person
from esign_identity.domain.verification import Holder, Verification, VerificationRules, VerificationState

log = logger(__name__)

LOOK_AFTER = timedelta(seconds=3)
ENROL_SECONDS = 5.0
_MOST_IMAGE_BYTES = 3 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """A face check that a person asks for: channel, and the statement that they accept with this device."""

    channel: FaceChannel | None
    consent_version: str
    consent_sha256: str
    device: Device


@dataclass(frozen=True, slots=True)
class ChannelOption:
    """A channel; `reason` says why it cannot be used now, a stable code, empty when it can."""

    channel: FaceChannel
    reason: str


class FaceChecks:
    """Face checks of a person's own verification. No transaction is open while a vendor or an engine is asked."""

    def __init__(
        self,
        store: Store,
        vendors: Mapping[FaceChannel, FaceVendor],
        own_face: OwnFace | None,
        consents: Consents,
        clock: Clock,
        rules: VerificationRules,
    ) -> None:
        self._store, self._vendors, self._own, self._consents = store, vendors, own_face, consents
        self._clock, self._rules = clock, rules

    async def channels(self, holder: Holder, verification_id: str) -> list[ChannelOption]:
        """What may be chosen, in the order offered. Raises NotFound."""
        async with told_by(self._store), self._store.read() as tx:
            own(await tx.verifications.get(verification_id), holder)
            enrolled = await tx.faces.portrait(holder.person_id) is not None
        missing = "" if enrolled else refusals.no_portrait().reason
        return [
            ChannelOption(channel, missing if channel is FaceChannel.OWN else "")
            for channel in FaceChannel
            if self._offers(channel)
        ]

    async def start(self, holder: Holder, verification_id: str, wanted: Wanted) -> FaceCheck:
        """Open a face check, or give the one of this channel that still waits for a phone; any other one ends.

        Raises InvalidInput FACE_CHANNEL_UNKNOWN, CONSENT_REQUIRED, NotFound, Conflict NO_PORTRAIT or where the
        verification stands, Limited FACE_CHECK_LIMIT, Unavailable FACE_UNAVAILABLE.
        """
        channel = wanted.channel
        if channel is None or not self._offers(channel):
            raise refusals.face_channel_unknown()
        self._consents.require(ConsentKind.BIOMETRIC, wanted.consent_version, wanted.consent_sha256)
        known = await self._undecided(holder, verification_id)
        if known and known.state is FaceCheckState.SCANNED:
            # What has come out by now counts before another one begins.
            with contextlib.suppress(EsignError):
                await self.advance(known)
        async with told_by(self._store), self._store.read() as tx:
            verification = await self._pending(tx, verification_id, holder, lock=False)
            again = await self._usable(tx, verification, channel)
            if again:
                return again
            await self._admit(tx, verification, channel)
            person = await person_of(tx, verification)
        face_check_id, now = new_id(), self._clock()
        token, url, ends = "", "", now + (self._own.rules.lifetime if self._own else timedelta(0))
        if channel in self._vendors:
            token, url, ends = await self._vendors[channel].open(face_check_id, person.name, person.id_number)
        async with told_by(self._store), self._store.begin() as tx:
            verification = await self._pending(tx, verification_id, holder, lock=True)
            again = await self._usable(tx, verification, channel)
            if again:
                return again
            await self._admit(tx, verification, channel)
            verification = await self._end_the_former(tx, verification)
            if verification.state is VerificationState.FACE_PENDING:
                check = FaceCheck(
                    face_check_id,
                    verification_id,
                    channel,
                    token,
                    url,
                    wanted.consent_version,
                    now,
                    min(ends, verification.expires_at),
                    new_secret(),
                )
                await tx.faces.add(check)
                text = self._consents.text(ConsentKind.BIOMETRIC)
                await self._consents.keep(tx, holder.person_id, text, wanted.device)
                return check
        raise verification.not_at()

    async def complete(self, holder: Holder, verification_id: str, face_check_id: str) -> VerificationView:
        """Ask what came out; the same question again gets the same answer.

        Raises NotFound, Conflict FACE_NOT_FINISHED (costs nothing), FACE_CHECK_EXPIRED (likewise), the verdict of a
        failed check (costs one attempt), or that the verification is at another step, Unavailable FACE_UNAVAILABLE.
        """
        check, settled = await self._standing(holder, verification_id, face_check_id)
        if settled:
            return settled
        await self.advance(check)
        check, settled = await self._standing(holder, verification_id, face_check_id)
        if settled:
            return settled
        raise refusals.face_not_finished()

    async def look_after(self, check: FaceCheck) -> None:
        """`advance`, at most once in `LOOK_AFTER` however many ask; a vendor that does not answer is asked again later."""
        async with self._store.begin() as tx:
            turn = await tx.faces.look_after(check.face_check_id, self._clock(), LOOK_AFTER)
        if turn:
            with contextlib.suppress(EsignError):
                await self.advance(check)

    async def advance(self, check: FaceCheck) -> None:
        """Have a check that a phone holds decided, if it can be by now. Raises Unavailable FACE_UNAVAILABLE."""
        if check.state is not FaceCheckState.SCANNED:
            return
        if check.channel is FaceChannel.OWN:
            if self._own:
                await self._own.tidy(check)
            return
        vendor = self._vendors.get(check.channel)
        if vendor is None:
            raise refusals.face_unavailable()
        async with self._store.read() as tx:
            verification = await tx.verifications.get(check.verification_id)
            assert verification is not None, "a verification is never deleted"
            person = await person_of(tx, verification)
            enrolling = self._own is not None and await tx.faces.portrait(person.person_id) is None
        answer = await vendor.result(check.token, enrolling)
        embedding = await self._embedding(answer, check, person) if enrolling else None
        async with self._store.begin() as tx:
            verification, found = await locked(tx, check)
            if found.seen_at(self._clock(), verification).state is FaceCheckState.SCANNED:
                await self._act(tx, verification, found, person, answer, embedding)

    async def _act(
        self,
        tx: Transaction,
        verification: Verification,
        check: FaceCheck,
        person: Person,
        answer: FaceAnswer | None,
        embedding: bytes | None,
    ) -> None:
        if answer is None:
            await tx.faces.update(check.expired())
            return
        verdict, now = judge(answer, check, person), self._clock()
        if verdict is FaceVerdict.NOT_FINISHED:
            return
        await decide(tx, verification, check, verdict, answer.score or "", answer.receipt, now, self._rules)
        if verdict is FaceVerdict.PASSED and embedding and self._own:
            await self._own.enrol(tx, Portrait(person.person_id, embedding, check.face_check_id, now))

    async def _embedding(self, answer: FaceAnswer | None, check: FaceCheck, person: Person) -> bytes | None:
        """Of the vendor's picture, which goes no further; a portrait that cannot be had now is had from a later check."""
        if not self._own or not answer or not answer.image or len(answer.image) > _MOST_IMAGE_BYTES:
            return None
        if judge(answer, check, person) is not FaceVerdict.PASSED:
            return None
        try:
            async with asyncio.timeout(ENROL_SECONDS):
                return await self._own.engine.embed(answer.image)
        except (EsignError, TimeoutError) as error:
            log.warning("no portrait was made", error=type(error).__name__, face_check_id=check.face_check_id)
            return None

    async def _standing(
        self, holder: Holder, verification_id: str, face_check_id: str
    ) -> tuple[FaceCheck, VerificationView | None]:
        """A check, and the view when it made its verification pass, None while it is open. Raises what came out otherwise."""
        async with told_by(self._store), self._store.read() as tx:
            verification = own(await tx.verifications.get(verification_id), holder)
            check = await tx.faces.get(face_check_id)
            if check is None:
                raise refusals.face_check_not_found()
            if check.verification_id != verification_id:
                raise Attempt("verification", refusals.face_check_not_found(), holder.person_id, face_check_id)
            now = self._clock()
            view, check = await view_of(tx, verification, now), check.seen_at(now, verification)
        if check.state is FaceCheckState.PASSED:
            return check, view
        if check.state is FaceCheckState.FAILED:
            assert check.verdict is not None, "a failed check has a verdict"
            raise refusals.face_refused(check.verdict.value, view.verification.attempts_left(self._rules))
        if check.state is FaceCheckState.EXPIRED:
            raise refusals.face_check_expired()
        return check, None

    def _offers(self, channel: FaceChannel) -> bool:
        return self._own is not None if channel is FaceChannel.OWN else channel in self._vendors

    async def _undecided(self, holder: Holder, verification_id: str) -> FaceCheck | None:
        async with told_by(self._store), self._store.read() as tx:
            verification = own(await tx.verifications.get(verification_id), holder)
            return await tx.faces.undecided(verification.verification_id)

    async def _pending(self, tx: Transaction, verification_id: str, holder: Holder, *, lock: bool) -> Verification:
        find = tx.verifications.lock if lock else tx.verifications.get
        found = own(await find(verification_id), holder)
        return found.seen_at(self._clock()).require(VerificationState.FACE_PENDING)

    async def _usable(self, tx: Transaction, verification: Verification, channel: FaceChannel) -> FaceCheck | None:
        known = await tx.faces.undecided(verification.verification_id)
        if known is None or known.channel is not channel or not known.relay:
            return None
        return known if known.seen_at(self._clock(), verification).state is FaceCheckState.OPEN else None

    async def _admit(self, tx: Transaction, verification: Verification, channel: FaceChannel) -> None:
        if await tx.faces.count(verification.verification_id) >= self._rules.face_checks:
            raise refusals.face_check_limit()
        if channel is FaceChannel.OWN and await tx.faces.portrait(verification.person_id) is None:
            raise refusals.no_portrait()

    async def _end_the_former(self, tx: Transaction, verification: Verification) -> Verification:
        former = await tx.faces.undecided(verification.verification_id)
        if former is None:
            return verification
        if former.channel is FaceChannel.OWN and self._own:
            return await self._own.leave(tx, verification, former)
        await tx.faces.update(former.expired())
        return verification
