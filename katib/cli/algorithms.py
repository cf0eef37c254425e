"""`katib algorithms [NAME]`."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

from katib.cli.render import print_json, say, table
from katib.core.advice import Kind
from katib.errors import AlgorithmUnknown, SuggestionError


class Form(StrEnum):
    """How the answer is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def algorithms(
    name: Annotated[str, typer.Argument(help="One of them; all by default.", show_default=False)] = "",
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="Those of one kind; both by default.", show_default=False)
    ] = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="How to print the answer.")] = Form.TABLE,
) -> None:
    """List the algorithms that are installed, for searching and for early stopping, or show one: its settings with
    their defaults, and its abilities. A name that both kinds have shows both.

    \b
    Examples:
      katib algorithms tpe --output yaml
      katib algorithms asha --kind early-stopping
    """  # noqa: D301 - the formatter of help wants the very character
    from katib.suggestion.catalogue import REGISTRIES, find
    from katib.suggestion.describe import description_view

    kinds = tuple(Kind) if kind is None else (kind,)
    if name:
        views = [description_view(each) for each in find(name, kinds)]
        _print(views if len(views) > 1 else views[0], output, _all_details(views))
        return
    registries = {each: REGISTRIES[each]() for each in kinds}
    views = [_view(registries[each], name, each) for each in kinds for name in registries[each].names]
    _print(views, output, _listed(views))


_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")
"""A link as the pages of docs/ have it; a terminal shows its text."""


def _print(data: Any, output: Form, lines: Iterator[str]) -> None:
    if output is Form.JSON:
        print_json(data)
    elif output is Form.YAML:
        import yaml

        say(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120).rstrip())
    else:
        say("\n".join(lines))


def _view(registry: Any, name: str, kind: Kind) -> dict[str, Any]:
    """What an algorithm declares; of one that cannot be loaded, why."""
    from katib.suggestion.describe import describe, description_view

    try:
        return description_view(describe(registry, name))
    except (AlgorithmUnknown, SuggestionError) as error:
        return {"name": name, "kind": kind.value, "error": str(error)}


def _listed(views: list[dict[str, Any]]) -> Iterator[str]:
    rows = [
        {
            "name": view["name"],
            "for": view["kind"],
            "learns": "" if "error" in view else "no" if view["abilities"]["oblivious"] else "yes",
            "what": view.get("error") or view["summary"] + _needs(view),
        }
        for view in views
    ]
    yield from table(rows, ["name", "for", "learns", "what"])


def _all_details(views: list[dict[str, Any]]) -> Iterator[str]:
    for number, view in enumerate(views):
        if number:
            yield "\n"
        yield from _details(view)


def _details(view: dict[str, Any]) -> Iterator[str]:
    from katib.suggestion.catalogue import ABILITIES
    from katib.suggestion.describe import abilities_in_words

    yield f"{view['name']}, for {view['kind']}{_needs(view)}"
    yield ""
    yield _LINK.sub(r"\1", view["about"])
    if view["paper"]:
        yield f"\nSource: {view['paper']}"
    yield "\nSettings:" if view["settings"] else "\nIt takes no settings."
    for setting in view["settings"]:
        default = f", default {setting['default']}" if setting["default"] else ""
        yield f"  {setting['name']} ({setting['accepts']}{default})\n      {setting['what']}"
    yield "\nAbilities:"
    words = abilities_in_words(ABILITIES[Kind(view["kind"])])
    for ability, value in view["abilities"].items():
        if value:
            yield f"  {ability}{'' if value is True else f' {value}'}: {words[ability]}"
    if view["trials"]:
        yield "\nWhat a trial tells it:"
        for kind, meaning in view["trials"].items():
            yield f"  {kind}:\n      {meaning}"


def _needs(view: dict[str, Any]) -> str:
    if not view["missing"]:
        return ""
    return f" (not usable yet: pip install '{view['install'] or ' '.join(view['missing'])}')"
