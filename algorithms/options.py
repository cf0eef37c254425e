"""Algorithm settings: the user's texts read into typed values, all faults at once, in Katib's words if it has any."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from katib.core.advice import Setting
from katib.core.study import StudyConfig
from katib.errors import Fault

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Option(Setting, Generic[T]):
    """A setting that knows how to read itself.

    Attributes:
        absent: its value when the user gives none.
        parse: reads the text; raises ValueError.
        allows: whether a value that was read may be used.
        refusal: Katib's words for a value that may not be used, with {} for the text that was given; empty where it has
            none.
        katib_refuses: whether they fit a value that may not be used.
    """

    absent: T
    parse: Callable[[str], T]
    allows: Callable[[T], bool]
    refusal: str = ""
    katib_refuses: Callable[[T], bool] = lambda _value: True

    def __post_init__(self) -> None:
        """What is read as a number is one."""
        kind = {int: "integer", float: "number"}.get(self.parse)  # type: ignore[call-overload]  # by identity
        if kind is not None:
            object.__setattr__(self, "type", kind)

    def of(self, config: StudyConfig) -> T:
        """The value that the study's settings give it. Raises ValueError for a text it cannot read."""
        text = config.settings.get(self.name)
        return self.absent if text is None else self.parse(text)

    def fault(self, config: StudyConfig) -> Fault | None:
        """What is wrong with the value given, if anything."""
        text = config.settings.get(self.name, "")
        try:
            value = self.of(config)
        except ValueError as error:
            wanted = f"failed to validate {self.name}({text}): {error}"
            return self._fault(text, wanted, verbatim=True)
        if value == self.absent or self.allows(value):
            return None
        if self.refusal and self.katib_refuses(value):
            return self._fault(text, self.refusal.replace("{}", text), verbatim=True)
        return self._fault(text, f"{self.name} must be {self.accepts}", verbatim=False)

    def _fault(self, text: str, wanted: str, *, verbatim: bool) -> Fault:
        hint = f"it takes {self.accepts}" if verbatim else ""
        return Fault(path=path(self.name), given=text, wanted=wanted, hint=hint, verbatim=verbatim)


def random_state() -> Option[int | None]:
    """The seed: the same seed and the same record give the same answers. Without one, the study's uid is the seed."""
    return Option(
        name="random_state",
        accepts="an integer >= 0",
        default="",
        what="Seed. Without one the study's uid is the seed, so another study of the same space differs.",
        absent=None,
        parse=int,
        allows=lambda value: value is None or value >= 0,
        refusal="random_state should be great or equal than zero",
    )


def choice(name: str, *choices: str, default: str, what: str, refusal: str) -> Option[str]:
    """A setting that takes one of a few words."""
    return Option(
        name=name,
        accepts=f"one of {', '.join(choices)}",
        default=default,
        what=what,
        choices=choices,
        absent=default,
        parse=str,
        allows=lambda word: word in choices,
        refusal=refusal,
    )


def faults_of(settings: Sequence[Setting], config: StudyConfig) -> list[Fault]:
    """Everything wrong with the study's settings, given those that the algorithm takes."""
    known = {setting.name: setting for setting in settings}
    faults = []
    for name, text in config.settings.items():
        setting = known.get(name)
        if setting is None:
            wanted = f"unknown setting {name} for algorithm {config.algorithm}"
            hint = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
            faults.append(Fault(path=path(name), given=text, wanted=wanted, hint=hint, verbatim=True))
        elif isinstance(setting, Option) and (fault := setting.fault(config)):
            faults.append(fault)
    return faults


def path(setting: str) -> str:
    """Where a setting stands in an Experiment."""
    return f"spec.algorithm.algorithmSettings.{setting}"
