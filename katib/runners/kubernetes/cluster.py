"""One namespace of a cluster: the requests that the runner makes of its API server, and what goes wrong in them."""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from kubernetes import client, config
from kubernetes.client import ApiException
from kubernetes.informer import ADDED, DELETED, ERROR, MODIFIED, SharedInformer
from urllib3.exceptions import HTTPError

from katib.errors import CannotLaunch, Fault, InvalidInput, RunnerUnavailable
from katib.runners.kubernetes.objects import STUDY_LABEL
from katib.runners.kubernetes.settings import KubernetesSettings

# It reports each lost connection with a traceback; `on_trouble` says it once.
logging.getLogger("kubernetes.informer").setLevel(logging.CRITICAL)

NEEDED = (
    *(("batch", "jobs", "", verb) for verb in ("create", "get", "list", "watch", "delete")),
    *(("", "pods", "", verb) for verb in ("get", "list", "watch")),
    ("", "pods", "log", "get"),
)
"""(API group, resource, subresource, verb): the rights without which no trial can be run."""
USEFUL = tuple(("", "events", "", verb) for verb in ("get", "list", "watch"))
"""The rights without which reasons are weaker."""

DEFAULTS = KubernetesSettings()
IN_CLUSTER_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def connect(context: str = "", namespace: str = "", settings: KubernetesSettings = DEFAULTS) -> "Cluster":
    """The cluster of a kubeconfig's context, or the one that this process is a pod of.

    Args:
        context: empty for the current one.
        namespace: empty for the context's own.

    Raises InvalidInput when there is no such context or no configuration at all.
    """
    configuration = client.Configuration()
    # Each running trial's log is a connection. What fails is tried again here, where it can be told.
    configuration.connection_pool_maxsize = 100
    configuration.retries = False
    try:
        contexts, active = config.list_kube_config_contexts()
        chosen = context or active["name"]
        config.load_kube_config(context=chosen, client_configuration=configuration)
    except config.ConfigException as error:
        if context:
            raise _refused("--context", context, f"a context of your kubeconfig: {error}") from error
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            wanted = f"a cluster that your kubeconfig names: {error}"
            raise _refused("--on", "kubernetes", wanted, "set KUBECONFIG, or `kubectl config use-context`") from error
        own = IN_CLUSTER_NAMESPACE.read_text().strip() if IN_CLUSTER_NAMESPACE.exists() else ""
        return Cluster(client.ApiClient(configuration), namespace or own or "default", settings=settings)
    own = next((each["context"].get("namespace") or "" for each in contexts if each["name"] == chosen), "")
    return Cluster(client.ApiClient(configuration), namespace or own or "default", context=chosen, settings=settings)


