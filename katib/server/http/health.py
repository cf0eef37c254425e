"""Whether the server is well: for load balancers and Kubernetes."""

from fastapi import APIRouter

from katib.errors import NotFound
from katib.server.http import models
from katib.server.http.answers import problems
from katib.server.http.depends import DeskOf

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=models.Health)
async def healthz() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok"}


@router.get("/readyz", response_model=models.Health, responses=problems())
def readyz(desk: DeskOf) -> dict[str, str]:
    """The store can be reached."""
    try:
        desk.store.view("", advice=0)
    except NotFound:
        # It answered that there is no such study.
        return {"status": "ok"}
    return {"status": "ok"}
