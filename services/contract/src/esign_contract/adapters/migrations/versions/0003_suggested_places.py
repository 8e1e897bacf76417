"""Where the first person is asked to sign, when there is more than one place.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; for parties from before, `placement` says it. The previous version's inserts leave it out."""
    op.add_column("parties", sa.Column("suggested", JSONB(), nullable=False, server_default=sa.text("'[]'::jsonb")))
