"""What requests and answers are made of: the contract, as the OpenAPI document shows it.

The shapes of studies, trials and observations are those that the command line prints as JSON, and more.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from katib.core.study import UNBOUNDED
from katib.server.http.faults import NO_NUL
from katib.service.lending import MOST_AT_ONCE
from katib.stores.contract import NAME_LIMIT
from katib.stores.rules import LARGEST_INTEGER

MOST_MEASUREMENTS = 100_000
"""In one request."""

LONGEST_LOAN = 10 * 365 * 86_400.0
"""Seconds."""

Name = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT, pattern=NO_NUL)]
Limit = Annotated[int, Field(ge=1, le=UNBOUNDED)]
Step = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
Seconds = Annotated[float, Field(gt=0, le=LONGEST_LOAN, allow_inf_nan=False)]
Message = Annotated[str, Field(max_length=100_000)]
Metrics = dict[Name, float]
"""Numbers; nan and the infinities may be given as the texts "nan", "inf" and "-inf"."""

Number = float | Literal["nan", "inf", "-inf"]
"""A number in an answer; JSON has no nan and no infinity, so these are texts."""

METRICS = {"loss": 0.25, "accuracy": 0.91}
SPEC = {
    "objective": {"type": "minimize", "objectiveMetricName": "loss"},
    "algorithm": {"algorithmName": "tpe"},
    "maxTrialCount": 30,
    "parameters": [
        {
            "name": "lr",
            "parameterType": "double",
            "feasibleSpace": {"min": "0.0001", "max": "0.1", "distribution": "logUniform"},
        },
        {"name": "optimizer", "parameterType": "categorical", "feasibleSpace": {"list": ["sgd", "adam"]}},
    ],
}


class Body(BaseModel):
    """A request's body: no field that it does not know."""

    model_config = ConfigDict(extra="forbid")


class NewStudy(Body):
    """A study to create."""

    name: Name = Field(description="Its name, any text. In an address, a `/` in it is `%2F`.", examples=["digits"])
    spec: dict[str, Any] = Field(
        description="An Experiment's `spec` without `trialTemplate`: `objective` or `objectives`, `parameters`, "
        "`algorithm`, `maxTrialCount`, `parallelTrialCount`, `maxFailedTrialCount`. "
        'Parameters may be short: {"lr": "log:1e-5:1e-1", "layers": "int:1:8", "optimizer": ["sgd", "adam"]}.',
        examples=[SPEC],
    )


class BudgetChange(Body):
    """What is to be another way; what is left out stays, and null takes a limit away."""

    max_trials: Limit | None = Field(None, description="Trials in all.", examples=[50])
    parallel: Limit | None = Field(None, description="Trials unfinished at the same time.")
    max_failed: Annotated[int, Field(ge=0, le=UNBOUNDED)] | None = Field(
        None, description="End the study as failed at this many trials without a value."
    )
    max_seconds: Seconds | None = Field(
        None, description="Since its start: then nothing is begun, and what nobody runs is given up."
    )
    max_stale: Limit | None = Field(
        None, description="End when so many trials after the best one have ended without being better."
    )


class Clone(Body):
    """A study like another one."""

    name: Name = Field(description="The new study's name.", examples=["digits-2"])
    spec: dict[str, Any] = Field(
        default_factory=dict,
        description="Fields of the `spec` that are to be others; null leaves one out.",
        examples=[{"maxTrialCount": 10}],
    )
    trials: bool = Field(
        False,
        description="Begin with the other one's results, as far as they are in the search space. `maxTrialCount` then "
        "counts the trials to come.",
    )


class KnownTrial(Body):
    """A trial that was run before."""

    parameters: dict[Name, int | float | str] = Field(description="Its assignment.", examples=[{"lr": 0.01}])
    metrics: Metrics = Field(description="What it led to: a value for each objective.", examples=[METRICS])


class Import(NewStudy):
    """A study that begins with known results."""

    trials: list[KnownTrial] = Field(default_factory=list, max_length=100_000, description="Trials with results.")


class Suggest(Body):
    """Who asks for trials, and for how many."""

    client: Name = Field(
        description="Who asks; the same name gets the trials back that it runs already.", examples=["worker-1"]
    )
    count: int = Field(
        1, ge=1, le=MOST_AT_ONCE, description="How many trials it wants to run, those included that it runs already."
    )
    afresh: bool = Field(False, description="It wants `count` trials besides those that it runs.")
    lease_seconds: Seconds | None = Field(
        None, description="How long they are its own without another word; an hour by default.", examples=[600]
    )


