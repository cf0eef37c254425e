"""The search space."""

import math
import re
from collections.abc import Iterator
from fractions import Fraction

from katib.core.space import LOG_DISTRIBUTIONS
from katib.errors import Fault, cut
from katib.spec.experiment import Experiment, FeasibleSpace, ParameterSpec
from katib.spec.rules.table import Cluster, Rule, by_type

NUMERIC, LISTED = frozenset({"double", "int"}), frozenset({"discrete", "categorical"})
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"[+-]?[0-9]+")
INT_LIMIT = 2**53
"""Whole numbers up to here are exact as floats, which is what algorithms compute with."""

Placed = Iterator[tuple[str, ParameterSpec]]


def _placed(experiment: Experiment) -> Placed:
    return ((f"spec.parameters[{index}]", parameter) for index, parameter in enumerate(experiment.spec.parameters))


def _spaces(experiment: Experiment, kinds: frozenset[str]) -> Iterator[tuple[str, str, FeasibleSpace]]:
    for path, parameter in _placed(experiment):
        if parameter.parameter_type in kinds:
            yield f"{path}.feasibleSpace", parameter.parameter_type, parameter.feasible_space


def number(text: str, kind: str = "double") -> float | int | None:
    """The finite number that a text writes; None when it writes none, or for an `int` none that is whole."""
    if kind == "int":
        return int(text) if WHOLE.fullmatch(text) and len(text) <= 20 and abs(int(text)) <= INT_LIMIT else None
    value = float(text) if NUMBER.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None


def _presence(experiment: Experiment) -> Iterator[Fault]:
    spec = experiment.spec
    if not spec.parameters and spec.nas_config is None:
        yield Fault(path="spec.parameters", wanted="missing: at least one parameter (or a nasConfig)")
    if spec.parameters and spec.nas_config is not None:
        yield Fault(path="spec.nasConfig", wanted="either parameters or nasConfig, not both")


def _names(experiment: Experiment) -> Iterator[Fault]:
    for path, parameter in _placed(experiment):
        if not parameter.name:
            yield Fault(path=f"{path}.name", wanted="missing: the parameter's name")


def _twins(experiment: Experiment) -> Iterator[Fault]:
    names: list[str] = []
    for path, parameter in _placed(experiment):
        if parameter.name and parameter.name in names:
            first = names.index(parameter.name)
            wanted = f"each name once; spec.parameters[{first}] has it already"
            yield Fault(path=f"{path}.name", given=parameter.name, wanted=wanted)
        names.append(parameter.name)


def _types(experiment: Experiment) -> Iterator[Fault]:
    for path, parameter in _placed(experiment):
        if not parameter.parameter_type:
            yield Fault(path=f"{path}.parameterType", wanted="missing: one of double, int, discrete, categorical")


def _bounds(experiment: Experiment) -> Iterator[Fault]:
    for path, kind, space in _spaces(experiment, NUMERIC):
        if space.list_:
            yield Fault(path=f"{path}.list", wanted=f"min and max, no list, for the type {kind}")
        for name, text in (("min", space.min), ("max", space.max)):
            if not text:
                yield Fault(
                    path=f"{path}.{name}", wanted=f"missing: the {'least' if name == 'min' else 'greatest'} value"
                )


def _no_bounds(experiment: Experiment) -> Iterator[Fault]:
    for path, kind, space in _spaces(experiment, LISTED):
        for name, text in (("min", space.min), ("max", space.max), ("step", space.step)):
            if text:
                yield Fault(path=f"{path}.{name}", given=text, wanted=f"a list, no {name}, for the type {kind}")


def _numbers(experiment: Experiment) -> Iterator[Fault]:
    for path, kind, space in _spaces(experiment, NUMERIC):
        for name, text in (("min", space.min), ("max", space.max), ("step", space.step)):
            if text and number(text, kind) is None:
                wanted, hint = number_wanted(text, kind)
                yield Fault(path=f"{path}.{name}", given=cut(text, 80), wanted=wanted, hint=hint)


def number_wanted(text: str, kind: str) -> tuple[str, str]:
    """What is wanted where `text` writes no number of the kind, and a hint."""
    if kind == "int" and WHOLE.fullmatch(text):
        return f"a whole number from -{INT_LIMIT} to {INT_LIMIT}", "beyond them floats skip whole numbers"
    if kind == "int":
        double = number(text) is not None
        return "a whole number such as 32", "for numbers with a fraction use the type double" if double else ""
    return "a finite number such as 0.1 or 1e-4", ""


def _order(experiment: Experiment) -> Iterator[Fault]:
    for path, kind, space in _spaces(experiment, NUMERIC):
        low, high = number(space.min, kind), number(space.max, kind)
        if low is None or high is None:
            continue
        if low > high:
            yield Fault(path=f"{path}.min", given=space.min, wanted=f"at most max, which is {space.max}")
        elif not math.isfinite(high - low):
            yield Fault(path=f"{path}.max", given=space.max, wanted="max - min to be a finite number")


def _step(experiment: Experiment) -> Iterator[Fault]:
    for path, kind, space in _spaces(experiment, NUMERIC):
        step = number(space.step, kind)
        if step is not None and step <= 0:
            yield Fault(path=f"{path}.step", given=space.step, wanted="more than 0", hint="leave it out for no step")


