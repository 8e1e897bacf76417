"""Between verifications, face checks and consents as the domain has them, and messages."""

from esign.identity.v1 import identity_pb2 as pb
from esign_kit.masking import mask_id_number, mask_name

from esign_identity.api.convert import summary, timestamp
from esign_identity.app.faces import ChannelOption
from esign_identity.app.relays import RelayView
from esign_identity.app.verifications import VerificationView
from esign_identity.domain.consent import ConsentKind, ConsentText
from esign_identity.domain.face import FaceChannel, FaceCheck, FaceCheckState
from esign_identity.domain.liveness import Challenge, FaceAction, LivenessRules
from esign_identity.domain.verification import VerificationRules, VerificationState

STATES = {
    VerificationState.SMS_PENDING: pb.VERIFICATION_STATE_SMS_PENDING,
    VerificationState.FACE_PENDING: pb.VERIFICATION_STATE_FACE_PENDING,
    VerificationState.PASSED: pb.VERIFICATION_STATE_PASSED,
    VerificationState.CONSUMED: pb.VERIFICATION_STATE_CONSUMED,
    VerificationState.FAILED: pb.VERIFICATION_STATE_FAILED,
    VerificationState.EXPIRED: pb.VERIFICATION_STATE_EXPIRED,
}
CHANNELS = {
    pb.FACE_CHANNEL_TENCENT: FaceChannel.TENCENT,
    pb.FACE_CHANNEL_BJCA: FaceChannel.BJCA,
    pb.FACE_CHANNEL_OWN: FaceChannel.OWN,
}
CONSENTS = {
    pb.CONSENT_KIND_BIOMETRIC: ConsentKind.BIOMETRIC,
    pb.CONSENT_KIND_TERMS: ConsentKind.TERMS,
}
_CHANNELS = {domain: wire for wire, domain in CHANNELS.items()}
_CONSENTS = {domain: wire for wire, domain in CONSENTS.items()}
_CHECK_STATES = {
    FaceCheckState.OPEN: pb.FACE_CHECK_STATE_OPEN,
    FaceCheckState.SCANNED: pb.FACE_CHECK_STATE_SCANNED,
    FaceCheckState.PASSED: pb.FACE_CHECK_STATE_PASSED,
    FaceCheckState.FAILED: pb.FACE_CHECK_STATE_FAILED,
    FaceCheckState.EXPIRED: pb.FACE_CHECK_STATE_EXPIRED,
}
_ACTIONS = {
    FaceAction.LOOK: pb.FACE_ACTION_LOOK,
    FaceAction.BLINK: pb.FACE_ACTION_BLINK,
    FaceAction.TURN_LEFT: pb.FACE_ACTION_TURN_LEFT,
    FaceAction.TURN_RIGHT: pb.FACE_ACTION_TURN_RIGHT,
    FaceAction.OPEN_MOUTH: pb.FACE_ACTION_OPEN_MOUTH,
}


def verification(view: VerificationView, rules: VerificationRules) -> pb.Verification:
    """With everything about the person masked."""
    found = view.verification
    masked = summary(view.person)
    masked.name = mask_name(view.person.name)
    return pb.Verification(
        verification_id=found.verification_id,
        state=STATES[found.state],
        contract_id=found.contract_id,
        document_sha256=found.document_sha256,
        expires_at=timestamp(found.expires_at),
        person=masked,
        attempts_left=found.attempts_left(rules),
        face=_status(view.face) if view.face else None,
    )


def relay(view: RelayView, rules: VerificationRules, liveness: LivenessRules) -> pb.FaceRelay:
    """The vendor's page is named only while the phone may go there."""
    check, challenge = view.check, view.challenge
    verdict = check.verdict.value if check.verdict and check.state is not FaceCheckState.PASSED else ""
    return pb.FaceRelay(
        face_check_id=check.face_check_id,
        verification_id=check.verification_id,
        channel=_CHANNELS[check.channel],
        state=_CHECK_STATES[check.state],
        masked_name=mask_name(view.person.name),
        masked_id_number=mask_id_number(view.person.id_number),
        expires_at=timestamp(check.expires_at),
        claim=view.claim,
        vendor_url=check.url if check.state is FaceCheckState.SCANNED else "",
        challenge=_challenge(challenge, liveness) if challenge else None,
        reason=verdict or (challenge.hint if challenge else ""),
        attempts_left=view.verification.attempts_left(rules),
    )


def channel_option(option: ChannelOption) -> pb.FaceChannelOption:
    """A channel and whether it can be used."""
    return pb.FaceChannelOption(channel=_CHANNELS[option.channel], available=not option.reason, reason=option.reason)


def consent_text(text: ConsentText) -> pb.ConsentText:
    """A text in force."""
    return pb.ConsentText(
        kind=_CONSENTS[text.kind], version=text.version, title=text.title, text=text.text, sha256=text.sha256
    )


def _status(check: FaceCheck) -> pb.FaceCheckStatus:
    verdict = check.verdict.value if check.verdict and check.state is not FaceCheckState.PASSED else ""
    return pb.FaceCheckStatus(
        face_check_id=check.face_check_id,
        channel=_CHANNELS[check.channel],
        state=_CHECK_STATES[check.state],
        reason=verdict,
        expires_at=timestamp(check.expires_at),
    )


def _challenge(challenge: Challenge, rules: LivenessRules) -> pb.FaceChallenge:
    return pb.FaceChallenge(
        nonce=challenge.nonce,
        action=_ACTIONS[challenge.action],
        step=challenge.step,
        steps=rules.steps,
        answer_by=timestamp(challenge.answer_by),
        min_frames=rules.min_frames,
        max_frames=rules.max_frames,
    )