class NewTrial(Body):
    """A trial of one's own."""

    parameters: dict[Name, int | float | str] = Field(
        description="A value for each parameter of the study.", examples=[{"lr": 0.01, "optimizer": "adam"}]
    )
    metrics: Metrics | None = Field(
        None, description="Its result; without it the trial waits for the next client that asks."
    )


class Measurement(Body):
    """Values of one moment of a trial."""

    metrics: Metrics = Field(min_length=1, description="Metric name -> value.", examples=[{"loss": 0.5}])
    step: Step | None = Field(
        None, description="The training step: of a metric, the first value at a step stands.", examples=[1]
    )
    seq: Annotated[int, Field(ge=0, le=LARGEST_INTEGER)] | None = Field(
        None,
        description="Without a step: the sender's own number, by which a repeated one is told; the time by default.",
    )
    time: Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)] | None = Field(
        None, description="Seconds since the epoch; now by default."
    )


class Measurements(Body):
    """Any number of measurements of a trial."""

    measurements: list[Measurement] = Field(
        min_length=1,
        max_length=MOST_MEASUREMENTS,
        examples=[[{"step": 1, "metrics": {"loss": 0.5}}, {"step": 2, "metrics": {"loss": 0.4}}]],
    )
    attempt: Annotated[int, Field(ge=1, le=LARGEST_INTEGER)] | None = Field(
        None, description="`attempts` of the trial as the client got it; the current one by default."
    )
    client: Name | None = Field(None, description="Who reports; the trial stays its own for longer.")


class Complete(Body):
    """A trial's end."""

    metrics: Metrics | None = Field(
        None, description="Its values; without them those reported before count.", examples=[METRICS]
    )
    step: Step | None = Field(None, description="The training step of these values.")


class Infeasible(Body):
    """Why a trial's point is impossible."""

    reason: Message = Field("", description="For people.", examples=["out of memory with batches this large"])


class Fail(Body):
    """Why a trial's run failed."""

    reason: Message = Field("", description="For people.", examples=["the node lost its disk"])


class Heartbeat(Body):
    """A sign of life."""

    client: Name = Field(description="Who runs the trial.", examples=["worker-1"])
    lease_seconds: Seconds | None = Field(None, description="As of `suggest`.")


# --- Answers


class FaultOut(BaseModel):
    """One thing wrong in a request."""

    path: str = Field(description="Where.", examples=["spec.parameters[0].feasibleSpace.min"])
    given: str = Field(description="What stood there; empty when nothing did.")
    wanted: str = Field(description="What would be accepted.")
    hint: str = Field(description="What to do next.")


class ErrorOut(BaseModel):
    """What is wrong."""

    code: str = Field(description="One word for machines.", examples=["invalid_input"])
    message: str = Field(description="For people.")
    path: str = Field(description="Where the first fault is; empty when it is in no field.")
    hint: str = Field(description="What to do next.")
    faults: list[FaultOut] = Field(description="Every fault in the request.")


class Problem(BaseModel):
    """The one shape of every error."""

    error: ErrorOut


class ObjectiveOut(BaseModel):
    """What is minimised or maximised."""

    metric: str
    direction: Literal["minimize", "maximize"]
    goal: Number | None
    reached: bool | None = Field(description="Whether some trial reaches this goal; null without one.")


class BudgetOut(BaseModel):
    """What the study may do; null where there is no limit."""

    max_trials: int | None
    parallel: int | None
    max_failed: int | None
    max_seconds: float | None
    max_stale: int | None


class BestOut(BaseModel):
    """The best trial, in short."""

    trial: str
    ordinal: int
    value: Number | None
    parameters: dict[str, float | int | str]


class StudyOut(BaseModel):
    """A study."""

    name: str
    uid: str = Field(description="Stands for the name in addresses.")
    status: Literal["Created", "Running", "Succeeded", "Failed", "Stopped"]
    reason: str
    message: str
    counts: dict[str, int] = Field(description="Trials by what became of them; `created` are all.")
    best: BestOut | None = Field(description="Null with several objectives: no trial is the best.")
    objective: ObjectiveOut | None = Field(description="Null with several of them.")
    objectives: list[ObjectiveOut]
    budget: BudgetOut
    algorithm: str | None
    run_by: Literal["clients", "engine"] = Field(description="Who runs its trials.")
    stop_requested: bool
    generation: int = Field(description="Grows with each wish of a user.")
    created: str | None
    started: str | None
    ended: str | None


