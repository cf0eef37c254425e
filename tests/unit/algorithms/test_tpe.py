"""TPE: learns, is optuna's sampler where optuna has the same space, and takes each outcome as it says."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import optuna
import pytest

from algorithms.base import ORIGIN_LABEL, Standing, standing
from algorithms.parzen.multivariate_tpe import MultivariateTpeSearch
from algorithms.parzen.tpe import RECALLED, RECALLED_BEST, RECALLED_OF_SEVERAL, TpeSearch
from katib.core.advice import Advice
from katib.core.draw import uniforms
from katib.core.objective import Direction, Objective
from katib.core.space import Assignment, SearchSpace
from katib.core.study import StudyConfig
from katib.core.trial import Reason, Trial, TrialState
from katib.testing.algorithms import SPACES, categorical, double, integer, space, study_config, trial, when

Function = Callable[[Assignment], float | None]


def run(
    config: StudyConfig,
    function: Function,
    steps: int,
    reason: Reason = Reason.DIVERGED,
    search: type[TpeSearch] = TpeSearch,
) -> list[Trial]:
    """Carry a study out; a function that gives None diverges."""
    algorithm, trials = search(config), []
    for ordinal in range(1, steps + 1):
        advice = algorithm.suggest(trials, [ordinal]).advice[0]
        value = function(advice.assignment)
        state = TrialState.SUCCEEDED if value is not None else TrialState.METRICS_UNAVAILABLE
        outcome = (state, Reason.SUCCEEDED if value is not None else reason, value)
        trials.append(trial(advice, lambda _k, outcome=outcome: outcome))
    return trials


BOWL = space(double("x", -5, 5), double("lr", 1e-5, 1e-1, law="logUniform"), categorical("c", "a", "b", "c", "d"))


def bowl(a: Assignment) -> float:
    return a["x"] ** 2 + (math.log10(a["lr"]) + 3) ** 2 + (0 if a["c"] == "b" else 3)


@pytest.mark.parametrize("direction", list(Direction))
def test_it_learns(direction: Direction) -> None:
    sign = 1 if direction is Direction.MINIMIZE else -1
    config = study_config("tpe", BOWL, objective=Objective(metric="loss", direction=direction))
    values = [sign * each.value for each in run(config, lambda a: sign * bowl(a), 60)]
    assert min(values) < 0.3
    assert sum(values[-20:]) < sum(values[:10]), "the last twenty together are better than the first ten"


def test_the_startup_points_are_random_and_need_no_optuna() -> None:
    config = study_config("tpe", BOWL)
    early = run(config, bowl, 10)
    assert [each.assignment for each in early] == [each.assignment for each in run(config, lambda a: -bowl(a), 10)]
    late = run(config, bowl, 11)[-1], run(config, lambda a: -bowl(a), 11)[-1]
    assert late[0].assignment != late[1].assignment, "from the eleventh on, values count"


def ask_optuna(config: StudyConfig, trials: list[Trial], of: dict[str, object]) -> dict[str, object]:
    """What optuna suggests next in a study of its own with the same record and seed."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    draw = uniforms(f"{config.algorithm}/{config.uid}/{len(trials) + 1}/0", 1)[0]
    together = config.algorithm == "multivariate-tpe"
    sampler = optuna.samplers.TPESampler(seed=int(draw * 2**32), multivariate=together, constant_liar=True)
    study = optuna.create_study(sampler=sampler)
    for each in trials:
        study.add_trial(optuna.create_trial(value=each.value, params=dict(each.assignment), distributions=of))
    return study.ask(of).params


# Optuna 4 calls the constant liar and the multivariate model experimental.
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("search", [TpeSearch, MultivariateTpeSearch])
def test_it_is_optunas_sampler(search: type[TpeSearch]) -> None:
    # In alphabetic order, which is that of optuna's joint spaces.
    of = space(double("a", -5, 5), double("lr", 1e-5, 1e-1, law="logUniform"), integer("n", 2, 8, step=2))
    theirs = {
        "a": optuna.distributions.FloatDistribution(-5, 5),
        "lr": optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True),
        "n": optuna.distributions.IntDistribution(2, 8, step=2),
    }
    config = study_config("multivariate-tpe" if search is MultivariateTpeSearch else "tpe", of)
    trials = run(config, lambda a: a["a"] ** 2 + a["lr"] + a["n"], 30)
    expected = ask_optuna(config, trials, theirs)
    assert search(config).suggest(trials, [31]).advice[0].assignment == pytest.approx(expected, rel=1e-9)


