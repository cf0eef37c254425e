"""Requests about Experiments, Suggestions and Trials."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

from kubernetes import client

from katib.errors import cut
from katib.runners.kubernetes.cluster import Cluster
from katib.runners.kubernetes.faults import Missing, translated
from katib.runners.kubernetes.watching import Watch, plain_listing
from katib.spec.experiment import API_VERSION

GROUP, VERSION = API_VERSION.split("/")
EXPERIMENTS, SUGGESTIONS, TRIALS = "experiments", "suggestions", "trials"
MERGE_PATCH = "application/merge-patch+json"
METADATA_ONLY = "application/json;as={kind};g=meta.k8s.io;v=v1"
PAGE = 200
EVENT_LIMIT = 900
"""Characters of an event's message; an API server takes 1,024."""
COMPONENT = "katib-controller"

Object = dict[str, Any]


def is_owned(found: Object, uid: str) -> bool:
    """Whether an object belongs to the one with that uid."""
    return any(owner["uid"] == uid for owner in found["metadata"].get("ownerReferences") or ())


class Objects:
    """The objects of one namespace, or of all; plain data in and out. Safe to use from several threads.

    Every method raises RunnerUnavailable when the API server cannot be reached or refuses what may be allowed later.

    Args:
        namespace: empty for all.
    """

    def __init__(self, cluster: Cluster, namespace: str = "") -> None:
        self.namespace = namespace
        self._api = client.CustomObjectsApi(cluster.api)
        self._core = client.CoreV1Api(cluster.api)
        patience = cluster.settings.patience
        self._patience = (patience, patience)

    def get(self, plural: str, namespace: str, name: str) -> Object | None:
        """An object; None when there is none."""
        try:
            with translated(f"{plural} {namespace}/{name} cannot be read"):
                found = self._api.get_namespaced_custom_object(
                    GROUP, VERSION, namespace, plural, name, _request_timeout=self._patience
                )
        except Missing:
            return None
        return cast("Object", found)

    def create(self, plural: str, document: Mapping[str, Any]) -> Object:
        """Create an object. Raises Exists when there is one of that name, CannotLaunch when it is not valid."""
        metadata = document["metadata"]
        with translated(f"{plural} {metadata['namespace']}/{metadata['name']} cannot be created"):
            return cast(
                "Object",
                self._api.create_namespaced_custom_object(
                    GROUP, VERSION, metadata["namespace"], plural, dict(document), _request_timeout=self._patience
                ),
            )

    def delete(self, plural: str, namespace: str, name: str) -> None:
        """Delete an object; nothing happens when there is none."""
        with contextlib.suppress(Missing), translated(f"{plural} {namespace}/{name} cannot be deleted"):
            self._api.delete_namespaced_custom_object(
                GROUP, VERSION, namespace, plural, name, _request_timeout=self._patience
            )

    def patch(self, plural: str, namespace: str, name: str, change: Mapping[str, Any]) -> Object | None:
        """Change an object, but for its status. None when there is none; Exists when it is not what it was."""
        return self._patch(self._api.patch_namespaced_custom_object, plural, namespace, name, change)

    def patch_status(self, plural: str, namespace: str, name: str, status: Mapping[str, Any]) -> Object | None:
        """Change an object's status; what is None goes. None when there is no such object."""
        patch = self._api.patch_namespaced_custom_object_status
        return self._patch(patch, plural, namespace, name, {"status": dict(status)})

    def _patch(
        self, patch: Callable[..., Any], plural: str, namespace: str, name: str, change: Mapping[str, Any]
    ) -> Object | None:
        where = (GROUP, VERSION, namespace, plural, name)
        try:
            with translated(f"{plural} {namespace}/{name} cannot be changed"):
                return cast(
                    "Object",
                    patch(*where, dict(change), _content_type=MERGE_PATCH, _request_timeout=self._patience),
                )
        except Missing:
            return None

    def tell(self, about: Object, kind: str, reason: str, message: str) -> None:
        """Record an event about an object: `kind` is Normal or Warning."""
        metadata, now = about["metadata"], datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        involved = {field: metadata[field] for field in ("name", "namespace", "uid", "resourceVersion")}
        event = {
            "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
            "involvedObject": {"apiVersion": about["apiVersion"], "kind": about["kind"], **involved},
            "type": kind,
            "reason": reason,
            "message": cut(message, EVENT_LIMIT),
            "source": {"component": COMPONENT},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        with translated("an event cannot be recorded"):
            self._core.create_namespaced_event(metadata["namespace"], event, _request_timeout=self._patience)

    def list(self, plural: str, namespace: str = "", selector: str = "") -> Iterator[Object]:
        """The objects of a namespace, empty for all of them, page by page."""
        go_on = ""
        while True:
            with translated(f"{plural} cannot be listed"):
                options = {"label_selector": selector, "limit": PAGE, "_request_timeout": self._patience}
                options |= {"_continue": go_on} if go_on else {}
                found = cast("Object", self._listing(plural, namespace or self.namespace)(**options))
            yield from found["items"]
            go_on = found["metadata"].get("continue") or ""
            if not go_on:
                return

    def watch(
        self,
        plural: str,
        tell: Callable[[Object, bool], None],
        trouble: Callable[[str], None],
        *,
        selector: str = "",
        metadata_only: bool = False,
    ) -> Watch:
        """Follow objects in a thread; see `Cluster.watch`."""
        listing = self._listing(plural, self.namespace)
        accept = METADATA_ONLY if metadata_only else ""
        return Watch(plain_listing(listing, accept=accept), None, selector, tell, trouble)

    def _listing(self, plural: str, namespace: str) -> Callable[..., Any]:
        if namespace:
            return partial(self._api.list_namespaced_custom_object, GROUP, VERSION, namespace, plural)
        return partial(self._api.list_cluster_custom_object, GROUP, VERSION, plural)
