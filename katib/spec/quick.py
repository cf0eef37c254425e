"""A command and a few `--param` options -> the Experiment document that they stand for."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import yaml

from katib.errors import Fault, InvalidInput, cut
from katib.spec import yamltext
from katib.spec.experiment import API_VERSION, KIND
from katib.spec.kubelet import escape
from katib.spec.rules.parameters import NUMBER, number, number_wanted
from katib.spec.schema import closest

CONTAINER = "training"
DEFAULT_TRIALS = 20
FORMS = "NAME=float:LO:HI[:STEP], NAME=log:LO:HI, NAME=int:LO:HI[:STEP], NAME=logint:LO:HI or NAME=VALUE,VALUE,…"
CONDITION_FORM = "@OTHER=VALUE,…"
"""Behind any of the FORMS: the parameter is active only while OTHER has one of the values."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_STRAY = re.compile(r"(?<![{$])\{([A-Za-z_][A-Za-z0-9_]*)\}(?!\})")
_CONDITION = re.compile(rf"@({_NAME.pattern})=([^@]*)$")
_RANGES = {
    "float": ("double", ""),
    "log": ("double", "logUniform"),
    "int": ("int", ""),
    "logint": ("int", "logUniform"),
}


def experiment_from_command(
    *,
    name: str,
    params: Sequence[str],
    command: Sequence[str],
    objectives: Mapping[str, str],
    algorithm: str | None = None,
    max_trials: int = DEFAULT_TRIALS,
    parallel: int | None = None,
    settings: Mapping[str, str] | None = None,
    early_stopping: str | None = None,
    goals: Mapping[str, float] | None = None,
    image: str = "",
    trial_seconds: float | None = None,
) -> dict[str, Any]:
    """The Experiment that tunes a command: a `batch/v1` Job that runs it, without a shell.

    `{name}` in a word of the command is replaced by the parameter's value; `{{name}}` is the text `{name}`, and
    `{{{name}}}` the value in braces. Other braces, and every `$`, reach the command as they are.

    Args:
        params: one text per parameter, in one of the FORMS, with a CONDITION_FORM behind it or not. The words of the
            command that use a parameter which is not active are left out, each with a bare `--flag` right before it.
        objectives: the name of a metric that the command prints -> `minimize` or `maximize`; mostly one.
        algorithm: `NAME` or `NAME:key=value,key=value`; None leaves the choice to the default.
        parallel: trials at the same time; None for the default.
        settings: the algorithm's, besides those behind its name.
        early_stopping: `NAME` or `NAME:key=value,key=value`; None for none.
        goals: metric -> what it is to reach; the study ends when one trial reaches all of them.
        image: for a cluster; a process here needs none.
        trial_seconds: a trial that runs longer is ended, and has failed; rounded up to whole ones. None for no limit.

    Raises:
        InvalidInput: a parameter cannot be read or is not used in the command, or there is no command; all at once.
    """
    faults: list[Fault] = []
    parameters: list[dict[str, Any]] = []
    for text in params:
        try:
            parameters.append(_parameter(text))
        except InvalidInput as error:
            faults += error.faults
    names = [parameter["name"] for parameter in parameters]
    words = [_word(word, names) for word in command]
    faults += _unused(names, words, command)
    if not command:
        faults.append(Fault(path="COMMAND", wanted="the command to tune, after --"))
    faults += _objective_faults(objectives, goals or {})
    named: dict[str, Any] = {}
    for field, option, given in (
        ("earlyStopping", "--early-stopping", early_stopping),
        ("algorithm", "--algorithm", algorithm),
    ):
        try:
            named |= {field: _with_settings(given, option)} if given else {}
        except InvalidInput as error:
            faults += error.faults
    if faults:
        raise InvalidInput(faults, what="the command line")
    listed = [_objective(metric, direction, (goals or {}).get(metric)) for metric, direction in objectives.items()]
    spec: dict[str, Any] = {
        **({"objective": listed[0]} if len(listed) == 1 else {"objectives": listed}),
        **named,
        "maxTrialCount": max_trials,
        "parameters": parameters,
        "trialTemplate": _template(names, words, image, trial_seconds),
    }
    if settings and "algorithm" in spec:
        written = spec["algorithm"].setdefault("algorithmSettings", [])
        written += [{"name": key, "value": str(value)} for key, value in settings.items()]
    if parallel is not None:
        spec["parallelTrialCount"] = parallel
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}


