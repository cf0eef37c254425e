"""Hyperband: the paper's schedule worked out by hand, and that it is kept whatever becomes of the trials."""

import itertools
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms.fidelity.hyperband import Hyperband, brackets
from algorithms.fidelity.ladder import BRACKET_LABEL, RUNG_LABEL
from algorithms.fidelity.resource import rungs_between
from katib.core.advice import FALLBACK_LABEL, PARENT_LABEL, Advice
from katib.core.trial import Trial
from katib.testing.algorithms import RECORDS, categorical, discrete, double, integer, space, study_config, trial
from katib.testing.workers import FAILED, LOST, SUCCEEDED, play

EPOCHS = integer("epochs", 1, 9)
X = double("x", 0, 1)


def config(*parameters, eta="3", r_l="9", **changes):
    settings = {"resource_name": "epochs", "eta": eta, "r_l": r_l}
    return study_config("hyperband", space(*(parameters or (X, EPOCHS))), settings=settings, **changes)


def ask(config, trials, ordinals):
    return Hyperband(config).suggest(trials, ordinals)


def by_x(each: Trial):
    """The nearer x is to 0, the better; more epochs tell more."""
    return *SUCCEEDED, each.assignment["x"] + 1 / int(each.assignment["epochs"])


def rungs(trials) -> dict[tuple[int, int], list[Trial]]:
    found: dict[tuple[int, int], list[Trial]] = {}
    for each in trials:
        found.setdefault((int(each.labels[BRACKET_LABEL]), int(each.labels[RUNG_LABEL])), []).append(each)
    return found


@pytest.mark.parametrize(
    ("most", "eta", "table"),
    [
        # s_max = 2; n = 3 * 9 / 3 = 9, ceil(3 * 3 / 2) = 5, 3 * 1 / 1 = 3.
        (9, 3, [[(9, 1), (3, 3), (1, 9)], [(5, 3), (1, 9)], [(3, 9)]]),
        # s_max = 3; n = 8, ceil(4 * 4 / 3) = 6, 4 * 2 / 2 = 4, 4.
        (8, 2, [[(8, 1), (4, 2), (2, 4), (1, 8)], [(6, 2), (3, 4), (1, 8)], [(4, 4), (2, 8)], [(4, 8)]]),
        # s_max = 2; n = 16, ceil(3 * 4 / 2) = 6, 3.
        (16, 4, [[(16, 1), (4, 4), (1, 16)], [(6, 4), (1, 16)], [(3, 16)]]),
        # No power: 20 / 3^2 = 2.2, so s_max = 2, and the lowest rung has more than 1.
        (20, 3, [[(9, Fraction(20, 9)), (3, Fraction(20, 3)), (1, 20)], [(5, Fraction(20, 3)), (1, 20)], [(3, 20)]]),
        # Less than eta: random search with all of the resource.
        (2, 3, [[(1, 2)]]),
        # A factor that is no integer: 6.25 / 2.5^2 = 1; n = ceil(3 * 6.25 / 3) = 7, ceil(3 * 2.5 / 2) = 4, 3.
        (Fraction("6.25"), Fraction("2.5"), [[(7, 1), (2, 2.5), (1, 6.25)], [(4, 2.5), (1, 6.25)], [(3, 6.25)]]),
    ],
)
def test_the_schedule_is_the_papers(most, eta, table):
    s_max = rungs_between(Fraction(1), Fraction(most), Fraction(eta))
    assert [
        list(zip(each.sizes, each.amounts, strict=True)) for each in brackets(Fraction(most), Fraction(eta), s_max)
    ] == table


def test_the_largest_schedule_of_the_paper():
    [wide, *_, narrow] = brackets(Fraction(81), Fraction(3), 4)
    assert wide.sizes == (81, 27, 9, 3, 1)
    assert wide.amounts == (1, 3, 9, 27, 81)
    assert (narrow.sizes, narrow.amounts) == ((5,), (81,))


@given(st.integers(2, 20), st.integers(0, 20))
def test_logarithms_are_exact(factor, power):
    most = Fraction(factor) ** power
    assert rungs_between(Fraction(1), most, Fraction(factor)) == power
    assert rungs_between(Fraction(1), most - Fraction(1, 1000), Fraction(factor)) == power - 1


