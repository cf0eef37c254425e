"""What the objects of a run say about it. The objects are as a real API server (1.34) gives them, shortened."""

from dataclasses import replace

import pytest

from katib.core.run import Cause, Phase
from katib.runners.kubernetes.states import Seen, container_began, container_is_over, deleted_at, report_of

BEGAN, OVER = "2026-11-25T10:00:00Z", "2026-11-25T10:00:05Z"
JOB = {"metadata": {"name": "t"}, "spec": {}, "status": {"active": 1}}
SEEN = Seen(container="main", job=JOB)


def pod(*, state=None, status=None, metadata=None):
    statuses = [{"name": "other", "state": {"running": {"startedAt": BEGAN}}}]
    statuses += [{"name": "main", "state": state}] if state else []
    return {
        "metadata": {"name": "p", "uid": "1", **(metadata or {})},
        "status": {"containerStatuses": statuses, **(status or {})},
    }


def ended(code=0, **more):
    return {"terminated": {"exitCode": code, "startedAt": BEGAN, "finishedAt": OVER, **more}}


def condition(kind, **more):
    return {"conditions": [{"type": kind, "status": "True", **more}]}


GOING = {"deletionTimestamp": OVER, "deletionGracePeriodSeconds": 2}
FAILED = {**JOB, "status": condition("Failed", reason="BackoffLimitExceeded", message="reached the limit")}


def test_a_running_container():
    seen = replace(SEEN, pod=pod(state={"running": {"startedAt": BEGAN}}))
    report = report_of(seen)
    assert (report.phase, report.started_at) == (Phase.RUNNING, 1795600800.0)
    assert container_began(seen)
    assert not container_is_over(seen)


@pytest.mark.parametrize("code", [0, 3, 137])
def test_an_exit_code_is_the_trials_own(code):
    report = report_of(replace(SEEN, pod=pod(state=ended(code))))
    assert (report.phase, report.code, report.signal, report.cause) == (Phase.ENDED, code, None, None)
    assert report.ended_at - report.started_at == 5


def test_too_much_memory_is_the_trials_own_and_named():
    report = report_of(replace(SEEN, pod=pod(state=ended(137, reason="OOMKilled"))))
    assert (report.phase, report.code) == (Phase.ENDED, 137)
    assert "OOMKilled" in report.message


def test_a_program_that_is_not_there_is_refused():
    state = ended(128, reason="StartError", message='exec: "nope": executable file not found in $PATH')
    seen = replace(SEEN, pod=pod(state=state))
    assert report_of(seen).phase is Phase.REFUSED
    assert "nope" in report_of(seen).message
    assert not container_began(seen)


def test_a_stopped_run_says_by_which_signal():
    report = report_of(replace(SEEN, stopped=True, pod=pod(state=ended(143), metadata=GOING)))
    assert (report.phase, report.code, report.signal, report.cause) == (Phase.ENDED, None, 15, Cause.STOPPED)


@pytest.mark.parametrize("kind", ["Failed", "FailureTarget"])
def test_a_deadline_is_told_by_the_job(kind):
    job = {**JOB, "status": condition(kind, reason="DeadlineExceeded")}
    assert report_of(replace(SEEN, job=job, pod=pod(state=ended(143), metadata=GOING))).cause is Cause.DEADLINE
    assert report_of(replace(SEEN, job=job, pod=pod(), pod_gone=True)).cause is Cause.DEADLINE


def test_a_pod_that_is_going_away_is_judged_when_somebody_has_said_why():
    """The Job's condition may come after its pod's end."""
    assert report_of(replace(SEEN, pod=pod(state=ended(143), metadata=GOING))) is None
    assert report_of(replace(SEEN, pod=pod(state={"running": {"startedAt": BEGAN}}), pod_gone=True)) is None


def test_success_while_its_pod_is_going_away_is_success():
    assert report_of(replace(SEEN, pod=pod(state=ended(0), metadata=GOING))).code == 0


@pytest.mark.parametrize(
    "status",
    [
        condition("DisruptionTarget", reason="EvictionByEvictionAPI", message="evicted"),
        {"reason": "Evicted", "message": "The node was low on resource: memory.", "phase": "Failed"},
    ],
)
def test_what_the_cluster_took_is_lost_and_not_held_against_the_trial(status):
    report = report_of(replace(SEEN, pod=pod(state=ended(137), status=status)))
    assert report.phase is Phase.LOST
    assert "vict" in report.message
    stopped = report_of(replace(SEEN, pod=pod(state=ended(137), status=status), stopped=True))
    assert stopped.cause is Cause.STOPPED


def test_deleted_by_others_is_lost():
    assert report_of(replace(SEEN, job=FAILED, pod=pod(), pod_gone=True)).phase is Phase.LOST
    for seen in ({"job": FAILED}, {"job_gone": True}):
        assert report_of(replace(SEEN, pod=pod(state=ended(137), metadata=GOING), **seen)).phase is Phase.LOST
    assert report_of(replace(SEEN, job_gone=True)).phase is Phase.LOST
    assert report_of(replace(SEEN, job_gone=True, stopped=True)).cause is Cause.STOPPED


def test_the_api_shortens_the_grace_of_a_pod_whose_containers_are_over():
    late = {"deletionTimestamp": "2026-11-25T10:00:09Z", "deletionGracePeriodSeconds": 0}
    seen = replace(SEEN, job=FAILED, pod=pod(state=ended(1), metadata=late), pod_gone=True)
    assert report_of(seen).code == 1
    assert report_of(replace(seen, deleted_at=deleted_at(pod(metadata=GOING)))).phase is Phase.LOST
    assert report_of(replace(seen, pod=pod(state=ended(137), metadata=late))).phase is Phase.LOST


def test_what_had_failed_before_its_pod_was_deleted_has_failed():
    state = ended(1, finishedAt="2026-11-25T10:00:02Z")
    report = report_of(replace(SEEN, job=FAILED, pod=pod(state=state, metadata=GOING)))
    assert (report.phase, report.code) == (Phase.ENDED, 1)


def test_a_job_that_is_complete_has_succeeded_though_its_pod_is_gone():
    complete = {**JOB, "status": condition("Complete")}
    assert report_of(replace(SEEN, job=complete, pod=pod(), pod_gone=True)).code == 0


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (
            {"pod": pod(state={"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image x"}})},
            "ImagePullBackOff: Back-off pulling image x",
        ),
        ({"pod": pod(state={"waiting": {"reason": "ContainerCreating"}})}, ""),
        (
            {
                "pod": pod(
                    status={
                        "conditions": [
                            {
                                "type": "PodScheduled",
                                "status": "False",
                                "reason": "Unschedulable",
                                "message": "0/1 nodes",
                            }
                        ]
                    }
                )
            },
            "Unschedulable: 0/1 nodes",
        ),
        ({"events": (("FailedCreate", "exceeded quota: q"),)}, "FailedCreate: exceeded quota: q"),
        ({"job": {**JOB, "spec": {"suspend": True}}}, "suspended"),
    ],
)
def test_a_run_that_does_not_start_says_why(seen, said):
    report = report_of(replace(SEEN, **seen))
    assert report.phase is Phase.STARTING
    assert said in report.message
    assert bool(said) is bool(report.message)
