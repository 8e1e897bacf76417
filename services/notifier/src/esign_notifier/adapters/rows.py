"""The tables: what was told to whom. They hold opaque ids and facts of contracts, never a name, phone, address or code."""

from datetime import datetime

from esign_kit.db import NAMING, UTCDateTime
from sqlalchemy import CheckConstraint, Index, LargeBinary, MetaData, UniqueConstraint, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING))):
    """This service's tables."""


class MessageRow(Base, table=True):
    """One message to one person by one channel. `due_at` is also the end of a worker's claim, which `lease` names."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("event_id", "person_id", "channel"),
        CheckConstraint("state IN ('PENDING', 'SENDING', 'SENT', 'FAILED', 'DROPPED')", name="state"),
        CheckConstraint("channel IN ('sms', 'email')", name="channel"),
        Index("ix_messages_due", "channel", "due_at", postgresql_where=text("state IN ('PENDING', 'SENDING')")),
        Index("ix_messages_contract_id", "contract_id"),
    )

    id: str = Field(primary_key=True)
    event_id: str
    kind: str
    channel: str
    person_id: str
    contract_id: str
    document_number: str
    title: str
    expires_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    completed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    withdrawal_reason: str = ""
    state: str
    attempts: int = 0
    due_at: datetime = Field(sa_type=UTCDateTime)
    lease: str = ""
    sending_since: datetime | None = Field(default=None, sa_type=UTCDateTime)
    receipt: str = ""
    # Why the last attempt failed, or why the message was given up or dropped: a stable code, never a text from a provider.
    reason: str = ""
    traceparent: str = ""
    created_at: datetime = Field(sa_type=UTCDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class CodeRow(Base, table=True):
    """One code that was to be sent. `digest` is a keyed hash of code, phone and purpose."""

    __tablename__ = "codes"
    __table_args__ = (CheckConstraint("state IN ('PENDING', 'SENDING', 'SENT', 'FAILED')", name="state"),)

    message_id: str = Field(primary_key=True)
    kind: str
    digest: bytes = Field(sa_type=LargeBinary)
    state: str
    attempts: int = 1
    lease_until: datetime = Field(sa_type=UTCDateTime)
    sending_since: datetime = Field(sa_type=UTCDateTime)
    receipt: str = ""
    reason: str = ""
    created_at: datetime = Field(sa_type=UTCDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class ClosedContractRow(Base, table=True):
    """A contract that has ended: nobody is invited to it any more."""

    __tablename__ = "closed_contracts"
    __table_args__ = (CheckConstraint("closure IN ('COMPLETED', 'WITHDRAWN', 'EXPIRED')", name="closure"),)

    contract_id: str = Field(primary_key=True)
    closure: str
    closed_at: datetime = Field(sa_type=UTCDateTime)
