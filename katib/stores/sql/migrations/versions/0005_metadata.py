"""What clients keep with studies and trials: the metadata of Vizier's API."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create items."""
    op.create_table(
        "items",
        sa.Column("study_id", ID, autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("namespace", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("encoding", sa.SmallInteger(), nullable=False),
        sa.Column("value", sa.Text().with_variant(LONGTEXT(), "mysql"), nullable=False),
        sa.PrimaryKeyConstraint("study_id", "ordinal", "namespace", "name", name="pk_items"),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name="fk_items_study_id", ondelete="CASCADE"),
        **_options(),
    )


def _options() -> dict[str, Any]:
    """As in the first schema."""
    dialect = op.get_bind().dialect
    if dialect.name != "mysql":
        return {}
    collation = "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
    return {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": collation}
