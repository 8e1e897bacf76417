"""Tables. Columns named `*_sealed` are encrypted, `*_index` are blind indexes; nothing else in here names a person."""

from datetime import datetime
from typing import Any

from esign_kit.db import NAMING, UTCDateTime
from sqlalchemy import CheckConstraint, Index, LargeBinary, MetaData, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from esign_identity.domain.activation import ActivationKind
from esign_identity.domain.codes import CodePurpose, CodeState
from esign_identity.domain.consent import ConsentKind
from esign_identity.domain.face import UNDECIDED, FaceChannel, FaceCheckState
from esign_identity.domain.liveness import FaceAction
from esign_identity.domain.verification import OPEN_STATES, VerificationState

_OPEN = text(f"state IN ({', '.join(repr(state.value) for state in sorted(OPEN_STATES))})")
_UNDECIDED = text(f"state IN ({', '.join(repr(state.value) for state in sorted(UNDECIDED))})")


def _one_of(column: str, values: type[Any]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(value.value) for value in values)})", name=column)


class Base(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING))):
    """This service's tables."""


class PersonRow(Base, table=True):
    """A registered individual. Of one who was erased, what is left is kept until `kept_until`."""

    __tablename__ = "person"
    __table_args__ = (Index("ix_person_kept_until", "kept_until", postgresql_where=text("kept_until IS NOT NULL")),)

    person_id: str = Field(primary_key=True)
    id_number_index: bytes = Field(sa_type=LargeBinary, unique=True)
    phone_index: bytes = Field(sa_type=LargeBinary, unique=True)
    name_sealed: bytes = Field(sa_type=LargeBinary)
    id_number_sealed: bytes = Field(sa_type=LargeBinary)
    phone_sealed: bytes = Field(sa_type=LargeBinary)
    email_sealed: bytes = Field(sa_type=LargeBinary)
    system: str
    registered_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
    erased_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    kept_until: datetime | None = Field(default=None, sa_type=UTCDateTime)


class OrganisationRow(Base, table=True):
    """A registered organisation."""

    __tablename__ = "organisation"

    organisation_id: str = Field(primary_key=True)
    unified_social_credit_code: str = Field(unique=True)
    name: str
    registered_at: datetime = Field(sa_type=UTCDateTime)


class PolicyRow(Base, table=True):
    """One version of a countersign policy; versions are only ever added."""

    __tablename__ = "policy"

    policy_id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    unified_social_credit_code: str
    seal_id: str
    business_types: list[str] = Field(sa_type=ARRAY(String))
    custodian_sealed: bytes = Field(sa_type=LargeBinary)
    valid_until: datetime = Field(sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)


class CodeRow(Base, table=True):
    """A one-time code: its keyed digest and what became of it."""

    __tablename__ = "code"
    __table_args__ = (
        _one_of("purpose", CodePurpose),
        _one_of("state", CodeState),
        Index("ix_code_phone", "phone_index", "purpose", "created_at"),
        Index("ix_code_address", "address_index", "created_at"),
        Index("ix_code_verification", "verification_id", "created_at"),
        Index("ix_code_created_at", "created_at"),
    )

    code_id: str = Field(primary_key=True)
    purpose: str
    phone_index: bytes = Field(sa_type=LargeBinary)
    address_index: bytes | None = Field(sa_type=LargeBinary)
    verification_id: str
    digest: bytes = Field(sa_type=LargeBinary)
    state: str
    attempts: int = Field(sa_type=SmallInteger)
    created_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)


class VerificationRow(Base, table=True):
    """A verification. At most one is open for a person, contract, party and document."""

    __tablename__ = "verification"
    __table_args__ = (
        _one_of("state", VerificationState),
        Index(
            "uq_verification_open",
            "person_id",
            "contract_id",
            "party_id",
            "document_sha256",
            unique=True,
            postgresql_where=_OPEN,
        ),
        Index("ix_verification_due", "expires_at", postgresql_where=_OPEN),
        Index("ix_verification_contract", "contract_id", "document_sha256"),
    )

    verification_id: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.person_id")
    contract_id: str
    party_id: str
    document_sha256: str
    document_number: str
    state: str
    sms_attempts: int = Field(sa_type=SmallInteger)
    face_attempts: int = Field(sa_type=SmallInteger)
    sms_receipt: str
    face_receipt: str
    face_failed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    organisation_id: str
    started_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)


