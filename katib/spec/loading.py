"""Experiment files -> documents that remember their lines; `--set path=value`."""

import copy
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from katib.errors import Fault, InvalidInput, cut
from katib.spec import schema, yamltext
from katib.spec.experiment import API_VERSION, KIND
from katib.spec.paths import Parts, parse, show

SIZE_LIMIT = 2**20
"""Bytes: the API server takes about as much (etcd holds 1.5 MiB)."""


class Loaded(dict[str, Any]):
    """A document, and where it came from.

    Attributes:
        lines: path -> 1-based line, for what stands in the file.
        source: the file's name.
        faults: what stands in the file and could not be taken; `prepare` tells them with all others.
    """

    def __init__(
        self, data: Mapping[str, Any], *, lines: Mapping[str, int], source: str, faults: Iterable[Fault] = ()
    ) -> None:
        super().__init__(data)
        self.lines = dict(lines)
        self.source = source
        self.faults = tuple(faults)

    @property
    def document(self) -> dict[str, Any]:
        """The bare document."""
        return dict(self)


def load_file(path: str | Path) -> Loaded:
    """Read an Experiment file, YAML or JSON; `-` is standard input. Raises InvalidInput when there is none in it."""
    if str(path) == "-":
        return load_text(_decoded(sys.stdin.buffer.read(SIZE_LIMIT + 1), "standard input"), source="standard input")
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        wanted = f"a file that can be read ({error.strerror or error})"
        raise InvalidInput([Fault(path="FILE", given=str(path), wanted=wanted)], what=str(path)) from error
    return load_text(_decoded(content, str(path)), source=str(path))


def load_text(text: str, *, source: str) -> Loaded:
    """Read an Experiment document, YAML or JSON.

    Raises:
        InvalidInput: it is not one YAML or JSON mapping of kind Experiment, or it is longer than 1 MiB. Whether the
            Experiment itself is valid is for `prepare` to say.
    """
    if len(text) > SIZE_LIMIT or len(text.encode(errors="surrogatepass")) > SIZE_LIMIT:
        raise _refused(source, wanted="at most 1 MiB", given=f"{len(text)} characters")
    data, lines, faults = yamltext.read(text.removeprefix("\ufeff"), source=source)
    if data is None:
        raise _refused(source, wanted="an Experiment", given="nothing: the file is empty")
    if not isinstance(data, dict):
        raise _refused(source, wanted="a mapping that begins with `apiVersion:` and `kind:`", given=cut(str(data), 60))
    if others := kind_faults(data, lines):
        raise InvalidInput([*others, *faults], what=source)
    return Loaded(data, lines=lines, source=source, faults=faults)


def kind_faults(document: Mapping[str, Any], lines: Mapping[str, int]) -> list[Fault]:
    """Faults when the document says that it is something else; one that says nothing may be an Experiment."""
    wanted = {"apiVersion": API_VERSION, "kind": KIND}
    return [
        Fault(
            path=key, given=cut(str(document[key]), 80), wanted=f"`{value}`", hint=_kind_hint(key), line=lines.get(key)
        )
        for key, value in wanted.items()
        if document.get(key) not in (None, "", value)
    ]


def _kind_hint(key: str) -> str:
    return "an Experiment holds the object to run under spec.trialTemplate.trialSpec" if key == "kind" else ""


def apply_sets(document: Mapping[str, Any], sets: Iterable[str]) -> Loaded:
    """A copy of `document` with every `path=value` applied, in order.

    A value is read as YAML. `[0]` or `.0` is a position in a list, `[name]` the item with that name. Mappings on the
    way are made as needed; the position after the last item of a list adds one. Raises InvalidInput naming every
    setting that could not be applied.
    """
    changed = Loaded(
        copy.deepcopy(dict(document)),
        lines=getattr(document, "lines", {}),
        source=getattr(document, "source", "--set"),
        faults=getattr(document, "faults", ()),
    )
    faults: list[Fault] = []
    for text in sets:
        try:
            _apply(changed, text)
        except InvalidInput as error:
            faults.extend(error.faults)
    if faults:
        raise InvalidInput(faults, what="--set")
    return changed


def _apply(document: Loaded, text: str) -> None:
    path, equals, written = text.partition("=")
    try:
        parts = parse(path.strip())
    except ValueError:
        parts = ()
    if not equals or not parts:
        raise _refused("--set", wanted="PATH=VALUE, as in spec.maxTrialCount=20", given=text)
    around: Any = document
    for depth, part in enumerate(parts):
        key = _key(around, part, parts[: depth + 1])
        parts = (*parts[:depth], key, *parts[depth + 1 :])
        if depth == len(parts) - 1:
            _put(around, key, _value(written, parts))
            break
        if isinstance(around, dict) and around.get(key) is None:
            around[key] = [] if isinstance(parts[depth + 1], int) else {}
        elif isinstance(around, list) and key == len(around):
            around.append([] if isinstance(parts[depth + 1], int) else {})
        around = around[key]
    document.lines = {known: line for known, line in document.lines.items() if not known.startswith(show(parts))}


def _put(around: Any, key: str | int, value: Any) -> None:
    if isinstance(around, list) and key == len(around):
        around.append(value)
    else:
        around[key] = value


def _value(written: str, parts: Parts) -> Any:
    value, _lines, faults = yamltext.read(written, source="--set", at=parts)
    if faults:
        raise InvalidInput(faults, what="--set")
    # What is set on the command line stands in no file, so there are no quotes to ask for.
    return str(value) if isinstance(value, yamltext.Unquoted) else value


def _key(around: Any, part: str | int, so_far: Parts) -> str | int:
    path = show(so_far)
    if isinstance(around, list):
        if isinstance(part, str):
            names = [item.get("name") if isinstance(item, dict) else None for item in around]
            if part in names:
                return names.index(part)
            known = [str(name) for name in names if name is not None]
            hint = schema.closest(part, known) or f"there are: {', '.join(known) or 'none with a name'}"
            raise _refused("--set", path=path, wanted="an item of the list", given=part, hint=hint)
        if part <= len(around):
            return part
        raise _refused(
            "--set",
            path=path,
            wanted="an item of the list",
            given=str(part),
            hint=f"it has {len(around)}; [{len(around)}] adds one",
        )
    if not isinstance(around, dict) or isinstance(part, int):
        raise _refused("--set", path=path, wanted="a path into mappings and lists", given=cut(str(around), 60))
    known_fields = schema.fields_of(schema.place_at(so_far[:-1]))
    if known_fields and part not in known_fields:
        hint = schema.closest(part, known_fields)
        raise _refused("--set", path=path, wanted="a field of the Experiment", given=part, hint=hint)
    return part


def _decoded(content: bytes, source: str) -> str:
    if len(content) > SIZE_LIMIT:
        raise _refused(source, wanted="at most 1 MiB", given="more")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        given = f"byte 0x{content[error.start]:02x} at offset {error.start}"
        raise _refused(source, wanted="text in UTF-8", given=given) from error


def _refused(source: str, *, wanted: str, given: str, path: str = "document", hint: str = "") -> InvalidInput:
    return InvalidInput([Fault(path=path, wanted=wanted, given=given, hint=hint)], what=source)
