"""What a request that cannot be answered gets: one shape for every error.

{"error": {"code": "invalid_input", "message": "…", "path": "spec.maxTrialCount", "hint": "…",
"faults": [{"path": "spec.maxTrialCount", "given": "0", "wanted": "1 or more", "hint": ""}]}}
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import compile_path

from katib.errors import (
    AlgorithmUnknown,
    AlreadyExists,
    Conflict,
    Fault,
    InvalidInput,
    KatibError,
    NotFound,
    Stale,
    StudyClosed,
    TrialEnded,
    cut,
)
from katib.server.http.answers import Json
from katib.server.http.faults import faults_of
from katib.server.http.models import NewStudy
from katib.service.desk import Desk

CODES: Mapping[type[KatibError], tuple[int, str]] = {
    InvalidInput: (422, "invalid_input"),
    AlgorithmUnknown: (422, "algorithm_unknown"),
    NotFound: (404, "not_found"),
    AlreadyExists: (409, "already_exists"),
    StudyClosed: (409, "study_closed"),
    TrialEnded: (409, "trial_ended"),
    Conflict: (409, "conflict"),
    Stale: (409, "owned_elsewhere"),
}
"""What another error of katib is answered with: 503 when trying again may help, else 500."""

WORDS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    412: "changed_meanwhile",
    413: "too_large",
}

HINTS = {
    400: "a body is JSON in UTF-8",
    404: "GET /openapi.json lists what there is; the study API begins with /api/v1",
    405: "GET /openapi.json lists what there is",
    412: "read the study again, and send what is wanted with its new ETag",
    413: "send fewer measurements or trials at a time",
}
"""What to do next, where whoever refuses does not say."""


def install(app: FastAPI) -> None:
    """Answer every error of `app` in this shape."""
    app.add_exception_handler(KatibError, _of_katib)
    app.add_exception_handler(RequestValidationError, _of_body)
    app.add_exception_handler(HTTPException, _of_http)


def problem(
    status: int, code: str, message: str, *, hint: str = "", faults: Sequence[Fault] = (), headers: Any = None
) -> JSONResponse:
    """The answer."""
    path = faults[0].path if faults else ""
    error = {"code": code, "message": message, "path": path, "hint": hint, "faults": told(faults)}
    return Json({"error": error}, status_code=status, headers=headers)


def told(faults: Sequence[Fault]) -> list[dict[str, str]]:
    """Faults as an answer lists them."""
    return [{"path": each.path, "given": each.given, "wanted": each.wanted, "hint": each.hint} for each in faults]


def status_of(error: KatibError) -> tuple[int, str]:
    """The status and the code that an error is answered with."""
    return next(
        (CODES[kind] for kind in type(error).__mro__ if kind in CODES),
        (503, "try_again") if error.retriable else (500, "failed"),
    )


def faults_in(request: Request, error: RequestValidationError) -> list[Fault]:
    """Every fault of a request that cannot be read; those of a study in it, too."""
    field = getattr(request.scope.get("route"), "body_field", None)
    body = field.field_info.annotation if field else None
    faults = faults_of(error, body, content_type=request.headers.get("content-type", ""))
    if not (isinstance(body, type) and issubclass(body, NewStudy) and isinstance(error.body, Mapping)):
        return faults
    spec = error.body.get("spec")
    desk: Desk = request.app.state.desk
    return [*faults, *(desk.faults_of(spec) if isinstance(spec, Mapping) else ())]


async def _of_katib(_request: Request, error: Exception) -> JSONResponse:
    error = cast(KatibError, error)
    status, code = status_of(error)
    faults = error.faults if isinstance(error, InvalidInput) else ()
    headers = {"Retry-After": "1"} if status == 503 else None
    return problem(status, code, error.message, hint=error.hint, faults=faults, headers=headers)


async def _of_body(request: Request, error: Exception) -> JSONResponse:
    faults = await run_in_threadpool(faults_in, request, cast(RequestValidationError, error))
    return problem(422, "invalid_input", str(InvalidInput(faults, what="the request")), faults=faults)


async def _of_http(request: Request, error: Exception) -> JSONResponse:
    error = cast(HTTPException, error)
    code = WORDS.get(error.status_code, "failed")
    said, hint, headers = str(error.detail), HINTS.get(error.status_code, ""), error.headers
    if error.status_code == 404:
        said = f"there is nothing at {cut(request.url.path, 200)}"
    if error.status_code == 405:
        said = f"{request.method} is not allowed at {cut(request.url.path, 200)}"
        allowed = ", ".join(_methods_at(request))
        hint, headers = f"{allowed} would be; {hint}", {"Allow": allowed}
    return problem(error.status_code, code, said, hint=hint, headers=headers)


def _methods_at(request: Request) -> list[str]:
    """What may be asked at an address; each of its methods has a route of its own."""
    paths: Mapping[str, Mapping[str, Any]] = request.app.openapi()["paths"]
    found = (each for path, each in paths.items() if compile_path(path)[0].match(request.url.path))
    return [method.upper() for operations in found for method in operations]
