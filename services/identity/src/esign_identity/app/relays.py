"""The phone's side of a face check: the address of the QR code, the one device that holds it, frames and results."""

from dataclasses import dataclass, replace

from esign_kit.clock import Clock

from esign_identity.app.attempts import Attempt, told_by
from esign_identity.app.face_results import locked
from esign_identity.app.faces import FaceChecks
from esign_identity.app.own_face import Frames, OwnFace
from esign_identity.app.ports import Store, Transaction
from esign_identity.app.verifications import person_of
from esign_identity.domain import face_refusals as refusals
from esign_identity.domain.consent import Device
from esign_identity.domain.face import FaceChannel, FaceCheck, FaceCheckState, new_secret, secret_digest
from esign_identity.domain.liveness import Challenge, check_frames
from esign_identity.domain.person import Person
from esign_identity.domain.verification import Verification

KIND = "face-relay"


@dataclass(frozen=True, slots=True)
class RelayView:
    """A check as the phone sees it. `claim` is set when this device has just become its holder."""

    verification: Verification
    check: FaceCheck
    person: Person
    claim: str = ""
    challenge: Challenge | None = None


class FaceRelays:
    """Checks by the secret in the QR code's address. Nobody is signed in here: the secrets are all there is."""

    def __init__(self, store: Store, faces: FaceChecks, own_face: OwnFace | None, clock: Clock) -> None:
        self._store, self._faces, self._own, self._clock = store, faces, own_face, clock

    async def open(self, token: str, claim: str, device: Device) -> RelayView:
        """The first device that comes holds the check; afterwards it shows its claim, and may come as often as it likes.

        Raises NotFound FACE_RELAY_NOT_FOUND, Conflict RELAY_CLAIMED, FACE_CHECK_EXPIRED.
        """
        async with told_by(self._store), self._store.begin() as tx:
            verification, check = await self._find(tx, token)
            mine = ""
            if check.claim_digest is None:
                if check.state is not FaceCheckState.OPEN:
                    raise refusals.face_check_expired()
                mine = new_secret()
                check = check.claimed(mine)
                await tx.faces.update(check)
                await tx.faces.claimed_with(check.face_check_id, device)
            else:
                self._require_holder(check, verification, claim)
            view = RelayView(verification, check, await person_of(tx, verification), mine)
            if self._own is None or check.channel is not FaceChannel.OWN or check.state is not FaceCheckState.SCANNED:
                return view
            verification, check, challenge = await self._own.show(tx, verification, check)
            return replace(view, verification=verification, check=check, challenge=challenge)

    async def finish(self, token: str, claim: str) -> RelayView:
        """The phone is back from the vendor's page: the vendor is asked. Still SCANNED when the vendor waits for the person.

        Raises NotFound FACE_RELAY_NOT_FOUND, Conflict RELAY_CLAIMED, Unavailable FACE_UNAVAILABLE.
        """
        view = await self._held(token, claim)
        await self._faces.advance(view.check)
        return await self._held(token, claim)

    async def submit(self, token: str, claim: str, nonce: str, frames: Frames) -> RelayView:
        """Frames of the present challenge: the next one, the first again (the view's challenge has a hint), or the outcome.

        Raises InvalidInput FACE_FRAMES_INVALID, NotFound FACE_RELAY_NOT_FOUND, Conflict RELAY_CLAIMED,
        FACE_FRAMES_NOT_WANTED, FACE_FRAMES_LATE, FACE_NONCE_WRONG, FACE_NONCE_USED, Unavailable FACE_UNAVAILABLE.
        """
        if self._own is None:
            raise refusals.frames_not_wanted()
        check_frames(frames, self._own.rules)
        async with told_by(self._store), self._store.begin() as tx:
            verification, check = await self._find(tx, token)
            self._require_holder(check, verification, claim)
            if check.channel is not FaceChannel.OWN:
                raise refusals.frames_not_wanted()
            person = await person_of(tx, verification)
            if check.state is not FaceCheckState.SCANNED:
                return RelayView(verification, check, person)
            verification, check, taken = await self._own.take(tx, verification, check, nonce, frames)
        if taken is None:
            return RelayView(verification, check, person)
        report = await self._own.judge(verification.verification_id, taken, frames)
        async with self._store.begin() as tx:
            verification, check = await self._find(tx, token)
            standing = await self._own.conclude(tx, verification, check, taken, frames, report)
        verification, check, challenge = standing
        return RelayView(verification, check, person, challenge=challenge)

    async def _held(self, token: str, claim: str) -> RelayView:
        async with told_by(self._store), self._store.begin() as tx:
            verification, check = await self._find(tx, token)
            self._require_holder(check, verification, claim)
            return RelayView(verification, check, await person_of(tx, verification))

    async def _find(self, tx: Transaction, token: str) -> tuple[Verification, FaceCheck]:
        """Both as they stand now, with everyone else waiting until this transaction ends."""
        known = await tx.faces.by_relay(secret_digest(token))
        if known is None:
            raise Attempt(KIND, refusals.relay_not_found())
        verification, check = await locked(tx, known)
        now = self._clock()
        return verification.seen_at(now), check.seen_at(now, verification)

    def _require_holder(self, check: FaceCheck, verification: Verification, claim: str) -> None:
        if not check.held_by(claim):
            raise Attempt(KIND, refusals.relay_claimed(), verification.person_id, check.face_check_id)