def spelled_out(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A `spec` in long form.

    In the short one `parameters` maps names to one of the FORMS, without its `NAME=`, or to a list of values; and
    `algorithm` and `earlyStopping` are texts, `NAME` or `NAME:key=value,key=value`. What is not short stays as it is.

    Raises:
        InvalidInput: with every short form that cannot be read, its path as in `spec.parameters.lr`.
    """
    long = dict(spec)
    faults: list[Fault] = []
    parameters = spec.get("parameters")
    if isinstance(parameters, Mapping):
        long["parameters"] = [_spelled(str(name), space, faults) for name, space in parameters.items()]
    for field in ("algorithm", "earlyStopping"):
        if isinstance(spec.get(field), str):
            try:
                long[field] = _with_settings(spec[field], f"spec.{field}")
            except InvalidInput as error:
                faults += error.faults
    if faults:
        raise InvalidInput(faults, what="the study")
    return long


def _spelled(name: str, space: Any, faults: list[Fault]) -> dict[str, Any]:
    path = f"spec.parameters.{name}"
    if isinstance(space, Sequence) and not isinstance(space, str):
        items = [str(item) for item in space]
        if not items or len(set(items)) < len(items):
            faults.append(Fault(path=path, given=repr(space), wanted="a list of values, each once"))
        return {"name": name, **_choice(items)}
    try:
        return _parameter(f"{name}={space}")
    except InvalidInput as error:
        faults += [replace(fault, path=path, given=fault.given or repr(space)) for fault in error.faults]
    return {}


def _objective_faults(objectives: Mapping[str, str], goals: Mapping[str, float]) -> list[Fault]:
    faults = [
        Fault(path=f"the objective {metric}", given=str(direction), wanted="`minimize` or `maximize`")
        for metric, direction in objectives.items()
        if direction not in ("minimize", "maximize")
    ]
    if not objectives:
        faults.append(Fault(path="objectives", wanted="at least one metric to minimize or maximize"))
    wanted = f"a goal for an objective: {', '.join(objectives)}"
    faults += [Fault(path="goal", given=str(metric), wanted=wanted) for metric in goals if metric not in objectives]
    return faults + [
        Fault(path="goal", given=f"{metric}={goal}", wanted="a finite number")
        for metric, goal in goals.items()
        if not isinstance(goal, Real) or not math.isfinite(goal)
    ]


def _objective(metric: str, direction: str, goal: float | None) -> dict[str, Any]:
    return {"type": direction, **({} if goal is None else {"goal": goal}), "objectiveMetricName": metric}


def _with_settings(text: str, path: str) -> dict[str, Any]:
    """`medianstop:start_step=5,min_trials_required=4` as the name and settings of an algorithm. Raises InvalidInput."""
    name, _, rest = text.partition(":")
    pairs = [pair.partition("=") for pair in rest.split(",") if pair]
    if not name.strip() or not all(key.strip() and equals for key, equals, _ in pairs):
        fault = Fault(path=path, given=text, wanted="NAME or NAME:key=value,key=value")
        raise InvalidInput([fault], what="the command line")
    settings = [{"name": key.strip(), "value": value.strip()} for key, _, value in pairs]
    return {"algorithmName": name.strip(), **({"algorithmSettings": settings} if settings else {})}


def strays(command: Sequence[str], params: Sequence[str]) -> list[str]:
    """What in a command looks like the place of a parameter that there is not: it reaches the program as it is."""
    names = [text.partition("=")[0] for text in params]
    found = dict.fromkeys(match[1] for word in command for match in _STRAY.finditer(word) if match[1] not in names)
    said = []
    for name in found:
        hint = closest(name, names)
        said.append(
            f"{{{name}}} reaches the command as it is: no --param is named {name}{f' ({hint})' if hint else ''}"
        )
    return said


def _template(names: list[str], words: list[str], image: str, seconds: float | None) -> dict[str, Any]:
    container = {"name": CONTAINER, **({"image": image} if image else {}), "command": words}
    limit = {} if seconds is None else {"activeDeadlineSeconds": math.ceil(seconds)}
    return {
        "primaryContainerName": CONTAINER,
        "trialParameters": [{"name": name, "reference": name} for name in names],
        "trialSpec": {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "spec": {**limit, "template": {"spec": {"containers": [container], "restartPolicy": "Never"}}},
        },
    }


def _parameter(text: str) -> dict[str, Any]:
    name, equals, value = text.partition("=")
    condition: dict[str, Any] = {}
    if found := _CONDITION.search(value):
        other, values = found.groups()
        condition = {"condition": {"parameter": other, "values": _items(text, values)}}
        value = value[: found.start()]
    if not equals or not _NAME.fullmatch(name) or not value:
        wanted = (
            f"a name (letters, digits, `_`, `.`, `-`) and its values: {FORMS}; behind it {CONDITION_FORM} or nothing"
        )
        raise _refused(text, wanted)
    kind, colon, rest = value.partition(":")
    if colon and kind in _RANGES:
        return {"name": name, **_range(text, kind, rest.split(":")), **condition}
    numbers = rest.split(":")
    if colon and "," not in value and len(numbers) > 1 and all(NUMBER.fullmatch(each) for each in numbers):
        raise _refused(text, f"one of {', '.join(_RANGES)} before the bounds", closest(kind, _RANGES))
    return {"name": name, **_choice(_items(text, value)), **condition}


def _range(text: str, kind: str, numbers: list[str]) -> dict[str, Any]:
    parameter_type, distribution = _RANGES[kind]
    steps = ("", ":STEP")[not distribution]
    if len(numbers) not in ((2,) if distribution else (2, 3)):
        raise _refused(text, f"{kind}:LO:HI{steps and f'[{steps}]'}")
    wrong = [each for each in numbers if number(each, parameter_type) is None]
    if wrong:
        raise _refused(text, *number_wanted(wrong[0], parameter_type), given=wrong[0])
    low, high = number(numbers[0]), number(numbers[1])
    if low is not None and high is not None and low > high:
        raise _refused(text, "LO <= HI")
    if low is not None and low <= 0 and distribution:
        raise _refused(text, f"LO > 0 for {kind}")
    space: dict[str, Any] = {"min": numbers[0], "max": numbers[1]}
    if len(numbers) == 3:
        if (number(numbers[2]) or 0) <= 0:
            raise _refused(text, "STEP > 0")
        space["step"] = numbers[2]
    if distribution:
        space["distribution"] = distribution
    return {"parameterType": parameter_type, "feasibleSpace": space}


def _items(text: str, listed: str) -> list[str]:
    items = listed.split(",")
    if "" in items:
        raise _refused(text, "a value between all commas")
    if len(set(items)) < len(items):
        raise _refused(text, "each value once")
    return items


def _choice(items: list[str]) -> dict[str, Any]:
    numeric = all(number(item) is not None for item in items)
    return {"parameterType": "discrete" if numeric else "categorical", "feasibleSpace": {"list": items}}


def _word(word: str, names: Sequence[str]) -> str:
    """A word of the command as a template: placeholders for `{name}`, everything else so that it arrives as it is."""
    if not names:
        return escape(word)
    options = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    placed = re.compile(rf"(\{{)?\{{\{{({options})\}}\}}(?(1)\}})|\{{({options})\}}")
    pieces: list[str] = []
    position = 0
    for found in placed.finditer(word):
        pieces.append(escape(word[position : found.start()]))
        opening, doubled, single = found.groups()
        placeholder = f"${{trialParameters.{doubled or single}}}"
        # {{{x}}} is {x} in braces, {{x}} is a text, {x} is the value.
        pieces.append(f"{{{placeholder}}}" if opening else f"{{{doubled}}}" if doubled else placeholder)
        position = found.end()
    return "".join([*pieces, escape(word[position:])])


def _unused(names: list[str], words: list[str], command: Sequence[str]) -> list[Fault]:
    faults = []
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            faults.append(Fault(path=f"--param {name}", wanted="each parameter once"))
        elif not any(f"${{trialParameters.{name}}}" in word for word in words):
            given = cut(" ".join(command), 200)
            wanted = f"a command that uses it: write {{{name}}} in the argument where its value belongs"
            faults.append(Fault(path=f"--param {name}", given=given, wanted=wanted))
    return faults


def _refused(text: str, wanted: str, hint: str = "", *, given: str = "") -> InvalidInput:
    fault = Fault(path=f"--param {text}", given=given, wanted=wanted, hint=hint)
    return InvalidInput([fault], what="the command line")


class _Dumper(yaml.SafeDumper):
    """Block style, keys in their order, no aliases; quotes around every text that a YAML reader may take for more."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Escapes keep what a reader would take for the end of a line (NEL, LS, PS) or could not see.
    style = '"' if yamltext.would_be_read(text) or not text.isprintable() else None
    return dumper.represent_scalar(yamltext.STR, text, style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(yamltext.Unquoted, lambda dumper, text: _text(dumper, str(text)))


def to_yaml(document: Mapping[str, Any]) -> str:
    """The document as YAML that `load_text`, kubectl and any other YAML 1.1 or 1.2 reader take for the same."""
    return yaml.dump(
        dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=2**20
    )