DEPENDENT = space(
    categorical("optimizer", "adam", "sgd"),
    double("momentum", 0, 1, when=when("optimizer", "sgd")),
    double("beta", 0, 1, when=when("optimizer", "adam")),
)


# Optuna 4 calls the constant liar and the multivariate model experimental.
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("search", [TpeSearch, MultivariateTpeSearch])
def test_a_trial_says_nothing_about_what_is_not_active_in_it(search: type[TpeSearch]) -> None:
    """The best is a momentum near 0.8, which only the trials with sgd can tell; adam is always worse."""
    config = study_config("multivariate-tpe" if search is MultivariateTpeSearch else "tpe", DEPENDENT)
    trials = run(config, lambda a: (a["momentum"] - 0.8) ** 2 if "momentum" in a else 1 + a["beta"], 60, search=search)
    assert {"adam", "sgd"} == {each.assignment["optimizer"] for each in trials[:10]}
    late = [each.assignment for each in trials[-20:]]
    near = [a for a in late if abs(a.get("momentum", 0.0) - 0.8) < 0.2]
    assert len(near) >= 14, late


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_conditions_are_those_of_optunas_define_by_run() -> None:
    config = study_config("tpe", DEPENDENT)
    trials = run(config, lambda a: a.get("momentum", 0.5) + a.get("beta", 0.5), 30)
    coordinate = optuna.distributions.FloatDistribution(0, 1)
    optimizers = optuna.distributions.CategoricalDistribution(("adam", "sgd"))
    known = {"optimizer": optimizers, "momentum": coordinate, "beta": coordinate}
    draw = uniforms(f"tpe/{config.uid}/31/0", 1)[0]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=int(draw * 2**32), constant_liar=True)
    study = optuna.create_study(sampler=sampler)
    for each in trials:
        params = dict(each.assignment)
        of = {name: known[name] for name in params}
        study.add_trial(optuna.create_trial(value=each.value, params=params, distributions=of))
    asked = study.ask()
    expected = {"optimizer": asked.suggest_categorical("optimizer", ("adam", "sgd"))}
    dependent = "momentum" if expected["optimizer"] == "sgd" else "beta"
    expected[dependent] = asked.suggest_float(dependent, 0, 1)
    assert TpeSearch(config).suggest(trials, [31]).advice[0].assignment == expected


@pytest.mark.parametrize(
    ("state", "reason", "value", "expected"),
    [
        (TrialState.SUCCEEDED, Reason.SUCCEEDED, 1.0, Standing.VALUE),
        (TrialState.EARLY_STOPPED, Reason.STOPPED_EARLY, 1.0, Standing.VALUE),
        (TrialState.EARLY_STOPPED, Reason.STOPPED_EARLY, None, Standing.SILENT),
        (TrialState.METRICS_UNAVAILABLE, Reason.DIVERGED, None, Standing.BAD),
        (TrialState.METRICS_UNAVAILABLE, Reason.METRIC_NOT_FOUND, None, Standing.SILENT),
        (TrialState.METRICS_UNAVAILABLE, Reason.METRIC_MALFORMED, None, Standing.SILENT),
        (TrialState.FAILED, Reason.EXIT_CODE, None, Standing.BAD),
        (TrialState.FAILED, Reason.SIGNAL, None, Standing.BAD),
        (TrialState.FAILED, Reason.DEADLINE, None, Standing.BAD),
        (TrialState.FAILED, Reason.CANNOT_START, None, Standing.SILENT),
        (TrialState.FAILED, Reason.LOST_TOO_OFTEN, None, Standing.SILENT),
        (TrialState.KILLED, Reason.BUDGET_LOWERED, None, Standing.SILENT),
        (TrialState.ADVISED, Reason.ADVISED, None, Standing.IN_FLIGHT),
        (TrialState.PENDING, Reason.LOST, None, Standing.IN_FLIGHT),
        (TrialState.RUNNING, Reason.STARTED, None, Standing.IN_FLIGHT),
    ],
)
def test_what_an_outcome_tells(state: TrialState, reason: Reason, value: float | None, expected: Standing) -> None:
    advice = Advice(ordinal=1, assignment={})
    assert standing(trial(advice, lambda _k: (state, reason, value))) is expected


