"""Which servers answer for a study: remembered with it, so that it goes on with them whoever resumes it."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from katib.config import Settings
from katib.core.study import Study, StudyConfig
from katib.errors import AlgorithmFailed
from katib.spec.prepare import from_effective
from katib.spec.study import stopping_config, study_config
from katib.suggestion import open_suggestions
from katib.suggestion.early_stopping import open_early_stopping

ALGORITHM_ANNOTATION = "katib.kubeflow.org/algorithm-endpoint"
"""The server that answers for the study's algorithm; absent where an installed one does."""
STOPPING_ANNOTATION = "katib.kubeflow.org/early-stopping-endpoint"
"""The same for its early stopping."""

OPTIONS = {ALGORITHM_ANNOTATION: "--algorithm-endpoint", STOPPING_ANNOTATION: "--early-stopping-endpoint"}


def remembered(effective: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    """The annotations by which a study that begins with these settings remembers its servers."""
    known = {
        ALGORITHM_ANNOTATION: settings.suggestion.endpoints,
        STOPPING_ANNOTATION: settings.early_stopping.endpoints,
    }
    names = _names(effective)
    return {each: endpoints[names[each]] for each, endpoints in known.items() if names.get(each) in endpoints}


def with_endpoints_of(study: Study, settings: Settings) -> Settings:
    """The settings, and the servers that the study remembers where these name none."""
    names, notes = _names(study.effective), _annotations(study.effective)
    algorithm, stopping = (
        {names[each]: notes[each]} if each in names and each in notes else {}
        for each in (ALGORITHM_ANNOTATION, STOPPING_ANNOTATION)
    )
    return replace(
        settings,
        suggestion=replace(settings.suggestion, endpoints={**algorithm, **settings.suggestion.endpoints}),
        early_stopping=replace(settings.early_stopping, endpoints={**stopping, **settings.early_stopping.endpoints}),
    )


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Where a server answers for one of two effective Experiments, and an installed algorithm for the other."""
    had, has, names = _annotations(old), _annotations(new), _names(old)
    return [
        f"who answers for {names.get(each)} ({option} {names.get(each)}={had.get(each) or has[each]})"
        for each, option in OPTIONS.items()
        if (each in had) != (each in has)
    ]


def check_reached(study: Study, settings: Settings) -> None:
    """Ask the servers that answer for a study whether they are there.

    Raises AlgorithmFailed with how to name another one: the study would go on with random points.
    """
    experiment = from_effective(study.effective)
    config, stopping = study_config(experiment, uid=study.uid), stopping_config(experiment, uid=study.uid)
    if config.algorithm in settings.suggestion.endpoints:
        with _naming_another(ALGORITHM_ANNOTATION, config), closing(open_suggestions(settings.suggestion)) as service:
            service.validate(config)
    if stopping is not None and stopping.algorithm in settings.early_stopping.endpoints:
        early = open_early_stopping(settings.early_stopping)
        with _naming_another(STOPPING_ANNOTATION, stopping), closing(early):
            early.validate(stopping)


@contextmanager
def _naming_another(annotation: str, config: StudyConfig) -> Iterator[None]:
    try:
        yield
    except AlgorithmFailed as error:
        hint = f"{error.hint} {OPTIONS[annotation]} {config.algorithm}=HOST:PORT names another one".strip()
        raise AlgorithmFailed(error.message, hint=hint, why=error.why) from error


def _names(effective: Mapping[str, Any]) -> dict[str, str]:
    """What the study calls its algorithm and its early stopping."""
    spec = effective["spec"]
    given = {ALGORITHM_ANNOTATION: spec.get("algorithm"), STOPPING_ANNOTATION: spec.get("earlyStopping")}
    return {each: str(part["algorithmName"]) for each, part in given.items() if part}


def _annotations(effective: Mapping[str, Any]) -> Mapping[str, str]:
    return effective.get("metadata", {}).get("annotations") or {}
