"""Studies and trials as the study API shows them: what the command line prints as JSON, and more."""

import math
from typing import Any

from katib.core.study import Study
from katib.core.trial import Trial
from katib.errors import NotFound
from katib.service.views import moment, study_view, trial_view
from katib.stores.contract import Store, TrialFilter

LARGEST_TIME = 253402300799.0
"""The last second that RFC 3339 can write."""


def trial_of(store: Store, uid: str, ordinal: int) -> Trial:
    """One trial of a study. Raises NotFound."""
    found = store.trials(uid, TrialFilter(ordinals=frozenset({ordinal})))
    if not found:
        raise NotFound(f"there is no trial {ordinal} in this study", hint="trials are counted from 1")
    return found[0]


def study_out(study: Study, best: Trial | None, *, now: float) -> dict[str, Any]:
    """A study as lists show it: the front of several objectives is asked for by itself."""
    view = study_view(study, () if best is None else (best,), now=now)
    for field in ("run_dir", "owner", "front"):
        view.pop(field)
    return {**view, "uid": study.uid}


def study_in_full(study: Study, best: Trial | None, *, now: float) -> dict[str, Any]:
    """A study with its `spec`."""
    return {**study_out(study, best, now=now), "spec": dict(study.effective["spec"])}


def trial_out(study: Study, trial: Trial) -> dict[str, Any]:
    """A trial."""
    loan = trial.loan
    return {
        **trial_view(study, trial),
        "client": None if loan is None else loan.client,
        "leased_until": None if loan is None or loan.until > LARGEST_TIME else moment(loan.until),
        "lease_seconds": None if loan is None or math.isinf(loan.seconds) else loan.seconds,
    }
