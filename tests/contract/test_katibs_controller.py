"""Every algorithm, asked as Katib's controller asks: no ordinals, no order, some trials not shown at all."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import grpc
import pytest

from katib.config import ServeSettings
from katib.core.space import SearchSpace
from katib.core.study import StudyConfig
from katib.rpc import api
from katib.rpc.channels import open_channel
from katib.rpc.methods import GET_SUGGESTIONS, stub
from katib.server.serving import SuggestionServer, open_service
from katib.suggestion.local import LocalSuggestions
from katib.suggestion.registry import Registry
from katib.testing.algorithms import SPACES, integer, space, study_config
from katib.testing.katib_controller import STATUS, KatibController, UnexpectedTrials

SETTINGS = {"tpe": {"n_startup_trials": "5"}, "multivariate-tpe": {"n_startup_trials": "5"}}
USUAL = SPACES["integers"]
ENDS = (
    (STATUS.SUCCEEDED, 0.5),
    (STATUS.RUNNING, None),
    (STATUS.METRICSUNAVAILABLE, None),
    (STATUS.SUCCEEDED, -1.0),
    (STATUS.FAILED, None),
    (STATUS.EARLYSTOPPED, 2.0),
    (STATUS.SUCCEEDED, float("nan")),
)
registry = Registry()
OBLIVIOUS = [name for name in registry.names if registry.find(name).abilities.oblivious]


def accepts(name: str, of: SearchSpace) -> bool:
    return not LocalSuggestions().validate(study_config(name, of, settings=SETTINGS.get(name, {})))


PLAIN = [name for name in registry.names if accepts(name, USUAL)]
"""Those that need no settings."""


@pytest.fixture(scope="module")
def channel() -> Iterator[grpc.Channel]:
    settings = ServeSettings(port=0, workers=2, quick_workers=1)
    server = SuggestionServer(open_service(settings), settings)
    server.start()
    with open_channel(server.address) as channel:
        yield channel
    server.stop(grace=0)


@pytest.fixture
def fresh() -> Iterator[grpc.Channel]:
    """A server that was never asked."""
    server = SuggestionServer(LocalSuggestions(), ServeSettings(port=0))
    server.start()
    with open_channel(server.address) as channel:
        yield channel
    server.stop(grace=0)


def controller(channel: grpc.Channel, algorithm: str, of: SearchSpace = USUAL, **changes: Any) -> KatibController:
    config: StudyConfig = study_config(algorithm, of, **{"settings": SETTINGS.get(algorithm, {}), **changes})
    return KatibController(channel=channel, config=config, chance=random.Random(1))


def run(katib: KatibController, *batches: int) -> None:
    for number in batches:
        katib.ask(number)
        for position in range(len(katib.trials)):
            katib.finish(position, *ENDS[position % len(ENDS)])


def again(channel: grpc.Channel, request: api.GetSuggestionsRequest) -> api.GetSuggestionsReply:
    return stub(channel, GET_SUGGESTIONS)(request, timeout=60)


@pytest.mark.parametrize("name", PLAIN)
def test_a_whole_study(channel: grpc.Channel, fresh: grpc.Channel, name: str) -> None:
    """Exactly as many as asked for, in the space; and a server that knows nothing answers the same."""
    katib = controller(channel, name, name=f"whole-{name}")
    space = {each.name: each for each in USUAL.parameters}
    run(katib, 3, 1, 4, 2, 1, 5)
    for point in katib.points:
        assert {each: space[each].parse(text) for each, text in point.items()}.keys() == space.keys()
    reply = katib.ask(3)
    assert again(fresh, katib.last) == reply
    shuffled = api.GetSuggestionsRequest.FromString(katib.last.SerializeToString())
    del shuffled.trials[:]
    shuffled.trials.extend(sorted(katib.last.trials, key=lambda trial: trial.name))
    assert again(fresh, shuffled) == reply


@pytest.mark.parametrize("name", OBLIVIOUS)
def test_what_is_not_shown_any_more_is_not_suggested_again(channel: grpc.Channel, name: str) -> None:
    """Katib hides trials without a metric. Were they forgotten, the same point would be tried for ever."""
    katib = controller(channel, name, SPACES["discrete"], name=f"hidden-{name}")
    for _ in range(10):
        katib.ask(1)
        katib.finish(len(katib.trials) - 1, STATUS.METRICSUNAVAILABLE)
    assert len({tuple(sorted(point.items())) for point in katib.points}) == 10
    with pytest.raises(UnexpectedTrials, match="asked for 1, got 0"):
        katib.ask(1)
    assert again(channel, katib.last).exhausted


@pytest.mark.parametrize("name", PLAIN)
def test_points_on_record_do_not_come_again(channel: grpc.Channel, name: str) -> None:
    if not registry.find(name).abilities.never_repeats:
        return
    katib = controller(channel, name, name=f"once-{name}")
    for number in (4, 4, 4):
        katib.ask(number)
        for position in range(len(katib.trials)):
            katib.finish(position, STATUS.SUCCEEDED, float(position % 5))
    assert len({tuple(sorted(point.items())) for point in katib.points}) == 12


def test_the_last_points_of_a_space_are_fewer_than_asked_for(channel: grpc.Channel) -> None:
    katib = controller(channel, "grid", space(integer("n", 1, 5)))
    katib.ask(3)
    with pytest.raises(UnexpectedTrials, match="asked for 4, got 2"):
        katib.ask(4)


def test_trials_of_a_namesake_with_another_space_are_left_out(channel: grpc.Channel) -> None:
    """Katib lists trials by the experiment's name in all namespaces."""
    here = controller(channel, "tpe", name="shared")
    there = controller(channel, "tpe", SPACES["mixed"], name="shared")
    run(here, 4, 4)
    run(there, 4, 4)
    request = here.request(2)
    alone = again(channel, request)
    request.trials.extend(there.request(1).trials)
    assert again(channel, request) == alone


def test_twins_get_answers_of_their_own_record(channel: grpc.Channel, fresh: grpc.Channel) -> None:
    """Two experiments alike in name and content, in two namespaces, asked by turns."""
    one, other = controller(channel, "tpe", name="twins"), controller(channel, "tpe", name="twins")
    other.chance.seed(2)
    for batch in (3, 3, 2):
        for katib, sign in ((one, 1.0), (other, -1.0)):
            katib.ask(batch)
            for position in range(len(katib.trials)):
                katib.finish(position, STATUS.SUCCEEDED, sign * position)
    for katib in (one, other):
        reply = katib.ask(2)
        assert again(fresh, katib.last) == reply
    assert one.points[-2:] != other.points[-2:]


def test_points_that_came_from_elsewhere_are_kept_out_of_the_grid(channel: grpc.Channel) -> None:
    katib = controller(channel, "grid", space(integer("n", 1, 6)))
    katib.ask(2)
    foreign = api.Trial.FromString(katib.trials[0].SerializeToString())
    foreign.name = "foreign"
    foreign.spec.parameter_assignments.assignments[0].value = "3"
    request = katib.request(1)
    request.trials.append(foreign)
    (only,) = again(channel, request).parameter_assignments
    assert only.assignments[0].value == "4"


def test_a_longer_budget_goes_on_with_the_same_search(channel: grpc.Channel) -> None:
    katib = controller(channel, "sobol", name="longer")
    katib.ask(4)
    first = katib.points
    longer = replace(katib.config, budget=replace(katib.config.budget, max_trials=1000, parallel=9))
    other = replace(katib, config=longer, trials=[])
    other.ask(4)
    assert other.points == first
