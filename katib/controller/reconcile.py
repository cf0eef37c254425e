"""One look at a study: read, decide, apply, and say when to look again."""

from dataclasses import dataclass

from katib.config import ControllerSettings
from katib.controller.apply import carry_out, record, record_answer
from katib.controller.asking import Asker
from katib.controller.owned import OwnedStudy
from katib.controller.snapshot import Gathered, gather
from katib.core.decide import Plan, decide
from katib.spec.study import study_config
from katib.stores.contract import Store


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What a look found, and when to look again.

    Attributes:
        again_in: seconds until the next look, at most; news come earlier by themselves.
        over: the study is concluded or stopped, and nothing of it runs any more.
    """

    gathered: Gathered
    plan: Plan
    again_in: float
    over: bool


def look(owned: OwnedStudy, store: Store, asker: Asker, settings: ControllerSettings, *, now: float) -> Looked:
    """Look once. Raises Stale when the study is not ours any more, Conflict when it changed meanwhile."""
    if not owned.adopted:
        adopt(owned, store)
    answer = asker.take(owned.uid)
    if answer is not None:
        record_answer(owned, store, answer, now=now)
    gathered = gather(owned, store, settings, now=now)
    plan = decide(gathered.snapshot)
    record(owned, store, gathered, plan)
    _time_runs(owned, gathered, plan)
    carry_out(owned, gathered, plan)
    study = gathered.snapshot.study
    if plan.advise_upto is not None:
        config = study_config(
            owned.orders.experiment, uid=study.uid, budget=study.budget, settings_overrides=study.overrides
        )
        asker.want(study, config, plan.advise_upto)
    return Looked(gathered=gathered, plan=plan, again_in=_pause(plan, settings, now), over=is_over(gathered, plan))


def adopt(owned: OwnedStudy, store: Store) -> None:
    """Tell the runner which runs a predecessor may have left, before the first decision."""
    view = store.view(owned.uid)
    owned.runner.adopt([owned.orders.of(trial) for trial in view.unfinished])
    owned.adopted = True


def _time_runs(owned: OwnedStudy, gathered: Gathered, plan: Plan) -> None:
    """Keep in mind how long the runs took that are over by this plan."""
    ended = {move.ordinal for move in plan.transitions}
    for view in gathered.snapshot.trials:
        if view.trial.ordinal in ended and view.run.started_at is not None and view.run.ended_at is not None:
            owned.took(view.run.ended_at - view.run.started_at)


def is_over(gathered: Gathered, plan: Plan) -> bool:
    """Whether the study has come to an end, as far as it was read: concluded or stopped, with nothing left to do."""
    study = gathered.snapshot.study
    ended = study.condition.concluded or (study.stop_requested and study.condition.ended)
    return ended and plan.at_rest


def _pause(plan: Plan, settings: ControllerSettings, now: float) -> float:
    """What a plan leads to is news, and wakes us; only what the plan could not see wants another look at once."""
    if plan.condition is not None:
        return 0.0
    if plan.wake_at is None:
        return settings.wish_poll
    return min(max(plan.wake_at - now, 0.0), settings.wish_poll)
