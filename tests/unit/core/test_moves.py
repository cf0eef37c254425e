"""What becomes of a trial, bucket by bucket, and the thresholds of retries, losses and pauses."""

import pytest

from katib.core.classify import Bucket, classify
from katib.core.moves import move, paused_until
from katib.core.run import NOT_LAUNCHED, Cause
from katib.core.study import RetryPolicy
from katib.core.trial import Reason, TrialState
from katib.testing import builders as make

PENDING, RUNNING = TrialState.PENDING, TrialState.RUNNING


def moved(trial, run, *, retry=None, now=make.NOW):
    view = make.view(trial, run)
    bucket = classify(view, now=now, patience=30.0)
    return move(view, bucket, study=make.study(), retry=retry or RetryPolicy(), now=now)


def running(**known):
    return make.trial(1, RUNNING, **known)


def test_a_trial_without_a_run_waits():
    trial = make.trial(1)
    result = moved(trial, NOT_LAUNCHED)
    assert (result.transition, result.alive, result.waiting) == (None, False, trial)


@pytest.mark.parametrize("trial", [make.trial(1, PENDING), make.trial(1, RUNNING)])
def test_a_run_that_starts_is_alive_and_changes_nothing(trial):
    result = moved(trial, make.starting())
    assert (result.transition, result.alive, result.waiting) == (None, True, None)


def test_what_keeps_a_run_from_starting_is_recorded_once_and_taken_back():
    first = moved(make.trial(1, PENDING, not_before=5.0), make.starting("no room")).transition
    assert (first.source, first.target, first.reason, first.message) == (PENDING, PENDING, Reason.WAITING, "no room")
    assert (first.attempt_after, first.not_before) == (None, 5.0)
    waits = make.trial(1, PENDING, reason=Reason.WAITING, message="no room")
    assert moved(waits, make.starting("no room")).transition is None
    assert moved(waits, make.starting("no image")).transition.message == "no image"
    cleared = moved(waits, make.starting()).transition
    assert (cleared.reason, cleared.message) == (Reason.CREATED, "")


def test_why_a_trial_runs_again_stays_while_nothing_keeps_it_from_starting():
    again = make.trial(1, PENDING, reason=Reason.LOST, message="its node is gone")
    assert moved(again, make.starting()).transition is None


def test_a_reason_longer_than_what_is_kept_is_recorded_once():
    first = moved(make.trial(1, PENDING), make.starting("x" * 5000)).transition
    waits = make.trial(1, PENDING, reason=Reason.WAITING, message=first.message)
    assert moved(waits, make.starting("x" * 5000)).transition is None


def test_a_run_that_runs_is_recorded_once():
    first = moved(make.trial(1, PENDING), make.running(at=make.NOW - 5))
    assert first.alive
    assert (first.transition.source, first.transition.target) == (PENDING, RUNNING)
    assert (first.transition.reason, first.transition.started_at) == (Reason.STARTED, make.NOW - 5)
    assert first.transition.attempt_after is None
    assert moved(make.trial(1, RUNNING), make.running()).transition is None


def test_a_run_that_drains_holds_its_place():
    result = moved(running(), make.exited(0, drained=False))
    assert (result.transition, result.alive, result.waiting) == (None, True, None)


@pytest.mark.parametrize(
    ("run", "metrics", "state", "reason", "value"),
    [
        (make.exited(0), make.metrics(0.7, 0.5), TrialState.SUCCEEDED, Reason.SUCCEEDED, 0.5),
        (make.exited(0), {}, TrialState.METRICS_UNAVAILABLE, Reason.METRIC_NOT_FOUND, None),
        (make.refused(), {}, TrialState.FAILED, Reason.CANNOT_START, None),
        (make.exited(0, cause=Cause.DEADLINE), make.metrics(0.5), TrialState.FAILED, Reason.DEADLINE, None),
        (make.exited(3), make.metrics(0.5), TrialState.FAILED, Reason.EXIT_CODE, None),
        (make.exited(None, signal=11), make.metrics(0.5), TrialState.FAILED, Reason.SIGNAL, None),
    ],
)
def test_ends(run, metrics, state, reason, value):
    result = moved(running(metrics=metrics), run)
    assert not result.alive
    assert result.waiting is None
    done = result.transition
    assert (done.source, done.target, done.reason, done.value) == (RUNNING, state, reason, value)
    assert done.message
    assert (done.attempt, done.attempt_after) == (1, None)
    assert done.ended_at == make.NOW


