"""Report metrics from a trial's own code: `katib.report(loss=0.31, step=3)`.

Outside a trial it does nothing, so a script runs unchanged by hand. It needs the standard library only. Where reports
go is in the environment: `KATIB_REPORT_TO=file:/absolute/path`, a file that each report is appended to as one line.
"""

import json
import math
import operator
import os
import time
from collections.abc import Mapping
from typing import Any, SupportsFloat, SupportsIndex

from katib.errors import Fault, InvalidInput, KatibError

REPORT_TO = "KATIB_REPORT_TO"
"""The environment variable that says where reports go."""

Number = SupportsFloat | SupportsIndex | str
"""What counts as a value: anything that `float` takes, such as numpy and torch scalars."""


def report(
    metrics: Mapping[str, Number] | None = None, /, *, step: SupportsIndex | None = None, **named: Number
) -> None:
    """Report values of some metrics, now. What has been reported is kept, however the process ends afterwards.

    Args:
        metrics: values by name, for names that are no identifiers: `report({"val/loss": 0.1}, step=1)`.
        step: the training step or epoch, >= 0. A metric's value at a step counts once: the first report of it stays.
        named: values by name: `report(loss=0.1, accuracy=0.9)`.

    Raises:
        InvalidInput: no metric at all, a value that is not a number (nan and infinities are), a step that is not an
            integer >= 0, or a destination of an unknown kind.
        KatibError: the report could not be written.
    """
    given = {**(metrics or {}), **named}
    line = _line(given, step)
    destination = os.environ.get(REPORT_TO)
    if destination:
        _append(_file(destination), line)


def has_reported() -> bool:
    """Whether this trial has reported anything, from whichever of its processes."""
    destination = os.environ.get(REPORT_TO)
    return destination is not None and os.path.exists(_file(destination))  # noqa: PTH110 - pathlib is slow to import


def _line(given: Mapping[str, Any], step: SupportsIndex | None) -> bytes:
    faults: list[Fault] = []
    values = {str(name): _value(name, value, faults) for name, value in given.items()}
    at = _step(step, faults)
    if not given:
        faults.append(Fault(path="metrics", wanted="at least one metric, as in report(loss=0.1)"))
    if faults:
        raise InvalidInput(faults, what="katib.report")
    document = {"metrics": values} | ({} if at is None else {"step": at}) | {"time": time.time()}
    return json.dumps(document, allow_nan=False).encode() + b"\n"


def _value(name: str, given: Any, faults: list[Fault]) -> float | str:
    try:
        value = float(given)
    except Exception as error:  # whatever a tensor of another library raises
        faults.append(Fault(path=str(name), wanted=f"a number ({error})", given=repr(given)))
        return 0.0
    return value if math.isfinite(value) else str(value)


def _step(given: SupportsIndex | None, faults: list[Fault]) -> int | None:
    try:
        step = None if given is None else operator.index(given)
    except Exception:
        step = -1
    if step is not None and not 0 <= step < 10**18:
        faults.append(Fault(path="step", wanted="an integer >= 0", given=repr(given)))
    return step


def _file(destination: str) -> str:
    scheme, _, path = destination.partition(":")
    if scheme != "file" or not path.startswith("/"):
        fault = Fault(path=REPORT_TO, wanted="file:/absolute/path, the only kind known here", given=destination)
        raise InvalidInput([fault], what="the environment", hint="katib sets it for each trial; unset it elsewhere")
    return path


def _append(path: str, line: bytes) -> None:
    # One write in append mode: lines of several processes do not mix, and kill -9 loses nothing that was reported.
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            while line:
                line = line[os.write(file, line) :]
        finally:
            os.close(file)
    except OSError as error:
        raise KatibError(f"the report could not be written to {path}: {error.strerror or error}") from error
