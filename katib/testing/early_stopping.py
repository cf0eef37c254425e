"""What every early stopping algorithm promises, as tests. Shipped, so that authors of others can hold theirs to it:

    class TestCeiling(EarlyStoppingContract):
        algorithm = "ceiling"
        settings = {"ceiling": "3"}

        @pytest.fixture
        def service(self):
            return LocalEarlyStopping(Registry({"ceiling": "my_package:Ceiling"}))

`scripts` are studies in the form of events, told in the order in which an engine would hear of them. Abilities decide
which laws hold for an algorithm; nothing is skipped by name.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from katib.core.curves import Record
from katib.core.draw import uniforms
from katib.core.objective import Direction, Objective
from katib.core.observation import MetricPoint
from katib.core.space import SearchSpace
from katib.core.stopping import EarlyStop, StopRule
from katib.core.study import Budget, StudyConfig
from katib.core.trial import Reason, Trial, TrialState
from katib.errors import InvalidInput
from katib.suggestion.early_stopping.contract import EarlyStopping, Judge
from katib.testing import builders as make
from katib.testing.settings import TEXTS, tells

UNKNOWN = "no-such-setting"
VALUED = frozenset({TrialState.SUCCEEDED, TrialState.EARLY_STOPPED})


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that an engine hears of: a value of a trial, or its end when `state` is given."""

    ordinal: int
    value: float = 0.0
    step: int | None = None
    seq: int = 0
    attempt: int = 1
    state: TrialState | None = None


def value(ordinal: int, step: int, *, seed: str = "plain") -> float:
    """A noisy curve that falls towards a level of the trial's own."""
    level, noise = uniforms(f"{seed}/{ordinal}", 1)[0], uniforms(f"{seed}/{ordinal}/{step}", 1)[0]
    return level + (1.0 + 0.2 * noise) / step


def script(
    *, trials: int = 12, steps: int = 12, width: int = 3, with_steps: bool = True, every: int = 1
) -> list[Event]:
    """Trials side by side, `width` at a time; each reports at every `every`-th step, and succeeds."""
    told = []
    for first in range(1, trials + 1, width):
        beside = range(first, min(first + width, trials + 1))
        for step in range(every, steps + 1, every):
            told += [
                Event(ordinal=each, value=value(each, step), step=step if with_steps else None, seq=step)
                for each in beside
            ]
        told += [Event(ordinal=each, state=TrialState.SUCCEEDED) for each in beside]
    return told


def _wild() -> list[Event]:
    """Values that are no numbers or hardly any, steps out of order, doubled, below zero and huge; trials that fail."""
    values = (math.nan, math.inf, -math.inf, 1e308, -1e308, 0.0, 5e-324, math.nan)
    steps = (3, 1, 1, -7, 2**62, 0, 12, 4)
    told = []
    for ordinal in range(1, 9):
        for seq, (one, step) in enumerate(zip(values, steps, strict=True)):
            told.append(Event(ordinal=ordinal, value=one * (-1) ** ordinal, step=step, seq=seq))
            told.append(Event(ordinal=ordinal, value=one, seq=100 + seq))
        told.append(Event(ordinal=ordinal, state=sorted(TrialState)[ordinal % len(TrialState)]))
    return told


def _retried() -> list[Event]:
    """Attempts that end badly and begin anew."""
    first = [event for event in script(trials=6) if event.state is None and (event.step or 0) <= 5]
    return [*first, *(replace(event, attempt=2) for event in script(trials=6))]


SCRIPTS: Mapping[str, list[Event]] = {
    "nothing": [],
    "plain": script(),
    "one at a time": script(width=1),
    "all at a time": script(width=12),
    "without steps": script(with_steps=False),
    "every fifth step": script(every=5, steps=40),
    "many steps": script(trials=5, steps=300),
    "wild": _wild(),
    "retried": _retried(),
}
"""What studies may go through."""


def stopping_config(algorithm: str, settings: Mapping[str, str], *, maximize: bool = False) -> StudyConfig:
    """What an early stopping algorithm is told about a study."""
    return StudyConfig(
        name="study",
        uid="5f1c",
        space=make.space(),
        objective=Objective(
            metric="loss", direction=Direction.MAXIMIZE if maximize else Direction.MINIMIZE, additional=("other",)
        ),
        algorithm=algorithm,
        settings=dict(settings),
        budget=Budget(max_trials=100, parallel=3),
    )


