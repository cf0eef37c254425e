"""`/api/v1`: studies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import PlainTextResponse

from katib.core.study import Study, StudyStatus
from katib.errors import Conflict
from katib.server.http import models
from katib.server.http.answers import Json, problems, study_tag, tagged, wished_generation
from katib.server.http.depends import DeskOf, IfMatch, IfNoneMatch, Key, Page
from katib.server.http.idempotency import IdempotencyKey, IdempotentRoute
from katib.service import copying
from katib.service.desk import Desk, Limits
from katib.service.export import as_csv, as_document
from katib.service.listing import page_of, place_of
from katib.service.shown import study_in_full, study_out
from katib.service.views import best_trial
from katib.stores.contract import StudyFilter

router = APIRouter(prefix="/api/v1", tags=["studies"], route_class=IdempotentRoute)


@router.post(
    "/studies",
    status_code=201,
    response_model=models.StudyInFull,
    responses={200: {"model": models.StudyInFull, "description": "It was there already."}, **problems(409)},
)
def create_study(desk: DeskOf, body: models.NewStudy, _key: IdempotencyKey = None) -> Response:
    """Create a study, or find the one of the same name and specification (200)."""
    opened = desk.create(body.name, body.spec)
    return _answer(desk, opened.study, status=201 if opened.created else 200)


@router.get("/studies", response_model=models.StudyList, responses=problems())
def list_studies(
    request: Request,
    desk: DeskOf,
    name: Annotated[str, Query(description="Only those whose name contains this.")] = "",
    status: Annotated[list[StudyStatus] | None, Query(description="Only those in one of these.")] = None,
    limit: Page = 100,
    after: Annotated[str, Query(description="`next` of the page before.")] = "",
    _if_none_match: IfNoneMatch = None,
) -> Response:
    """Studies, oldest first."""
    which = StudyFilter(
        contains=name,
        statuses=frozenset(status) if status else None,
        uid=getattr(request.state, "sees", None),
        after=place_of(after, path="after"),
    )
    found, more = page_of(desk.store, which, limit)
    now = desk.now()
    shown = [study_out(study, best_trial(desk.store, study), now=now) for study in found]
    return tagged(request, {"studies": shown, "next": more or None})


@router.get("/studies/{study}", response_model=models.StudyInFull, responses=problems(404))
def get_study(request: Request, desk: DeskOf, study: Key, _if_none_match: IfNoneMatch = None) -> Response:
    """One study, by name or uid."""
    found = desk.study(study)
    return tagged(request, _in_full(desk, found), study_tag(found))


@router.patch("/studies/{study}", response_model=models.StudyInFull, responses=problems(404, 409, 412))
def change_budget(desk: DeskOf, study: Key, body: models.BudgetChange, if_match: IfMatch = None) -> Response:
    """Change a study's budget. A larger one reopens a study that had spent the old one; a smaller one has the trials
    beyond it stopped, the latest first.
    """
    limits = Limits(**{name: getattr(body, name) for name in body.model_fields_set})  # type: ignore[typeddict-item]
    return _wish(desk, study, if_match, lambda generation: desk.change_budget(study, limits, generation=generation))


@router.post("/studies/{study}/pause", response_model=models.StudyInFull, responses=problems(404, 409, 412))
def pause_study(desk: DeskOf, study: Key, if_match: IfMatch = None, _key: IdempotencyKey = None) -> Response:
    """Give out no more trials; those that clients run go on. (A study that an engine runs is stopped.)"""
    return _wish(desk, study, if_match, lambda generation: desk.pause(study, generation=generation))


@router.post("/studies/{study}/resume", response_model=models.StudyInFull, responses=problems(404, 409, 412))
def resume_study(desk: DeskOf, study: Key, if_match: IfMatch = None, _key: IdempotencyKey = None) -> Response:
    """Let a paused or stopped study go on."""
    return _wish(desk, study, if_match, lambda generation: desk.resume(study, generation=generation))


@router.post("/studies/{study}/stop", response_model=models.StudyInFull, responses=problems(404, 409, 412))
def stop_study(desk: DeskOf, study: Key, if_match: IfMatch = None, _key: IdempotencyKey = None) -> Response:
    """Pause a study and have its trials stopped: clients learn it from `should-stop`, and complete them."""
    return _wish(desk, study, if_match, lambda generation: desk.stop(study, generation=generation))


@router.delete("/studies/{study}", status_code=204, responses=problems(404, 409))
def delete_study(desk: DeskOf, study: Key) -> Response:
    """Remove a study with its trials, measurements and events."""
    desk.delete(study)
    return Response(status_code=204)


@router.post(
    "/studies/{study}/clone",
    status_code=201,
    response_model=models.CopiedStudy,
    responses={200: {"model": models.CopiedStudy, "description": "It was there already."}, **problems(404, 409)},
)
def clone_study(desk: DeskOf, study: Key, body: models.Clone, _key: IdempotencyKey = None) -> Response:
    """Create a study like this one, for clients to run; with its results when `trials` is true."""
    return _copied(desk, copying.clone(desk, study, body.name, changes=body.spec, trials=body.trials))


@router.post(
    "/import",
    status_code=201,
    response_model=models.CopiedStudy,
    responses={200: {"model": models.CopiedStudy, "description": "It was there already."}, **problems(409)},
)
def import_study(desk: DeskOf, body: models.Import, _key: IdempotencyKey = None) -> Response:
    """Create a study that begins with known results. They are not counted against `maxTrialCount`."""
    known = [(dict(trial.parameters), trial.metrics) for trial in body.trials]
    return _copied(desk, copying.begin(desk, body.name, body.spec, known))


@router.get(
    "/studies/{study}/export",
    responses={
        200: {
            "description": "Everything: the study, its Experiment, its trials and all that they reported.",
            "content": {"application/json": {"schema": {"type": "object"}}, "text/csv": {"schema": {"type": "string"}}},
        },
        **problems(404),
    },
)
def export_study(
    desk: DeskOf, study: Key, format: Annotated[str, Query(pattern="^(json|csv)$", description="json or csv.")] = "json"
) -> Response:
    """A study's results, whole."""
    found = desk.study(study)
    if format == "csv":
        return PlainTextResponse(as_csv(desk.store, found).encode("utf-8", "replace"), media_type="text/csv")
    return Json(as_document(desk.store, found, now=desk.now()))


def _answer(desk: Desk, study: Study, *, status: int = 200) -> Response:
    return Json(_in_full(desk, study), status_code=status, headers={"ETag": study_tag(study)})


def _in_full(desk: Desk, study: Study) -> dict[str, Any]:
    return study_in_full(study, best_trial(desk.store, study), now=desk.now())


def _copied(desk: Desk, copied: copying.Copied) -> Response:
    content = {"study": _in_full(desk, copied.study), "copied": copied.copied, "skipped": copied.skipped}
    return Json(content, status_code=201 if copied.created else 200)


def _wish(desk: Desk, key: str, if_match: str | None, wish: Callable[[int | None], Study]) -> Response:
    with _changed_meanwhile(if_match):
        generation = wished_generation(desk.study(key), if_match)
        return _answer(desk, wish(generation))


@contextmanager
def _changed_meanwhile(if_match: str | None) -> Iterator[None]:
    """Answer 412 where a condition that the client gave does not hold."""
    try:
        yield
    except Conflict as error:
        if if_match is None:
            raise
        raise HTTPException(412, error.message) from error
