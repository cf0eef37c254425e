"""Several objectives: the algorithms that take them find a front, each as its paper says."""

import math
import statistics
from dataclasses import replace

import optuna
import pytest

from algorithms.gaussian.gp import GpSearch
from algorithms.gaussian.parego import tchebycheff, weights
from algorithms.parzen.multivariate_tpe import MultivariateTpeSearch
from algorithms.parzen.tpe import TpeSearch
from katib.core.advice import Advice
from katib.core.draw import uniforms
from katib.core.objective import Direction, Objective
from katib.core.trial import Reason, TrialState
from katib.suggestion.local import LocalSuggestions
from katib.testing.algorithms import SPACES, categorical, double, integer, space, study_config, trial, when
from katib.testing.workers import FAILED

RUNNING = (TrialState.RUNNING, Reason.STARTED)
NOWHERE = Advice(ordinal=1, assignment={})
F, G = (Objective(metric=name, direction=Direction.MINIMIZE) for name in "fg")
CUBE = space(*(double(f"x{k}", 0, 1) for k in range(4)))


def zdt1(a):
    """Deb's ZDT1 with four parameters; the best are g = 1, the curve 1 - sqrt(f)."""
    x = list(a.values())
    g = 1 + 9 * statistics.mean(x[1:])
    return x[0], g * (1 - math.sqrt(x[0] / g))


def told(each, values):
    """The trial with these values."""
    return replace(each, value=values[0], further_values=tuple(values[1:]))


def run(algorithm, function, steps, of=CUBE, batch=1, **changes):
    """A study that was carried out."""
    config = study_config(algorithm, of, objective=F, further_objectives=(G,), **changes)
    service, trials = LocalSuggestions(), []
    while len(trials) < steps:
        advice = service.suggest(config, trials, range(len(trials) + 1, len(trials) + 1 + batch)).advice
        trials += [told(trial(each), function(each.assignment)) for each in advice]
    return trials


def volume(trials, reference):
    """The area that the trials dominate, up to the reference point."""
    area, low = 0.0, reference[1]
    for f, g in sorted(each.values for each in trials):
        if f < reference[0] and g < low:
            area += (reference[0] - f) * (low - g)
            low = g
    return area


def test_the_volume_by_hand():
    """1 x 3 above the first, 1 x 2 above the second, 1 x 1 above the third."""
    points = [(0.0, 2.0), (1.0, 1.0), (2.0, 0.0), (1.5, 1.5)]
    assert volume([told(trial(NOWHERE), each) for each in points], (3.0, 3.0)) == 6.0


@pytest.mark.parametrize(
    ("algorithm", "steps", "reaches"),
    # Of 3.0 that the whole front has; random search has 0.7 after 25 and 1.7 after 100 trials.
    [("gp", 25, 2.5), ("auto", 25, 2.5), ("tpe", 50, 1.8), ("multivariate-tpe", 50, 1.8), ("nsga2", 120, 2.0)],
)
def test_is_far_better_than_chance(algorithm, steps, reaches):
    found, chance = (
        statistics.mean(volume(run(name, zdt1, steps, uid=f"seed-{seed}"), (1.1, 3.0)) for seed in range(2))
        for name in (algorithm, "random")
    )
    assert found > reaches
    assert found > 1.2 * chance


@pytest.mark.parametrize("algorithm", ["gp", "tpe"])
def test_the_objectives_units_do_not_matter(algorithm):
    """Powers of two and shifts that floats hold exactly: the same record on another scale gives the same answer."""
    trials = run("random", zdt1, 30)
    rough = [
        replace(t, value=round(t.value * 64) / 64, further_values=(round(t.further_values[0] * 64),)) for t in trials
    ]
    scaled = [replace(t, value=t.value * 1024 - 512) for t in rough]
    config = study_config(algorithm, CUBE, objective=F, further_objectives=(G,))
    ask = LocalSuggestions().suggest
    assert ask(config, scaled, [31, 32]) == ask(config, rough, [31, 32])


DEPENDENT = space(
    categorical("kind", "adam", "sgd"),
    double("m", 0, 1, when=when("kind", "sgd")),
    double("b", 0, 1, when=when("kind", "adam")),
)


def trade(a):
    """Only sgd is on the front, with a momentum from 0.6 to 0.8."""
    return (abs(a["m"] - 0.6), abs(a["m"] - 0.8)) if "m" in a else (1.0 + a["b"], 1.0 + a["b"])


@pytest.mark.parametrize(("algorithm", "steps"), [("gp", 30), ("tpe", 50), ("multivariate-tpe", 50), ("nsga2", 150)])
def test_conditions_are_kept_to_and_seen_through(algorithm, steps):
    trials = run(algorithm, trade, steps, of=DEPENDENT)
    late = [each.assignment.get("m", 0.0) for each in trials[-20:]]
    assert sum(0.5 < m < 0.9 for m in late) >= 10, "chance has a fifth"


