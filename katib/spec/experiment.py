"""The v1beta1 Experiment as types. A field that is missing has its zero value; what is required is said by the rules.

Null means absent, as it does for the API server. An unknown field is refused.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

API_VERSION = "kubeflow.org/v1beta1"
KIND = "Experiment"
DEFAULT_NAMESPACE = "default"


def text_of(value: object) -> object:
    """The text that an unquoted number or truth value stands for; anything else as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return str(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(text_of)]
"""A string in v1beta1; written without quotes it is accepted here all the same."""

Count = Annotated[int, Field(strict=True, ge=-(2**31), le=2**31 - 1)]
"""An int32."""

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]


class Model(BaseModel):
    """What all parts of an Experiment have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, validate_default=False)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = {field.alias for field in cls.model_fields.values()}
        return {key: value for key, value in data.items() if value is not None or key not in known}


class NameValue(Model):
    """A setting."""

    name: Text = Field("", description="The setting's name.")
    value: Text = Field("", description="Its value, as text.")


class Metadata(Model):
    """Kubernetes' object metadata. Only the name, labels and annotations mean something to Katib itself."""

    name: Text = Field(
        "", description="The experiment's name: a lower-case letter, then letters, digits, `-`; at most 40."
    )
    namespace: Text = Field("", description="The Kubernetes namespace; here only `${trialSpec.Namespace}` shows it.")
    labels: dict[str, Text] = Field(default_factory=dict, description="Copied to every trial.")
    annotations: dict[str, Text] = Field(default_factory=dict, description="Kept; they mean nothing to the engine.")
    generate_name: Text = Field("", description="A cluster's way to choose a name; here `name` is needed.")
    uid: Text = Field("", description="Written by a cluster; ignored.")
    resource_version: Text = Field("", description="Written by a cluster; ignored.")
    generation: int | None = Field(None, description="Written by a cluster; ignored.")
    creation_timestamp: Text = Field("", description="Written by a cluster; ignored.")
    deletion_timestamp: Text = Field("", description="Written by a cluster; ignored.")
    deletion_grace_period_seconds: int | None = Field(None, description="Written by a cluster; ignored.")
    self_link: Text = Field("", description="Written by a cluster; ignored.")
    finalizers: list[Text] = Field(default_factory=list, description="Written by a cluster; ignored.")
    owner_references: list[dict[str, Any]] = Field(default_factory=list, description="Used by a cluster; ignored.")
    managed_fields: list[dict[str, Any]] = Field(default_factory=list, description="Written by a cluster; ignored.")


ParameterKind = Literal["", "double", "int", "discrete", "categorical"]
DistributionName = Literal["", "uniform", "logUniform", "normal", "logNormal", "unknown"]


