"""Checks of a specification that only a service can make."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from katib.errors import AlgorithmUnknown, Fault, InvalidInput
from katib.service.endpoints import ALGORITHM_ANNOTATION, OPTIONS, STOPPING_ANNOTATION
from katib.spec.defaults import with_defaults
from katib.spec.experiment import API_VERSION, KIND
from katib.spec.paths import nearest_line, within
from katib.spec.prepare import Prepared, prepare
from katib.spec.quick import spelled_out
from katib.spec.shape import parse, plain
from katib.spec.study import stopping_config, study_config
from katib.suggestion.contract import SuggestionService
from katib.suggestion.early_stopping.contract import EarlyStopping
from katib.suggestion.early_stopping.local import LocalEarlyStopping

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
    try:
        prepared = prepare(document, lines=lines, by_clients=by_clients)
    except InvalidInput as error:
        also = _unknown_algorithm(document, suggestions) or _faults_of_settings(document, error.faults, suggestions)
        raise InvalidInput([*error.faults, *also], what=error.what) from error
    faults = _unknown_algorithm(prepared.effective, suggestions)
    faults = faults or list(suggestions.validate(study_config(prepared.experiment, uid="")))
    if faults:
        raise InvalidInput(faults, what=f"algorithm {prepared.experiment.spec.algorithm.algorithm_name!r}")
    check_early_stopping(prepared, stopping or LocalEarlyStopping(), by_clients=by_clients)
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


def _faults_of_settings(
    document: Mapping[str, Any], known: Sequence[Fault], suggestions: SuggestionService
) -> list[Fault]:
    """What the algorithm says of its settings in a document with faults elsewhere. With a fault in what the algorithm
    is told (the space, the objective, the budget) it is not asked: it would speak of what was left out.
    """
    told = ("spec.algorithm", "spec.parameters", "spec.objective", "spec.maxTrialCount", "spec.parallelTrialCount")
    experiment = with_defaults(parse(plain(document)[0])[0])
    if any(within(fault.path, part) or within(part, fault.path) for fault in known for part in told):
        return []
    lines: Mapping[str, int] = getattr(document, "lines", {})
    found = suggestions.validate(study_config(experiment, uid=""))
    return [replace(fault, line=nearest_line(fault.path, lines)) for fault in found]


def _unknown_algorithm(document: Mapping[str, Any], suggestions: SuggestionService) -> list[Fault]:
    spec = document.get("spec")
    algorithm = spec.get("algorithm") if isinstance(spec, Mapping) else None
    name = algorithm.get("algorithmName") if isinstance(algorithm, Mapping) else None
    if not name:
        return []
    try:
        suggestions.abilities(str(name))
    except AlgorithmUnknown as error:
        path = "spec.algorithm.algorithmName"
        return [Fault(path=path, given=str(name), wanted=error.message, hint=_or_a_server(error, ALGORITHM_ANNOTATION))]
    return []


def check_early_stopping(prepared: Prepared, stopping: EarlyStopping, *, by_clients: bool = False) -> None:
    """Raises InvalidInput when the early stopping that a specification asks for is not there, or is not set right.

    Args:
        by_clients: clients run the trials, so only an algorithm that judges reports itself can be used.
    """
    config = stopping_config(prepared.experiment, uid="")
    if config is None:
        return
    try:
        faults = stopping.validate(config)
        if by_clients and not faults and not stopping.abilities(config.algorithm).live:
            wanted = "an algorithm that judges each report, such as medianstop: clients run this study's trials"
            faults = (Fault(path=STOPPING_NAME, given=config.algorithm, wanted=wanted),)
    except AlgorithmUnknown as error:
        faults = (
            Fault(
                path=STOPPING_NAME,
                given=config.algorithm,
                wanted=error.message,
                hint=_or_a_server(error, STOPPING_ANNOTATION),
            ),
        )
    if faults:
        raise InvalidInput(faults, what=f"early stopping {config.algorithm!r}")


def _or_a_server(error: AlgorithmUnknown, annotation: str) -> str:
    """What to do about an algorithm that nobody here knows."""
    return f"{error.hint}; a server that answers for it is named by {OPTIONS[annotation]} NAME=HOST:PORT"
