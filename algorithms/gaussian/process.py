"""The process of one study: told the record, asked for points. It minimises."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from algorithms.gaussian.history import MOST_BAD, MOST_IN_FLIGHT, fitted_at, selected
from algorithms.gaussian.layout import Layout
from algorithms.gaussian.model import Hyper, Posterior, fit
from algorithms.gaussian.search import ascend, candidates
from algorithms.gaussian.warp import warped
from katib.core.draw import uniforms
from katib.core.encode import Cube
from katib.core.space import Assignment

Floats = npt.NDArray[np.float64]
Told = tuple[int, Assignment]
Valued = tuple[int, Assignment, float]


def one_thread() -> AbstractContextManager[object]:
    """Linear algebra in one thread: its last digits depend on how many there are, and an answer may depend on them."""
    limited: AbstractContextManager[object] = _libraries().limit(limits=1)
    return limited


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


class Process:
    """Its answers are a function of what it was told last and of the seed; what it keeps from before is a cache."""

    def __init__(self, cube: Cube) -> None:
        self._layout = Layout(cube)
        self._rows: dict[int, tuple[Assignment, Floats | None]] = {}
        self._fitted: tuple[bytes, Hyper] | None = None
        self._posterior: Posterior | None = None

    def tell(self, valued: Sequence[Valued], *, bad: Sequence[Told], in_flight: Sequence[Told]) -> bool:
        """This is the record, in place of the last; False when no point with a value is in the space."""
        with one_thread():
            return self._tell(valued, bad=bad, in_flight=in_flight)

    def _tell(self, valued: Sequence[Valued], *, bad: Sequence[Told], in_flight: Sequence[Told]) -> bool:
        failed = self._table(bad[-MOST_BAD:])
        x, z = self._data(valued, failed)
        if len(x) == len(failed):
            return False
        posterior = Posterior(self._hyper(valued, failed), x, z, self._layout.listed)
        for row in self._table(in_flight[-MOST_IN_FLIGHT:]):
            posterior = posterior.with_believed(row)
        self._posterior = posterior
        return True

    def tell_in_flight(self, assignment: Assignment) -> None:
        """One more trial is in flight."""
        if self._posterior is None:
            return
        with one_thread():
            self._posterior = self._posterior.with_believed(self._layout.row(assignment))

    def ask(self, seed: str) -> Iterator[Assignment]:
        """Points by falling promise."""
        posterior = self._posterior
        if posterior is None:
            return
        rng = np.random.default_rng(int(uniforms(seed, 1)[0] * 2**53))
        with one_thread():
            means, _ = posterior.at(posterior.x)
            pool = candidates(self._layout, posterior.x, np.argsort(means, kind="stable").tolist(), rng)
            rows = list(ascend(self._layout, posterior, float(means.min()), pool))
        for row in rows:
            yield self._layout.assignment(row)

    def _data(self, valued: Sequence[Valued], failed: Floats) -> tuple[Floats, Floats]:
        """Rows and warped values to learn from; what failed is as bad as the worst."""
        kept = [valued[i] for i in selected(np.array([value for _, _, value in valued]))]
        placed = [
            (row, value) for ordinal, assignment, value in kept if (row := self._row(ordinal, assignment)) is not None
        ]
        if not placed:
            return failed, np.zeros(len(failed))
        z = warped(np.array([value for _, value in placed]))
        return np.vstack([*(row for row, _ in placed), failed]), np.append(z, np.full(len(failed), z.max()))

    def _hyper(self, valued: Sequence[Valued], failed: Floats) -> Hyper:
        x, z = self._data(valued[: fitted_at(len(valued))], failed)
        key = x.tobytes() + z.tobytes()
        if self._fitted is None or self._fitted[0] != key:
            self._fitted = (key, fit(x, z, self._layout.listed))
        return self._fitted[1]

    def _table(self, told: Sequence[Told]) -> Floats:
        rows = [row for ordinal, assignment in told if (row := self._row(ordinal, assignment)) is not None]
        return np.array(rows).reshape(len(rows), self._layout.width)

    def _row(self, ordinal: int, assignment: Assignment) -> Floats | None:
        """The row of a trial; None when its assignment is not in the space (any more)."""
        kept = self._rows.get(ordinal)
        if kept is None or (kept[0] is not assignment and kept[0] != assignment):
            try:
                row = self._layout.row(assignment)
            except (KeyError, ValueError):
                row = None
            kept = self._rows[ordinal] = (assignment, row)
        return kept[1]
