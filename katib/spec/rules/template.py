"""How a trial runs."""

from collections.abc import Iterator
from typing import Any

from katib.errors import Fault
from katib.spec.experiment import Experiment, TrialParameter
from katib.spec.gjson import Condition
from katib.spec.paths import show
from katib.spec.placeholders import META_KEYS, PLACEHOLDER, meta_key, meta_value, texts
from katib.spec.rules.job import job_faults
from katib.spec.rules.table import Cluster, Rule
from katib.spec.schema import closest

PATH = "spec.trialTemplate"
SPEC = f"{PATH}.trialSpec"
SPEC_PARTS = ("spec", "trialTemplate", "trialSpec")


def _given(experiment: Experiment) -> bool:
    return "trial_template" in experiment.spec.model_fields_set and bool(_template_fields(experiment))


def _template_fields(experiment: Experiment) -> set[str]:
    return experiment.spec.trial_template.model_fields_set


def _object(experiment: Experiment) -> dict[str, Any]:
    return experiment.spec.trial_template.trial_spec or {}


def _placed(experiment: Experiment) -> Iterator[tuple[str, TrialParameter]]:
    for index, parameter in enumerate(experiment.spec.trial_template.trial_parameters):
        yield f"{PATH}.trialParameters[{index}]", parameter


def _required(experiment: Experiment) -> Iterator[Fault]:
    if not _given(experiment):
        yield Fault(path=PATH, wanted="missing: how a trial runs")
        return
    template = experiment.spec.trial_template
    if not template.primary_container_name:
        wanted = "missing: the name of the container that trains"
        yield Fault(path=f"{PATH}.primaryContainerName", wanted=wanted, hint=_containers_hint(experiment))
    kind = _object(experiment).get("kind")
    for name, condition in (
        ("successCondition", template.success_condition),
        ("failureCondition", template.failure_condition),
    ):
        if not condition and (template.config_map is not None or kind):
            yield Fault(path=f"{PATH}.{name}", wanted=f"a GJSON query; for the kind {kind} there is no default")


def _none(experiment: Experiment) -> Iterator[Fault]:
    if _given(experiment):
        wanted = "no trialTemplate: clients run the trials of this study"
        yield Fault(path=PATH, wanted=wanted, hint="`katib run FILE` runs an Experiment with a template")


def _conditions(experiment: Experiment) -> Iterator[Fault]:
    template = experiment.spec.trial_template
    for name, text in (
        ("successCondition", template.success_condition),
        ("failureCondition", template.failure_condition),
    ):
        if text:
            try:
                Condition(text)
            except ValueError as error:
                hint = 'for example `status.conditions.#(type=="Complete")#|#(status=="True")#`'
                yield Fault(path=f"{PATH}.{name}", given=text, wanted=f"a GJSON query: {error}", hint=hint)


def _containers_hint(experiment: Experiment) -> str:
    names = [
        text
        for parts, text in texts(_object(experiment))
        if len(parts) > 2 and parts[-3] == "containers" and parts[-1] == "name" and text != "name"
    ]
    return f"the template has: {', '.join(names)}" if names else ""


def _parameters_required(experiment: Experiment) -> Iterator[Fault]:
    if _given(experiment) and "trial_parameters" not in _template_fields(experiment):
        yield Fault(path=f"{PATH}.trialParameters", wanted="missing: a list of names for values; it may be empty")


def _one_source(experiment: Experiment) -> Iterator[Fault]:
    template = experiment.spec.trial_template
    if not _given(experiment):
        return
    if not template.trial_spec and template.config_map is None:
        yield Fault(path=SPEC, wanted="missing: the object to run, or a configMap that holds it")
    if template.trial_spec and template.config_map is not None:
        yield Fault(path=f"{PATH}.configMap", wanted="either trialSpec or configMap, not both")
    if template.config_map is not None:
        source = template.config_map
        fields = {
            "configMapName": source.config_map_name,
            "configMapNamespace": source.config_map_namespace,
            "templatePath": source.template_path,
        }
        for name, value in fields.items():
            if not value:
                yield Fault(path=f"{PATH}.configMap.{name}", wanted="missing: a name")


