"""The algorithm for who names none: it takes one of the others, by the space, the objectives, the budget, how many
trials run at a time, and what is installed.
"""

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from types import MappingProxyType

from algorithms.base import PointByPoint, Standing
from algorithms.evolution.catcma import CatCmaSearch
from algorithms.evolution.nsga2 import NsgaTwo
from algorithms.gaussian.gp import GpSearch
from algorithms.options import random_state
from algorithms.sampling.grid import GridSearch
from algorithms.sampling.joe_kuo import DIMENSIONS
from algorithms.sampling.random_search import RandomSearch
from algorithms.sampling.sobol import SobolSearch
from katib.core.advice import CHOSEN_LABEL, Abilities, Advice
from katib.core.draw import UsedPoints
from katib.core.space import Assignment
from katib.core.study import StudyConfig
from katib.core.trial import Trial

LONG = 300
"""Suggestions after which gp takes turns with another one: the process learns from so many trials at most."""

WIDE = 60
"""Trials at a time beyond which it does so from the start: the process keeps clear of so many in flight at most."""


class AutoSearch(PointByPoint):
    """It asks the algorithms that it takes in turn; an answer is exactly what theirs would be."""

    about = """\
Takes the algorithm that fits, and says which one in the label `katib.kubeflow.org/algorithm` of each suggestion; it is
the default. The first line that applies decides:

- the budget covers every point of the space: `grid`, for all of them will be tried;
- all trials of the budget may run at a time, so that none can be learned from; or numpy or scipy is not installed (the
  base alone) and there is one objective: `sobol`, or `random` for more than 256 parameters;
- more than 60 trials may run at a time: `gp` and a second one in turn, since gp keeps clear of 60 in flight at most;
  the second one is `catcma`, or `nsga2` for several objectives;
- else `gp` for the first 300 suggestions, and after them `gp` and the second one in turn.

Where one of the two is not installed the other is alone; `nsga2` needs nothing but the base.

What a trial means is what it means to the algorithm taken."""
    paper = ""
    trials = MappingProxyType(
        {
            Standing.VALUE: "what it tells the algorithm taken: its value",
            Standing.BAD: "what it tells the algorithm taken: a region to avoid",
            Standing.IN_FLIGHT: "what it tells the algorithm taken; its point is not suggested again",
            Standing.SILENT: "nothing; its point is not suggested again",
        }
    )
    abilities = Abilities(conditional=True, several_objectives=True)
    settings = (random_state(),)

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._parts = {name: kind(replace(config, algorithm=name)) for name, kind in self._suited(config).items()}
        self._record: Sequence[Trial] = ()
        self._prepared: set[str] = set()

    @staticmethod
    def _suited(config: StudyConfig) -> dict[str, type[PointByPoint]]:
        """The algorithm taken, and the second one that takes turns with it in a long or a wide search."""
        size, most = config.space.size, config.budget.max_trials
        if size is not None and most is not None and size <= most:
            return {"grid": GridSearch}
        second: dict[str, type[PointByPoint]] = {"catcma": CatCmaSearch}
        if config.further_objectives:
            second = {"nsga2": NsgaTwo}
        taken = {name: kind for name, kind in ({"gp": GpSearch} | second).items() if _installed(kind)}
        at_once = most is not None and config.budget.parallel >= most
        if at_once or not taken:
            few = len(config.space.parameters) <= DIMENSIONS
            return {"sobol": SobolSearch} if few else {"random": RandomSearch}
        return taken

    def prepare(self, trials: Sequence[Trial]) -> None:
        """Keep the record for the algorithms that will be asked."""
        self._record, self._prepared = trials, set()

    def point(self, ordinal: int, used: UsedPoints) -> Assignment | Advice | None:
        names = list(self._parts)
        turns = ordinal > LONG or self.config.budget.parallel > WIDE
        name = names[ordinal % len(names)] if turns else names[0]
        part = self._parts[name]
        if name not in self._prepared:
            part.prepare(self._record)
            self._prepared.add(name)
        answer = part.point(ordinal, used)
        if answer is None:
            return None
        if not isinstance(answer, Advice):
            answer = Advice(ordinal=ordinal, assignment=answer)
        return replace(answer, labels={**answer.labels, CHOSEN_LABEL: name})


def _installed(algorithm: type[PointByPoint]) -> bool:
    return all(find_spec(module) is not None for module in algorithm.requires)
