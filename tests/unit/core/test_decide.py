"""The decision's thresholds: width, budget, stock, surplus; at, one below, one above; and what each plan says."""

from dataclasses import replace

import pytest

from katib.core.decide import decide
from katib.core.stopping import Comparison, StopRule
from katib.core.study import RetryPolicy, StudyReason, StudyStatus
from katib.core.trial import Reason, TrialState
from katib.testing import builders as make

PENDING, RUNNING = TrialState.PENDING, TrialState.RUNNING


def alive(ordinal):
    return make.view(make.trial(ordinal, RUNNING), make.running())


def waiting(ordinal, **known):
    return make.view(make.trial(ordinal, PENDING, **known))


def draining(ordinal):
    return make.view(make.trial(ordinal, RUNNING), make.exited(0, drained=False))


def done(ordinal, state=TrialState.SUCCEEDED, value=0.5):
    return make.trial(ordinal, state, value=value if state is TrialState.SUCCEEDED else None)


def plan_of(*views, **known):
    return decide(make.snapshot(*views, **known))


def launched(plan):
    return [(launch.ordinal, launch.attempt) for launch in plan.launches]


def stopped(plan):
    return [stop.ordinal for stop in plan.stops]


def moves(plan):
    return {move.ordinal: (move.target, move.reason) for move in plan.transitions}


# Beginning


def test_a_new_study_runs_and_asks_for_advice():
    plan = plan_of(study=make.study(status=StudyStatus.CREATED, max_trials=9, parallel=2))
    assert (plan.condition.status, plan.condition.reason) == (StudyStatus.RUNNING, StudyReason.RUNNING)
    assert (plan.advise_upto, plan.launches, plan.transitions) == (2, (), ())
    assert plan.notes == ("waiting for the algorithm to suggest 2 more",)


def test_advice_becomes_trials_that_are_launched_in_the_same_plan():
    plan = plan_of(advised=[1, 2], study=make.study(parallel=2))
    assert moves(plan) == {1: (PENDING, Reason.CREATED), 2: (PENDING, Reason.CREATED)}
    assert launched(plan) == [(1, 1), (2, 1)]


# Width


@pytest.mark.parametrize(("parallel", "expected"), [(1, []), (2, [2]), (3, [2, 3]), (4, [2, 3])])
def test_waiting_trials_are_launched_while_there_is_room(parallel, expected):
    plan = plan_of(alive(1), waiting(2), waiting(3), study=make.study(parallel=parallel))
    assert [ordinal for ordinal, _ in launched(plan)] == expected


@pytest.mark.parametrize(
    "holder", [alive, draining, waiting, lambda ordinal: waiting(ordinal, not_before=make.NOW + 5)]
)
@pytest.mark.parametrize(("parallel", "created"), [(1, []), (2, [5]), (3, [5, 6])])
def test_an_unfinished_trial_holds_its_place(holder, parallel, created):
    plan = plan_of(holder(1), advised=[5, 6, 7], study=make.study(parallel=parallel, max_trials=9))
    assert [ordinal for ordinal, (_, reason) in moves(plan).items() if reason is Reason.CREATED] == created


@pytest.mark.parametrize(("parallel", "expected"), [(1, [3, 2]), (2, [3]), (3, []), (4, [])])
def test_a_lowered_width_sends_the_newest_runs_back(parallel, expected):
    plan = plan_of(alive(1), alive(2), alive(3), study=make.study(parallel=parallel))
    assert stopped(plan) == expected
    assert all("parallelism" in stop.why for stop in plan.stops)


def test_a_run_that_drains_is_not_stopped_for_width_and_costs_no_other_its_place():
    plan = plan_of(alive(1), draining(2), study=make.study(parallel=1))
    assert stopped(plan) == []


def test_runs_above_the_width_are_not_replaced():
    plan = plan_of(alive(1), alive(2), waiting(3), study=make.study(parallel=1))
    assert (stopped(plan), launched(plan)) == ([2], [])


# Budget


