"""Several objectives: the Pareto front of a study, and a trial's values after the first.

Studies and trials of the schema before have one objective, so both are null in their rows.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(LONGTEXT(), "mysql")


def upgrade() -> None:
    """Add `front` to studies and `further_values` to trials."""
    op.add_column("studies", sa.Column("front", LONG_TEXT))
    op.add_column("trials", sa.Column("further_values", LONG_TEXT))
