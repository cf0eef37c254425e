"""Studies that begin with what is known: of a file, or of another study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from katib.core.space import SearchSpace, Value
from katib.core.study import Study
from katib.core.trial import Trial
from katib.errors import InvalidInput
from katib.service.adding import COPIED, ORIGIN_LABEL
from katib.service.desk import Desk
from katib.service.values import assignment_of
from katib.service.views import parameters
from katib.spec.prepare import from_effective
from katib.spec.study import objectives, search_space

Known = tuple[Mapping[str, object], Mapping[str, float]]
"""An assignment, and the metrics that it led to."""

BEGINS_ANNOTATION = "katib.kubeflow.org/begins-with"
"""How many known results a study was created to begin with."""

NOT_FOR_CLIENTS = ("trialTemplate", "metricsCollectorSpec", "resumePolicy")


@dataclass(frozen=True, kw_only=True)
class Copied:
    """What became of the trials that a study was to begin with.

    Attributes:
        study: the new one.
        created: whether it is new; an old one of the same name and specification that was not created so is left as it
            is.
        copied: trials that it began with.
        skipped: trials that are not in its search space, or have no value for its objectives.
    """

    study: Study
    created: bool
    copied: int
    skipped: int


def clone(desk: Desk, key: str, name: str, *, changes: Mapping[str, Any] | None = None, trials: bool = False) -> Copied:
    """Create a study like another one.

    Args:
        changes: fields of its `spec` that are to be others; None as a field's value leaves it out.
        trials: begin with the results of the other one. `maxTrialCount` then counts the trials to come: the budget of
            the new study is larger by those that it begins with.

    Raises:
        NotFound: no such study.
        InvalidInput: the specification has faults.
        AlreadyExists: the name belongs to a study with another specification.
    """
    old = desk.study(key)
    spec = {field: value for field, value in old.document["spec"].items() if field not in NOT_FOR_CLIENTS}
    spec = {field: value for field, value in {**spec, **(changes or {})}.items() if value is not None}
    known = [_known(old, trial) for trial in desk.store.trials(old.uid) if trial.values] if trials else []
    return begin(desk, name, spec, known)


def begin(desk: Desk, name: str, spec: Mapping[str, Any], known: Sequence[Known]) -> Copied:
    """Create a study that begins with known results; see `clone`. Asked for again, what is missing of it is done: a
    process may die in the middle.

    Raises InvalidInput, AlreadyExists.
    """
    begins = {BEGINS_ANNOTATION: str(len(known))} if known else None
    opened = desk.create(name, spec, annotations=begins)
    study = opened.study
    if not known or BEGINS_ANNOTATION not in (study.document.get("metadata", {}).get("annotations") or {}):
        return Copied(study=study, created=opened.created, copied=0, skipped=0)
    experiment = from_effective(study.effective)
    space, wanted = search_space(experiment), {objective.metric for objective in objectives(experiment)}
    fitting = [each for each in known if wanted <= each[1].keys() and _is_in(space, each[0])]
    begun = [] if opened.created else _begun(desk, study)
    copied = len(begun or fitting)
    if begun:
        results = {_point(space, assignment): metrics for assignment, metrics in fitting}
        missing = [(each.assignment, results.get(_point(space, each.assignment))) for each in begun]
        desk.lender.add_trials(study.uid, missing, begun=[each.ordinal for each in begun])
    elif fitting:
        asked = experiment.spec.max_trial_count
        if asked is not None:
            desk.change_budget(study.uid, {"max_trials": asked + len(fitting)})
        desk.lender.add_trials(study.uid, fitting, origin=COPIED)
    return Copied(study=desk.study(study.uid), created=opened.created, copied=copied, skipped=len(known) - copied)


def _is_in(space: SearchSpace, assignment: Mapping[str, object]) -> bool:
    try:
        assignment_of(space, assignment)
    except InvalidInput:
        return False
    return True


def _point(space: SearchSpace, assignment: Mapping[str, object]) -> tuple[tuple[str, Value], ...]:
    return tuple(assignment_of(space, assignment).items())


def _begun(desk: Desk, study: Study) -> list[Trial]:
    """The trials that it began with: all are created, or none."""
    return [each for each in desk.store.trials(study.uid) if each.labels.get(ORIGIN_LABEL) == COPIED]


def _known(study: Study, trial: Trial) -> Known:
    latest = {name: summary.latest for name, summary in trial.metrics.items() if summary.latest is not None}
    values = {objective.metric: value for objective, value in zip(study.objectives, trial.values, strict=True)}
    return parameters(study, trial.assignment), {**latest, **values}