@pytest.mark.parametrize(("max_trials", "created"), [(2, []), (3, [3]), (4, [3, 4]), (None, [3, 4])])
def test_trials_are_created_while_there_is_budget(max_trials, created):
    study = make.study(max_trials=max_trials, parallel=3)
    plan = plan_of(alive(1), finished=[done(2)], advised=[3, 4], study=study)
    assert [ordinal for ordinal, (target, _) in moves(plan).items() if target is PENDING] == created


@pytest.mark.parametrize(("max_trials", "expected"), [(1, [4, 3]), (2, [4, 3]), (3, [4]), (4, []), (5, [])])
def test_a_lowered_budget_stops_the_newest(max_trials, expected):
    plan = plan_of(alive(3), alive(4), finished=[done(1), done(2)], study=make.study(max_trials=max_trials))
    assert stopped(plan) == expected


def test_a_lowered_budget_drops_what_waits_and_what_runs_by_age():
    plan = plan_of(alive(1), waiting(2), alive(3), study=make.study(max_trials=1, parallel=3))
    assert moves(plan) == {2: (TrialState.KILLED, Reason.BUDGET_LOWERED)}
    assert (stopped(plan), launched(plan)) == ([3], [])


def test_what_was_dropped_already_does_not_cost_another_its_life():
    """A killed trial stays among the created ones; counting it as surplus again would drop one more at each look."""
    killed = make.trial(5, TrialState.KILLED)
    plan = plan_of(alive(3), alive(4), finished=[done(1), done(2), killed], study=make.study(max_trials=4))
    assert (stopped(plan), moves(plan)) == ([], {})


def test_a_trial_above_the_budget_that_was_interrupted_is_dropped_at_once():
    ended = make.view(make.trial(2, RUNNING, failures=1), make.interrupted())
    plan = plan_of(alive(1), ended, study=make.study(max_trials=1))
    (move,) = plan.transitions
    assert (move.source, move.attempt, move.target) == (RUNNING, 1, TrialState.KILLED)
    assert (move.attempt_after, launched(plan)) == (None, [])


def test_what_the_last_attempt_cost_stays_on_record_when_a_trial_is_dropped():
    broke = make.view(make.trial(2, RUNNING), make.exited(1))
    lost = make.view(make.trial(3, RUNNING), make.lost())
    study = make.study(max_trials=1, parallel=3)
    plan = plan_of(alive(1), broke, lost, study=study, retry=RetryPolicy(retries=5))
    assert [(move.target, move.failures, move.losses) for move in plan.transitions] == [
        (TrialState.KILLED, 1, None),
        (TrialState.KILLED, None, 1),
    ]


def test_surplus_for_budget_and_width_is_stopped_once():
    plan = plan_of(alive(1), alive(2), alive(3), study=make.study(max_trials=2, parallel=2))
    assert stopped(plan) == [3]


# Advice


@pytest.mark.parametrize(
    ("max_trials", "parallel", "upto"), [(9, 3, 4), (9, 4, 5), (3, 3, 3), (2, 3, None), (1, 3, None), (None, 3, 4)]
)
def test_it_asks_for_what_there_is_room_and_budget_for(max_trials, parallel, upto):
    """Trial 1 runs, trial 2 is finished: ordinals 3 and on are free."""
    study = make.study(max_trials=max_trials, parallel=parallel)
    assert plan_of(alive(1), finished=[done(2)], study=study).advise_upto == upto


@pytest.mark.parametrize(
    ("stock", "unused", "upto"),
    [(0, 0, None), (1, 0, 4), (1, 1, None), (4, 0, 7), (4, 1, 7), (4, 2, None), (4, 4, None), (5, 2, 8), (5, 3, None)],
)
def test_stock_is_filled_up_when_half_of_it_is_gone(stock, unused, upto):
    """Three trials run and there is no room for more."""
    advised = list(range(4, 4 + unused))
    study = make.study(max_trials=None, parallel=3)
    assert plan_of(alive(1), alive(2), alive(3), advised=advised, study=study, stock=stock).advise_upto == upto


@pytest.mark.parametrize(("max_trials", "upto"), [(4, 4), (5, 5), (6, 6), (66, 66), (99, 66)])
def test_stock_never_exceeds_the_budget(max_trials, upto):
    study = make.study(max_trials=max_trials, parallel=3)
    assert plan_of(alive(1), alive(2), study=study, stock=63).advise_upto == upto


