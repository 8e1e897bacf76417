"""Keys, certificates, seals, signing and release jobs.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from esign_kit.outbox import create_kit_tables
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=nullable)


def upgrade() -> None:
    """Create the tables."""
    create_kit_tables(op.get_bind())
    op.create_table(
        "keys",
        _text("key_id"),
        _text("purpose"),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        _text("public_key_sha256"),
        sa.Column("certification_request", sa.LargeBinary(), nullable=False),
        _text("activation_id", nullable=True),
        _text("contract_id", nullable=True),
        _text("order_no", nullable=True),
        _text("organisation", nullable=True),
        _text("unified_social_credit_code", nullable=True),
        _time("created_at"),
        _time("destroyed_at", nullable=True),
        sa.PrimaryKeyConstraint("key_id", name="pk_keys"),
        sa.UniqueConstraint("activation_id", name="uq_keys_activation_id"),
        sa.UniqueConstraint("order_no", name="uq_keys_order_no"),
        sa.CheckConstraint("purpose IN ('EVENT', 'ORGANISATION')", name="ck_keys_purpose"),
        sa.CheckConstraint("(wrapped IS NULL) = (destroyed_at IS NOT NULL)", name="ck_keys_destroyed"),
    )
    op.create_index("ix_keys_unified_social_credit_code", "keys", ["unified_social_credit_code"])
    op.create_table(
        "certificates",
        _text("certificate_id"),
        _text("key_id"),
        sa.Column("chain", ARRAY(sa.LargeBinary()), nullable=False),
        _text("sha256"),
        _time("not_before"),
        _time("not_after"),
        _time("installed_at"),
        sa.PrimaryKeyConstraint("certificate_id", name="pk_certificates"),
        sa.ForeignKeyConstraint(["key_id"], ["keys.key_id"], name="fk_certificates_key_id"),
    )
    op.create_index("ix_certificates_key_id", "certificates", ["key_id"])
    op.create_table(
        "seals",
        _text("seal_id"),
        _text("kind"),
        _text("state"),
        _text("bucket"),
        _text("object_key"),
        _text("version_id"),
        _text("sha256"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        _text("owner_person_id", nullable=True),
        _text("owner_organisation", nullable=True),
        _time("created_at"),
        sa.PrimaryKeyConstraint("seal_id", name="pk_seals"),
        sa.UniqueConstraint("owner_person_id", "kind", "sha256", name="uq_seals_owner_person_id_kind_sha256"),
        sa.UniqueConstraint("owner_organisation", "kind", "sha256", name="uq_seals_owner_organisation_kind_sha256"),
        sa.CheckConstraint("kind IN ('HANDWRITTEN', 'OFFICIAL', 'CONTRACT')", name="ck_seals_kind"),
        sa.CheckConstraint("state IN ('PENDING', 'ACTIVE', 'SUSPENDED', 'DESTROYED')", name="ck_seals_state"),
        sa.CheckConstraint("(owner_person_id IS NULL) <> (owner_organisation IS NULL)", name="ck_seals_owner"),
    )
    op.create_table(
        "seal_grants",
        _text("seal_id"),
        _text("person_id"),
        _time("granted_at"),
        sa.PrimaryKeyConstraint("seal_id", "person_id", name="pk_seal_grants"),
        sa.ForeignKeyConstraint(["seal_id"], ["seals.seal_id"], name="fk_seal_grants_seal_id"),
    )
    op.create_index("ix_seal_grants_person_id", "seal_grants", ["person_id"])
    op.create_table(
        "signing_jobs",
        _text("request_id"),
        _text("activation_id", nullable=True),
        _text("contract_id"),
        _text("party_id"),
        _text("state"),
        _text("source_sha256"),
        _text("delay_reason"),
        _text("refusal_reason"),
        _text("result_key"),
        _text("result_version_id"),
        _text("result_sha256"),
        _time("signed_at", nullable=True),
        _time("created_at"),
        _time("finished_at", nullable=True),
        sa.PrimaryKeyConstraint("request_id", name="pk_signing_jobs"),
        sa.UniqueConstraint("activation_id", name="uq_signing_jobs_activation_id"),
        sa.CheckConstraint("state IN ('INTENT', 'DONE', 'REFUSED')", name="ck_signing_jobs_state"),
    )
    op.create_index("ix_signing_jobs_contract_id", "signing_jobs", ["contract_id"])
    op.create_table(
        "release_jobs",
        _text("request_id"),
        _text("contract_id"),
        _text("state"),
        _text("source_sha256"),
        _text("delay_reason"),
        sa.Column("problems", ARRAY(sa.String()), nullable=False),
        sa.Column("validators", ARRAY(sa.String()), nullable=False),
        _text("result_key"),
        _text("result_version_id"),
        _text("result_sha256"),
        _time("archived_at", nullable=True),
        _time("created_at"),
        _time("finished_at", nullable=True),
        sa.PrimaryKeyConstraint("request_id", name="pk_release_jobs"),
        sa.CheckConstraint("state IN ('INTENT', 'DONE', 'REFUSED')", name="ck_release_jobs_state"),
    )
    op.create_index(
        "uq_release_jobs_released",
        "release_jobs",
        ["contract_id"],
        unique=True,
        postgresql_where=sa.text("state = 'DONE'"),
    )
