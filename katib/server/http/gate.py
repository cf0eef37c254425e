"""Lets those in who have a token that allows what they ask for."""

import logging

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from katib.errors import KatibError
from katib.server.http.problems import problem, status_of
from katib.service.access import Access, Refusal, refusal
from katib.service.desk import Desk
from katib.stores.contract import Token

OPEN = frozenset({"/healthz", "/readyz", "/openapi.json"})
"""What everybody may read: nothing in it is anybody's."""

log = logging.getLogger("katib.server.access")


class Gate:
    """Asks for a token before anything else is done."""

    def __init__(self, app: ASGIApp, desk: Desk, access: Access) -> None:
        self._app = app
        self._desk = desk
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http" or (scope["path"] in OPEN and scope["method"] == "GET"):
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._refused(scope)
        except KatibError as error:
            status, code = status_of(error)
            answer = problem(status, code, error.message, hint=error.hint)
        await (answer or self._app)(scope, receive, send)

    async def _refused(self, scope: Scope) -> ASGIApp | None:
        """The answer to one who is not let in; None for one who is."""
        kind, _, text = Headers(scope=scope).get("authorization", "").partition(" ")
        token = None
        if kind.lower() == "bearer":
            text = text.strip()
            token = self._access.remembered(text) or await run_in_threadpool(self._access.token, text)
        if token is None:
            hint = "send `Authorization: Bearer TOKEN`; `katib token create` makes one"
            said = "a token is needed" if not text else "the token is not valid"
            self._note(scope, said)
            return problem(401, "unauthorized", said, hint=hint, headers={"WWW-Authenticate": "Bearer"})
        forbidden = await self._forbidden(scope, token)
        if forbidden is not None:
            self._note(scope, forbidden.why, token)
            return problem(403, "forbidden", forbidden.why, hint=forbidden.hint)
        state = scope.setdefault("state", {})
        state["token_id"] = token.id
        state["sees"] = token.study_uid or None
        return None

    async def _forbidden(self, scope: Scope, token: Token) -> Refusal | None:
        if token.study_uid:
            # It has to be looked up which study is meant.
            return await run_in_threadpool(refusal, token, scope["method"], scope["path"], self._desk.known_study)
        return refusal(token, scope["method"], scope["path"], self._desk.known_study)

    def _note(self, scope: Scope, why: str, token: Token | None = None) -> None:
        client = scope.get("client") or ("", 0)
        fields = {"method": scope["method"], "path": scope["path"], "client": client[0], "reason": why}
        log.warning("denied", extra={"fields": {**fields, "token": token.id if token else None}})
