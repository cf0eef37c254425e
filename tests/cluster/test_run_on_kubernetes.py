"""`katib run --on kubernetes` on a real cluster."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from kubernetes import client

KUBECONFIG = "KATIB_TEST_KUBECONFIG"
TRAIN = """
import sys, time
for step in range(4):
    print(f"loss={float(sys.argv[1]) + 1 / (step + 1)}", flush=True)
    time.sleep(0.5)
"""


class Here:
    """The command line in a folder, with the cluster in its environment."""

    def __init__(self, folder: Path, namespace: str, image: str) -> None:
        self.folder, self.namespace, self.image = folder, namespace, image
        self.env = {**os.environ, "KUBECONFIG": os.environ[KUBECONFIG], "NO_COLOR": "1"}

    def words(self, *args: str) -> list[str]:
        return [sys.executable, "-m", "katib", *args]

    def study(self, *options: str, trials: int = 4) -> list[str]:
        return self.words(
            *("run", "--on", "kubernetes", "--namespace", self.namespace, "--image", self.image, *options),
            *("--param", "x=float:0:1", "--minimize", "loss", "--algorithm", "random", "--name", "study"),
            *("--max-trials", str(trials), "--parallel", "2", "--", "python3", "-c", TRAIN, "{x}"),
        )

    def run(self, words: list[str], code: int = 0) -> str:
        done = subprocess.run(words, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=110)
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stderr

    def json(self, *args: str):
        return json.loads(self.run(self.words(*args, "--output", "json")))


@pytest.fixture
def here(tmp_path, cluster, namespace, image):
    return Here(tmp_path, namespace, image)


def test_a_study_is_carried_to_its_best_trial(here, cluster):
    process = subprocess.Popen(here.study("--output", "json"), cwd=here.folder, env=here.env, stdout=subprocess.PIPE)
    pods = cluster.until(lambda: cluster.core.list_namespaced_pod(here.namespace).items, "a pod")
    report = json.loads(process.communicate(timeout=110)[0])
    assert report["counts"]["succeeded"] == 4
    trials = {trial["name"]: trial for trial in here.json("trials", "study")}
    assert report["best"]["value"] == min(trial["value"] for trial in trials.values())
    labels, (container,) = pods[0].metadata.labels, pods[0].spec.containers
    trial = trials[labels["katib.kubeflow.org/trial"]]
    assert container.command == ["python3", "-c", TRAIN, repr(trial["parameters"]["x"])]
    assert trial["metrics"]["loss"]["max"] == pytest.approx(trial["parameters"]["x"] + 1)
    assert here.run(here.words("logs", f"study/{trial['ordinal']}")).count("loss=") == 4
    cluster.until(lambda: not cluster.batch.list_namespaced_job(here.namespace).items, "no Jobs")


def test_an_engine_that_is_killed_again_and_again_runs_nothing_twice(here, cluster):
    def started() -> int:
        return len(cluster.batch.list_namespaced_job(here.namespace).items)

    for _ in range(3):
        process = subprocess.Popen(here.study(trials=6), cwd=here.folder, env=here.env, stderr=subprocess.PIPE)
        cluster.until(started, "a Job")
        process.kill()
        process.communicate()
    here.run(here.study(trials=6))
    trials = here.json("trials", "study")
    assert [trial["status"] for trial in trials] == ["Succeeded"] * 6
    assert [trial["attempts"] for trial in trials] == [1] * 6
    for trial in trials:
        log = here.run(here.words("logs", f"study/{trial['ordinal']}"))
        assert log.count("loss=") == 4


def test_what_a_trial_waits_for_is_explained(here, cluster):
    here.image = "localhost/nowhere:1"
    process = subprocess.Popen(here.study(), cwd=here.folder, env=here.env, stderr=subprocess.PIPE)
    cluster.until(lambda: cluster.batch.list_namespaced_job(here.namespace).items, "a Job")
    cluster.until(lambda: "Pull" in str(here.json("explain", "study")["details"]), "the reason")
    process.send_signal(2)
    process.communicate(timeout=100)
    assert process.returncode == 130
    cluster.until(lambda: not cluster.batch.list_namespaced_job(here.namespace).items, "no Jobs")


@pytest.fixture
def somebody(here, cluster):
    """The command line of a service account that may do nothing yet."""
    cluster.core.create_namespaced_service_account(here.namespace, {"metadata": {"name": "somebody"}})
    asked = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[]))
    token = cluster.core.create_namespaced_service_account_token("somebody", here.namespace, asked).status.token
    document = yaml.safe_load(Path(os.environ[KUBECONFIG]).read_text())
    for user in document["users"]:
        user["user"] = {"token": token}
    path = here.folder / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    here.env["KUBECONFIG"] = str(path)
    return here


def allow(cluster, namespace, rules):
    rbac = client.RbacAuthorizationV1Api(cluster.api)
    rbac.create_namespaced_role(namespace, {"metadata": {"name": "runs-trials"}, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "runs-trials"}
    subject = {"kind": "ServiceAccount", "name": "somebody", "namespace": namespace}
    binding = {"metadata": {"name": "runs-trials"}, "roleRef": reference, "subjects": [subject]}
    rbac.create_namespaced_role_binding(namespace, binding)


def test_rights_that_are_missing_are_named(somebody, cluster):
    allow(cluster, somebody.namespace, [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "list"]}])
    said = somebody.run(somebody.study(), code=1)
    assert "you may not create jobs, watch jobs, delete jobs, get pods" in said
    assert "get pods/log" in said


def test_the_documented_rights_suffice(somebody, cluster):
    """Without events: reasons are weaker then, and it says so."""
    rules = [
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "list", "watch", "delete"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    ]
    allow(cluster, somebody.namespace, rules)
    done = subprocess.run(somebody.study(), cwd=somebody.folder, env=somebody.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "you may not get events" in done.stderr
    assert [trial["status"] for trial in somebody.json("trials", "study")] == ["Succeeded"] * 4
