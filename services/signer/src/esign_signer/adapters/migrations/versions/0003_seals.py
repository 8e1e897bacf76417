"""Drawn seals, the end of a grant, and a log that nobody changes.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KINDS = ("HANDWRITTEN", "OFFICIAL", "CONTRACT", "LEGAL_REPRESENTATIVE", "NAME")
APPEND_ONLY = (
    "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"
)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=nullable)


def upgrade() -> None:
    """Change the tables. The defaults are true of every seal there is, and let the previous version go on writing."""
    op.add_column("seals", sa.Column("media_type", sa.String(), nullable=False, server_default="image/png"))
    op.add_column("seals", sa.Column("name", sa.String(), nullable=False, server_default=""))
    op.create_check_constraint("ck_seals_media_type", "seals", "media_type IN ('image/png', 'image/svg+xml')")
    op.drop_constraint("ck_seals_kind", "seals")
    op.create_check_constraint("ck_seals_kind", "seals", f"kind IN {KINDS}")
    for owner in ("person_id", "organisation"):
        op.drop_constraint(f"uq_seals_owner_{owner}_kind_sha256", "seals")
        op.create_index(
            f"uq_seals_{owner.removesuffix('_id')}_kind_sha256",
            "seals",
            [f"owner_{owner}", "kind", "sha256"],
            unique=True,
            postgresql_where=sa.text("state <> 'DESTROYED'"),
        )
    op.create_index("ix_seals_owner_organisation", "seals", ["owner_organisation"])
    # Grants had no end, and nothing that granted one.
    op.add_column("seal_grants", _time("ends_at", nullable=True))
    op.execute("UPDATE seal_grants SET ends_at = granted_at + interval '1 year'")
    op.alter_column("seal_grants", "ends_at", nullable=False)
    op.add_column("seal_grants", _time("revoked_at", nullable=True))
    op.create_table(
        "seal_log",
        sa.Column("seq", sa.BigInteger(), sa.Identity(), nullable=False),
        _text("entry_id"),
        _text("seal_id"),
        _time("at"),
        _text("action"),
        _text("actor"),
        _text("reason"),
        _text("person_id", nullable=True),
        _time("ends_at", nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_seal_log"),
        sa.UniqueConstraint("entry_id", name="uq_seal_log_entry_id"),
        sa.ForeignKeyConstraint(["seal_id"], ["seals.seal_id"], name="fk_seal_log_seal_id"),
    )
    op.create_index("ix_seal_log_seal_id", "seal_log", ["seal_id", "seq"])
    op.execute(APPEND_ONLY)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seal_log "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
