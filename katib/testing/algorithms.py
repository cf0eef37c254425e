"""What every algorithm promises, as tests. Shipped, so that authors of other algorithms can hold theirs to it:

    class TestCorners(AlgorithmContract):
        algorithm = "corners"

        @pytest.fixture
        def service(self):
            return LocalSuggestions(Registry({"corners": "my_package:Corners"}))

Abilities decide which laws hold for an algorithm; nothing is skipped by name.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import ClassVar

import pytest

from katib.core.advice import PARENT_LABEL, Abilities, Advice, AdviceReply
from katib.core.objective import Direction, Objective
from katib.core.space import Choice, Distribution, ParameterType, Range, SearchSpace, Value, When
from katib.core.study import Budget, StudyConfig
from katib.core.trial import Reason, Trial, TrialState
from katib.errors import KatibError
from katib.suggestion.contract import SuggestionService
from katib.testing.settings import TEXTS, tells


def double(
    name: str, low: float, high: float, step: float | None = None, law: str = "uniform", when: When | None = None
) -> Range:
    """A double parameter."""
    kind, distribution = ParameterType.DOUBLE, Distribution(law)
    return Range(name=name, type=kind, low=low, high=high, step=step, distribution=distribution, condition=when)


def integer(
    name: str, low: int, high: int, step: int | None = None, law: str = "uniform", when: When | None = None
) -> Range:
    """An int parameter."""
    kind, distribution = ParameterType.INT, Distribution(law)
    return Range(name=name, type=kind, low=low, high=high, step=step, distribution=distribution, condition=when)


def discrete(name: str, *values: str, when: When | None = None) -> Choice:
    """A discrete parameter."""
    return Choice(name=name, type=ParameterType.DISCRETE, values=values, condition=when)


def categorical(name: str, *values: str, when: When | None = None) -> Choice:
    """A categorical parameter."""
    return Choice(name=name, type=ParameterType.CATEGORICAL, values=values, condition=when)


def when(parameter: str, *values: Value) -> When:
    """The condition that `parameter` has one of `values`."""
    return When(parameter=parameter, values=values)


def space(*parameters: Range | Choice) -> SearchSpace:
    """A search space."""
    return SearchSpace(parameters=parameters)


SPACES: dict[str, SearchSpace] = {
    "continuous": space(double("x", -5, 10), double("y", 0, 15)),
    "log": space(double("lr", 1e-5, 1e-1, law="logUniform"), double("x", -1, 1)),
    "integers": space(integer("n", -3, 12), integer("m", 1, 1000, law="logUniform")),
    "stepped": space(double("dropout", 0, 0.9, step=0.1), integer("width", 8, 128, step=8)),
    "stepped off the end": space(double("x", 0.05, 1.0, step=0.3), integer("n", 1, 8, step=3)),
    "normal": space(double("x", -3, 3, law="normal"), double("y", 1e-3, 10, law="logNormal"), double("z", -1, 1)),
    "stepped normal": space(double("x", 0, 1, step=0.05, law="normal"), integer("n", 1, 64, law="logNormal")),
    "discrete": space(discrete("batch", "128", "16", "64", "32.0", "1e3"), discrete("k", "3", "-1")),
    "categorical": space(categorical("optimizer", "sgd", "adam", "ftrl"), categorical("act", "relu", "", "a b'{\"")),
    "one point": space(integer("n", 3, 3), categorical("c", "only"), double("x", 0.5, 0.5)),
    "mixed": space(
        double("lr", 1e-5, 0.1, law="logUniform"),
        double("momentum", 0, 1),
        double("dropout", 0, 0.5, step=0.05),
        integer("layers", 1, 6),
        integer("units", 16, 1024, law="logUniform"),
        discrete("batch", "32", "64", "128"),
        categorical("optimizer", "sgd", "adam"),
        double("decay", -1, 1, law="normal"),
    ),
    "huge grid": space(*(integer(f"n{index}", 0, 999) for index in range(3))),
    "conditional": space(
        categorical("optimizer", "sgd", "adam", "none"),
        double("lr", 1e-5, 0.1, law="logUniform", when=when("optimizer", "sgd", "adam")),
        double("momentum", 0, 1, when=when("optimizer", "sgd")),
        integer("layers", 1, 3),
    ),
    "nested conditional": space(
        double("dropout", 0, 0.5, when=when("units", 2, 3)),
        categorical("kind", "tree", "net"),
        integer("units", 1, 3, when=when("layers", "2", "3")),
        discrete("layers", "1", "2", "3", when=when("kind", "net")),
        integer("depth", 1, 8, when=when("kind", "tree")),
    ),
    "small conditional": space(
        integer("units", 1, 3, when=when("layers", "2", "3")),
        categorical("kind", "tree", "net"),
        discrete("layers", "1", "2", "3", when=when("kind", "net")),
        integer("depth", 1, 8, when=when("kind", "tree")),
        categorical("act", "relu", "tanh"),
    ),
}
"""A zoo of search spaces; "huge grid" has 10^9 points, "small conditional" (8 + 1 + 3 + 3) * 2."""

RESOURCE = integer("epochs", 1, 9)
"""The resource that the spaces have in addition for an algorithm with the ability `fidelity`."""

FINITE = {name: each for name, each in SPACES.items() if each.size is not None}
SMALL = {name: each for name, each in FINITE.items() if (each.size or 0) <= 100}

Outcome = Callable[[int], tuple[TrialState, Reason, float | None]]

RECORDS: dict[str, Outcome] = {
    "all succeeded": lambda k: (TrialState.SUCCEEDED, Reason.SUCCEEDED, (k * 37 % 23) / 7),
    "all equal": lambda _k: (TrialState.SUCCEEDED, Reason.SUCCEEDED, 1.0),
    "huge values": lambda k: (TrialState.SUCCEEDED, Reason.SUCCEEDED, (-1) ** k * 1e308),
    "all failed": lambda _k: (TrialState.FAILED, Reason.EXIT_CODE, None),
    "all diverged": lambda _k: (TrialState.METRICS_UNAVAILABLE, Reason.DIVERGED, None),
    "all running": lambda _k: (TrialState.RUNNING, Reason.STARTED, None),
    "all killed": lambda _k: (TrialState.KILLED, Reason.GOAL_REACHED, None),
    "of everything": lambda k: _MIX[k % len(_MIX)],
}
"""What became of trial k."""

_MIX: tuple[tuple[TrialState, Reason, float | None], ...] = (
    (TrialState.SUCCEEDED, Reason.SUCCEEDED, 0.25),
    (TrialState.SUCCEEDED, Reason.SUCCEEDED, -3.0),
    (TrialState.METRICS_UNAVAILABLE, Reason.DIVERGED, None),
    (TrialState.SUCCEEDED, Reason.SUCCEEDED, 1e12),
    (TrialState.FAILED, Reason.SIGNAL, None),
    (TrialState.EARLY_STOPPED, Reason.STOPPED_EARLY, 0.5),
    (TrialState.EARLY_STOPPED, Reason.STOPPED_EARLY, None),
    (TrialState.METRICS_UNAVAILABLE, Reason.METRIC_NOT_FOUND, None),
    (TrialState.RUNNING, Reason.STARTED, None),
    (TrialState.PENDING, Reason.CREATED, None),
    (TrialState.ADVISED, Reason.ADVISED, None),
)

Further = Callable[[int], tuple[float, ...]]

FURTHER: dict[str, Further] = {
    "a constant": lambda _k: (1.0,),
    "against the first": lambda k: (-(k * 37 % 23) / 7,),
    "two, one of them huge": lambda k: (float(k % 5), (-1) ** k * 1e308),
}
"""Values of trial k for the objectives after the first, where it has a value at all."""

STEPS = 26
"""Trials in a record: enough for algorithms that start with a number of random points to use their model."""


def trial(advice: Advice, outcome: Outcome = RECORDS["all succeeded"], further: Further = lambda _ordinal: ()) -> Trial:
    """The trial that was made of advice."""
    state, reason, value = outcome(advice.ordinal)
    return Trial(
        ordinal=advice.ordinal,
        name=f"study-{advice.ordinal}",
        assignment=advice.assignment,
        labels=advice.labels,
        state=state,
        reason=reason,
        value=value,
        further_values=() if value is None else further(advice.ordinal),
        revision=advice.ordinal,
    )


def study_config(algorithm: str, of: SearchSpace, **changes: object) -> StudyConfig:
    """What an algorithm is told about a study over a space."""
    config = StudyConfig(
        name="study",
        uid="5f1c",
        space=of,
        objective=Objective(metric="loss", direction=Direction.MINIMIZE),
        algorithm=algorithm,
        budget=Budget(max_trials=100, parallel=3),
    )
    return replace(config, **changes)  # type: ignore[arg-type]  # fields by name


def drive(
    service: SuggestionService,
    config: StudyConfig,
    *,
    steps: int = STEPS,
    batch: int = 1,
    outcome: Outcome = RECORDS["all succeeded"],
    further: Further = lambda _ordinal: (),
) -> tuple[list[Trial], AdviceReply]:
    """Ask until there are `steps` trials or no more answers: the record, and the last reply."""
    trials: list[Trial] = []
    while True:
        ordinals = range(len(trials) + 1, min(len(trials) + batch, steps) + 1)
        reply = service.suggest(config, trials, ordinals)
        assert [each.ordinal for each in reply.advice] == list(ordinals)[: len(reply.advice)]
        assert reply.advice or reply.exhausted, "an empty answer without a reason"
        trials += [trial(each, outcome, further) for each in reply.advice]
        if reply.exhausted or len(trials) >= steps:
            return trials, reply


class CallContract:
    """What a way of calling an algorithm can break as well as the algorithm: a worker, or a wire.

    Answers are those of the record, however they are asked for; faults, settings and the end of a space arrive as they
    are. Where the algorithm keeps its own contract already, this is what is left to try for another way to call it.

    Attributes:
        algorithm: the name.
        settings: settings to run it with; small ones make the suite fast.
        spaces: the zoo; leave out what your algorithm's `validate` refuses.
        steps: trials in a record; fewer for an algorithm that is slow and uses its model soon.
    """

    algorithm: ClassVar[str]
    settings: ClassVar[dict[str, str]] = {}
    spaces: ClassVar[dict[str, SearchSpace]] = SPACES
    steps: ClassVar[int] = STEPS

    @pytest.fixture
    def service(self) -> Iterator[SuggestionService]:
        """The service under test. A new one is made for each test; override it to share one."""
        raise NotImplementedError("give a service that knows the algorithm")
        yield

    @pytest.fixture
    def fresh(self, service: SuggestionService) -> SuggestionService:
        """A service that has not seen a study before: the same one, unless it is overridden."""
        return service

    @pytest.fixture
    def abilities(self, service: SuggestionService) -> Abilities:
        return service.abilities(self.algorithm)

    @pytest.fixture
    def usual(self, abilities: Abilities) -> SearchSpace:
        """A space with many points of the kinds that the algorithm takes."""
        return _shaped(SPACES["huge grid"] if abilities.finite_only else SPACES["mixed"], abilities)

    def config(self, of: SearchSpace, **changes: object) -> StudyConfig:
        """A study over a space."""
        return study_config(self.algorithm, of, **{"settings": self.settings, **changes})

    def several(self, of: SearchSpace, further: Further, **changes: object) -> StudyConfig:
        """A study with the first objective and some more to be maximised, as many as there are further values."""
        objectives = [Objective(metric=f"m{index}", direction=Direction.MAXIMIZE) for index in range(len(further(1)))]
        return self.config(of, further_objectives=tuple(objectives), **changes)

    def zoo(self, abilities: Abilities) -> dict[str, SearchSpace]:
        """The spaces that the algorithm takes."""
        taken = {
            name: each
            for name, each in self.spaces.items()
            if (each.size is not None or not abilities.finite_only) and (not each.conditional or abilities.conditional)
        }
        return {name: _shaped(each, abilities) for name, each in taken.items()}

    def test_ends_when_a_finite_space_is_used_up(self, service: SuggestionService, abilities: Abilities) -> None:
        if not abilities.never_repeats:
            return
        for name, each in self.zoo(abilities).items():
            if name not in SMALL:
                continue
            size = each.size or 0
            trials, last = drive(service, self.config(each, uid=name), steps=size + 1, batch=7)
            assert len(trials) == size, f"{name} has {size} points, {len(trials)} were suggested"
            assert last.exhausted
            assert service.suggest(self.config(each, uid=name), trials, [size + 1]) == AdviceReply(
                exhausted=last.exhausted
            )

    def test_is_a_function_of_the_record(
        self, service: SuggestionService, fresh: SuggestionService, usual: SearchSpace
    ) -> None:
        """A service that saw the record grow answers as one that sees it for the first time, at every length."""
        config = self.config(usual)
        trials, _ = drive(service, config, outcome=RECORDS["of everything"], steps=self.steps)
        for length in (0, 1, self.steps // 2, self.steps):
            ordinals = range(length + 1, length + 4)
            # Another name makes another study of the same seed: nothing that is kept can serve it.
            other = replace(config, name=f"again-{length}")
            assert fresh.suggest(other, trials[:length], ordinals) == service.suggest(config, trials[:length], ordinals)

    def test_follows_a_record_that_is_not_a_continuation(
        self, service: SuggestionService, fresh: SuggestionService, usual: SearchSpace
    ) -> None:
        """Trials taken out, put in, or with another outcome than before."""
        config = self.config(usual)
        trials, _ = drive(service, config, steps=self.steps)
        changed = [replace(t, value=-(t.value or 0.0)) if t.ordinal % 3 else t for t in trials if t.ordinal != 5]
        ordinals = range(self.steps + 1, self.steps + 3)
        assert service.suggest(config, changed, ordinals) == fresh.suggest(
            replace(config, name="changed"), changed, ordinals
        )

    def test_every_setting_is_described_and_its_default_is_valid(
        self, service: SuggestionService, abilities: Abilities
    ) -> None:
        described = service.settings(self.algorithm)
        assert all(each.name and each.accepts and each.what for each in described)
        defaults = {each.name: each.default for each in described if each.default}
        config = self.config(_shaped(FINITE["stepped"], abilities), settings={**self.settings, **defaults})
        assert service.validate(config) == ()

    def test_a_setting_nobody_knows_is_a_fault(self, service: SuggestionService, abilities: Abilities) -> None:
        unknown = {**self.settings, "no_such": "1", "nor_such": "2"}
        faults = service.validate(self.config(_shaped(FINITE["stepped"], abilities), settings=unknown))
        assert [fault.wanted for fault in faults] == [
            f"unknown setting no_such for algorithm {self.algorithm}",
            f"unknown setting nor_such for algorithm {self.algorithm}",
        ]

    def test_a_space_it_cannot_search_is_a_fault(self, service: SuggestionService, abilities: Abilities) -> None:
        faults = service.validate(self.config(_shaped(SPACES["continuous"], abilities)))
        assert bool(faults) == abilities.finite_only

    def test_conditions_it_cannot_do_with_are_faults_and_nothing_is_suggested(
        self, service: SuggestionService, abilities: Abilities
    ) -> None:
        config = self.config(_shaped(SPACES["small conditional"], abilities))
        faults = service.validate(config)
        if abilities.conditional:
            assert faults == ()
            return
        assert [fault.path for fault in faults if f"algorithm {self.algorithm}" in fault.wanted] == [
            f"spec.parameters[{position}].condition" for position in (0, 2, 3)
        ]
        with pytest.raises(KatibError):
            service.suggest(config, [], [1])

    def test_several_objectives_are_taken_or_are_a_fault_and_nothing_is_suggested(
        self, service: SuggestionService, abilities: Abilities, usual: SearchSpace
    ) -> None:
        for further in FURTHER.values():
            config = self.several(usual, further)
            faults = service.validate(config)
            assert bool(faults) != abilities.several_objectives
            if faults:
                (told,) = (fault for fault in faults if fault.path == "spec.objectives")
                assert f"algorithm {self.algorithm}" in told.wanted
                with pytest.raises(KatibError):
                    service.suggest(config, [], [1])

    def test_answers_for_several_objectives_are_a_function_of_the_record(
        self, service: SuggestionService, fresh: SuggestionService, abilities: Abilities, usual: SearchSpace
    ) -> None:
        if abilities.several_objectives:
            self.keeps_the_laws_of_several_objectives(
                service, fresh, usual, outcome="of everything", further="two, one of them huge"
            )

    def keeps_the_laws_of_several_objectives(
        self, service: SuggestionService, fresh: SuggestionService, usual: SearchSpace, *, outcome: str, further: str
    ) -> None:
        config = self.several(usual, FURTHER[further], uid=f"{outcome} {further}")
        trials, _ = drive(
            service, config, batch=3, outcome=RECORDS[outcome], further=FURTHER[further], steps=self.steps
        )
        points = [usual.key(advised.assignment) for advised in trials]
        assert all(usual.contains(advised.assignment) for advised in trials), config.uid
        assert len(set(points)) == len(points) or not service.abilities(self.algorithm).never_repeats, config.uid
        ordinals = range(len(trials) + 1, len(trials) + 3)
        again = fresh.suggest(replace(config, name="again"), trials[::-1], ordinals)
        assert service.suggest(config, trials, ordinals) == again, config.uid


class AlgorithmContract(CallContract):
    """Subclass it in a test module, name the algorithm, and give a service that knows it."""

    def test_answers_for_every_record_of_several_objectives_are_a_function_of_it(
        self, service: SuggestionService, fresh: SuggestionService, abilities: Abilities, usual: SearchSpace
    ) -> None:
        if not abilities.several_objectives:
            return
        for outcome in ("all succeeded", "of everything", "all failed"):
            for further in FURTHER:
                self.keeps_the_laws_of_several_objectives(service, fresh, usual, outcome=outcome, further=further)

    def test_answers_are_in_the_space(self, service: SuggestionService, abilities: Abilities) -> None:
        for name, each in self.zoo(abilities).items():
            for advised in drive(service, self.config(each, uid=name), batch=4, steps=self.steps)[0]:
                assert each.contains(advised.assignment), (name, advised.assignment)
                active = each.active(advised.assignment)
                assert list(advised.assignment) == [parameter.name for parameter in active]

    def test_answers_for_every_kind_of_record(
        self, service: SuggestionService, abilities: Abilities, usual: SearchSpace
    ) -> None:
        """In the space; and a trial that continues another one names it."""
        for name, outcome in RECORDS.items():
            trials, _ = drive(service, self.config(usual, uid=name), outcome=outcome, batch=2, steps=self.steps)
            assert len(trials) == self.steps, name
            assert all(usual.contains(advised.assignment) for advised in trials), name
            self.names_what_it_continues(trials, abilities)

    def test_never_repeats_a_point_whatever_became_of_it(
        self, service: SuggestionService, abilities: Abilities
    ) -> None:
        if not abilities.never_repeats:
            return
        for name, each in self.zoo(abilities).items():
            trials, _ = drive(
                service, self.config(each, uid=name), outcome=RECORDS["of everything"], batch=3, steps=self.steps
            )
            points = [each.key(advised.assignment) for advised in trials]
            assert len(set(points)) == len(points), name

    def test_a_setting_is_refused_with_what_was_given_or_it_works(
        self, service: SuggestionService, usual: SearchSpace
    ) -> None:
        trials, _ = drive(service, self.config(usual), outcome=RECORDS["of everything"], steps=self.steps)
        for setting in service.settings(self.algorithm):
            for text in TEXTS:
                config = self.config(usual, settings={**self.settings, setting.name: text})
                if faults := service.validate(config):
                    assert tells(faults, setting.name, text), (setting.name, text, faults)
                else:
                    (advised,) = service.suggest(config, trials, [len(trials) + 1]).advice
                    assert usual.contains(advised.assignment), (setting.name, text)

    def names_what_it_continues(self, trials: list[Trial], abilities: Abilities) -> None:
        """An earlier one that was over; and where there is a resource, the same point with more of it."""
        parents = {trial.name: trial for trial in trials}
        continuing = [each for each in trials if PARENT_LABEL in each.labels]
        assert abilities.continues or not continuing
        for each in continuing:
            parent = parents[each.labels[PARENT_LABEL]]
            assert parent.finished
            assert parent.ordinal < each.ordinal
            if abilities.fidelity:
                assert {**parent.assignment, RESOURCE.name: 0} == {**each.assignment, RESOURCE.name: 0}
                assert float(parent.assignment[RESOURCE.name]) < float(each.assignment[RESOURCE.name])

    def test_what_was_asked_and_never_recorded_changes_nothing(
        self, service: SuggestionService, usual: SearchSpace
    ) -> None:
        config = self.config(usual)
        trials, _ = drive(service, config, steps=self.steps)
        first = service.suggest(config, trials, range(self.steps + 1, self.steps + 3))
        assert service.suggest(config, trials, range(self.steps + 1, self.steps + 3)) == first

    def test_the_order_in_which_trials_are_given_changes_nothing(
        self, service: SuggestionService, usual: SearchSpace
    ) -> None:
        """Nor does the look at them change any."""
        config = self.config(usual)
        trials, _ = drive(service, config, outcome=RECORDS["of everything"], steps=self.steps)
        backwards = trials[::-1]
        before = copy.deepcopy((config, trials, backwards))
        ordinals = range(self.steps + 1, self.steps + 3)
        reply = service.suggest(self.config(usual, name="backwards"), backwards, ordinals)
        assert service.suggest(config, trials, ordinals) == reply
        assert (config, trials, backwards) == before

    def test_a_seed_decides_everything(self, service: SuggestionService, usual: SearchSpace) -> None:
        if "random_state" not in {setting.name for setting in service.settings(self.algorithm)}:
            return
        seeded = {**self.settings, "random_state": "7"}
        one, _ = drive(service, self.config(usual, uid="one", settings=seeded), steps=self.steps)
        two, _ = drive(service, self.config(usual, uid="two", settings=seeded), steps=self.steps)
        assert [t.assignment for t in one] == [t.assignment for t in two]

    def test_maximising_mirrors_minimising(self, service: SuggestionService, usual: SearchSpace) -> None:
        highest = Objective(metric="loss", direction=Direction.MAXIMIZE)
        low, _ = drive(service, self.config(usual), steps=self.steps)
        mirror = [replace(t, value=None if t.value is None else -t.value) for t in low]
        ordinals = range(self.steps + 1, self.steps + 3)
        mirrored = service.suggest(self.config(usual, objective=highest, name="mirror"), mirror, ordinals)
        assert service.suggest(self.config(usual), low, ordinals) == mirrored

    def test_maximising_one_of_several_objectives_mirrors_minimising_it(
        self, service: SuggestionService, abilities: Abilities, usual: SearchSpace
    ) -> None:
        if not abilities.several_objectives:
            return
        further = FURTHER["against the first"]
        config = self.several(usual, further)
        high, _ = drive(service, config, batch=3, further=further, steps=self.steps)
        lowest = (Objective(metric="m0", direction=Direction.MINIMIZE),)
        low = [replace(each, further_values=tuple(-value for value in each.further_values)) for each in high]
        ordinals = range(len(high) + 1, len(high) + 4)
        mirrored = service.suggest(replace(config, further_objectives=lowest, name="mirror"), low, ordinals)
        assert service.suggest(config, high, ordinals) == mirrored


def _shaped(of: SearchSpace, abilities: Abilities) -> SearchSpace:
    """A space with the resource that the algorithm needs."""
    return space(*of.parameters, RESOURCE) if abilities.fidelity else of
