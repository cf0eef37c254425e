"""Parameters that are active only for some values of another one, and where a template may use them."""

from collections.abc import Iterator

from katib.errors import Fault
from katib.spec.experiment import Experiment, ParameterCondition, ParameterSpec
from katib.spec.paths import Parts, show
from katib.spec.placeholders import PLACEHOLDER, texts
from katib.spec.rules.parameters import number
from katib.spec.rules.table import Cluster, Rule
from katib.spec.schema import closest, is_container_word
from katib.spec.scripts import script_position

SPEC_PARTS: Parts = ("spec", "trialTemplate", "trialSpec")

Placed = Iterator[tuple[str, ParameterSpec, ParameterCondition]]


def _placed(experiment: Experiment) -> Placed:
    for index, parameter in enumerate(experiment.spec.parameters):
        if parameter.condition is not None:
            yield f"spec.parameters[{index}].condition", parameter, parameter.condition


def _by_name(experiment: Experiment) -> dict[str, ParameterSpec]:
    return {parameter.name: parameter for parameter in experiment.spec.parameters if parameter.name}


def _parent(experiment: Experiment) -> Iterator[Fault]:
    known = _by_name(experiment)
    for path, parameter, condition in _placed(experiment):
        others = [name for name in known if name != parameter.name]
        at, given = f"{path}.parameter", condition.parameter
        if not given:
            yield Fault(path=at, wanted="the name of the parameter that this one depends on")
        elif given == parameter.name:
            yield Fault(path=at, given=given, wanted="another parameter: this is the parameter itself")
        elif given not in known:
            hint = closest(given, others) or f"there are: {', '.join(others) or 'no others'}"
            yield Fault(path=at, given=given, wanted="a name of spec.parameters", hint=hint)
        elif known[given].parameter_type == "double":
            wanted = "a parameter of type categorical, discrete or int: a double hardly ever has exactly some value"
            yield Fault(path=at, given=given, wanted=wanted)


def _circle(experiment: Experiment) -> Iterator[Fault]:
    parents = {parameter.name: condition.parameter for _path, parameter, condition in _placed(experiment)}
    for path, parameter, condition in _placed(experiment):
        chain = [parameter.name]
        while (parent := parents.get(chain[-1])) is not None and parent not in chain:
            chain.append(parent)
        if parent == parameter.name and len(chain) > 1:
            wanted = f"no circle: {' depends on '.join([*chain, parent])}"
            yield Fault(path=f"{path}.parameter", given=condition.parameter, wanted=wanted)


def _values(experiment: Experiment) -> Iterator[Fault]:
    known = _by_name(experiment)
    for path, parameter, condition in _placed(experiment):
        if not condition.values:
            wanted = f"at least one value of {condition.parameter or 'the other parameter'}"
            yield Fault(path=f"{path}.values", wanted=wanted)
        parent = known.get(condition.parameter)
        for index, value in enumerate(condition.values):
            at = f"{path}.values[{index}]"
            if value in condition.values[:index]:
                yield Fault(path=at, given=repr(value), wanted="each value once")
            elif parent is not None and parent.name != parameter.name and not _possible(parent, value):
                wanted, hint = _wanted(parent), closest(value, parent.feasible_space.list_)
                yield Fault(path=at, given=repr(value), wanted=wanted, hint=hint)


def _possible(parent: ParameterSpec, value: str) -> bool:
    """Whether the parent may have the value, as far as its own space is right."""
    space = parent.feasible_space
    if parent.parameter_type in ("discrete", "categorical"):
        return value in space.list_ or not space.list_
    if parent.parameter_type != "int":
        return True
    low, high, step = (number(text, "int") for text in (space.min, space.max, space.step or "1"))
    if low is None or high is None or step is None or step <= 0:
        return True
    given = number(value, "int")
    return given is not None and low <= given <= high and (given - low) % step == 0


def _wanted(parent: ParameterSpec) -> str:
    space = parent.feasible_space
    if parent.parameter_type == "int":
        step = f" in steps of {space.step}" if space.step else ""
        return f"a value that {parent.name} can have: a whole number from {space.min} to {space.max}{step}"
    return f"a value that {parent.name} can have: one of {', '.join(space.list_)}"


def _use(experiment: Experiment) -> Iterator[Fault]:
    template = experiment.spec.trial_template
    dependent = {parameter.name for _path, parameter, _condition in _placed(experiment)}
    names = {each.name for each in template.trial_parameters if each.reference in dependent}
    if not names or template.trial_spec is None:
        return
    scripts = _scripts(template.trial_spec)
    for parts, text in texts(template.trial_spec, SPEC_PARTS):
        found = [name for name in dict.fromkeys(PLACEHOLDER.findall(text)) if name in names]
        wanted, hint = _refusal(parts, scripts)
        if wanted:
            for name in found:
                yield Fault(path=show(parts), given=f"${{trialParameters.{name}}}", wanted=wanted, hint=hint)


def _refusal(parts: Parts, scripts: set[Parts]) -> tuple[str, str]:
    """What is wanted in place of a conditional parameter at a path, and how to get there; empty where it may stand."""
    if not is_container_word(parts):
        wanted = "no parameter with a condition outside of command and args: only their items can be left out"
        return wanted, "pass it as an item of args, such as `--name=${trialParameters.name}`"
    if parts in scripts:
        wanted = "no parameter with a condition inside a shell script, from which it cannot be left out"
        return wanted, 'write "$@" in the script, and give the parameter in items after it: [sh, -c, SCRIPT, sh, ITEM]'
    if parts[-2:] == ("command", 0):
        return "a program that does not depend on a condition", "give the parameter as an argument of the program"
    return "", ""


def _scripts(trial_spec: dict[str, object]) -> set[Parts]:
    """Where the shell scripts of a template are: what follows `sh -c` in the command and args of a container."""
    words: dict[Parts, dict[Parts, str]] = {}
    for parts, text in texts(trial_spec, SPEC_PARTS):
        if is_container_word(parts):
            words.setdefault(parts[:-2], {})[parts] = text
    found: set[Parts] = set()
    for placed in words.values():
        in_order = sorted(placed, key=lambda parts: (parts[-2] != "command", parts[-1]))
        position = script_position([placed[parts] for parts in in_order])
        if position is not None:
            found.add(in_order[position])
    return found


RULES = (
    Rule(
        id="condition-parent",
        refuses="a condition on no parameter, an unknown one, the parameter itself, or one of type double",
        check=_parent,
        cluster=Cluster.OPERATOR,
    ),
    Rule(
        id="condition-circle",
        refuses="conditions that go round in a circle",
        check=_circle,
        cluster=Cluster.OPERATOR,
    ),
    Rule(
        id="condition-values",
        refuses="a condition without values, with one given twice, or with one that the other parameter cannot have",
        check=_values,
        cluster=Cluster.OPERATOR,
    ),
    Rule(
        id="condition-use",
        refuses="a parameter with a condition anywhere in the trialSpec but in an item of a container's command or "
        "args; also as the program itself, and in a shell script after `sh -c`",
        check=_use,
        cluster=Cluster.OPERATOR,
    ),
)