class StudyInFull(StudyOut):
    """A study with its specification."""

    spec: dict[str, Any] = Field(description="With every default filled in.")


class StudyList(BaseModel):
    """A page of studies, oldest first."""

    studies: list[StudyOut]
    next: str | None = Field(description="`after` of the next page; null on the last one.")


class CopiedStudy(BaseModel):
    """A new study, and what it began with."""

    study: StudyInFull
    copied: int = Field(description="Trials that it began with.")
    skipped: int = Field(description="Trials that are not in its search space, or have no value for its objectives.")


class MetricOut(BaseModel):
    """The values of a metric."""

    min: Number | None
    max: Number | None
    latest: Number | None


class StopOut(BaseModel):
    """What stops a trial early."""

    rule: str
    metric: str
    value: Number
    comparison: Literal["equal", "less", "greater"]
    threshold: Number
    step: int
    message: str


class TrialOut(BaseModel):
    """A trial."""

    name: str
    ordinal: int = Field(description="1, 2, 3 … within the study; stands for the trial in addresses.")
    status: Literal["Pending", "Running", "Succeeded", "Failed", "Killed", "EarlyStopped", "MetricsUnavailable"]
    reason: str
    message: str
    parameters: dict[str, float | int | str]
    value: Number | None
    values: dict[str, Number] = Field(description="The value of each objective; empty while it has none.")
    metrics: dict[str, MetricOut]
    labels: dict[str, str]
    stopped_by: StopOut | None = Field(description="Set when the trial is to stop, or was stopped, before its end.")
    would_be_stopped_by: StopOut | None
    attempts: int
    client: str | None = Field(description="Who runs it, or ran it last.")
    leased_until: str | None
    lease_seconds: float | None = Field(description="How long it stays its client's after each sign of life.")
    created: str | None
    started: str | None
    ended: str | None


class TrialList(BaseModel):
    """A page of trials, by ordinal."""

    trials: list[TrialOut]
    next: int | None = Field(description="`after` of the next page; null on the last one.")


class Suggestions(BaseModel):
    """Trials for a client to run."""

    trials: list[TrialOut] = Field(
        description="Fewer than asked for when the budget or the search space has no more, or others run the last ones."
    )


class Best(BaseModel):
    """The best trials: one, or the Pareto front of several objectives."""

    trials: list[TrialOut]


class GrownTo(BaseModel):
    """A trial that made the hypervolume larger."""

    ordinal: int
    trials: int = Field(description="How many trials with values had ended then, this one included.")
    time: str | None = Field(description="When it ended.")
    hypervolume: Number


class HypervolumeOut(BaseModel):
    """How much of the space up to a reference point the best trials dominate."""

    hypervolume: Number
    reference: dict[str, Number] = Field(description="Metric -> value; empty while no trial has values.")
    history: list[GrownTo] = Field(description="An entry each time that it grew.")


class Measured(BaseModel):
    """What became of measurements."""

    stored: int = Field(description="Measured values that were new.")
    should_stop: bool = Field(description="Whether the trial is to stop, as far as that is known already.")


class ShouldStop(BaseModel):
    """Whether a trial is to stop."""

    should_stop: bool
    reason: str = Field(description="Why; empty when it is not to.")
    stopped_by: StopOut | None


class EventOut(BaseModel):
    """Something worth telling a person."""

    time: str | None
    kind: str
    reason: str
    message: str
    trial: int | None = Field(description="The trial's ordinal; null when it is about the study.")


class EventList(BaseModel):
    """Events, oldest first."""

    events: list[EventOut]


class ObservationOut(BaseModel):
    """A reported value."""

    trial: str
    attempt: int
    metric: str
    value: Number | str
    step: int | None
    seq: int
    time: str | None


class ObservationList(BaseModel):
    """What a trial reported, by time."""

    measurements: list[ObservationOut]


class Health(BaseModel):
    """Whether the server is well."""

    status: Literal["ok"]