class Cluster:
    """See above. Safe to use from several threads.

    Attributes:
        context: the kubeconfig's, which finds the same cluster again; empty for the one that this process is in.
    """

    def __init__(
        self, api: client.ApiClient, namespace: str, *, context: str = "", settings: KubernetesSettings = DEFAULTS
    ) -> None:
        self.namespace = namespace
        self.context = context
        self.settings = settings
        self._api = api
        self._jobs = client.BatchV1Api(api)
        self._core = client.CoreV1Api(api)

    def missing_rights(self) -> tuple[list[str], list[str]]:
        """The rights that are needed and lacking, and those that are only useful. Raises RunnerUnavailable."""
        return [_right(each) for each in NEEDED if not self._may(*each)], [
            _right(each) for each in USEFUL if not self._may(*each)
        ]

    def create_job(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Create a Job, or find the one of that name which the same study has created.

        Raises:
            CannotLaunch: the API server will never take it, or another one has its name.
            RunnerUnavailable: it does not take it now: a quota, a webhook, a missing right, no connection.
        """
        name = job["metadata"]["name"]
        try:
            with self._translated(f"Job {name} cannot be created"):
                return self._plain(
                    self._jobs.create_namespaced_job(self.namespace, job, _request_timeout=self._patience)
                )
        except _Exists:
            pass
        with self._translated(f"Job {name} cannot be read"):
            found = self._plain(self._jobs.read_namespaced_job(name, self.namespace, _request_timeout=self._patience))
        if (found["metadata"].get("labels") or {}).get(STUDY_LABEL) != job["metadata"]["labels"][STUDY_LABEL]:
            raise CannotLaunch(
                f"namespace {self.namespace} has another Job named {name}",
                hint=f"`kubectl -n {self.namespace} delete job {name}` removes it, or give the study another --name",
            )
        return found

    def delete_job(self, name: str, *, at_once: bool = False) -> None:
        """Delete a Job and its pods; nothing happens when it is gone. Raises RunnerUnavailable."""
        grace = {"grace_period_seconds": 0} if at_once else {}
        options = client.V1DeleteOptions(propagation_policy="Background", **grace)
        with self._translated(f"Job {name} cannot be deleted"), suppress(_Missing):
            self._jobs.delete_namespaced_job(name, self.namespace, body=options, _request_timeout=self._patience)

    def jobs(self, selector: str) -> list[dict[str, Any]]:
        """The Jobs that a label selector finds. Raises RunnerUnavailable."""
        with self._translated("Jobs cannot be listed"):
            found = self._jobs.list_namespaced_job(
                self.namespace, label_selector=selector, _request_timeout=self._patience
            )
        return [self._plain(each) for each in found.items]

    @contextmanager
    def log(self, pod: str, container: str, *, follow: bool, since: int | None) -> Iterator[Iterator[bytes]]:
        """What a container has printed, each line with its time before it, in pieces as they come.

        Args:
            follow: go on until it ends.
            since: only the last so many seconds.

        Raises RunnerUnavailable; NoLog when there is none any more.
        """
        with self._translated(f"the log of pod {pod} cannot be read"):
            response = self._core.read_namespaced_pod_log(
                pod,
                self.namespace,
                container=container,
                follow=follow,
                timestamps=True,
                _preload_content=False,
                _request_timeout=(self.settings.patience, self.settings.silence if follow else self.settings.patience),
                **({} if since is None else {"since_seconds": max(since, 1)}),
            )
            try:
                yield response.stream(1 << 16, decode_content=False)
            finally:
                response.close()

    def watch(
        self,
        what: str,
        selector: str,
        tell: Callable[[dict[str, Any], bool], None],
        trouble: Callable[[str], None],
    ) -> "Watch":
        """Follow objects from now on, in a thread.

        Args:
            what: `jobs`, `pods` or `events`.
            tell: called with each object that is there or changes, and whether it was deleted.
            trouble: called with what is wrong when the API server does not answer; with nothing when it does.
        """
        listing = {
            "jobs": self._jobs.list_namespaced_job,
            "pods": self._core.list_namespaced_pod,
            "events": self._core.list_namespaced_event,
        }[what]
        return Watch(listing, self.namespace, selector, lambda found, gone: tell(self._plain(found), gone), trouble)

    @property
    def _patience(self) -> tuple[float, float]:
        return (self.settings.patience, self.settings.patience)

    def _may(self, group: str, resource: str, subresource: str, verb: str) -> bool:
        review = client.V1SelfSubjectAccessReview(
            spec=client.V1SelfSubjectAccessReviewSpec(
                resource_attributes=client.V1ResourceAttributes(
                    namespace=self.namespace, group=group, resource=resource, subresource=subresource or None, verb=verb
                )
            )
        )
        with self._translated("the API server cannot be asked for rights"):
            answer = client.AuthorizationV1Api(self._api).create_self_subject_access_review(
                review, _request_timeout=self._patience
            )
        return bool(answer.status.allowed)

    def _plain(self, found: object) -> dict[str, Any]:
        """An object as the API's JSON has it."""
        return cast("dict[str, Any]", self._api.sanitize_for_serialization(found))

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except ApiException as error:
            raise _fault(error, what) from error
        except (HTTPError, OSError) as error:
            raise RunnerUnavailable(f"{what}: the API server cannot be reached: {_first(error)}") from error


class Watch:
    """Objects of one kind, followed in a thread until `stop`."""

    def __init__(
        self,
        listing: Callable[..., Any],
        namespace: str,
        selector: str,
        tell: Callable[[Any, bool], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._stopping = threading.Event()
        self._troubled = False
        self._trouble = trouble
        self._informer = SharedInformer(listing, namespace=namespace, label_selector=selector or None)
        for kind in (ADDED, MODIFIED, DELETED):
            self._informer.add_event_handler(kind, lambda found, gone=kind == DELETED: self._tell(tell, found, gone))
        self._informer.add_event_handler(ERROR, self._failed)
        self._informer.start()

    def stop(self) -> None:
        """Follow no more. Its thread ends when its connection does."""
        self._stopping.set()
        # Joining would wait for the server's next word.
        threading.Thread(target=self._informer.stop, daemon=True, name="katib-unwatch").start()

    def _tell(self, tell: Callable[[Any, bool], None], found: Any, gone: bool) -> None:
        if self._troubled:
            self._troubled = False
            self._trouble("")
        tell(found, gone)

    def _failed(self, error: object) -> None:
        """Called in the informer's thread, which tries again as soon as this returns."""
        if self._stopping.is_set() or (isinstance(error, ApiException) and error.status == 410):
            return
        self._troubled = True
        self._trouble(_first(error) if isinstance(error, Exception) else str(error))
        self._stopping.wait(1.0)


class NoLog(RunnerUnavailable):
    """There is no such pod any more."""


class _Exists(RunnerUnavailable):
    """There is an object of that name."""


class _Missing(RunnerUnavailable):
    """There is no such object."""


def _fault(error: ApiException, what: str) -> Exception:
    said = f"{what}: {_message(error)}"
    # A webhook answers 400 as well, and may think otherwise tomorrow.
    if error.status in (400, 422) and "admission webhook" not in said:
        return CannotLaunch(said)
    if error.status == 409:
        return _Exists(said)
    if error.status == 404:
        return NoLog(said) if "log" in what else _Missing(said)
    return RunnerUnavailable(said)


def _message(error: ApiException) -> str:
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.body or "")
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}"


def _first(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _right(right: tuple[str, str, str, str]) -> str:
    _group, resource, subresource, verb = right
    return f"{verb} {resource}{f'/{subresource}' if subresource else ''}"


def _refused(path: str, given: str, wanted: str, hint: str = "") -> InvalidInput:
    return InvalidInput([Fault(path=path, given=given, wanted=wanted, hint=hint)], what="the command line")
