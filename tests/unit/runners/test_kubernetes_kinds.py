"""Trials of other kinds than Job: what is put into their objects, and what these say of their ends."""

from copy import deepcopy
from dataclasses import replace

import pytest

from katib.core.run import Cause, Phase
from katib.runners.contract import LaunchOrder
from katib.runners.kubernetes.collector import LAUNCHER, Collector
from katib.runners.kubernetes.objects import TRIAL_LABEL, object_of
from katib.runners.kubernetes.running import RunsAs
from katib.runners.kubernetes.states import Seen, is_primary, may_have_more, report_of, takes_its_place
from katib.runners.kubernetes.templates import has_pods
from katib.spec.defaults import with_defaults
from katib.spec.gjson import Condition
from katib.spec.kinds import KINDS
from katib.spec.shape import parse

MAIN = {"name": "main", "image": "i", "command": ["train"]}
COLLECTOR = Collector(image="collector:1", address="db:6789")


def a_pod(*others, **metadata):
    """A pod's template with the primary container."""
    return {"metadata": metadata, "spec": {"containers": [*others, deepcopy(MAIN)]}}


def made(kind, spec, *, container="main", pod_labels=None, collector="StdOut"):
    """The object of a trial, with a collector where there is a place for one."""
    manifest = {"apiVersion": "example.org/v1", "kind": kind, "metadata": {"labels": {"queue": "q"}}, "spec": spec}
    order = LaunchOrder(
        trial="study-a",
        attempt=1,
        manifest=manifest,
        container=container,
        metrics=("loss",),
        collector={"collector": {"kind": collector}},
    )
    return object_of(
        order, study="study", study_uid="u", runs_as=RunsAs(pod_labels=pod_labels or {}), collector=COLLECTOR
    )


def trial_of(holder):
    return (holder["metadata"].get("labels") or {}).get(TRIAL_LABEL)


def is_led(template):
    return template["spec"]["containers"][-1]["command"][0] == LAUNCHER


@pytest.mark.parametrize(
    ("kind", "replicas", "roles", "primary"),
    [
        ("PyTorchJob", "pytorchReplicaSpecs", ["Master", "Worker"], "Master"),
        ("TFJob", "tfReplicaSpecs", ["Worker", "Chief", "PS"], "Chief"),
        ("TFJob", "tfReplicaSpecs", ["PS", "Worker"], "Worker"),
        ("MPIJob", "mpiReplicaSpecs", ["Launcher", "Worker"], "Launcher"),
        ("XGBoostJob", "xgbReplicaSpecs", ["Worker", "Master"], "Master"),
        ("PaddleJob", "paddleReplicaSpecs", ["Worker"], "Worker"),
        ("JAXJob", "jaxReplicaSpecs", ["Worker"], "Worker"),
    ],
)
def test_all_pods_are_labelled_and_told_and_the_primary_ones_have_the_collector(kind, replicas, roles, primary):
    found = made(kind, {replicas: {role: {"replicas": 1, "template": a_pod()} for role in roles}})
    assert trial_of(found) == "study-a"
    assert found["metadata"]["labels"]["queue"] == "q"
    for role in roles:
        template = found["spec"][replicas][role]["template"]
        assert trial_of(template) == "study-a"
        assert {"name": "KATIB_TRIAL_NAME", "value": "study-a"} in template["spec"]["containers"][0]["env"]
        assert is_led(template) == (role == primary)
    assert found["spec"][replicas][primary]["template"]["spec"]["initContainers"]


def test_of_many_equal_pods_none_has_the_collector():
    """What each of them printed would be taken for one trial's. The primary one's log is followed instead."""
    found = made("TFJob", {"tfReplicaSpecs": {"Worker": {"replicas": 2, "template": a_pod()}}})
    assert not is_led(found["spec"]["tfReplicaSpecs"]["Worker"]["template"])
    assert trial_of(found["spec"]["tfReplicaSpecs"]["Worker"]["template"]) == "study-a"


def test_a_set_of_jobs_has_it_where_the_container_is():
    other = {"spec": {"containers": [{"name": "driver", "command": ["drive"]}]}}
    jobs = [{"name": n, "template": {"spec": {"template": pod}}} for n, pod in (("a", other), ("b", a_pod()))]
    found = made("JobSet", {"replicatedJobs": jobs})
    templates = [each["template"]["spec"]["template"] for each in found["spec"]["replicatedJobs"]]
    assert [trial_of(each) for each in templates] == ["study-a", "study-a"]
    assert [is_led(each) for each in templates] == [False, True]


