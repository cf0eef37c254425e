"""gRPC below everything: messages, methods, channels, and what passes between Katib's API and the core's values.

The messages come from `proto/` by way of a descriptor set that is committed here (`make proto` writes it) and live in a
descriptor pool of their own: another package's `api.proto` in the same process does no harm.
"""

from importlib.util import find_spec

from katib.errors import KatibError

NEEDED = ("google.protobuf", "grpc", "grpc_reflection")


def check_installed(what: str) -> None:
    """Raise KatibError, saying what to install, when `what` needs packages that are not there."""
    absent = [name for name in NEEDED if not _is_there(name)]
    if absent:
        said = f"{what} needs packages that are not installed: {', '.join(absent)}"
        raise KatibError(said, hint="pip install 'katib-engine[server]'")


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        # The package above it is not there either.
        return False
