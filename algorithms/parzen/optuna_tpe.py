"""Optuna's TPE sampler over a list of trials that we hold, with no study of its own to keep in step.

The one module that imports optuna. It uses the public interface of samplers: `sample_independent(study, trial, name,
distribution)`, and `sample_relative(study, trial, distributions)` for all parameters together. The study they are given
reads its trials from `History`, which also takes what a sampler notes about the trial that it is asked for.
"""

import logging
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

from algorithms.recall import Valued
from katib.core.encode import Axis, Cube, Shares
from katib.core.pareto import Costs
from katib.core.space import Assignment, Parameter, ParameterType, Value, When

STUDY = "record"


_Told = tuple[int, Assignment, TrialState, Costs | None]


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

    parameter: Parameter
    distribution: BaseDistribution
    to_optuna: Callable[[Value], Any]
    to_value: Callable[[Any], Value]

    @classmethod
    def of(cls, parameter: Parameter, axis: Axis) -> "Dimension":
        """Equal shares by their position; all else as the coordinate of the unit cube."""
        if not isinstance(axis, Shares):
            return cls(parameter, FloatDistribution(0.0, 1.0), axis.encode, axis.decode)
        ordered = axis.parameter
        distribution: BaseDistribution = IntDistribution(0, axis.size - 1)
        if ordered.type is ParameterType.CATEGORICAL:
            distribution = CategoricalDistribution(tuple(range(axis.size)))
        return cls(parameter, distribution, ordered.index, ordered.at)


class OptunaTpe:
    """The model of one study. It minimises.

    Args:
        multivariate: model all parameters together instead of one by one.
        candidates: points drawn of which the best is suggested, >= 1.
        good: of so many trials with an outcome, how many count as good.
        prior_weight: of the prior beside the trials; None for optuna's default, 1.
        objectives: how many values a trial has.
    """

    def __init__(
        self,
        cube: Cube,
        *,
        multivariate: bool,
        candidates: int,
        good: Callable[[int], int],
        prior_weight: float | None = None,
        objectives: int = 1,
    ) -> None:
        self._space = cube.space
        self._dimensions = {
            parameter.name: Dimension.of(parameter, axis)
            for parameter, axis in zip(cube.space.parameters, cube.axes, strict=True)
        }
        self._multivariate = multivariate
        self._candidates = candidates
        self._good = good
        self._prior_weight = prior_weight
        self._valued = self._finished = 0
        self._cache: dict[int, tuple[_Told, FrozenTrial | None]] = {}
        self._history = History()
        with _quiet():
            self._history.create_new_study([StudyDirection.MINIMIZE] * objectives, STUDY)

    def tell(
        self,
        valued: Sequence[Valued],
        *,
        bad: Sequence[tuple[int, Assignment]],
        in_flight: Sequence[tuple[int, Assignment]],
        finished: int,
    ) -> None:
        """This is the record, in place of the last: (ordinal, assignment) of each trial, and its value if it has one.

        Bad trials are optuna's pruned ones without a report, which rank behind every value. `finished` is the number of
        valued and bad trials of which these are a part: `good` goes by it.
        """
        self._valued, self._finished = len(valued), finished
        told = [
            *((ordinal, assignment, TrialState.COMPLETE, costs) for ordinal, assignment, costs in valued),
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
        joint: dict[str, Any] = {}

        def choose(parameter: Parameter) -> Value:
            dimension = self._dimensions[parameter.name]
            if dimension.distribution.single():
                return dimension.to_value(0)
            if not self._multivariate:
                answer = sampler.sample_independent(study, asking, parameter.name, dimension.distribution)
                return dimension.to_value(answer)
            if parameter.name not in joint:
                joint.update(sampler.sample_relative(study, asking, self._together(parameter.condition)))
            return dimension.to_value(joint[parameter.name])

        return self._space.assign(choose)

    def _together(self, condition: When | None) -> dict[str, BaseDistribution]:
        """What is modelled together: the parameters of one condition, which every trial has all of or none."""
        return {
            name: each.distribution
            for name, each in self._dimensions.items()
            if each.parameter.condition == condition and not each.distribution.single()
        }

    def _sampler(self, seed: int) -> optuna.samplers.TPESampler:
        options: dict[str, Any] = {}
        if self._prior_weight is not None:
            options["prior_weight"] = self._prior_weight
        with _quiet():
            return optuna.samplers.TPESampler(
                seed=seed,
                n_startup_trials=0,
                n_ei_candidates=self._candidates,
                multivariate=self._multivariate,
                constant_liar=True,
                # Optuna counts what it was told only, and takes bad ones for good when there are few with a value.
                gamma=lambda _told: min(self._good(self._finished), self._valued),
                **options,
            )

    def _trials(self, told: Iterable[_Told]) -> Iterator[FrozenTrial]:
        for each in told:
            cached = self._cache.get(each[0])
            if cached is None or cached[0] != each:
                cached = self._cache[each[0]] = (each, self._frozen(each))
            if cached[1] is not None:
                yield cached[1]

    def _frozen(self, told: _Told) -> FrozenTrial | None:
        """The trial as optuna's, with what is active in it; None when its assignment is not in the space (any more)."""
        ordinal, assignment, state, costs = told
        active = [self._dimensions[parameter.name] for parameter in self._space.active(assignment)]
        try:
            params = {each.parameter.name: each.to_optuna(assignment[each.parameter.name]) for each in active}
        except (KeyError, ValueError):
            return None
        return _frozen(ordinal, state, costs, params, {each.parameter.name: each.distribution for each in active})


def _frozen(
    ordinal: int,
    state: TrialState,
    costs: Costs | None,
    params: dict[str, Any],
    distributions: dict[str, BaseDistribution],
) -> FrozenTrial:
    return FrozenTrial(
        number=ordinal,
        trial_id=ordinal,
        state=state,
        value=None,
        values=costs,
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