def share_below_zero(state: TrialState, reason: Reason) -> float:
    """Of sixty suggestions for a record whose trials below 0 have no value, for this reason, how many lie below 0."""
    points = [Advice(ordinal=k, assignment={"x": (k - 20.5) / 20}) for k in range(1, 41)]
    trials = [
        trial(each, lambda _k: (state, reason, None))
        if each.assignment["x"] < 0
        else trial(each, lambda k: (TrialState.SUCCEEDED, Reason.SUCCEEDED, float(k)))
        for each in points
    ]
    algorithm = TpeSearch(study_config("tpe", space(double("x", -1, 1))))
    suggested = [algorithm.suggest(trials, [k]).advice[0].assignment["x"] for k in range(41, 101)]
    return sum(x < 0 for x in suggested) / len(suggested)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (TrialState.METRICS_UNAVAILABLE, Reason.DIVERGED),
        (TrialState.FAILED, Reason.EXIT_CODE),
        (TrialState.FAILED, Reason.SIGNAL),
    ],
)
def test_a_region_where_trials_break_is_avoided(state: TrialState, reason: Reason) -> None:
    unknown = share_below_zero(TrialState.FAILED, Reason.LOST_TOO_OFTEN)
    assert share_below_zero(state, reason) < unknown / 2


def test_points_in_flight_are_kept_away_from() -> None:
    config = study_config("tpe", BOWL)
    trials = run(config, bowl, 30)
    batch = TpeSearch(config).suggest(trials, range(31, 39)).advice
    xs = sorted(each.assignment["x"] for each in batch)
    assert min(b - a for a, b in pairwise(xs)) > 1e-4
    flying = trials + [trial(each, lambda _k: (TrialState.RUNNING, Reason.STARTED, None)) for each in batch[:4]]
    assert TpeSearch(config).suggest(flying, range(35, 39)).advice == batch[4:], "a batch is so many single requests"


def test_silent_trials_change_nothing_but_that_their_point_is_used() -> None:
    config = study_config("tpe", BOWL)
    trials = run(config, bowl, 20)
    killed = Advice(ordinal=21, assignment={"x": 4.9, "lr": 0.09, "c": "d"})
    with_it = [*trials, trial(killed, lambda _k: (TrialState.KILLED, Reason.BUDGET_LOWERED, None))]
    assert TpeSearch(config).suggest(with_it, [22]) == TpeSearch(config).suggest(trials, [22])


@pytest.mark.parametrize("settings", [{}, {"gamma": "0.9"}])
def test_many_bad_trials_do_not_count_as_good(settings: dict[str, str]) -> None:
    """One value, at 0.5, among many that diverged, the earliest of them at 0.95: a tenth of all must not be 'good'."""
    early = [0.94, 0.95, 0.96]
    late = [0.05 + 0.9 * k / 8 for k in range(9)] * 3
    diverged = [
        trial(
            Advice(ordinal=ordinal, assignment={"x": x + ordinal / 1e6}),
            lambda _k: (TrialState.METRICS_UNAVAILABLE, Reason.DIVERGED, None),
        )
        for ordinal, x in enumerate([*early, *late], start=2)
    ]
    trials = [trial(Advice(ordinal=1, assignment={"x": 0.5})), *diverged]
    algorithm = TpeSearch(study_config("tpe", space(double("x", 0, 1)), settings=settings))
    suggested = [algorithm.suggest(trials, [k]).advice[0].assignment["x"] for k in range(100, 140)]
    assert sum(x > 0.9 for x in suggested) <= 8
    assert sum(x < 0.3 for x in suggested) <= 12, sorted(suggested)


def test_a_model_that_repeats_itself_gives_a_labelled_random_point() -> None:
    of = space(integer("n", 0, 30))
    config = study_config("tpe", of, settings={"n_startup_trials": "3"})
    trials = run(config, lambda a: a["n"], 31)
    assert sorted(each.assignment["n"] for each in trials) == list(range(31))
    assert any(each.labels.get(ORIGIN_LABEL) == "random" for each in trials)
    assert TpeSearch(config).suggest(trials, [32]).exhausted


@pytest.mark.parametrize(
    "settings",
    [
        {"gamma": "0.25"},
        {"prior_weight": "0.1"},
        {"n_EI_candidates": "3"},
        {"n_ei_candidates": "3"},
        {"n_startup_trials": "0"},
        {"random_state": "1"},
    ],
)
def test_every_setting_has_an_effect(settings: dict[str, str]) -> None:
    trials = run(study_config("tpe", BOWL), bowl, 40)

    def answers(**changes: object) -> list[Assignment]:
        algorithm = TpeSearch(study_config("tpe", BOWL, **changes))
        return [algorithm.suggest(trials[:length], [length + 1]).advice[0].assignment for length in (5, 39, 40)]

    assert answers(settings=settings) != answers()