def _step_count(experiment: Experiment) -> Iterator[Fault]:
    for path, kind, space in _spaces(experiment, NUMERIC):
        low, high, step = (number(text, kind) for text in (space.min, space.max, space.step))
        if low is None or high is None or step is None or step <= 0:
            continue
        if Fraction(high) - Fraction(low) > INT_LIMIT * Fraction(step):
            wanted = f"at most {INT_LIMIT} steps between min and max"
            yield Fault(path=f"{path}.step", given=space.step, wanted=wanted, hint="leave it out for no step")


def _logarithm(experiment: Experiment) -> Iterator[Fault]:
    for path, kind, space in _spaces(experiment, NUMERIC):
        low = number(space.min, kind)
        if space.distribution in LOG_DISTRIBUTIONS and low is not None and low <= 0:
            yield Fault(path=f"{path}.min", given=space.min, wanted=f"more than 0 for {space.distribution}")


def _spread(experiment: Experiment) -> Iterator[Fault]:
    for path, kind, space in _spaces(experiment, LISTED):
        if space.distribution not in ("uniform", "unknown"):
            given, wanted = space.distribution, f"uniform (or nothing) for the type {kind}"
            yield Fault(path=f"{path}.distribution", given=given, wanted=wanted)


def _lists(experiment: Experiment) -> Iterator[Fault]:
    for path, _kind, space in _spaces(experiment, LISTED):
        if not space.list_:
            yield Fault(path=f"{path}.list", wanted="at least one value")


def _list_twins(experiment: Experiment) -> Iterator[Fault]:
    for path, _kind, space in _spaces(experiment, LISTED):
        first: dict[str, int] = {}
        for index, item in enumerate(space.list_):
            if first.setdefault(item, index) != index:
                wanted = f"each value once; list[{first[item]}] is the same"
                yield Fault(path=f"{path}.list[{index}]", given=repr(item), wanted=wanted)


def _discrete(experiment: Experiment) -> Iterator[Fault]:
    for path, _kind, space in _spaces(experiment, frozenset({"discrete"})):
        for index, item in enumerate(space.list_):
            if number(item) is None:
                hint = "for words use parameterType categorical"
                yield Fault(path=f"{path}.list[{index}]", given=repr(item), wanted="a finite number", hint=hint)


RULES = (
    Rule(
        id="parameters-or-nas",
        refuses="neither parameters nor nasConfig; both of them",
        check=_presence,
        cluster=Cluster.CRD,
        katib=24,
    ),
    Rule(id="parameter-name", refuses="a parameter without a name", check=_names, cluster=Cluster.CRD),
    Rule(id="parameter-twins", refuses="two parameters of one name", check=_twins, cluster=Cluster.CRD),
    Rule(
        id="parameter-type",
        refuses="a parameterType other than double, int, discrete, categorical; `unknown`, which nothing can sample",
        check=_types,
        cluster=Cluster.CRD,
        katib=25,
    ),
    Rule(
        id="distribution",
        refuses="a distribution other than uniform, logUniform, normal, logNormal (`unknown` means uniform)",
        check=by_type,
        cluster=Cluster.CRD,
        katib=25,
    ),
    Rule(
        id="bounds",
        refuses="for double and int: a list; no min or no max (an empty feasibleSpace included: Katib's rule 26)",
        check=_bounds,
        cluster=Cluster.CRD,
        katib=27,
    ),
    Rule(
        id="no-bounds",
        refuses="for discrete and categorical: a min, max or step",
        check=_no_bounds,
        cluster=Cluster.CRD,
        katib=28,
    ),
    Rule(
        id="numbers",
        refuses="a min, max or step that is not a finite number; for int one that is not whole, or beyond 2^53",
        check=_numbers,
        cluster=Cluster.CRD,
    ),
    Rule(
        id="min-max",
        refuses="min > max; a distance of min and max that is not finite",
        check=_order,
        cluster=Cluster.CRD,
    ),
    Rule(id="step", refuses="a step that is not positive", check=_step, cluster=Cluster.CRD),
    Rule(
        id="step-count",
        refuses="more than 2^53 steps between min and max (a step beyond max - min is fine: one value)",
        check=_step_count,
        cluster=Cluster.CRD,
    ),
    Rule(id="log-min", refuses="min <= 0 for logUniform and logNormal", check=_logarithm, cluster=Cluster.OPERATOR),
    Rule(
        id="list-distribution",
        refuses="for discrete and categorical: a distribution other than uniform",
        check=_spread,
        cluster=Cluster.OPERATOR,
    ),
    Rule(
        id="list",
        refuses="for discrete and categorical: no list or an empty one",
        check=_lists,
        cluster=Cluster.OPERATOR,
    ),
    Rule(
        id="list-twins",
        refuses="a value listed twice, compared as text",
        check=_list_twins,
        cluster=Cluster.CRD,
    ),
    Rule(
        id="discrete-numbers",
        refuses="for discrete: a value that is not a finite number",
        check=_discrete,
        cluster=Cluster.OPERATOR,
    ),
)