def test_an_exhausted_algorithm_is_not_asked():
    assert plan_of(alive(1), study=make.study(exhausted="used up")).advise_upto is None


# Pauses


@pytest.mark.parametrize(("ahead", "runs"), [(-1.0, True), (0.0, True), (1.0, False), (60.0, False), (61.0, True)])
def test_a_retry_waits_for_its_time_and_no_longer_than_any_pause_is(ahead, runs):
    plan = plan_of(waiting(1, attempt=2, not_before=make.NOW + ahead), study=make.study(max_trials=1))
    assert (launched(plan) == [(1, 2)]) is runs
    assert plan.wake_at == (None if runs else make.NOW + ahead)
    assert any("after a pause" in note for note in plan.notes) is not runs


def test_it_wakes_at_the_earliest_deadline():
    pause = waiting(2, not_before=make.NOW + 31)
    plan = plan_of(draining(1), pause, study=make.study(max_trials=2))
    assert plan.wake_at == make.NOW + 30
    plan = plan_of(draining(1), pause, study=make.study(max_trials=2), patience=60)
    assert plan.wake_at == make.NOW + 31


def timed(*, ago, **known):
    study = make.study(**known)
    return replace(study, started_at=make.NOW - ago, budget=replace(study.budget, max_seconds=100.0))


@pytest.mark.parametrize(("ago", "begins"), [(99.0, True), (100.0, False), (101.0, False)])
def test_nothing_is_begun_once_its_time_is_over(ago, begins):
    plan = plan_of(make.view(make.trial(1, RUNNING), make.running()), waiting(2), study=timed(ago=ago, max_trials=9))
    assert launched(plan) == ([(2, 1)] if begins else [])
    assert moves(plan) == ({} if begins else {2: (TrialState.KILLED, Reason.BUDGET_SPENT)})
    assert (stopped(plan), plan.condition) == ([], None), "what runs may end"
    assert plan.wake_at == (make.NOW + 1 if begins else None)
    assert begins or "its 100 seconds are over; waiting for 1 run to end" in plan.notes


def test_a_study_whose_time_is_over_ends_with_its_last_run():
    known = make.summary(SUCCEEDED=1, PENDING=1, best=0.5)
    plan = plan_of(waiting(2), study=timed(ago=100.0, max_trials=9, summary=known))
    assert plan.condition.reason is StudyReason.TIME_OVER
    assert moves(plan) == {2: (TrialState.KILLED, Reason.BUDGET_SPENT)}
    new = timed(ago=0.0, status=StudyStatus.CREATED)
    assert plan_of(study=replace(new, started_at=None)).wake_at == make.NOW + 100, "it starts with this plan"


@pytest.mark.parametrize(("patience", "ends"), [(2, True), (3, False)])
def test_a_study_that_gets_no_better_ends(patience, ends):
    """Of five trials the third is the best one, and the last two are over."""
    study = make.study(max_trials=9, summary=make.summary(SUCCEEDED=5, best=0.5, best_ordinal=3))
    study = replace(study, budget=replace(study.budget, max_stale=patience))
    plan = plan_of(study=study)
    assert (plan.condition is not None and plan.condition.reason is StudyReason.NO_IMPROVEMENT) is ends
    assert (plan.advise_upto is None) is ends


def test_a_failed_attempt_is_not_launched_before_its_pause():
    broke = make.view(make.trial(1, RUNNING), make.exited(1))
    plan = plan_of(broke, study=make.study(max_trials=1), retry=RetryPolicy(retries=1))
    assert (launched(plan), plan.wake_at) == ([], make.NOW + 1)


def test_a_lost_run_is_launched_again_in_the_same_plan():
    plan = plan_of(make.view(make.trial(1, RUNNING), make.lost()), study=make.study(max_trials=1))
    assert launched(plan) == [(1, 2)]


# Ends


