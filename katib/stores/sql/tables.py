"""The tables as they are now. `migrations` leads every older schema here; a test holds the two together.

Only texts, whole numbers and doubles are used, so that every driver returns what `rows` expects without conversion.
Numbers that trials reported are texts, the shortest that read back as the same double: MySQL and MariaDB have no nan
and no infinity, SQLite has no -0.0. Structured values that no query looks into are JSON texts.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.mysql import LONGTEXT

from katib.stores.contract import NAME_LIMIT

LongText = Text().with_variant(LONGTEXT(), "mysql")
"""A text of any length; MySQL's plain TEXT ends at 64 KiB."""

Id = BigInteger().with_variant(Integer(), "sqlite")
"""A number that the database gives out; in SQLite only INTEGER can be one."""

Name = String(NAME_LIMIT)
TrialName = String(NAME_LIMIT + 32)
"""A study's name and a suffix."""

Word = String(64)

Number = String(32)
"""A double as `repr` writes it."""

# Names of constraints are fixed, so that a later migration can refer to them on every database.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

studies = Table(
    "studies",
    metadata,
    Column("id", Id, primary_key=True),
    Column("uid", Name, nullable=False, unique=True),
    Column("name", Name, nullable=False, unique=True),
    Column("max_trials", BigInteger),
    Column("parallel", BigInteger, nullable=False),
    Column("max_failed", BigInteger),
    Column("max_seconds", Double),
    Column("max_stale", BigInteger),
    Column("status", Word, nullable=False),
    Column("reason", Word, nullable=False),
    Column("message", LongText, nullable=False),
    Column("since", Double, nullable=False),
    Column("counts", LongText, nullable=False),
    Column("highest_ordinal", BigInteger, nullable=False),
    Column("best_ordinal", BigInteger),
    Column("best_value", Number),
    # JSON; null with one objective.
    Column("front", LongText),
    Column("generation", BigInteger, nullable=False),
    Column("stop_requested", SmallInteger, nullable=False),
    Column("exhausted", LongText, nullable=False),
    Column("overrides", LongText, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double),
    Column("owner", Name, nullable=False),
    Column("term", BigInteger, nullable=False),
    Column("lease_until", Double, nullable=False),
    Column("run_dir", LongText, nullable=False),
    # Without it SQLite would give the number of a deleted study to the next one.
    sqlite_autoincrement=True,
)
"""A study, without what never changes about it: this row is written with every commit, so it is short."""

documents = Table(
    "documents",
    metadata,
    Column("study_id", Id, ForeignKey(studies.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("document", LongText, nullable=False),
    Column("effective", LongText, nullable=False),
    Column("objective", LongText, nullable=False),
)
"""What never changes about a study, written once and read once per process."""

trials = Table(
    "trials",
    metadata,
    Column("study_id", Id, ForeignKey(studies.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("ordinal", BigInteger, primary_key=True, autoincrement=False),
    Column("name", TrialName, nullable=False),
    Column("assignment", LongText, nullable=False),
    Column("labels", LongText, nullable=False),
    Column("state", Word, nullable=False),
    Column("reason", Word, nullable=False),
    Column("message", LongText, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("losses", BigInteger, nullable=False),
    Column("value", Number),
    # JSON; null with one objective, or without a value.
    Column("further_values", LongText),
    Column("metrics", LongText, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double),
    Column("not_before", Double, nullable=False),
    Column("revision", BigInteger, nullable=False),
    # Null when there are none, which is nearly always.
    Column("rules", LongText),
    Column("stopped_by", LongText),
    # Null for a trial that the engine runs.
    Column("client", Name),
    Column("lent_until", Number),
    Column("lent_seconds", Number),
    Index("uq_trials_study_id_name", "study_id", "name", unique=True),
    Index("ix_trials_study_id_state_ordinal", "study_id", "state", "ordinal"),
    Index("ix_trials_study_id_revision_ordinal", "study_id", "revision", "ordinal"),
)

observations = Table(
    "observations",
    metadata,
    Column("study_id", Id, primary_key=True, autoincrement=False),
    Column("ordinal", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt", BigInteger, primary_key=True, autoincrement=False),
    Column("metric", Name, primary_key=True),
    # 0: `position` is the step; 1: there was no step, and it is the reporter's sequence number.
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    # Null when what was reported is not a number.
    Column("value", Number),
    # What was reported; null when that is just what `value` says.
    Column("text", LongText),
    Column("time", Double, nullable=False),
    Column("arrived", Double, nullable=False),
    ForeignKeyConstraint(["study_id", "ordinal"], [trials.c.study_id, trials.c.ordinal], ondelete="CASCADE"),
    # The identity is most of the row: one tree instead of a table and an index over it.
    sqlite_with_rowid=False,
)
"""The append-only log of what trials reported; the primary key is an observation's identity."""

items = Table(
    "items",
    metadata,
    Column("study_id", Id, ForeignKey(studies.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    # 0: of the study itself.
    Column("ordinal", BigInteger, primary_key=True, autoincrement=False),
    Column("namespace", Name, primary_key=True),
    Column("name", Name, primary_key=True),
    # 0: `value` is the text; 1: it is bytes in base64.
    Column("encoding", SmallInteger, nullable=False),
    Column("value", LongText, nullable=False),
)
"""The metadata that clients keep with studies and trials."""

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("study_id", Id, ForeignKey(studies.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("time", Double, nullable=False),
    Column("kind", Word, nullable=False),
    Column("reason", Word, nullable=False),
    Column("message", LongText, nullable=False),
    Column("ordinal", BigInteger, nullable=False),
)

replies = Table(
    "replies",
    metadata,
    # Digests: a key is any text of a client's.
    Column("key_digest", Word, primary_key=True),
    Column("digest", Word, nullable=False),
    # 0 while the request is being answered.
    Column("status", Integer, nullable=False),
    Column("body", LongText, nullable=False),
    Column("until", Double, nullable=False, index=True),
)
"""Answers to requests that carry a key, so that a repeated one is not done twice."""

tokens = Table(
    "tokens",
    metadata,
    Column("id", Word, primary_key=True),
    Column("digest", Word, nullable=False),
    Column("role", Word, nullable=False),
    Column("study_uid", Name, nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    Column("note", LongText, nullable=False),
    Column("created_at", Double, nullable=False),
)
"""Who may do what, by a secret of which only a digest is here."""
