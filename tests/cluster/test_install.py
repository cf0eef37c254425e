"""`kubectl apply -k manifests/standalone`, and then an Experiment. The images are those of `make images`."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from kubernetes import client

from katib.spec.crd.objects import GROUP, VERSION
from tests.cluster.node.places import AUDIT, BIN
from tests.cluster.test_operator import experiment

KUBECONFIG = "KATIB_TEST_KUBECONFIG"
INSTALL = Path(__file__).parent / "standalone"
KUBEFLOW = "kubeflow"


def kubectl(*words):
    program = BIN / "kubectl"
    env = {**os.environ, "KUBECONFIG": os.environ[KUBECONFIG]}
    command = [str(program) if program.exists() else "kubectl", *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(cluster):
    kubectl("apply", "-k", str(INSTALL))
    apps = client.AppsV1Api(cluster.api)

    def available():
        return apps.read_namespaced_deployment("katib-controller", KUBEFLOW).status.available_replicas

    try:
        cluster.until(available, "the controller")
        yield cluster
    finally:
        kubectl("delete", "namespace", KUBEFLOW)
        kubectl("delete", "clusterrole,clusterrolebinding", "katib-controller")


@pytest.fixture(scope="module")
def finished(installed):
    """A namespace in which an Experiment was carried to its end, by nothing but the install."""
    namespace = "finished"
    installed.core.create_namespace({"metadata": {"name": namespace}})
    try:
        installed.until(lambda: installed.core.list_namespaced_service_account(namespace).items, "a service account")
        document = experiment(os.environ.get("KATIB_TEST_IMAGE", "localhost/python:3"))
        document["spec"]["trialTemplate"]["retain"] = True
        installed.create(namespace, "experiments", document)
        kubectl("wait", "-n", namespace, "--for=condition=Succeeded", "experiment/study", "--timeout=100s")
        yield namespace
    finally:
        kubectl("delete", "-n", namespace, "experiments", "--all", "--timeout=60s")
        installed.core.delete_namespace(namespace)


def test_an_experiment_that_is_applied_is_carried_to_its_best_trial(installed, finished):
    status = installed.custom.get_namespaced_custom_object(GROUP, VERSION, finished, "experiments", "study")["status"]
    assert (status["trials"], status["trialsSucceeded"]) == (4, 4)
    assert status["currentOptimalTrial"]["bestTrialName"] in status["succeededTrialList"]
    for pod in installed.core.list_namespaced_pod(finished).items:
        assert "metrics-logger-and-collector" in [each.name for each in pod.spec.init_containers]
    assert kubectl("get", "-n", finished, "experiments,suggestions,trials").count("Succeeded") == 6
    assert "ExperimentMaxTrialsReached" in kubectl("describe", "-n", finished, "experiment/study")


def test_its_role_lists_what_it_uses(installed, finished):
    """What the API server was asked for while an Experiment ran, an edit was refused, and a trial's Job removed."""
    if not AUDIT.exists():
        pytest.skip("this cluster keeps no audit log here")
    installed.create(
        finished, "experiments", experiment("localhost/python:3", "other", maxTrialCount=1, parallelTrialCount=1)
    )
    kubectl("wait", "-n", finished, "--for=condition=Succeeded", "experiment/other", "--timeout=100s")
    change = {"spec": {"maxTrialCount": 9}}
    where = (GROUP, VERSION, finished, "experiments", "study")
    installed.custom.patch_namespaced_custom_object(*where, change, _content_type="application/merge-patch+json")

    def used():
        asked = [json.loads(line) for line in AUDIT.read_text().splitlines()]
        objects = [(each["objectRef"], each["verb"]) for each in asked if "objectRef" in each]
        return {
            (of.get("apiGroup", ""), "/".join(filter(None, (of["resource"], of.get("subresource")))), verb)
            for of, verb in objects
        }

    installed.until(lambda: ("", "events", "create") in used(), "the refusal")
    (role,) = [each for each in yaml.safe_load_all(kubectl("kustomize", str(INSTALL))) if each["kind"] == "ClusterRole"]
    allowed = {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    # Asked for when an operator comes back in the middle of it, or somebody deletes a trial that is about to start; and by
    # admission, where that is switched on.
    rare = {("batch", "jobs", "get"), ("kubeflow.org", "trials", "get"), ("kubeflow.org", "trials", "delete")}
    rare |= {("kubeflow.org", f"{plural}/finalizers", "update") for plural in ("experiments", "trials")}
    assert used() - allowed == set()
    assert allowed - used() - rare == set()


def test_it_runs_where_pod_security_is_restricted(installed):
    labels = installed.core.read_namespace(KUBEFLOW).metadata.labels
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    (pod,) = installed.core.list_namespaced_pod(KUBEFLOW).items
    assert pod.status.phase == "Running"
    assert pod.spec.containers[0].security_context.read_only_root_filesystem
