"""Names of studies with a `/`: in an address it is `%2F`, which a server decodes before it looks for a route."""

from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from katib.errors import KatibError
from katib.service.desk import Desk


class Slashes:
    """Puts the uid of a study in the place of a name that cannot stand in a decoded path."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        raw = scope.get("raw_path", b"") if scope["type"] == "http" else b""
        if b"%2f" in raw.lower():
            parts = raw.decode("latin-1").split("/")
            # /api/v1/studies/NAME and /suggestion/v1/studies/NAME
            if len(parts) > 4 and parts[3] == "studies" and "%2f" in parts[4].lower():
                uid = await run_in_threadpool(self._uid, unquote(parts[4]))
                scope = {**scope, "path": unquote("/".join([*parts[:4], uid, *parts[5:]]))} if uid else scope
        await self._app(scope, receive, send)

    def _uid(self, name: str) -> str:
        try:
            return self._desk.study(name).uid
        except KatibError:
            # Whoever looks for it says what is wrong.
            return ""
