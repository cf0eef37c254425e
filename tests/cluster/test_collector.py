"""The metrics collector beside trials on a real cluster. Following logs is switched off: all values come from it."""

import os
import time

import pytest

from katib.stores.opening import open_store
from tests.cluster.node.places import OUTSIDE
from tests.cluster.test_operator import Operator, experiment

COLLECTOR = os.environ.get("KATIB_TEST_COLLECTOR", "localhost/metrics-collector:latest")
ADDRESS = os.environ.get("KATIB_TEST_ADDRESS", OUTSIDE)
"""This machine, as the cluster's pods reach it."""

PORT = 26789
OPTIONS = ("--host", "0.0.0.0", "--collector-image", COLLECTOR, "--report-to", f"{ADDRESS}:{PORT}", "--no-follow-logs")
SIDECAR = "metrics-logger-and-collector"
RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
TO_A_FILE = """
import sys
with open("/results/metrics.jsonl", "w") as file:
    for step in range(3):
        print('{"loss": "%s", "step": %d}' % (float(sys.argv[1]) + 1 / (step + 1), step), file=file)
"""


@pytest.fixture
def operator(tmp_path, cluster, namespace):
    operator = Operator(tmp_path, cluster, namespace, port=PORT, options=OPTIONS)
    operator.start()
    yield operator
    operator.delete_all()
    operator.kill()


@pytest.fixture
def restricted(cluster, namespace):
    """The namespace takes no pod that could do harm."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.core.patch_namespace(namespace, {"metadata": {"labels": labels}})


def stored(operator):
    """Of each trial, what is on record: attempt, step or number, and value."""
    store = open_store(str(operator.folder / "katib.db"))
    try:
        study = store.get_study(f"{operator.namespace}/study")
        found = {trial.name: [] for trial in store.trials(study.uid)}
        for each in store.observations(study.uid):
            found[each.trial].append((each.attempt, each.point.text))
        return found
    finally:
        store.close()


def expected(x):
    return [(1, repr(float(x) + 1 / (step + 1))) for step in range(3)]


def assignments(operator):
    return {
        each["metadata"]["name"]: each["spec"]["parameterAssignments"][0]["value"] for each in operator.list("trials")
    }


def test_the_parameter_is_in_the_entrypoint_and_the_row_comes_from_the_sidecar(operator, cluster, image):
    operator.apply(experiment(image))
    (pod, *_) = cluster.until(lambda: cluster.core.list_namespaced_pod(operator.namespace).items, "a pod")
    status = operator.end()
    assert status["trialsSucceeded"] == 4
    (main,) = pod.spec.containers
    (sidecar,) = [each for each in pod.spec.init_containers if each.name == SIDECAR]
    assert sidecar.restart_policy == "Always"
    x = assignments(operator)[pod.metadata.labels["katib.kubeflow.org/trial"]]
    assert main.args == [x]
    assert main.command[2:4] == ["python3", "-c"]
    assert stored(operator) == {name: expected(x) for name, x in assignments(operator).items()}
    assert [path for path in operator.folder.rglob("*.log") if path.stat().st_size] == []


def test_a_file_in_a_restricted_namespace(operator, cluster, image, restricted):
    document = experiment(image)
    template = document["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    template["containers"][0] |= {"command": ["python3", "-c", TO_A_FILE], "securityContext": RESTRICTED}
    where = {"kind": "File", "path": "/results/metrics.jsonl", "format": "JSON"}
    document["spec"]["metricsCollectorSpec"] = {"collector": {"kind": "File"}, "source": {"fileSystemPath": where}}
    operator.apply(document)
    assert operator.end()["trialsSucceeded"] == 4
    assert stored(operator) == {name: expected(x) for name, x in assignments(operator).items()}


def test_a_trial_that_ends_while_nobody_listens_loses_nothing(operator, cluster, image):
    operator.apply(experiment(image, maxTrialCount=1, parallelTrialCount=1))
    cluster.until(lambda: cluster.batch.list_namespaced_job(operator.namespace).items, "a Job")
    operator.kill()

    def over():
        pods = cluster.core.list_namespaced_pod(operator.namespace).items
        return pods and pods[0].status.phase == "Succeeded"

    cluster.until(over, "the end of the pod")
    operator.start()
    assert operator.end()["trialsSucceeded"] == 1
    assert stored(operator) == {name: expected(x) for name, x in assignments(operator).items()}


def test_a_failing_trial_is_told_by_its_own_exit_code(operator, cluster, image):
    document = experiment(image, maxTrialCount=1, parallelTrialCount=1)
    container = document["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"][0]
    container["command"] = ["python3", "-c", "import sys; print('loss=1'); sys.exit(7)"]
    begun = time.monotonic()
    operator.apply(document)
    assert operator.end()["trialsFailed"] == 1
    (trial,) = operator.list("trials")
    assert "7" in trial["status"]["conditions"][-1]["message"]
    assert time.monotonic() - begun < 40
