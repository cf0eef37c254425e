"""`katib operator` on a real cluster: `kubectl apply` of an Experiment, and what is seen of it."""

import os
import random
import subprocess
import sys
import time

import pytest
import yaml

from katib.spec.crd.objects import GROUP, VERSION

KUBECONFIG = "KATIB_TEST_KUBECONFIG"
TRAIN = """
import sys, time
for step in range(3):
    print(f"loss={float(sys.argv[1]) + 1 / (step + 1)}", flush=True)
    time.sleep(0.3)
"""


def experiment(image, name="study", **spec):
    container = {"name": "main", "image": image, "command": ["python3", "-c", TRAIN], "args": ["${trialParameters.x}"]}
    job = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}}
    given = {
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "algorithm": {"algorithmName": "random"},
        "parameters": [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}],
        "parallelTrialCount": 2,
        "maxTrialCount": 4,
        "trialTemplate": {
            "primaryContainerName": "main",
            "trialParameters": [{"name": "x", "reference": "x"}],
            "trialSpec": {"apiVersion": "batch/v1", "kind": "Job", **job},
        },
        **spec,
    }
    return {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": {"name": name}, "spec": given}


class Operator:
    """A process that watches one namespace, to be killed and started again."""

    def __init__(self, folder, cluster, namespace, *, port=0, options=()):
        self.folder, self.cluster, self.namespace = folder, cluster, namespace
        self.port, self.options = port, options
        self.process = None

    def start(self):
        where = ("--namespace", self.namespace, "--db", str(self.folder / "katib.db"), "--port", str(self.port))
        words = ("operator", *where, *self.options)
        env = {**os.environ, "KUBECONFIG": os.environ[KUBECONFIG]}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "katib", *words], env=env, stdout=log, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def get(self, plural, name="study"):
        return self.cluster.custom.get_namespaced_custom_object(GROUP, VERSION, self.namespace, plural, name)

    def list(self, plural):
        listed = self.cluster.custom.list_namespaced_custom_object(GROUP, VERSION, self.namespace, plural)
        return listed["items"]

    def delete_all(self):
        for found in self.list("experiments"):
            where = (GROUP, VERSION, self.namespace, "experiments", found["metadata"]["name"])
            self.cluster.custom.delete_namespaced_custom_object(*where)
        self.cluster.until(lambda: not self.list("experiments"), "deletion")

    def apply(self, document):
        self.cluster.create(self.namespace, "experiments", document)

    def ended(self, name="study"):
        status = self.get("experiments", name).get("status") or {}
        last = ((status.get("conditions") or [{}])[-1]).get("type")
        return status if last in ("Succeeded", "Failed") else None

    def end(self, name="study"):
        return self.cluster.until(lambda: self.ended(name), f"the end of {name}; see {self.folder}/log")


@pytest.fixture
def operator(tmp_path, cluster, namespace):
    operator = Operator(tmp_path, cluster, namespace)
    operator.start()
    yield operator
    operator.delete_all()
    operator.kill()


def test_an_experiment_is_carried_to_its_best_trial(operator, cluster, image):
    operator.apply(experiment(image))
    pods = cluster.until(lambda: cluster.core.list_namespaced_pod(operator.namespace).items, "a pod")
    status = operator.end()
    assert [each["type"] for each in status["conditions"]] == ["Created", "Running", "Succeeded"]
    assert (status["trials"], status["trialsSucceeded"]) == (4, 4)
    trials = {each["metadata"]["name"]: each for each in operator.list("trials")}
    assert sorted(trials) == sorted(status["succeededTrialList"])
    values = {name: each["status"]["observation"]["metrics"][0] for name, each in trials.items()}
    assert status["currentOptimalTrial"]["bestTrialName"] == min(values, key=lambda name: float(values[name]["min"]))
    labels, (container,) = pods[0].metadata.labels, pods[0].spec.containers
    trial = trials[labels["katib.kubeflow.org/trial"]]
    (assigned,) = trial["spec"]["parameterAssignments"]
    assert container.args == [assigned["value"]]
    (metric,) = trial["status"]["observation"]["metrics"]
    assert float(metric["max"]) == pytest.approx(float(assigned["value"]) + 1)
    suggestion = operator.get("suggestions")
    assert suggestion["spec"]["requests"] == suggestion["status"]["suggestionCount"] == 4
    cluster.until(lambda: not cluster.batch.list_namespaced_job(operator.namespace).items, "no Jobs")


