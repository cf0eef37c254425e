"""Optuna's TPE sampler over a list of trials that we hold, with no study of its own to keep in step.

The one module that imports optuna. It uses the public interface of samplers: `sample_independent(study, trial, name,
distribution)`, and `sample_relative(study, trial, distributions)` for all parameters together. The study they are given
reads its trials from `History`, which also takes what a sampler notes about the trial that it is asked for.
"""

import logging
import math
import warnings
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from katib.core.encode import Axis, Cube, Shares
from katib.core.space import Assignment, ParameterType, Value

MOST_GOOD = 25
"""Trials that count as good at most, as in optuna's own rules."""

STUDY = "record"


_Told = tuple[int, Assignment, TrialState, float | None]


class History(InMemoryStorage):
    """A storage whose only study has the trials of the list `trials`, as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.trials: list[FrozenTrial] = []

    def get_all_trials(
        self,
        study_id: int,  # noqa: ARG002 - there is one study
        deepcopy: bool = True,  # noqa: ARG002 - the sampler changes no trial
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        return self.trials if states is None else [trial for trial in self.trials if trial.state in states]

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Nothing is kept: what a sampler notes for its colleagues, ours are told as a trial in flight."""


@dataclass(frozen=True)
class Dimension:
    """A parameter as optuna knows it."""

    name: str
    distribution: BaseDistribution
    to_optuna: Callable[[Value], Any]
    to_value: Callable[[Any], Value]

    @classmethod
    def of(cls, name: str, axis: Axis) -> "Dimension":
        """Equal shares by their position; all else as the coordinate of the unit cube."""
        if not isinstance(axis, Shares):
            return cls(name, FloatDistribution(0.0, 1.0), axis.encode, axis.decode)
        parameter = axis.parameter
        distribution: BaseDistribution = IntDistribution(0, axis.size - 1)
        if parameter.type is ParameterType.CATEGORICAL:
            distribution = CategoricalDistribution(tuple(range(axis.size)))
        return cls(name, distribution, parameter.index, parameter.at)


class OptunaTpe:
    """The model of one study. It minimises.

    Args:
        multivariate: model all parameters together instead of one by one.
        candidates: points drawn of which the best is suggested, >= 1.
        gamma: of n trials the best gamma * sqrt(n) count as good; None for optuna's rule, a tenth.
        prior_weight: of the prior beside the trials; None for optuna's default, 1.
    """

    def __init__(
        self, cube: Cube, *, multivariate: bool, candidates: int, gamma: float | None, prior_weight: float | None
    ) -> None:
        self._dimensions = [
            Dimension.of(parameter.name, axis) for parameter, axis in zip(cube.space.parameters, cube.axes, strict=True)
        ]
        self._distributions = {each.name: each.distribution for each in self._dimensions}
        self._multivariate = multivariate
        self._candidates = candidates
        self._gamma = gamma
        self._prior_weight = prior_weight
        self._valued = self._finished = 0
        self._cache: dict[int, tuple[_Told, FrozenTrial | None]] = {}
        self._history = History()
        with _quiet():
            self._history.create_new_study([StudyDirection.MINIMIZE], STUDY)

    def tell(
        self,
        valued: Sequence[tuple[int, Assignment, float]],
        *,
        bad: Sequence[tuple[int, Assignment]],
        in_flight: Sequence[tuple[int, Assignment]],
        finished: int,
    ) -> None:
        """This is the record, in place of the last: (ordinal, assignment) of each trial, and its value if it has one.

        Bad trials are optuna's pruned ones without a report, which rank behind every value. `finished` is the number of
        valued and bad trials of which these are a part: `gamma` goes by it.
        """
        self._valued, self._finished = len(valued), finished
        told = [
            *((ordinal, assignment, TrialState.COMPLETE, value) for ordinal, assignment, value in valued),
            *((ordinal, assignment, TrialState.PRUNED, None) for ordinal, assignment in bad),
            *((ordinal, assignment, TrialState.RUNNING, None) for ordinal, assignment in in_flight),
        ]
        self._history.trials = list(self._trials(told))

    def tell_in_flight(self, ordinal: int, assignment: Assignment) -> None:
        """One more trial is in flight."""
        self._history.trials += self._trials([(ordinal, assignment, TrialState.RUNNING, None)])

    def ask(self, ordinal: int, *, seed: int) -> dict[str, Value]:
        """The suggestion for trial `ordinal`: a function of what was told and of `seed`."""
        sampler = self._sampler(seed)
        study = optuna.load_study(study_name=STUDY, storage=self._history, sampler=sampler)
        asking = _frozen(ordinal, TrialState.RUNNING, None, {}, {})
        open_ = {each.name: each.distribution for each in self._dimensions if not each.distribution.single()}
        if self._multivariate:
            answers = sampler.sample_relative(study, asking, open_)
        else:
            answers = {
                name: sampler.sample_independent(study, asking, name, distribution)
                for name, distribution in open_.items()
            }
        return {each.name: each.to_value(answers.get(each.name, 0)) for each in self._dimensions}

    def _sampler(self, seed: int) -> optuna.samplers.TPESampler:
        options: dict[str, Any] = {}
        if self._gamma is not None:
            options["gamma"] = self._number_of_good
        if self._prior_weight is not None:
            options["prior_weight"] = self._prior_weight
        with _quiet():
            return optuna.samplers.TPESampler(
                seed=seed,
                n_startup_trials=0,
                n_ei_candidates=self._candidates,
                multivariate=self._multivariate,
                constant_liar=True,
                **options,
            )

    def _number_of_good(self, trials: int) -> int:  # noqa: ARG002 - it counts what it was told only
        return min(math.ceil((self._gamma or 0.0) * math.sqrt(self._finished)), MOST_GOOD, self._valued)

    def _trials(self, told: Iterable[_Told]) -> Iterator[FrozenTrial]:
        for each in told:
            cached = self._cache.get(each[0])
            if cached is None or cached[0] != each:
                cached = self._cache[each[0]] = (each, self._frozen(each))
            if cached[1] is not None:
                yield cached[1]

    def _frozen(self, told: _Told) -> FrozenTrial | None:
        """The trial as optuna's; None when its assignment is not in the space (any more)."""
        ordinal, assignment, state, value = told
        try:
            params = {each.name: each.to_optuna(assignment[each.name]) for each in self._dimensions}
        except (KeyError, ValueError):
            return None
        return _frozen(ordinal, state, value, params, self._distributions)


def _frozen(
    ordinal: int,
    state: TrialState,
    value: float | None,
    params: dict[str, Any],
    distributions: dict[str, BaseDistribution],
) -> FrozenTrial:
    return FrozenTrial(
        number=ordinal,
        trial_id=ordinal,
        state=state,
        value=value,
        params=params,
        distributions=distributions,
        user_attrs={},
        system_attrs={},
        intermediate_values={},
        datetime_start=None,
        datetime_complete=None,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without optuna's log of what it creates, and its warnings of arguments that are experimental or on their way out.

    The arguments that our settings stand for work in every version that the package's requirements allow.
    """
    log = logging.getLogger("optuna")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
