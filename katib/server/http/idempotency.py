"""Requests that carry an `Idempotency-Key` are done once, on whichever server and however often they are sent.

What was answered is kept in the store for a day. An error is not: the request may be sent again as it is. What a
request did is written together with a receipt of it, so that a server that dies before it answers leaves enough for
another one to answer from.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Annotated, Any

from fastapi import Depends, Header, HTTPException, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from katib.errors import KatibError
from katib.server.http.answers import Json
from katib.service.desk import Desk
from katib.service.once import Once
from katib.stores.contract import Reply

CLAIM_SECONDS = 10.0
"""How long a server is taken to work on a request without another word; then it is taken for gone."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=255,
        description="Any text, a new one for each new request: sent again with the same text and body, a request is "
        "not done again but answered as before. Holds for a day, on all servers of a database.",
    ),
]


def _once_of(request: Request) -> Once | None:
    once: Once | None = getattr(request.state, "once", None)
    return once


OnceOf = Annotated[Once | None, Depends(_once_of)]
"""The request as one that is to be done once; None without a key."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class IdempotentRoute(APIRoute):
    """A route whose POST requests are done once for each key."""

    def get_route_handler(self) -> Handler:
        """See APIRoute."""
        handler = super().get_route_handler()

        async def once(request: Request) -> Response:
            key = request.headers.get("idempotency-key")
            if key is None or request.method != "POST" or len(key) > 255:
                return await handler(request)
            return await _once(request, key, handler)

        return once


async def _once(request: Request, key: str, handler: Handler) -> Response:
    desk: Desk = request.app.state.desk
    # Whose key it is: nobody is told what another one was answered.
    owner = getattr(request.state, "token_id", "")
    scope = json.dumps([owner, key])
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
    digest = hashlib.sha256(asked).hexdigest()
    now = desk.now()
    known = await run_in_threadpool(desk.store.claim_reply, scope, digest, now=now, until=now + CLAIM_SECONDS)
    if known is not None and (known.status or not known.body or known.digest != digest):
        return _again(known, digest)
    request.state.once = Once(key=scope, before=known.body if known else "")
    kept = False
    at_work = asyncio.create_task(_hold(desk, scope))
    try:
        response = await handler(request)
        if 200 <= response.status_code < 300:
            reply = Reply(digest=digest, status=response.status_code, body=bytes(response.body).decode())
            await run_in_threadpool(desk.store.keep_reply, scope, reply, now=desk.now())
            kept = True
        return response
    finally:
        at_work.cancel()
        if not kept:
            await asyncio.shield(run_in_threadpool(desk.store.drop_reply, scope))


async def _hold(desk: Desk, scope: str) -> None:
    """Say now and then that the request is still worked on."""
    while True:
        await asyncio.sleep(CLAIM_SECONDS / 4)
        with suppress(KatibError):
            await run_in_threadpool(desk.store.hold_reply, scope, until=desk.now() + CLAIM_SECONDS)


def _again(known: Reply, digest: str) -> Response:
    if known.digest != digest:
        raise HTTPException(409, "this Idempotency-Key came with another request before: choose a new one")
    if not known.status:
        said = "a request with this Idempotency-Key is being answered: send it again later"
        raise HTTPException(409, said, headers={"Retry-After": "1"})
    content = json.loads(known.body) if known.body else None
    return Json(content, status_code=known.status, headers={"Idempotent-Replay": "true"})
