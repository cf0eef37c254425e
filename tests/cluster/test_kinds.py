"""Trials of a kind that only exists as a CRD, on a real cluster: these tests play its controller."""

import pytest

from tests.cluster.test_operator import experiment, operator

__all__ = ["operator"]

GROUP, VERSION, PLURAL = "tests.katib.example", "v1", "widgets"
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def widgets(cluster):
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    cluster.define(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{PLURAL}.{GROUP}"},
            "spec": {
                "group": GROUP,
                "names": {"kind": "Widget", "plural": PLURAL, "singular": "widget", "listKind": "WidgetList"},
                "scope": "Namespaced",
                "versions": [version],
            },
        }
    )


class Controller:
    """Makes a pod of each Widget, and says when it is over."""

    def __init__(self, cluster, namespace):
        self.cluster, self.namespace = cluster, namespace

    def step(self):
        custom, core = self.cluster.custom, self.cluster.core
        pods = {pod.metadata.name: pod for pod in core.list_namespaced_pod(self.namespace).items}
        for widget in custom.list_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL)["items"]:
            metadata, template = widget["metadata"], widget["spec"]["worker"]["template"]
            pod = pods.get(f"{metadata['name']}-0")
            if pod is None and not metadata.get("deletionTimestamp"):
                owner = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "Widget", "controller": True}
                owner |= {field: metadata[field] for field in ("name", "uid")}
                about = {"name": f"{metadata['name']}-0", "ownerReferences": [owner]}
                made = {"metadata": {**template["metadata"], **about}, "spec": template["spec"]}
                core.create_namespaced_pod(self.namespace, made)
            elif pod is not None and pod.status.phase in ("Succeeded", "Failed") and "status" not in widget:
                status = {"phase": pod.status.phase, "reason": "PodEnded", "message": "as its pod has"}
                place = (GROUP, VERSION, self.namespace, PLURAL, metadata["name"])
                custom.patch_namespaced_custom_object_status(*place, {"status": status}, _content_type=MERGE)

    def until(self, holds, what):
        return self.cluster.until(lambda: self.step() or holds(), what)


def test_trials_of_a_kind_that_is_only_a_crd(operator, cluster, namespace, image, widgets):
    document = experiment(image)
    template = document["spec"]["trialTemplate"]
    pod = template["trialSpec"]["spec"]["template"]
    pod["spec"]["restartPolicy"] = "Never"
    worker = {"worker": {"replicas": 1, "template": pod}}
    template["trialSpec"] = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "Widget", "spec": worker}
    template["successCondition"] = 'status.[@this].#(phase=="Succeeded")'
    template["failureCondition"] = 'status.[@this].#(phase=="Failed")'
    operator.apply(document)
    controller = Controller(cluster, namespace)
    status = controller.until(operator.ended, f"the end; see {operator.folder}/log")
    assert status["trialsSucceeded"] == 4
    for trial in operator.list("trials"):
        (value,), (metric,) = trial["spec"]["parameterAssignments"], trial["status"]["observation"]["metrics"]
        assert float(metric["max"]) == pytest.approx(float(value["value"]) + 1)
        assert float(metric["latest"]) == pytest.approx(float(value["value"]) + 1 / 3)

    def left():
        return cluster.custom.list_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL)["items"]

    cluster.until(lambda: not left(), "no Widgets")
