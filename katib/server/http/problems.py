"""What a request that cannot be answered gets: one shape for every error.

{"error": {"code": "invalid_input", "message": "…", "path": "spec.maxTrialCount", "hint": "…",
"faults": [{"path": "spec.maxTrialCount", "given": "0", "wanted": "1 or more", "hint": ""}]}}
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

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
)
from katib.server.http.answers import Json

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


def faults_of(error: RequestValidationError) -> list[Fault]:
    """What is wrong with a request's path, query or body."""
    return [
        Fault(path=".".join(str(part) for part in each["loc"][1:]), wanted=each["msg"], given=_given(each.get("input")))
        for each in error.errors()
    ]


async def _of_katib(_request: Request, error: Exception) -> JSONResponse:
    error = cast(KatibError, error)
    status, code = status_of(error)
    faults = error.faults if isinstance(error, InvalidInput) else ()
    headers = {"Retry-After": "1"} if status == 503 else None
    return problem(status, code, error.message, hint=error.hint, faults=faults, headers=headers)


async def _of_body(_request: Request, error: Exception) -> JSONResponse:
    error = cast(RequestValidationError, error)
    return problem(422, "invalid_input", "the request cannot be read", faults=faults_of(error))


async def _of_http(_request: Request, error: Exception) -> JSONResponse:
    error = cast(HTTPException, error)
    code = WORDS.get(error.status_code, "failed")
    return problem(error.status_code, code, str(error.detail), headers=error.headers)


def _given(value: object) -> str:
    return "" if value is None or isinstance(value, dict | list) else repr(value)
