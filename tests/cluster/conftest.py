"""A real cluster, and a namespace of its own for each test. `make test-cluster` says where the cluster is."""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client, config

from katib.spec.crd.objects import GROUP, VERSION, definitions

KUBECONFIG = "KATIB_TEST_KUBECONFIG"
"""Not KUBECONFIG: who runs the whole suite while that leads to a cluster in use shall not find tests in there."""

SECONDS = 60.0
IMAGE = os.environ.get("KATIB_TEST_IMAGE", "localhost/python:3")
"""With Python and a shell; a cluster that has registries may be told another one."""


class Cluster:
    """What tests do with a cluster."""

    def __init__(self, api: client.ApiClient) -> None:
        self.api = api
        self.core, self.batch = client.CoreV1Api(api), client.BatchV1Api(api)
        self.extensions, self.custom = client.ApiextensionsV1Api(api), client.CustomObjectsApi(api)

    def until(self, holds: Callable[[], Any], what: str = "the condition") -> Any:
        """The first true value of a condition. Raises TimeoutError."""
        deadline = time.monotonic() + SECONDS
        while not (value := holds()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come to hold in {SECONDS:.0f} s")
            time.sleep(0.2)
        return value

    def define(self, definition: dict[str, Any]) -> None:
        """Create a CRD, or make it what it is now, and wait until it is served."""
        name = definition["metadata"]["name"]
        self.extensions.patch_custom_resource_definition(
            name, definition, field_manager="tests", force=True, _content_type="application/apply-patch+yaml"
        )
        self.until(lambda: self._established(name), f"{name} established")

    def _established(self, name: str) -> bool:
        conditions = self.extensions.read_custom_resource_definition(name).status.conditions or []
        return any(each.type == "Established" and each.status == "True" for each in conditions)

    def run(self, namespace: str, name: str, pod: dict[str, Any]) -> None:
        """Create a Job of one pod, which is not tried twice."""
        spec = {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", **pod}}}
        self.batch.create_namespaced_job(namespace, {"metadata": {"name": name}, "spec": spec})

    def end(self, namespace: str, name: str) -> str:
        """The condition in which a Job ends: `Complete` or `Failed`."""

        def ended() -> str:
            conditions = self.batch.read_namespaced_job_status(name, namespace).status.conditions or []
            return next((each.type for each in conditions if each.type in ("Complete", "Failed")), "")

        return self.until(ended, f"the end of {name}")

    def log(self, namespace: str, job: str, container: str) -> str:
        """What a container of a Job's only pod has printed."""
        pods = self.core.list_namespaced_pod(namespace, label_selector=f"job-name={job}").items
        return self.core.read_namespaced_pod_log(pods[0].metadata.name, namespace, container=container)

    def create(self, namespace: str, plural: str, document: dict[str, Any], **options: Any) -> Any:
        """Create one of our objects, as kubectl does: with unknown fields refused."""
        return self.custom.create_namespaced_custom_object(
            GROUP, VERSION, namespace, plural, document, field_validation="Strict", **options
        )


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster, with our CRDs as the types have them now."""
    if KUBECONFIG not in os.environ:
        pytest.skip(f"{KUBECONFIG} is not set: `make test-cluster` starts a cluster, or takes the one of KUBECONFIG")
    cluster = Cluster(config.new_client_from_config(os.environ[KUBECONFIG]))
    for definition in definitions():
        cluster.define(definition)
    return cluster


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace that pods can be started in; gone after the test."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    cluster.core.create_namespace({"metadata": {"name": name}})
    cluster.until(lambda: cluster.core.list_namespaced_service_account(name).items, "a service account")
    yield name
    cluster.core.delete_namespace(name)


@pytest.fixture
def image() -> str:
    """An image with Python and a shell."""
    return IMAGE
