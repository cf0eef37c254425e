"""Reports that are taken only with a token: `katib server --require-trial-token`.

A trial's token lets report on that trial, a user's on the trials of its study or, without a study, on all; an admin's
too. It is sent as over HTTP: `authorization: Bearer TOKEN` in the metadata of the call.
"""

from collections.abc import Callable, Mapping
from typing import Any

import grpc
from google.protobuf.message import Message

from katib.core.study import Study
from katib.core.trial import Trial
from katib.rpc import vizier_methods as rpc
from katib.rpc.convert.vizier.names import read_trial
from katib.rpc.methods import REPORT_OBSERVATION_LOG, Handler, Method
from katib.rpc.status import Status
from katib.server.db_manager import find_trial
from katib.server.refusals import abort, refusing
from katib.service.access import Access, StudyOf, refuses_report
from katib.service.desk import Desk
from katib.service.shown import trial_of

Find = Callable[[Any], tuple[Study, Trial]]
"""From a request to the trial that it reports on. Raises NotFound, InvalidInput."""


def asking(handlers: Mapping[Method[Any, Any], Handler], desk: Desk, access: Access) -> dict[Method[Any, Any], Handler]:
    """The same handlers, of which those that take reports ask for a token first."""

    def found(text: str) -> tuple[Study, Trial]:
        name, ordinal = read_trial(text)
        study = desk.study(name)
        return study, trial_of(desk.store, study.uid, ordinal)

    reports: dict[Method[Any, Any], Find] = {
        REPORT_OBSERVATION_LOG: lambda request: find_trial(desk.store, request.trial_name),
        rpc.ADD_TRIAL_MEASUREMENT: lambda request: found(request.trial_name),
        rpc.COMPLETE_TRIAL: lambda request: found(request.name),
        rpc.CHECK_TRIAL_EARLY_STOPPING_STATE: lambda request: found(request.trial_name),
    }
    guarded = {
        method: refusing(_asking(handlers[method], find, access, desk.known_study)) for method, find in reports.items()
    }
    return {**handlers, **guarded}


def _asking(handler: Handler, find: Find, access: Access, study_of: StudyOf) -> Handler:
    def answer(request: Any, context: grpc.ServicerContext) -> Message:
        text = _sent(context)
        token = (access.remembered(text) or access.token(text)) if text else None
        if token is None:
            said = "the token is not valid" if text else "a report needs a token"
            hint = "send `authorization: Bearer TOKEN` as metadata; `katib token create --role trial` makes one"
            abort(context, Status(code=grpc.StatusCode.UNAUTHENTICATED, details=f"{said}: {hint}"))
        study, trial = find(request)
        refused = refuses_report(token, study, trial.ordinal, study_of)
        if refused is not None:
            said = f"{refused.why} ({refused.hint})"
            abort(context, Status(code=grpc.StatusCode.PERMISSION_DENIED, details=said))
        return handler(request, context)

    return answer


def _sent(context: grpc.ServicerContext) -> str:
    """The token that came with a call; empty when there is none."""
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            kind, _, text = str(value).partition(" ")
            return text.strip() if kind.lower() == "bearer" else ""
    return ""
