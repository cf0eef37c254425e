"""What runs here and would not, or not so, on a cluster; and templates that are likely mistakes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib.errors import Fault
from katib.spec import schema
from katib.spec.defaults import DEFAULT_ALGORITHM, DEFAULT_PARALLEL
from katib.spec.paths import Parts, nearest_line, show
from katib.spec.placeholders import PLACEHOLDER, REFERENCE, texts
from katib.spec.prepare import Prepared
from katib.spec.scripts import script_position
from katib.spec.shape import shown
from katib.spec.yamltext import Unquoted

SPEC_PARTS = ("spec", "trialTemplate", "trialSpec")

_NOT_RE2 = re.compile(r"\(\?(?:=|!|<=|<!|>|\()|\(\?P=|(?<!\\)(?:\\\\)*\\[1-9]|[*+?}]\+")


def cluster_warnings(prepared: Prepared) -> list[Fault]:
    """What a cluster would refuse of a document that is valid here, in the order of its lines."""
    document = prepared.document
    found = [
        *_unquoted(document),
        *_algorithm(document),
        *_objectives(document),
        *_time_and_patience(document),
        *_replicates(document),
        *_width(document),
        *_list_in_distribution(document),
        *_list_items(prepared),
        *_conditions(prepared),
        *_patterns(prepared),
        *_images(prepared),
    ]
    return _placed(found, prepared.lines)


def _placed(faults: list[Fault], lines: Mapping[str, int]) -> list[Fault]:
    placed = [
        Fault(path=each.path, wanted=each.wanted, given=each.given, hint=each.hint, line=nearest_line(each.path, lines))
        for each in faults
    ]
    return sorted(placed, key=lambda fault: fault.line or 0)


def _unquoted(document: Mapping[str, Any]) -> Iterator[Fault]:
    for parts, value in _scalars(document, (), schema.ROOT):
        written = str(value) if isinstance(value, str) else shown(value)
        yield Fault(path=show(parts), given=written, wanted="a text: write it in quotes", hint=f'"{written}"')


def _scalars(value: Any, parts: Parts, place: schema.Place) -> Iterator[tuple[Parts, Any]]:
    """Numbers and truth values where v1beta1 wants texts."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _scalars(item, (*parts, key), schema.step(place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _scalars(item, (*parts, index), schema.step(place, index))
    elif isinstance(value, Unquoted) or (isinstance(value, int | float) and schema.is_text(place, parts)):
        yield parts, value


def _algorithm(document: Mapping[str, Any]) -> Iterator[Fault]:
    if not ((document.get("spec") or {}).get("algorithm") or {}).get("algorithmName"):
        yield Fault(
            path="spec.algorithm.algorithmName",
            wanted=f"an algorithm; here it is `{DEFAULT_ALGORITHM}` when none is given",
        )


def _objectives(document: Mapping[str, Any]) -> Iterator[Fault]:
    if (document.get("spec") or {}).get("objectives"):
        wanted = "`objective`: a list of objectives is an extension, and a cluster's Katib has no such field"
        yield Fault(path="spec.objectives", wanted=wanted)


def _time_and_patience(document: Mapping[str, Any]) -> Iterator[Fault]:
    for name in ("maxSeconds", "maxStaleTrialCount"):
        if (document.get("spec") or {}).get(name) is not None:
            wanted = "a budget of trials: this one is an extension, and a cluster's Katib has no such field"
            yield Fault(path=f"spec.{name}", wanted=wanted)


def _replicates(document: Mapping[str, Any]) -> Iterator[Fault]:
    if (document.get("spec") or {}).get("replicates") not in (None, 1):
        wanted = "one trial of each point: this is an extension, and a cluster's Katib has no such field"
        yield Fault(path="spec.replicates", wanted=wanted)


def _width(document: Mapping[str, Any]) -> Iterator[Fault]:
    spec = document.get("spec") or {}
    most = spec.get("maxTrialCount")
    if spec.get("parallelTrialCount") is None and most is not None and most < DEFAULT_PARALLEL:
        wanted = f"a number up to maxTrialCount, which is {most}; Katib's default of {DEFAULT_PARALLEL} is more"
        yield Fault(path="spec.parallelTrialCount", wanted=wanted)


