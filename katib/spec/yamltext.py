"""YAML or JSON text -> plain data and the line of every path.

Scalars are read as the API server's YAML reader reads them (`1e-4` is a number, `yes` a truth value, a date is text),
except where v1beta1 wants a string: there an unquoted scalar keeps its text, marked as `Unquoted`.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import yaml

from katib.errors import Fault, InvalidInput, cut
from katib.spec import schema
from katib.spec.paths import Parts, show

NODE_LIMIT = 50_000
"""Values in a document, aliases expanded; an Experiment has a few hundred."""

DEPTH_LIMIT = 200
"""Mappings and lists within each other; a Job has about 15."""

_INT = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0o[0-7_]+|0[0-7_]*|[1-9][0-9_]*)\Z")
_FLOAT = re.compile(
    r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)
_BOOL = re.compile(r"(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)\Z")
_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")

INT, FLOAT, BOOL, NULL, STR, MERGE = (
    f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null", "str", "merge")
)


class Unquoted(str):
    """A text that was written without quotes although YAML reads it as a number or a truth value."""

    __slots__ = ()


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C parser where it was built
    yaml_implicit_resolvers: ClassVar[dict[str | None, list[tuple[str, re.Pattern[str]]]]] = {}


_Loader.add_implicit_resolver(MERGE, re.compile(r"<<\Z"), ["<"])
_Loader.add_implicit_resolver(NULL, _NULL, ["~", "n", "N", ""])
_Loader.add_implicit_resolver(BOOL, _BOOL, list("yYnNtTfFoO"))
_Loader.add_implicit_resolver(INT, _INT, list("-+0123456789"))
_Loader.add_implicit_resolver(FLOAT, _FLOAT, list("-+0123456789."))


def would_be_read(text: str) -> bool:
    """Whether YAML reads this text, unquoted, as something other than a string."""
    return any(pattern.match(text) for pattern in (_NULL, _BOOL, _INT, _FLOAT))


class Read(NamedTuple):
    """What a text says.

    Attributes:
        data: plain data; what cannot be taken as it stands (a second value of a key, say) is left out.
        lines: the line of each path.
        faults: what was left out, and why.
    """

    data: Any
    lines: dict[str, int]
    faults: list[Fault]


def read(text: str, *, source: str, at: Parts = ()) -> Read:
    """What the text says. `at`: the path that it will stand at. Raises InvalidInput when it is not YAML or JSON."""
    builder = _Builder(source)
    try:
        place = schema.place_at(at)
        data = builder.build(_node(text, source), at, Any if place is None else place)
    except yaml.YAMLError as error:
        raise InvalidInput([_syntax_fault(error, text)], what=source) from error
    except RecursionError as error:
        raise InvalidInput([Fault(path="document", wanted="less deeply nested data")], what=source) from error
    return Read(data, builder.lines, builder.faults)


def _node(text: str, source: str) -> yaml.Node | None:
    if text.lstrip()[:1] == "{":
        # JSON that YAML reads otherwise: tabs between tokens, and characters written as two \\u escapes.
        try:
            return _json_node(
                json.loads(text, parse_int=_JsonInt, parse_float=_JsonFloat, object_pairs_hook=_JsonPairs)
            )
        except ValueError:
            pass
    _refuse_depth(text, source)
    loader = _Loader(text)
    try:
        nodes = list(_documents(loader))
    finally:
        loader.dispose()
    if len(nodes) > 1:
        line = nodes[1].start_mark.line + 1
        fault = Fault(path="document", wanted="one document per file", given=f"{len(nodes)} documents", line=line)
        raise InvalidInput([fault], what=source, hint="split the file at its `---` lines")
    return nodes[0] if nodes else None


def _refuse_depth(text: str, source: str) -> None:
    # The C parser composes nodes by recursion without a guard of its own; its events come without recursion.
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH_LIMIT:
            line = event.start_mark.line + 1 if event.start_mark else None
            wanted = f"mappings and lists at most {DEPTH_LIMIT} deep"
            raise InvalidInput([Fault(path="document", wanted=wanted, line=line)], what=source)


def _documents(loader: Any) -> Iterator[yaml.Node]:
    while loader.check_node():
        node = loader.get_node()
        if node.tag != NULL:
            yield node


class _JsonInt(str):
    tag = INT


class _JsonFloat(str):
    tag = FLOAT


class _JsonPairs(list[tuple[str, Any]]):
    pass


def _json_node(value: Any) -> yaml.Node:
    if isinstance(value, _JsonPairs):
        return yaml.MappingNode("", [(yaml.ScalarNode(STR, key), _json_node(item)) for key, item in value])
    if isinstance(value, list):
        return yaml.SequenceNode("", [_json_node(item) for item in value])
    if isinstance(value, str):
        return yaml.ScalarNode(getattr(value, "tag", STR), str(value))
    if isinstance(value, float):  # NaN or Infinity: the parser's own constants, which JSON does not have
        return yaml.ScalarNode(FLOAT, ".nan")
    return yaml.ScalarNode(NULL if value is None else BOOL, json.dumps(value))


class _Builder:
    """Turns YAML nodes into data, noting lines and every fault."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines: dict[str, int] = {}
        self.faults: list[Fault] = []
        self._count = 0
        self._open: set[int] = set()

    def build(self, node: yaml.Node | None, parts: Parts, place: schema.Place) -> Any:
        if node is None:
            return None
        self._count += 1
        if self._count > NODE_LIMIT or id(node) in self._open:
            wanted = "a value that does not contain itself"
            if self._count > NODE_LIMIT:
                wanted = f"at most {NODE_LIMIT} values, aliases expanded"
            raise InvalidInput([Fault(path=show(parts) or "document", wanted=wanted)], what=self.source)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, parts, place)
        self._open.add(id(node))
        try:
            return (
                self._mapping(node, parts, place)
                if isinstance(node, yaml.MappingNode)
                else self._list(node, parts, place)
            )
        finally:
            self._open.discard(id(node))

    def _list(self, node: yaml.Node, parts: Parts, place: schema.Place) -> list[Any]:
        values = []
        for index, item in enumerate(node.value):
            self._note(item, (*parts, index))
            values.append(self.build(item, (*parts, index), schema.step(place, index)))
        return values

    def _mapping(self, node: yaml.MappingNode, parts: Parts, place: schema.Place) -> dict[str, Any]:
        merges = [value for key, value in node.value if key.tag == MERGE]
        data: dict[str, Any] = {}
        for value_node in reversed(merges):
            data |= self._merged(value_node, parts, place)
        own: set[str] = set()
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(key_node, parts, wanted="a plain word as key", given="a list or mapping")
                continue
            key = str(key_node.value)
            here = (*parts, key)
            if key in own:
                self._fault(key_node, here, wanted="each key once", given=f"{key} a second time")
                continue
            own.add(key)
            self._note(key_node, here)
            data[key] = self.build(value_node, here, schema.step(place, key))
        return data

    def _merged(self, node: yaml.Node, parts: Parts, place: schema.Place) -> dict[str, Any]:
        layers = node.value if isinstance(node, yaml.SequenceNode) else [node]
        data: dict[str, Any] = {}
        for layer in reversed(layers):
            if isinstance(layer, yaml.MappingNode):
                data |= self.build(layer, parts, place)
            else:
                self._fault(layer, parts, wanted="a mapping to merge with `<<`", given=cut(str(layer.value), 60))
        return data

    def _scalar(self, node: yaml.ScalarNode, parts: Parts, place: schema.Place) -> Any:
        text = str(node.value)
        if node.tag == STR:
            return text
        if node.tag == NULL:
            return None
        if node.tag not in (INT, FLOAT, BOOL):
            self._fault(node, parts, wanted="data without YAML tags", given=node.tag)
            return None
        if schema.is_text(place, parts):
            return Unquoted(text)
        if node.tag == BOOL:
            return text.lower() in ("y", "yes", "true", "on")
        return self._number(node, parts, text)

    def _number(self, node: yaml.ScalarNode, parts: Parts, text: str) -> int | float | None:
        digits = text.replace("_", "")
        if node.tag == INT and len(digits) <= 400:
            octal = re.fullmatch(r"([-+]?)0([0-7]+)", digits)
            return int(f"{octal[1]}0o{octal[2]}" if octal else digits, 0)
        number = float(re.sub(r"(?i)\.(inf|nan)", r"\1", digits)) if node.tag == FLOAT else math.inf
        if math.isfinite(number):
            return number
        self._fault(node, parts, wanted="a number that JSON has", given=cut(text, 60))
        return None

    def _note(self, node: yaml.Node, parts: Parts) -> None:
        if node.start_mark is not None:
            self.lines[show(parts)] = node.start_mark.line + 1

    def _fault(self, node: yaml.Node, parts: Parts, *, wanted: str, given: str) -> None:
        line = node.start_mark.line + 1 if node.start_mark is not None else None
        self.faults.append(Fault(path=show(parts) or "document", wanted=wanted, given=given, line=line))


def _syntax_fault(error: yaml.YAMLError, text: str) -> Fault:
    mark = getattr(error, "problem_mark", None)
    said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    line = mark.line + 1 if mark is not None else None
    lines = text.splitlines()
    given = lines[mark.line].strip() if mark is not None and mark.line < len(lines) else ""
    tab = mark is not None and mark.line < len(lines) and re.match(r"\s*\t", lines[mark.line])
    hint = "YAML takes no tabs for indentation: use spaces" if tab else said
    return Fault(path="document", wanted="YAML or JSON that can be read", given=cut(given, 120), hint=hint, line=line)