@pytest.mark.parametrize("algorithm", ["gp", "tpe", "nsga2"])
def test_a_batch_is_so_many_single_requests(algorithm):
    of = SPACES["mixed"]
    trials = run("random", lambda a: (a["lr"], -a["momentum"]), 30, of=of)
    config = study_config(algorithm, of, objective=F, further_objectives=(G,))
    ask = LocalSuggestions().suggest
    batch = ask(config, trials, range(31, 35)).advice
    running = [trial(each, lambda _: (*RUNNING, None)) for each in batch[:2]]
    assert ask(config, [*trials, *running], range(33, 35)).advice == batch[2:]


# Optuna 4 calls the constant liar and the multivariate model experimental.
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("search", [TpeSearch, MultivariateTpeSearch])
def test_tpe_is_optunas_for_several_objectives(search):
    of = space(double("a", -5, 5), double("lr", 1e-5, 1e-1, law="logUniform"), integer("n", 2, 8, step=2))
    theirs = {
        "a": optuna.distributions.FloatDistribution(-5, 5),
        "lr": optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True),
        "n": optuna.distributions.IntDistribution(2, 8, step=2),
    }
    trials = run("random", lambda a: (abs(a["a"] - 1), abs(a["a"] + 1) + a["n"]), 60, of=of)
    # From 0 to 1 as it is.
    low, high = ([pick(each.values[k] for each in trials) for k in (0, 1)] for pick in (min, max))
    trials = [
        told(each, [(v - lo) / (hi - lo) for v, lo, hi in zip(each.values, low, high, strict=True)]) for each in trials
    ]
    together = search is MultivariateTpeSearch
    config = study_config(search.stream, of, objective=F, further_objectives=(G,))
    draw = uniforms(f"{search.stream}/{config.uid}/61/0", 1)[0]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=int(draw * 2**32), multivariate=together, constant_liar=True)
    study = optuna.create_study(sampler=sampler, directions=["minimize", "minimize"])
    for each in trials:
        study.add_trial(optuna.create_trial(values=each.values, params=dict(each.assignment), distributions=theirs))
    assert search(config).suggest(trials, [61]).advice[0].assignment == pytest.approx(
        study.ask(theirs).params, rel=1e-9
    )


def test_parego_by_hand():
    """max(0.25 * 0.8, 0.75 * 0.4) + 0.05 * (0.2 + 0.3) = 0.325; of equal largest parts the one better elsewhere wins."""
    assert tchebycheff([(0.8, 0.4)], (0.25, 0.75)) == pytest.approx([0.325])
    even, better = tchebycheff([(0.6, 0.6), (0.6, 0.1)], (0.5, 0.5))
    assert better < even
    # A point inside a front that is not convex is the best for some weights; for a weighted sum it is for none.
    ends, inside = tchebycheff([(0.0, 1.0), (0.6, 0.6)], (0.5, 0.5))
    assert inside < ends


def test_weights_are_even_over_the_simplex():
    drawn = [weights(f"seed/{k}", 3) for k in range(2000)]
    assert all(sum(each) == pytest.approx(1) and min(each) >= 0 for each in drawn)
    for k in range(3):
        # A share of a simplex of three is above 1/2 in a quarter of it.
        assert 420 < sum(each[k] > 0.5 for each in drawn) < 580


def test_gp_looks_for_both_ends_of_the_front():
    """With a weight for each suggestion there are some near either optimum, 0.2 and 0.9."""
    line = space(double("x", 0, 1))
    trials = run("gp", lambda a: ((a["x"] - 0.2) ** 2, (a["x"] - 0.9) ** 2), 30, of=line)
    late = [each.assignment["x"] for each in trials[10:]]
    assert all(0.15 < x < 0.95 for x in late)
    assert min(late) < 0.3
    assert max(late) > 0.7
    assert sum(0.4 < x < 0.6 for x in late) >= 3, sorted(late)


def test_gp_avoids_what_failed():
    config = study_config("gp", space(double("x", 0, 1)), objective=F, further_objectives=(G,))
    trials = run("random", lambda a: (a["x"], -a["x"]), 30, of=config.space)
    broken = [
        replace(each, state=FAILED[0], reason=FAILED[1], value=None, further_values=())
        if each.assignment["x"] > 0.5
        else each
        for each in trials
    ]
    answers = [GpSearch(config).suggest(broken, [k]).advice[0].assignment["x"] for k in range(31, 41)]
    assert sum(x > 0.6 for x in answers) <= 2, answers
