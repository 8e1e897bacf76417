"""Messages, codes, closed contracts.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from esign_kit.outbox import create_kit_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Create the tables."""
    create_kit_tables(op.get_bind())
    op.create_table(
        "messages",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("document_number", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        _time("expires_at", nullable=True),
        _time("completed_at", nullable=True),
        sa.Column("withdrawal_reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _time("due_at"),
        sa.Column("lease", sa.String(), nullable=False),
        _time("sending_since", nullable=True),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("traceparent", sa.String(), nullable=False),
        _time("created_at"),
        _time("finished_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.UniqueConstraint("event_id", "person_id", "channel", name="uq_messages_event_id"),
        sa.CheckConstraint("state IN ('PENDING', 'SENDING', 'SENT', 'FAILED', 'DROPPED')", name="ck_messages_state"),
        sa.CheckConstraint("channel IN ('sms', 'email')", name="ck_messages_channel"),
    )
    op.create_index(
        "ix_messages_due",
        "messages",
        ["channel", "due_at"],
        postgresql_where=sa.text("state IN ('PENDING', 'SENDING')"),
    )
    op.create_index("ix_messages_contract_id", "messages", ["contract_id"])
    op.create_table(
        "codes",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _time("lease_until"),
        _time("sending_since"),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        _time("created_at"),
        _time("finished_at", nullable=True),
        sa.PrimaryKeyConstraint("message_id", name="pk_codes"),
        sa.CheckConstraint("state IN ('PENDING', 'SENDING', 'SENT', 'FAILED')", name="ck_codes_state"),
    )
    op.create_table(
        "closed_contracts",
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("closure", sa.String(), nullable=False),
        _time("closed_at"),
        sa.PrimaryKeyConstraint("contract_id", name="pk_closed_contracts"),
        sa.CheckConstraint("closure IN ('COMPLETED', 'WITHDRAWN', 'EXPIRED')", name="ck_closed_contracts_closure"),
    )