def test_optunas_log_is_left_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    optuna.logging.set_verbosity(optuna.logging.INFO)
    run(study_config("tpe", SPACES["mixed"]), lambda _a: 1.0, 14)
    assert capfd.readouterr().err == ""
    assert optuna.logging.get_verbosity() == optuna.logging.INFO
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def spaces_of_one() -> SearchSpace:
    return space(integer("n", 2, 2), double("x", 0, 1))


def test_a_parameter_with_one_value_has_it() -> None:
    trials = run(study_config("tpe", spaces_of_one()), lambda a: a["x"], 15)
    assert {each.assignment["n"] for each in trials} == {2}


@pytest.mark.parametrize(
    ("search", "further", "most"),
    [
        (TpeSearch, (), RECALLED),
        (MultivariateTpeSearch, (), RECALLED),
        (TpeSearch, (Objective(metric="size", direction=Direction.MINIMIZE),), RECALLED_OF_SEVERAL),
    ],
)
def test_of_a_long_record_it_is_told_the_best_and_the_latest(
    search: type[TpeSearch], further: tuple[Objective, ...], most: int
) -> None:
    """The points of the others change nothing."""
    config = study_config("any", space(double("x", 0, 1), double("y", 0, 1)), further_objectives=further)
    length = most + 500

    def record(others: float) -> list[Trial]:
        """The first fifty are the best; half of them and the next trials up to the latest are not told."""
        told = {*range(1, RECALLED_BEST + 1), *range(length - most + RECALLED_BEST + 1, length + 1)}
        x = {k: k * 0.618 % 1 if k in told else others + k / 1e6 for k in range(1, length + 1)}
        points = [Advice(ordinal=k, assignment={"x": x[k], "y": 1 - x[k]}) for k in range(1, length + 1)]
        return [
            trial(
                each,
                lambda k: (TrialState.SUCCEEDED, Reason.SUCCEEDED, float(k)),
                lambda k: (float(k),) * len(further),
            )
            for each in points
        ]

    answers = [search(config).suggest(record(others), [length + 1]) for others in (0.25, 0.75)]
    assert answers[0] == answers[1]


class Listener:
    """A model that remembers what it is made with and told."""

    def __init__(self, _cube: object, **given: Any) -> None:
        self.given = given
        self.told: list[dict[str, Any]] = []

    def tell(self, valued: object, **more: object) -> None:
        self.told.append({"valued": valued, **more})

    def tell_in_flight(self, *_trial: object) -> None:
        """Not looked at."""

    def ask(self, ordinal: int, *, seed: int) -> Assignment:
        return {"x": ordinal / 1000}


@pytest.fixture
def listeners(monkeypatch: pytest.MonkeyPatch) -> list[Listener]:
    made: list[Listener] = []

    def make(*args: Any, **given: Any) -> Listener:
        made.append(Listener(*args, **given))
        return made[-1]

    monkeypatch.setattr("algorithms.parzen.optuna_tpe.OptunaTpe", make)
    return made


def test_the_model_hears_how_many_ended_and_nothing_before_there_is_a_value(listeners: list[Listener]) -> None:
    """The good ones are a tenth of all that ended, those without a value too."""
    search = TpeSearch(study_config("tpe", space(double("x", 0, 1)), settings={"n_startup_trials": "4"}))
    failed = [
        trial(Advice(ordinal=k, assignment={"x": k / 9}), lambda _k: (TrialState.FAILED, Reason.EXIT_CODE, None))
        for k in range(1, 6)
    ]
    search.suggest(failed, [6])
    assert not listeners, "with no value there is nothing to rank by"
    search.suggest([*failed, trial(Advice(ordinal=6, assignment={"x": 0.9}))], [7])
    (told,) = listeners[0].told
    assert (told["finished"], [each[0] for each in told["valued"]]) == (6, [6])


@pytest.mark.parametrize(
    ("settings", "counts"),
    [
        ({}, {1: 1, 10: 1, 11: 2, 41: 5, 250: 25, 1000: 25}),
        # ceil(0.5 * sqrt(n)), at most 25.
        ({"gamma": "0.5"}, {1: 1, 16: 2, 17: 3, 100: 5, 10_000: 25}),
    ],
)
def test_how_many_count_as_good(listeners: list[Listener], settings: dict[str, str], counts: dict[int, int]) -> None:
    search = TpeSearch(study_config("tpe", space(double("x", 0, 1)), settings={**settings, "n_startup_trials": "1"}))
    search.suggest([trial(Advice(ordinal=1, assignment={"x": 0.9}))], [2])
    good = listeners[0].given["good"]
    assert {trials: good(trials) for trials in counts} == counts
