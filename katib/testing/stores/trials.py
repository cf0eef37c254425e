"""Advice and transitions."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from katib.core.space import Assignment
from katib.core.stopping import Comparison, StopRule
from katib.core.study import StudyStatus
from katib.core.trial import Loan, Reason, Transition, TrialState
from katib.errors import Conflict, Stale
from katib.stores.contract import Changes, Event, Lease, Store, TrialFilter, TrialPoints, Wish
from katib.testing import builders as make
from katib.testing.stores.base import NOW, Owned, StoreCases, move, new_study, points

FLOATS = (0.0, -0.0, 0.1, 1 / 3, -1.5, 1.7976931348623157e308, -1.7976931348623157e308, 2.2250738585072014e-308, 5e-324)
TEXTS = ("", "plain", "ä€😀", "trailing ", "'quo\"te\\'", "%s %(x)s ? :y", "line\nline\ttab", "x" * 70_000)


class TrialCases(StoreCases):
    """Advice and transitions."""

    # --- Advice

    def test_recorded_advice_never_changes(self, owned: Owned) -> None:
        owned.advise(1, 2)
        before = owned.store.view(owned.uid)
        changed = [replace(make.advice(1), assignment={"other": 1}), make.advice(2)]
        owned.commit(advice=changed)
        assert owned.store.view(owned.uid) == before
        owned.commit(advice=[*changed, make.advice(3), replace(make.advice(3), labels={"late": "yes"})])
        after = owned.store.view(owned.uid)
        assert after.advised[:2] == before.advised
        assert (after.advised[2].assignment, after.advised[2].labels) == (make.assignment(3), {})
        assert after.study.summary.counts == {TrialState.ADVISED: 3}
        assert after.study.summary.highest_ordinal == 3

    def test_assignments_and_labels_come_back_exactly(self, owned: Owned) -> None:
        assignment: Assignment = {
            "f": 0.1,
            "i": 3,
            "whole": 3.0,
            "negative zero": -0.0,
            "big": 2**70,
            "t": "ü\0\ud800'\"\\",
        }
        owned.commit(advice=[replace(make.advice(1), assignment=assignment, labels={"k/ä": "v\n"})])
        trial = owned.trial(1)
        assert list(map(repr, trial.assignment.items())) == list(map(repr, assignment.items()))
        assert trial.labels == {"k/ä": "v\n"}
        assert (trial.state, trial.reason, trial.created_at) == (TrialState.ADVISED, Reason.ADVISED, NOW)

    def test_trials_have_names_of_their_own_even_when_two_would_be_equal(
        self, owned: Owned, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("katib.core.names.SUFFIX_LENGTH", 1)  # 27 names in all
        for first in (1, 13):
            owned.advise(*range(first, first + 12))
        names = [trial.name for trial in owned.store.view(owned.uid).advised]
        assert len(set(names)) == 24

    def test_as_much_unused_advice_is_read_as_is_asked_for(self, owned: Owned) -> None:
        owned.advise(*range(1, 9))
        owned.commit(transitions=[move(2, TrialState.ADVISED, TrialState.PENDING)])
        whole = owned.store.view(owned.uid)
        for most in (0, 1, 5, 100):
            view = owned.store.view(owned.uid, advice=most)
            assert view == replace(whole, advised=whole.advised[:most])

    def test_hundreds_of_answers_are_recorded_at_once(self, owned: Owned) -> None:
        owned.advise(*range(1, 301))
        assert [trial.ordinal for trial in owned.store.view(owned.uid).advised] == list(range(1, 301))
        ordinals = range(1, 301, 3)
        moves = [move(ordinal, TrialState.ADVISED, TrialState.PENDING) for ordinal in ordinals]
        assert owned.commit(transitions=moves) == ()
        assert [trial.ordinal for trial in owned.store.view(owned.uid).unfinished] == list(ordinals)

    # --- Transitions

    def test_a_trial_lives(self, owned: Owned) -> None:
        owned.advise(1)
        owned.commit(now=NOW + 1, transitions=[move(1, TrialState.ADVISED, TrialState.PENDING, reason=Reason.CREATED)])
        assert owned.trial(1).created_at == NOW + 1
        owned.commit(transitions=[move(1, TrialState.PENDING, TrialState.RUNNING, started_at=NOW + 2)])
        done = move(
            1,
            TrialState.RUNNING,
            TrialState.SUCCEEDED,
            reason=Reason.SUCCEEDED,
            message="loss is 0.5",
            value=0.5,
            ended_at=NOW + 3,
        )
        owned.commit(transitions=[done])
        trial = owned.trial(1)
        assert (trial.state, trial.reason, trial.message) == (TrialState.SUCCEEDED, Reason.SUCCEEDED, "loss is 0.5")
        assert (trial.value, trial.started_at, trial.ended_at) == (0.5, NOW + 2, NOW + 3)
        assert trial.revision == owned.again().revision
        view = owned.store.view(owned.uid)
        assert (view.unfinished, view.advised) == ((), ())

    def test_rules_and_verdicts_come_back_exactly(self, owned: Owned) -> None:
        rules = (
            StopRule(name="lo'ss\0", value=1 / 3, comparison=Comparison.GREATER, start_step=4),
            StopRule(name="acc", value=-0.0, comparison=Comparison.LESS),
        )
        owned.advise(1)
        owned.commit(transitions=[move(1, TrialState.ADVISED, TrialState.PENDING, rules=rules)])
        assert repr(owned.trial(1).rules) == repr(rules)
        owned.commit(transitions=[move(1, TrialState.PENDING, TrialState.RUNNING)])
        for value in (*FLOATS, float("nan"), float("inf"), float("-inf")):
            stop = replace(make.early_stop(), value=value, threshold=-value, step=2**62, message="ä\n'\ud800")
            owned.commit(transitions=[move(1, TrialState.RUNNING, TrialState.RUNNING, stopped_by=stop)])
            assert repr(owned.trial(1).stopped_by) == repr(stop)
            assert repr(owned.store.view(owned.uid).unfinished[0].stopped_by) == repr(stop)
        assert repr(owned.trial(1).rules) == repr(rules)

    @pytest.mark.parametrize("shadow", [False, True])
    def test_a_verdict_goes_with_its_attempt_and_a_shadow_stays(self, owned: Owned, shadow: bool) -> None:
        owned.run(1)
        stop = make.early_stop(shadow=shadow)
        owned.commit(transitions=[move(1, TrialState.RUNNING, TrialState.RUNNING, stopped_by=stop)])
        owned.commit(transitions=[move(1, TrialState.RUNNING, TrialState.PENDING, attempt_after=2)])
        assert owned.trial(1).stopped_by == (stop if shadow else None)

    def test_a_loan_comes_back_exactly_and_goes_with_its_attempt(self, owned: Owned) -> None:
        owned.advise(1)
        first, later = Loan(client="ü'\0 1", until=NOW + 1 / 3), Loan(client="b", until=math.inf)
        owned.commit(transitions=[move(1, TrialState.ADVISED, TrialState.RUNNING, loan=first, started_at=NOW)])
        assert (owned.trial(1).loan, owned.trial(1).created_at) == (Loan(client="ü'\ufffd 1", until=NOW + 1 / 3), NOW)
        owned.commit(transitions=[move(1, TrialState.RUNNING, TrialState.RUNNING, loan=later)])
        assert owned.store.view(owned.uid).unfinished[0].loan == later
        owned.commit(transitions=[move(1, TrialState.RUNNING, TrialState.RUNNING, attempt_after=2, loan=first)])
        assert owned.trial(1).attempt == 2
        owned.commit(transitions=[move(1, TrialState.RUNNING, TrialState.PENDING, attempt=2, attempt_after=3)])
        assert owned.trial(1).loan is None
        owned.commit(transitions=[move(1, TrialState.PENDING, TrialState.RUNNING, attempt=3, loan=later)])
        owned.commit(transitions=[move(1, TrialState.RUNNING, TrialState.SUCCEEDED, attempt=3, value=1.0)])
        assert owned.trial(1).loan == later

    def test_who_owns_nothing_may_write_a_study_that_nobody_owns(self, store: Store) -> None:
        study = store.create_study(new_study(), now=NOW)
        nobody = Lease(study=study.name, uid=study.uid, owner="", term=study.term)
        advice = Changes(advice=[make.advice(1)], basis=store.view(study.uid))
        assert store.commit(nobody, advice, now=NOW).study.summary.highest_ordinal == 1
        with pytest.raises(Conflict):
            store.commit(nobody, advice, now=NOW)
        store.acquire(study.name, "somebody", now=NOW, seconds=60)
        with pytest.raises(Stale):
            store.commit(nobody, replace(advice, basis=None), now=NOW)

    def test_a_verdict_stays_with_a_finished_trial(self, owned: Owned) -> None:
        owned.run(1)
        stop = make.early_stop()
        owned.commit(transitions=[move(1, TrialState.RUNNING, TrialState.RUNNING, stopped_by=stop)])
        owned.commit(transitions=[move(1, TrialState.RUNNING, TrialState.EARLY_STOPPED, value=2.0)])
        assert (owned.trial(1).stopped_by, owned.again().summary.best_value) == (stop, 2.0)

    def test_a_move_that_does_not_fit_any_more_is_skipped_and_the_rest_is_done(self, owned: Owned) -> None:
        owned.run(1, 2)
        wrong = [
            move(1, TrialState.PENDING, TrialState.RUNNING),
            move(1, TrialState.RUNNING, TrialState.FAILED, attempt=2),
            move(3, TrialState.RUNNING, TrialState.FAILED),
        ]
        right = [
            move(2, TrialState.RUNNING, TrialState.SUCCEEDED, value=1.0),
            move(1, TrialState.RUNNING, TrialState.PENDING, attempt_after=2),
            move(1, TrialState.PENDING, TrialState.FAILED, attempt=2),
        ]
        late = move(2, TrialState.RUNNING, TrialState.FAILED)
        assert owned.commit(transitions=[*wrong, *right, late]) == (*wrong, late)
        assert [owned.trial(ordinal).state for ordinal in (1, 2)] == [TrialState.FAILED, TrialState.SUCCEEDED]

    @pytest.mark.parametrize(
        "wrong",
        [
            move(1, TrialState.RUNNING, TrialState.ADVISED),
            move(1, TrialState.SUCCEEDED, TrialState.RUNNING),
            move(1, TrialState.ADVISED, TrialState.SUCCEEDED),
            move(1, TrialState.RUNNING, TrialState.PENDING, attempt_after=3),
            move(1, TrialState.RUNNING, TrialState.PENDING, attempt_after=2, value=1.0),
            move(1, TrialState.RUNNING, TrialState.SUCCEEDED, value=float("nan")),
            move(1, TrialState.RUNNING, TrialState.SUCCEEDED, value=0.5, further_values=(float("inf"),)),
            move(1, TrialState.RUNNING, TrialState.SUCCEEDED, further_values=(0.5,)),
        ],
        ids=[
            "unmade",
            "unfinished",
            "not created",
            "attempt 3",
            "value too early",
            "value nan",
            "second inf",
            "only a second",
        ],
    )
    def test_a_move_that_cannot_be_is_a_mistake_and_nothing_is_written(self, owned: Owned, wrong: Transition) -> None:
        owned.run(1)
        before = owned.store.view(owned.uid)
        with pytest.raises(ValueError, match="1: "):
            owned.commit(advice=[make.advice(2)], transitions=[wrong])
        assert owned.store.view(owned.uid) == before

    def test_the_next_attempt_begins_anew(self, owned: Owned) -> None:
        owned.run(1)
        owned.append(1, *points(0.1))
        again = move(
            1,
            TrialState.RUNNING,
            TrialState.PENDING,
            attempt_after=2,
            failures=1,
            losses=3,
            not_before=NOW + 7,
        )
        owned.commit(transitions=[again])
        trial = owned.trial(1)
        assert (trial.attempt, trial.failures, trial.losses, trial.not_before) == (2, 1, 3, NOW + 7)
        assert (trial.metrics, trial.started_at, trial.ended_at) == ({}, None, None)
        owned.commit(transitions=[move(1, TrialState.PENDING, TrialState.RUNNING, attempt=2)])
        assert (owned.trial(1).failures, owned.trial(1).losses, owned.trial(1).not_before) == (1, 3, 0.0)


class CommitCases(StoreCases):
    """What a commit does to the study."""

    def test_a_commit_on_an_old_view_writes_nothing(self, owned: Owned) -> None:
        owned.run(1)
        seen = owned.store.view(owned.uid)
        owned.store.wish("digits", Wish(stop=True), now=NOW)
        before = owned.store.view(owned.uid)
        changes: dict[str, Any] = {
            "advice": [make.advice(2)],
            "observations": [TrialPoints(trial=owned.trial(1).name, attempt=1, points=points(0.5))],
            "transitions": [move(1, TrialState.RUNNING, TrialState.FAILED)],
            "condition": make.condition(StudyStatus.FAILED),
            "exhausted": "all",
            "overrides": {"a": "b"},
            "events": [Event(time=NOW, kind="Normal", reason="r", message="m")],
        }
        with pytest.raises(Conflict, match=str(before.study.revision)):
            owned.commit(**changes, basis=seen)
        assert owned.store.view(owned.uid) == before
        assert (owned.stored(), owned.store.events(owned.uid)) == ([], [])
        owned.commit(**changes, basis=before)
        after = owned.again()
        assert (after.condition, after.exhausted, after.overrides) == (changes["condition"], "all", {"a": "b"})
        assert after.revision == before.study.revision + 1
        assert len(owned.stored()) == len(owned.store.events(owned.uid)) == 1

    def test_a_commit_says_what_its_basis_has_become(self, owned: Owned) -> None:
        owned.advise(1, 2, 3)
        ran = move(2, TrialState.PENDING, TrialState.RUNNING)
        passes: Sequence[dict[str, Any]] = (
            {"transitions": [move(1, TrialState.ADVISED, TrialState.PENDING)], "condition": make.condition()},
            {"transitions": [move(2, TrialState.ADVISED, TrialState.PENDING), ran]},
            {"observations": [TrialPoints(trial=owned.trial(2).name, attempt=1, points=points(0.5, float("inf")))]},
            {"transitions": [move(2, TrialState.RUNNING, TrialState.SUCCEEDED, value=0.5)]},
            {"transitions": [move(1, TrialState.PENDING, TrialState.PENDING, attempt_after=2)]},
            {},
        )
        basis = owned.store.view(owned.uid)
        for changes in passes:
            done = owned.store.commit(owned.lease, Changes(**changes, basis=basis), now=NOW)
            assert done.view == owned.store.view(owned.uid)
            assert done.view is not None
            assert done.study == done.view.study == owned.again()
            basis = done.view

    @pytest.mark.parametrize("value", [0.5, float("nan")])
    def test_a_trial_that_reported_since_the_view_is_not_decided_on(self, owned: Owned, value: float) -> None:
        owned.run(1, 2)
        owned.append(1, *points(value))
        seen = owned.store.view(owned.uid)
        owned.append(1, *points(0.25, first=1))
        before = owned.store.view(owned.uid)
        first, second = (move(ordinal, TrialState.RUNNING, TrialState.SUCCEEDED, value=0.5) for ordinal in (1, 2))
        observed = [TrialPoints(trial=owned.trial(1).name, attempt=1, points=points(0.125, first=2))]
        for changes in ({"transitions": [second, first]}, {"transitions": [second], "observations": observed}):
            with pytest.raises(Conflict, match=owned.trial(1).name):
                owned.commit(**changes, basis=seen)
        assert repr(owned.store.view(owned.uid)) == repr(before)
        owned.commit(transitions=[second], basis=seen)
        owned.commit(transitions=[first], basis=owned.store.view(owned.uid))
        assert owned.store.view(owned.uid).unfinished == ()

    def test_a_renewed_lease_stays_renewed_and_a_lost_one_lost(self, owned: Owned) -> None:
        owned.run(1)
        seen = owned.store.view(owned.uid)
        owned.store.renew(owned.lease, now=NOW, seconds=1000)
        failed = move(1, TrialState.RUNNING, TrialState.FAILED)
        with pytest.raises(Conflict, match="lease"):
            owned.commit(transitions=[failed], basis=seen)
        owned.commit(transitions=[failed], basis=owned.store.view(owned.uid))
        assert owned.again().lease_until == NOW + 1000
        seen = owned.store.view(owned.uid)
        owned.store.acquire("digits", "another", now=NOW + 2000, seconds=60)
        for condition in (None, make.condition()):
            with pytest.raises(Stale):
                owned.commit(condition=condition, basis=seen)
        assert owned.again().owner == "another"

    def test_observations_of_a_commit_are_folded_before_its_transitions(self, owned: Owned) -> None:
        owned.run(1)
        owned.commit(
            observations=[TrialPoints(trial=owned.trial(1).name, attempt=1, points=points(0.5, 0.25))],
            transitions=[move(1, TrialState.RUNNING, TrialState.SUCCEEDED, value=0.25)],
        )
        assert owned.trial(1).metrics["loss"].min == 0.25

    def test_with_several_objectives_the_front_is_kept_and_nothing_is_best(self, store: Store) -> None:
        owned = Owned(store, further_objectives=(make.objective(maximize=True, metric="accuracy"),))
        owned.run(1, 2, 3, 4, 5)
        # Minimise the first value, maximise the second: trial 4 is dominated by 3, and 5 dominates 2.
        for ordinal, values in ((3, (0.5, 0.8)), (1, (0.25, -0.0)), (4, (0.5, 0.7)), (2, (0.9, 0.9)), (5, (0.8, 0.95))):
            owned.finish(ordinal, *values)
            assert repr(owned.trial(ordinal).values) == repr(values)
        summary = owned.again().summary
        assert repr([(point.ordinal, point.values) for point in summary.front]) == (
            "[(1, (0.25, -0.0)), (3, (0.5, 0.8)), (5, (0.8, 0.95))]"
        )
        assert (summary.best_ordinal, summary.best_value) == (None, None)

    def test_a_trial_has_a_value_for_each_objective_or_none(self, store: Store) -> None:
        owned = Owned(store, further_objectives=(make.objective(metric="latency"),))
        owned.run(1)
        before = owned.again()
        for basis in (None, owned.store.view(owned.uid)):
            with pytest.raises(ValueError, match="1 values for 2 objectives"):
                owned.commit(transitions=[move(1, TrialState.RUNNING, TrialState.SUCCEEDED, value=1.0)], basis=basis)
        assert owned.again() == before
        owned.finish(1, None)
        assert owned.trial(1).values == ()

    def test_the_revision_grows_with_changes_of_study_and_trials_only(self, owned: Owned) -> None:
        owned.run(1)
        before = owned.again()
        nothing: Sequence[dict[str, Any]] = (
            {},
            {"events": [Event(time=NOW, kind="Normal", reason="r", message="m")]},
            {"observations": [TrialPoints(trial=owned.trial(1).name, attempt=1, points=points(0.5))]},
            {"advice": [make.advice(1)]},
            {"transitions": [move(1, TrialState.PENDING, TrialState.RUNNING)]},
            {"condition": before.condition, "exhausted": before.exhausted, "overrides": before.overrides},
        )
        for changes in nothing:
            owned.commit(**changes)
        assert owned.again() == before
        something: Sequence[dict[str, Any]] = (
            {"advice": [make.advice(2)]},
            {"transitions": [move(1, TrialState.RUNNING, TrialState.PENDING, attempt_after=2)]},
            {"transitions": [move(1, TrialState.PENDING, TrialState.PENDING, attempt=2, attempt_after=3)]},
            {"condition": make.condition()},
            {"exhausted": "all"},
            {"overrides": {"a": "b"}},
        )
        for number, changes in enumerate(something, start=1):
            owned.commit(**changes)
            assert owned.again().revision == before.revision + number, changes

    def test_a_condition_sets_the_times_of_the_study(self, owned: Owned) -> None:
        def times(status: StudyStatus, since: float) -> tuple[float | None, float | None]:
            owned.commit(condition=replace(make.condition(status), since=since))
            return owned.again().started_at, owned.again().ended_at

        assert times(StudyStatus.RUNNING, 1.0) == (1.0, None)
        assert times(StudyStatus.STOPPED, 2.0) == (1.0, 2.0)
        assert times(StudyStatus.RUNNING, 3.0) == (1.0, None)
        assert times(StudyStatus.SUCCEEDED, 4.0) == (1.0, 4.0)

    @pytest.mark.parametrize("maximize", [False, True])
    def test_the_best_is_kept_and_the_lowest_ordinal_wins_a_tie(self, store: Store, maximize: bool) -> None:
        sign = -1.0 if maximize else 1.0
        owned = Owned(store, objective=make.objective(maximize=maximize))
        owned.run(1, 2, 3, 4, 5)
        for ordinal, value, best in ((3, 0.5, 3), (4, 0.5, 3), (2, 0.5, 2), (5, 0.6, 2), (1, 0.4, 1)):
            owned.finish(ordinal, sign * value)
            assert owned.again().summary.best_ordinal == best
        assert owned.again().summary.best_value == sign * 0.4

    def test_values_at_the_limits_of_a_double_come_back(self, owned: Owned) -> None:
        owned.run(*range(1, len(FLOATS) + 1))
        for ordinal, value in enumerate(FLOATS, start=1):
            owned.finish(ordinal, value)
            assert repr(owned.trial(ordinal).value) == repr(value)

    def test_a_commit_says_what_the_study_is_now(self, owned: Owned) -> None:
        changes = Changes(advice=[make.advice(1)], condition=make.condition())
        assert owned.store.commit(owned.lease, changes, now=NOW).study == owned.again()

    def test_texts_come_back(self, owned: Owned) -> None:
        owned.run(*range(1, len(TEXTS) + 1))
        for ordinal, text in enumerate(TEXTS, start=1):
            failed = move(ordinal, TrialState.RUNNING, TrialState.FAILED, message=text)
            event = Event(time=NOW, kind="Warning", reason="Failed", message=text, ordinal=ordinal)
            owned.commit(transitions=[failed], events=[event], exhausted=text)
            assert owned.trial(ordinal).message == owned.again().exhausted == text
            assert owned.store.events(owned.uid, limit=1) == [event]

    def test_what_no_database_keeps_is_replaced(self, owned: Owned) -> None:
        owned.run(1)
        owned.commit(transitions=[move(1, TrialState.RUNNING, TrialState.FAILED, message="a\0b\udcffc")])
        assert owned.trial(1).message == "a\ufffdb\ufffdc"

    def test_trials_are_listed_as_asked(self, owned: Owned) -> None:
        def listed(**which: Any) -> list[int]:
            return [trial.ordinal for trial in owned.store.trials(owned.uid, TrialFilter(**which))]

        owned.run(1, 2, 3)
        owned.advise(4)
        before = owned.again().revision
        owned.finish(3, 0.5)
        owned.finish(1, None)
        running, finished = frozenset({TrialState.RUNNING}), frozenset({TrialState.SUCCEEDED, TrialState.FAILED})
        assert [trial.ordinal for trial in owned.store.trials(owned.uid)] == [1, 2, 3]
        assert listed(states=running) == [2]
        assert listed(states=running | finished | {TrialState.ADVISED}) == [1, 2, 3, 4]
        assert listed(states=frozenset()) == []
        assert listed(ordinals=frozenset({3, 4, 9})) == [3]
        assert listed(ordinals=frozenset({3, 4, 9}), states=frozenset(TrialState), limit=1) == [3]
        assert listed(ordinals=frozenset()) == []
        assert listed(after_ordinal=1, limit=1) == [2]
        assert listed(limit=0) == []
        assert listed(after_revision=before) == [3, 1]
        assert listed(after_revision=before, after_ordinal=1, states=finished) == [3]
        assert listed(after_revision=before, limit=1) == [3]

    def test_events_are_kept_in_order(self, owned: Owned) -> None:
        events = [
            Event(time=NOW - number, kind="Normal", reason=f"r{number}", message="", ordinal=number)
            for number in range(5)
        ]
        owned.commit(events=events[:2])
        owned.commit(events=events[2:])
        assert owned.store.events(owned.uid) == events
        assert owned.store.events(owned.uid, limit=2) == events[-2:]
        assert owned.store.events(owned.uid, limit=0) == []
