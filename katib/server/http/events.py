"""`/api/v1`: what happens in a study, as a list and as it happens."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from katib.errors import Fault, InvalidInput, KatibError, NotFound
from katib.server.http import models
from katib.server.http.answers import problems, tagged
from katib.server.http.depends import DeskOf, Key
from katib.service.desk import Desk
from katib.service.shown import study_out, trial_out
from katib.service.views import best_trial, event_view
from katib.stores.contract import TrialFilter
from katib.stores.rules import LARGEST_INTEGER

router = APIRouter(prefix="/api/v1/studies/{study}", tags=["events"])

LOOK_EVERY = 0.5
"""Seconds between two looks at a study; each costs one row when nothing changed."""

STILL_THERE_EVERY = 15.0
"""Seconds after which a silent stream sends a comment, so that no proxy takes it for dead."""

AT_ONCE = 500
"""Trials in one look; the rest follows at once."""


@router.get("/events", response_model=models.EventList, responses=problems(404))
def list_events(
    request: Request,
    desk: DeskOf,
    study: Key,
    limit: Annotated[int, Query(ge=1, le=10_000, description="The latest so many.")] = 100,
) -> Response:
    """What is worth telling a person: late reports, for example."""
    events = desk.store.events(desk.study(study).uid, limit=limit)
    return tagged(request, {"events": [event_view(event) for event in events]})


@router.get(
    "/watch",
    responses={
        200: {
            "description": "Server-sent events: `study` and `trial`, each with the study or a trial as data, and the "
            "study's revision as id; `deleted` at the end of a study that is deleted.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **problems(404),
    },
)
async def watch(
    request: Request,
    desk: DeskOf,
    study: Key,
    after: Annotated[
        int, Query(ge=-1, le=LARGEST_INTEGER, description="Only what changed after this revision; -1 for everything.")
    ] = -1,
    last_event_id: Annotated[str | None, Header(description="The id of the last event that came; a browser's.")] = None,
) -> Response:
    """A study and its trials, each time that they change. Whoever comes late, or again, gets what he missed."""
    if last_event_id is not None:
        after = _revision(last_event_id)
    found = await run_in_threadpool(desk.study, study)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    stream = _changes(request, desk, found.uid, after)
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


def _revision(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > LARGEST_INTEGER:
        fault = Fault(path="Last-Event-ID", given=text, wanted="the id of an event of this stream")
        raise InvalidInput([fault], what="the request")
    return int(text)


async def _changes(request: Request, desk: Desk, uid: str, after: int) -> AsyncIterator[str]:
    closing: asyncio.Event = request.app.state.closing
    silent = 0.0
    while not closing.is_set():
        try:
            events, after = await run_in_threadpool(_since, desk, uid, after)
        except NotFound:
            yield _event("deleted", {"uid": uid}, after)
            return
        except KatibError as error:
            # The next look may find the store again; who listens learns why nothing comes.
            yield f": {json.dumps(error.message)}\n\n"
            events = []
        for event in events:
            yield event
        silent = 0.0 if events else silent + LOOK_EVERY
        if silent >= STILL_THERE_EVERY:
            silent = 0.0
            yield ": still there\n\n"
        if not events:
            try:
                await asyncio.wait_for(closing.wait(), LOOK_EVERY)
            except TimeoutError:
                continue


def _since(desk: Desk, uid: str, after: int) -> tuple[list[str], int]:
    """What changed after revision `after`, and the revision that is then known."""
    study = desk.store.view(uid, advice=0).study
    if study.revision <= after:
        return [], after
    changed = desk.store.trials(uid, TrialFilter(after_revision=after, limit=AT_ONCE))
    if len(changed) == AT_ONCE:
        # All trials of the last revision, or none of them: the next look begins after a whole one.
        whole = [trial for trial in changed if trial.revision < changed[-1].revision]
        changed = whole or desk.store.trials(uid, TrialFilter(after_revision=after))
        upto = changed[-1].revision
        return [_event("trial", trial_out(study, trial), trial.revision) for trial in changed], upto
    # A trial that moved since the study was read is told now and once more; that does no harm.
    events = [_event("trial", trial_out(study, trial), min(trial.revision, study.revision)) for trial in changed]
    shown = study_out(study, best_trial(desk.store, study), now=desk.now())
    return [*events, _event("study", shown, study.revision)], study.revision


def _event(kind: str, data: Any, revision: int) -> str:
    return f"event: {kind}\nid: {revision}\ndata: {json.dumps(data, allow_nan=False)}\n\n"
