"""The kit's tables and one for effects."""

from alembic import op
from esign_kit.outbox import create_kit_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_kit_tables(op.get_bind())
    op.execute("CREATE TABLE effects (id text)")
