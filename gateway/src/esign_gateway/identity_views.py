"""People, sessions and verifications as the API answers with them; see `views` for what holds for all."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from esign.identity.v1 import identity_pb2
from pydantic import BaseModel, Field

from esign_gateway.views import Sha256, enum_name, required_moment


class _Name(StrEnum):
    """The protos' names in lower case; `unknown` for a value newer than this program."""

    @classmethod
    def _missing_(cls, value: object) -> "_Name":
        return cls("unknown")


class VerificationState(_Name):
    """Where a verification stands: SMS, then face, then good for one signature."""

    SMS_PENDING = "sms_pending"
    FACE_PENDING = "face_pending"
    PASSED = "passed"
    CONSUMED = "consumed"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class FaceCheckState(_Name):
    """Where a face check stands: `open` waits for the phone, `scanned` means that the phone is there."""

    OPEN = "open"
    SCANNED = "scanned"
    PASSED = "passed"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class FaceAction(_Name):
    """What the person is asked to do before the camera; left and right as the person sees them."""

    LOOK = "look"
    BLINK = "blink"
    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    OPEN_MOUTH = "open_mouth"
    UNKNOWN = "unknown"


class FaceChannel(StrEnum):
    """Who checks the face: 腾讯云, 数字认证, or this platform against the portrait enrolled before (与留存照一致)."""

    TENCENT = "tencent"
    BJCA = "bjca"
    OWN = "own"


CHANNELS = {
    FaceChannel.TENCENT: identity_pb2.FACE_CHANNEL_TENCENT,
    FaceChannel.BJCA: identity_pb2.FACE_CHANNEL_BJCA,
    FaceChannel.OWN: identity_pb2.FACE_CHANNEL_OWN,
}
_CHANNEL_NAMES = {value: name for name, value in CHANNELS.items()}


class ConsentKind(StrEnum):
    """What a person accepts: 生物特征信息使用声明, or 平台服务协议与个人信息保护政策."""

    BIOMETRIC = "biometric"
    TERMS = "terms"


CONSENTS = {
    ConsentKind.BIOMETRIC: identity_pb2.CONSENT_KIND_BIOMETRIC,
    ConsentKind.TERMS: identity_pb2.CONSENT_KIND_TERMS,
}


class SessionKind(StrEnum):
    """机构类型: 企业 or 个人."""

    ENTERPRISE = "enterprise"
    INDIVIDUAL = "individual"


def _face_check_state(value: int) -> FaceCheckState:
    return FaceCheckState(enum_name(identity_pb2.FaceCheckState.DESCRIPTOR, value, "FACE_CHECK_STATE_"))


class Person(BaseModel):
    """A person as screens show them."""

    person_id: str
    name: Annotated[str, Field(description="盖章人.")]
    masked_phone: Annotated[str, Field(examples=["138****5678"])]
    masked_id_number: Annotated[str, Field(examples=["110***********1234"])]

    @classmethod
    def of(cls, message: identity_pb2.PersonSummary) -> "Person":
        """From identity's message."""
        return cls(
            person_id=message.person_id,
            name=message.name,
            masked_phone=message.masked_phone,
            masked_id_number=message.masked_id_number,
        )


class Organisation(BaseModel):
    """A company as screens show it."""

    organisation_id: str
    name: str
    unified_social_credit_code: Annotated[str, Field(description="统一社会信用代码.")]

    @classmethod
    def of(cls, message: identity_pb2.OrganisationSummary) -> "Organisation":
        """From identity's message."""
        return cls(
            organisation_id=message.organisation_id,
            name=message.name,
            unified_social_credit_code=message.unified_social_credit_code,
        )


class Session(BaseModel):
    """The session that the cookie stands for."""

    person: Person
    organisation: Annotated[Organisation | None, Field(description="The company; null for an individual.")]
    kind: Annotated[SessionKind, Field(description="机构类型.")]
    expires_at: Annotated[datetime, Field(description="When it ends at the latest.")]
    terms_due: Annotated[
        bool,
        Field(description="The terms in force (平台服务协议与个人信息保护政策) wait for the person to accept them."),
    ]

    @classmethod
    def of(cls, message: identity_pb2.LoginResponse | identity_pb2.AuthenticateResponse) -> "Session":
        """From identity's message."""
        company = Organisation.of(message.organisation) if message.HasField("organisation") else None
        return cls(
            person=Person.of(message.person),
            organisation=company,
            kind=SessionKind.ENTERPRISE if company else SessionKind.INDIVIDUAL,
            expires_at=required_moment(message, "expires_at"),
            terms_due=message.terms_due,
        )


class SessionSummary(BaseModel):
    """One of the person's live sessions."""

    session_id: str
    started_at: datetime
    seen_at: datetime
    expires_at: datetime
    user_agent: str
    masked_address: Annotated[str, Field(examples=["203.0.113.*"])]
    organisation: Organisation | None
    current: Annotated[bool, Field(description="Whether this request came with it.")]

    @classmethod
    def of(cls, message: identity_pb2.SessionSummary) -> "SessionSummary":
        """From identity's message."""
        return cls(
            session_id=message.session_id,
            started_at=required_moment(message, "started_at"),
            seen_at=required_moment(message, "seen_at"),
            expires_at=required_moment(message, "expires_at"),
            user_agent=message.user_agent,
            masked_address=message.masked_address,
            organisation=Organisation.of(message.organisation) if message.HasField("organisation") else None,
            current=message.current,
        )