def test_243_by_3_has_five_halvings():
    algorithm = Hyperband(config(X, integer("epochs", 1, 243), r_l="243"))
    assert len(algorithm.schedule) == 6
    assert algorithm.schedule[0].sizes == (243, 81, 27, 9, 3, 1)


@pytest.mark.parametrize(
    ("workers", "r_l", "eta"),
    [(1, "9", "3"), (2, "9", "3"), (30, "9", "3"), (1, "8", "2"), (3, "16", "4"), (5, "7", "2")],
)
def test_every_round_has_exactly_its_brackets(workers, r_l, eta):
    of = config(X, integer("epochs", 1, 16), r_l=r_l, eta=eta)
    schedule = Hyperband(of).schedule
    round_ = sum(sum(bracket.sizes) for bracket in schedule)
    rounds = 3 if workers < 30 else 8
    trials = play(
        ask, of, workers=workers, trials=rounds * round_, end=by_x, seconds=lambda t: int(t.assignment["epochs"])
    )
    found = rungs(trials)
    for number, bracket in enumerate(schedule):
        for rung, (size, amount) in enumerate(zip(bracket.sizes, bracket.amounts, strict=True)):
            members = found[number, rung]
            assert len(members) == size
            assert {each.assignment["epochs"] for each in members} == {int(amount)}
    if workers == 1:
        # One after the other: rounds are whole.
        assert {number for number, _ in found} == set(range(3 * len(schedule)))


def test_the_best_go_on_and_keep_their_point():
    trials = play(ask, config(), workers=1, trials=22, end=by_x)
    found = rungs(trials)
    by_name = {each.name: each for each in trials}
    for (bracket, rung), members in found.items():
        if rung == 0:
            assert not any(PARENT_LABEL in each.labels for each in members)
            continue
        parents = [by_name[each.labels[PARENT_LABEL]] for each in members]
        assert [each.assignment["x"] for each in members] == [each.assignment["x"] for each in parents]
        best = sorted(found[bracket, rung - 1], key=lambda each: each.value)[: len(members)]
        assert {each.name for each in parents} == {each.name for each in best}


def test_a_tie_goes_to_the_earlier_trial():
    trials = play(ask, config(), workers=1, trials=12, end=lambda _: (*SUCCEEDED, 1.0))
    assert [each.labels[PARENT_LABEL] for each in trials[9:12]] == ["study-1", "study-2", "study-3"]


@pytest.mark.parametrize(
    "bad", [(*FAILED, None), (*LOST, None), (*SUCCEEDED, float("nan")), (*SUCCEEDED, float("inf"))]
)
def test_a_member_without_a_value_is_last_and_holds_up_nobody(bad):
    """The first seven fail: two have values, so two go on where three could, and then one."""
    trials = play(ask, config(), workers=1, trials=12, end=lambda each: bad if each.ordinal <= 7 else by_x(each))
    assert {each.labels[PARENT_LABEL] for each in trials[9:11]} == {"study-8", "study-9"}
    assert trials[11].labels[RUNG_LABEL] == "2"


def test_a_bracket_in_which_all_fail_is_over():
    trials = play(ask, config(), workers=3, trials=40, end=lambda _: (*FAILED, None))
    assert {rung for _, rung in rungs(trials)} == {0}
    assert Counter(each.labels[BRACKET_LABEL] for each in trials) == {
        "0": 9,
        "1": 5,
        "2": 3,
        "3": 9,
        "4": 5,
        "5": 3,
        "6": 6,
    }


def test_a_rung_waits_for_its_last_member_and_the_workers_do_not():
    slow = {1: 1000.0}
    trials = play(ask, config(), workers=2, trials=60, end=by_x, seconds=lambda each: slow.get(each.ordinal, 1.0))
    found = rungs(trials)
    # Nothing of the first bracket could be promoted while its first member ran.
    assert (0, 1) not in found
    assert len(found[1, 0]), len(found[1, 1]) == (5, 1)


