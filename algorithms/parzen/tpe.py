"""Tree-structured Parzen estimator: optuna's TPESampler, asked anew from the record each time.

J. Bergstra, R. Bardenet, Y. Bengio, B. Kegl, Algorithms for Hyper-Parameter Optimization, NIPS 2011.

Uniform ranges, with or without a step, and lists are optuna's own distributions; all others are a uniform coordinate of
the unit cube (`katib.core.encode`), which for a logarithmic range without a step is what optuna does too.
"""

import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import ClassVar, Protocol

from algorithms.base import ORIGIN_LABEL, PointByPoint, Standing, standing
from algorithms.options import Option, random_state
from algorithms.recall import MOST_CANDIDATES, Valued, recalled, told_beside
from algorithms.scale import to_unit
from katib.core.advice import Abilities, Advice, Setting
from katib.core.draw import UsedPoints, draw_unused, uniforms
from katib.core.pareto import costs
from katib.core.space import Assignment
from katib.core.study import StudyConfig
from katib.core.trial import Trial

REDRAWS = 4
"""Times the model is asked again, with other seeds, when it suggests a used point."""

BAD_PER_VALUE = 9
"""The model takes the best tenth as good: with nine bad trials per value none of the bad ones is in it."""

MOST_GOOD = 25
"""Trials that count as good at most, as in optuna's own rule."""

RECALLED, RECALLED_BEST = 2000, MOST_GOOD
"""Trials with a value that the model is told at most, and how many of them are the best ones.

Optuna counts at most 25 as good, and gives the old ones of the others next to no weight."""

RECALLED_OF_SEVERAL = 500
"""The same with several objectives: to tell the good ones optuna compares each with each, for every parameter anew."""

STARTUP: Option[int] = Option(
    name="n_startup_trials",
    accepts="an integer >= 0",
    default="10",
    what="Trials with an outcome before the model is used; until then points are random.",
    absent=10,
    parse=int,
    allows=lambda value: value >= 0,
    refusal="n_startup_trials should be greate or equal than zero",
)
CANDIDATES: Option[int] = Option(
    name="n_ei_candidates",
    accepts=f"an integer from 1 to {MOST_CANDIDATES}",
    default="24",
    what="Points drawn from the model of the good trials, of which the most promising is suggested.",
    absent=24,
    parse=int,
    allows=lambda value: 1 <= value <= MOST_CANDIDATES,
    refusal="n_ei_candidates should be greate or equal than zero",
    katib_refuses=lambda value: value < 0,
)
CANDIDATES_OF_HYPEROPT: Option[int | None] = Option(
    name="n_EI_candidates",
    accepts=f"an integer from 1 to {MOST_CANDIDATES}",
    default="",
    what="Another name of n_ei_candidates.",
    absent=None,
    parse=int,
    allows=lambda value: value is not None and 1 <= value <= MOST_CANDIDATES,
    refusal="n_EI_candidates should be great than zero",
    katib_refuses=lambda value: value is not None and value <= 0,
)
GAMMA: Option[float | None] = Option(
    name="gamma",
    accepts="a number between 0 and 1",
    default="",
    what="Of n trials the best gamma * sqrt(n), at most 25, count as good. Without it the best tenth, at most 25.",
    absent=None,
    parse=float,
    allows=lambda value: value is None or 0 < value < 1,
    refusal="gamma should be in the range of (0, 1)",
)
PRIOR_WEIGHT: Option[float | None] = Option(
    name="prior_weight",
    accepts="a number > 0",
    default="1.0",
    what="How much the prior counts beside the trials.",
    absent=None,
    parse=float,
    allows=lambda value: value is None or 0 < value < float("inf"),
    refusal="prior_weight should be great than zero",
)


class Model(Protocol):
    """A model of the record; it minimises."""

    def tell(
        self,
        valued: Sequence[Valued],
        *,
        bad: Sequence[tuple[int, Assignment]],
        in_flight: Sequence[tuple[int, Assignment]],
        finished: int,
    ) -> None:
        """This is the record, in place of the last; `finished` counts the valued and bad trials of the whole one."""
        ...

    def tell_in_flight(self, ordinal: int, assignment: Assignment) -> None:
        """One more trial is in flight."""
        ...

    def ask(self, ordinal: int, *, seed: int) -> Assignment:
        """The suggestion for trial `ordinal`."""
        ...


