"""The Kubernetes runner on a real cluster: the conformance suite, and what only a cluster can do to a trial."""

import uuid

import pytest

from katib.core.run import Phase
from katib.runners.contract import TrialRunner
from katib.runners.kubernetes import Cluster, KubernetesRunner
from katib.runners.kubernetes.objects import job_name
from katib.spec.kinds import JOB
from katib.testing.runners import Program, RunnerAbilities, RunnerSuite


class TestKubernetesRunner(RunnerSuite):
    abilities = RunnerAbilities(checkpoints=False)
    patience = 100.0
    grace = 1

    @pytest.fixture(autouse=True)
    def _place(self, cluster, namespace, image):
        self.core, self.batch = cluster.core, cluster.batch
        self.image = image
        self.cluster = Cluster(cluster.api, namespace)
        self.uid = uuid.uuid4().hex

    def make_runner(self, place) -> TrialRunner:
        return KubernetesRunner(self.cluster, study="study", uid=self.uid, run_dir=place / "runs")

    def test_a_pod_that_is_deleted_is_a_lost_run(self, runner, seen):
        order = self.order(Program(values=(0.5,), stays=True))
        runner.launch([order])
        seen.until(lambda: seen.values(order.key) == [0.5])
        (pod,) = self.core.list_namespaced_pod(
            self.cluster.namespace, label_selector=f"katib.kubeflow.org/trial={order.trial}"
        ).items
        self.core.delete_namespaced_pod(pod.metadata.name, self.cluster.namespace)
        assert seen.over(order.key).phase is Phase.LOST

    def test_a_job_that_is_deleted_is_a_lost_run(self, runner, seen):
        order = self.order(Program(values=(0.5,), stays=True))
        runner.launch([order])
        seen.until(lambda: seen.values(order.key) == [0.5])
        self.cluster.delete(JOB, job_name(order.key))
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
        self.batch.create_namespaced_job(self.cluster.namespace, order.manifest)
        runner.launch([order])
        report = seen.over(order.key)
        assert report.phase is Phase.REFUSED
        assert "another Job" in report.message
        runner.forget([order.key])
        assert self.batch.read_namespaced_job(order.trial, self.cluster.namespace)

    def test_a_job_is_removed_when_its_outcome_is_on_record(self, runner, seen):
        order = self.order(Program(values=(1.0,)))
        runner.launch([order])
        seen.over(order.key)
        assert self.cluster.objects(JOB, f"katib.kubeflow.org/study-uid={self.uid}")
        runner.forget([order.key])
        seen.until(lambda: not self.cluster.objects(JOB, f"katib.kubeflow.org/study-uid={self.uid}"))
