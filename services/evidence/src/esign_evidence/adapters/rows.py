"""The tables. Records and checkpoints are only ever added: triggers refuse everything else."""

from datetime import datetime

from esign_kit.db import NAMING, UTCDateTime
from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, MetaData, SmallInteger, UniqueConstraint
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING))):
    """This service's tables."""


class LogStateRow(Base, table=True):
    """The one row that gives out indexes; its lock makes the log's order. `pruned`: full level 0 tiles without partial ones."""

    __tablename__ = "log_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"), CheckConstraint("size >= 0", name="size"))

    id: int = Field(primary_key=True)
    size: int = Field(sa_type=BigInteger)
    pruned: int = Field(default=0, sa_type=BigInteger)


class RecordRow(Base, table=True):
    """A leaf: `entry` is what is hashed, `payload` and `statement` are what its hashes stand for."""

    __tablename__ = "records"
    __table_args__ = (UniqueConstraint("event_id"), Index("ix_records_contract_id_index", "contract_id", "index"))

    index: int = Field(primary_key=True, sa_type=BigInteger)
    event_id: str
    type: str
    contract_id: str
    entry: bytes = Field(sa_type=LargeBinary)
    leaf_hash: bytes = Field(sa_type=LargeBinary)
    payload: bytes = Field(sa_type=LargeBinary)
    statement: str
    appended_at: datetime = Field(sa_type=UTCDateTime)


class TileHashRow(Base, table=True):
    """A hash of tile level 1 or above: the root of a full tile below."""

    __tablename__ = "tile_hashes"
    __table_args__ = (CheckConstraint("level >= 1", name="level"),)

    level: int = Field(primary_key=True, sa_type=SmallInteger)
    index: int = Field(primary_key=True, sa_type=BigInteger)
    hash: bytes = Field(sa_type=LargeBinary)


class CheckpointRow(Base, table=True):
    """A published checkpoint."""

    __tablename__ = "checkpoints"

    size: int = Field(primary_key=True, sa_type=BigInteger)
    note: str
    created_at: datetime = Field(sa_type=UTCDateTime)


class AnchorRow(Base, table=True):
    """A content on its way into the judicial chain. `due_at` is also the end of a worker's claim."""

    __tablename__ = "anchors"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        CheckConstraint("kind IN ('CHECKPOINT', 'CONTRACT')", name="kind"),
        CheckConstraint("state IN ('QUEUED', 'SUBMITTED', 'CONFIRMED')", name="state"),
        Index("ix_anchors_due_at", "due_at", postgresql_where="state <> 'CONFIRMED'"),
        Index("ix_anchors_tx_hash", "tx_hash"),
    )

    id: str = Field(primary_key=True)
    kind: str
    subject: str
    content: str
    state: str
    transaction_id: str = ""
    tx_hash: str = ""
    block_hash: str = ""
    block_height: int = Field(default=0, sa_type=BigInteger)
    anchored_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    submitted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    attempts: int = 0
    due_at: datetime = Field(sa_type=UTCDateTime)
    # Why the last attempt failed: a stable code.
    error: str = ""
    created_at: datetime = Field(sa_type=UTCDateTime)


class DossierRow(Base, table=True):
    """A completed contract's evidence. `text` is empty while it is collected, `package_key` until it is packaged."""

    __tablename__ = "dossiers"
    __table_args__ = (Index("ix_dossiers_due_at", "due_at", postgresql_where="packaged_at IS NULL"),)

    contract_id: str = Field(primary_key=True)
    text: bytes = Field(default=b"", sa_type=LargeBinary)
    text_hash: str = ""
    document_sha256: str = ""
    tree_size: int = Field(default=0, sa_type=BigInteger)
    package_key: str = ""
    package_version: str = ""
    package_sha256: str = ""
    package_size: int = Field(default=0, sa_type=BigInteger)
    attempts: int = 0
    due_at: datetime = Field(sa_type=UTCDateTime)
    # What it waits for: a stable code, with what is missing.
    waiting_for: str = ""
    traceparent: str = ""
    created_at: datetime = Field(sa_type=UTCDateTime)
    packaged_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
