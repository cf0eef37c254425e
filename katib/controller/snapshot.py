"""Gathers a snapshot: the store's view, the runner's reports, and the time, each read once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from katib.config import ControllerSettings
from katib.controller.owned import OwnedStudy
from katib.core.ahead import ahead
from katib.core.classify import TrialView
from katib.core.decide import Snapshot
from katib.core.observation import fold
from katib.core.run import NOT_LAUNCHED, RunKey, RunReport
from katib.core.study import Study
from katib.core.trial import Trial, TrialState
from katib.stores.contract import Store, StudyView


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """A snapshot, the view that it was made from, and the trials in it by ordinal."""

    snapshot: Snapshot
    view: StudyView
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
    view = current(owned, store, settings, now=now)
    stopper = owned.stopper
    if stopper is not None:
        stopper.tell(view.unfinished, points)
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
            ahead=_ahead(owned, view.study),
            judgements=stopper.judgements if stopper is not None else (),
            rules=stopper.rules if stopper is not None else (),
        ),
        view=view,
        trials=_by_ordinal(view),
    )


def current(owned: OwnedStudy, store: Store, settings: ControllerSettings, *, now: float) -> StudyView:
    """The study as it is, as far as this process can know without asking: what it wrote itself is what it would read.

    It is read again when others may have changed it: now and then, because their wishes are to act within a second,
    and when somebody in this process did. In between, a commit that is decided on an old view is refused.
    """
    view = owned.view
    old = view is None or owned.changed or not 0.0 <= now - owned.read_at < settings.wish_poll
    if view is None or old or _lacks_advice(view):
        owned.changed = False
        view = store.view(owned.uid, advice=_most_advice(view, settings))
        if _lacks_advice(view):
            # It has become wider than it was.
            view = store.view(owned.uid, advice=_most_advice(view, settings))
        owned.view, owned.read_at = view, now
    return view


def _ahead(owned: OwnedStudy, study: Study) -> int | None:
    if not owned.runner.queues:
        return None
    return ahead(study, seconds=owned.seconds) if owned.ahead else 0


def _most_advice(view: StudyView | None, settings: ControllerSettings) -> int:
    return settings.stock + (view.study.budget.parallel if view is not None else 0)


def _lacks_advice(view: StudyView) -> bool:
    """Whether there is advice on record that the study can use and the view does not have."""
    wanted = min(view.study.budget.parallel, view.study.summary.count(TrialState.ADVISED))
    return len(view.advised) < wanted


def _trial_view(owned: OwnedStudy, trial: Trial, reports: Mapping[RunKey, RunReport]) -> TrialView:
    key = (trial.name, trial.attempt)
    report = owned.refused.get(key) or reports.get(key, NOT_LAUNCHED)
    new = owned.unsaved.get(key)
    return TrialView(trial=replace(trial, metrics=fold(trial.metrics, new)) if new else trial, run=report)


def _by_ordinal(view: StudyView) -> dict[int, Trial]:
    return {trial.ordinal: trial for trial in (*view.advised, *view.unfinished)}
