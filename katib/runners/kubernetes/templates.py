"""Where a rendered object has the pods of a trial. Its data is changed in place by who asks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from katib.spec.kinds import Path, kind_of

Object = dict[str, Any]

_COUNTS = ("replicas", "parallelism")


@dataclass(frozen=True, kw_only=True)
class PodTemplate:
    """What a controller makes pods of.

    Attributes:
        holder: the object with the pods' `metadata` and `spec`.
        several: whether more than one pod is made of it.
    """

    holder: Object
    several: bool

    def container(self, name: str) -> Object | None:
        """Its container of that name."""
        return next((each for each in self.holder["spec"]["containers"] if each.get("name") == name), None)


def pod_templates(manifest: Object) -> list[PodTemplate]:
    """All templates of an object, in its own order."""
    return list(_templates(manifest, several=False))


def primary_template(manifest: Object, container: str, pod_labels: Mapping[str, str]) -> PodTemplate | None:
    """The template of the pod that trains: it has the primary container, and is where its kind has that pod; or its
    labels say so. None where there is no telling.
    """
    templates = [each for each in pod_templates(manifest) if each.container(container) is not None]
    kind = kind_of(manifest)
    for path in kind.primary if kind is not None else ():
        for holder in _at(manifest, path):
            return next((each for each in templates if each.holder is holder), None)
    labelled = [each for each in templates if pod_labels and pod_labels.items() <= _labels(each.holder).items()]
    return next(iter(labelled or templates), None)


def containers(manifest: Object, name: str) -> Iterator[Object]:
    """All containers of that name, in templates of pods and elsewhere."""
    for template in pod_templates(manifest):
        found = template.container(name)
        if found is not None:
            yield found
    kind = kind_of(manifest)
    for path, named in kind.containers if kind is not None else ():
        for found in _at(manifest, path):
            if isinstance(found, dict) and named.format(name=found.get("name", "")) == name:
                yield found


def put_labels(manifest: Object, labels: Mapping[str, str]) -> None:
    """Label the object, and all pods that will be made of it."""
    holders = [manifest, *(each.holder for each in pod_templates(manifest))]
    for holder in holders:
        _add(holder.setdefault("metadata", {}), labels)
    kind = kind_of(manifest)
    for *above, last in kind.labels if kind is not None else ():
        for parent in _at(manifest, tuple(above)):
            _add(parent.setdefault(last, {}), labels)


def has_pods(manifest: Object, container: str) -> bool:
    """Whether a pod of it with that container is going to be seen."""
    kind = kind_of(manifest)
    known = kind is not None and bool(kind.known_by or kind.labels or kind.containers)
    return known or next(containers(manifest, container), None) is not None


def _add(metadata: Object, labels: Mapping[str, str]) -> None:
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}


def _labels(holder: Mapping[str, Any]) -> Mapping[str, str]:
    return (holder.get("metadata") or {}).get("labels") or {}


def _templates(value: Any, *, several: bool) -> Iterator[PodTemplate]:
    if isinstance(value, list):
        for item in value:
            yield from _templates(item, several=several)
    if not isinstance(value, dict):
        return
    several = several or any(isinstance(value.get(field), int) and value[field] > 1 for field in _COUNTS)
    spec = value.get("spec")
    if isinstance(spec, dict) and _are_containers(spec.get("containers")):
        yield PodTemplate(holder=value, several=several)
        return
    for item in value.values():
        yield from _templates(item, several=several)


def _are_containers(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _at(value: Any, path: Path) -> Iterator[Any]:
    """What stands at a path."""
    if not path:
        yield value
    elif path[0] == "*":
        for item in value if isinstance(value, list) else ():
            yield from _at(item, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from _at(value[path[0]], path[1:])
