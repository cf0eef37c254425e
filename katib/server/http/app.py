"""The HTTP application: routers over the desk, each in a file of its own."""

from importlib.metadata import version

from fastapi import FastAPI

from katib.server.http import advisor, native, problems
from katib.service.desk import Desk


def create_app(desk: Desk) -> FastAPI:
    """The application that answers for the studies of `desk`."""
    app = FastAPI(
        title="katib",
        version=version("katib-engine"),
        description="Create a study, ask for suggestions, report results.",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.desk = desk
    problems.install(app)
    app.include_router(native.router)
    app.include_router(advisor.router)

    @app.get("/healthz", tags=["health"])
    def healthz() -> dict[str, str]:
        """The process lives."""
        return {"status": "ok"}

    return app
