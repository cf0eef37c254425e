"""What endpoints ask for."""

from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request

from katib.service.desk import Desk
from katib.stores.rules import LARGEST_INTEGER


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


DeskOf = Annotated[Desk, Depends(_desk)]
Key = Annotated[str, Path(description="The study's name or uid.", examples=["digits"])]
Ordinal = Annotated[int, Path(ge=1, le=LARGEST_INTEGER, description="The trial's number.", examples=[1])]
Page = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The study's ETag: do it only if no user wished anything else of it since."),
]
IfNoneMatch = Annotated[
    str | None, Header(alias="If-None-Match", description="An ETag: answer 304 when nothing is different.")
]
