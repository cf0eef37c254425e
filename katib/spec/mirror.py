"""The v1beta1 objects that mirror the store on a cluster: Suggestion, Trial, and every kind's status."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from katib.spec.experiment import (
    AlgorithmSpec,
    Count,
    Flag,
    MetricsCollectorSpec,
    Model,
    NameValue,
    ObjectiveSpec,
    Text,
)


class Mirrored(Model):
    """What the operator writes and users read."""


class Condition(Mirrored):
    """A state, and why. The last one of a list is the newest."""

    type: Text = Field("", description="The state.")
    status: Literal["True", "False", "Unknown"] = Field("Unknown", description="Whether it is so.")
    reason: Text = Field("", description="Why, in one word.")
    message: Text = Field("", description="Why, in words.")
    last_update_time: datetime | None = Field(None, description="When the condition was written.")
    last_transition_time: datetime | None = Field(None, description="When its status changed.")


class Metric(Mirrored):
    """A metric's values over a trial, as text."""

    name: Text = Field("", description="The metric.")
    min: Text = Field("", description="Its least value.")
    max: Text = Field("", description="Its greatest value.")
    latest: Text = Field("", description="Its last value.")


class Observation(Mirrored):
    """What a trial measured."""

    metrics: list[Metric] = Field(default_factory=list, description="Every metric that is collected.")


class OptimalTrial(Mirrored):
    """The best trial."""

    best_trial_name: Text = Field("", description="Its name.")
    parameter_assignments: list[NameValue] = Field(default_factory=list, description="Its parameters.")
    observation: Observation = Field(default_factory=Observation, description="What it measured.")


class Status(Mirrored):
    """What every kind's status has."""

    start_time: datetime | None = Field(None, description="When it was first seen.")
    completion_time: datetime | None = Field(None, description="When it ended.")
    last_reconcile_time: datetime | None = Field(None, description="Not written.")
    conditions: list[Condition] = Field(default_factory=list, description="Its states so far; the last is the newest.")


class ExperimentStatus(Status):
    """How far an experiment is."""

    current_optimal_trial: OptimalTrial = Field(default_factory=OptimalTrial, description="The best trial so far.")
    running_trial_list: list[Text] = Field(default_factory=list, description="Names of trials that run.")
    pending_trial_list: list[Text] = Field(default_factory=list, description="Names of trials that are to start.")
    failed_trial_list: list[Text] = Field(default_factory=list, description="Names of trials that failed.")
    succeeded_trial_list: list[Text] = Field(default_factory=list, description="Names of trials that succeeded.")
    killed_trial_list: list[Text] = Field(default_factory=list, description="Names of trials that were ended.")
    early_stopped_trial_list: list[Text] = Field(default_factory=list, description="Names of trials stopped early.")
    metrics_unavailable_trial_list: list[Text] = Field(
        default_factory=list, description="Names of trials that ended well and measured nothing."
    )
    trials: Count = Field(0, description="Trials in all.")
    trials_succeeded: Count = Field(0, description="Trials that succeeded.")
    trials_failed: Count = Field(0, description="Trials that failed.")
    trials_killed: Count = Field(0, description="Trials that were ended.")
    trials_pending: Count = Field(0, description="Trials that are to start.")
    trials_running: Count = Field(0, description="Trials that run.")
    trials_early_stopped: Count = Field(0, description="Trials stopped early.")
    trial_metrics_unavailable: Count = Field(0, description="Trials that ended well and measured nothing.")


class EarlyStoppingRule(Mirrored):
    """When a trial is stopped early."""

    name: Text = Field("", description="The metric.")
    value: Text = Field("", description="The value that it is compared with.")
    comparison: Literal["equal", "less", "greater"] = Field("equal", description="How it is compared.")
    start_step: int = Field(0, description="How many values come before the first that counts.")


class SuggestionSpec(Mirrored):
    """What an experiment asks of its algorithm."""

    algorithm: AlgorithmSpec | None = Field(None, description="The experiment's algorithm.")
    early_stopping: AlgorithmSpec | None = Field(None, description="The experiment's early stopping.")
    requests: Count = Field(0, description="How many suggestions were asked for in all.")
    resume_policy: Text = Field("", description="The experiment's resume policy.")


class SuggestedTrial(Mirrored):
    """One suggestion."""

    name: Text = Field("", description="The name of its trial.")
    parameter_assignments: list[NameValue] = Field(default_factory=list, description="Its parameters.")
    early_stopping_rules: list[EarlyStoppingRule] = Field(default_factory=list, description="When it is stopped early.")
    labels: dict[str, Text] = Field(default_factory=dict, description="Labels of its trial.")


class SuggestionStatus(Status):
    """What an algorithm answered."""

    algorithm_settings: list[NameValue] = Field(default_factory=list, description="Settings that it changed.")
    suggestion_count: Count = Field(0, description="How many suggestions there are.")
    suggestions: list[SuggestedTrial] = Field(default_factory=list, description="The suggestions.")


class TrialSpec(Mirrored):
    """How a trial runs, with its parameters in place."""

    objective: ObjectiveSpec | None = Field(None, description="The experiment's objective.")
    parameter_assignments: list[NameValue] = Field(default_factory=list, description="Its parameters.")
    early_stopping_rules: list[EarlyStoppingRule] = Field(default_factory=list, description="When it is stopped early.")
    run_spec: dict[str, Any] | None = Field(None, description="The object that runs it.")
    retain_run: Flag = Field(False, description="Whether that object is kept after its end.")
    metrics_collector: MetricsCollectorSpec | None = Field(None, description="How its metrics are collected.")
    primary_pod_labels: dict[str, Text] = Field(default_factory=dict, description="Which of its pods trains.")
    primary_container_name: Text = Field("", description="Which of its containers trains.")
    success_condition: Text = Field("", description="A GJSON query that tells a finished run.")
    failure_condition: Text = Field("", description="A GJSON query that tells a failed run.")
    labels: dict[str, Text] = Field(default_factory=dict, description="Not used.")


class TrialStatus(Status):
    """How far a trial is."""

    observation: Observation | None = Field(None, description="What it measured.")
