"""Finds algorithms by name: those that installed packages declare, and those that the settings add."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Protocol, cast

from katib.core.advice import Abilities, AdviceReply, Setting
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import AlgorithmUnknown, Fault, SuggestionError

GROUP = "katib.algorithms"
"""The entry point group: `name = "package.module:Class"`."""


class Algorithm(Protocol):
    """An instance: the answers for one study. `algorithms.base.Algorithm` is a base class for it."""

    def suggest(self, trials: Sequence[Trial], ordinals: Sequence[int]) -> AdviceReply:
        """Assignments for `ordinals`, none of them on record; `trials` is the whole record by ordinal."""
        ...


class AlgorithmClass(Protocol):
    """What an entry point names.

    Attributes:
        about, paper, trials: what it says about itself, see `katib.core.advice.Description`; optional.
        requires: modules that must be importable; optional.
        install: what to `pip install` when one is not; optional.
    """

    abilities: Abilities
    settings: Sequence[Setting]

    def __call__(self, config: StudyConfig) -> Algorithm:
        """An instance for a study."""
        ...

    def validate(self, config: StudyConfig) -> Iterable[Fault]:
        """Everything wrong with the study's settings and space."""
        ...


class Registry:
    """Algorithms by name.

    Args:
        extra: name -> "module:Class", beside the installed ones and before them.
        group: the entry point group that declares them.
        kind: what errors call them.
    """

    def __init__(self, extra: Mapping[str, str] | None = None, *, group: str = GROUP, kind: str = "algorithm") -> None:
        self._extra = dict(extra or {})
        self._group, self._kind = group, kind

    @property
    def names(self) -> list[str]:
        """Every name, sorted."""
        return sorted({*self._extra, *(entry.name for entry in _installed(self._group))})

    def find(self, name: str) -> AlgorithmClass:
        """The class behind a name.

        Raises:
            AlgorithmUnknown: there is none.
            SuggestionError: two packages give the name different meanings, or the class does not load.
        """
        target = self._target(name)
        module, _, attribute = target.partition(":")
        try:
            return cast(AlgorithmClass, getattr(import_module(module), attribute))
        except (ImportError, AttributeError) as error:
            said = f"{self._kind} {name!r} is {target}, which cannot be loaded: {error}"
            raise SuggestionError(said, hint="reinstall the package that declares it, with its dependencies") from error

    def _target(self, name: str) -> str:
        if name in self._extra:
            return self._extra[name]
        found = sorted({entry.value for entry in _installed(self._group) if entry.name == name})
        if not found:
            raise AlgorithmUnknown(f"no {self._kind} {name!r} is installed", hint=self._what_there_is(name))
        if len(found) > 1:
            said = f"two installed packages declare {self._kind} {name!r}: {' and '.join(found)}"
            raise SuggestionError(said, hint="uninstall one of them")
        return found[0]

    def _what_there_is(self, name: str) -> str:
        close = difflib.get_close_matches(name, self.names, n=1)
        meant = f"did you mean {close[0]!r}? " if close else ""
        return f"{meant}installed: {', '.join(self.names)}"


def missing(name: str, algorithm: AlgorithmClass) -> Fault | None:
    """The fault that a module which `algorithm` requires is not installed, if so."""
    absent = missing_modules(algorithm)
    if not absent:
        return None
    install = getattr(algorithm, "install", "") or " ".join(absent)
    return Fault(
        path="spec.algorithm.algorithmName",
        given=name,
        wanted=f"an algorithm whose packages are installed; this one needs {', '.join(absent)}",
        hint=f"pip install '{install}'",
    )


def missing_modules(algorithm: AlgorithmClass) -> list[str]:
    """The modules that `algorithm` requires and that are not installed."""
    return [module for module in getattr(algorithm, "requires", ()) if find_spec(module) is None]


@cache
def _installed(group: str) -> tuple[EntryPoint, ...]:
    # Reading every installed package's metadata takes tens of milliseconds.
    return tuple(entry_points(group=group))
