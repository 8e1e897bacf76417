"""Where a key is kept, and what it is.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. The defaults are true of every key there is, and let the previous version go on writing."""
    for name, values, default in (
        ("store", ("SOFTWARE", "PKCS11", "CSC"), "SOFTWARE"),
        ("algorithm", ("RSA_2048", "EC_P256"), "RSA_2048"),
    ):
        op.add_column("keys", sa.Column(name, sa.String(), nullable=False, server_default=default))
        op.create_check_constraint(f"ck_keys_{name}", "keys", f"{name} IN {values}")
