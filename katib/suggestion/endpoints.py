"""Where servers of Katib's API answer, as users write it."""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from katib.errors import Fault, InvalidInput

Service = TypeVar("Service")

ENDPOINT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}")
"""host:port; an IPv6 address stands in brackets."""


def connected(
    endpoints: Mapping[str, str], connect: Callable[[str], Service], *, option: str, what: str
) -> dict[str, Service]:
    """Name -> who answers for it; one connection for each endpoint.

    Args:
        endpoints: name -> host:port.
        option: where a user gave them.
        what: what answers there: `an algorithm`.

    Raises InvalidInput for an endpoint that is none, and KatibError when the packages to reach one are not installed.
    """
    faults = [
        Fault(
            path=option,
            given=f"{name}={endpoint}",
            wanted=f"NAME=HOST:PORT, the name of {what} and where a server answers for it",
        )
        for name, endpoint in endpoints.items()
        if not name or not ENDPOINT.fullmatch(endpoint)
    ]
    if faults:
        raise InvalidInput(faults, what=option)
    services = {endpoint: connect(endpoint) for endpoint in set(endpoints.values())}
    return {name: services[endpoint] for name, endpoint in endpoints.items()}