def test_an_operator_that_is_killed_again_and_again_runs_nothing_twice(operator, cluster, image):
    started = set()

    def jobs():
        found = cluster.batch.list_namespaced_job(operator.namespace).items
        started.update((job.metadata.name, job.metadata.uid) for job in found)
        return found

    operator.apply(experiment(image, parallelTrialCount=3, maxTrialCount=9))
    for _ in range(5):
        cluster.until(lambda: jobs() or operator.ended(), "a Job")
        time.sleep(random.random())
        operator.kill()
        jobs()
        operator.start()
    status = cluster.until(lambda: (jobs(), operator.ended())[1], "the end")
    assert (status["trials"], status["trialsSucceeded"]) == (9, 9)
    assert len(operator.list("trials")) == 9
    names = [name for name, _uid in started]
    assert len(names) == len(set(names))
    assert {name.rpartition("-")[0] for name in names} == {"study"}
    cluster.until(lambda: not cluster.batch.list_namespaced_job(operator.namespace).items, "no Jobs")


def test_a_deleted_experiment_leaves_nothing(operator, cluster, image):
    operator.apply(experiment(image))
    cluster.until(lambda: cluster.batch.list_namespaced_job(operator.namespace).items, "a Job")
    where = (GROUP, VERSION, operator.namespace, "experiments", "study")
    cluster.custom.delete_namespaced_custom_object(*where)

    def left():
        ours = [each for plural in ("experiments", "trials", "suggestions") for each in operator.list(plural)]
        return ours or cluster.batch.list_namespaced_job(operator.namespace).items

    cluster.until(lambda: not left(), "nothing left")


def test_a_larger_budget_lets_it_go_on(operator, cluster, image):
    operator.apply(experiment(image, maxTrialCount=2, resumePolicy="LongRunning"))
    operator.end()
    where = (GROUP, VERSION, operator.namespace, "experiments", "study")
    change = {"spec": {"maxTrialCount": 4}}
    cluster.custom.patch_namespaced_custom_object(*where, change, _content_type="application/merge-patch+json")
    status = cluster.until(lambda: (found := operator.ended()) and found["trialsSucceeded"] == 4 and found, "4 trials")
    assert [each["type"] for each in status["conditions"]] == ["Created", "Restarting", "Running", "Succeeded"]


def test_all_that_is_wrong_is_said_within_two_seconds(operator, cluster, image):
    cluster.until(lambda: b"watching" in (operator.folder / "log").read_bytes(), "an operator")
    bad = experiment(image, algorithm={"algorithmName": "nothing"})
    bad["spec"]["parameters"][0]["feasibleSpace"]["distribution"] = "logUniform"
    operator.apply(bad)
    begun = time.monotonic()
    said = operator.end()["conditions"][-1]["message"]
    assert time.monotonic() - begun < 2
    assert "spec.algorithm.algorithmName" in said
    assert "spec.parameters[0].feasibleSpace.min" in said


def test_what_a_trial_waits_for_is_on_its_object(operator, cluster):
    operator.apply(yaml.safe_load(yaml.safe_dump(experiment("localhost/nowhere:1"))))

    def said():
        return [each["status"]["conditions"][-1] for each in operator.list("trials") if each.get("status")]

    waiting = cluster.until(lambda: [each for each in said() if "nowhere" in each["message"]], "the reason")
    assert (waiting[0]["type"], waiting[0]["status"]) == ("Running", "False")
