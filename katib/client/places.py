"""Where the studies are: at a server's address, or in a store that this process opens."""

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from katib.errors import Fault, InvalidInput

if TYPE_CHECKING:
    from katib.embedded.calls import Calls
    from katib.embedded.desk import EmbeddedDesk

ENDPOINT = "KATIB_ENDPOINT"
"""The environment variable with a server's address."""

TOKEN = "KATIB_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable with the token that a server asks for."""

_TOKEN = re.compile(r"[!-~]+")
"""What a header can carry; what a proxy before the server wants may look otherwise than ours."""

DEFAULT_FILE = "katib.db"


def address(given: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """The server's address without a slash at its end; None to be without a server.

    Raises InvalidInput for an address that is none.
    """
    found = given or environ.get(ENDPOINT) or None
    if found is None:
        return None
    if not found.startswith(("http://", "https://")):
        fault = Fault(path="endpoint" if given else ENDPOINT, given=found, wanted="http://host:port or https://…")
        raise InvalidInput([fault], what="the server's address")
    return found.rstrip("/")


def token(given: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """The token to show to the server, if any. Raises InvalidInput for a text that is none."""
    found = given or environ.get(TOKEN) or None
    if found is None or _TOKEN.fullmatch(found):
        return found
    # It may be a secret with a slip in it, so it is not shown.
    wanted = "a token as `katib token create` printed it: letters, digits, - and _"
    fault = Fault(path="token" if given else TOKEN, wanted=wanted)
    raise InvalidInput([fault], what="the token")


def embedded(store: str | None) -> "EmbeddedDesk":
    """The engine in this process, on `store`, else what KATIB_DB names, else katib.db in this folder."""
    from katib.config import from_environment
    from katib.embedded.desk import EmbeddedDesk

    settings = from_environment(os.environ)
    return EmbeddedDesk(store or settings.store or DEFAULT_FILE, settings)


def embedded_calls(store: str | None) -> "Calls":
    """The same, for calls."""
    from katib.embedded.calls import Calls

    return Calls(embedded(store))
