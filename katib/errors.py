"""The one exception tree. Bases are named by when you would catch them.

    KatibError
    ├── InvalidInput              what the user gave cannot be used; carries every fault found  (also a ValueError)
    ├── NotFound                  no study or trial of that name                                (also a LookupError)
    ├── AccessDenied              a server wants another token than was sent, or a certificate is not trusted
    ├── AlreadyExists             a study of that name exists with another specification
    ├── StudyClosed               the study has ended or is stopped: it gives out no trials
    ├── TrialEnded                the trial has ended: its result stays as it is
    ├── Stale                     this process no longer owns the study; drop everything
    │   └── LeaseHeld             another process owns the study now
    ├── Conflict                  the study changed since it was read: read again, decide again      (retriable)
    ├── StoreError                the database
    │   ├── StoreUnavailable      unreachable or busy: try again later                          (retriable)
    │   ├── StoreFull             no space left where the store lives                           (retriable)
    │   ├── StoreReadOnly         the store cannot be written
    │   ├── StoreRefused          wrong user, password or database name
    │   ├── StoreTooNew           the schema was written by a newer version of katib
    │   ├── StoreDamaged          the file is not a database, or is broken
    │   └── StoreMisplaced        SQLite on a network file system
    ├── SuggestionError           an algorithm
    │   ├── AlgorithmUnknown      no such algorithm is installed
    │   └── AlgorithmFailed       it crashed, hung or answered nonsense                         (retriable)
    └── RunnerError               starting or watching a trial
        ├── CannotLaunch          this trial cannot be started; trying again changes nothing
        └── RunnerUnavailable     the runner's helper process is gone; try again                (retriable)

Each message says what was given, what was wanted, and what to do next. The original error is chained.
"""

from dataclasses import dataclass
from typing import ClassVar

OUTSIDE_TEXT_LIMIT = 2000
"""Characters kept of a text that comes from outside (a log line, a driver's message): enough to see the cause."""


def cut(text: str, limit: int = OUTSIDE_TEXT_LIMIT) -> str:
    """Shorten a text from outside to `limit` characters, saying how much was left out."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing wrong in what a user wrote.

    Attributes:
        path: where, as in `spec.parameters[0].feasibleSpace.min`.
        given: what stood there, as text; empty when nothing did.
        wanted: what would be accepted.
        hint: what to do next, when there is more to say than `wanted`.
        line: 1-based line in the file, when it is known.
        verbatim: `wanted` are Katib's own words, to which nothing is added over Katib's API.
    """

    path: str
    wanted: str
    given: str = ""
    hint: str = ""
    line: int | None = None
    verbatim: bool = False

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path} (line {self.line})"
        return f"{where}: {self.said}"

    @property
    def said(self) -> str:
        """It without its place."""
        got = f", got {cut(self.given, 200)}" if self.given else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.wanted}{got}{hint}"


class KatibError(Exception):
    """Anything katib raises on purpose."""

    retriable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class InvalidInput(KatibError, ValueError):
    """What the user gave cannot be used; `faults` holds every fault found, not the first."""

    def __init__(self, faults: "list[Fault] | tuple[Fault, ...]", *, what: str = "the input", hint: str = "") -> None:
        self.faults = tuple(faults)
        self.what = what
        number = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        lines = "\n".join(f"  - {fault}" for fault in self.faults)
        super().__init__(f"{what} has {number}:\n{lines}", hint=hint)


class NotFound(KatibError, LookupError):
    """No study or trial of that name."""


class AccessDenied(KatibError):
    """A server was reached and nothing was done: it wants another token, or its certificate is not trusted."""


class AlreadyExists(KatibError):
    """A study of that name exists with another specification."""


class StudyClosed(KatibError):
    """The study has ended, or is stopped: it gives out no trials."""


class TrialEnded(KatibError):
    """The trial has ended, and what is on record about it stays as it is."""


class Stale(KatibError):
    """This process no longer owns the study: another took it over. Nothing was written."""


class LeaseHeld(Stale):
    """Another live process owns the study."""


class Conflict(KatibError):
    """The study changed since it was read. Nothing was written: read again and decide again."""

    retriable = True


class StoreError(KatibError):
    """The database could not do what was asked; nothing was half-written."""


class StoreUnavailable(StoreError):
    """The database cannot be reached, or stayed locked for longer than the busy timeout."""

    retriable = True


class StoreFull(StoreError):
    """No space is left where the database lives."""

    retriable = True


class StoreReadOnly(StoreError):
    """The database cannot be written: read-only file, folder or mount."""


class StoreRefused(StoreError):
    """The database answered, and refused: user, password or database name."""


class StoreTooNew(StoreError):
    """The schema was written by a newer version of katib."""


class StoreDamaged(StoreError):
    """The file is not a database, or it is broken."""


class StoreMisplaced(StoreError):
    """SQLite on a network file system: its locks do not hold there, so it would be corrupted."""


class SuggestionError(KatibError):
    """An algorithm could not answer."""


class AlgorithmUnknown(SuggestionError):
    """No algorithm of that name is installed."""


class AlgorithmFailed(SuggestionError):
    """The algorithm crashed, missed its deadline, or answered something that is not in the search space.

    Attributes:
        why: one word for machines: crashed, timeout, error (it raised) or nonsense (its answer cannot be used).
    """

    retriable = True

    def __init__(self, message: str, *, hint: str = "", why: str = "error") -> None:
        super().__init__(message, hint=hint)
        self.why = why


class RunnerError(KatibError):
    """A trial could not be started or watched."""


class CannotLaunch(RunnerError):
    """This trial cannot be started, and trying again changes nothing (no such program, no such folder)."""


class RunnerUnavailable(RunnerError):
    """The runner's helper process is gone; a new one is started on the next try."""

    retriable = True
