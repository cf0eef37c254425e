"""The native API: `/api/v1`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from katib.core.trial import Trial
from katib.service.desk import Desk
from katib.service.views import study_view, trial_view

router = APIRouter(prefix="/api/v1")


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


DeskOf = Annotated[Desk, Depends(_desk)]


class Body(BaseModel):
    """A request's body: no field that it does not know."""

    model_config = ConfigDict(extra="forbid")


class NewStudy(Body):
    """A study to create: an Experiment's `spec` without a trialTemplate."""

    name: str = Field(description="Its name.")
    spec: dict[str, Any] = Field(description="objective or objectives, parameters, algorithm, maxTrialCount …")


class Suggest(Body):
    """Who asks for trials, and for how many."""

    client: str = Field(description="Who asks; the same name gets its open trials back.")
    count: int = Field(1, description="How many trials it wants to run, those included that it runs already.")


class Complete(Body):
    """A trial's end."""

    metrics: dict[str, float] | None = Field(None, description="Its values; without them the last reported ones.")


@router.post("/studies", status_code=201, tags=["studies"])
def create_study(desk: DeskOf, body: NewStudy, response: Response) -> dict[str, Any]:
    """Create a study, or find the same one (200)."""
    opened = desk.create(body.name, body.spec)
    response.status_code = 201 if opened.created else 200
    return study_view(opened.study, None, now=0)


@router.post("/studies/{study}/suggest", tags=["trials"])
def suggest(desk: DeskOf, study: str, body: Suggest) -> dict[str, Any]:
    """Trials for a client to run."""
    trials = desk.lender.suggest(study, body.client, body.count)
    return {"trials": [_view(desk, study, trial) for trial in trials]}


@router.post("/studies/{study}/trials/{ordinal}/complete", tags=["trials"])
def complete(desk: DeskOf, study: str, ordinal: int, body: Complete) -> dict[str, Any]:
    """End a trial with its values."""
    return _view(desk, study, desk.lender.complete(study, ordinal, body.metrics))


def _view(desk: Desk, study: str, trial: Trial) -> dict[str, Any]:
    return trial_view(desk.study(study), trial)