def test_of_a_kind_that_nobody_knows_the_labels_tell():
    parts = {"one": a_pod(), "two": a_pod(labels={"role": "trainer"})}
    found = made("Widget", {"parts": parts}, pod_labels={"role": "trainer"})
    assert [is_led(found["spec"]["parts"][each]) for each in ("one", "two")] == [False, True]


def test_a_workflow_labels_its_pods_and_tells_its_container():
    steps = [{"name": "go", "container": {"image": "i", "command": ["train"]}}]
    found = made("Workflow", {"entrypoint": "go", "templates": steps, "ttlStrategy": {}}, container="main")
    assert found["spec"]["podMetadata"]["labels"][TRIAL_LABEL] == "study-a"
    assert {"name": "KATIB_TRIAL_NAME", "value": "study-a"} in found["spec"]["templates"][0]["container"]["env"]
    assert "ttlStrategy" not in found["spec"]


def test_a_pipeline_tells_its_step():
    tasks = [{"name": "t", "taskSpec": {"steps": [{"name": "prepare"}, {"name": "train"}]}}]
    found = made("PipelineRun", {"pipelineSpec": {"tasks": tasks}}, container="step-train")
    first, second = found["spec"]["pipelineSpec"]["tasks"][0]["taskSpec"]["steps"]
    assert "env" not in first
    assert {"name": "KATIB_TRIAL_NAME", "value": "study-a"} in second["env"]


def test_a_train_job_is_told_and_its_pods_are_known_by_its_controllers_label():
    found = made("TrainJob", {"trainer": {"image": "i"}, "suspend": True}, container="node")
    assert {"name": "KATIB_TRIAL_NAME", "value": "study-a"} in found["spec"]["trainer"]["env"]
    assert found["spec"]["suspend"] is True
    assert has_pods(found, "node")
    assert not has_pods({"kind": "Widget", "spec": {}}, "node")


def effective(kind, api_version="kubeflow.org/v1", **template):
    given = {"trialSpec": {"apiVersion": api_version, "kind": kind, "spec": {}}, **template}
    experiment = with_defaults(parse({"spec": {"trialTemplate": given}})[0])
    return experiment.model_dump(by_alias=True, exclude_unset=True)


def test_what_a_template_says_of_its_objects():
    job = RunsAs.of(effective("Job", "batch/v1", retain=True))
    assert (job.kind, job.by_pod, job.retain) == (("batch/v1", "Job"), True, True)
    other = RunsAs.of(effective("TrainJob", "trainer.kubeflow.org/v1alpha1"))
    assert not other.by_pod
    assert other.pod_labels == KINDS["TrainJob"].pod_labels
    assert other.known_by == "jobset.sigs.k8s.io/jobset-name"
    assert not RunsAs.of(effective("Job", "batch/v1", successCondition="status.[@this].#(succeeded==1)")).by_pod


SEEN = Seen(
    container="main",
    kind="Widget",
    success=Condition('status.conditions.#(type=="Done")'),
    failure=Condition('status.conditions.#(type=="Broken")'),
)


def a_widget(*said, **spec):
    return {"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": spec, "status": {"conditions": [*said]}}


def pod_that(state, **more):
    status = {"containerStatuses": [{"name": "main", "state": state}], **more}
    return {"metadata": {"uid": "1"}, "spec": {"containers": [MAIN]}, "status": status}


RUNNING = {"running": {"startedAt": "2026-01-01T00:00:05Z"}}


def ended(code, **more):
    times = {"startedAt": "2026-01-01T00:00:05Z", "finishedAt": "2026-01-01T00:00:09Z"}
    return {"terminated": {"exitCode": code, **times, **more}}


def test_it_runs_with_its_pod():
    assert report_of(SEEN).phase is Phase.STARTING
    assert report_of(replace(SEEN, job=a_widget())).phase is Phase.STARTING
    report = report_of(replace(SEEN, job=a_widget(), pod=pod_that(RUNNING)))
    assert (report.phase, report.started_at) == (Phase.RUNNING, 1767225605.0)
    # A pod that has ended is none yet: its controller may start another.
    assert report_of(replace(SEEN, job=a_widget(), pod=pod_that(ended(1)))).phase is Phase.STARTING


