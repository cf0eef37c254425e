"""Advisor's API: `/suggestion/v1`, as advisor's own client speaks it. An error is `{"error": text, …}`."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.routing import Match

from katib.errors import Fault, KatibError
from katib.server.http import problems
from katib.server.http.answers import Json
from katib.service.advisor import AdvisorDesk
from katib.service.advisor_configuration import METRIC


class _Route(APIRoute):
    """A route that answers with advisor's shape for errors."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except KatibError as error:
                return _refusal(*problems.status_of(error), str(error), getattr(error, "faults", ()))
            except RequestValidationError as error:
                faults = problems.faults_in(request, error)
                return _refusal(422, "invalid_input", "; ".join(map(str, faults)), faults)

        return handle


def _refusal(status: int, code: str, text: str, faults: Sequence[Fault] = ()) -> JSONResponse:
    return Json({"error": text, "code": code, "faults": problems.told(faults)}, status_code=status)


router = APIRouter(prefix="/suggestion", tags=["advisor"], route_class=_Route)


def _desk(request: Request) -> AdvisorDesk:
    return AdvisorDesk(request.app.state.desk)


DeskOf = Annotated[AdvisorDesk, Depends(_desk)]
StudyOf = Annotated[str, Path(description="The study's name, or its id.")]
Number = Annotated[int, Path(description="The id.")]

STUDIES = "/v1/studies"
STUDY = f"{STUDIES}/{{study}}"
TRIAL = f"{STUDY}/trials/{{trial}}"
METRIC_OF = f"{TRIAL}/metrics/{{metric}}"
DELETED = {"message": "Success to delete"}


class NewStudy(BaseModel):
    """A study to create."""

    name: str = Field(min_length=1, max_length=128)
    study_configuration: dict[str, Any] | str = Field(description="goal, params …; an object or JSON in a text.")
    algorithm: str = "RandomSearchAlgorithm"


class StudyChange(BaseModel):
    """What is to change about a study."""

    status: str | None = Field(None, description="Pending or Completed.")


class Suggestions(BaseModel):
    """How many new trials are wanted."""

    trials_number: int = 1
    trial_name: str | None = Field(None, description="Not used.")


class NewTrial(BaseModel):
    """A trial to create by hand."""

    name: str | None = Field(None, description="Not used: trials get their names from their study.")
    parameter_values: dict[str, Any] | str | None = Field(None, description="Without them, they are suggested.")
    objective_value: float | None = Field(None, description="Its result, if it is known.")


class TrialChange(BaseModel):
    """What is to change about a trial."""

    status: str | None = Field(None, description="Completed, Failed, Infeasible, Stopped or Pending.")
    objective_value: float | None = None
    metrics: dict[str, float] | None = Field(None, description=f"By name; `{METRIC}` is the objective.")


class NewMetric(BaseModel):
    """A value on the way."""

    training_step: int | None
    objective_value: float


class MetricChange(BaseModel):
    """What is to change about a metric."""

    training_step: int | None = None
    objective_value: float | None = None


@router.get("/")
def welcome() -> dict[str, str]:
    """That somebody is here."""
    return {"message": "Welcome to advisor"}


@router.get(STUDIES)
def list_studies(desk: DeskOf) -> dict[str, Any]:
    """All studies."""
    return {"data": desk.list_studies()}


@router.post(STUDIES)
def create_study(desk: DeskOf, body: NewStudy) -> dict[str, Any]:
    """Create a study."""
    return {"data": desk.create_study(body.name, body.study_configuration, body.algorithm)}


@router.get(STUDY)
def get_study(desk: DeskOf, study: StudyOf) -> dict[str, Any]:
    """One study."""
    return {"data": desk.study(study)}


@router.put(STUDY)
def change_study(desk: DeskOf, study: StudyOf, body: StudyChange) -> dict[str, Any]:
    """Stop a study, or let it go on."""
    return {"data": desk.set_study_status(study, body.status)}


@router.delete(STUDY)
def delete_study(desk: DeskOf, study: StudyOf) -> dict[str, str]:
    """Remove a study with its trials and metrics."""
    desk.delete_study(study)
    return DELETED


@router.get(f"{STUDY}/exist")
def study_exists(desk: DeskOf, study: StudyOf) -> dict[str, bool]:
    """Whether there is such a study."""
    return {"exist": desk.study_exists(study)}


@router.post(f"{STUDY}/suggestions")
def suggest(desk: DeskOf, study: StudyOf, body: Suggestions) -> dict[str, Any]:
    """New trials."""
    return {"data": desk.suggestions(study, body.trials_number)}


@router.get(f"{STUDY}/trials")
def list_trials(desk: DeskOf, study: StudyOf) -> dict[str, Any]:
    """All trials of a study."""
    return {"data": desk.trials(study)}


@router.post(f"{STUDY}/trials")
def create_trial(desk: DeskOf, study: StudyOf, body: NewTrial) -> dict[str, Any]:
    """A trial of one's own."""
    return {"data": desk.create_trial(study, body.parameter_values, body.objective_value)}


@router.get(TRIAL)
def get_trial(desk: DeskOf, study: StudyOf, trial: Number) -> dict[str, Any]:
    """One trial."""
    return {"data": desk.trial(study, trial)}


@router.put(TRIAL)
def change_trial(desk: DeskOf, study: StudyOf, trial: Number, body: TrialChange) -> dict[str, Any]:
    """Complete a trial, or say what it has reached."""
    changed = desk.update_trial(study, trial, status=body.status, value=body.objective_value, metrics=body.metrics)
    return {"data": changed}


@router.delete(TRIAL)
def delete_trial(desk: DeskOf, study: StudyOf, trial: Number) -> dict[str, str]:
    """Remove a trial with its metrics and its result."""
    desk.delete_trial(study, trial)
    return DELETED


@router.get(f"{TRIAL}/metrics")
def list_metrics(desk: DeskOf, study: StudyOf, trial: Number) -> dict[str, Any]:
    """All values of a trial's objective."""
    return {"data": desk.metrics(study, trial)}


@router.post(f"{TRIAL}/metrics")
def create_metric(desk: DeskOf, study: StudyOf, trial: Number, body: NewMetric) -> dict[str, Any]:
    """Report a value of a trial's objective."""
    return {"data": desk.add_metric(study, trial, body.training_step, body.objective_value)}


@router.get(METRIC_OF)
def get_metric(desk: DeskOf, study: StudyOf, trial: Number, metric: Number) -> dict[str, Any]:
    """One value."""
    return {"data": desk.metric(study, trial, metric)}


@router.patch(METRIC_OF)
def change_metric(desk: DeskOf, study: StudyOf, trial: Number, metric: Number, body: MetricChange) -> dict[str, Any]:
    """Refused, unless it changes nothing."""
    return {"data": desk.update_metric(study, trial, metric, body.model_dump(exclude_unset=True))}


@router.delete(METRIC_OF)
def delete_metric(desk: DeskOf, study: StudyOf, trial: Number, metric: Number) -> dict[str, str]:
    """Refused: what was reported stays on record."""
    desk.delete_metric(study, trial, metric)
    return DELETED


@router.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
def nothing_here(request: Request, rest: str) -> Response:
    """What is no endpoint, or not with this method."""
    if any(route.matches(request.scope)[0] is Match.PARTIAL for route in router.routes):
        return _refusal(405, "method_not_allowed", "Unsupported http method")
    return _refusal(404, "not_found", f"there is no /suggestion/{rest}")
