"""Observations."""

import math
from dataclasses import replace

import pytest

from katib.core.observation import MetricPoint, fold
from katib.core.trial import TrialState
from katib.stores.contract import NAME_LIMIT, Observation, TrialPoints
from katib.testing.stores.base import NOW, Owned, StoreCases, move, points

NUMBERS = (
    0.0,
    -0.0,
    0.1,
    1 / 3,
    1.7976931348623157e308,
    2.2250738585072014e-308,
    5e-324,
    math.inf,
    -math.inf,
    math.nan,
)


class LogCases(StoreCases):
    """Observations: appended once each, folded into the attempt they belong to."""

    def test_reporting_twice_is_reporting_once(self, owned: Owned) -> None:
        owned.run(1)
        assert owned.append(1, *points(0.5, 0.4)) == 2
        assert owned.append(1, *points(0.5, 0.4, 0.3)) == 1
        assert owned.append(1, *points(0.5), *points(0.5)) == 0
        assert owned.append(1, *points(0.2, first=3), *points(0.2, first=3)) == 1
        assert owned.stored() == list(points(0.5, 0.4, 0.3, 0.2))
        assert owned.trial(1).metrics == fold({}, points(0.5, 0.4, 0.3, 0.2))

    def test_equal_values_at_equal_times_stay_two(self, owned: Owned) -> None:
        owned.run(1)
        same = [replace(point, time=NOW) for point in points(0.5, 0.5)]
        assert owned.append(1, *same) == 2
        assert owned.stored() == same

    def test_the_first_of_an_identity_stands(self, owned: Owned) -> None:
        owned.run(1)
        (first,) = points(0.5, steps=True)
        assert owned.append(1, first) == 1
        later = replace(first, value=0.1, text="0.1", seq=7, time=NOW + 9)
        assert owned.append(1, later, later) == 0
        assert owned.stored() == [first]
        assert owned.trial(1).metrics["loss"].min == 0.5

    def test_steps_and_sequence_numbers_are_different_identities(self, owned: Owned) -> None:
        owned.run(1)
        with_step, without = points(0.5, steps=True), points(0.25)
        assert owned.append(1, *with_step, *without, *points(0.1, metric="Loss")) == 3
        assert len(owned.stored(metric="loss")) == 2
        assert len(owned.stored(metric="Loss")) == 1

    @pytest.mark.parametrize("value", NUMBERS, ids=repr)
    def test_every_double_comes_back(self, owned: Owned, value: float) -> None:
        owned.run(1)
        (point,) = points(value)
        owned.append(1, point, replace(point, seq=1, text="as it was printed"))
        assert list(map(repr, owned.stored())) == [
            repr(point),
            repr(replace(point, seq=1, text="as it was printed")),
        ]
        assert repr(owned.trial(1).metrics) == repr(fold({}, [point, replace(point, seq=1)]))

    def test_what_is_no_number_is_kept_as_it_was_reported(self, owned: Owned) -> None:
        owned.run(1)
        odd = MetricPoint(metric="loss", value=None, text="n/a\n'\"\\ ä😀", seq=-3, time=0.0)
        huge = replace(odd, text="9" * 70_000, seq=2**63 - 1, step=-(2**63) + 1)
        owned.append(1, odd, huge)
        assert owned.stored() == [odd, huge]
        assert owned.trial(1).metrics["loss"].malformed == huge.text

    def test_names_of_metrics_that_differ_in_anything_are_different(self, owned: Owned) -> None:
        owned.run(1)
        names = sorted(["a", "A", "á", "a ", "val/acc-1 (%)", "x" * NAME_LIMIT])
        given = [replace(points(0.5)[0], metric=name) for name in names]
        assert owned.append(1, *given) == len(given)
        assert owned.append(1, *given) == 0
        assert owned.stored() == given
        assert sorted(owned.trial(1).metrics) == names

    def test_what_is_beyond_the_limits_is_a_mistake(self, owned: Owned) -> None:
        owned.run(1)
        (good,) = points(0.5)
        for bad in (
            replace(good, metric="x" * (NAME_LIMIT + 1)),
            replace(good, seq=2**63),
            replace(good, step=2**63),
            replace(good, time=math.nan),
        ):
            with pytest.raises(ValueError, match=r"bits|characters|time"):
                owned.append(1, good, bad)
        assert owned.stored() == []

    def test_only_the_current_attempt_of_a_trial_that_is_not_finished_is_folded(self, owned: Owned) -> None:
        owned.run(1)
        owned.append(1, *points(0.5))
        owned.commit(transitions=[move(1, TrialState.RUNNING, TrialState.PENDING, attempt_after=2)])
        assert owned.append(1, *points(0.4, first=1)) == 1
        assert owned.trial(1).metrics == {}
        owned.append(1, *points(0.3), attempt=2)
        owned.commit(transitions=[move(1, TrialState.PENDING, TrialState.FAILED, attempt=2)])
        before = owned.trial(1)
        assert owned.append(1, *points(0.2, first=1), attempt=2) == 1
        assert owned.trial(1) == before
        assert before.metrics == fold({}, points(0.3))
        assert [len(owned.stored(attempt=attempt)) for attempt in (1, 2, 3)] == [2, 2, 0]

    def test_what_comes_before_its_attempt_counts_when_that_begins(self, owned: Owned) -> None:
        owned.run(1)
        owned.append(1, *points(0.3), attempt=2)
        assert owned.trial(1).metrics == {}
        owned.commit(transitions=[move(1, TrialState.RUNNING, TrialState.PENDING, attempt_after=2)])
        assert owned.trial(1).metrics == fold({}, points(0.3))

    def test_the_unknown_is_ignored(self, owned: Owned) -> None:
        owned.run(1)
        batch = [
            TrialPoints(trial="no-such-trial", attempt=1, points=points(0.5)),
            TrialPoints(trial=owned.trial(1).name, attempt=1, points=()),
        ]
        assert owned.store.append_observations(owned.uid, batch, now=NOW) == 0
        assert owned.stored() == []

    def test_many_trials_and_thousands_of_points_at_once(self, owned: Owned) -> None:
        ordinals = range(1, 71)
        owned.run(*ordinals)
        batch = [
            TrialPoints(trial=owned.trial(ordinal).name, attempt=1, points=points(*map(float, range(100)), steps=True))
            for ordinal in ordinals
        ]
        assert owned.store.append_observations(owned.uid, batch, now=NOW + 5) == 7000
        assert owned.store.append_observations(owned.uid, batch, now=NOW + 6) == 0
        found = owned.store.observations(owned.uid)
        assert [observation.ordinal for observation in found] == sorted(list(ordinals) * 100)
        name = owned.trial(70).name
        last = Observation(trial=name, ordinal=70, attempt=1, point=batch[-1].points[-1], arrived=NOW + 5)
        assert found[-1] == last

    def test_observations_come_in_order(self, owned: Owned) -> None:
        owned.run(1, 2)
        base = points(0.5)[0]
        in_order = [
            replace(base, time=NOW, seq=5),
            replace(base, time=NOW, seq=6, metric="a"),
            replace(base, time=NOW, seq=6),
            replace(base, time=NOW + 1, seq=1),
        ]
        owned.append(2, *reversed(in_order))
        owned.append(1, *reversed(in_order), attempt=2)
        owned.append(1, *reversed(in_order))
        found = owned.store.observations(owned.uid)
        assert [(one.ordinal, one.attempt) for one in found] == [(1, 1)] * 4 + [(1, 2)] * 4 + [(2, 1)] * 4
        assert [one.point for one in found] == in_order * 3
        assert owned.stored(ordinal=2, metric="a") == [in_order[1]]
        assert owned.stored(ordinal=1, attempt=2) == in_order
