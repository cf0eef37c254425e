"""Trial objects of a cluster: where Katib's sidecar wants it written down that it has stopped one.

Katib's controller runs the trials, so their status is its own; all that is added here is the condition it waits for.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import grpc

from katib.rpc.status import Status

GROUP, VERSION, PLURAL = "kubeflow.org", "v1beta1", "trials"
NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
CONDITION = {
    "type": "EarlyStopped",
    "status": "True",
    "reason": "TrialEarlyStopped",
    "message": "Trial is early stopped",
}
TIMES = 5
"""How often an object is read anew that somebody else has changed since it was read."""

SECONDS = 10.0
"""For one answer of the API server."""

CODES: Mapping[int, grpc.StatusCode] = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
}


class TrialObjects:
    """The Trials of one namespace.

    Args:
        api: a `kubernetes.client.CustomObjectsApi`.
    """

    def __init__(self, api: Any, namespace: str) -> None:
        self._api, self._namespace = api, namespace

    def set_early_stopped(self, name: str) -> Status | None:
        """Append the condition to a Trial that has not got it; what went wrong, or None."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        for last in (*[False] * (TIMES - 1), True):
            try:
                self._append(name)
                return None
            except ApiException as error:
                if error.status != 409 or last:
                    code = CODES.get(error.status, grpc.StatusCode.UNAVAILABLE)
                    said = f"trial {name} in namespace {self._namespace}: {error.status} {error.reason}"
                    return Status(code=code, details=said)
            except HTTPError as error:
                said = f"the API server of the cluster cannot be reached: {error}"
                return Status(code=grpc.StatusCode.UNAVAILABLE, details=said)
        raise AssertionError("unreachable")

    def _append(self, name: str) -> None:
        where = (GROUP, VERSION, self._namespace, PLURAL, name)
        trial = self._api.get_namespaced_custom_object(*where, _request_timeout=SECONDS)
        conditions = trial.get("status", {}).get("conditions", [])
        if any(each.get("type") == "EarlyStopped" and each.get("status") == "True" for each in conditions):
            return
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        stopped = {**CONDITION, "lastUpdateTime": now, "lastTransitionTime": now}
        # With the version that was read: a list is replaced as a whole, and the controller may have added to it.
        version = {"resourceVersion": trial["metadata"]["resourceVersion"]}
        patch = {"metadata": version, "status": {"conditions": [*conditions, stopped]}}
        self._api.patch_namespaced_custom_object_status(
            *where, patch, _content_type="application/merge-patch+json", _request_timeout=SECONDS
        )


@cache
def of_this_pod() -> TrialObjects | None:
    """The Trials of the namespace in which this process is a pod; None where it is none."""
    if not NAMESPACE.exists() or find_spec("kubernetes") is None:
        return None
    from kubernetes import client, config

    config.load_incluster_config()
    return TrialObjects(client.CustomObjectsApi(), NAMESPACE.read_text().strip())