@dataclass
class Played:
    """A study as it goes on: its record, and each question with its answer."""

    record: Record
    judge: Judge

    def play(self, events: list[Event], *, sign: float = 1.0) -> Iterator[tuple[Event, EarlyStop | None]]:
        """Hear of the events, and ask at each new value."""
        for event in events:
            if event.state is not None:
                self.record.finish(event.ordinal, event.state)
                continue
            curve = self.record.curve(event.ordinal, event.attempt)
            for report in self.record.add(curve, [point(event, sign=sign)]) if curve else ():
                yield event, self.judge.should_stop(curve, report, self.record)  # type: ignore[arg-type]  # see above


def point(event: Event, *, sign: float = 1.0) -> MetricPoint:
    """The event's value as it is reported."""
    told = sign * event.value
    return MetricPoint(metric="loss", value=told, text=repr(told), seq=event.seq, step=event.step)


class EarlyStoppingContract:
    """Subclass it, name the algorithm with settings to try it with, and give it a `service`."""

    algorithm: ClassVar[str]
    settings: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def service(self) -> EarlyStopping:
        """Who answers for the algorithm."""
        raise NotImplementedError

    def config(self, settings: Mapping[str, str] | None = None, *, maximize: bool = False) -> StudyConfig:
        return stopping_config(self.algorithm, {**self.settings, **(settings or {})}, maximize=maximize)

    def judged(self, service: EarlyStopping, names: Iterable[str] = SCRIPTS) -> Iterable[str]:
        """The scripts to judge: none for one that gives rules, and judges nothing itself."""
        return names if service.abilities(self.algorithm).live else ()

    def played(self, service: EarlyStopping, *, maximize: bool = False) -> Played:
        config = self.config(maximize=maximize)
        judge = service.judge(config)
        return Played(record=Record(objective=config.objective, metrics=judge.metrics), judge=judge)

    def test_its_settings_are_described(self, service: EarlyStopping) -> None:
        described = service.settings(self.algorithm)
        assert len({setting.name for setting in described}) == len(described)
        assert all(setting.name and setting.accepts and setting.what for setting in described)

    def test_the_settings_to_try_it_with_are_valid(self, service: EarlyStopping) -> None:
        assert service.validate(self.config()) == ()

    def test_an_unknown_setting_is_refused_by_its_name(self, service: EarlyStopping) -> None:
        (fault,) = service.validate(self.config({UNKNOWN: "1"}))
        assert fault.path == f"spec.earlyStopping.algorithmSettings.{UNKNOWN}"
        assert UNKNOWN in fault.wanted
        assert self.algorithm in fault.wanted

    def test_a_setting_is_refused_with_what_was_given_or_it_works(self, service: EarlyStopping) -> None:
        live, rules = (getattr(service.abilities(self.algorithm), each) for each in ("live", "rules"))
        for setting in service.settings(self.algorithm):
            for text in TEXTS:
                config = self.config({setting.name: text})
                if faults := service.validate(config):
                    assert tells(faults, setting.name, text), (setting.name, text, faults)
                    continue
                trials, record = told(SCRIPTS["wild"], config.objective)
                if live:
                    list(Played(record=record, judge=service.judge(config)).play(SCRIPTS["plain"]))
                if rules:
                    with suppress(InvalidInput):
                        service.rules(config, trials, record)

    def test_a_verdict_names_its_numbers(self, service: EarlyStopping) -> None:
        for name in self.judged(service):
            for event, stop in self.played(service).play(SCRIPTS[name]):
                if stop is None:
                    continue
                assert stop.rule == self.algorithm, name
                assert stop.metric == "loss", name
                assert event.step in (None, stop.step), name
                assert stop.message, name
                assert not stop.shadow, name
                if math.isfinite(stop.value) and math.isfinite(stop.threshold):
                    assert stop.comparison.holds(stop.value, stop.threshold) or stop.value == stop.threshold, name

    def test_a_fresh_judge_gives_the_same_verdict(self, service: EarlyStopping) -> None:
        """A function of the record: whatever a judge keeps makes it quick, and nothing else."""
        for name in self.judged(service):
            played = self.played(service)
            fresh = [
                (event, service.judge(self.config()).should_stop(curve, report, played.record))
                for event in SCRIPTS[name]
                for curve, report in self._heard(played, event)
            ]
            assert repr(list(self.played(service).play(SCRIPTS[name]))) == repr(fresh), name

    @staticmethod
    def _heard(played: Played, event: Event) -> Iterator[tuple]:  # type: ignore[type-arg]  # (curve, report)
        if event.state is not None:
            played.record.finish(event.ordinal, event.state)
            return
        curve = played.record.curve(event.ordinal, event.attempt)
        for report in played.record.add(curve, [point(event)]) if curve else ():
            yield curve, report

    def test_the_same_question_twice_gets_the_same_answer(self, service: EarlyStopping) -> None:
        for name in self.judged(service):
            played = self.played(service)
            for event in SCRIPTS[name]:
                for curve, report in self._heard(played, event):
                    once, twice = (played.judge.should_stop(curve, report, played.record) for _ in range(2))
                    assert repr(once) == repr(twice), name

    def test_it_changes_nothing_of_what_it_is_shown(self, service: EarlyStopping) -> None:
        for name in self.judged(service):
            played = self.played(service)
            for event in SCRIPTS[name][-40:]:
                for curve, report in self._heard(played, event):
                    before = repr(_plain(played.record))
                    played.judge.should_stop(curve, report, played.record)
                    assert repr(_plain(played.record)) == before, name

    def test_maximizing_is_minimizing_the_negative(self, service: EarlyStopping) -> None:
        if any(setting.name == "comparison" for setting in service.settings(self.algorithm)):
            # Its settings name a side.
            return
        for name in self.judged(service, ("plain", "one at a time", "without steps", "every fifth step", "wild")):
            minimized = list(self.played(service).play(SCRIPTS[name]))
            maximized = list(self.played(service, maximize=True).play(SCRIPTS[name], sign=-1.0))
            assert [(event, stop is None) for event, stop in minimized] == [
                (event, stop is None) for event, stop in maximized
            ], name

    def test_rules_are_rules(self, service: EarlyStopping) -> None:
        """A function of the record, whatever the order of the trials; or a refusal that says why there are none."""
        if not service.abilities(self.algorithm).rules:
            return
        config = self.config()
        for name in ("nothing", "plain", "without steps", "wild", "retried"):
            trials, record = told(SCRIPTS[name], config.objective)
            try:
                rules = service.rules(config, trials, record)
            except InvalidInput as error:
                assert all(fault.path.startswith("spec.earlyStopping") and fault.wanted for fault in error.faults), name
                continue
            before = repr(_plain(record))
            assert service.rules(config, trials[::-1], record) == rules, name
            assert repr(_plain(record)) == before, name
            for rule in rules:
                assert isinstance(rule, StopRule), name
                assert rule.name in config.objective.metrics, name
                assert math.isfinite(rule.value), name
                assert rule.start_step >= 0, name

    def test_one_that_gives_no_rules_says_so(self, service: EarlyStopping) -> None:
        if service.abilities(self.algorithm).rules:
            return
        with pytest.raises(InvalidInput) as raised:
            service.rules(self.config(), *told([], self.config().objective))
        assert raised.value.faults[0].path == "spec.earlyStopping.algorithmName"

    def test_settings_can_be_validated_before_the_study_is_known(self, service: EarlyStopping) -> None:
        unknown = Objective(metric="", direction=Direction.MINIMIZE)
        config = replace(self.config(), name="", uid="", objective=unknown, space=SearchSpace(parameters=()))
        assert service.validate(config) == ()


