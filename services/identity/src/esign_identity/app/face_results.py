"""What a face check comes to, written down with all that follows from it."""

from datetime import datetime

from esign.identity.v1 import events_pb2

from esign_identity.app.attempts import tell
from esign_identity.app.ports import Transaction
from esign_identity.app.verifications import refuse
from esign_identity.domain.face import SUSPICIOUS, FaceCheck, FaceVerdict
from esign_identity.domain.verification import Verification, VerificationRules


async def decide(
    tx: Transaction,
    verification: Verification,
    check: FaceCheck,
    verdict: FaceVerdict,
    score: str,
    receipt: str,
    now: datetime,
    rules: VerificationRules,
) -> tuple[Verification, FaceCheck]:
    """Close a check and move its verification on; the caller holds the verification's lock."""
    decided = check.decided(verdict, score, receipt)
    await tx.faces.update(decided)
    if verdict is FaceVerdict.PASSED:
        after = verification.face_passed(decided.receipt_sha256, now, rules)
        await tx.verifications.update(after)
        await tx.emit(
            events_pb2.VerificationFacePassed(
                verification_id=after.verification_id,
                person_id=after.person_id,
                contract_id=after.contract_id,
                channel=check.channel.value,
                receipt_sha256=decided.receipt_sha256,
                score=decided.score,
            ),
            after.contract_id,
        )
        return after, decided
    after = verification.face_refused(now, rules)
    await tx.verifications.update(after)
    await refuse(tx, after, verdict.value)
    if verdict in SUSPICIOUS:
        await tell(tx, "face", verdict.value, after.person_id, check.face_check_id)
    return after, decided


async def locked(tx: Transaction, check: FaceCheck) -> tuple[Verification, FaceCheck]:
    """Verification and check as they are, with everyone else waiting until this transaction ends."""
    verification = await tx.verifications.lock(check.verification_id)
    found = await tx.faces.get(check.face_check_id)
    assert verification is not None, "a verification is never deleted"
    assert found is not None, "a face check is never deleted"
    return verification, found
