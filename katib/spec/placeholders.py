"""The references of a trial template: `${trialParameters.x}` in its texts, `${trialSpec.x}` in its trialParameters."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib.spec.paths import Parts

PLACEHOLDER = re.compile(r"\$\{trialParameters\.(.+?)\}", re.DOTALL)
META = re.compile(r"\$\{trialSpec\.(.+?)\}")
REFERENCE = re.compile(r"\$\{(?:trialParameters|trialSpec)\b[^}]*\}")
"""What looks like one of them. In a trialSpec only `${trialParameters.NAME}` is replaced."""

_INDEXED = re.compile(r"(Annotations|Labels)\[(.+)\]")
META_KEYS = ("Name", "Namespace", "Kind", "APIVersion", "Annotations[KEY]", "Labels[KEY]")


def texts(value: Any, parts: Parts = ()) -> Iterator[tuple[Parts, str]]:
    """Every text within plain data, with its path; a mapping's keys too."""
    if isinstance(value, str):
        yield parts, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield (*parts, key), key
            yield from texts(item, (*parts, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts(item, (*parts, index))


def meta_key(reference: str) -> str | None:
    """The key of a reference to the trial's own metadata; None when it refers to a parameter."""
    found = META.search(reference)
    return found[1] if found else None


def meta_value(key: str, template: Mapping[str, Any], *, name: str, namespace: str) -> str | None:
    """What a metadata key stands for in a trial; None when the template has no such thing."""
    known = {
        "Name": name,
        "Namespace": namespace,
        "Kind": template.get("kind"),
        "APIVersion": template.get("apiVersion"),
    }
    if key in known:
        value = known[key]
        return None if value is None else str(value)
    indexed = _INDEXED.fullmatch(key)
    metadata = template.get("metadata")
    if indexed is None or not isinstance(metadata, dict):
        return None
    entries = metadata.get(indexed[1].lower())
    value = entries.get(indexed[2]) if isinstance(entries, dict) else None
    return None if value is None else str(value)