class FeasibleSpace(Model):
    """What a parameter may be: bounds for `double` and `int`, a list for `discrete` and `categorical`."""

    min: Text = Field("", description="The least value, inclusive. For `double` and `int`.")
    max: Text = Field("", description="The greatest value, inclusive. For `double` and `int`.")
    step: Text = Field("", description="Allowed values are min, min + step, …; without it every float, or every int.")
    list_: list[Text] = Field(
        default_factory=list,
        alias="list",
        description="The values, passed on exactly as written. For `discrete`, `categorical`.",
    )
    distribution: DistributionName = Field(
        "",
        description="How likely values are: on the value's scale, or (`log…`) on its logarithm's; default `uniform`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _list_in_distribution(cls, data: Any) -> Any:
        # Katib's Python SDK 0.18 and 0.19 send the list of a categorical parameter under this name.
        if isinstance(data, dict) and isinstance(data.get("distribution"), list) and not data.get("list"):
            rest = {key: value for key, value in data.items() if key != "distribution"}
            return {**rest, "list": data["distribution"]}
        return data


class ParameterCondition(Model):
    """When a parameter is active; Katib has no such field."""

    parameter: Text = Field("", description="Another parameter, of type `categorical`, `discrete` or `int`.")
    values: list[Text] = Field(
        default_factory=list, description="The parameter is active while the other one is, and has one of these values."
    )


class ParameterSpec(Model):
    """One hyperparameter."""

    name: Text = Field("", description="The parameter's name; `trialParameters[].reference` refers to it.")
    parameter_type: ParameterKind = Field("", description="What kind of values it takes.")
    feasible_space: FeasibleSpace = Field(default_factory=FeasibleSpace, description="The values it may take.")
    condition: ParameterCondition | None = Field(
        None,
        description="When it is active; default: always. A trial in which it is not gets no value for it, and the "
        "items of `command` and `args` that hold its placeholder are left out, each with a bare `--flag` right before.",
    )


class MetricStrategy(Model):
    """Which of a metric's values counts."""

    name: Text = Field("", description="The metric.")
    value: Literal["", "min", "max", "latest"] = Field("", description="The value that counts.")


class ObjectiveSpec(Model):
    """What is to be minimised or maximised."""

    type: Literal["", "minimize", "maximize"] = Field("", description="The direction.")
    goal: Number | None = Field(
        None,
        description="End the experiment when the best value reaches this; default: no goal. Of several objectives one "
        "trial must reach all goals.",
    )
    objective_metric_name: Text = Field("", description="The metric, as the trial prints it.")
    additional_metric_names: list[Text] = Field(default_factory=list, description="Other metrics to collect.")
    metric_strategies: list[MetricStrategy] = Field(
        default_factory=list,
        description="Which value of a metric counts; default `min` when minimising, `max` when maximising.",
    )


class AlgorithmSpec(Model):
    """An algorithm and its settings."""

    algorithm_name: Text = Field("", description="The algorithm's name.")
    algorithm_settings: list[NameValue] = Field(default_factory=list, description="Its settings.")


class ConfigMapSource(Model):
    """A trial template in a ConfigMap, which only a cluster has."""

    config_map_name: Text = Field("", description="The ConfigMap's name.")
    config_map_namespace: Text = Field("", description="The namespace it is in.")
    template_path: Text = Field("", description="The key in it that holds the template.")


class TrialParameter(Model):
    """A name for a value in the template."""

    name: Text = Field("", description="The template uses it as `${trialParameters.NAME}`.")
    description: Text = Field("", description="For readers.")
    reference: Text = Field(
        "",
        description="A parameter of `spec.parameters`, or `${trialSpec.Name}` etc. for the trial's own metadata.",
    )


class TrialTemplate(Model):
    """How a trial runs."""

    retain: Flag = Field(False, description="On a cluster: keep the trial's job after its end.")
    trial_spec: dict[str, Any] | None = Field(
        None, description="The object to run per trial, usually a `batch/v1` Job."
    )
    config_map: ConfigMapSource | None = Field(None, description="Where the template is, when it is not `trialSpec`.")
    trial_parameters: list[TrialParameter] = Field(
        default_factory=list, description="Names for values in the template."
    )
    primary_pod_labels: dict[str, Text] = Field(
        default_factory=dict, description="On a cluster: which pod of a trial is the one to collect metrics from."
    )
    primary_container_name: Text = Field(
        "", description="The container that trains; the one that runs as a process here."
    )
    success_condition: Text = Field(
        "", description="On a cluster: a GJSON query that tells a finished job; default by kind."
    )
    failure_condition: Text = Field(
        "", description="On a cluster: a GJSON query that tells a failed job; default by kind."
    )


class HttpHeader(Model):
    """A header."""

    name: Text = Field("", description="Its name.")
    value: Text = Field("", description="Its value.")


class HttpGet(Model):
    """Where a trial serves its metrics."""

    host: Text = Field("", description="The host; default: the trial's own.")
    path: Text = Field("", description="The path; default `/metrics`.")
    port: int | str | None = Field(None, description="The port; default 8080.")
    scheme: Text = Field("", description="HTTP or HTTPS.")
    http_headers: list[HttpHeader] = Field(default_factory=list, description="Headers to send.")


class FileSystemPath(Model):
    """Where a trial writes its metrics."""

    path: Text = Field(
        "",
        description="An absolute path; default `/var/log/katib/metrics.log`, or `/var/log/katib/tfevent/` for events.",
    )
    kind: Literal["", "File", "Directory", "Invalid"] = Field("", description="File or Directory.")
    format: Literal["", "TEXT", "JSON"] = Field("", description="Of a file; default `TEXT`.")


class FilterSpec(Model):
    """How a metric looks in a line of text."""

    metrics_format: list[Text] = Field(
        default_factory=list,
        description="Patterns whose first group is the metric's name and whose second is its value.",
    )


class SourceSpec(Model):
    """Where metrics come from."""

    http_get: HttpGet | None = Field(None, description="For PrometheusMetric.")
    file_system_path: FileSystemPath | None = Field(None, description="For File, TensorFlowEvent and Custom.")
    filter: FilterSpec | None = Field(None, description="For StdOut and File with format TEXT.")


class CollectorSpec(Model):
    """What collects metrics."""

    kind: Literal["", "StdOut", "File", "TensorFlowEvent", "PrometheusMetric", "Custom", "Push"] = Field(
        "", description="How metrics reach the engine; default `StdOut`."
    )
    custom_collector: dict[str, Any] | None = Field(None, description="On a cluster: a container, for Custom.")


class MetricsCollectorSpec(Model):
    """How metrics are collected."""

    source: SourceSpec | None = Field(None, description="Where they come from.")
    collector: CollectorSpec = Field(default_factory=CollectorSpec, description="What collects them.")


class GraphConfig(Model):
    """The shape of a network to search."""

    num_layers: Count | None = Field(None, description="How many layers.")
    input_sizes: list[Count] = Field(default_factory=list, description="Sizes of the input.")
    output_sizes: list[Count] = Field(default_factory=list, description="Sizes of the output.")


class Operation(Model):
    """A kind of layer to search among."""

    operation_type: Text = Field("", description="What it is.")
    parameters: list[ParameterSpec] = Field(
        default_factory=list, description="Its own parameters; as `spec.parameters`."
    )


class NasConfig(Model):
    """A search for an architecture instead of hyperparameters."""

    graph_config: GraphConfig = Field(default_factory=GraphConfig, description="The network.")
    operations: list[Operation] = Field(default_factory=list, description="What layers may be.")


class ExperimentSpec(Model):
    """What to search, how to judge it, and how to run it."""

    parameters: list[ParameterSpec] = Field(default_factory=list, description="The hyperparameters.")
    objective: ObjectiveSpec | None = Field(None, description="What to optimise.")
    objectives: list[ObjectiveSpec] = Field(
        default_factory=list,
        description="Several at once, instead of `objective`; each item is as that. Katib has no such field.",
    )
    algorithm: AlgorithmSpec = Field(default_factory=AlgorithmSpec, description="What chooses values; default `auto`.")
    early_stopping: AlgorithmSpec | None = Field(None, description="What ends hopeless trials early; as `algorithm`.")
    trial_template: TrialTemplate = Field(default_factory=TrialTemplate, description="How a trial runs.")
    parallel_trial_count: Count | None = Field(
        None, description="Trials at the same time; default 3, or maxTrialCount if that is less."
    )
    max_trial_count: Count | None = Field(None, description="Trials in all; default: no limit.")
    max_failed_trial_count: Count | None = Field(
        None, description="End as failed at this many failed trials; default: no limit."
    )
    max_seconds: float | None = Field(
        None,
        description="Begin nothing so many seconds after the start; what runs then may end. Default: no limit. "
        "Katib has no such field.",
    )
    max_stale_trial_count: Count | None = Field(
        None,
        description="End when so many trials after the best one have ended without being better; default: no limit. "
        "Katib has no such field.",
    )
    replicates: Count | None = Field(
        None,
        description="Trials of each point that the algorithm suggests, which learns from their mean; default 1. "
        "Katib has no such field.",
    )
    metrics_collector_spec: MetricsCollectorSpec = Field(
        default_factory=MetricsCollectorSpec, description="How metrics are collected; default: from standard output."
    )
    nas_config: NasConfig | None = Field(None, description="Search an architecture instead of `parameters`.")
    resume_policy: Literal["", "Never", "LongRunning", "FromVolume"] = Field(
        "", description="On a cluster: whether a finished experiment may be extended; default `Never`."
    )

    @property
    def every_objective(self) -> list[ObjectiveSpec]:
        """All objectives, whichever of the two forms they are given in."""
        return [*self.objectives] if self.objective is None else [self.objective]


class Experiment(Model):
    """An Experiment document."""

    api_version: Text = Field("", description=f"`{API_VERSION}`.")
    kind: Text = Field("", description=f"`{KIND}`.")
    metadata: Metadata = Field(default_factory=Metadata, description="Its name and labels.")
    spec: ExperimentSpec = Field(default_factory=ExperimentSpec, description="What it does.")
    status: dict[str, Any] | None = Field(None, description="Written by a cluster; ignored.")

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """The Kubernetes namespace; `default` when none is given, as it is for kubectl."""
        return self.metadata.namespace or DEFAULT_NAMESPACE