def test_the_last_end_and_the_verdict_are_one_plan():
    ended = make.view(make.trial(1, RUNNING, metrics=make.metrics(0.5)), make.exited(0))
    plan = plan_of(ended, study=make.study(max_trials=1))
    assert moves(plan) == {1: (TrialState.SUCCEEDED, Reason.SUCCEEDED)}
    assert plan.condition.reason is StudyReason.MAX_TRIALS


def test_a_goal_reached_stops_what_runs_and_drops_what_waits():
    ended = make.view(make.trial(1, RUNNING, metrics=make.metrics(0.05)), make.exited(0))
    study = make.study(goal=0.1, parallel=3, max_trials=9)
    plan = plan_of(ended, alive(2), waiting(3), draining(4), advised=[5], study=study)
    assert plan.condition.reason is StudyReason.GOAL_REACHED
    assert stopped(plan) == [2]
    assert moves(plan)[3] == (TrialState.KILLED, Reason.GOAL_REACHED)
    assert (launched(plan), plan.advise_upto) == ([], None)
    assert plan.notes[-1] == "concluded; waiting for 2 runs to end"


def test_too_many_failures_kill_what_waits_for_that_reason():
    plan = plan_of(waiting(1), finished=[done(2, TrialState.FAILED)], study=make.study(max_failed=1))
    assert plan.condition.reason is StudyReason.TOO_MANY_FAILED
    assert moves(plan) == {1: (TrialState.KILLED, Reason.STUDY_FAILED)}


def test_a_concluded_study_without_unfinished_trials_is_at_rest():
    plan = plan_of(advised=[9], finished=[done(1)], study=make.study(status=StudyStatus.SUCCEEDED))
    assert plan.at_rest
    assert plan.notes


# Stopping


def test_stopping_interrupts_runs_and_keeps_what_waits():
    plan = plan_of(alive(1), waiting(2), advised=[3], study=make.study(stop=True))
    assert (stopped(plan), launched(plan), moves(plan), plan.advise_upto) == ([1], [], {}, None)
    assert plan.condition is None
    assert plan.notes == ("stopping: waiting for 1 run to end",)


@pytest.mark.parametrize(("view", "over"), [(alive(1), False), (draining(1), False), (waiting(1), True)])
def test_a_study_has_stopped_when_no_run_is_left(view, over):
    plan = plan_of(view, study=make.study(stop=True))
    assert (plan.condition is not None and plan.condition.status is StudyStatus.STOPPED) is over


def test_a_stopped_study_is_at_rest_and_resumes_where_it_was():
    halted = make.study(status=StudyStatus.STOPPED, stop=True)
    assert plan_of(waiting(1, attempt=2), study=halted).at_rest
    resumed = plan_of(waiting(1, attempt=2), study=replace(halted, stop_requested=False))
    assert resumed.condition.status is StudyStatus.RUNNING
    assert launched(resumed) == [(1, 2)]


def test_a_study_is_stopped_before_it_began():
    plan = plan_of(study=make.study(status=StudyStatus.CREATED, stop=True))
    assert plan.condition.status is StudyStatus.STOPPED


# Early stopping


def judged(**known):
    """Trial 1 runs and is found hopeless; what that leads to."""
    run = make.view(make.trial(1, RUNNING, metrics=make.metrics(2.0)), make.running())
    return plan_of(run, judgements=[make.judgement(**known)], study=make.study(max_trials=1))


def test_a_verdict_goes_on_record_and_then_the_run_is_stopped():
    plan = judged()
    (move,) = plan.transitions
    assert (move.source, move.target, move.attempt_after) == (RUNNING, RUNNING, None)
    assert (move.reason, move.stopped_by) == (Reason.STOPPING_EARLY, make.early_stop())
    assert move.message == "is being stopped early: medianstop: loss 2 is worse than 1 at step 4"
    assert stopped(plan) == [1]
    assert plan.stops[0].why == "stopped early: medianstop: loss 2 is worse than 1 at step 4"


def test_a_verdict_on_a_run_that_was_not_seen_running_is_one_move():
    run = make.view(make.trial(1, PENDING), make.running(at=make.NOW - 5))
    plan = plan_of(run, judgements=[make.judgement()], study=make.study(max_trials=1))
    (move,) = plan.transitions
    assert (move.source, move.target, move.started_at) == (PENDING, RUNNING, make.NOW - 5)
    assert (move.stopped_by, stopped(plan)) == (make.early_stop(), [1])


