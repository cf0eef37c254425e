"""How many trials are launched before there is a place for them, where the runner lets them wait for one."""

from katib.core.study import Study

SECONDS = 0.1
"""What is launched ahead lasts so long: more than a look at the study takes, even on a busy machine."""
MOST = 32


def ahead(study: Study, *, seconds: float | None) -> int:
    """How many runs should wait at the runner for a place.

    Only for trials that end faster than the study is looked at, else the same is gained with none; and only in a study
    that nothing but the number of its trials ends: of one that ends sooner they would be trials too many.

    Args:
        seconds: how long its trials run lately; None when that is not known.
    """
    budget = study.budget
    limits = (budget.max_failed, budget.max_seconds, budget.max_stale, *(each.goal for each in study.objectives))
    if seconds is None or any(limit is not None for limit in limits):
        return 0
    return min(MOST, int(budget.parallel * SECONDS / max(seconds, SECONDS / MOST)))
