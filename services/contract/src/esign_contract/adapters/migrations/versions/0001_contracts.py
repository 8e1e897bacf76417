"""Documents, contracts, parties, downloads.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from esign_kit.outbox import create_kit_tables
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Create the tables."""
    create_kit_tables(op.get_bind())
    op.create_table(
        "documents",
        *_text("document_id", "system", "file_name", "upload_sha256", "bucket", "key", "version_id", "sha256"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("pages", JSONB(), nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("document_id", name="pk_documents"),
        sa.UniqueConstraint("system", "upload_sha256", name="uq_documents_system_upload_sha256"),
    )
    op.create_table(
        "contracts",
        *_text("contract_id", "system", "document_number", "fingerprint", "title", "business_type", "currency"),
        sa.Column("amount", sa.Numeric(15, 2), nullable=True),
        *_text("document_id", "head_bucket", "head_key", "head_version_id", "head_sha256"),
        sa.Column("head_size", sa.BigInteger(), nullable=False),
        *_text("state", "waiting_for", "evidence_number", "withdrawal_reason"),
        sa.Column("problems", JSONB(), nullable=False),
        _time("created_at"),
        _time("updated_at"),
        _time("expires_at"),
        _time("completed_at", nullable=True),
        sa.PrimaryKeyConstraint("contract_id", name="pk_contracts"),
        sa.UniqueConstraint("system", "document_number", name="uq_contracts_system_document_number"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], name="fk_contracts_document_id"),
        sa.CheckConstraint(
            "state IN ('DRAFT', 'WAITING', 'SIGNING', 'RELEASING', 'COMPLETED', 'WITHDRAWN', 'EXPIRED', 'HELD')",
            name="ck_contracts_state",
        ),
        sa.CheckConstraint("(amount IS NULL) = (currency = '')", name="ck_contracts_amount"),
    )
    op.create_index(
        "ix_contracts_expires_at",
        "contracts",
        ["expires_at"],
        postgresql_where=sa.text("state IN ('DRAFT', 'WAITING')"),
    )
    op.create_table(
        "parties",
        *_text("party_id", "contract_id"),
        sa.Column("position", sa.Integer(), nullable=False),
        *_text("person_id", "policy_id", "name", "seal_id"),
        sa.Column("placement", JSONB(), nullable=True),
        *_text("state", "verification_id", "activation_id", "source_sha256", "signed_sha256", "refusal_reason"),
        _time("signed_at", nullable=True),
        _time("since", nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _time("due_at", nullable=True),
        sa.PrimaryKeyConstraint("party_id", name="pk_parties"),
        sa.UniqueConstraint("contract_id", "position", name="uq_parties_contract_id_position"),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.contract_id"], name="fk_parties_contract_id"),
        sa.CheckConstraint("state IN ('QUEUED', 'WAITING', 'SIGNING', 'SIGNED')", name="ck_parties_state"),
        sa.CheckConstraint("(person_id = '') <> (policy_id = '')", name="ck_parties_signer"),
    )
    op.create_index(
        "ix_parties_person_id",
        "parties",
        ["person_id", "state", "since"],
        postgresql_where=sa.text("person_id <> ''"),
    )
    op.create_index("ix_parties_due_at", "parties", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_table(
        "downloads",
        *_text("download_id", "contract_id", "person_id", "state"),
        _time("opened_at"),
        _time("lease_until"),
        _time("finished_at", nullable=True),
        sa.PrimaryKeyConstraint("download_id", name="pk_downloads"),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.contract_id"], name="fk_downloads_contract_id"),
        sa.CheckConstraint("state IN ('OPEN', 'USED', 'GIVEN_BACK')", name="ck_downloads_state"),
    )
    op.create_index("ix_downloads_person_id", "downloads", ["person_id", "contract_id"])
    op.create_index(
        "uq_downloads_used",
        "downloads",
        ["contract_id", "person_id"],
        unique=True,
        postgresql_where=sa.text("state = 'USED'"),
    )
