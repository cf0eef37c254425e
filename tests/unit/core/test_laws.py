"""Laws of one decision, over arbitrary well-typed snapshots, inconsistent ones included."""

import copy
from dataclasses import replace

import pytest
from hypothesis import given, settings

from katib.core.decide import Launch, Plan, Snapshot, Stop, decide
from katib.core.trial import Reason, Transition, TrialState
from katib.testing import builders as make
from katib.testing.laws import LAWS, broken_laws
from katib.testing.strategies import consistent_snapshots, snapshots

EXAMPLES = max(settings.default.max_examples, 400)


@settings(max_examples=EXAMPLES)
@given(snapshots())
def test_a_plan_keeps_the_laws(snapshot):
    assert broken_laws(snapshot, decide(snapshot)) == []


@settings(max_examples=EXAMPLES)
@given(consistent_snapshots())
def test_a_plan_keeps_the_laws_when_the_record_is_consistent(snapshot):
    assert broken_laws(snapshot, decide(snapshot)) == []


@settings(max_examples=EXAMPLES // 4)
@given(snapshots())
def test_the_same_snapshot_gives_the_same_plan_and_is_unchanged(snapshot):
    before = copy.deepcopy(snapshot)
    assert decide(snapshot) == decide(before)
    assert snapshot == before


@settings(max_examples=EXAMPLES // 4)
@given(consistent_snapshots())
def test_nothing_is_done_to_a_study_that_is_over_and_quiet(snapshot):
    quiet = replace(snapshot, trials=(), study=replace(snapshot.study, condition=make.condition(TERMINAL)))
    assert decide(quiet).at_rest


TERMINAL = make.StudyStatus.SUCCEEDED

# The laws are tests themselves: each must see the fault that it is there for.

RUNS = make.view(make.trial(1, TrialState.RUNNING), make.running())
WAITS = make.view(make.trial(1, TrialState.PENDING))
PAUSES = make.view(make.trial(1, TrialState.PENDING, not_before=make.NOW + 1))
CREATE = Transition(ordinal=2, source=TrialState.ADVISED, attempt=1, target=TrialState.PENDING, reason=Reason.CREATED)
SUCCEED = Transition(
    ordinal=1, source=TrialState.RUNNING, attempt=1, target=TrialState.SUCCEEDED, reason=Reason.SUCCEEDED, value=0.5
)
LAUNCH_1, LAUNCH_2 = Launch(ordinal=1, attempt=1, why="x"), Launch(ordinal=2, attempt=1, why="x")
STOP_1 = Stop(ordinal=1, attempt=1, why="x")
OVER = make.study(status=TERMINAL)
CONDEMNED = make.view(make.trial(1, TrialState.RUNNING, stopped_by=make.early_stop()), make.running())
SHADOW = make.early_stop(shadow=True)
JUDGE = replace(
    SUCCEED, target=TrialState.RUNNING, reason=Reason.STOPPING_EARLY, value=None, stopped_by=make.early_stop()
)
EARLY = replace(SUCCEED, target=TrialState.EARLY_STOPPED)
STOP_EARLY = replace(STOP_1, why="stopped early: x")
JUDGED = make.snapshot(RUNS, judgements=[make.judgement()])

FAULTS: list[tuple[str, Snapshot, Plan]] = [
    ("within_budget", make.snapshot(RUNS, advised=[2], study=make.study(max_trials=1)), Plan(transitions=(CREATE,))),
    ("within_width", make.snapshot(RUNS, study=make.study(parallel=1)), Plan(launches=(LAUNCH_2,))),
    ("within_width", make.snapshot(WAITS, advised=[2], study=make.study(parallel=1)), Plan(transitions=(CREATE,))),
    ("at_rest_when_over", make.snapshot(study=OVER), Plan(advise_upto=1)),
    ("at_rest_when_over", make.snapshot(WAITS, study=make.study(stop=True)), Plan(launches=(LAUNCH_1,))),
    ("at_rest_when_over", make.snapshot(study=OVER), Plan(condition=make.condition())),
    ("ends_what_is_over", make.snapshot(RUNS, study=OVER), Plan()),
    ("ends_what_is_over", make.snapshot(WAITS, study=OVER), Plan()),
    ("stops_or_launches", make.snapshot(RUNS), Plan(stops=(STOP_1,), launches=(LAUNCH_1,))),
    ("stops_or_launches", make.snapshot(WAITS), Plan(launches=(LAUNCH_1, LAUNCH_1))),
    ("launches_what_exists", make.snapshot(advised=[2]), Plan(launches=(LAUNCH_2,))),
    ("launches_what_exists", make.snapshot(WAITS), Plan(launches=(replace(LAUNCH_1, attempt=2),))),
    ("launches_what_exists", make.snapshot(RUNS), Plan(launches=(LAUNCH_1,))),
    ("launches_what_exists", make.snapshot(RUNS), Plan(launches=(LAUNCH_1,), transitions=(SUCCEED,))),
    ("waits_out_pauses", make.snapshot(PAUSES), Plan(launches=(LAUNCH_1,))),
    ("stops_what_runs", make.snapshot(WAITS), Plan(stops=(STOP_1,))),
    ("stops_what_runs", make.snapshot(RUNS), Plan(stops=(replace(STOP_1, attempt=2),))),
    ("moves_lawfully", make.snapshot(RUNS), Plan(transitions=(SUCCEED, SUCCEED))),
    ("moves_lawfully", make.snapshot(WAITS), Plan(transitions=(SUCCEED,))),
    ("moves_lawfully", make.snapshot(RUNS), Plan(transitions=(replace(SUCCEED, value=None),))),
    ("moves_lawfully", make.snapshot(RUNS), Plan(transitions=(replace(SUCCEED, attempt_after=3),))),
    ("moves_lawfully", make.snapshot(advised=[2]), Plan(transitions=(replace(CREATE, target=TrialState.RUNNING),))),
    ("moves_lawfully", make.snapshot(RUNS), Plan(transitions=(replace(SUCCEED, target=TrialState.FAILED),))),
    ("judges_once", make.snapshot(CONDEMNED, judgements=[make.judgement()]), Plan(transitions=(JUDGE,))),
    ("judges_once", make.snapshot(RUNS, judgements=[make.judgement(1, 2)]), Plan(transitions=(JUDGE,))),
    ("judges_once", make.snapshot(WAITS, judgements=[make.judgement()]), Plan(transitions=(JUDGE,))),
    ("judges_once", JUDGED, Plan(transitions=(replace(SUCCEED, stopped_by=make.early_stop()),))),
    ("stops_the_condemned", make.snapshot(CONDEMNED), Plan()),
    ("stops_the_condemned", JUDGED, Plan(transitions=(JUDGE,))),
    ("stops_the_condemned", JUDGED, Plan(stops=(STOP_EARLY,))),
    ("stops_the_condemned", JUDGED, Plan(transitions=(replace(JUDGE, stopped_by=SHADOW),), stops=(STOP_EARLY,))),
    ("stops_the_condemned", make.snapshot(RUNS), Plan(transitions=(EARLY,))),
    ("asks_within_budget", make.snapshot(advised=[1]), Plan(advise_upto=1)),
    ("asks_within_budget", make.snapshot(advised=[1]), Plan(advise_upto=4)),
    ("asks_within_budget", make.snapshot(study=make.study(exhausted="used up")), Plan(advise_upto=1)),
    ("says_why", make.snapshot(), Plan(notes=())),
    ("says_why", make.snapshot(RUNS), Plan(notes=("x",), stops=(replace(STOP_1, why=""),))),
    ("says_why", make.snapshot(RUNS), Plan(notes=("x",), transitions=(SUCCEED,))),
    ("says_why", make.snapshot(), Plan(notes=("x",), condition=replace(make.condition(), message=""))),
    ("wakes_later", make.snapshot(), Plan(wake_at=make.NOW)),
]


@pytest.mark.parametrize(("law", "snapshot", "plan"), FAULTS)
def test_a_law_sees_its_fault(law, snapshot, plan):
    assert any(fault.startswith(f"{law}: ") for fault in broken_laws(snapshot, plan))


def test_every_law_was_seen_to_fail():
    assert {law for law, _, _ in FAULTS} == {law.__name__ for law in LAWS}