def _parameter_form(experiment: Experiment) -> Iterator[Fault]:
    for path, parameter in _placed(experiment):
        if not parameter.name:
            yield Fault(path=f"{path}.name", wanted="missing: the name that the template uses")
        elif "{" in parameter.name or "}" in parameter.name:
            yield Fault(path=f"{path}.name", given=parameter.name, wanted="a name without braces")
        if not parameter.reference:
            yield Fault(
                path=f"{path}.reference", wanted="missing: a parameter's name, or ${trialSpec.Name} and the like"
            )


def _parameter_twins(experiment: Experiment) -> Iterator[Fault]:
    names: set[str] = set()
    references: set[str] = set()
    for path, parameter in _placed(experiment):
        if parameter.name and parameter.name in names:
            yield Fault(path=f"{path}.name", given=parameter.name, wanted="each name once")
        if parameter.reference and parameter.reference in references:
            wanted = "each reference once; the template may use one name many times"
            yield Fault(path=f"{path}.reference", given=parameter.reference, wanted=wanted)
        names.add(parameter.name)
        references.add(parameter.reference)


def _references(experiment: Experiment) -> Iterator[Fault]:
    known = [parameter.name for parameter in experiment.spec.parameters]
    if not known or not all(known):
        return
    for path, parameter in _placed(experiment):
        reference = parameter.reference
        if reference and meta_key(reference) is None and reference not in known:
            hint = closest(reference, known) or f"there are: {', '.join(known)}"
            yield Fault(path=f"{path}.reference", given=reference, wanted="a name of spec.parameters", hint=hint)


def _meta_references(experiment: Experiment) -> Iterator[Fault]:
    if experiment.spec.trial_template.trial_spec is None:
        return
    for path, parameter in _placed(experiment):
        key = meta_key(parameter.reference)
        if key is not None and meta_value(key, _object(experiment), name="a", namespace="a") is None:
            wanted = f"one of {', '.join(META_KEYS)}, where the trialSpec has the KEY"
            yield Fault(path=f"{path}.reference", given=parameter.reference, wanted=wanted)


def _all_used(experiment: Experiment) -> Iterator[Fault]:
    if not _given(experiment) or "trial_parameters" not in _template_fields(experiment):
        return
    referred = {parameter.reference for _path, parameter in _placed(experiment)}
    for index, parameter in enumerate(experiment.spec.parameters):
        if parameter.name and parameter.name not in referred:
            wanted = "a parameter that a trialParameter refers to: trials would not see it"
            path = f"spec.parameters[{index}].name"
            yield Fault(path=path, given=parameter.name, wanted=wanted, hint=f"add `reference: {parameter.name}`")


def _used(experiment: Experiment) -> dict[str, str]:
    """Name of a placeholder in the trialSpec -> the first path that has it."""
    found: dict[str, str] = {}
    for parts, text in texts(_object(experiment), SPEC_PARTS):
        for name in PLACEHOLDER.findall(text):
            found.setdefault(name, show(parts))
    return found


def _in_template(experiment: Experiment) -> Iterator[Fault]:
    if not _object(experiment):
        return
    used = _used(experiment)
    for path, parameter in _placed(experiment):
        if parameter.name and parameter.name not in used:
            placeholder = f"${{trialParameters.{parameter.name}}}"
            yield Fault(path=f"{path}.name", given=parameter.name, wanted=f"a trialSpec that contains {placeholder}")


def _no_leftovers(experiment: Experiment) -> Iterator[Fault]:
    names = [parameter.name for _path, parameter in _placed(experiment)]
    for name, path in _used(experiment).items():
        if name not in names:
            hint = closest(name, names) or "add it to trialParameters"
            wanted = "a name of trialParameters"
            yield Fault(path=path, given=f"${{trialParameters.{name}}}", wanted=wanted, hint=hint)


