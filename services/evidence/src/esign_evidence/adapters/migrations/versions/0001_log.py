"""The log, its anchors, dossiers.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from esign_kit.outbox import create_kit_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Create the tables."""
    create_kit_tables(op.get_bind())
    op.create_table(
        "log_state",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        _number("size"),
        _number("pruned"),
        sa.PrimaryKeyConstraint("id", name="pk_log_state"),
        sa.CheckConstraint("id = 1", name="ck_log_state_one_row"),
        sa.CheckConstraint("size >= 0", name="ck_log_state_size"),
    )
    op.execute("INSERT INTO log_state (id, size, pruned) VALUES (1, 0, 0)")
    op.create_table(
        "records",
        sa.Column("index", sa.BigInteger(), nullable=False, autoincrement=False),
        _text("event_id"),
        _text("type"),
        _text("contract_id"),
        _bytes("entry"),
        _bytes("leaf_hash"),
        _bytes("payload"),
        _text("statement"),
        _time("appended_at"),
        sa.PrimaryKeyConstraint("index", name="pk_records"),
        sa.UniqueConstraint("event_id", name="uq_records_event_id"),
    )
    op.create_index("ix_records_contract_id_index", "records", ["contract_id", "index"])
    op.create_table(
        "tile_hashes",
        sa.Column("level", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("index", sa.BigInteger(), nullable=False, autoincrement=False),
        _bytes("hash"),
        sa.PrimaryKeyConstraint("level", "index", name="pk_tile_hashes"),
        sa.CheckConstraint("level >= 1", name="ck_tile_hashes_level"),
    )
    op.create_table(
        "checkpoints",
        sa.Column("size", sa.BigInteger(), nullable=False, autoincrement=False),
        _text("note"),
        _time("created_at"),
        sa.PrimaryKeyConstraint("size", name="pk_checkpoints"),
    )
    op.create_table(
        "anchors",
        *(_text(name) for name in ("id", "kind", "subject", "content", "state", "transaction_id", "tx_hash")),
        _text("block_hash"),
        _number("block_height"),
        _time("anchored_at", nullable=True),
        _time("submitted_at", nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _time("due_at"),
        _text("error"),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_anchors"),
        sa.UniqueConstraint("kind", "subject", name="uq_anchors_kind_subject"),
        sa.CheckConstraint("kind IN ('CHECKPOINT', 'CONTRACT')", name="ck_anchors_kind"),
        sa.CheckConstraint("state IN ('QUEUED', 'SUBMITTED', 'CONFIRMED')", name="ck_anchors_state"),
    )
    op.create_index("ix_anchors_due_at", "anchors", ["due_at"], postgresql_where=sa.text("state <> 'CONFIRMED'"))
    op.create_index("ix_anchors_tx_hash", "anchors", ["tx_hash"])
    op.create_table(
        "dossiers",
        _text("contract_id"),
        _bytes("text"),
        _text("text_hash"),
        _text("document_sha256"),
        _number("tree_size"),
        _text("package_key"),
        _text("package_version"),
        _text("package_sha256"),
        _number("package_size"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _time("due_at"),
        _text("waiting_for"),
        _text("traceparent"),
        _time("created_at"),
        _time("packaged_at", nullable=True),
        sa.PrimaryKeyConstraint("contract_id", name="pk_dossiers"),
    )
    op.create_index("ix_dossiers_due_at", "dossiers", ["due_at"], postgresql_where=sa.text("packaged_at IS NULL"))
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table in ("records", "tile_hashes", "checkpoints"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
