"""The first schema.

Everything is written out here, not taken from `tables`: what a released step does must not change with the code.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(LONGTEXT(), "mysql")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.String(255)
TRIAL_NAME = sa.String(287)
WORD = sa.String(64)
NUMBER = sa.String(32)


def upgrade() -> None:
    """Create studies, documents, trials, observations, events."""
    options = _options()
    _studies(options)
    _trials(options)
    op.create_table(
        "observations",
        sa.Column("study_id", ID, autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("metric", NAME, nullable=False),
        sa.Column("kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("value", NUMBER),
        sa.Column("text", LONG_TEXT),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("arrived", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("study_id", "ordinal", "attempt", "metric", "kind", "position", name="pk_observations"),
        sa.ForeignKeyConstraint(
            ["study_id", "ordinal"],
            ["trials.study_id", "trials.ordinal"],
            name="fk_observations_study_id_ordinal",
            ondelete="CASCADE",
        ),
        sqlite_with_rowid=False,
        **options,
    )
    op.create_table(
        "events",
        sa.Column("id", ID, nullable=False),
        sa.Column("study_id", ID, nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("reason", WORD, nullable=False),
        sa.Column("message", LONG_TEXT, nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name="fk_events_study_id", ondelete="CASCADE"),
        **options,
    )
    op.create_index("ix_events_study_id", "events", ["study_id"])


def _studies(options: dict[str, Any]) -> None:
    op.create_table(
        "studies",
        sa.Column("id", ID, nullable=False),
        sa.Column("uid", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("max_trials", sa.BigInteger()),
        sa.Column("parallel", sa.BigInteger(), nullable=False),
        sa.Column("max_failed", sa.BigInteger()),
        sa.Column("status", WORD, nullable=False),
        sa.Column("reason", WORD, nullable=False),
        sa.Column("message", LONG_TEXT, nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("counts", LONG_TEXT, nullable=False),
        sa.Column("highest_ordinal", sa.BigInteger(), nullable=False),
        sa.Column("best_ordinal", sa.BigInteger()),
        sa.Column("best_value", NUMBER),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("stop_requested", sa.SmallInteger(), nullable=False),
        sa.Column("exhausted", LONG_TEXT, nullable=False),
        sa.Column("overrides", LONG_TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double()),
        sa.Column("ended_at", sa.Double()),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.Double(), nullable=False),
        sa.Column("run_dir", LONG_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_studies"),
        sa.UniqueConstraint("uid", name="uq_studies_uid"),
        sa.UniqueConstraint("name", name="uq_studies_name"),
        sqlite_autoincrement=True,
        **options,
    )
    op.create_table(
        "documents",
        sa.Column("study_id", ID, autoincrement=False, nullable=False),
        sa.Column("document", LONG_TEXT, nullable=False),
        sa.Column("effective", LONG_TEXT, nullable=False),
        sa.Column("objective", LONG_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("study_id", name="pk_documents"),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name="fk_documents_study_id", ondelete="CASCADE"),
        **options,
    )


def _trials(options: dict[str, Any]) -> None:
    op.create_table(
        "trials",
        sa.Column("study_id", ID, autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", TRIAL_NAME, nullable=False),
        sa.Column("assignment", LONG_TEXT, nullable=False),
        sa.Column("labels", LONG_TEXT, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("reason", WORD, nullable=False),
        sa.Column("message", LONG_TEXT, nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("losses", sa.BigInteger(), nullable=False),
        sa.Column("value", NUMBER),
        sa.Column("metrics", LONG_TEXT, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double()),
        sa.Column("ended_at", sa.Double()),
        sa.Column("not_before", sa.Double(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("study_id", "ordinal", name="pk_trials"),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name="fk_trials_study_id", ondelete="CASCADE"),
        **options,
    )
    op.create_index("uq_trials_study_id_name", "trials", ["study_id", "name"], unique=True)
    op.create_index("ix_trials_study_id_state_ordinal", "trials", ["study_id", "state", "ordinal"])
    op.create_index("ix_trials_study_id_revision_ordinal", "trials", ["study_id", "revision", "ordinal"])


def _options() -> dict[str, Any]:
    """MySQL and MariaDB: texts that differ in case, accent or trailing space are different texts."""
    dialect = op.get_bind().dialect
    if dialect.name != "mysql":
        return {}
    collation = "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
    return {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": collation}
