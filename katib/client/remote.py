"""The desk of a server."""

from typing import Any

import httpx

from katib.client.calls import Call
from katib.client.wire import Wire


class RemoteDesk:
    """Calls sent to a server of katib.

    Args:
        transport: what carries them instead of the network, for tests.
    """

    def __init__(self, address: str, *, token: str | None = None, transport: httpx.BaseTransport | None = None) -> None:
        self._wire = Wire(address, token=token, transport=transport)

    def call(self, call: Call) -> Any:
        """See `Desk`."""
        more: dict[str, Any] = {"params": dict(call.query)} if call.query else {}
        if call.method == "POST":
            more["headers"] = {"Idempotency-Key": call.key}
        return self._wire.call(call.method, call.path, call.body, **more)

    def close(self) -> None:
        """See `Desk`."""
        self._wire.close()
