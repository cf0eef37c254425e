"""`/api/v1`: trials."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from katib.core.observation import MetricPoint
from katib.core.trial import Trial, TrialState
from katib.server.http import models
from katib.server.http.answers import Json, problems, tagged
from katib.server.http.depends import DeskOf, IfNoneMatch, Key, Ordinal, Page
from katib.server.http.idempotency import IdempotencyKey, IdempotentRoute, OnceOf
from katib.service.desk import Desk
from katib.service.fronts import hypervolume_view, reference_of
from katib.service.lending import Lender
from katib.service.shown import trial_of, trial_out
from katib.service.values import NANOSECONDS
from katib.service.views import front_trials, observation_view, stopped_by
from katib.stores.contract import TrialFilter
from katib.stores.rules import LARGEST_INTEGER

router = APIRouter(prefix="/api/v1/studies/{study}", tags=["trials"], route_class=IdempotentRoute)

Status = Literal["Pending", "Running", "Succeeded", "Failed", "Killed", "EarlyStopped", "MetricsUnavailable"]


@router.post("/suggest", response_model=models.Suggestions, responses=problems(404, 409))
def suggest(
    desk: DeskOf, study: Key, body: models.Suggest, once: OnceOf = None, _key: IdempotencyKey = None
) -> Response:
    """Trials for a client to run: those that it runs already, then such as wait or were lost, then new ones."""
    lender = desk.lender
    trials = lender.suggest(study, body.client, body.count, afresh=body.afresh, seconds=body.lease_seconds, once=once)
    known = lender.known(study)
    return Json({"trials": [trial_out(known, trial) for trial in trials]})


@router.post("/trials", status_code=201, response_model=models.TrialOut, responses=problems(404, 409))
def create_trial(
    desk: DeskOf, study: Key, body: models.NewTrial, once: OnceOf = None, _key: IdempotencyKey = None
) -> Response:
    """Add a trial of one's own: to be run by the next client that asks, or with its result."""
    trial = desk.lender.add_trial(study, body.parameters, metrics=body.metrics, once=once)
    return Json(trial_out(desk.lender.known(study), trial), status_code=201)


@router.get("/trials", response_model=models.TrialList, responses=problems(404))
def list_trials(
    request: Request,
    desk: DeskOf,
    study: Key,
    status: Annotated[list[Status] | None, Query(description="Only those in one of these.")] = None,
    limit: Page = 100,
    after: Annotated[int, Query(ge=0, le=LARGEST_INTEGER, description="`next` of the page before.")] = 0,
    _if_none_match: IfNoneMatch = None,
) -> Response:
    """A study's trials, by ordinal."""
    found = desk.study(study)
    states = frozenset(map(TrialState, status)) if status else None
    trials = desk.store.trials(found.uid, TrialFilter(states=states, after_ordinal=after, limit=limit + 1))
    page = trials[:limit]
    more = page[-1].ordinal if len(trials) > limit else None
    return tagged(request, {"trials": [trial_out(found, trial) for trial in page], "next": more})


@router.get("/trials/{ordinal}", response_model=models.TrialOut, responses=problems(404))
def get_trial(
    request: Request, desk: DeskOf, study: Key, ordinal: Ordinal, _if_none_match: IfNoneMatch = None
) -> Response:
    """One trial."""
    found = desk.study(study)
    return tagged(request, trial_out(found, trial_of(desk.store, found.uid, ordinal)))


@router.get("/trials/{ordinal}/measurements", response_model=models.ObservationList, responses=problems(404))
def list_measurements(
    desk: DeskOf,
    study: Key,
    ordinal: Ordinal,
    metric: Annotated[str | None, Query(description="Only of this metric.")] = None,
) -> Response:
    """What a trial reported, of all its attempts."""
    uid = desk.study(study).uid
    trial_of(desk.store, uid, ordinal)
    found = desk.store.observations(uid, ordinal=ordinal, metric=metric)
    return Json({"measurements": [observation_view(each) for each in found]})


@router.post("/trials/{ordinal}/measurements", response_model=models.Measured, responses=problems(404, 409))
def report(
    desk: DeskOf,
    study: Key,
    ordinal: Ordinal,
    body: models.Measurements,
    once: OnceOf = None,
    _key: IdempotencyKey = None,
) -> Response:
    """Report intermediate values. Reporting twice is reporting once: by step, or by `seq` where there is no step."""
    now = desk.now()
    first = int(now * NANOSECONDS) if once is None else once.number
    points = [
        MetricPoint(
            metric=name,
            value=value,
            text=repr(value),
            seq=first + number if each.seq is None else each.seq,
            step=each.step,
            time=now if each.time is None else each.time,
        )
        for number, each in enumerate(body.measurements)
        for name, value in each.metrics.items()
    ]
    stored, trial = desk.lender.measure(study, ordinal, points, attempt=body.attempt, client=body.client)
    return Json({"stored": stored, "should_stop": trial.condemned and not trial.finished})