def test_without_pods_it_runs_when_it_is_there_and_not_suspended():
    alone = replace(SEEN, has_pod=False)
    assert report_of(alone).phase is Phase.STARTING
    assert report_of(replace(alone, job=a_widget())).phase is Phase.RUNNING
    waits = report_of(replace(alone, job=a_widget(suspend=True)))
    assert (waits.phase, "suspended" in waits.message) == (Phase.STARTING, True)


def test_its_conditions_tell_its_end():
    done = replace(SEEN, job=a_widget({"type": "Done"}), pod=pod_that(ended(0)))
    report = report_of(done)
    assert (report.phase, report.code, report.ended_at) == (Phase.ENDED, 0, 1767225609.0)
    assert "no pod" in report_of(replace(done, pod=None)).message
    said = {"type": "Broken", "reason": "BackOff", "message": "1 of 2 failed"}
    broken = report_of(replace(SEEN, job=a_widget(said, {"type": "Done"}), pod=pod_that(ended(3))))
    assert (broken.phase, broken.code) == (Phase.ENDED, 3)
    assert broken.trouble == "its Widget failed: BackOff: 1 of 2 failed"
    late = a_widget({"type": "Broken", "reason": "DeadlineExceeded"})
    assert report_of(replace(SEEN, job=late)).cause is Cause.DEADLINE


def test_what_the_cluster_took_is_lost_and_what_never_began_is_refused():
    broken = replace(SEEN, job=a_widget({"type": "Broken"}))
    evicted = pod_that(ended(137), reason="Evicted", message="no memory")
    assert report_of(replace(broken, pod=evicted)).phase is Phase.LOST
    never = pod_that(ended(128, reason="StartError", message="no such program"))
    assert (report_of(replace(broken, pod=never)).phase) is Phase.REFUSED
    gone = report_of(replace(SEEN, job=a_widget(), job_gone=True))
    assert (gone.phase, gone.message) == (Phase.LOST, "its Widget was deleted by somebody else")


def test_one_that_was_stopped_ends_when_its_pod_has():
    stopped = replace(SEEN, job=a_widget(), job_gone=True, stopped=True, pod=pod_that(RUNNING))
    assert report_of(stopped).phase is Phase.RUNNING
    report = report_of(replace(stopped, pod=pod_that(ended(143))))
    assert (report.phase, report.cause, report.signal) == (Phase.ENDED, Cause.STOPPED, 15)
    assert report_of(replace(stopped, pod=None)).cause is Cause.STOPPED


def test_what_its_pod_says_may_come_after_its_own_end():
    done = replace(SEEN, job=a_widget({"type": "Done"}))
    of_job = Seen(container="main", job={"status": {"conditions": [{"type": "Failed", "status": "True"}]}})
    for seen in (done, of_job):
        assert may_have_more(seen)
        assert not may_have_more(replace(seen, stopped=True))
        assert not may_have_more(replace(seen, has_pod=False))
        assert not may_have_more(replace(seen, pod=pod_that(ended(0))))
    assert may_have_more(replace(done, pod=pod_that(RUNNING)))
    assert not may_have_more(replace(done, pod=pod_that(RUNNING), pod_gone=True))
    assert not may_have_more(replace(of_job, pod=pod_that(RUNNING)))


def test_the_primary_pod_is_the_one_with_the_labels_and_the_container():
    pod = pod_that(RUNNING)
    assert is_primary(SEEN, pod, {})
    assert not is_primary(SEEN, pod, {"role": "master"})
    pod["metadata"]["labels"] = {"role": "master", "more": "1"}
    assert is_primary(SEEN, pod, {"role": "master"})
    pod["spec"] = {"containers": [{"name": "other"}]}
    assert not is_primary(SEEN, pod, {"role": "master"})


def test_another_pod_takes_the_place_of_one_that_has_ended():
    other = {"metadata": {"uid": "2"}}
    assert not takes_its_place(replace(SEEN, pod=pod_that(RUNNING)), other)
    assert takes_its_place(replace(SEEN, pod=pod_that(ended(1), phase="Failed")), other)
    assert takes_its_place(replace(SEEN, pod=pod_that(RUNNING), pod_gone=True), other)
    assert not takes_its_place(SEEN, other)
