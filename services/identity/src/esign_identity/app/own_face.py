"""Our own face channel: challenges in an order that nobody foretells, frames that are judged and forgotten."""

import hashlib
import hmac
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from esign.identity.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.telemetry import logger

from esign_identity.app.attempts import Attempt
from esign_identity.app.face_results import decide, locked
from esign_identity.app.ports import FaceEngine, Store, Transaction
from esign_identity.domain import face_refusals as refusals
from esign_identity.domain.face import FaceChannel, FaceCheck, FaceCheckState, FaceVerdict, new_secret
from esign_identity.domain.liveness import (
    RETAKE,
    Challenge,
    FrameReport,
    FrameVerdict,
    LivenessRules,
    Portrait,
    farthest,
    first_challenge,
    implausible,
    next_challenge,
    score,
)
from esign_identity.domain.verification import Verification, VerificationRules

log = logger(__name__)

Frames = Sequence[tuple[int, bytes]]
Standing = tuple[Verification, FaceCheck, Challenge | None]
"""Verification and check as they stand now, and the challenge that the phone is to show, if any."""

KIND = "face-frames"


class OwnFace:
    """Challenges of checks of our own. Callers hold the lock of the verification that they hand over."""

    def __init__(
        self,
        store: Store,
        engine: FaceEngine,
        clock: Clock,
        rules: LivenessRules,
        verification_rules: VerificationRules,
    ) -> None:
        self._store, self.engine, self._clock, self.rules = store, engine, clock, rules
        self._verification_rules = verification_rules

    async def show(self, tx: Transaction, verification: Verification, check: FaceCheck) -> Standing:
        """What the phone that holds `check` is to show now: the first challenge begins anew each time."""
        now = self._clock()
        last = await self._last(tx, check)
        if last is None:
            first = first_challenge(check.face_check_id, new_secret(), now, self.rules)
            await tx.faces.put_challenge(first)
            return verification, check, first
        if last.taken_at is not None:
            return (*await self._tidy(tx, verification, check, now), None)
        if last.step == 1:
            anew = last.again(new_secret(), now, self.rules)
            await tx.faces.put_challenge(anew)
            return verification, check, anew
        verification, check = await self._tidy(tx, verification, check, now)
        return verification, check, last if check.state is FaceCheckState.SCANNED else None

    async def take(
        self, tx: Transaction, verification: Verification, check: FaceCheck, nonce: str, frames: Frames
    ) -> tuple[Verification, FaceCheck, Challenge | None]:
        """Use up the nonce for these frames: the challenge that they answer, None when the check is over by now.

        Raises Conflict FACE_FRAMES_LATE, and Attempt Conflict FACE_NONCE_WRONG, FACE_NONCE_USED, InvalidInput
        FACE_FRAMES_INVALID. Of frames that come twice, or at once, one set is taken.
        """
        now = self._clock()
        challenges = await tx.faces.challenges(check.face_check_id)
        whose = (verification.person_id, check.face_check_id)
        last = challenges[-1] if challenges else None
        if last is None or not hmac.compare_digest(last.nonce.encode(), nonce.encode()):
            earlier = any(hmac.compare_digest(c.nonce.encode(), nonce.encode()) for c in challenges)
            raise Attempt(KIND, refusals.nonce_used() if earlier else refusals.nonce_wrong(), *whose)
        if last.taken_at is not None:
            raise Attempt(KIND, refusals.nonce_used(), *whose)
        if now > last.answer_by:
            if last.step == 1:
                raise refusals.frames_late()
            return (*await self._fail(tx, verification, check, FaceVerdict.TOO_LATE), None)
        wrong = implausible(frames, now - last.issued_at, self.rules)
        if wrong:
            raise Attempt(KIND, wrong, *whose)
        taken = replace(last, taken_at=now)
        await tx.faces.put_challenge(taken)
        return verification, check, taken

    async def judge(self, verification_id: str, challenge: Challenge, frames: Frames) -> FrameReport:
        """What the engine saw; while it looks no transaction is open. Raises Unavailable FACE_UNAVAILABLE.

        When it saw nothing because it failed, the check ends and costs nothing.
        """
        try:
            return await self.engine.judge(challenge.action, frames)
        except Exception:
            async with self._store.begin() as tx:
                await tx.verifications.lock(verification_id)
                check = await tx.faces.get(challenge.face_check_id)
                if check and check.state is FaceCheckState.SCANNED:
                    await tx.faces.update(check.expired(FaceVerdict.UNAVAILABLE))
            raise

    async def conclude(
        self,
        tx: Transaction,
        verification: Verification,
        check: FaceCheck,
        taken: Challenge,
        frames: Frames,
        report: FrameReport,
    ) -> Standing:
        """Go on from what was seen: the first challenge again, the next one, or the end."""
        last = await self._last(tx, check)
        if check.state is not FaceCheckState.SCANNED or last is None or last.nonce != taken.nonce or last.report:
            return verification, check, None
        now = self._clock()
        if taken.step == 1 and report.verdict in RETAKE and taken.takes <= self.rules.retakes:
            anew = replace(last.again(new_secret(), now, self.rules), takes=taken.takes + 1, hint=report.verdict.value)
            await tx.faces.put_challenge(anew)
            return verification, check, anew
        portrait = await tx.faces.portrait(verification.person_id)
        begun = await tx.faces.begun_with(check.face_check_id) or next(iter(report.embeddings), b"")
        try:
            verdict, apart = self._compare(portrait, begun, report)
        except ValueError:
            log.error("the face engine's report cannot be used", face_check_id=check.face_check_id)
            ended = check.expired(FaceVerdict.UNAVAILABLE)
            await tx.faces.update(ended)
            return verification, ended, None
        await tx.faces.put_challenge(replace(last, report=_entry(taken, frames, report, apart)))
        if verdict is not FaceVerdict.PASSED:
            return (*await self._fail(tx, verification, check, verdict), None)
        if taken.step == 1:
            await tx.faces.begin_with(check.face_check_id, begun)
        challenges = await tx.faces.challenges(check.face_check_id)
        if taken.step < self.rules.steps:
            following = next_challenge(challenges, new_secret(), now, self.rules)
            await tx.faces.put_challenge(following)
            return verification, check, following
        return (*await self._decide(tx, verification, check, FaceVerdict.PASSED, challenges), None)

    async def tidy(self, check: FaceCheck) -> None:
        """Close a check whose phone let a challenge pass, or whose frames got lost on our side."""
        async with self._store.begin() as tx:
            verification, found = await locked(tx, check)
            now = self._clock()
            if found.seen_at(now, verification).state is FaceCheckState.SCANNED:
                await self._tidy(tx, verification, found, now)

    async def leave(self, tx: Transaction, verification: Verification, check: FaceCheck) -> Verification:
        """End a check for another one. It costs an attempt once a challenge was seen that could not be foretold."""
        last = await self._last(tx, check)
        if last is not None and last.step > 1 and not last.stuck(self._clock(), self.rules):
            return (await self._fail(tx, verification, check, FaceVerdict.ABANDONED))[0]
        await tx.faces.update(check.expired())
        return verification

    async def enrol(self, tx: Transaction, portrait: Portrait) -> None:
        """Keep a person's first portrait."""
        if await tx.faces.enrol(portrait):
            await tx.emit(
                events_pb2.PortraitEnrolled(person_id=portrait.person_id, face_check_id=portrait.face_check_id)
            )

    def _compare(self, portrait: Portrait | None, begun: bytes, report: FrameReport) -> tuple[FaceVerdict, float]:
        """Raises ValueError when there is nothing to compare."""
        if report.verdict is not FrameVerdict.OK:
            return FaceVerdict(report.verdict.value), math.inf
        if portrait is None or not report.embeddings:
            raise ValueError("nothing to compare")
        apart = farthest(portrait.embedding, report.embeddings)
        if apart > self.rules.max_distance:
            return FaceVerdict.NOT_SAME_PERSON, apart
        if farthest(begun, report.embeddings) > self.rules.max_distance:
            return FaceVerdict.CHANGED, apart
        return FaceVerdict.PASSED, apart

    async def _tidy(
        self, tx: Transaction, verification: Verification, check: FaceCheck, now: datetime
    ) -> tuple[Verification, FaceCheck]:
        last = await self._last(tx, check)
        if last is None:
            return verification, check
        if last.stuck(now, self.rules):
            ended = check.expired(FaceVerdict.UNAVAILABLE)
            await tx.faces.update(ended)
            return verification, ended
        if last.step > 1 and last.taken_at is None and now > last.answer_by:
            return await self._fail(tx, verification, check, FaceVerdict.TOO_LATE)
        return verification, check

    async def _last(self, tx: Transaction, check: FaceCheck) -> Challenge | None:
        challenges = await tx.faces.challenges(check.face_check_id)
        return challenges[-1] if challenges else None

    async def _fail(
        self, tx: Transaction, verification: Verification, check: FaceCheck, verdict: FaceVerdict
    ) -> tuple[Verification, FaceCheck]:
        return await self._decide(tx, verification, check, verdict, await tx.faces.challenges(check.face_check_id))

    async def _decide(
        self,
        tx: Transaction,
        verification: Verification,
        check: FaceCheck,
        verdict: FaceVerdict,
        challenges: Sequence[Challenge],
    ) -> tuple[Verification, FaceCheck]:
        portrait = await tx.faces.portrait(verification.person_id)
        apart = [d for c in challenges if isinstance(d := c.report.get("distance"), float)]
        result = score(max(apart), self.rules) if apart else ""
        receipt = {
            "channel": FaceChannel.OWN.value,
            "basis": "与留存照一致",
            "face_check_id": check.face_check_id,
            "portrait_from": portrait.face_check_id if portrait else "",
            "max_distance": self.rules.max_distance,
            "score": result,
            "verdict": verdict.value,
            "challenges": [{"action": c.action.value, **c.report} for c in challenges],
        }
        text = json.dumps(receipt, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return await decide(tx, verification, check, verdict, result, text, self._clock(), self._verification_rules)


def _entry(taken: Challenge, frames: Frames, report: FrameReport, apart: float) -> dict[str, object]:
    """What the receipt keeps of one challenge."""
    entry: dict[str, object] = {
        "issued_at": taken.issued_at.isoformat(),
        "taken_at": taken.taken_at.isoformat() if taken.taken_at else "",
        "takes": taken.takes,
        "verdict": report.verdict.value,
        "faces": list(report.faces),
        "quality": {k: round(float(v), 4) for k, v in report.quality.items() if math.isfinite(v)},
        "frames": [{"at_ms": at, "sha256": hashlib.sha256(jpeg).hexdigest()} for at, jpeg in frames],
    }
    if math.isfinite(apart):
        entry["distance"] = round(apart, 4)
    return entry
