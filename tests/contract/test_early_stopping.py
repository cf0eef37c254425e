"""Every early stopping algorithm that comes with the engine, under the contract, and one of each kind from outside."""

import sys
from pathlib import Path
from typing import ClassVar

import pytest

from katib.config import ServeSettings
from katib.core.advice import Kind
from katib.errors import AlgorithmUnknown
from katib.server.serving import SuggestionServer
from katib.suggestion.catalogue import find
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


class TestDominated(Installed):
    algorithm = "dominated"


class TestDominatedByOne(Installed):
    algorithm = "dominated"
    settings: ClassVar = {"dominating": "1", "share": "0.5", "start_step": "1"}


FOREIGN = Path(__file__).parent / "foreign"


@pytest.fixture(scope="module", autouse=True)
def foreign():
    """Algorithms of somebody else can be imported."""
    sys.path.insert(0, str(FOREIGN))
    yield
    sys.path.remove(str(FOREIGN))


def their_package():
    """What a package would declare by entry points."""
    return LocalEarlyStopping(Registry({"ceiling": "ceiling:Ceiling", "worst": "worst:Worst"}, group="their.own"))


class Foreign(EarlyStoppingContract):
    @pytest.fixture
    def service(self):
        return their_package()


class TestCeiling(Foreign):
    algorithm = "ceiling"


class TestWorst(Foreign):
    algorithm = "worst"


@pytest.fixture(scope="module")
def wire(foreign):
    """Ours and theirs behind a server as `katib suggestion serve` starts it; clients of both."""
    servers = [
        SuggestionServer(LocalSuggestions(), ServeSettings(port=0), stopping)
        for stopping in (LocalEarlyStopping(), their_package())
    ]
    for server in servers:
        server.start()
    ours, theirs = (GrpcEarlyStopping(server.address) for server in servers)
    yield RoutedEarlyStopping(ours, {"worst": theirs, "ceiling": theirs})
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


class TestWorstOverTheWire(OverTheWire):
    algorithm = "worst"


@pytest.mark.parametrize("name", ["asha", "dominated", "patience", "ceiling"])
def test_one_that_gives_no_rules_is_refused_over_the_wire(wire, name):
    config = stopping_config(name, {})
    (fault,) = wire.validate(config)
    assert fault.path == "spec.earlyStopping.algorithmName"
    assert f"{name} judges every report" in fault.wanted


@pytest.mark.parametrize("case", [TestMedianStop, TestMedianStopThatStopsEarly, TestThresholdOverTheWire, TestWorst])
@pytest.mark.parametrize("script", ["nothing", "without steps", "all at a time"])
@pytest.mark.parametrize("maximize", [False, True])
def test_rules_over_the_wire_are_those_of_this_process(wire, case, script, maximize):
    """Logs on Katib's wire have no steps: these are told of without, or step by step."""
    contract = case()
    config = contract.config(maximize=maximize)
    here = their_package() if contract.algorithm == "worst" else LocalEarlyStopping()
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


def test_the_page_shows_the_algorithm_that_is_tested():
    code = (FOREIGN / "ceiling.py").read_text().partition('"""\n\n')[2]
    page = (Path(__file__).parents[2] / "docs" / "early-stopping.md").read_text()
    assert f"```python\n{code}```" in page


@pytest.mark.parametrize("name", LocalEarlyStopping().names)
def test_every_one_of_ours_says_what_it_does_in_one_sentence(name):
    (described,) = find(name, (Kind.EARLY_STOPPING,))
    assert described.summary.startswith("Stops a trial ")
    assert "shadow" in {setting.name for setting in described.settings}