@router.post("/trials/{ordinal}/complete", response_model=models.TrialOut, responses=problems(404, 409))
def complete(
    desk: DeskOf, study: Key, ordinal: Ordinal, body: models.Complete | None = None, _key: IdempotencyKey = None
) -> Response:
    """End a trial with its values. One that has ended stays as it was; the report is noted among the events."""
    given = body or models.Complete()
    return _moved(desk, study, lambda lender: lender.complete(study, ordinal, given.metrics, step=given.step))


@router.post("/trials/{ordinal}/infeasible", response_model=models.TrialOut, responses=problems(404, 409))
def infeasible(
    desk: DeskOf, study: Key, ordinal: Ordinal, body: models.Infeasible | None = None, _key: IdempotencyKey = None
) -> Response:
    """End a trial whose point is impossible."""
    why = body.reason if body else ""
    return _moved(desk, study, lambda lender: lender.fail(study, ordinal, why, infeasible=True))


@router.post("/trials/{ordinal}/fail", response_model=models.TrialOut, responses=problems(404, 409))
def fail(
    desk: DeskOf, study: Key, ordinal: Ordinal, body: models.Fail | None = None, _key: IdempotencyKey = None
) -> Response:
    """End a trial whose run failed."""
    why = body.reason if body else ""
    return _moved(desk, study, lambda lender: lender.fail(study, ordinal, why))


@router.post("/trials/{ordinal}/stop", response_model=models.TrialOut, responses=problems(404, 409))
def stop(desk: DeskOf, study: Key, ordinal: Ordinal, _key: IdempotencyKey = None) -> Response:
    """Have a trial end early: its client learns it from `should-stop`, and completes it."""
    return _moved(desk, study, lambda lender: lender.stop(study, ordinal))


@router.post("/trials/{ordinal}/heartbeat", response_model=models.TrialOut, responses=problems(404, 409))
def heartbeat(
    desk: DeskOf, study: Key, ordinal: Ordinal, body: models.Heartbeat, _key: IdempotencyKey = None
) -> Response:
    """Keep a trial for longer. When it is another client's by now, or has ended, nothing changes: the answer tells."""
    return _moved(desk, study, lambda lender: lender.renew(study, ordinal, body.client, seconds=body.lease_seconds))


@router.post("/trials/{ordinal}/should-stop", response_model=models.ShouldStop, responses=problems(404, 409))
def should_stop(desk: DeskOf, study: Key, ordinal: Ordinal, _key: IdempotencyKey = None) -> Response:
    """Whether a trial is to stop: because a user wished it, or early stopping says that it is hopeless. A verdict is
    recorded with the trial, and stands.
    """
    trial = desk.lender.should_stop(study, ordinal)
    why = trial.stopped_by.message if trial.condemned and trial.stopped_by is not None else ""
    stops = trial.condemned and not trial.finished
    return Json({"should_stop": stops, "reason": why if stops else "", "stopped_by": stopped_by(trial)})


@router.get("/best", response_model=models.Best, responses=problems(404))
def best(request: Request, desk: DeskOf, study: Key, _if_none_match: IfNoneMatch = None) -> Response:
    """The best trial or, of several objectives, those that no other one beats in all of them. None at first."""
    found = desk.study(study)
    trials = front_trials(desk.store, found)
    return tagged(request, {"trials": [trial_out(found, trial) for trial in trials]})


@router.get("/hypervolume", response_model=models.HypervolumeOut, responses=problems(404))
def hypervolume(
    request: Request,
    desk: DeskOf,
    study: Key,
    reference: Annotated[
        list[str] | None,
        Query(
            description="METRIC=VALUE, which a trial must be better than to count; by default a tenth of the "
            "range of all values beyond the worst."
        ),
    ] = None,
    _if_none_match: IfNoneMatch = None,
) -> Response:
    """How much the best trials dominate, and how that grew: the hypervolume of the Pareto front over time."""
    found = desk.study(study)
    return tagged(request, hypervolume_view(desk.store, found, reference_of(reference or ())))


def _moved(desk: Desk, study: str, move: Callable[[Lender], Trial]) -> Response:
    trial = move(desk.lender)
    return Json(trial_out(desk.lender.known(study), trial))
