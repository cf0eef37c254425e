"""The HTTP application: routers over the desk, each in a file of its own."""

import asyncio
from importlib.metadata import version

from fastapi import FastAPI

from katib.config import ServerSettings
from katib.server.http import advisor, events, health, problems, studies, trials, watching
from katib.server.http.answers import Json
from katib.server.http.gate import Gate
from katib.server.http.limits import Limit
from katib.server.http.slashes import Slashes
from katib.service.access import Access
from katib.service.desk import Desk

ABOUT = """Studies whose clients run the trials: create a study, ask for suggestions, report results.

A study is addressed by its name or, always, by its uid. Every error has one shape, `Problem`. Times are RFC 3339."""


def create_app(desk: Desk, settings: ServerSettings | None = None, *, authenticated: bool = False) -> FastAPI:
    """The application that answers for the studies of `desk`.

    Args:
        authenticated: ask everybody for a token.
    """
    settings = settings or ServerSettings()
    app = FastAPI(
        title="katib",
        version=version("katib-engine"),
        description=ABOUT,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        default_response_class=Json,
    )
    app.state.desk = desk
    # Set when the server is to stop: streams end.
    app.state.closing = asyncio.Event()
    app.state.numbers = watching.Numbers()
    problems.install(app)
    for router in (
        studies.router,
        trials.router,
        events.router,
        advisor.router,
        health.router,
        watching.router,
    ):
        app.include_router(router)
    app.add_middleware(Limit, largest=settings.largest_request)
    if authenticated:
        app.add_middleware(Gate, desk=desk, access=Access(desk.store, seconds=settings.token_seconds))
    app.add_middleware(Slashes, desk=desk)
    app.add_middleware(watching.Watch, numbers=app.state.numbers)
    # Writes the contract down, and with it builds what would else be built by the first requests, one beside the other.
    app.openapi()
    return app
