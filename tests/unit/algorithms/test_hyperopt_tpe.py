"""Hyperopt's TPE: it is hyperopt's, and what has no value never counts as good."""

import math

import numpy as np
import pytest
from hyperopt import Trials, hp, tpe
from hyperopt.base import JOB_STATE_DONE, STATUS_OK, Domain

from algorithms.parzen.hyperopt_tpe import STARTUP_TRIALS, HyperoptTpeSearch
from katib.core.advice import Advice
from katib.core.draw import uniforms
from katib.core.space import Assignment
from katib.core.trial import Reason, Trial, TrialState
from katib.testing.algorithms import categorical, double, space, study_config, trial

OF = space(double("x", -5, 5), double("lr", 1e-5, 1e-1, law="logUniform"), categorical("c", "a", "b", "d"))


def bowl(a: Assignment) -> float:
    return a["x"] ** 2 + (math.log10(a["lr"]) + 3) ** 2 + (0 if a["c"] == "b" else 3)


def carried_out(steps: int) -> list[Trial]:
    algorithm, trials = HyperoptTpeSearch(study_config("hyperopt-tpe", OF)), []
    for k in range(1, steps + 1):
        advice = algorithm.suggest(trials, [k]).advice[0]
        value = bowl(advice.assignment)
        trials.append(trial(advice, lambda _k, value=value: (TrialState.SUCCEEDED, Reason.SUCCEEDED, value)))
    return trials


def suggested(trials: list[Trial], ordinal: int, **changes: object) -> Assignment:
    algorithm = HyperoptTpeSearch(study_config("hyperopt-tpe", OF, **changes))
    return algorithm.suggest(trials, [ordinal]).advice[0].assignment


def test_it_learns() -> None:
    trials = carried_out(70)
    values = [each.value or 0.0 for each in trials]
    assert min(values) < 0.5
    assert sum(values[-20:]) < sum(values[:STARTUP_TRIALS])


def test_it_is_hyperopts() -> None:
    trials = carried_out(30)
    encode = HyperoptTpeSearch(study_config("hyperopt-tpe", OF)).cube.encode
    theirs = Trials()
    for each in trials:
        x, lr, c = encode(each.assignment)
        vals = {"x": [x], "lr": [lr], "c": [int(c * 3)]}
        tid = each.ordinal
        misc = {"tid": tid, "cmd": None, "workdir": None, "idxs": {name: [tid] for name in vals}, "vals": vals}
        (document,) = theirs.new_trial_docs([tid], [None], [{"status": STATUS_OK, "loss": each.value}], [misc])
        theirs.insert_trial_docs([{**document, "state": JOB_STATE_DONE}])
    theirs.refresh()
    spaces = {"x": hp.uniform("x", 0, 1), "lr": hp.uniform("lr", 0, 1), "c": hp.randint("c", 3)}
    seed = int(uniforms("hyperopt-tpe/5f1c/31/0", 1)[0] * 2**32)
    with np.errstate(all="ignore"):
        (answer,) = tpe.suggest([31], Domain(lambda _: 0.0, spaces), theirs, seed, n_startup_jobs=0, verbose=False)
    found = answer["misc"]["vals"]
    assert suggested(trials, 31) == {
        "x": pytest.approx(10 * found["x"][0] - 5),
        "lr": pytest.approx(10 ** (4 * found["lr"][0] - 5)),
        "c": ("a", "b", "d")[found["c"][0]],
    }


def test_the_first_points_are_random() -> None:
    trials = carried_out(STARTUP_TRIALS)
    flipped = [trial(Advice(ordinal=t.ordinal, assignment=t.assignment), lambda k: (TrialState.SUCCEEDED, Reason.SUCCEEDED, float(k)))
               for t in trials]  # fmt: skip
    assert suggested(trials[:-1], 50) == suggested(flipped[:-1], 50)
    assert suggested(trials, 50) != suggested(flipped, 50)


@pytest.mark.parametrize("settings", [{}, {"gamma": "0.99"}])
def test_what_broke_never_counts_as_good(settings: dict[str, str]) -> None:
    """One value, at 4, and many that diverged at -4."""
    points = [4.0] + [-4.0 + k / 100 for k in range(30)]
    trials = [
        trial(
            Advice(ordinal=ordinal, assignment={"x": x, "lr": 1e-3, "c": "a"}),
            lambda k: (
                (TrialState.SUCCEEDED, Reason.SUCCEEDED, 1.0)
                if k == 1
                else (TrialState.METRICS_UNAVAILABLE, Reason.DIVERGED, None)
            ),
        )
        for ordinal, x in enumerate(points, start=1)
    ]
    xs = [suggested(trials, ordinal, settings=settings)["x"] for ordinal in range(100, 120)]
    assert sum(x < -3 for x in xs) <= 2, sorted(xs)


@pytest.mark.parametrize(
    "settings", [{"gamma": "0.9"}, {"prior_weight": "0.1"}, {"n_EI_candidates": "3"}, {"random_state": "1"}]
)
def test_every_setting_has_an_effect(settings: dict[str, str]) -> None:
    trials = carried_out(40)
    answers = [suggested(trials, ordinal) for ordinal in (50, 51, 52)]
    assert [suggested(trials, ordinal, settings=settings) for ordinal in (50, 51, 52)] != answers


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"gamma": "1"}, "gamma should be in the range of (0, 1)"),
        ({"prior_weight": "0"}, "prior_weight should be great than zero"),
        ({"n_EI_candidates": "0"}, "n_EI_candidates should be great than zero"),
        ({"random_state": "-1"}, "random_state should be great or equal than zero"),
        ({"n_startup_trials": "3"}, "unknown setting n_startup_trials for algorithm hyperopt-tpe"),
    ],
)
def test_what_is_refused(settings: dict[str, str], said: str) -> None:
    (fault,) = HyperoptTpeSearch.validate(study_config("hyperopt-tpe", OF, settings=settings))
    assert fault.wanted == said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"avg_best_idx": "0.5"}, "avg_best_idx must be a number >= 1"),
        ({"shrink_coef": "-1"}, "shrink_coef must be a number >= 0"),
    ],
)
def test_what_anneal_refuses(settings: dict[str, str], said: str) -> None:
    from algorithms.parzen.anneal import Anneal

    (fault,) = Anneal.validate(study_config("anneal", OF, settings=settings))
    assert fault.wanted == said