def test_a_shadow_goes_on_record_once_and_stops_nothing():
    plan = judged(shadow=True)
    (move,) = plan.transitions
    assert (move.target, move.reason) == (RUNNING, Reason.WOULD_STOP_EARLY)
    assert move.stopped_by == make.early_stop(shadow=True)
    assert stopped(plan) == []
    known = make.view(make.trial(1, RUNNING, stopped_by=move.stopped_by), make.running())
    again = plan_of(known, judgements=[make.judgement(shadow=True)], study=make.study(max_trials=1))
    assert again.at_rest


def test_what_is_condemned_is_stopped_until_it_has_ended():
    """Also by an engine that never heard of the verdict but from the record."""
    condemned = make.view(make.trial(1, RUNNING, stopped_by=make.early_stop()), make.running())
    plan = plan_of(condemned, study=make.study(max_trials=1))
    assert (stopped(plan), plan.transitions) == ([1], ())


@pytest.mark.parametrize("attempt", [1, 3])
def test_a_verdict_on_another_attempt_is_nothing(attempt):
    run = make.view(make.trial(1, RUNNING, attempt=2), make.running())
    plan = plan_of(run, judgements=[make.judgement(1, attempt)], study=make.study(max_trials=1))
    assert plan.at_rest


@pytest.mark.parametrize("run", [make.starting(), make.exited(0, drained=False)])
def test_a_run_that_does_not_run_is_not_judged(run):
    plan = plan_of(
        make.view(make.trial(1, RUNNING), run), judgements=[make.judgement()], study=make.study(max_trials=1)
    )
    assert plan.at_rest


def test_a_run_that_ended_in_the_same_moment_is_what_it_is():
    ended = make.view(make.trial(1, RUNNING, metrics=make.metrics(0.5)), make.exited(0))
    plan = plan_of(ended, judgements=[make.judgement()], study=make.study(max_trials=1))
    assert moves(plan) == {1: (TrialState.SUCCEEDED, Reason.SUCCEEDED)}
    condemned = make.trial(1, RUNNING, metrics=make.metrics(0.5), stopped_by=make.early_stop())
    plan = plan_of(make.view(condemned, make.exited(0)), study=make.study(max_trials=1))
    assert moves(plan) == {1: (TrialState.SUCCEEDED, Reason.SUCCEEDED)}


def test_a_stopped_run_frees_its_place_and_keeps_its_value():
    ended = make.view(
        make.trial(1, RUNNING, metrics=make.metrics(2.0, 3.0), stopped_by=make.early_stop()), make.interrupted()
    )
    plan = plan_of(ended, advised=[2], study=make.study(max_trials=9, parallel=1))
    move = plan.transitions[0]
    assert (move.target, move.reason, move.value) == (TrialState.EARLY_STOPPED, Reason.STOPPED_EARLY, 2.0)
    assert move.message == "stopped early: medianstop: loss 2 is worse than 1 at step 4; loss is 2.0"
    assert launched(plan) == [(2, 1)]


def test_early_stopped_trials_count_towards_the_budget():
    ended = make.view(
        make.trial(1, RUNNING, metrics=make.metrics(2.0), stopped_by=make.early_stop()), make.interrupted()
    )
    plan = plan_of(ended, study=make.study(max_trials=1))
    assert plan.condition.reason is StudyReason.MAX_TRIALS


def test_one_that_is_being_stopped_is_not_dropped_in_the_stead_of_another():
    condemned = make.view(make.trial(3, RUNNING, stopped_by=make.early_stop()), make.running())
    plan = plan_of(alive(1), alive(2), condemned, study=make.study(max_trials=2, parallel=3))
    assert stopped(plan) == [3, 2]


def test_rules_are_attached_when_a_trial_is_created():
    rules = (StopRule(name="loss", value=1.0, comparison=Comparison.GREATER, start_step=2),)
    snapshot = replace(make.snapshot(advised=[1]), rules=rules)
    assert [move.rules for move in decide(snapshot).transitions] == [rules]