def test_promotions_come_before_new_points():
    trials = play(ask, config(), workers=1, trials=9, end=by_x)
    reply = ask(config(), trials, range(10, 16))
    assert [each.labels[RUNG_LABEL] for each in reply.advice] == ["1", "1", "1", "0", "0", "0"]
    assert [each.labels[BRACKET_LABEL] for each in reply.advice] == ["0", "0", "0", "1", "1", "1"]


def test_without_labels_it_finds_out_where_trials_stand():
    """Katib's controller does not send labels back."""
    of = config(X, categorical("c", "a", "b"), integer("epochs", 1, 9))
    with_labels = play(ask, of, workers=3, trials=60, end=by_x)

    def forgetful(config, trials, ordinals):
        return ask(config, [replace(each, labels={}) for each in trials], ordinals)

    without = play(forgetful, of, workers=3, trials=60, end=by_x)
    assert [each.assignment for each in without] == [each.assignment for each in with_labels]
    assert [each.labels for each in without] == [each.labels for each in with_labels]


def test_what_stands_on_no_rung_is_left_out():
    fallback = trial(Advice(ordinal=1, assignment={"x": 0.5, "epochs": 1}, labels={FALLBACK_LABEL: "error"}))
    between = trial(Advice(ordinal=2, assignment={"x": 0.5, "epochs": 5}))
    elsewhere = trial(Advice(ordinal=3, assignment={"y": 0.5}))
    too_high = trial(
        Advice(ordinal=4, assignment={"x": 0.1, "epochs": 9}, labels={BRACKET_LABEL: "0", RUNG_LABEL: "7"})
    )
    others = [fallback, between, elsewhere, too_high]
    reply = Hyperband(config()).suggest(others, range(5, 15))
    assert [each.labels[BRACKET_LABEL] for each in reply.advice] == ["0"] * 9 + ["1"]


def test_the_members_of_a_small_space_repeat_rather_than_miss():
    of = config(categorical("c", "a", "b"), EPOCHS)
    first = [each.assignment["c"] for each in Hyperband(of).suggest([], range(1, 10)).advice]
    assert sorted(first[:2]) == ["a", "b"]
    assert len(first) == 9


@pytest.mark.parametrize(
    ("parameter", "r_l", "values"),
    [
        (integer("epochs", 1, 100), "100", [1, 3, 11, 33, 100]),
        (double("epochs", 0.01, 1), "1", [1 / 81, 1 / 27, 1 / 9, 1 / 3, 1.0]),
        (double("epochs", 0, 1, step=0.1), "1", [1.0]),
        (discrete("epochs", "27", "1", "3", "9.0"), "27", ["1", "3", "9.0", "27"]),
        (discrete("epochs", "100", "10", "30"), "100", ["10", "30", "100"]),
        (integer("epochs", 10, 90, step=10), "90", [10, 30, 90]),
        # The parameter's own bounds are bounds.
        (integer("epochs", 1, 9), "81", [1, 3, 9]),
        (integer("epochs", 1, 1), "2", [1]),
        (integer("epochs", 3, 27), "27", [3, 9, 27]),
        (integer("epochs", 0, 9), "9", [1, 3, 9]),
    ],
)
def test_the_resource_takes_the_values_that_its_parameter_has(parameter, r_l, values):
    of = config(X, parameter, r_l=r_l)
    assert list(Hyperband(of).values(0)) == values
    for each in itertools.islice(Hyperband(of).suggest([], range(1, 200)).advice, 199):
        assert of.space.contains(each.assignment)


def test_state_that_katibs_service_wrote_is_read_past():
    of = config()
    state = {
        "s_max": "2",
        "b_l": "27",
        "r": "1",
        "n": "9",
        "current_s": "2",
        "current_i": "0",
        "evaluating_trials": "9",
    }
    known = replace(of, settings={**of.settings, "eta": "3.0", **state})
    assert Hyperband.validate(known) == []
    assert ask(known, [], range(1, 4)) == ask(of, [], range(1, 4))


def test_all_kinds_of_records_have_an_answer():
    for name, outcome in RECORDS.items():
        trials = [trial(each, outcome) for each in Hyperband(config()).suggest([], range(1, 40)).advice]
        assert len(Hyperband(config()).suggest(trials, range(40, 80)).advice) == 40, name
