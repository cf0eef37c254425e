"""Answers: JSON that any client can read, ETags, pages."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from starlette.responses import JSONResponse

from katib.core.study import Study
from katib.errors import Fault, InvalidInput
from katib.server.http.models import Problem


class Json(JSONResponse):
    """JSON in ASCII: texts may hold what UTF-8 cannot (half of a surrogate pair). Its line ends, for terminals."""

    def render(self, content: Any) -> bytes:
        """See JSONResponse."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors that an operation may answer with, for its documentation."""
    return {status: {"model": Problem, "description": MEANINGS[status]} for status in sorted({*statuses, *ALWAYS})}


ALWAYS = (400, 401, 403, 413, 422, 503)
MEANINGS = {
    400: "The request cannot be understood.",
    401: "A token is needed, or the one that was sent is not valid.",
    403: "The token does not allow this.",
    404: "There is no such study or trial.",
    409: "It does not fit what is there: the message says what.",
    412: "The study is not as `If-Match` says any more.",
    413: "The request is too large.",
    422: "The request has faults; all of them are listed.",
    503: "The store or an algorithm cannot answer now: try again.",
}


def study_tag(study: Study) -> str:
    """The ETag of a study: it changes with everything that `StudyInFull` shows."""
    return f'"{study.uid[:12]}.{study.generation}.{study.revision}"'


_STUDY_TAG = re.compile(r'"([^".]{1,12})\.(\d{1,18})\.\d{1,18}"')


def wished_generation(study: Study, if_match: str | None) -> int | None:
    """The generation of `study` that an `If-Match` was written for; None when it has none, or takes any.

    What trials did meanwhile does not matter: only other users' wishes do.

    Raises InvalidInput when it is no ETag of a study.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    found = _STUDY_TAG.fullmatch(if_match.strip())
    if found is None:
        fault = Fault(path="If-Match", given=if_match, wanted="the ETag of the study, as a GET of it gives it")
        raise InvalidInput([fault], what="the request")
    # Of a study that had this name before, no generation is right.
    return int(found[2]) if study.uid.startswith(found[1]) else 0


def tagged(request: Request, content: Mapping[str, Any], tag: str = "") -> Response:
    """An answer with an ETag, which is a digest of it unless there is one; 304 when the client has it."""
    answer = Json(content)
    tag = tag or f'"{hashlib.sha256(answer.body).hexdigest()[:24]}"'
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or tag in [each.strip().removeprefix("W/") for each in known.split(",")]:
        return Response(status_code=304, headers={"ETag": tag})
    answer.headers["ETag"] = tag
    return answer
