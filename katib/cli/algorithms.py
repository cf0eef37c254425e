"""`katib algorithms [NAME]`."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

from katib.cli.render import print_json, say, table
from katib.errors import AlgorithmUnknown, SuggestionError


class Form(StrEnum):
    """How the answer is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def algorithms(
    name: Annotated[str, typer.Argument(help="One of them; all by default.", show_default=False)] = "",
    output: Annotated[Form, typer.Option("--output", "-o", help="How to print the answer.")] = Form.TABLE,
) -> None:
    """List the algorithms that are installed, or show one: its settings with their defaults, and its abilities.

    Example: katib algorithms tpe --output yaml
    """
    from katib.suggestion.registry import Registry

    registry = Registry()
    if name:
        from katib.suggestion.describe import describe, description_view

        view = description_view(describe(registry, name))
        _print(view, output, _details(view))
        return
    views = [_view(registry, each) for each in registry.names]
    _print(views, output, _listed(views))


def _print(data: Any, output: Form, lines: Iterator[str]) -> None:
    if output is Form.JSON:
        print_json(data)
    elif output is Form.YAML:
        import yaml

        say(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120).rstrip())
    else:
        say("\n".join(lines))


def _view(registry: Any, name: str) -> dict[str, Any]:
    """What an algorithm declares; of one that cannot be loaded, why."""
    from katib.suggestion.describe import describe, description_view

    try:
        return description_view(describe(registry, name))
    except (AlgorithmUnknown, SuggestionError) as error:
        return {"name": name, "error": str(error)}


def _listed(views: list[dict[str, Any]]) -> Iterator[str]:
    rows = [
        {
            "name": view["name"],
            "learns": "" if "error" in view else "no" if view["abilities"]["oblivious"] else "yes",
            "what": view.get("error") or view["summary"] + _needs(view),
        }
        for view in views
    ]
    yield from table(rows, ["name", "learns", "what"])


def _details(view: dict[str, Any]) -> Iterator[str]:
    from katib.suggestion.describe import abilities_in_words

    yield f"{view['name']}{_needs(view)}"
    yield ""
    yield view["about"]
    if view["paper"]:
        yield f"\nSource: {view['paper']}"
    yield "\nSettings:" if view["settings"] else "\nIt takes no settings."
    for setting in view["settings"]:
        default = f", default {setting['default']}" if setting["default"] else ""
        yield f"  {setting['name']} ({setting['accepts']}{default})\n      {setting['what']}"
    yield "\nAbilities:"
    words = abilities_in_words()
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