def _list_in_distribution(document: Mapping[str, Any]) -> Iterator[Fault]:
    for index, parameter in enumerate((document.get("spec") or {}).get("parameters") or ()):
        space = parameter.get("feasibleSpace") or {}
        if isinstance(space.get("distribution"), list):
            path = f"spec.parameters[{index}].feasibleSpace.distribution"
            yield Fault(path=path, given="a list", wanted="the list under `list`")


def _list_items(prepared: Prepared) -> Iterator[Fault]:
    for index, parameter in enumerate(prepared.experiment.spec.parameters):
        for position, item in enumerate(parameter.feasible_space.list_):
            if any(char in '"\\' or ord(char) < 32 for char in item):
                path = f"spec.parameters[{index}].feasibleSpace.list[{position}]"
                wanted = 'a value without `"`, `\\` and line breaks: Katib puts it unescaped into JSON'
                yield Fault(path=path, given=repr(item), wanted=wanted)


def _conditions(prepared: Prepared) -> Iterator[Fault]:
    for index, parameter in enumerate(prepared.experiment.spec.parameters):
        if parameter.condition is not None:
            wanted = "no condition: it is an extension, and a cluster's Katib has no such field"
            yield Fault(path=f"spec.parameters[{index}].condition", wanted=wanted)


def _patterns(prepared: Prepared) -> Iterator[Fault]:
    source = prepared.experiment.spec.metrics_collector_spec.source
    patterns = source.filter.metrics_format if source is not None and source.filter is not None else []
    for index, pattern in enumerate(patterns):
        if _NOT_RE2.search(pattern):
            path = f"spec.metricsCollectorSpec.source.filter.metricsFormat[{index}]"
            wanted = "a pattern without look-around, back-references and possessive repeats, which Go's RE2 lacks"
            yield Fault(path=path, given=pattern, wanted=wanted)


def _images(prepared: Prepared) -> Iterator[Fault]:
    for parts, container in _containers(prepared):
        if not container.get("image"):
            yield Fault(path=show((*parts, "image")), wanted="an image to run the container from")


def likely_mistakes(prepared: Prepared) -> list[Fault]:
    """What is valid and hardly meant: placeholders within a shell script, where a value is program text, so that its
    quotes and `$` mean something; and references that nothing is put in the place of.
    """
    found: list[Fault] = []
    for parts, container in _containers(prepared):
        found += _script(parts, container)
    found += _unreplaced(prepared)
    return _placed(found, prepared.lines)


def _script(parts: Parts, container: Mapping[str, Any]) -> Iterator[Fault]:
    placed = [
        ((*parts, field, index), str(word))
        for field in ("command", "args")
        for index, word in enumerate(container.get(field) or ())
    ]
    position = script_position([word for _where, word in placed])
    if position is None:
        return
    where, script = placed[position]
    for name in dict.fromkeys(PLACEHOLDER.findall(script)):
        variable = re.sub(r"[^A-Z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper())
        value = f"${{trialParameters.{name}}}"
        hint = (
            f'give the container `env: [{{name: {variable}, value: "{value}"}}]` and write "${variable}" in the script'
        )
        wanted = "no placeholder inside a shell script, where the shell would interpret the value"
        yield Fault(path=show(where), given=value, wanted=wanted, hint=hint)


def _unreplaced(prepared: Prepared) -> Iterator[Fault]:
    for parts, text in texts(prepared.experiment.spec.trial_template.trial_spec or {}, SPEC_PARTS):
        for found in REFERENCE.finditer(text):
            if not PLACEHOLDER.fullmatch(found[0]):
                wanted = "a reference that is replaced: this one reaches the trial as it is written"
                hint = "write ${trialParameters.NAME} with a NAME of trialParameters"
                yield Fault(path=show(parts), given=found[0], wanted=wanted, hint=hint)


def _containers(prepared: Prepared) -> Iterator[tuple[Parts, Mapping[str, Any]]]:
    template = prepared.experiment.spec.trial_template
    yield from _find(template.trial_spec or {}, SPEC_PARTS)


def _find(value: Any, parts: Parts) -> Iterator[tuple[Parts, Mapping[str, Any]]]:
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        here = (*parts, key)
        if key in ("containers", "initContainers") and isinstance(item, list):
            yield from (((*here, index), each) for index, each in enumerate(item) if isinstance(each, dict))
        elif isinstance(item, dict | list):
            yield from _find(item, here)
