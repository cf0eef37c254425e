"""Checks of a specification that only a service can make."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from katib.core.study import StudyConfig
from katib.errors import AlgorithmFailed, AlgorithmUnknown, Fault, InvalidInput
from katib.service.endpoints import ALGORITHM_ANNOTATION, OPTIONS, STOPPING_ANNOTATION
from katib.spec.defaults import with_defaults
from katib.spec.experiment import API_VERSION, KIND
from katib.spec.paths import nearest_line, within
from katib.spec.prepare import Prepared, prepare
from katib.spec.quick import spelled_out
from katib.spec.shape import parse, plain
from katib.spec.study import settings_alone, stopping_config, study_config
from katib.suggestion.contract import SuggestionService
from katib.suggestion.early_stopping.contract import EarlyStopping
from katib.suggestion.early_stopping.local import LocalEarlyStopping

ALGORITHM_NAME = "spec.algorithm.algorithmName"
STOPPING_NAME = "spec.earlyStopping.algorithmName"


def checked(
    document: Mapping[str, Any],
    suggestions: SuggestionService,
    *,
    stopping: EarlyStopping | None = None,
    lines: Mapping[str, int] | None = None,
    by_clients: bool = False,
) -> Prepared:
    """The experiment, with everything right that needs no cluster. Raises InvalidInput with all its faults.

    Args:
        stopping: who answers for early stopping; None for what is installed.
        by_clients: clients run the trials.
    """
    early = stopping or LocalEarlyStopping()
    try:
        prepared = prepare(document, lines=lines, by_clients=by_clients)
    except InvalidInput as error:
        also = _faults_beside(document, error.faults, suggestions, early, by_clients=by_clients)
        raise InvalidInput([*error.faults, *_placed(also, document, lines)], what=error.what) from error
    experiment = prepared.experiment
    config, stopped = study_config(experiment, uid=""), stopping_config(experiment, uid="")
    wrong = _algorithm_faults(config, suggestions)
    hasty = _stopping_faults(stopped, early, by_clients=by_clients)
    if wrong or hasty:
        what = getattr(document, "source", "the Experiment")
        if not hasty:
            what = f"algorithm {config.algorithm!r}"
        elif stopped is not None and not wrong:
            what = f"early stopping {stopped.algorithm!r}"
        raise InvalidInput(_placed([*wrong, *hasty], document, lines), what=what)
    return prepared


def checked_of_clients(
    metadata: Mapping[str, Any], spec: Mapping[str, Any], suggestions: SuggestionService, stopping: EarlyStopping
) -> Prepared:
    """A study that clients run, from a `spec` that may be short, see `spelled_out`.

    Raises InvalidInput with all its faults.
    """

    def prepared(spec: Mapping[str, Any]) -> Prepared:
        document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": dict(metadata), "spec": spelled_out(spec)}
        return checked(document, suggestions, stopping=stopping, by_clients=True)

    try:
        spelled_out(spec)
    except InvalidInput as error:
        # What cannot be read is left out, so that the rest is told about, too.
        readable = {field: value for field, value in spec.items() if not _speak_of(f"spec.{field}", error.faults)}
        if "parameters" not in readable:
            readable["parameters"] = {"x": "float:0:1"}
        try:
            prepared(readable)
        except InvalidInput as more:
            raise InvalidInput([*error.faults, *more.faults], what=error.what) from error
        raise
    return prepared(spec)


def _speak_of(path: str, faults: Sequence[Fault]) -> bool:
    return any(within(fault.path, path) for fault in faults)


TOLD = ("spec.parameters", "spec.objective", "spec.objectives", "spec.maxTrialCount", "spec.parallelTrialCount")
"""What an algorithm is told of a study beside its settings."""


def _faults_beside(
    document: Mapping[str, Any],
    known: Sequence[Fault],
    suggestions: SuggestionService,
    stopping: EarlyStopping,
    *,
    by_clients: bool,
) -> list[Fault]:
    """What algorithm and early stopping find wrong in a document with faults elsewhere. With one in what they are told
    they are asked for their settings alone: they would speak of what was left out.
    """
    experiment = with_defaults(parse(plain(document)[0])[0])
    whole = not any(within(fault.path, part) or within(part, fault.path) for fault in known for part in TOLD)
    config = study_config(experiment, uid="") if whole else settings_alone(experiment.spec.algorithm)
    stopped = None
    if experiment.spec.early_stopping is not None:
        stopped = stopping_config(experiment, uid="") if whole else settings_alone(experiment.spec.early_stopping)
    found: list[Fault] = []
    # A server that is away is missed once the rest is right.
    with suppress(AlgorithmFailed):
        found += _algorithm_faults(config, suggestions)
    with suppress(AlgorithmFailed):
        found += _stopping_faults(stopped, stopping, by_clients=by_clients)
    return found


def _algorithm_faults(config: StudyConfig, suggestions: SuggestionService) -> list[Fault]:
    try:
        return list(suggestions.validate(config))
    except AlgorithmUnknown as error:
        hint = _or_a_server(error, ALGORITHM_ANNOTATION)
        return [Fault(path=ALGORITHM_NAME, given=config.algorithm, wanted=error.message, hint=hint)]


def _stopping_faults(config: StudyConfig | None, stopping: EarlyStopping, *, by_clients: bool) -> list[Fault]:
    """What is wrong with the early stopping that a specification asks for, if it asks for any.

    Args:
        by_clients: clients run the trials, so only an algorithm that judges reports itself can be used.
    """
    if config is None:
        return []
    try:
        faults = list(stopping.validate(config))
        if by_clients and not faults and not stopping.abilities(config.algorithm).live:
            wanted = "an algorithm that judges each report, such as medianstop: clients run this study's trials"
            faults = [Fault(path=STOPPING_NAME, given=config.algorithm, wanted=wanted)]
    except AlgorithmUnknown as error:
        hint = _or_a_server(error, STOPPING_ANNOTATION)
        faults = [Fault(path=STOPPING_NAME, given=config.algorithm, wanted=error.message, hint=hint)]
    return faults


def _placed(faults: Sequence[Fault], document: Mapping[str, Any], lines: Mapping[str, int] | None) -> list[Fault]:
    """The faults with the lines of the file where they stand; that of a setting is the one with its name."""
    lines = getattr(document, "lines", {}) if lines is None else lines
    return [replace(fault, line=fault.line or nearest_line(_listed(fault.path, document), lines)) for fault in faults]


def _listed(path: str, document: Mapping[str, Any]) -> str:
    """The path of a setting by its place in the list, in place of its name."""
    for part, settings in (("algorithm", "spec.algorithm"), ("earlyStopping", "spec.earlyStopping")):
        around, _, name = path.rpartition(".")
        if around != f"{settings}.algorithmSettings":
            continue
        with suppress(AttributeError, KeyError, TypeError):
            given = document["spec"][part]["algorithmSettings"]
            return next((f"{around}[{place}]" for place, each in enumerate(given) if each["name"] == name), path)
    return path


def _or_a_server(error: AlgorithmUnknown, annotation: str) -> str:
    """What to do about an algorithm that nobody here knows."""
    return f"{error.hint}; a server that answers for it is named by {OPTIONS[annotation]} NAME=HOST:PORT"