class ConsentText(BaseModel):
    """A text that people are asked to accept, as it is in force."""

    kind: ConsentKind
    version: Annotated[str, Field(description="Named when it is accepted.")]
    title: str
    text: Annotated[str, Field(description="Chinese; paragraphs are separated by empty lines.")]
    sha256: Sha256


class FaceCheckStatus(BaseModel):
    """The face check in hand, or the last one."""

    face_check_id: str
    channel: FaceChannel
    state: FaceCheckState
    reason: Annotated[str | None, Field(description="Why it failed, a stable code.")]
    expires_at: datetime

    @classmethod
    def of(cls, message: identity_pb2.FaceCheckStatus) -> "FaceCheckStatus":
        """From identity's message."""
        return cls(
            face_check_id=message.face_check_id,
            channel=_CHANNEL_NAMES[message.channel],
            state=_face_check_state(message.state),
            reason=message.reason or None,
            expires_at=required_moment(message, "expires_at"),
        )


class Verification(BaseModel):
    """A person's verification for one contract and one exact document: 身份信息 → 人脸识别 → 核验完成."""

    verification_id: str
    state: VerificationState
    contract_id: str
    document_sha256: Sha256
    expires_at: datetime
    person: Person
    attempts_left: int
    face: Annotated[FaceCheckStatus | None, Field(description="Null before the first face check.")]

    @classmethod
    def of(cls, message: identity_pb2.Verification) -> "Verification":
        """From identity's message."""
        state = enum_name(identity_pb2.VerificationState.DESCRIPTOR, message.state, "VERIFICATION_STATE_")
        return cls(
            verification_id=message.verification_id,
            state=VerificationState(state),
            contract_id=message.contract_id,
            document_sha256=message.document_sha256,
            expires_at=required_moment(message, "expires_at"),
            person=Person.of(message.person),
            attempts_left=message.attempts_left,
            face=FaceCheckStatus.of(message.face) if message.HasField("face") else None,
        )


class FaceChannelOption(BaseModel):
    """A channel, and whether it can be used now."""

    channel: FaceChannel
    available: bool
    reason: Annotated[str | None, Field(description="Why not, a stable code.", examples=["NO_PORTRAIT"])]


def channel_options(messages: list[identity_pb2.FaceChannelOption]) -> list[FaceChannelOption]:
    """From identity's messages, in their order; a channel newer than this program is left out."""
    return [
        FaceChannelOption(channel=_CHANNEL_NAMES[m.channel], available=m.available, reason=m.reason or None)
        for m in messages
        if m.channel in _CHANNEL_NAMES
    ]


class FaceChallenge(BaseModel):
    """One challenge of our own channel."""

    nonce: Annotated[str, Field(description="Single use; goes back with the frames.")]
    action: FaceAction
    step: Annotated[int, Field(description="1-based.")]
    steps: int
    answer_by: Annotated[datetime, Field(description="The frames must arrive within this time.")]
    min_frames: int
    max_frames: int

    @classmethod
    def of(cls, message: identity_pb2.FaceChallenge) -> "FaceChallenge":
        """From identity's message."""
        return cls(
            nonce=message.nonce,
            action=FaceAction(enum_name(identity_pb2.FaceAction.DESCRIPTOR, message.action, "FACE_ACTION_")),
            step=message.step,
            steps=message.steps,
            answer_by=required_moment(message, "answer_by"),
            min_frames=message.min_frames,
            max_frames=message.max_frames,
        )


class FaceRelay(BaseModel):
    """A face check as the phone sees it. The proof that it is the same phone stays in a cookie."""

    face_check_id: str
    verification_id: str
    channel: FaceChannel
    state: FaceCheckState
    masked_name: str
    masked_id_number: str
    expires_at: datetime
    vendor_url: Annotated[str | None, Field(description="A vendor's channel: where the phone goes next.")]
    challenge: Annotated[
        FaceChallenge | None, Field(description="Our own channel: what is to be done now; null when it is decided.")
    ]
    reason: Annotated[str | None, Field(description="Why it failed, a stable code.")]
    attempts_left: int

    @classmethod
    def of(cls, message: identity_pb2.FaceRelay) -> "FaceRelay":
        """From identity's message, without the claim."""
        return cls(
            face_check_id=message.face_check_id,
            verification_id=message.verification_id,
            channel=_CHANNEL_NAMES[message.channel],
            state=_face_check_state(message.state),
            masked_name=message.masked_name,
            masked_id_number=message.masked_id_number,
            expires_at=required_moment(message, "expires_at"),
            vendor_url=message.vendor_url or None,
            challenge=FaceChallenge.of(message.challenge) if message.HasField("challenge") else None,
            reason=message.reason or None,
            attempts_left=message.attempts_left,
        )
