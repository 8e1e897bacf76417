"""Certificate orders.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from esign_kit.outbox import create_kit_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    create_kit_tables(op.get_bind())
    op.create_table(
        "certificate_orders",
        sa.Column("order_no", sa.String(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("key_sha256", sa.String(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("activation_id", sa.String(), nullable=True),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("unified_social_credit_code", sa.String(), nullable=True),
        sa.Column("organisation_name", sa.String(), nullable=False),
        sa.Column("signer_key_id", sa.String(), nullable=False),
        sa.Column("certificates", sa.ARRAY(sa.LargeBinary()), nullable=False),
        sa.Column("serial_number", sa.String(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("certificate_id", sa.String(), nullable=False),
        sa.Column("refusal", sa.String(), nullable=False),
        sa.Column("revocation", sa.String(), nullable=False),
        sa.Column("revoke_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order_no", name="pk_certificate_orders"),
        sa.UniqueConstraint("activation_id", name="uq_certificate_orders_activation_id"),
        sa.CheckConstraint("profile IN ('event', 'organisation')", name="ck_certificate_orders_profile"),
        sa.CheckConstraint(
            "state IN ('NEW', 'REQUESTED', 'ISSUED', 'INSTALLED', 'REFUSED')", name="ck_certificate_orders_state"
        ),
        sa.CheckConstraint("revocation IN ('', 'WANTED', 'DONE')", name="ck_certificate_orders_revocation"),
    )
    op.create_index(
        "uq_certificate_orders_open_organisation",
        "certificate_orders",
        ["unified_social_credit_code"],
        unique=True,
        postgresql_where=sa.text("profile = 'organisation' AND state IN ('NEW', 'REQUESTED', 'ISSUED')"),
    )
    op.create_index("ix_certificate_orders_organisation", "certificate_orders", ["unified_social_credit_code", "state"])
    op.create_index(
        "ix_certificate_orders_to_revoke",
        "certificate_orders",
        ["revoke_due_at"],
        postgresql_where=sa.text("revocation = 'WANTED'"),
    )
