"""A study's results, whole, for other tools."""

import csv
import io
from typing import Any

from katib.core.study import Study
from katib.service.fronts import hypervolume_at_ends, hypervolume_view
from katib.service.reports import study_report
from katib.service.views import observation_view, trial_view
from katib.stores.contract import Store

BEFORE, AFTER = ("ordinal", "name", "status", "reason"), ("attempts", "started", "ended")


def as_csv(store: Store, study: Study) -> str:
    """A row per trial: its plain fields, `param:NAME` for each parameter, `metric:NAME` for each metric's latest.

    Its `value` is among the plain fields; with several objectives it is `value:METRIC` for each, and `hypervolume`
    that of the front when the trial had ended.
    """
    views = [trial_view(study, trial) for trial in store.trials(study.uid)]
    names = [str(parameter["name"]) for parameter in study.effective["spec"].get("parameters") or ()]
    measured = list(dict.fromkeys(name for view in views for name in view["metrics"]))
    objectives = [objective.metric for objective in study.objectives]
    named = [f"value:{metric}" for metric in objectives] if len(objectives) > 1 else ["value"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    grown = hypervolume_at_ends(store, study) if len(objectives) > 1 else None
    plain = [*BEFORE, *named, *(["hypervolume"] if grown is not None else []), *AFTER]
    writer.writerow([*plain, *(f"param:{name}" for name in names), *(f"metric:{name}" for name in measured)])
    for view in views:
        writer.writerow(
            [
                *(view[field] for field in BEFORE),
                *(view["values"].get(metric) for metric in objectives),
                *([grown.get(view["ordinal"])] if grown is not None else []),
                *(view[field] for field in AFTER),
                *(view["parameters"].get(name) for name in names),
                *(view["metrics"].get(name, {}).get("latest") for name in measured),
            ]
        )
    return out.getvalue()


def as_document(store: Store, study: Study, *, now: float) -> dict[str, Any]:
    """Everything: the study as `show` prints it, its Experiment, its trials and all observations."""
    hypervolume = hypervolume_view(store, study) if study.further_objectives else None
    return {
        "study": {**study_report(store, study, now=now), "hypervolume": hypervolume},
        "experiment": dict(study.document),
        "trials": [trial_view(study, trial) for trial in store.trials(study.uid)],
        "observations": [observation_view(observation) for observation in store.observations(study.uid)],
    }