def test_an_end_keeps_the_times_of_the_run():
    done = moved(make.trial(1, PENDING), make.exited(0, at=make.NOW - 7)).transition
    assert (done.started_at, done.ended_at) == (make.NOW - 8, make.NOW - 7)


def test_an_end_at_an_unknown_time_was_now():
    assert moved(running(), make.exited(1, at=None)).transition.ended_at == make.NOW


@pytest.mark.parametrize("now_is_zero", [True, False])
def test_an_end_at_time_zero_is_not_an_unknown_time(now_is_zero):
    assert moved(running(), make.exited(1, at=0.0), now=0.0 if now_is_zero else 5.0).transition.ended_at == 0.0


@pytest.mark.parametrize(("failures_before", "runs_again"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_failed_attempt_is_retried_as_often_as_the_policy_says(failures_before, runs_again):
    trial = running(failures=failures_before, attempt=5)
    result = moved(trial, make.exited(1, tail="no memory"), retry=RetryPolicy(retries=2))
    assert result.transition.failures == failures_before + 1
    if runs_again:
        assert (result.transition.target, result.transition.attempt_after) == (PENDING, 6)
        assert (result.waiting.attempt, result.waiting.state) == (6, PENDING)
        assert result.transition.reason is Reason.RETRYING
    else:
        assert (result.transition.target, result.waiting) == (TrialState.FAILED, None)
        assert f"attempt 5, {failures_before + 1} failed" in result.transition.message
    assert "no memory" in result.transition.message


def test_a_trial_without_retries_fails_at_once_and_says_so_shortly():
    done = moved(running(), make.exited(1)).transition
    assert (done.target, done.message) == (TrialState.FAILED, "exited with code 1")


@pytest.mark.parametrize(("failures_before", "pause"), [(0, 1.0), (1, 2.0), (2, 4.0), (5, 32.0), (6, 60.0), (90, 60.0)])
def test_the_pause_before_a_retry_doubles_up_to_a_minute(failures_before, pause):
    result = moved(running(failures=failures_before), make.exited(1), retry=RetryPolicy(retries=100))
    assert result.transition.not_before == result.waiting.not_before == make.NOW + pause


@pytest.mark.parametrize(("losses_before", "runs_again"), [(0, True), (1, True), (2, False)])
def test_a_lost_run_is_free_until_too_many_were_lost(losses_before, runs_again):
    result = moved(running(losses=losses_before), make.lost("the node is gone"), retry=RetryPolicy(losses=2))
    assert (result.transition.losses, result.transition.failures) == (losses_before + 1, None)
    assert "the node is gone" in result.transition.message
    if runs_again:
        assert (result.transition.target, result.transition.reason) == (PENDING, Reason.LOST)
        assert (result.waiting.attempt, result.waiting.not_before) == (2, 0.0)
    else:
        assert (result.transition.target, result.transition.reason) == (TrialState.FAILED, Reason.LOST_TOO_OFTEN)


def test_a_run_that_vanished_without_a_word_has_a_message():
    assert "vanished" in moved(running(), make.lost()).transition.message


def test_an_interrupted_run_runs_again_at_no_cost():
    result = moved(running(), make.interrupted())
    again = result.transition
    assert (again.target, again.reason, again.attempt_after) == (PENDING, Reason.INTERRUPTED, 2)
    assert (again.failures, again.losses, again.not_before) == (None, None, 0.0)
    assert result.waiting.attempt == 2


@pytest.mark.parametrize("bucket", list(Bucket))
@pytest.mark.parametrize("run", [NOT_LAUNCHED, make.exited(0), make.lost()])
def test_every_bucket_has_a_move_whatever_the_run(bucket, run):
    result = move(make.view(running(), run), bucket, study=make.study(), retry=RetryPolicy(), now=make.NOW)
    finished = result.transition is not None and result.transition.target not in (PENDING, RUNNING)
    assert [result.alive, result.waiting is not None, finished].count(True) == 1


@pytest.mark.parametrize(
    ("not_before", "paused"), [(0.0, False), (-1.0, False), (0.5, True), (60.0, True), (61.0, False), (86_400.0, False)]
)
def test_a_pause_ends_and_is_never_longer_than_the_longest(not_before, paused):
    """One that seems longer was written before the clock was set back."""
    trial = make.trial(1, not_before=make.NOW + not_before if not_before else 0.0)
    expected = trial.not_before if paused else None
    assert paused_until(trial, retry=RetryPolicy(), now=make.NOW) == expected


def test_a_pause_is_over_at_its_time():
    assert paused_until(make.trial(1, not_before=make.NOW), retry=RetryPolicy(), now=make.NOW) is None
