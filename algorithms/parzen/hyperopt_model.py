"""Hyperopt's TPE over a list of trials that we hold: the one module that imports hyperopt."""

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from hyperopt import hp, tpe
from hyperopt.base import Domain

from algorithms.recall import Valued
from katib.core.encode import Cube, Shares
from katib.core.space import Assignment, ParameterType, Value

_Document = dict[str, Any]


class _Record:
    """What `tpe.suggest` wants of hyperopt's Trials: the documents; and its answer comes back as it is."""

    def __init__(self) -> None:
        self.trials: list[_Document] = []

    def __len__(self) -> int:
        return len(self.trials)

    def new_trial_docs(self, _ids: Any, _specs: Any, _results: Any, miscs: list[_Document]) -> list[_Document]:
        """The answer."""
        return miscs


class HyperoptTpe:
    """The model of one study. It minimises.

    Categories are hyperopt's randint; all else is a uniform coordinate of the unit cube.

    Args:
        candidates: points drawn of which the best is suggested, >= 1.
        gamma: of n trials the best gamma * sqrt(n), at most 25, count as good.
        prior_weight: of the prior beside the trials.
    """

    def __init__(self, cube: Cube, *, candidates: int, gamma: float, prior_weight: float) -> None:
        self._cube = cube
        self._candidates = candidates
        self._gamma = gamma
        self._prior_weight = prior_weight
        self._words = {
            parameter.name: axis.size
            for parameter, axis in zip(cube.space.parameters, cube.axes, strict=True)
            if isinstance(axis, Shares) and parameter.type is ParameterType.CATEGORICAL
        }
        self._record = _Record()
        self._valued = 0
        self._cache: dict[int, tuple[Assignment, float | None, _Document | None]] = {}
        with _quiet():
            self._domain = Domain(
                lambda _: 0.0,
                {
                    each.name: hp.randint(each.name, self._words[each.name])
                    if each.name in self._words
                    else hp.uniform(each.name, 0, 1)
                    for each in cube.space.parameters
                },
            )

    def tell(
        self,
        valued: Sequence[Valued],
        *,
        bad: Sequence[tuple[int, Assignment]],
        in_flight: Sequence[tuple[int, Assignment]],
        finished: int,  # noqa: ARG002 - hyperopt goes by what it is told
    ) -> None:
        """This is the record, in place of the last. Trials without a value have an infinite loss, as in hyperopt."""
        documents = [self._document(ordinal, assignment, loss) for ordinal, assignment, (loss,) in valued]
        documents += [self._document(*each, None) for each in (*bad, *in_flight)]
        self._valued = len(valued)
        self._record.trials = [each for each in documents if each is not None]

    def tell_in_flight(self, ordinal: int, assignment: Assignment) -> None:
        """One more trial is in flight."""
        document = self._document(ordinal, assignment, None)
        self._record.trials += [] if document is None else [document]

    def ask(self, ordinal: int, *, seed: int) -> dict[str, Value]:
        """The suggestion for trial `ordinal`: a function of what was told and of `seed`."""
        # No more than have a value may count as good: hyperopt takes ceil(gamma * sqrt(n)).
        most = (self._valued - 1e-9) / math.sqrt(max(len(self._record), 1))
        with _quiet():
            (answer,) = tpe.suggest(
                [ordinal],
                self._domain,
                self._record,
                seed,
                prior_weight=self._prior_weight,
                n_startup_jobs=0,
                n_EI_candidates=self._candidates,
                gamma=min(self._gamma, most),
                verbose=False,
            )
        values = answer["vals"]
        return self._cube.decode(
            [self._coordinate(each.name, values[each.name]) for each in self._cube.space.parameters]
        )

    def _coordinate(self, name: str, found: Sequence[float]) -> float:
        if not found:
            return 0.5
        return (float(found[0]) + 0.5) / self._words[name] if name in self._words else float(found[0])

    def _document(self, ordinal: int, assignment: Assignment, value: float | None) -> _Document | None:
        """The trial as hyperopt's; None when its assignment is not in the space (any more)."""
        cached = self._cache.get(ordinal)
        if cached is None or cached[0] is not assignment or cached[1] != value:
            cached = self._cache[ordinal] = (assignment, value, self._new_document(ordinal, assignment, value))
        return cached[2]

    def _new_document(self, ordinal: int, assignment: Assignment, value: float | None) -> _Document | None:
        try:
            point = self._cube.encode(assignment)
        except (KeyError, ValueError):
            return None
        idxs: dict[str, list[int]] = {}
        vals: dict[str, list[float]] = {}
        for parameter, u in zip(self._cube.space.parameters, point, strict=True):
            name = parameter.name
            active = name in assignment
            idxs[name] = [ordinal] if active else []
            vals[name] = [] if not active else [int(u * self._words[name]) if name in self._words else u]
        return {"tid": ordinal, "result": {"loss": value}, "misc": {"tid": ordinal, "idxs": idxs, "vals": vals}}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings of what is deprecated, and of densities that are zero."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
