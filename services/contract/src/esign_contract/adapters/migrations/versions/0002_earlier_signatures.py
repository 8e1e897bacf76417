"""The signatures that a document came with.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; documents from before came without any. The previous version's inserts leave it out."""
    op.add_column("documents", sa.Column("signatures", JSONB(), nullable=False, server_default=sa.text("'[]'::jsonb")))
