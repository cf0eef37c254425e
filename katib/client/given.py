"""What users give to the client, checked before it is sent: a report that no store can take must not be kept."""

import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat

from katib.errors import Fault, InvalidInput

NAME_LIMIT = 255
"""Characters of a metric's name, as stores keep it."""


def metrics_of(given: Any, named: Mapping[str, SupportsFloat], what: str) -> dict[str, float | str]:
    """Values by metric. Raises InvalidInput with every fault."""
    if given is not None and not isinstance(given, Mapping):
        hint = "give it a name: loss=0.1" if isinstance(given, int | float) else ""
        fault = Fault(path="metrics", given=repr(given)[:80], wanted="values by name, as in loss=0.1", hint=hint)
        raise InvalidInput([fault], what=what)
    values: dict[str, float | str] = {}
    faults: list[Fault] = []
    for name, value in {**(given or {}), **named}.items():
        if not isinstance(name, str) or not 1 <= len(name) <= NAME_LIMIT or "\0" in name:
            wanted = f"as a name a text of 1 to {NAME_LIMIT} characters without NUL"
            faults.append(Fault(path="metrics", given=repr(name)[:80], wanted=wanted))
            continue
        try:
            number = float(value)
        except Exception as error:  # whatever a tensor of another library raises
            faults.append(Fault(path=name, given=repr(value), wanted=f"a number ({error})"))
            continue
        values[name] = number if math.isfinite(number) else str(number)
    if not values and not faults:
        faults.append(Fault(path="metrics", wanted="at least one metric, as in report(loss=0.1)"))
    if faults:
        raise InvalidInput(faults, what=what)
    return values


def whole(given: Any, path: str, *, least: int, what: str, hint: str = "") -> int:
    """A whole number, `least` or more; also one of another library, or a float that is whole. Raises InvalidInput."""
    number: int | None = None
    if isinstance(given, float):
        number = int(given) if given.is_integer() else None
    elif not isinstance(given, bool):
        try:
            number = operator.index(given)
        except TypeError:
            number = None
    if number is None or not least <= number < 2**63:
        fault = Fault(path=path, given=repr(given)[:80], wanted=f"a whole number, {least} or more", hint=hint)
        raise InvalidInput([fault], what=what)
    return number


def seconds_of(given: Any, path: str, *, what: str) -> float | None:
    """More than 0 seconds, or None. Raises InvalidInput."""
    if given is None or (isinstance(given, int | float) and not isinstance(given, bool) and 0 < given < math.inf):
        return given
    fault = Fault(path=path, given=repr(given)[:80], wanted="a number of seconds, more than 0")
    raise InvalidInput([fault], what=what)


def name_of(given: Any, *, what: str) -> str:
    """The name of a study. Raises InvalidInput for what is none."""
    if isinstance(given, str) and given:
        return given
    fault = Fault(path="study", given=repr(given)[:80], wanted="the name of a study, as create_study was given it")
    raise InvalidInput([fault], what=what)


def parameters_of(given: Any, *, what: str) -> dict[str, Any] | list[Any]:
    """A search space. Raises InvalidInput for a pair of numbers in it, which elsewhere is a range, here two values."""
    if not isinstance(given, Mapping):
        if isinstance(given, Sequence) and not isinstance(given, str | bytes):
            return list(given)
        fault = Fault(path="parameters", given=repr(given)[:80], wanted='name -> space, as in {"lr": "log:1e-5:1e-1"}')
        raise InvalidInput([fault], what=what)
    faults = []
    for name, space in given.items():
        if isinstance(space, tuple) and len(space) == 2 and all(isinstance(end, int | float) for end in space):
            low, high = space
            kind = "int" if isinstance(low, int) and isinstance(high, int) else "float"
            hint = f'the range between them is "{kind}:{low}:{high}", the two values are [{low}, {high}]'
            wanted = "a range or a list of values: a pair of numbers could be either"
            faults.append(Fault(path=f"parameters[{name!r}]", given=repr(space), wanted=wanted, hint=hint))
    if faults:
        raise InvalidInput(faults, what=what)
    return dict(given)
