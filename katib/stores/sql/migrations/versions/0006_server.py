"""The server: budgets of time and of patience, answers that are not given twice, and who may do what.

No study of the schema before has such a budget.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

LONG = sa.Text().with_variant(LONGTEXT(), "mysql")


def upgrade() -> None:
    """Add `max_seconds` and `max_stale` to studies, and the tables `replies` and `tokens`."""
    op.add_column("studies", sa.Column("max_seconds", sa.Double()))
    op.add_column("studies", sa.Column("max_stale", sa.BigInteger()))
    op.create_table(
        "replies",
        sa.Column("key_digest", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", LONG, nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key_digest", name="pk_replies"),
    )
    op.create_index("ix_replies_until", "replies", ["until"])
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("study_uid", sa.String(255), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("note", LONG, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
    )
