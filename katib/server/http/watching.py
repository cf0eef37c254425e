"""What is seen of requests from outside: a line for each in the log, and numbers for Prometheus.

Neither holds a header, a query or a body: there may be secrets in them.
"""

import logging
import time

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("katib.server.requests")
router = APIRouter(tags=["health"])

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
"""Seconds: a report takes a few milliseconds, an algorithm up to a minute."""


class Numbers:
    """The numbers of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ("method", "route", "status")
        self.requests = Counter("katib_http_requests", "Requests answered.", names, registry=self.registry)
        self.seconds = Histogram(
            "katib_http_request_seconds",
            "Time to answer a request.",
            ("method", "route"),
            buckets=BUCKETS,
            registry=self.registry,
        )


class Watch:
    """Notes each request when it was answered."""

    def __init__(self, app: ASGIApp, numbers: Numbers) -> None:
        self._app = app
        self._numbers = numbers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self._note(scope, status, time.perf_counter() - begun)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # Templates of addresses, not addresses: their number is bounded.
        route, method = getattr(scope.get("route"), "path", "none"), scope["method"]
        method = method if method in METHODS else "other"
        self._numbers.requests.labels(method, route, str(status)).inc()
        self._numbers.seconds.labels(method, route).observe(seconds)
        if log.isEnabledFor(logging.INFO):
            client = scope.get("client") or ("", 0)
            fields = {
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "ms": round(seconds * 1000, 1),
                "client": client[0],
                "token": scope.get("state", {}).get("token_id"),
            }
            log.info("request", extra={"fields": fields})


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request) -> Response:
    """Numbers for Prometheus."""
    numbers: Numbers = request.app.state.numbers
    return Response(generate_latest(numbers.registry), media_type=CONTENT_TYPE_LATEST)
