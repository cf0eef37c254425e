"""The Kubernetes runner on a real cluster: the conformance suite, and what only a cluster can do to a trial.

KUBECONFIG names the cluster, KATIB_TEST_IMAGE an image of its with a shell and Python.
"""

import os
import uuid

import pytest
from kubernetes import client

from katib.core.run import Phase
from katib.runners.contract import TrialRunner
from katib.runners.kubernetes import Cluster, KubernetesRunner, connect
from katib.runners.kubernetes.objects import job_name
from katib.testing.runners import Program, RunnerAbilities, RunnerSuite

pytestmark = pytest.mark.skipif(not os.environ.get("KUBECONFIG"), reason="KUBECONFIG names no cluster")

IMAGE = os.environ.get("KATIB_TEST_IMAGE", "localhost/python:3")


@pytest.fixture(scope="module")
def namespace():
    core = client.CoreV1Api(connect()._api)
    name = f"katib-test-{uuid.uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": name}})
    yield name
    core.delete_namespace(name)


class TestKubernetesRunner(RunnerSuite):
    abilities = RunnerAbilities(checkpoints=False)
    patience = 100.0
    image = IMAGE
    grace = 1

    @pytest.fixture(autouse=True)
    def _study(self, namespace):
        self.cluster: Cluster = connect(namespace=namespace)
        # Trials of one test must not meet those of another: the names of Jobs are those of the trials.
        self.uid = uuid.uuid4().hex
        yield
        for job in self.cluster.jobs(f"katib.kubeflow.org/study-uid={self.uid}"):
            self.cluster.delete_job(job["metadata"]["name"], at_once=True)

    def make_runner(self, place) -> TrialRunner:
        return KubernetesRunner(self.cluster, study="study", uid=self.uid, run_dir=place / "runs")

    def job(self, *command, trial="trial", **more):
        return super().job(*command, trial=f"{trial}-{self.uid[:8]}", **more)

    def test_a_pod_that_is_deleted_is_a_lost_run(self, runner, seen):
        order = self.order(Program(values=(0.5,), stays=True))
        runner.launch([order])
        seen.until(lambda: seen.values(order.key) == [0.5])
        core = client.CoreV1Api(self.cluster._api)
        (pod,) = core.list_namespaced_pod(
            self.cluster.namespace, label_selector=f"katib.kubeflow.org/trial={order.trial}"
        ).items
        core.delete_namespaced_pod(pod.metadata.name, self.cluster.namespace)
        assert seen.over(order.key).phase is Phase.LOST

    def test_a_job_that_is_deleted_is_a_lost_run(self, runner, seen):
        order = self.order(Program(values=(0.5,), stays=True))
        runner.launch([order])
        seen.until(lambda: seen.values(order.key) == [0.5])
        self.cluster.delete_job(job_name(order.key))
        assert seen.over(order.key).phase is Phase.LOST

    def test_an_image_that_cannot_be_had_is_waited_for_and_named(self, runner, seen):
        order = self.order(Program())
        order.manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "localhost/nowhere:1"
        runner.launch([order])
        seen.until(lambda: "Pull" in seen.reports[order.key].message)
        assert seen.phase(order.key) is Phase.STARTING
        runner.stop(order.key)
        assert seen.over(order.key).cause == "stopped"

    def test_a_job_of_somebody_else_is_not_touched(self, runner, seen):
        order = self.order(Program())
        jobs = client.BatchV1Api(self.cluster._api)
        jobs.create_namespaced_job(self.cluster.namespace, order.manifest)
        runner.launch([order])
        report = seen.over(order.key)
        assert report.phase is Phase.REFUSED
        assert "another Job" in report.message
        runner.forget([order.key])
        assert jobs.read_namespaced_job(order.trial, self.cluster.namespace)
        self.cluster.delete_job(order.trial, at_once=True)

    def test_a_job_is_removed_when_its_outcome_is_on_record(self, runner, seen):
        order = self.order(Program(values=(1.0,)))
        runner.launch([order])
        seen.over(order.key)
        assert self.cluster.jobs(f"katib.kubeflow.org/study-uid={self.uid}")
        runner.forget([order.key])
        seen.until(lambda: not self.cluster.jobs(f"katib.kubeflow.org/study-uid={self.uid}"))
