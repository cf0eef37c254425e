"""One namespace of a cluster: the requests that the runner makes of its API server, and what goes wrong in them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from kubernetes import client, config

from katib.errors import CannotLaunch, Fault, InvalidInput
from katib.runners.kubernetes.faults import Exists, Missing, NoKind, translated
from katib.runners.kubernetes.objects import STUDY_LABEL
from katib.runners.kubernetes.running import Kind
from katib.runners.kubernetes.settings import KubernetesSettings
from katib.runners.kubernetes.watching import Watch, plain_listing
from katib.spec.kinds import JOB

VERBS = ("create", "get", "list", "watch", "delete")
"""What is done with the objects of trials."""
NEEDED = (
    *(("", "pods", "", verb) for verb in ("get", "list", "watch")),
    ("", "pods", "log", "get"),
)
"""(API group, resource, subresource, verb): the rights without which no trial can be run, beside those."""
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
        api: the client that requests are made with.
    """

    def __init__(
        self, api: client.ApiClient, namespace: str, *, context: str = "", settings: KubernetesSettings = DEFAULTS
    ) -> None:
        self.namespace = namespace
        self.context = context
        self.settings = settings
        self.api = api
        self._objects = client.CustomObjectsApi(api)
        self._plurals: dict[Kind, str] = {}
        self._core = client.CoreV1Api(api)

    def within(self, namespace: str) -> "Cluster":
        """Another namespace of the same cluster."""
        return Cluster(self.api, namespace, context=self.context, settings=self.settings)

    def version(self) -> tuple[int, int]:
        """The version of Kubernetes, as (1, 34). Raises RunnerUnavailable."""
        with translated("the cluster's version cannot be read"):
            found = client.VersionApi(self.api).get_code(_request_timeout=self._patience)
        # Some add a plus to the second number.
        return int(found.major), int(found.minor.rstrip("+"))

    def missing_rights(self, kind: Kind = JOB) -> tuple[list[str], list[str]]:
        """The rights that are needed and lacking, and those that are only useful, to run trials as objects of a kind.

        Raises RunnerUnavailable.
        """
        group, plural = kind[0].rpartition("/")[0], self.plural(kind)
        needed = (*((group, plural, "", verb) for verb in VERBS), *NEEDED)
        return [_right(each) for each in needed if not self._may(*each)], [
            _right(each) for each in USEFUL if not self._may(*each)
        ]

    def create(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object of a trial, or find the one of that name which the same study has created.

        Raises:
            CannotLaunch: the API server will never take it, or another one has its name.
            RunnerUnavailable: it does not take it now: a quota, a webhook, a missing right or kind, no connection.
        """
        kind, name = (document["apiVersion"], document["kind"]), document["metadata"]["name"]
        with suppress(Exists), translated(f"{kind[1]} {name} cannot be created"):
            return self._plain(
                self._objects.create_namespaced_custom_object(
                    *self._place(kind), dict(document), _request_timeout=self._patience
                )
            )
        with translated(f"{kind[1]} {name} cannot be read"):
            found = self._plain(
                self._objects.get_namespaced_custom_object(*self._place(kind), name, _request_timeout=self._patience)
            )
        if (found["metadata"].get("labels") or {}).get(STUDY_LABEL) != document["metadata"]["labels"][STUDY_LABEL]:
            raise CannotLaunch(
                f"namespace {self.namespace} has another {kind[1]} named {name}",
                hint=f"`kubectl -n {self.namespace} delete {kind[1].lower()} {name}` removes it, "
                "or give the study another --name",
            )
        return found

    def delete(self, kind: Kind, name: str, *, at_once: bool = False) -> None:
        """Delete an object and its pods; nothing happens when it is gone. Raises RunnerUnavailable."""
        grace = {"grace_period_seconds": 0} if at_once else {}
        options = client.V1DeleteOptions(propagation_policy="Background", **grace)
        with suppress(Missing), translated(f"{kind[1]} {name} cannot be deleted"):
            self._objects.delete_namespaced_custom_object(
                *self._place(kind), name, body=options, _request_timeout=self._patience
            )

    def objects(self, kind: Kind, selector: str) -> list[dict[str, Any]]:
        """The objects that a label selector finds. Raises RunnerUnavailable."""
        with suppress(NoKind), translated(f"objects of the kind {kind[1]} cannot be listed"):
            found = self._objects.list_namespaced_custom_object(
                *self._place(kind), label_selector=selector, _request_timeout=self._patience
            )
            return [self._plain(each) for each in found["items"]]
        return []

    def plural(self, kind: Kind) -> str:
        """What the API calls objects of a kind. Raises NoKind, RunnerUnavailable."""
        if kind == JOB:
            return "jobs"
        if kind not in self._plurals:
            group, _, version = kind[0].rpartition("/")
            said = f"the cluster has no {kind[1]} of {kind[0]}: install what brings that kind"
            if not group:
                raise NoKind(said)
            try:
                with translated(f"the API {kind[0]} cannot be asked for its kinds"):
                    found = self._objects.get_api_resources(group, version, _request_timeout=self._patience)
            except Missing:
                raise NoKind(said) from None
            names = [each.name for each in found.resources if each.kind == kind[1] and "/" not in each.name]
            if not names:
                raise NoKind(said)
            self._plurals[kind] = names[0]
        return self._plurals[kind]

    @contextmanager
    def log(
        self, pod: str, container: str, *, follow: bool = False, since: int | None = None, last: int | None = None
    ) -> Iterator[Iterator[bytes]]:
        """What a container has printed, each line with its time before it, in pieces as they come.

        Args:
            follow: go on until it ends.
            since, last: only the last so many seconds, or lines.

        Raises RunnerUnavailable; NoLog when there is none any more.
        """
        with translated(f"the log of pod {pod} cannot be read"):
            response = self._core.read_namespaced_pod_log(
                pod,
                self.namespace,
                container=container,
                follow=follow,
                timestamps=True,
                _preload_content=False,
                _request_timeout=(self.settings.patience, self.settings.silence if follow else self.settings.patience),
                **({} if since is None else {"since_seconds": max(since, 1)}),
                **({} if last is None else {"tail_lines": last}),
            )
            try:
                yield response.stream(1 << 16, decode_content=False)
            finally:
                response.close()

    def watch(
        self,
        what: str | Kind,
        selector: str,
        tell: Callable[[dict[str, Any], bool], None],
        trouble: Callable[[str], None],
    ) -> Watch:
        """Follow objects from now on, in a thread.

        Args:
            what: `pods`, `events`, or the kind of other objects.
            tell: called with each object that is there or changes, and whether it was deleted.
            trouble: called with what is wrong when the API server does not answer; with nothing when it does.
        """
        if isinstance(what, tuple):
            kind = what

            def listed(**options: Any) -> Any:
                return self._objects.list_namespaced_custom_object(*self._place(kind), **options)

            return Watch(plain_listing(listed), None, selector, tell, trouble)
        listing = {"pods": self._core.list_namespaced_pod, "events": self._core.list_namespaced_event}[what]
        return Watch(listing, self.namespace, selector, tell, trouble, plain=self._plain)

    @property
    def _patience(self) -> tuple[float, float]:
        return (self.settings.patience, self.settings.patience)

    def _place(self, kind: Kind) -> tuple[str, str, str, str]:
        group, _, version = kind[0].rpartition("/")
        return group, version, self.namespace, self.plural(kind)

    def _may(self, group: str, resource: str, subresource: str, verb: str) -> bool:
        review = client.V1SelfSubjectAccessReview(
            spec=client.V1SelfSubjectAccessReviewSpec(
                resource_attributes=client.V1ResourceAttributes(
                    namespace=self.namespace, group=group, resource=resource, subresource=subresource or None, verb=verb
                )
            )
        )
        with translated("the API server cannot be asked for rights"):
            answer = client.AuthorizationV1Api(self.api).create_self_subject_access_review(
                review, _request_timeout=self._patience
            )
        return bool(answer.status.allowed)

    def _plain(self, found: object) -> dict[str, Any]:
        """An object as the API's JSON has it."""
        return cast("dict[str, Any]", self.api.sanitize_for_serialization(found))


def _right(right: tuple[str, str, str, str]) -> str:
    _group, resource, subresource, verb = right
    return f"{verb} {resource}{f'/{subresource}' if subresource else ''}"


def _refused(path: str, given: str, wanted: str, hint: str = "") -> InvalidInput:
    return InvalidInput([Fault(path=path, given=given, wanted=wanted, hint=hint)], what="the command line")
