"""Between domain values and messages."""

from datetime import datetime

from esign.common.v1 import common_pb2
from esign.identity.v1 import identity_pb2 as pb
from esign_kit.masking import mask_id_number, mask_name, mask_phone
from esign_kit.refs import Placement
from google.protobuf.timestamp_pb2 import Timestamp

from esign_identity.domain.activation import Activation
from esign_identity.domain.face import FaceChannel
from esign_identity.domain.person import Person
from esign_identity.domain.verification import Verification, VerificationRules, VerificationState

STATES = {
    VerificationState.SMS_PENDING: pb.VERIFICATION_STATE_SMS_PENDING,
    VerificationState.FACE_PENDING: pb.VERIFICATION_STATE_FACE_PENDING,
    VerificationState.PASSED: pb.VERIFICATION_STATE_PASSED,
    VerificationState.CONSUMED: pb.VERIFICATION_STATE_CONSUMED,
    VerificationState.FAILED: pb.VERIFICATION_STATE_FAILED,
    VerificationState.EXPIRED: pb.VERIFICATION_STATE_EXPIRED,
}
CHANNELS = {pb.FACE_CHANNEL_TENCENT: FaceChannel.TENCENT}


def timestamp(moment: datetime) -> Timestamp:
    """An aware datetime as a message."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def summary(person: Person) -> pb.PersonSummary:
    """With the full name, for the person and the parties of their contracts."""
    return pb.PersonSummary(
        person_id=person.person_id,
        name=person.name,
        masked_phone=mask_phone(person.phone),
        masked_id_number=mask_id_number(person.id_number),
    )


def verification(found: Verification, person: Person, rules: VerificationRules) -> pb.Verification:
    """With everything about the person masked."""
    masked = summary(person)
    masked.name = mask_name(person.name)
    return pb.Verification(
        verification_id=found.verification_id,
        state=STATES[found.state],
        contract_id=found.contract_id,
        document_sha256=found.document_sha256,
        expires_at=timestamp(found.expires_at),
        person=masked,
        attempts_left=found.attempts_left(rules),
    )


def activation(issued: Activation) -> pb.IssueActivationResponse:
    """The statement and what the caller keeps of it."""
    return pb.IssueActivationResponse(
        activation_id=issued.activation_id, statement=issued.statement, expires_at=timestamp(issued.expires_at)
    )


def placement(message: common_pb2.Placement) -> Placement:
    """A place on a page."""
    return Placement(message.page, message.x1, message.y1, message.x2, message.y2)
