"""Points that are tried several times."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from katib.core.advice import REPLICATE_LABEL, Abilities, Advice, AdviceReply, Setting
from katib.core.objective import Direction, Objective
from katib.core.observation import MetricSummary
from katib.core.space import ParameterType, Range, SearchSpace
from katib.core.study import StudyConfig
from katib.core.trial import Trial, TrialState
from katib.errors import Fault
from katib.suggestion.replicates import ReplicatedSuggestions
from katib.testing import builders as make

CONFIG = StudyConfig(
    name="digits",
    uid="u",
    space=SearchSpace(parameters=(Range(name="n", type=ParameterType.INT, low=1, high=100),)),
    objective=Objective(metric="loss", direction=Direction.MINIMIZE),
    algorithm="counting",
    replicates=3,
)


@dataclass
class Counting:
    """Suggests its ordinal, up to `last`; remembers what it was shown."""

    last: int = 100
    able: Abilities = field(default_factory=Abilities)
    shown: list[Trial] = field(default_factory=list)

    def validate(self, _config: StudyConfig) -> tuple[Fault, ...]:
        return ()

    def abilities(self, _algorithm: str) -> Abilities:
        return self.able

    def settings(self, _algorithm: str) -> tuple[Setting, ...]:
        return ()

    def suggest(self, _config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        self.shown = list(trials)
        new = tuple(Advice(ordinal=each, assignment={"n": each}) for each in ordinals if each <= self.last)
        return AdviceReply(advice=new, exhausted="" if len(new) == len(ordinals) else "no more")

    def close(self) -> None:
        pass


class Record:
    """A study's trials, as its algorithm's answers become some."""

    def __init__(self, inner: Counting) -> None:
        self.inner = inner
        self.service = ReplicatedSuggestions(inner)
        self.trials: list[Trial] = []

    def ask(self, number: int) -> AdviceReply:
        first = len(self.trials) + 1
        reply = self.service.suggest(CONFIG, self.trials, range(first, first + number))
        assert [each.ordinal for each in reply.advice] == list(range(first, first + len(reply.advice)))
        for each in reply.advice:
            known = make.trial(each.ordinal, TrialState.ADVISED)
            self.trials.append(replace(known, assignment=each.assignment, labels=each.labels))
        return reply

    def end(self, ordinal: int, **more: Any) -> None:
        self.trials[ordinal - 1] = replace(self.trials[ordinal - 1], **more)

    @property
    def points(self) -> list[Any]:
        return [each.assignment["n"] for each in self.trials]


@pytest.mark.parametrize("at_once", [1, 2, 3, 4, 7])
def test_each_point_goes_out_as_often_as_is_asked_for_however_many_are_asked_for_at_a_time(at_once: int) -> None:
    record = Record(Counting())
    while len(record.trials) < 9:
        record.ask(at_once)
    assert record.points[:9] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert [each.labels[REPLICATE_LABEL] for each in record.trials[:4]] == ["1-of-3", "2-of-3", "3-of-3", "1-of-3"]


def test_the_end_of_the_points_is_told_only_when_all_their_copies_are_out() -> None:
    record = Record(Counting(last=2))
    assert record.ask(5).exhausted == ""
    last = record.ask(4)
    assert (len(last.advice), last.exhausted) == (1, "no more")
    assert record.points == [1, 1, 1, 2, 2, 2]
    assert record.ask(1) == AdviceReply(exhausted="no more")


def test_an_algorithm_is_shown_the_mean_once_all_trials_of_a_point_have_ended() -> None:
    record = Record(Counting())
    record.ask(6)
    metrics = {"loss": MetricSummary(min=3.0, max=4.0, latest=4.0), "seconds": MetricSummary(latest=9.0)}
    record.end(1, state=TrialState.SUCCEEDED, value=1.0, ended_at=5.0)
    record.end(2, state=TrialState.SUCCEEDED, value=4.0, ended_at=7.0, metrics=metrics)
    record.ask(1)
    assert [(each.ordinal, each.state) for each in record.inner.shown] == [
        (1, TrialState.ADVISED),
        (2, TrialState.ADVISED),
    ]
    record.end(3, state=TrialState.FAILED)
    record.ask(3)
    first = record.inner.shown[0]
    assert (first.ordinal, first.state, first.value, first.ended_at) == (1, TrialState.SUCCEEDED, 2.5, 7.0)
    assert first.metrics["loss"] == MetricSummary(min=2.5, max=2.5, latest=2.5)
    assert first.metrics["seconds"].latest == 9.0


def test_a_point_none_of_whose_trials_has_a_value_is_shown_as_it_ended() -> None:
    record = Record(Counting())
    record.ask(3)
    for ordinal in (1, 2, 3):
        record.end(ordinal, state=TrialState.FAILED)
    record.ask(1)
    assert [each.state for each in record.inner.shown] == [TrialState.FAILED]


def test_what_a_user_added_is_tried_no_more_often() -> None:
    record = Record(Counting())
    record.trials.append(replace(make.trial(1, TrialState.SUCCEEDED), assignment={"n": 77}, value=1.0, labels={}))
    record.ask(3)
    assert record.points == [77, 2, 2, 2]


def test_one_of_each_is_what_the_algorithm_says() -> None:
    inner = Counting()
    reply = ReplicatedSuggestions(inner).suggest(replace(CONFIG, replicates=1), [], [1, 2])
    assert [each.labels for each in reply.advice] == [{}, {}]


@pytest.mark.parametrize("able", [Abilities(fidelity=True), Abilities(continues=True)])
def test_an_algorithm_whose_trials_hang_together_is_refused(able: Abilities) -> None:
    service = ReplicatedSuggestions(Counting(able=able))
    (fault,) = service.validate(CONFIG)
    assert (fault.path, fault.given) == ("spec.replicates", "3")
    assert service.validate(replace(CONFIG, replicates=1)) == ()
    assert ReplicatedSuggestions(Counting()).validate(CONFIG) == ()
