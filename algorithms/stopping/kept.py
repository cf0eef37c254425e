"""What finished trials had at a step, kept sorted from question to question: put together anew it would be all of them
at each report.
"""

from array import array
from bisect import insort
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar, cast

from katib.core.curves import Curve, Record
from katib.core.trial import TrialState

T = TypeVar("T", bound=float | tuple[tuple[float, ...], int])

COMPLETED = frozenset({TrialState.SUCCEEDED, TrialState.EARLY_STOPPED})
STEPS_KEPT = 512
"""Steps for which they are kept at hand; those of another one are put together when it is asked for."""


class Kept(Generic[T]):
    """See above.

    Args:
        of: what a finished trial had at a step; None when it does not count there.
    """

    def __init__(self, of: Callable[[Curve, int], T | None]) -> None:
        self._of: Callable[[Curve, int], T | None] = of
        self._seen: list[Curve] = []
        self._taken = 0
        self._steps: OrderedDict[int, list[T]] = OrderedDict()

    def at(self, step: int, record: Record) -> list[T]:
        """All at a step, growing. Read, never changed."""
        self._take_in(record)
        found = self._steps.get(step)
        if found is None:
            found = self._steps[step] = _sorted(self._had(record.finished, step))
            if len(self._steps) > STEPS_KEPT:
                self._steps.popitem(last=False)
        self._steps.move_to_end(step)
        return found

    def _take_in(self, record: Record) -> None:
        """Put trials that finished since the last question into what is kept."""
        if record.finished is not self._seen or len(record.finished) < self._taken:
            self._seen, self._taken = record.finished, 0
            self._steps.clear()
        for step, found in self._steps.items():
            for had in self._had(record.finished[self._taken :], step):
                insort(found, had)
        self._taken = len(record.finished)

    def _had(self, curves: Iterable[Curve], step: int) -> Iterable[T]:
        return (had for curve in curves if (had := self._of(curve, step)) is not None)


def _sorted(found: Iterable[T]) -> list[T]:
    """In an array where it can be: ten thousand trials have values at each of many steps."""
    ordered: list[Any] = sorted(found)
    return cast(list[T], array("d", ordered)) if ordered and isinstance(ordered[0], float) else ordered
