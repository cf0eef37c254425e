"""BOHB: hyperband's brackets, filled by a model of the good and the bad points (Falkner, Klein, Hutter 2018).

The paper's symbols: D_b are the trials with the resource b, N_min the points that a model needs, q the share of them
that counts as good, rho the share of new points that stays random, N_s the points drawn from the model of the good.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from algorithms.base import ORIGIN_LABEL, Standing
from algorithms.fidelity.hyperband import Hyperband
from algorithms.fidelity.ladder import Member, Record
from algorithms.options import Option
from algorithms.recall import MOST_CANDIDATES, recalled, told_beside
from katib.core.draw import uniforms
from katib.core.space import Assignment
from katib.core.study import StudyConfig

if TYPE_CHECKING:
    from algorithms.parzen.optuna_tpe import OptunaTpe

MIN_POINTS_IN_MODEL: Option[int | None] = Option(
    name="min_points_in_model",
    accepts="an integer > 0",
    default="",
    what="N_min: with two more of them an amount of the resource has a model. Without it the number of parameters "
    "without the resource, plus one.",
    type="integer",
    absent=None,
    parse=int,
    allows=lambda value: value is None or value > 0,
)
TOP_N_PERCENT: Option[int] = Option(
    name="top_n_percent",
    accepts="an integer from 1 to 99",
    default="15",
    what="q: the percentage of the trials that counts as good, but N_min of them at least.",
    absent=15,
    parse=int,
    allows=lambda value: 1 <= value <= 99,
)
NUM_SAMPLES: Option[int] = Option(
    name="num_samples",
    accepts=f"an integer from 1 to {MOST_CANDIDATES}",
    default="64",
    what="N_s: points drawn from the model of the good trials, of which the most promising begins.",
    absent=64,
    parse=int,
    allows=lambda value: 1 <= value <= MOST_CANDIDATES,
)
RANDOM_FRACTION: Option[float] = Option(
    name="random_fraction",
    accepts="a number from 0 to 1",
    default="",
    what="rho: the share of new points that is drawn by chance though there is a model. Without it a third.",
    type="number",
    absent=1 / 3,
    parse=float,
    allows=lambda value: 0 <= value <= 1,
)

BEYOND = 2
"""Points that a model needs beyond N_min, so that there is something to call bad."""

REDRAWS = 4
"""Times the model is asked again, with other seeds, when it suggests a used point."""

RECALLED = 2000
"""Trials with a value that the model is told at most, the good ones before all; and as many bad ones."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """What the model learns from: the members of one amount of the resource, D_b.

    Attributes:
        valued: those with a value, by ordinal.
        bad: those that are bad for want of one.
    """

    valued: list[Member]
    bad: list[Member]


class Bohb(Hyperband):
    """Hyperband whose new points come from optuna's multivariate Parzen estimator."""

    about = """\
Runs hyperband's brackets, and begins them with points from a model of the trials so far. How many trials there are,
how much of the resource each gets and which go on is as for [hyperband](hyperband.md), with the same `r_l` and `eta`.

The model learns from the trials of one amount of the resource: the largest that N_min + 2 trials with a value had. Of
these the best 15 percent, N_min of them at least, are good and the others bad; 64 points are drawn from the density of
the good ones, and the one that is likeliest to be good begins. A third of the new points is drawn by chance all the
same, so that a model which learned something wrong from short trials does not lead astray for good; they have the
label `katib.kubeflow.org/origin: random`, as has a point that is drawn because the model suggested five used ones.

The densities are those of [multivariate-tpe](multivariate-tpe.md), which takes categorical and conditional parameters
and has a prior that keeps it wide, instead of the paper's kernels with their factor and least width. Of more than 2,000
trials with a value it is told the good ones, a thousand at most, and the latest of the others; of fewer than that when
`num_samples` is more than 1,000."""
    paper = (
        "S. Falkner, A. Klein, F. Hutter, BOHB: Robust and Efficient Hyperparameter Optimization at Scale, ICML 2018, "
        "Algorithms 1 and 2."
    )
    trials = MappingProxyType(
        {
            Standing.VALUE: "its value, for hyperband and for the model of its amount of the resource",
            Standing.BAD: "it is over and does not go on; to the model of its amount it is worse than every value",
            Standing.IN_FLIGHT: "its rung waits for it; a point that is new counts among the bad ones (a constant "
            "liar), so that parallel trials spread out",
            Standing.SILENT: "it is over and does not go on; nothing to the model",
        }
    )
    settings = (*Hyperband.settings, MIN_POINTS_IN_MODEL, TOP_N_PERCENT, NUM_SAMPLES, RANDOM_FRACTION)
    requires = ("optuna",)
    install = "katib-engine[algorithms]"

    def __init__(self, config: StudyConfig) -> None:
        super().__init__(config)
        self._least = MIN_POINTS_IN_MODEL.of(config) or len(self.rest.axes) + 1
        self._share = TOP_N_PERCENT.of(config)
        self._chance = RANDOM_FRACTION.of(config)
        self._model: OptunaTpe | None = None
        self._ready = False

    def prepare(self, record: Record) -> None:
        """Tell the model of the largest amount that has enough trials."""
        data = self._data(record)
        self._ready = data is not None
        if data is None:
            return
        finished = len(data.valued) + len(data.bad)
        told = [(each.trial.ordinal, self._point(each), (each.loss or 0.0,)) for each in data.valued]
        new = [each for each in record.members if each.rung == 0 and each.standing is Standing.IN_FLIGHT]
        most = told_beside(NUM_SAMPLES.of(self.config), most=RECALLED)
        self._parzen.tell(
            recalled(told, most=most, best=min(self._good(finished), most // 2)),
            bad=[(each.trial.ordinal, self._point(each)) for each in data.bad[-most:]],
            in_flight=[(each.trial.ordinal, self._point(each)) for each in new],
            finished=finished,
        )

    def begin(self, ordinal: int, record: Record) -> tuple[Assignment, dict[str, str]]:
        """A point of the model, if there is one and chance does not want its share."""
        if not self._ready:
            return super().begin(ordinal, record)
        point, labels = self._suggested(ordinal, record)
        # What follows in a batch is told of it, as the record will.
        self._parzen.tell_in_flight(ordinal, point)
        return point, labels

    def _suggested(self, ordinal: int, record: Record) -> tuple[Assignment, dict[str, str]]:
        chance, *seeds = uniforms(f"bohb/{self.seed}/{ordinal}/model", 2 + REDRAWS)
        if chance >= self._chance:
            for seed in seeds:
                point: Assignment = self._parzen.ask(ordinal, seed=int(seed * 2**32))
                if point not in record.used:
                    return point, {}
        point, labels = super().begin(ordinal, record)
        return point, {**labels, ORIGIN_LABEL: "random"}

    def _data(self, record: Record) -> Data | None:
        """The trials of the largest amount of which N_min + 2 have a value; None when there is none."""
        # The first bracket begins with the least, so its rungs are all the amounts there are.
        for amount in reversed(self.values(0)):
            members = [each for each in record.members if each.trial.assignment[self.name] == amount]
            members.sort(key=_ordinal)
            valued = [each for each in members if each.loss is not None]
            if len(valued) >= self._least + BEYOND:
                return Data(valued=valued, bad=[each for each in members if _bad(each)])
        return None

    def _good(self, trials: int) -> int:
        """N_b,l: how many of so many trials count as good. The paper's max(N_min, q N_b)."""
        return max(self._least, trials * self._share // 100)

    def _point(self, member: Member) -> Assignment:
        return {name: value for name, value in member.trial.assignment.items() if name != self.name}

    @property
    def _parzen(self) -> "OptunaTpe":
        """The model, imported when it is needed: optuna takes a third of a second."""
        if self._model is None:
            from algorithms.parzen.optuna_tpe import OptunaTpe

            samples = NUM_SAMPLES.of(self.config)
            self._model = OptunaTpe(self.rest, multivariate=True, candidates=samples, good=self._good)
        return self._model


def _bad(member: Member) -> bool:
    """Whether it is its own fault that it has no value; one that reports nan is such a one."""
    return member.standing is Standing.BAD or (member.standing is Standing.VALUE and member.loss is None)


def _ordinal(member: Member) -> int:
    return member.trial.ordinal
