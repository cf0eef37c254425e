"""The standard health check, under each name that somebody asks for."""

from collections.abc import Mapping
from typing import Any

import grpc

from katib.rpc import health
from katib.rpc.methods import CHECK_HEALTH, EARLY_STOPPING, SUGGESTION, Handler, Method

KATIBS_NAME = "manager.v1beta1.Suggestion"
"""What Katib's controller asks for, though no service is named so."""

NAMES = ("", KATIBS_NAME, SUGGESTION, EARLY_STOPPING)
"""The server as a whole, the suggestion service by its two names, and early stopping, which Katib never asks about."""


class HealthServicer:
    """SERVING until `stop`."""

    def __init__(self) -> None:
        self._status = health.HealthCheckResponse.SERVING

    @property
    def handlers(self) -> Mapping[Method[Any, Any], Handler]:
        """Its method."""
        return {CHECK_HEALTH: self.check}

    def check(self, request: health.HealthCheckRequest, context: grpc.ServicerContext) -> health.HealthCheckResponse:
        """The status; NOT_FOUND for a service that is not here."""
        if request.service not in NAMES:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no service {request.service!r} here; known: {', '.join(NAMES)}")
        return health.HealthCheckResponse(status=self._status)

    def stop(self) -> None:
        """From now on NOT_SERVING: send no new requests."""
        self._status = health.HealthCheckResponse.NOT_SERVING
