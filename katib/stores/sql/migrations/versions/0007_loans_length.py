"""For how long a trial is lent to the client that runs it.

The schema before kept until when only, so a report made any loan one of an hour; null stands for that.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `lent_seconds` to trials."""
    op.add_column("trials", sa.Column("lent_seconds", sa.String(32)))
