"""When a person was erased, and until when the rest is kept."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Columns that may be empty."""
    op.execute("ALTER TABLE person ADD COLUMN erased_at timestamptz, ADD COLUMN kept_until timestamptz")
    op.execute("CREATE INDEX ix_person_kept_until ON person (kept_until) WHERE kept_until IS NOT NULL")
