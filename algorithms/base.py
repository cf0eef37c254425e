"""What an algorithm is: a function of the record.

A whole algorithm, complete with a checked setting:

    class Corners(PointByPoint):
        '''Tries the corners of the space first.'''

        abilities = Abilities(oblivious=True)
        settings = (random_state(),)

        def point(self, ordinal, used):
            for attempt in range(100):
                draws = uniforms(f"{self.seed}/{ordinal}/{attempt}", len(self.cube.axes))
                corner = self.cube.decode([round(u) for u in draws])
                if corner not in used:
                    return corner
            return draw_unused(self.cube, used, f"{self.seed}/{ordinal}")

It is installed by an entry point `corners = "my_package:Corners"` in the group `katib.algorithms`, and checked by
subclassing `katib.testing.algorithms.AlgorithmContract`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from algorithms.options import faults_of
from katib.core.advice import Abilities, Advice, AdviceReply, Setting
from katib.core.draw import UsedPoints
from katib.core.encode import Cube
from katib.core.space import Assignment, SearchSpace
from katib.core.study import StudyConfig
from katib.core.trial import Reason, Trial, TrialState
from katib.errors import Fault, InvalidInput

ORIGIN_LABEL = "katib.kubeflow.org/origin"
"""On a suggestion that did not come from the model although it was ready: `random`, the model kept repeating itself or
the algorithm lets chance have a share."""


class Algorithm(ABC):
    """The base of algorithms.

    `suggest` is a function of (config, trials, ordinals). An instance lives as long as its study's worker keeps it and
    may cache what it likes, keyed by the record's content; a fresh instance must answer the same.

    Attributes:
        abilities: what it can do.
        settings: the settings it takes; make them with `options`.
        about: what it does, in paragraphs of Markdown; the first sentence stands alone in lists.
        paper: where it is from.
        trials: what a trial tells it, by the trial's standing; empty for one that does not look at results.
        requires: modules that must be importable, checked before it is used.
        install: what to install when one of them is missing, as `pip install` takes it.
    """

    abilities: ClassVar[Abilities] = Abilities()
    settings: ClassVar[tuple[Setting, ...]] = ()
    about: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    trials: ClassVar[Mapping["Standing", str]] = MappingProxyType({})
    requires: ClassVar[tuple[str, ...]] = ()
    install: ClassVar[str] = ""

    def __init__(self, config: StudyConfig) -> None:
        """Raises InvalidInput when `validate` finds faults."""
        if faults := self.validate(config):
            raise InvalidInput(faults, what=f"the configuration of algorithm {config.algorithm!r}")
        self.config = config
        self.cube = Cube(config.space)

    @classmethod
    def validate(cls, config: StudyConfig) -> list[Fault]:
        """Everything wrong with the study's settings and space. Extend it for rules of your own."""
        return cls.validate_settings(config)

    @classmethod
    def validate_settings(cls, config: StudyConfig) -> list[Fault]:
        """What is wrong with the settings, whatever the rest of the study is."""
        return faults_of(cls.settings, config)

    @abstractmethod
    def suggest(self, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        """Assignments for `ordinals`.

        Args:
            trials: the whole record by ordinal, whatever their state; those in state ADVISED were answered earlier and
                did not start. Their `message` is left out.
            ordinals: growing, none of them on record.

        Returns:
            Advice for all of them or for the first few; none at all only together with `exhausted`.
        """

    @property
    def space(self) -> SearchSpace:
        return self.config.space

    @property
    def seed(self) -> str:
        """What chance derives from: the user's `random_state`, else the study's uid."""
        return self.config.settings.get("random_state", self.config.uid).strip()


class PointByPoint(Algorithm):
    """An algorithm that answers one ordinal after the other and never suggests a point twice.

    A batch is the same as so many single requests with the earlier answers on record.
    """

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._used = UsedPoints(config.space)
        self._assignments: dict[int, Assignment] = {}

    @abstractmethod
    def point(self, ordinal: int, used: UsedPoints) -> Assignment | Advice | None:
        """A point that is not in `used`, or None when there is none."""

    def prepare(self, trials: Sequence[Trial]) -> None:
        """Called with the record before the points of a request are asked for."""

    def suggest(self, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        self._refresh(trials)
        self.prepare(trials)
        advice: list[Advice] = []
        taken: list[Assignment] = []
        for ordinal in ordinals:
            answer = self.point(ordinal, self._used)
            if answer is None:
                break
            if not isinstance(answer, Advice):
                answer = Advice(ordinal=ordinal, assignment=answer)
            advice.append(answer)
            if self._used.add(answer.assignment):
                taken.append(answer.assignment)
        # They are not on record yet, and may never be.
        for assignment in taken:
            self._used.remove(assignment)
        exhausted = "" if len(advice) == len(ordinals) else self.exhausted
        return AdviceReply(advice=tuple(advice), exhausted=exhausted)

    @property
    def exhausted(self) -> str:
        """What is said when every point was used."""
        size = self.space.size
        if size is None:
            return "no point is left that was not suggested before"
        return f"the search space has {size:,} point{'s'[: size != 1]}, and every one was suggested"

    def _refresh(self, trials: Sequence[Trial]) -> None:
        """Bring the used points up to the record: by what is new when it continues the last one, else from scratch."""
        known = self._assignments
        new = [t for t in trials if (kept := known.get(t.ordinal)) is not t.assignment and kept != t.assignment]
        continued = len(known) + len(new) == len(trials) and not any(t.ordinal in known for t in new)
        if not continued:
            self._used, self._assignments, new = UsedPoints(self.space), {}, list(trials)
        for trial in new:
            self._used.add(trial.assignment)
            self._assignments[trial.ordinal] = trial.assignment


class Standing(StrEnum):
    """What a trial tells an algorithm that learns.

    VALUE: it has an objective value.
    BAD: its own fault that it has none. A region to avoid.
    IN_FLIGHT: its value is to come. Do not crowd it.
    SILENT: it says nothing about its point.
    """

    VALUE = "succeeded, or stopped early with a value"
    BAD = "diverged (nan, inf), exited with an error, killed by a signal, over its deadline"
    IN_FLIGHT = "running, pending, advised"
    SILENT = "killed, lost with its machine, could not start, no metric found"


_IN_FLIGHT = frozenset({TrialState.ADVISED, TrialState.PENDING, TrialState.RUNNING})
_VALUED = frozenset({TrialState.SUCCEEDED, TrialState.EARLY_STOPPED})
_OWN_FAULT = frozenset({Reason.DIVERGED, Reason.EXIT_CODE, Reason.SIGNAL, Reason.DEADLINE})


def standing(trial: Trial) -> Standing:
    """What `trial` tells an algorithm that learns."""
    if trial.state in _IN_FLIGHT:
        return Standing.IN_FLIGHT
    if trial.state in _VALUED and trial.value is not None:
        return Standing.VALUE
    unlucky = trial.state in (TrialState.FAILED, TrialState.METRICS_UNAVAILABLE)
    return Standing.BAD if unlucky and trial.reason in _OWN_FAULT else Standing.SILENT


def is_of(space: SearchSpace, trial: Trial) -> bool:
    """Whether a trial has a value for every parameter that should have one, and no other."""
    return {parameter.name for parameter in space.active(trial.assignment)} == trial.assignment.keys()
