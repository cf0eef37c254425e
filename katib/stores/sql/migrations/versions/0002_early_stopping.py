"""Early stopping: the rules attached to a trial, and the verdict on it.

Everything is written out here, not taken from `tables`: what a released step does must not change with the code.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(LONGTEXT(), "mysql")


def upgrade() -> None:
    """Add the columns `rules` and `stopped_by` to trials."""
    op.add_column("trials", sa.Column("rules", LONG_TEXT))
    op.add_column("trials", sa.Column("stopped_by", LONG_TEXT))
