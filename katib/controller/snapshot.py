"""Gathers a snapshot: the store's view, the runner's reports, and the time, each read once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from katib.config import ControllerSettings
from katib.controller.owned import OwnedStudy
from katib.core.classify import TrialView
from katib.core.decide import Snapshot
from katib.core.observation import fold
from katib.core.run import NOT_LAUNCHED, RunKey, RunReport
from katib.core.trial import Trial
from katib.stores.contract import Store, StudyView


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """A snapshot and the names of what is in it."""

    snapshot: Snapshot
    trials: Mapping[int, Trial]


def gather(owned: OwnedStudy, store: Store, settings: ControllerSettings, *, now: float) -> Gathered:
    """Everything to decide on.

    Points that are not saved yet are folded into their trials here, and saved in the transaction of the decision.
    """
    # The runner first: a report that is older than the record is harmless, a record older than the report would make
    # a trial that has just been recorded look as if nobody had launched it.
    reports, points = owned.runner.observe()
    for key, new in points.items():
        owned.unsaved[key] = (*owned.unsaved.get(key, ()), *new)
    # A study that became wider meanwhile gets the rest of its advice at the next look, which follows at once.
    view = store.view(owned.uid, advice=owned.width)
    owned.width = view.study.budget.parallel + 1
    trials = tuple(_trial_view(owned, trial, reports) for trial in view.unfinished)
    return Gathered(
        snapshot=Snapshot(
            now=now,
            study=view.study,
            trials=trials,
            advised=view.advised,
            retry=owned.retry,
            patience=settings.patience,
            stock=settings.stock if owned.abilities.oblivious else 0,
        ),
        trials=_by_ordinal(view),
    )


def _trial_view(owned: OwnedStudy, trial: Trial, reports: Mapping[RunKey, RunReport]) -> TrialView:
    key = (trial.name, trial.attempt)
    report = owned.refused.get(key) or reports.get(key, NOT_LAUNCHED)
    new = owned.unsaved.get(key)
    return TrialView(trial=replace(trial, metrics=fold(trial.metrics, new)) if new else trial, run=report)


def _by_ordinal(view: StudyView) -> dict[int, Trial]:
    return {trial.ordinal: trial for trial in (*view.advised, *view.unfinished)}
