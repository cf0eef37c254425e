"""What passes between the engine and an algorithm. Both sides know these values and nothing else of each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from katib.core.space import Assignment
from katib.core.stopping import StoppingAbilities


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
        conditional: it can do with parameters that are active only for some values of others, and leaves out of its
            answers those that are not.
        several_objectives: it takes any number of objectives, and looks for their Pareto front.
    """

    oblivious: bool = False
    never_repeats: bool = True
    finite_only: bool = False
    fidelity: bool = False
    continues: bool = False
    conditional: bool = False
    several_objectives: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """An algorithm setting.

    Attributes:
        accepts: the values it takes, in words.
        default: as text; empty when leaving it out means something that no text says.
        what: what it does.
        type: `integer`, `number` or `text`.
        choices: all the values it takes, when they can be listed.
    """

    name: str
    accepts: str
    default: str
    what: str
    type: str = "text"
    choices: tuple[str, ...] = ()


class Kind(StrEnum):
    """What an algorithm is for."""

    SEARCH = "search"
    EARLY_STOPPING = "early-stopping"


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What an algorithm declares about itself, for people.

    Attributes:
        abilities: `StoppingAbilities` for early stopping.
        about: what it does, in paragraphs of Markdown; the first sentence stands alone in lists.
        paper: where it is from.
        trials: what a trial tells it: kind of trial -> meaning; empty for one that does not look at results.
        install: what to `pip install` for it, when it needs more than the base.
        missing: modules it needs that are not installed.
    """

    name: str
    about: str
    paper: str
    abilities: Abilities | StoppingAbilities
    settings: tuple[Setting, ...]
    trials: Mapping[str, str]
    install: str
    missing: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        """What it is for."""
        return Kind.EARLY_STOPPING if isinstance(self.abilities, StoppingAbilities) else Kind.SEARCH

    @property
    def summary(self) -> str:
        """What it does in one sentence."""
        first, dot, _ = " ".join(self.about.split()).partition(". ")
        return first.rstrip(".:") if dot else first.rstrip(".")


FALLBACK_LABEL = "katib.kubeflow.org/fallback"
"""On advice that the quasi-random fallback gave because the algorithm failed; the value says why, in one word."""

PARENT_LABEL = "katib.kubeflow.org/parent"
"""On advice that continues a finished trial: its name. The new trial's checkpoint directory begins as a copy of its."""

REPLICATE_LABEL = "katib.kubeflow.org/replicate"
"""On advice for a point that is tried several times: which of them it is, as in `2-of-3`."""

CHOSEN_LABEL = "katib.kubeflow.org/algorithm"
"""On advice of an algorithm that takes another one: the name of the one that it took."""
