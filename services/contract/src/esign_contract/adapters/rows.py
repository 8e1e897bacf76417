"""The tables. They hold opaque ids and facts of contracts; no name, phone or ID number of a person."""

from datetime import datetime
from decimal import Decimal

from esign_kit.db import NAMING, UTCDateTime
from sqlalchemy import BigInteger, CheckConstraint, Index, MetaData, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

CONTRACT_STATES = "'DRAFT', 'WAITING', 'SIGNING', 'RELEASING', 'COMPLETED', 'WITHDRAWN', 'EXPIRED', 'HELD'"
PARTY_STATES = "'QUEUED', 'WAITING', 'SIGNING', 'SIGNED'"
DOWNLOAD_STATES = "'OPEN', 'USED', 'GIVEN_BACK'"


class Base(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING))):
    """This service's tables."""


class DocumentRow(Base, table=True):
    """A document as it was taken in. `pages` and `signatures` as `adapters.facts` writes them."""

    __tablename__ = "documents"
    __table_args__ = (UniqueConstraint("system", "upload_sha256"),)

    document_id: str = Field(primary_key=True)
    system: str
    file_name: str
    upload_sha256: str
    bucket: str
    key: str
    version_id: str
    sha256: str
    size: int = Field(sa_type=BigInteger)
    pages: list[list[int]] = Field(sa_type=JSONB)
    signatures: list[dict[str, str | int | bool | None]] = Field(sa_type=JSONB)
    created_at: datetime = Field(sa_type=UTCDateTime)


class ContractRow(Base, table=True):
    """A contract; `head_*` is its document as it stands."""

    __tablename__ = "contracts"
    __table_args__ = (
        UniqueConstraint("system", "document_number"),
        CheckConstraint(f"state IN ({CONTRACT_STATES})", name="state"),
        CheckConstraint("(amount IS NULL) = (currency = '')", name="amount"),
        Index("ix_contracts_expires_at", "expires_at", postgresql_where=text("state IN ('DRAFT', 'WAITING')")),
    )

    contract_id: str = Field(primary_key=True)
    system: str
    document_number: str
    fingerprint: str
    title: str
    business_type: str
    currency: str
    amount: Decimal | None = Field(default=None, sa_type=Numeric(15, 2))
    document_id: str = Field(foreign_key="documents.document_id")
    head_bucket: str
    head_key: str
    head_version_id: str
    head_sha256: str
    head_size: int = Field(sa_type=BigInteger)
    state: str
    waiting_for: str = ""
    evidence_number: str = ""
    withdrawal_reason: str = ""
    problems: list[str] = Field(sa_type=JSONB)
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    completed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class PartyRow(Base, table=True):
    """A party of a contract. `placement`, and each of `suggested`, is [page, x1, y1, x2, y2]."""

    __tablename__ = "parties"
    __table_args__ = (
        UniqueConstraint("contract_id", "position"),
        CheckConstraint(f"state IN ({PARTY_STATES})", name="state"),
        CheckConstraint("(person_id = '') <> (policy_id = '')", name="signer"),
        Index("ix_parties_person_id", "person_id", "state", "since", postgresql_where=text("person_id <> ''")),
        Index("ix_parties_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    party_id: str = Field(primary_key=True)
    contract_id: str = Field(foreign_key="contracts.contract_id")
    position: int
    person_id: str
    policy_id: str
    name: str
    seal_id: str
    placement: list[int] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    suggested: list[list[int]] = Field(sa_type=JSONB)
    state: str
    verification_id: str
    activation_id: str
    source_sha256: str
    signed_sha256: str
    signed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    refusal_reason: str
    since: datetime | None = Field(default=None, sa_type=UTCDateTime)
    attempts: int
    due_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class DownloadRow(Base, table=True):
    """An attempt to download. At most one of a person and contract is used up."""

    __tablename__ = "downloads"
    __table_args__ = (
        CheckConstraint(f"state IN ({DOWNLOAD_STATES})", name="state"),
        Index("ix_downloads_person_id", "person_id", "contract_id"),
        Index("uq_downloads_used", "contract_id", "person_id", unique=True, postgresql_where=text("state = 'USED'")),
    )

    download_id: str = Field(primary_key=True)
    contract_id: str = Field(foreign_key="contracts.contract_id")
    person_id: str
    state: str
    opened_at: datetime = Field(sa_type=UTCDateTime)
    lease_until: datetime = Field(sa_type=UTCDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
