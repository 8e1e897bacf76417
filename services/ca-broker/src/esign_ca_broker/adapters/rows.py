"""The table of certificate orders. It holds no ID number, and a person's name only inside their certificate."""

from datetime import datetime

from esign_kit.db import NAMING, UTCDateTime
from sqlalchemy import ARRAY, CheckConstraint, Index, LargeBinary, MetaData, UniqueConstraint, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING))):
    """This service's tables."""


class OrderRow(Base, table=True):
    """One order."""

    __tablename__ = "certificate_orders"
    __table_args__ = (
        CheckConstraint("profile IN ('event', 'organisation')", name="profile"),
        CheckConstraint("state IN ('NEW', 'REQUESTED', 'ISSUED', 'INSTALLED', 'REFUSED')", name="state"),
        CheckConstraint("revocation IN ('', 'WANTED', 'DONE')", name="revocation"),
        UniqueConstraint("activation_id"),
        Index(
            "uq_certificate_orders_open_organisation",
            "unified_social_credit_code",
            unique=True,
            postgresql_where=text("profile = 'organisation' AND state IN ('NEW', 'REQUESTED', 'ISSUED')"),
        ),
        Index("ix_certificate_orders_organisation", "unified_social_credit_code", "state"),
        Index("ix_certificate_orders_to_revoke", "revoke_due_at", postgresql_where=text("revocation = 'WANTED'")),
    )

    order_no: str = Field(primary_key=True)
    profile: str
    state: str
    # Hex SHA-256 of the SubjectPublicKeyInfo; empty while NEW.
    key_sha256: str = ""
    request: bytes = Field(default=b"", sa_type=LargeBinary)
    activation_id: str | None = None
    contract_id: str = ""
    person_id: str = ""
    unified_social_credit_code: str | None = None
    organisation_name: str = ""
    signer_key_id: str = ""
    # DER, leaf first, without the root.
    certificates: list[bytes] = Field(default_factory=list, sa_type=ARRAY(LargeBinary))
    serial_number: str = ""
    not_before: datetime | None = Field(default=None, sa_type=UTCDateTime)
    not_after: datetime | None = Field(default=None, sa_type=UTCDateTime)
    certificate_id: str = ""
    # Why there is no certificate: a stable code.
    refusal: str = ""
    revocation: str = ""
    revoke_due_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
