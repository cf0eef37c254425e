"""One row per rule of the table, and the edges of the one wait it knows."""

import pytest

from katib.core.classify import RULES, Bucket, classify
from katib.core.run import NOT_LAUNCHED, Cause, Phase, RunReport
from katib.core.trial import TrialState
from katib.testing import builders as make

WAITING = make.trial(1, TrialState.PENDING)
RUNNING = make.trial(1, TrialState.RUNNING)
CONDEMNED = make.trial(1, TrialState.RUNNING, stopped_by=make.early_stop())
SHADOWED = make.trial(1, TrialState.RUNNING, stopped_by=make.early_stop(shadow=True))
PATIENCE = 30.0


def bucket(trial, run, *, now=make.NOW, patience=PATIENCE):
    return classify(make.view(trial, run), now=now, patience=patience)


TIMED_OUT = make.exited(None, signal=15, cause=Cause.DEADLINE)

ROWS = [
    ("refused", RUNNING, make.refused(), Bucket.REFUSED),
    ("interrupted", RUNNING, make.interrupted(), Bucket.INTERRUPTED),
    ("draining", RUNNING, make.exited(0, drained=False), Bucket.DRAINING),
    ("timed out", RUNNING, TIMED_OUT, Bucket.TIMED_OUT),
    ("completed", RUNNING, make.exited(0), Bucket.COMPLETED),
    ("broke by code", RUNNING, make.exited(1), Bucket.BROKE),
    ("broke by signal", RUNNING, make.exited(None, signal=9), Bucket.BROKE),
    ("broke, nobody knows how", RUNNING, make.exited(None), Bucket.BROKE),
    ("lost", RUNNING, make.lost(), Bucket.LOST),
    ("lost before it was seen to run", WAITING, make.lost(), Bucket.LOST),
    ("starting", WAITING, make.starting(), Bucket.ALIVE),
    ("running", WAITING, make.running(), Bucket.ALIVE),
    ("running on record too", RUNNING, make.running(), Bucket.ALIVE),
    ("running on record, its runner never heard of it", RUNNING, NOT_LAUNCHED, Bucket.LOST),
    ("waiting", WAITING, NOT_LAUNCHED, Bucket.WAITING),
    ("stopped early", CONDEMNED, make.interrupted(), Bucket.STOPPED_EARLY),
    ("condemned, and runs on until it is stopped", CONDEMNED, make.running(), Bucket.ALIVE),
    # Which rule comes first, where two fit.
    (
        "stopped early: first its metrics",
        CONDEMNED,
        make.exited(0, cause=Cause.STOPPED, drained=False),
        Bucket.DRAINING,
    ),
    ("condemned, and vanished before it was stopped", CONDEMNED, make.lost(), Bucket.STOPPED_EARLY),
    ("condemned, and its runner never heard of it", CONDEMNED, NOT_LAUNCHED, Bucket.STOPPED_EARLY),
    ("condemned, and ended by itself before it was stopped", CONDEMNED, make.exited(0), Bucket.COMPLETED),
    ("condemned, and broke by itself before it was stopped", CONDEMNED, make.exited(1), Bucket.BROKE),
    ("condemned, and over its deadline before it was stopped", CONDEMNED, TIMED_OUT, Bucket.TIMED_OUT),
    ("a shadow stops nothing: interrupted", SHADOWED, make.interrupted(), Bucket.INTERRUPTED),
    ("a shadow stops nothing: lost", SHADOWED, make.lost(), Bucket.LOST),
    ("stopped: nothing to drain", RUNNING, make.exited(0, cause=Cause.STOPPED, drained=False), Bucket.INTERRUPTED),
    ("stopped: its exit code does not count", RUNNING, make.exited(0, cause=Cause.STOPPED), Bucket.INTERRUPTED),
    ("deadline: first its metrics", RUNNING, make.exited(0, cause=Cause.DEADLINE, drained=False), Bucket.DRAINING),
    ("deadline: its exit code does not count", RUNNING, make.exited(0, cause=Cause.DEADLINE), Bucket.TIMED_OUT),
    ("broke: first its metrics", RUNNING, make.exited(1, drained=False), Bucket.DRAINING),
    ("refused: whatever the record says", WAITING, make.refused(), Bucket.REFUSED),
]


@pytest.mark.parametrize(("trial", "run", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_rows(trial, run, expected):
    assert bucket(trial, run) is expected


def test_every_rule_has_a_row():
    reached = set()
    for _, trial, run, _ in ROWS:
        view = make.view(trial, run)
        reached.add(next(number for number, (_, test) in enumerate(RULES) if test(view, make.NOW, PATIENCE)))
    assert reached == set(range(len(RULES)))


@pytest.mark.parametrize("state", [TrialState.PENDING, TrialState.RUNNING])
@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_has_a_bucket(state, phase):
    assert bucket(make.trial(1, state), RunReport(phase=phase)) in Bucket


@pytest.mark.parametrize(
    ("seconds_after_its_end", "expected"),
    [
        (0.0, Bucket.DRAINING),
        (29.0, Bucket.DRAINING),
        (30.0, Bucket.COMPLETED),
        (31.0, Bucket.COMPLETED),
        # The runner's clock may be ahead of ours, but not by more than the patience: then ours was set back.
        (-29.0, Bucket.DRAINING),
        (-30.0, Bucket.DRAINING),
        (-31.0, Bucket.COMPLETED),
    ],
)
def test_metrics_are_awaited_for_as_long_as_the_patience(seconds_after_its_end, expected):
    run = make.exited(0, drained=False)
    assert bucket(RUNNING, run, now=make.NOW + seconds_after_its_end) is expected


def test_an_end_at_an_unknown_time_is_not_waited_for():
    assert bucket(RUNNING, make.exited(0, drained=False, at=None)) is Bucket.COMPLETED


def test_the_wait_is_over_at_the_time_that_it_names():
    view = make.view(RUNNING, make.exited(0, drained=False))
    assert view.drained_by(PATIENCE) == make.NOW + 30.0
    assert classify(view, now=view.drained_by(PATIENCE), patience=PATIENCE) is Bucket.COMPLETED
