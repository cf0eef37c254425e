"""Every early stopping algorithm that comes with the engine, under the contract, and one of each kind from outside."""

from pathlib import Path
from typing import ClassVar

import pytest

from algorithms.options import Option
from algorithms.stopping.base import StoppingRule, shadow
from katib.config import ServeSettings
from katib.core.stopping import Comparison, StoppingAbilities, StopRule
from katib.errors import AlgorithmUnknown, Fault
from katib.server.serving import SuggestionServer
from katib.suggestion.early_stopping.grpc import GrpcEarlyStopping
from katib.suggestion.early_stopping.local import GROUP, LocalEarlyStopping
from katib.suggestion.early_stopping.routed import RoutedEarlyStopping
from katib.suggestion.local import LocalSuggestions
from katib.suggestion.registry import Registry
from katib.testing.early_stopping import SCRIPTS, EarlyStoppingContract, stopping_config, told


class Installed(EarlyStoppingContract):
    @pytest.fixture
    def service(self):
        return LocalEarlyStopping()


class TestMedianStop(Installed):
    algorithm = "medianstop"


class TestMedianStopThatStopsEarly(Installed):
    algorithm = "medianstop"
    settings: ClassVar = {"min_trials_required": "1", "start_step": "1"}


class TestAsha(Installed):
    algorithm = "asha"


class TestAshaOfTwo(Installed):
    algorithm = "asha"
    settings: ClassVar = {"reduction_factor": "2", "grace_period": "2", "max_resource": "9"}


class TestThreshold(Installed):
    algorithm = "threshold"
    settings: ClassVar = {"value": "0.9", "start_step": "3", "rules": "loss=nan; loss<-1e9"}


class TestPatience(Installed):
    algorithm = "patience"
    settings: ClassVar = {"patience": "2", "min_delta": "0.05"}


CEILING = Option(
    name="ceiling",
    accepts="a number",
    default="3",
    what="What is too much.",
    absent=3.0,
    parse=float,
    allows=lambda value: True,
    refusal="",
)


class Ceiling(StoppingRule):
    """A judge in the manner of the documentation."""

    settings = (CEILING, shadow())

    def should_stop(self, trial, report, record):
        ceiling = CEILING.of(self.config)
        if self.cost(report.value) <= ceiling:
            return None
        return self.stop(report, report.value, self.worse, ceiling, f"{report.value} is too much")


class Lines:
    """A maker of rules in Katib's form, without any base class."""

    abilities = StoppingAbilities(live=False)
    settings = ()

    def __init__(self, config):
        self.metric = config.objective.metric

    @classmethod
    def validate(cls, config):
        return [
            Fault(
                path=f"spec.earlyStopping.algorithmSettings.{name}",
                wanted=f"unknown setting {name} for algorithm {config.algorithm}",
            )
            for name in config.settings
        ]

    def rules(self, trials, record):
        values = [trial.value for trial in trials if trial.value is not None]
        if not values:
            return []
        return [StopRule(name=self.metric, value=max(values), comparison=Comparison.GREATER, start_step=2)]


class TheirPackage(Registry):
    """What a package would declare by entry points."""

    declared: ClassVar = {"ceiling": Ceiling, "lines": Lines}

    @property
    def names(self):
        return sorted(self.declared)

    def find(self, name):
        return self.declared[name]


class Foreign(EarlyStoppingContract):
    @pytest.fixture
    def service(self):
        return LocalEarlyStopping(TheirPackage())


class TestCeiling(Foreign):
    algorithm = "ceiling"


class TestLines(Foreign):
    algorithm = "lines"


@pytest.fixture(scope="module")
def wire():
    """Ours and theirs behind a server as `katib suggestion serve` starts it; clients of both."""
    servers = [
        SuggestionServer(LocalSuggestions(), ServeSettings(port=0), stopping)
        for stopping in (LocalEarlyStopping(), LocalEarlyStopping(TheirPackage()))
    ]
    for server in servers:
        server.start()
    ours, theirs = (GrpcEarlyStopping(server.address) for server in servers)
    yield RoutedEarlyStopping(ours, {"lines": theirs, "ceiling": theirs})
    for end in (ours, theirs):
        end.close()
    for server in servers:
        server.stop(grace=0)


class OverTheWire(EarlyStoppingContract):
    @pytest.fixture
    def service(self, wire):
        return wire


class TestMedianStopOverTheWire(OverTheWire):
    algorithm = "medianstop"


class TestThresholdOverTheWire(OverTheWire):
    algorithm = "threshold"
    settings: ClassVar = {"value": "0.9", "start_step": "3"}


class TestLinesOverTheWire(OverTheWire):
    algorithm = "lines"


@pytest.mark.parametrize("name", ["asha", "patience", "ceiling"])
def test_one_that_gives_no_rules_is_refused_over_the_wire(wire, name):
    config = stopping_config(name, {})
    (fault,) = wire.validate(config)
    assert fault.path == "spec.earlyStopping.algorithmName"
    assert f"{name} judges every report" in fault.wanted


@pytest.mark.parametrize("case", [TestMedianStop, TestMedianStopThatStopsEarly, TestThresholdOverTheWire, TestLines])
@pytest.mark.parametrize("script", ["nothing", "without steps", "all at a time"])
@pytest.mark.parametrize("maximize", [False, True])
def test_rules_over_the_wire_are_those_of_this_process(wire, case, script, maximize):
    """Logs on Katib's wire have no steps: these are told of without, or step by step."""
    contract = case()
    config = contract.config(maximize=maximize)
    here = LocalEarlyStopping(TheirPackage() if contract.algorithm == "lines" else None)
    trials, record = told(SCRIPTS[script], config.objective)
    rules = here.rules(config, trials, record)
    assert wire.rules(config, trials, record) == rules
    assert bool(rules) == (script != "nothing" or contract.algorithm == "threshold")


def test_all_that_are_installed_are_held_to_the_contract():
    held = {case.algorithm for case in Installed.__subclasses__()}
    assert held == set(LocalEarlyStopping().names)


def test_each_of_them_stops_something_and_lets_something_pass():
    """Else the laws above would hold for a rule that does nothing."""
    for case in Installed.__subclasses__():
        contract = case()
        stops = [
            stop
            for name in ("plain", "one at a time", "every fifth step")
            for _event, stop in contract.played(LocalEarlyStopping()).play(SCRIPTS[name])
        ]
        assert None in stops, case
        assert any(stops), case


def test_an_unknown_name_says_what_there_is():
    with pytest.raises(AlgorithmUnknown, match="no early stopping algorithm 'medianstopp' is installed") as raised:
        LocalEarlyStopping().abilities("medianstopp")
    assert "did you mean 'medianstop'" in raised.value.hint
    assert "patience" in raised.value.hint


def test_search_algorithms_are_not_among_them():
    assert GROUP != "katib.algorithms"
    assert "tpe" not in LocalEarlyStopping().names


def test_every_setting_is_in_the_documentation():
    text = (Path(__file__).parents[2] / "docs" / "early-stopping.md").read_text()
    for name in LocalEarlyStopping().names:
        section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        for setting in LocalEarlyStopping().settings(name):
            assert f"`{setting.name}`" in section or (setting.name == "shadow" and "`shadow:" in text), (name, setting)