def told(events: list[Event], objective: Objective) -> tuple[list[Trial], Record]:
    """The trials that the events tell of, each with the value that it reported last, and their curves."""
    record = Record(objective=objective, metrics=frozenset(objective.metrics))
    values: dict[int, float] = {}
    states: dict[int, TrialState] = {}
    for event in events:
        if event.state is not None:
            states[event.ordinal] = event.state
            record.finish(event.ordinal, event.state)
        elif (curve := record.curve(event.ordinal, event.attempt)) is not None:
            list(record.add(curve, [point(event)]))
            values[event.ordinal] = event.value
    return [_trial(ordinal, states.get(ordinal), value) for ordinal, value in values.items()], record


def _trial(ordinal: int, state: TrialState | None, value: float) -> Trial:
    finished = state in VALUED and math.isfinite(value)
    return Trial(
        ordinal=ordinal,
        name=f"study-{ordinal}",
        assignment=make.assignment(ordinal),
        state=state or TrialState.RUNNING,
        reason=Reason.SUCCEEDED if state else Reason.STARTED,
        value=value if finished else None,
        metrics=make.metrics(value, value) if finished else {},
        started_at=1e9 + ordinal,
        ended_at=2e9 + ordinal if state else None,
    )


def _plain(record: Record) -> object:
    curves = [*record.running.values(), *record.finished]
    return [
        (
            each.ordinal,
            each.attempt,
            each.state,
            {name: (list(s.steps), list(s.values)) for name, s in each.series.items()},
        )
        for each in curves
    ]
