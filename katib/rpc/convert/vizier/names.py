"""Vizier's resource names: `owners/O/studies/S/trials/3`. A study S of owner O is named `O/S` here.

An operation's name says which trials it gave out, so that it need not be kept:
`owners/O/operations/suggestion/S/C/3-5_9` gave trials 3, 4, 5 and 9 to client C; 0 stands for none.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from katib.errors import Fault, InvalidInput

PART = r"([^/]+)"
_OWNER = re.compile(f"owners/{PART}")
_STUDY = re.compile(f"owners/{PART}/studies/{PART}")
_TRIAL = re.compile(rf"owners/{PART}/studies/{PART}/trials/([0-9]{{1,18}})")
_RANGES = r"[0-9]{1,18}(?:-[0-9]{1,18})?"
_OPERATION = re.compile(rf"owners/{PART}/operations/suggestion/{PART}/{PART}/({_RANGES}(?:_{_RANGES})*)")

MOST = 10_000
"""Trials of one operation."""


@dataclass(frozen=True, kw_only=True)
class OperationName:
    """An operation, taken apart."""

    study: str
    client: str
    ordinals: tuple[int, ...]


def read_owner(text: str) -> str:
    """The owner. Raises InvalidInput, as all of these do."""
    (owner,) = _match(_OWNER, text, "owners/OWNER")
    return owner


def read_study(text: str) -> str:
    """The study's name here."""
    owner, study = _match(_STUDY, text, "owners/OWNER/studies/STUDY")
    return f"{owner}/{study}"


def read_trial(text: str) -> tuple[str, int]:
    """The study's name here, and the trial's ordinal."""
    owner, study, number = _match(_TRIAL, text, "owners/OWNER/studies/STUDY/trials/NUMBER")
    return f"{owner}/{study}", int(number)


def read_operation(text: str) -> OperationName:
    """What an operation gave out."""
    wanted = "owners/OWNER/operations/suggestion/STUDY/CLIENT/TRIALS, as SuggestTrials gave it"
    owner, study, client, ranges = _match(_OPERATION, text, wanted)
    ordinals: list[int] = []
    for each in ranges.split("_"):
        first, _, last = each.partition("-")
        low, high = int(first), int(last or first)
        if high - low + len(ordinals) > MOST:
            raise _invalid(text, wanted)
        ordinals += range(low, high + 1)
    return OperationName(study=f"{owner}/{study}", client=client, ordinals=tuple(each for each in ordinals if each))


def study_name(study: str) -> str:
    """The name on the wire of a study."""
    owner, _, name = study.partition("/")
    return f"owners/{owner}/studies/{name}"


def trial_name(study: str, ordinal: int) -> str:
    """The name on the wire of a trial."""
    return f"{study_name(study)}/trials/{ordinal}"


def operation_name(study: str, client: str, ordinals: Sequence[int]) -> str:
    """The name of the operation that gave these trials to a client."""
    owner, _, name = study.partition("/")
    runs: list[list[int]] = []
    for ordinal in sorted(ordinals):
        if runs and runs[-1][-1] == ordinal - 1:
            runs[-1][1:] = [ordinal]
        else:
            runs.append([ordinal])
    text = "_".join("-".join(map(str, run)) for run in runs) or "0"
    return f"owners/{owner}/operations/suggestion/{name}/{client}/{text}"


def check_part(path: str, text: str, limit: int) -> list[Fault]:
    """What is wrong with a text that becomes a part of a name."""
    if 1 <= len(text) <= limit and "/" not in text and text.isprintable():
        return []
    return [Fault(path=path, given=repr(text), wanted=f"1 to {limit} printable characters other than /")]


def _match(pattern: re.Pattern[str], text: str, wanted: str) -> tuple[str, ...]:
    found = pattern.fullmatch(text)
    if found is None:
        raise _invalid(text, wanted)
    return found.groups()


def _invalid(text: str, wanted: str) -> InvalidInput:
    return InvalidInput([Fault(path="name", given=repr(text), wanted=wanted)], what="the name")
