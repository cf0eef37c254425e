"""What passes between the engine and an algorithm. Both sides know these values and nothing else of each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from katib.core.space import Assignment


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """One suggestion: the assignment of trial `ordinal`, and labels to keep with it."""

    ordinal: int
    assignment: Assignment
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdviceReply:
    """An algorithm's answer to a request for some ordinals.

    Attributes:
        advice: for a prefix of the requested ordinals, in their order; fewer than asked is allowed.
        exhausted: why there is nothing more to suggest, ever; empty while there is.
        overrides: settings to remember with the study and to hand back with the next request.
        failure: why the algorithm itself could not answer, when the advice is the fallback's; empty otherwise.
    """

    advice: tuple[Advice, ...] = ()
    exhausted: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Abilities:
    """What an algorithm can do; conformance suites and the engine ask these, never its name.

    Attributes:
        oblivious: its answers depend on ordinals and earlier assignments only, never on results, so the engine may ask
            for many at a time and ahead of need.
        never_repeats: it ends with `exhausted` rather than suggest a point twice.
        finite_only: it needs every parameter to be countable.
        fidelity: one parameter is a resource, named by the setting `resource_name`; the same point may come again with
            more of it.
        continues: its trials may continue others (`PARENT_LABEL`), so each is given a checkpoint directory.
    """

    oblivious: bool = False
    never_repeats: bool = True
    finite_only: bool = False
    fidelity: bool = False
    continues: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """An algorithm setting: its name, what it accepts in words, its default as text, and what it does."""

    name: str
    accepts: str
    default: str
    what: str


FALLBACK_LABEL = "katib.kubeflow.org/fallback"
"""On advice that the quasi-random fallback gave because the algorithm failed; the value says why, in one word."""

PARENT_LABEL = "katib.kubeflow.org/parent"
"""On advice that continues a finished trial: its name. The new trial's checkpoint directory begins as a copy of its."""
