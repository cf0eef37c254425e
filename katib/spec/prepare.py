"""A document in; a valid Experiment with its defaults out, or every fault at once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from katib.errors import Fault, InvalidInput
from katib.spec import rules, shape
from katib.spec.defaults import with_defaults
from katib.spec.experiment import Experiment
from katib.spec.loading import kind_faults
from katib.spec.paths import nearest_line, within


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A valid experiment.

    Attributes:
        document: as the user gave it.
        effective: the same with every default filled in, as plain data; `from_effective` reads it back.
        experiment: the same as types.
        lines: path -> line in the file, where there is one.
    """

    document: Mapping[str, Any]
    effective: dict[str, Any]
    experiment: Experiment
    lines: Mapping[str, int]


def prepare(
    document: Mapping[str, Any], *, lines: Mapping[str, int] | None = None, by_clients: bool = False
) -> Prepared:
    """Check an Experiment and fill in its defaults: everything that can be known without a cluster.

    Args:
        lines: path -> line, for the faults; a document that was loaded from a file brings its own.
        by_clients: its clients run its trials, so it has no trial template, and any name.

    Raises:
        InvalidInput: with every fault there is, in the order of their lines.
    """
    lines = getattr(document, "lines", {}) if lines is None else lines
    data, faults = shape.plain(document)
    other = kind_faults(data, lines)
    if other:
        raise _invalid(document, other)
    parsed, misshapen = shape.parse(data)
    experiment = with_defaults(parsed)
    faults = [*getattr(document, "faults", ()), *faults, *misshapen]
    # What is misshapen was left out, so rules about it would speak of something the user did write.
    found = rules.check(experiment, by_clients=by_clients)
    faults += [fault for fault in found if not any(_about(fault, known) for known in misshapen)]
    if faults:
        placed = [replace(fault, line=fault.line or nearest_line(fault.path, lines)) for fault in dict.fromkeys(faults)]
        raise _invalid(document, sorted(placed, key=lambda fault: fault.line or 0))
    effective = experiment.model_dump(by_alias=True, exclude_unset=True)
    if len(experiment.spec.objectives) == 1:
        # A list of one is the same as the single form, so it is the same study, too.
        (effective["spec"]["objective"],) = effective["spec"].pop("objectives")
        experiment = from_effective(effective)
    if by_clients:
        for field in ("trialTemplate", "metricsCollectorSpec"):
            effective["spec"].pop(field, None)
    return Prepared(document=dict(document), effective=effective, experiment=experiment, lines=lines)


def from_effective(effective: Mapping[str, Any]) -> Experiment:
    """The experiment of stored effective data, which was valid when it was stored."""
    return Experiment.model_validate(dict(effective))


def _about(fault: Fault, known: Fault) -> bool:
    return within(fault.path, known.path)


def _invalid(document: Mapping[str, Any], faults: list[Fault]) -> InvalidInput:
    return InvalidInput(faults, what=getattr(document, "source", "the Experiment"))
