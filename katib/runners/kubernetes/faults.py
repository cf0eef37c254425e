"""What goes wrong in requests to an API server, as the errors of this project."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from katib.errors import CannotLaunch, RunnerUnavailable


class NoLog(RunnerUnavailable):
    """There is no such pod any more."""


class Exists(RunnerUnavailable):
    """There is an object of that name."""


class Missing(RunnerUnavailable):
    """There is no such object."""


class NoKind(Missing):
    """The cluster has no such kind of objects, and so none of them."""


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise what goes wrong within as an error of ours that begins with `what`."""
    try:
        yield
    except ApiException as error:
        raise _fault(error, what) from error
    except (HTTPError, OSError) as error:
        raise RunnerUnavailable(f"{what}: the API server cannot be reached: {first_line(error)}") from error


def _fault(error: ApiException, what: str) -> Exception:
    said = f"{what}: {_message(error)}"
    # A webhook answers 400 as well, and may think otherwise tomorrow.
    if error.status in (400, 422) and "admission webhook" not in said:
        return CannotLaunch(said)
    if error.status == 409:
        return Exists(said)
    if error.status == 404:
        return NoLog(said) if "log" in what else Missing(said)
    return RunnerUnavailable(said)


def _message(error: ApiException) -> str:
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.body or "")
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}"


def first_line(error: Exception) -> str:
    """The first line of what an error says."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
