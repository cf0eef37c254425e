"""Bayesian optimization with scikit-optimize, asked anew from the record each time."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from algorithms.base import PointByPoint, Standing, standing
from algorithms.options import Option, choice, path, random_state
from algorithms.recall import Valued, recalled
from katib.core.advice import Abilities, Advice
from katib.core.draw import UsedPoints, draw_unused, uniforms
from katib.core.objective import Direction
from katib.core.space import Assignment
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import Fault

if TYPE_CHECKING:
    from algorithms.scikit.skopt_model import Fitted, Surrogate

RECALLED = {"GP": 200, "RF": 500, "ET": 500, "GBRT": 500}
"""Trials with a value that a model is told at most: what it fits in well under a second."""

RECALLED_BEST = 50
TOLD_BESIDE = 50
"""Trials in flight, and trials that broke, that a model is told at most, the latest."""

OTHERS = 256
"""Unused points to choose from when the most promising one is used."""

LARGEST = 1e100
"""Values beyond it are told as it: the models square them."""

SHORTEST = 1e-3
"""Seconds that a trial is taken to have lasted at least; the acquisition functions per second take the logarithm."""

REFUSAL = "{} is not supported in Bayesian optimization"
BASE_ESTIMATOR = choice(
    "base_estimator",
    "GP",
    "RF",
    "ET",
    "GBRT",
    default="GP",
    what="The model: a Gaussian process, a random forest, extra trees, or gradient boosted trees.",
    refusal=f"base_estimator {REFUSAL}",
)
INITIAL: Option[int] = Option(
    name="n_initial_points",
    accepts="an integer >= 0",
    default="10",
    what="Trials with an outcome before the model is used; until then points are random.",
    absent=10,
    parse=int,
    allows=lambda value: value >= 0,
    refusal="n_initial_points should be great or equal than zero",
)
ACQ_FUNC = choice(
    "acq_func",
    "gp_hedge",
    "LCB",
    "EI",
    "PI",
    "EIps",
    "PIps",
    default="gp_hedge",
    what="What makes a point promising: the lower confidence bound, the expected improvement, the probability of "
    "improvement, the last two per second that a trial takes, or for each trial one of the first three (gp_hedge).",
    refusal=f"acq_func {REFUSAL}",
)
ACQ_OPTIMIZER = choice(
    "acq_optimizer",
    "auto",
    "sampling",
    "lbfgs",
    default="auto",
    what="How the most promising point is looked for: by sampling, or from the best samples on by gradients (lbfgs, "
    "for GP only); auto takes gradients where the model has them.",
    refusal=f"acq_optimizer {REFUSAL}",
)
HEDGED = ("EI", "LCB", "PI")

_Told = tuple[Assignment, Any]


class BayesianOptimization(PointByPoint):
    """Scikit-optimize's Optimizer; maximising is minimising the negative."""

    about = """\
Fits a model to all trials and tries the point that promises most under it: scikit-optimize's Optimizer. Numbers are
seen as their coordinates under their distribution, so a logarithmic range is logarithmic and no other one is; that of
a parameter that is not active is the middle.

Trials that run are told with the best value so far (a constant liar), which keeps others away from them. With
`gp_hedge` each trial takes one of EI, LCB and PI, each as likely: the gains by which scikit-optimize comes to prefer
one are made of all models it ever fitted, and are no function of the record. When the most promising point is used
already, the one with the least lower confidence bound of 256 unused ones is taken.

Answers stay under a second: of more than 200 trials with a value (500 for the models of trees) the model is told the
best 50 and the latest of the others; beyond 100 the kernel of a Gaussian process is learned from 100 of them, and the
search begins from 2,000 samples instead of 10,000."""
    paper = """\
J. Mockus, On Bayesian methods for seeking the extremum, 1974; D. R. Jones, M. Schonlau, W. J. Welch, Efficient global
optimization of expensive black-box functions, J. Global Optimization 13, 1998. The constant liar: D. Ginsbourger, R.
Le Riche, L. Carraro, Kriging is well-suited to parallelize optimization, 2010. gp_hedge: M. Hoffman, E. Brochu, N. de
Freitas, Portfolio allocation for Bayesian optimization, UAI 2011."""
    trials = MappingProxyType(
        {
            Standing.VALUE: "its value, and how long it ran where acq_func is per second",
            Standing.BAD: "as bad as the worst value; of these, the latest 50",
            Standing.IN_FLIGHT: "as good as the best value (a constant liar); of these, the latest 50",
            Standing.SILENT: "nothing; its point is not suggested again",
        }
    )
    abilities = Abilities(conditional=True)
    settings = (random_state(), BASE_ESTIMATOR, INITIAL, ACQ_FUNC, ACQ_OPTIMIZER)
    requires = ("skopt",)
    install = "katib-engine[algorithms]"

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._initial = INITIAL.of(config)
        self._acq_func = ACQ_FUNC.of(config)
        self._sign = 1.0 if config.objective.direction is Direction.MINIMIZE else -1.0
        self._model: Surrogate | None = None
        self._told: list[_Told] = []
        self._lie: Any = None
        self._open = any(parameter.size != 1 for parameter in config.space.parameters)

    @classmethod
    def validate_settings(cls, config: StudyConfig) -> list[Fault]:
        faults = super().validate_settings(config)
        base, way = BASE_ESTIMATOR.of(config), ACQ_OPTIMIZER.of(config)
        if way == "lbfgs" and base in BASE_ESTIMATOR.choices and base != "GP":
            wanted = "acq_optimizer lbfgs is not supported in Bayesian optimization with base_estimator " + base
            hint = "use acq_optimizer auto or sampling: trees have no gradients"
            faults.append(Fault(path=path("acq_optimizer"), given=way, wanted=wanted, hint=hint))
        return faults

    def prepare(self, trials: Sequence[Trial]) -> None:
        """Write down what the model is told, once there is enough of it."""
        self._told = []
        by_standing: dict[Standing, list[Trial]] = {each: [] for each in Standing}
        for trial in trials:
            by_standing[standing(trial)].append(trial)
        valued, bad = by_standing[Standing.VALUE], by_standing[Standing.BAD]
        if not self._open or not valued or len(valued) + len(bad) < self._initial:
            return
        kept = recalled(
            [(t.ordinal, t.assignment, (self._value(t),)) for t in valued],
            most=RECALLED[BASE_ESTIMATOR.of(self.config)],
            best=RECALLED_BEST,
        )
        seconds = {t.ordinal: _seconds(t) for t in (*valued, *bad)}
        values = [value for _, _, (value,) in kept]
        ended = [*kept, *((t.ordinal, t.assignment, (max(values),)) for t in bad[-TOLD_BESIDE:])]
        told = [
            (assignment, self._seen(value, seconds[ordinal]))
            for ordinal, assignment, (value,) in sorted(ended, key=_first)
        ]
        self._lie = self._seen(min(values), min(seconds[ordinal] for ordinal, _, _ in kept))
        told += [(t.assignment, self._lie) for t in by_standing[Standing.IN_FLIGHT][-TOLD_BESIDE:]]
        self._told = [each for each in told if self.space.contains(each[0])]

    def point(self, ordinal: int, used: UsedPoints) -> Assignment | Advice | None:
        stream = f"bayesianoptimization/{self.seed}/{ordinal}"
        if not self._told:
            return draw_unused(self.cube, used, f"{stream}/startup")
        if used.full:
            return None
        seed, which = uniforms(stream, 2)
        hedged = self._acq_func == "gp_hedge"
        acq_func = HEDGED[int(which * len(HEDGED))] if hedged else self._acq_func
        fitted = self._surrogate.fit(self._told, acq_func=acq_func, seed=int(seed * 2**32))
        point: Assignment | None = self._whole(fitted.best)
        if point is None or point in used:
            point = self._other(fitted, used, stream)
        if point is None:
            return None
        # Let the rest of a batch know of it, as the record will.
        self._told.append((point, self._lie))
        return point

    def _other(self, fitted: "Fitted", used: UsedPoints, stream: str) -> Assignment | None:
        drawn = (draw_unused(self.cube, used, f"{stream}/other/{number}") for number in range(OTHERS))
        points = [each for each in drawn if each is not None]
        return fitted.most_promising(points) if points else None

    def _whole(self, values: Assignment) -> Assignment:
        """With the parameters that have one value only, without those that are not active."""
        return self.space.assign(lambda each: values[each.name] if each.name in values else each.at(0))

    def _value(self, trial: Trial) -> float:
        return min(max(self._sign * (trial.value or 0.0), -LARGEST), LARGEST)

    def _seen(self, value: float, seconds: float) -> Any:
        return (value, seconds) if self._acq_func.endswith("ps") else value

    @property
    def _surrogate(self) -> "Surrogate":
        if self._model is None:
            # Importing scikit-learn takes seconds, which a study's first points need not wait for.
            from algorithms.scikit.skopt_model import Surrogate

            self._model = Surrogate(
                self.cube, base_estimator=BASE_ESTIMATOR.of(self.config), acq_optimizer=ACQ_OPTIMIZER.of(self.config)
            )
        return self._model


def _first(valued: Valued) -> int:
    return valued[0]


def _seconds(trial: Trial) -> float:
    """How long a trial ran; a second when that is not on record."""
    if trial.ended_at is None:
        return 1.0
    return max(trial.ended_at - (trial.started_at or trial.created_at), SHORTEST)
