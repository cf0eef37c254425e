"""What algorithms declare about themselves, for people."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from katib.core.advice import Abilities, Description, Setting
from katib.core.stopping import StoppingAbilities
from katib.suggestion.registry import Registry, missing_modules


def describe(registry: Registry, name: str) -> Description:
    """What algorithm `name` declares. One that declares no `about` is described by the docstring of its class.

    Raises AlgorithmUnknown, and SuggestionError when it cannot be loaded.
    """
    found = registry.find(name)
    about = getattr(found, "about", "") or inspect.getdoc(found) or ""
    return Description(
        name=name,
        about=about,
        paper=" ".join(getattr(found, "paper", "").split()),
        abilities=found.abilities,
        settings=tuple(plain(setting) for setting in found.settings),
        trials={str(kind): meaning for kind, meaning in getattr(found, "trials", {}).items()},
        install=getattr(found, "install", ""),
        missing=tuple(missing_modules(found)),
    )


def plain(setting: Setting) -> Setting:
    """The setting without what an algorithm added to it for itself, which may not travel between processes."""
    return Setting(**{each.name: getattr(setting, each.name) for each in fields(Setting)})


def abilities_of(abilities: Abilities | StoppingAbilities) -> dict[str, Any]:
    """The abilities by name."""
    return {each.name: getattr(abilities, each.name) for each in fields(abilities)}


@cache
def abilities_in_words(of: type = Abilities) -> Mapping[str, str]:
    """Ability -> what having it means, from the attributes that the docstring of the abilities' class explains."""
    _, _, attributes = (inspect.getdoc(of) or "").partition("Attributes:\n")
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", attributes, re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in found}


def description_view(description: Description) -> dict[str, Any]:
    """The description as scripts read it."""
    return {
        "name": description.name,
        "kind": description.kind.value,
        "summary": description.summary,
        "about": description.about,
        "paper": description.paper,
        "abilities": abilities_of(description.abilities),
        "settings": [
            {each.name: _json(getattr(setting, each.name)) for each in fields(Setting)}
            for setting in description.settings
        ],
        "trials": dict(description.trials),
        "install": description.install,
        "missing": list(description.missing),
    }


def _json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
