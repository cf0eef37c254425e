"""The Kubernetes runner, over an API server in this process and processes in the place of pods: with Jobs, and with a
kind whose ends are told by conditions. tests/cluster has the same on a real cluster.
"""

import uuid
from dataclasses import replace

import pytest

from katib.runners.contract import TrialRunner
from katib.runners.kubernetes import Cluster, KubernetesRunner, podlog
from katib.runners.kubernetes.running import RunsAs
from katib.runners.kubernetes.settings import KubernetesSettings
from katib.spec.gjson import Condition
from katib.spec.kinds import KINDS
from katib.testing.api_server import ApiServer
from katib.testing.kubelet import Kubelet, conditions
from katib.testing.runners import RunnerAbilities, RunnerSuite

SETTINGS = KubernetesSettings(poll=0.02, retry=0.05, settle=20.0)
STATUSES = {
    "jobs": conditions("Complete"),
    "pytorchjobs": conditions("Succeeded"),
}


class Suite(RunnerSuite):
    abilities = RunnerAbilities(checkpoints=False)
    grace = 0
    runs_as = RunsAs()

    @pytest.fixture(autouse=True)
    def _place(self, monkeypatch):
        monkeypatch.setattr(podlog, "PAUSE", 0.02)
        kinds = {"kubeflow.org/v1": {"PyTorchJob": "pytorchjobs"}}
        api = ApiServer(plays=False, kinds=kinds).start()
        kubelet = Kubelet(api, STATUSES)
        self.cluster = Cluster(api.client(), "tuning", settings=SETTINGS)
        self.uid = uuid.uuid4().hex
        yield
        kubelet.stop()
        api.stop()

    def make_runner(self, place) -> TrialRunner:
        return KubernetesRunner(self.cluster, study="study", uid=self.uid, run_dir=place / "runs", runs_as=self.runs_as)


class TestJobs(Suite):
    """As on a real cluster."""


class TestPyTorchJobs(Suite):
    runs_as = RunsAs(
        kind=("kubeflow.org/v1", "PyTorchJob"),
        success=Condition(KINDS["PyTorchJob"].success),
        failure=Condition(KINDS["PyTorchJob"].failure),
        pod_labels=KINDS["PyTorchJob"].pod_labels,
    )

    def job(self, *command, **more):
        order = super().job(*command, **more)
        spec = order.manifest["spec"]
        policy = {"activeDeadlineSeconds": spec["activeDeadlineSeconds"]} if "activeDeadlineSeconds" in spec else {}
        replicas = {"Master": {"replicas": 1, "template": spec["template"]}}
        spec = {"pytorchReplicaSpecs": replicas, "runPolicy": policy}
        api_version, kind = self.runs_as.kind
        return replace(order, manifest={**order.manifest, "apiVersion": api_version, "kind": kind, "spec": spec})
