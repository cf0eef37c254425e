"""Trial templates -> the object of one trial.

A value goes into the text that its placeholder stands in and never leaves it: quotes, newlines and braces in a value
are just characters. All placeholders are replaced in one pass, so a value that looks like one is left alone. Where the
kubelet will expand a text, every `$` of a value is doubled, so that the process sees the value as it is.

A parameter with a condition may have no value. Then each item of a command or args that has its placeholder is left
out, and with it a bare flag (`--momentum`) that stands right before it in the same list.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from katib.core.space import Value, as_text
from katib.errors import Fault, InvalidInput
from katib.spec.experiment import Experiment
from katib.spec.kubelet import escape
from katib.spec.paths import Parts
from katib.spec.placeholders import META_KEYS, meta_key, meta_value
from katib.spec.schema import is_container_text, is_container_word

_FLAG = re.compile(r"--?[A-Za-z][^=]*")
"""An item that names an option whose value is the next item: no `=`, and neither `-`, `--` nor a negative number."""

_ENDS_IN_ONE_DOLLAR = re.compile(r"(?<!\$)(?:\$\$)*\$\Z")


@dataclass(frozen=True, slots=True)
class _Text:
    """A text with placeholders, cut up: literal, name, literal, name, …, literal."""

    pieces: tuple[str, ...]
    names: tuple[str, ...]
    expanded: bool

    def fill(self, values: "_Values") -> str:
        table = values.escaped if self.expanded else values.plain
        pieces = list(self.pieces)
        pieces[1::2] = [table[name] for name in self.names]
        return "".join(pieces)


@dataclass(frozen=True, slots=True)
class _Values:
    """Placeholder name -> its value's text; and the same for texts that the kubelet expands; names without a value."""

    plain: Mapping[str, str]
    escaped: Mapping[str, str]
    inactive: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Words:
    """A command or args with placeholders in it."""

    items: tuple[Any, ...]

    def fill(self, values: _Values) -> list[Any]:
        words: list[Any] = []
        before: Any = None
        for item in self.items:
            if type(item) is _Text and not values.inactive.isdisjoint(item.names):
                if type(before) is str and _FLAG.fullmatch(before):
                    words.pop()
            else:
                words.append(_fill(item, values))
            before = item
        return words


@dataclass(frozen=True, kw_only=True)
class Template:
    """A trial template, compiled.

    Attributes:
        body: the trialSpec with a _Text in place of every text that has placeholders, and a _Words of such a command.
        references: trialParameter name -> the search parameter it stands for.
        conditional: the search parameters that an assignment may lack.
        meta: trialParameter name -> the key of the trial's own metadata it stands for.
        source: the trialSpec itself.
        config_map: where the template is instead, for messages; empty when it is inline.
    """

    body: Any
    references: Mapping[str, str]
    conditional: frozenset[str]
    meta: Mapping[str, str]
    source: Mapping[str, Any]
    config_map: str = ""

    @classmethod
    def of(cls, experiment: Experiment) -> "Template":
        """Compile the experiment's template; a valid experiment always has one."""
        template = experiment.spec.trial_template
        source = template.trial_spec or {}
        keys = {parameter.name: meta_key(parameter.reference) for parameter in template.trial_parameters}
        names = sorted(map(re.escape, keys))
        placeholder = re.compile(rf"\$\{{trialParameters\.({'|'.join(names)})\}}") if names else None
        place = template.config_map
        return cls(
            body=_compile(source, (), placeholder),
            references={each.name: each.reference for each in template.trial_parameters if keys[each.name] is None},
            conditional=frozenset(each.name for each in experiment.spec.parameters if each.condition is not None),
            meta={name: key for name, key in keys.items() if key is not None},
            source=source,
            config_map=f"{place.config_map_namespace}/{place.config_map_name}" if place is not None else "",
        )

    def render(self, *, name: str, namespace: str, assignment: Mapping[str, Value]) -> dict[str, Any]:
        """The object of trial `name`, as plain data of its own.

        Raises InvalidInput when the template is in a ConfigMap, or the assignment lacks a parameter it needs.
        """
        if self.config_map:
            raise _refused("configMap", given=self.config_map, wanted="a trialSpec: a ConfigMap needs a cluster")
        inactive = {name for name, reference in self.references.items() if self._is_inactive(reference, assignment)}
        plain = {
            placeholder: _value(assignment, reference)
            for placeholder, reference in self.references.items()
            if placeholder not in inactive
        }
        for placeholder, key in self.meta.items():
            value = meta_value(key, self.source, name=name, namespace=namespace)
            if value is None:
                wanted = f"one of {', '.join(META_KEYS)}, where the trialSpec has the KEY"
                raise _refused("trialParameters", given=f"${{trialSpec.{key}}}", wanted=wanted)
            plain[placeholder] = value
        escaped = {placeholder: escape(value) for placeholder, value in plain.items()}
        manifest: dict[str, Any] = _fill(self.body, _Values(plain, escaped, frozenset(inactive)))
        manifest["metadata"] = {**(manifest.get("metadata") or {}), "name": name, "namespace": namespace}
        return manifest

    def _is_inactive(self, reference: str, assignment: Mapping[str, Value]) -> bool:
        return reference in self.conditional and reference not in assignment


def _value(assignment: Mapping[str, Value], reference: str) -> str:
    if reference not in assignment:
        given = f"values for {', '.join(assignment) or 'nothing'}"
        raise _refused("trialParameters", given=given, wanted=f"a value for {reference}")
    return as_text(assignment[reference])


def _compile(value: Any, parts: Parts, placeholder: re.Pattern[str] | None) -> Any:
    if isinstance(value, dict):
        return {
            _text(key, placeholder, expanded=False): _compile(item, (*parts, key), placeholder)
            for key, item in value.items()
        }
    if isinstance(value, list):
        items = [_compile(item, (*parts, index), placeholder) for index, item in enumerate(value)]
        words = is_container_word((*parts, 0)) and any(type(item) is _Text for item in items)
        return _Words(tuple(items)) if words else items
    return _text(value, placeholder, expanded=is_container_text(parts)) if isinstance(value, str) else value


def _text(text: str, placeholder: re.Pattern[str] | None, *, expanded: bool) -> str | _Text:
    pieces = placeholder.split(text) if placeholder is not None else [text]
    if len(pieces) == 1:
        return text
    if expanded:
        # An odd `$` before a value is a plain one, but would pair up with what the value begins with.
        pieces[:-1:2] = [f"{each}$" if _ENDS_IN_ONE_DOLLAR.search(each) else each for each in pieces[:-1:2]]
    return _Text(tuple(pieces), tuple(pieces[1::2]), expanded)


def _fill(node: Any, values: _Values) -> Any:
    kind = type(node)
    if kind is dict:
        return {(key if type(key) is str else key.fill(values)): _fill(item, values) for key, item in node.items()}
    if kind is list:
        return [_fill(item, values) for item in node]
    return node.fill(values) if kind is _Text or kind is _Words else node


def _refused(field: str, *, given: str, wanted: str) -> InvalidInput:
    path = f"spec.trialTemplate.{field}"
    return InvalidInput([Fault(path=path, given=given, wanted=wanted)], what="the trial template")
