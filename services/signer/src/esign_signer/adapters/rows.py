"""The tables. They hold opaque ids and hashes; private keys only wrapped, and not at all once destroyed."""

from datetime import datetime

from esign_kit.db import NAMING, UTCDateTime
from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, MetaData, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING))):
    """This service's tables."""


class KeyRow(Base, table=True):
    """A key. EVENT keys name their activation, ORGANISATION keys their order; `wrapped` is wiped when the key is
    destroyed."""

    __tablename__ = "keys"
    __table_args__ = (
        UniqueConstraint("activation_id"),
        UniqueConstraint("order_no"),
        CheckConstraint("purpose IN ('EVENT', 'ORGANISATION')", name="purpose"),
        CheckConstraint("store IN ('SOFTWARE', 'PKCS11', 'CSC')", name="store"),
        CheckConstraint("algorithm IN ('RSA_2048', 'EC_P256')", name="algorithm"),
        CheckConstraint("(wrapped IS NULL) = (destroyed_at IS NOT NULL)", name="destroyed"),
        Index("ix_keys_unified_social_credit_code", "unified_social_credit_code"),
    )

    key_id: str = Field(primary_key=True)
    purpose: str
    wrapped: bytes | None = Field(default=None, sa_type=LargeBinary)
    public_key_sha256: str
    certification_request: bytes = Field(sa_type=LargeBinary)
    store: str = Field(sa_column_kwargs={"server_default": "SOFTWARE"})
    algorithm: str = Field(sa_column_kwargs={"server_default": "RSA_2048"})
    activation_id: str | None = None
    contract_id: str | None = None
    order_no: str | None = None
    organisation: str | None = None
    unified_social_credit_code: str | None = None
    created_at: datetime = Field(sa_type=UTCDateTime)
    destroyed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class CertificateRow(Base, table=True):
    """A certificate chain: DER, leaf first, without the root."""

    __tablename__ = "certificates"
    __table_args__ = (Index("ix_certificates_key_id", "key_id"),)

    certificate_id: str = Field(primary_key=True)
    key_id: str = Field(foreign_key="keys.key_id")
    chain: list[bytes] = Field(sa_type=ARRAY(LargeBinary))
    sha256: str
    not_before: datetime = Field(sa_type=UTCDateTime)
    not_after: datetime = Field(sa_type=UTCDateTime)
    installed_at: datetime = Field(sa_type=UTCDateTime)


class SealRow(Base, table=True):
    """A seal. `width` and `height` in thousandths of a point. One that is destroyed may be made anew."""

    __tablename__ = "seals"
    __table_args__ = (
        Index(
            "uq_seals_person_kind_sha256",
            "owner_person_id",
            "kind",
            "sha256",
            unique=True,
            postgresql_where=text("state <> 'DESTROYED'"),
        ),
        Index("ix_seals_owner_organisation", "owner_organisation"),
        Index(
            "uq_seals_organisation_kind_sha256",
            "owner_organisation",
            "kind",
            "sha256",
            unique=True,
            postgresql_where=text("state <> 'DESTROYED'"),
        ),
        CheckConstraint("kind IN ('HANDWRITTEN', 'OFFICIAL', 'CONTRACT', 'LEGAL_REPRESENTATIVE', 'NAME')", name="kind"),
        CheckConstraint("state IN ('PENDING', 'ACTIVE', 'SUSPENDED', 'DESTROYED')", name="state"),
        CheckConstraint("(owner_person_id IS NULL) <> (owner_organisation IS NULL)", name="owner"),
        CheckConstraint("media_type IN ('image/png', 'image/svg+xml')", name="media_type"),
    )

    seal_id: str = Field(primary_key=True)
    kind: str
    state: str
    bucket: str
    object_key: str
    version_id: str
    sha256: str
    size: int = Field(sa_type=BigInteger)
    width: int
    height: int
    owner_person_id: str | None = None
    owner_organisation: str | None = None
    media_type: str
    # What it shows. Of a person's own seal it is not kept here: the image has it.
    name: str = ""
    created_at: datetime = Field(sa_type=UTCDateTime)


class SealGrantRow(Base, table=True):
    """A person who may use an organisation's seal, as it was last decided; the log has what was before."""

    __tablename__ = "seal_grants"
    __table_args__ = (Index("ix_seal_grants_person_id", "person_id"),)

    seal_id: str = Field(primary_key=True, foreign_key="seals.seal_id")
    person_id: str = Field(primary_key=True)
    granted_at: datetime = Field(sa_type=UTCDateTime)
    ends_at: datetime = Field(sa_type=UTCDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class SealLogRow(Base, table=True):
    """One thing that was done with a seal. The database refuses to change or remove it."""

    __tablename__ = "seal_log"
    __table_args__ = (Index("ix_seal_log_seal_id", "seal_id", "seq"),)

    seq: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    entry_id: str = Field(unique=True)
    seal_id: str = Field(foreign_key="seals.seal_id")
    at: datetime = Field(sa_type=UTCDateTime)
    action: str
    actor: str
    reason: str
    person_id: str | None = None
    ends_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class SigningJobRow(Base, table=True):
    """One request for a signature. `activation_id` is set by the one request that consumed the activation."""

    __tablename__ = "signing_jobs"
    __table_args__ = (
        UniqueConstraint("activation_id"),
        CheckConstraint("state IN ('INTENT', 'DONE', 'REFUSED')", name="state"),
        Index("ix_signing_jobs_contract_id", "contract_id"),
    )

    request_id: str = Field(primary_key=True)
    activation_id: str | None = None
    contract_id: str
    party_id: str
    state: str
    source_sha256: str
    # What the job waits for now, if anything: told once per cause.
    delay_reason: str = ""
    refusal_reason: str = ""
    result_key: str = ""
    result_version_id: str = ""
    result_sha256: str = ""
    signed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class ReleaseJobRow(Base, table=True):
    """One request for release. A contract is released at most once."""

    __tablename__ = "release_jobs"
    __table_args__ = (
        CheckConstraint("state IN ('INTENT', 'DONE', 'REFUSED')", name="state"),
        Index("uq_release_jobs_released", "contract_id", unique=True, postgresql_where=text("state = 'DONE'")),
    )

    request_id: str = Field(primary_key=True)
    contract_id: str
    state: str
    source_sha256: str
    delay_reason: str = ""
    problems: list[str] = Field(default_factory=list, sa_type=ARRAY(String))
    validators: list[str] = Field(default_factory=list, sa_type=ARRAY(String))
    result_key: str = ""
    result_version_id: str = ""
    result_sha256: str = ""
    archived_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