class TpeSearch(PointByPoint):
    """Optuna's independent TPE with the constant liar; maximising is minimising the negative."""

    about = """\
Draws points from a model of the good trials and suggests the one that looks least like the other trials. It is
optuna's tree-structured Parzen estimator, with a model for each parameter on its own.

When it suggests a used point five times in a row, an unused random point is given, with the label
`katib.kubeflow.org/origin: random`. Of more than 2,000 trials with a value the model is told the best 25, which are
those that can count as good, and the latest of the others; so an answer at 10,000 trials costs what it costs at
2,000. With several objectives it is told 500 in all, and with more than 1,000 candidates so few that these times the
trials are two millions. A trial says nothing about a parameter that is not active in it.

With several objectives good are the trials that no other dominates, then those that only these dominate, and so on; of
the last group that is not needed whole, those that together enclose the largest volume. For that each objective is
scaled to the range that it has on record. Which of them matters more is nobody's choice: the whole front is looked
for."""
    paper = """\
J. Bergstra, R. Bardenet, Y. Bengio, B. Kegl, Algorithms for Hyper-Parameter Optimization, NIPS 2011; several
objectives: Y. Ozaki, Y. Tanigaki, S. Watanabe, M. Nomura, M. Onishi, Multiobjective Tree-Structured Parzen Estimator,
Journal of Artificial Intelligence Research 73 (2022)."""
    trials = MappingProxyType(
        {
            Standing.VALUE: "its value, or its values, one per objective",
            Standing.BAD: "worse than every value; of these, the latest nine for each trial with a value, so that they "
            "never outnumber the good ones among the best tenth",
            Standing.IN_FLIGHT: "counted among the bad ones (a constant liar), so that parallel trials spread out",
            Standing.SILENT: "nothing; its point is not suggested again",
        }
    )
    abilities = Abilities(conditional=True, several_objectives=True)
    settings: ClassVar[tuple[Setting, ...]] = (
        random_state(),
        STARTUP,
        CANDIDATES,
        CANDIDATES_OF_HYPEROPT,
        GAMMA,
        PRIOR_WEIGHT,
    )
    stream: ClassVar[str] = "tpe"
    multivariate: ClassVar[bool] = False
    requires = ("optuna",)
    install = "katib-engine[algorithms]"

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._startup = self.startup_trials()
        self._candidates = CANDIDATES_OF_HYPEROPT.of(config) or CANDIDATES.of(config)
        self._stream = f"{self.stream}/{self.seed}"
        self._model: Model | None = None
        self._ready = False

    def prepare(self, trials: Sequence[Trial]) -> None:
        """Tell the model the record, once there is enough of it."""
        by_standing: dict[Standing, list[Trial]] = {each: [] for each in Standing}
        for trial in trials:
            by_standing[standing(trial)].append(trial)
        valued = by_standing[Standing.VALUE]
        bad = by_standing[Standing.BAD]
        self._ready = bool(valued) and len(valued) + len(bad) >= self._startup
        if self._ready:
            told = [(t.ordinal, t.assignment, costs(t.values, self.config.objectives)) for t in valued]
            most = RECALLED_OF_SEVERAL if self.config.further_objectives else RECALLED
            most = told_beside(self._candidates, most=most)
            self._tpe.tell(
                self._scaled(recalled(told, most=most, best=RECALLED_BEST)),
                bad=[(t.ordinal, t.assignment) for t in bad[-min(BAD_PER_VALUE * len(valued), most) :]],
                in_flight=[(t.ordinal, t.assignment) for t in by_standing[Standing.IN_FLIGHT]],
                finished=len(valued) + len(bad),
            )

    def point(self, ordinal: int, used: UsedPoints) -> Assignment | Advice | None:
        if not self._ready:
            return draw_unused(self.cube, used, f"{self._stream}/{ordinal}/startup")
        if used.full:
            return None
        for attempt in range(1 + REDRAWS):
            draw = uniforms(f"{self._stream}/{ordinal}/{attempt}", 1)[0]
            point = self._tpe.ask(ordinal, seed=int(draw * 2**32))
            if point not in used:
                return self._in_flight(Advice(ordinal=ordinal, assignment=point))
        drawn = draw_unused(self.cube, used, f"{self._stream}/{ordinal}/random")
        if drawn is None:
            return None
        return self._in_flight(Advice(ordinal=ordinal, assignment=drawn, labels={ORIGIN_LABEL: "random"}))

    def _scaled(self, told: list[Valued]) -> list[Valued]:
        """Several objectives on one scale: volumes are compared, and those of the largest floats would be infinite."""
        if not self.config.further_objectives:
            return told
        points = to_unit([point for _, _, point in told])
        return [(ordinal, assignment, point) for (ordinal, assignment, _), point in zip(told, points, strict=True)]

    def _in_flight(self, advice: Advice) -> Advice:
        """Let the rest of a batch know of an answer, as the record will."""
        self._tpe.tell_in_flight(advice.ordinal, advice.assignment)
        return advice

    def startup_trials(self) -> int:
        """Trials with an outcome before the model is used."""
        return STARTUP.of(self.config)

    def new_model(self) -> Model:
        """The model, imported when it is needed: optuna takes a third of a second."""
        from algorithms.parzen.optuna_tpe import OptunaTpe

        gamma = GAMMA.of(self.config)
        return OptunaTpe(
            self.cube,
            multivariate=self.multivariate,
            candidates=self._candidates,
            good=_tenth if gamma is None else lambda trials: min(math.ceil(gamma * math.sqrt(trials)), MOST_GOOD),
            prior_weight=PRIOR_WEIGHT.of(self.config),
            objectives=len(self.config.objectives),
        )

    @property
    def _tpe(self) -> Model:
        if self._model is None:
            self._model = self.new_model()
        return self._model


def _tenth(trials: int) -> int:
    """Optuna's rule for one objective; for several its rule has no limit."""
    return min(math.ceil(0.1 * trials), MOST_GOOD)
