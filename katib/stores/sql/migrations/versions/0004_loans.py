"""Studies that their clients run: who runs a trial, and until when.

The engine runs every trial of the schema before, so both are null in their rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `client` and `lent_until` to trials."""
    op.add_column("trials", sa.Column("client", sa.String(255)))
    op.add_column("trials", sa.Column("lent_until", sa.String(32)))
