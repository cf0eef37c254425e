"""What is asked of the database. Parameters have the columns' names, or the ones in the statement's comment.

Lists are asked for in statements of a few fixed lengths, so that each is compiled once; `padded` fills a list up.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    Delete,
    Insert,
    Integer,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from katib.core.trial import FINISHED, UNFINISHED
from katib.stores.sql.rows import (
    NOT_COMMITTED,
    OBSERVATION_COLUMNS,
    STUDY_COLUMNS,
    STUDY_FIXED,
    TRIAL_COLUMNS,
    TRIAL_FIXED,
)
from katib.stores.sql.tables import documents, events, items, observations, replies, studies, tokens, trials

Statement = Select[Any] | Insert | Update | Delete

LIST_SIZES = (1, 8, 64)
"""Lengths of lists in statements."""


def padded(values: Iterable[Any], name: str) -> Iterator[dict[str, Any]]:
    """`values` in pieces of LIST_SIZES, as parameters `name`0, `name`1 …; the last value fills a piece up."""
    left = list(values)
    while left:
        piece, left = left[: LIST_SIZES[-1]], left[LIST_SIZES[-1] :]
        size = next(size for size in LIST_SIZES if size >= len(piece))
        piece += piece[-1:] * (size - len(piece))
        yield {f"{name}{position}": value for position, value in enumerate(piece)}


def _one_of(column: Column[Any], name: str, size: int) -> Any:
    return column.in_([bindparam(f"{name}{position}", type_=column.type) for position in range(size)])


def _insert(table: Table, *, given: bool = True) -> Insert:
    """An insert of every column; of every one but the id where the database gives it out."""
    return insert(table).values(
        {column.name: bindparam(column.name) for column in table.columns if given or column.name != "id"}
    )


def _update(table: Table, keys: Sequence[str], *, but: frozenset[str] = frozenset(), only: str = "") -> Update:
    """An update of every column, `but` some or `only` one, in the row whose keys are given as key_…"""
    names = [only] if only else [column.name for column in table.columns if column.name not in but]
    found = [table.c[key] == bindparam(f"key_{key}") for key in keys]
    changed: dict[str, Any] = {name: bindparam(name) for name in names}
    return update(table).where(*found).values(changed)


INSERT_STUDY = _insert(studies, given=False)
INSERT_DOCUMENTS = _insert(documents)
INSERT_TRIAL = _insert(trials)
INSERT_OBSERVATION = _insert(observations)
INSERT_EVENT = _insert(events, given=False)
INSERT_ITEM = _insert(items)

UPDATE_STUDY = _update(studies, ["id"], but=STUDY_FIXED)
UPDATE_TRIAL = _update(trials, ["study_id", "ordinal"], but=TRIAL_FIXED)
UPDATE_METRICS = _update(trials, ["study_id", "ordinal"], only="metrics")
"""Of a trial about which nothing else changed: no index has to follow."""

_KEYS_OF_BASIS = ["uid", "revision", "owner", "term", "lease_until"]
UPDATE_STUDY_FROM = _update(studies, _KEYS_OF_BASIS, but=STUDY_FIXED | NOT_COMMITTED)
UPDATE_TRIAL_FROM = _update(trials, ["study_id", "ordinal", "metrics"], but=TRIAL_FIXED)
UPDATE_METRICS_FROM = _update(trials, ["study_id", "ordinal", "metrics"], only="metrics")
"""Of a row that is as it was read, as its keys say; no row is found when it is not."""

DELETE_STUDY = delete(studies).where(studies.c.id == bindparam("id"))
"""The rest follows by foreign keys."""

_ITEM_OF_TRIAL = (items.c.study_id == bindparam("study_id"), items.c.ordinal == bindparam("ordinal"))
DELETE_ITEM = delete(items).where(
    *_ITEM_OF_TRIAL, items.c.namespace == bindparam("namespace"), items.c.name == bindparam("name")
)
DELETE_ITEMS = delete(items).where(*_ITEM_OF_TRIAL)
DELETE_TRIAL = delete(trials).where(
    trials.c.study_id == bindparam("study_id"), trials.c.ordinal == bindparam("ordinal")
)
"""Its observations follow by foreign key."""

_STUDY = select(*STUDY_COLUMNS)

STUDY_BY_NAME = _STUDY.where(studies.c.name == bindparam("name"))
STUDY_BY_UID = _STUDY.where(studies.c.uid == bindparam("uid"))
LOCKED_BY_NAME = STUDY_BY_NAME.with_for_update()
LOCKED_BY_UID = STUDY_BY_UID.with_for_update()
"""For writing: no other transaction writes the study before this one has ended. SQLite locks the whole file anyway."""

SAME_STUDY = select(studies.c.id).where((studies.c.name == bindparam("name")) | (studies.c.uid == bindparam("uid")))
STUDY_AS_READ = (
    select(studies.c.id).where(*(studies.c[key] == bindparam(f"key_{key}") for key in _KEYS_OF_BASIS)).with_for_update()
)
STUDY_ID = select(studies.c.id).where(studies.c.uid == bindparam("uid"))
DOCUMENTS = select(documents.c.document, documents.c.effective, documents.c.objective).where(
    documents.c.study_id == bindparam("study_id")
)

_TRIAL = select(*TRIAL_COLUMNS).where(trials.c.study_id == bindparam("study_id"))

_UNFINISHED = sorted(state.value for state in UNFINISHED)
UNFINISHED_TRIALS = _TRIAL.where(_one_of(trials.c.state, "state", len(_UNFINISHED)))
UNFINISHED_STATES = {f"state{position}": state for position, state in enumerate(_UNFINISHED)}
"""Trials that are not finished, in no order: they are few, so sorting them is cheaper than an order by the database."""
UNUSED_ADVICE = (
    _TRIAL.where(trials.c.state == bindparam("state"))
    .order_by(trials.c.ordinal)
    .limit(bindparam("number", type_=trials.c.ordinal.type))
)


@cache
def listed_studies(statuses: int, *, prefix: bool, contains: bool, uid: bool, after: bool, limited: bool) -> Statement:
    """Studies by (created_at, uid): in one of the states status0 …, unless there is none; whose name begins with
    `prefix`, which has `length` characters, and has `contains` in it; of `uid`; after (`created_at`, `after_uid`); at
    most `number`.
    """
    found, name, born = _STUDY, studies.c.name, studies.c.created_at
    if statuses:
        found = found.where(_one_of(studies.c.status, "status", statuses))
    if prefix:
        begin = func.substr(name, 1, bindparam("length", type_=Integer()), type_=name.type)
        found = found.where(begin == bindparam("prefix"))
    if contains:
        # No database looks at characters in another way here, as LIKE does.
        found = found.where(func.replace(name, bindparam("contains", type_=name.type), "", type_=name.type) != name)
    if uid:
        found = found.where(studies.c.uid == bindparam("uid"))
    if after:
        later = (born == bindparam("created_at")) & (studies.c.uid > bindparam("after_uid"))
        found = found.where((born > bindparam("created_at")) | later)
    found = found.order_by(born, studies.c.uid)
    return found.limit(bindparam("number", type_=Integer())) if limited else found


@cache
def trials_by_ordinal(size: int, *, locked: bool = False) -> Statement:
    """Trials of `study_id` with one of the ordinals ordinal0 …"""
    found = _TRIAL.where(_one_of(trials.c.ordinal, "ordinal", size)).order_by(trials.c.ordinal)
    return found.with_for_update() if locked else found


@cache
def trials_by_name(size: int) -> Statement:
    """Trials of `study_id` with one of the names name0 …, locked."""
    return _TRIAL.where(_one_of(trials.c.name, "name", size)).order_by(trials.c.ordinal).with_for_update()


@cache
def listed_by_name(size: int) -> Statement:
    """Trials of `study_id` with one of the names name0 …"""
    return _TRIAL.where(_one_of(trials.c.name, "name", size))


VALUES = select(trials.c.ordinal, trials.c.value, trials.c.further_values).where(
    trials.c.study_id == bindparam("study_id"), trials.c.value.is_not(None)
)


@cache
def names_taken(size: int) -> Statement:
    """Those of the names name0 … that trials of `study_id` have."""
    return select(trials.c.name).where(trials.c.study_id == bindparam("study_id"), _one_of(trials.c.name, "name", size))


@cache
def listed_trials(states: int, *, after_ordinal: bool, after_revision: bool, limited: bool) -> Statement:
    """Trials of `study_id` in one of the states state0 …, by ordinal.

    Those after `after_ordinal`; those after `after_revision`, by revision; at most `number`.
    """
    found = _TRIAL.where(_one_of(trials.c.state, "state", states))
    if after_ordinal:
        found = found.where(trials.c.ordinal > bindparam("after_ordinal"))
    if after_revision:
        found = found.where(trials.c.revision > bindparam("after_revision")).order_by(trials.c.revision)
    found = found.order_by(trials.c.ordinal)
    return found.limit(bindparam("number", type_=trials.c.ordinal.type)) if limited else found


LISTED_BY_DEFAULT = FINISHED | UNFINISHED
"""ADVISED rows are not trials yet."""


@cache
def listed_observations(*, ordinal: bool, metric: bool, attempt: bool) -> Statement:
    """Observations of `study_id`, of the `ordinal`, `metric` and `attempt` that are asked for; in no order."""
    found = (
        select(*OBSERVATION_COLUMNS)
        .join(trials, (trials.c.study_id == observations.c.study_id) & (trials.c.ordinal == observations.c.ordinal))
        .where(observations.c.study_id == bindparam("study_id"))
    )
    if ordinal:
        found = found.where(observations.c.ordinal == bindparam("ordinal"))
    if metric:
        found = found.where(observations.c.metric == bindparam("metric"))
    if attempt:
        found = found.where(observations.c.attempt == bindparam("attempt"))
    return found


STORED_POSITIONS = select(observations.c.position).where(
    observations.c.study_id == bindparam("study_id"),
    observations.c.ordinal == bindparam("ordinal"),
    observations.c.attempt == bindparam("attempt"),
    observations.c.metric == bindparam("metric"),
    observations.c.kind == bindparam("kind"),
    observations.c.position.between(bindparam("least"), bindparam("greatest")),
)


@cache
def listed_items(*, ordinal: bool) -> Statement:
    """Metadata of `study_id`, of the `ordinal` that is asked for; in no order."""
    found = select(items.c.ordinal, items.c.namespace, items.c.name, items.c.encoding, items.c.value).where(
        items.c.study_id == bindparam("study_id")
    )
    return found.where(items.c.ordinal == bindparam("ordinal")) if ordinal else found


_EVENT = select(events.c.time, events.c.kind, events.c.reason, events.c.message, events.c.ordinal).where(
    events.c.study_id == bindparam("study_id")
)
EVENTS = _EVENT.order_by(events.c.id)
LATEST_EVENTS = _EVENT.order_by(events.c.id.desc()).limit(bindparam("number", type_=events.c.ordinal.type))

INSERT_REPLY = _insert(replies)
UPDATE_REPLY = _update(replies, ["key_digest"])
REPLY = select(replies.c.digest, replies.c.status, replies.c.body, replies.c.until).where(
    replies.c.key_digest == bindparam("key_digest")
)
_UNDONE = (replies.c.status == 0, replies.c.body == "")
DELETE_CLAIM = delete(replies).where(replies.c.key_digest == bindparam("key_digest"), *_UNDONE)
HOLD_CLAIM = (
    update(replies)
    .where(replies.c.key_digest == bindparam("key_key_digest"), *_UNDONE)
    .values(until=bindparam("new_until"))
)
PUT_RECEIPT = (
    update(replies).where(replies.c.key_digest == bindparam("key_key_digest"), *_UNDONE).values(body=bindparam("text"))
)
DELETE_OLD_REPLIES = delete(replies).where(replies.c.until < bindparam("before"))

INSERT_TOKEN = _insert(tokens)
TOKENS = select(*tokens.columns).order_by(tokens.c.created_at, tokens.c.id)
TOKEN = select(*tokens.columns).where(tokens.c.id == bindparam("id"))
DELETE_TOKEN = delete(tokens).where(tokens.c.id == bindparam("id"))