class FaceCheckRow(Base, table=True):
    """A face check. The vendor's handle, address and answer name the person, so they are sealed; images are never kept.

    `relay_sealed` is the secret of the QR code's address, found by its digest; `phone_sealed` the device that holds the
    check; `embedding_sealed` the face that began a check of our own, until it is decided.
    """

    __tablename__ = "face_check"
    __table_args__ = (
        _one_of("channel", FaceChannel),
        _one_of("state", FaceCheckState),
        Index("uq_face_check_undecided", "verification_id", unique=True, postgresql_where=_UNDECIDED),
        Index("ix_face_check_verification", "verification_id", "opened_at"),
    )

    face_check_id: str = Field(primary_key=True)
    verification_id: str = Field(foreign_key="verification.verification_id")
    channel: str
    token_sealed: bytes = Field(sa_type=LargeBinary)
    url_sealed: bytes = Field(sa_type=LargeBinary)
    receipt_sealed: bytes = Field(sa_type=LargeBinary)
    relay_digest: bytes | None = Field(sa_type=LargeBinary, unique=True)
    relay_sealed: bytes | None = Field(sa_type=LargeBinary)
    claim_digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    phone_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    embedding_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    consent_version: str
    state: str
    verdict: str
    score: str
    opened_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    looked_after_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class FaceChallengeRow(Base, table=True):
    """A challenge of our own channel, and what its frames showed."""

    __tablename__ = "face_challenge"
    __table_args__ = (_one_of("action", FaceAction),)

    face_check_id: str = Field(primary_key=True, foreign_key="face_check.face_check_id")
    step: int = Field(primary_key=True, sa_type=SmallInteger)
    action: str
    nonce_sealed: bytes = Field(sa_type=LargeBinary)
    issued_at: datetime = Field(sa_type=UTCDateTime)
    answer_by: datetime = Field(sa_type=UTCDateTime)
    takes: int = Field(sa_type=SmallInteger)
    taken_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    hint: str
    report: dict[str, Any] = Field(sa_type=JSONB)


class PortraitRow(Base, table=True):
    """A person's face as numbers by which it can be known again (128 float32, base64); no image."""

    __tablename__ = "portrait"

    person_id: str = Field(primary_key=True, foreign_key="person.person_id")
    embedding_sealed: bytes = Field(sa_type=LargeBinary)
    face_check_id: str = Field(foreign_key="face_check.face_check_id")
    enrolled_at: datetime = Field(sa_type=UTCDateTime)


class ConsentRow(Base, table=True):
    """That a person accepted a text, with what device."""

    __tablename__ = "consent"
    __table_args__ = (_one_of("kind", ConsentKind), Index("ix_consent_person", "person_id", "kind", "given_at"))

    consent_id: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.person_id")
    kind: str
    version: str
    text_sha256: str
    given_at: datetime = Field(sa_type=UTCDateTime)
    device_sealed: bytes = Field(sa_type=LargeBinary)


class ActivationRow(Base, table=True):
    """An issued activation. One verification becomes one activation."""

    __tablename__ = "activation"
    __table_args__ = (
        _one_of("kind", ActivationKind),
        Index(
            "uq_activation_verification",
            "verification_id",
            unique=True,
            postgresql_where=text("verification_id <> ''"),
        ),
        Index("ix_activation_policy", "policy_id", "contract_id", "party_id", "document_sha256"),
    )

    activation_id: str = Field(primary_key=True)
    kind: str
    person_id: str
    verification_id: str
    policy_id: str
    organisation: str
    contract_id: str
    party_id: str
    document_sha256: str
    facts: dict[str, Any] = Field(sa_type=JSONB)
    receipts: dict[str, str] = Field(sa_type=JSONB)
    statement: str
    issued_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)


class SignedDocumentRow(Base, table=True):
    """The signer's report of what an activation was used for."""

    __tablename__ = "signed_document"
    __table_args__ = (Index("ix_signed_document_result", "result_sha256"),)

    activation_id: str = Field(primary_key=True)
    contract_id: str
    party_id: str
    kind: str
    source_sha256: str
    result_sha256: str
    signed_at: datetime = Field(sa_type=UTCDateTime)


class DisclosureRow(Base, table=True):
    """That a person's data was given out: for which message or certificate, and when first."""

    __tablename__ = "disclosure"

    purpose: str = Field(primary_key=True)
    reference: str = Field(primary_key=True)
    person_id: str
    disclosed_at: datetime = Field(sa_type=UTCDateTime)
