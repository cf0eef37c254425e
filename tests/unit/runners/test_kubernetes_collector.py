"""What is put into a trial's pod, and what stays as it is."""

import json
from dataclasses import replace

import pytest

from katib.runners.contract import LaunchOrder
from katib.runners.kubernetes.collector import LAUNCHER, SIDECAR, Collector
from katib.runners.kubernetes.objects import is_collected, object_of
from katib.spec.kubelet import expand
from metrics_collector.task import Task

WORDS = ["python", "-c", "print('a  b $(X) \"c\"')"]
CONTAINER = {"name": "main", "image": "i", "command": WORDS, "args": ["--lr=0.1"]}
COLLECTOR = Collector(image="collector:1", address="db:6789")


def an_order(kind="StdOut", source=None, **changes):
    pod = {"containers": [{**CONTAINER, **changes}], "initContainers": [{"name": "own"}]}
    manifest = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "spec": {"template": {"spec": pod}}}
    collector = {"collector": {"kind": kind}, **({"source": source} if source else {})}
    return LaunchOrder(
        trial="study-a", attempt=2, manifest=manifest, container="main", metrics=("loss",), collector=collector
    )


def pod_of(order, collector=COLLECTOR):
    job = object_of(order, study="study", study_uid="u", collector=collector)
    return job, job["spec"]["template"]["spec"]


def test_the_words_stay_as_they_are():
    order = an_order()
    job, pod = pod_of(order)
    (main,) = pod["containers"]
    assert main["command"] == [LAUNCHER, "/katib-collector", *WORDS]
    assert main["args"] == ["--lr=0.1"]
    assert [each["name"] for each in pod["initContainers"]] == ["own", "katib-launcher", SIDECAR]
    assert pod["initContainers"][-1]["restartPolicy"] == "Always"
    assert is_collected(job, order)


def test_its_task_is_what_the_kubelet_makes_of_its_argument():
    source = {"filter": {"metricsFormat": [r"(\w+)\s*:\s*(\S+) \$(NAME)"]}}
    _, pod = pod_of(an_order(source=source))
    (argument,) = pod["initContainers"][-1]["args"]
    task = Task.read(expand(argument, {"NAME": "no"}))
    assert (task.trial, task.attempt, task.metrics, task.address) == ("study-a", 2, ("loss",), "db:6789")
    assert task.collector["source"] == source
    assert task.stays


def test_where_a_cluster_has_no_sidecars_it_is_a_container_that_ends():
    _, pod = pod_of(an_order(), replace(COLLECTOR, native=False))
    sidecar = pod["containers"][-1]
    assert sidecar["name"] == SIDECAR
    assert "restartPolicy" not in sidecar
    assert not Task.read(sidecar["args"][0]).stays


@pytest.mark.parametrize(
    ("kind", "path", "seen"),
    [("File", "/logs/metrics.log", "/logs"), ("TensorFlowEvent", "/events/", "/events"), ("StdOut", "", "")],
)
def test_both_containers_see_what_is_read(kind, path, seen):
    source = {"fileSystemPath": {"path": path}} if path else None
    _, pod = pod_of(an_order(kind, source))
    for container in (pod["containers"][0], pod["initContainers"][-1]):
        places = [each["mountPath"] for each in container["volumeMounts"]]
        assert places == ["/katib-collector", *([seen] if seen else [])]
    assert {each["name"] for each in pod["volumes"]} >= {"metrics-volume"}


@pytest.mark.parametrize("order", [an_order("Push"), an_order("None"), an_order(command=[])], ids=lambda _order: "")
def test_where_there_is_nothing_to_collect_nothing_is_changed(order):
    job, _ = pod_of(order)
    plain, _ = pod_of(order, None)
    assert json.dumps(job) == json.dumps(plain)
    assert not is_collected(job, order)


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (None, ""),
        ({"fileSystemPath": {"path": "/logs/metrics.log", "kind": "File"}}, "/logs"),
        ({"fileSystemPath": {"path": "/events/", "kind": "Directory"}}, "/events"),
    ],
)
@pytest.mark.parametrize("collector", [COLLECTOR, None], ids=["with", "without"])
def test_the_users_own_collector_is_put_there_as_it_is_written(source, place, collector):
    own = {"name": "mine", "image": "own:1", "args": ["$(POD)", "-x"], "env": [{"name": "POD", "value": "p"}]}
    order = an_order("Custom", source)
    order.collector["collector"]["customCollector"] = own
    job, pod = pod_of(order, collector)
    main, mine = pod["containers"]
    assert main["command"] == WORDS
    assert {field: mine[field] for field in own} == own
    for container in (main, mine):
        assert [each["mountPath"] for each in container.get("volumeMounts", ())] == ([place] if place else [])
    assert pod["shareProcessNamespace"] is True
    assert is_collected(job, order)
    assert order.collector["collector"]["customCollector"] == own


def test_its_containers_may_do_nothing_that_is_restricted():
    _, pod = pod_of(an_order())
    for container in pod["initContainers"][1:]:
        may = container["securityContext"]
        assert may["runAsNonRoot"] and may["readOnlyRootFilesystem"] and not may["allowPrivilegeEscalation"]
        assert may["capabilities"] == {"drop": ["ALL"]}
        assert may["seccompProfile"] == {"type": "RuntimeDefault"}
        assert set(container["resources"]) == {"requests", "limits"}