def _object_form(experiment: Experiment) -> Iterator[Fault]:
    template = _object(experiment)
    if not template:
        return
    for name in ("apiVersion", "kind"):
        if not isinstance(template.get(name), str) or not template[name]:
            yield Fault(path=f"{SPEC}.{name}", wanted="what kind of object this is, as in `batch/v1` and `Job`")
    metadata = template.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for name in ("name", "namespace"):
        if metadata.get(name):
            wanted = f"no {name}: every trial gets its own"
            yield Fault(path=f"{SPEC}.metadata.{name}", given=str(metadata[name]), wanted=wanted)


def _job(experiment: Experiment) -> Iterator[Fault]:
    template = _object(experiment)
    if template.get("apiVersion") == "batch/v1" and template.get("kind") == "Job":
        yield from job_faults(template, SPEC_PARTS)


RULES = (
    Rule(
        id="template",
        refuses="no trialTemplate, no primaryContainerName, no successCondition or failureCondition for a kind without",
        check=_required,
        cluster=Cluster.OPERATOR,
        katib=14,
    ),
    Rule(
        id="conditions",
        refuses="a successCondition or failureCondition that is no GJSON query, or more of GJSON than is known",
        check=_conditions,
        cluster=Cluster.OPERATOR,
    ),
    Rule(
        id="trial-parameters",
        refuses="no trialParameters (an empty list is fine)",
        check=_parameters_required,
        cluster=Cluster.CRD,
        katib=15,
    ),
    Rule(
        id="template-source",
        refuses="neither or both of trialSpec and configMap; a configMap with an empty field",
        check=_one_source,
        cluster=Cluster.CRD,
        katib=16,
    ),
    Rule(
        id="template-loads",
        refuses="a ConfigMap or key that does not exist, or holds no YAML",
        check=None,
        cluster=Cluster.OPERATOR,
        katib=17,
    ),
    Rule(
        id="trial-parameter-form",
        refuses="a trialParameter without name or reference, or with braces in its name",
        check=_parameter_form,
        cluster=Cluster.CRD,
        katib=18,
    ),
    Rule(
        id="trial-parameter-twins",
        refuses="two trialParameters of one name, or with one reference",
        check=_parameter_twins,
        cluster=Cluster.CRD,
        katib=18,
    ),
    Rule(
        id="reference",
        refuses="a reference that is neither metadata nor in spec.parameters",
        check=_references,
        cluster=Cluster.OPERATOR,
        katib=19,
    ),
    Rule(
        id="metadata-reference",
        refuses="a ${trialSpec…} reference to something that the trialSpec does not have",
        check=_meta_references,
        cluster=Cluster.OPERATOR,
    ),
    Rule(
        id="all-parameters-used",
        refuses="a parameter that no trialParameter refers to (in Katib every trial then fails to render)",
        check=_all_used,
        cluster=Cluster.OPERATOR,
    ),
    Rule(
        id="in-template",
        refuses="a trialParameter that the trialSpec does not use",
        check=_in_template,
        cluster=Cluster.OPERATOR,
        katib=20,
    ),
    Rule(
        id="no-leftovers",
        refuses="a ${trialParameters…} in the trialSpec that is not in trialParameters",
        check=_no_leftovers,
        cluster=Cluster.OPERATOR,
        katib=21,
    ),
    Rule(
        id="trial-object",
        refuses="a trialSpec without apiVersion or kind, or with a metadata.name or metadata.namespace",
        check=_object_form,
        cluster=Cluster.OPERATOR,
        katib=22,
    ),
    Rule(
        id="job-fields",
        refuses="in a batch/v1 Job: an unknown or mistyped field of the job, its pod or its containers",
        check=_job,
        cluster=Cluster.OPERATOR,
        katib=23,
    ),
)

RUN_BY_CLIENTS = (
    Rule(
        id="no-template",
        refuses="a trialTemplate in a study that its clients run",
        check=_none,
        cluster=Cluster.OPERATOR,
    ),
)
