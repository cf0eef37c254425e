"""What is said before the first trial of a study that is to run on a cluster: what cannot work, and what to know."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from katib.core.study import StudyConfig
from katib.errors import CannotLaunch, Fault, InvalidInput
from katib.runners.contract import LaunchOrder
from katib.service.studies import ClusterPlace
from katib.spec.cluster import likely_mistakes
from katib.spec.prepare import Prepared
from katib.spec.render import Template
from katib.spec.study import search_space, study_config
from katib.suggestion.contract import SuggestionService

if TYPE_CHECKING:
    from katib.runners.kubernetes import Cluster

COLLECTED = ("StdOut", "None")
"""The collectors that need nothing in the pod: a trial's output is read from outside."""


def place_on(cluster: "Cluster") -> ClusterPlace:
    """How a study remembers the cluster."""
    return ClusterPlace(context=cluster.context, namespace=cluster.namespace)


def check_on_cluster(prepared: Prepared, cluster: "Cluster", suggestions: SuggestionService) -> tuple[str, ...]:
    """Make the first trial's object without creating it, and ask for the rights that are needed.

    Returns what a person should know before it runs. Raises InvalidInput with every fault, CannotLaunch when rights
    are missing, RunnerUnavailable when the cluster cannot be reached.
    """
    from katib.runners.kubernetes.running import RunsAs

    refuse_on_cluster(prepared, cluster, suggestions)
    missing, weaker = cluster.missing_rights(RunsAs.of(prepared.effective).kind)
    if missing:
        raise CannotLaunch(
            f"trials cannot be run in namespace {cluster.namespace}: you may not {', '.join(missing)}",
            hint="ask for these rights, or name another namespace with --namespace",
        )
    notes = [str(warning) for warning in likely_mistakes(prepared)]
    if weaker:
        notes.append(f"you may not {', '.join(weaker)}: why a pod does not start will be told less exactly")
    return tuple(notes)


def refuse_on_cluster(
    prepared: Prepared, cluster: "Cluster", suggestions: SuggestionService, *, kinds: Sequence[str] = COLLECTED
) -> None:
    """Make the first trial's object without creating it, or asking the cluster. Raises InvalidInput with every fault.

    `kinds`: the collectors that there are.
    """
    faults = [*_faults(prepared, suggestions, kinds), *_faults_of_first_job(prepared, cluster)]
    if faults:
        raise InvalidInput(faults, what="the Experiment")


def _faults(prepared: Prepared, suggestions: SuggestionService, kinds: Sequence[str]) -> list[Fault]:
    spec = prepared.experiment.spec
    found = []
    if spec.nas_config is not None:
        found.append(Fault(path="spec.nasConfig", wanted="no algorithm here can search architectures: use parameters"))
    kind = prepared.effective["spec"]["metricsCollectorSpec"]["collector"]["kind"]
    if kind not in kinds:
        found.append(
            Fault(
                path="spec.metricsCollectorSpec.collector.kind",
                given=str(kind),
                wanted=f"{' or '.join(dict.fromkeys(kinds))}: on a cluster metrics are read from what the trials print",
                hint="print them as `name=value`",
            )
        )
    config: StudyConfig = study_config(prepared.experiment, uid="")
    if suggestions.abilities(config.algorithm).continues:
        found.append(
            Fault(
                path="spec.algorithm.algorithmName",
                given=config.algorithm,
                wanted="an algorithm whose trials do not continue others: pods share no checkpoints yet",
            )
        )
    return found


def _faults_of_first_job(prepared: Prepared, cluster: "Cluster") -> list[Fault]:
    from katib.runners.kubernetes.collector import CUSTOM, ONLY_BESIDE
    from katib.runners.kubernetes.objects import collected_container, object_of
    from katib.runners.kubernetes.running import RunsAs
    from katib.runners.kubernetes.templates import primary_template

    experiment = prepared.experiment
    template = experiment.spec.trial_template
    first = search_space(experiment).assign(lambda parameter: parameter.at(0))
    try:
        manifest = Template.of(experiment).render(name="trial", namespace=cluster.namespace, assignment=first)
        order = LaunchOrder(
            trial="trial",
            attempt=1,
            manifest=manifest,
            container=template.primary_container_name,
            metrics=(),
            collector={},
        )
        made = object_of(order, study=experiment.name, study_uid="", runs_as=RunsAs.of(prepared.effective))
    except InvalidInput as error:
        return list(error.faults)
    primary = primary_template(made, template.primary_container_name, template.primary_pod_labels)
    container = primary.container(template.primary_container_name) if primary is not None else None
    found = []
    if container is not None and not container.get("image"):
        hint = "--image with --param" if "image" not in container else ""
        found.append(Fault(path="spec.trialTemplate", wanted="a cluster needs the container's image", hint=hint))
    kind = prepared.effective["spec"]["metricsCollectorSpec"]["collector"]["kind"]
    beside = collected_container(made, template.primary_container_name, template.primary_pod_labels)
    without = beside is None or (kind != CUSTOM and not beside[1].get("command"))
    if kind in (*ONLY_BESIDE, CUSTOM) and without:
        one = f"a container of one pod, which the collector of {kind} goes before; here there are none, or several"
        found.append(
            Fault(
                path="spec.trialTemplate.primaryContainerName",
                given=template.primary_container_name,
                wanted=one
                if beside is None
                else f"a container with a `command`, which the collector of {kind} goes before",
                hint="write the image's ENTRYPOINT there, or use StdOut, which reads the container's log",
            )
        )
    return found
