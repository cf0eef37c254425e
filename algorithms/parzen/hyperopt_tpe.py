"""Tree-structured Parzen estimator as in hyperopt, which is what Katib's `tpe` is.

What a trial means, and how long records are dealt with, is as in `algorithms.parzen.tpe`.
"""

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from algorithms.base import Standing
from algorithms.options import random_state
from algorithms.parzen.tpe import CANDIDATES, CANDIDATES_OF_HYPEROPT, GAMMA, PRIOR_WEIGHT, TpeSearch

if TYPE_CHECKING:
    from algorithms.parzen.hyperopt_model import HyperoptTpe

STARTUP_TRIALS = 20
"""Trials with an outcome before the model is used: hyperopt's default."""

DEFAULT_GAMMA, DEFAULT_WEIGHT = 0.25, 1.0


class HyperoptTpeSearch(TpeSearch):
    """Hyperopt's TPE; maximising is minimising the negative."""

    about = """\
Is TPE as hyperopt has it, with the settings of Katib's `tpe`: draws points from a model of the good trials, one for
each parameter, and suggests the one that looks least like the other trials.

The first 20 trials are random. All else is as for `tpe`: random points when it repeats itself, what it is told of
long records, and that a trial says nothing about a parameter that is not active in it."""
    stream = "hyperopt-tpe"
    abilities = replace(TpeSearch.abilities, several_objectives=False)
    paper = "J. Bergstra, R. Bardenet, Y. Bengio, B. Kegl, Algorithms for Hyper-Parameter Optimization, NIPS 2011."
    trials = MappingProxyType({**TpeSearch.trials, Standing.VALUE: "its value"})
    settings = (
        random_state(),
        replace(
            GAMMA, default=str(DEFAULT_GAMMA), what="Of n trials the best gamma * sqrt(n), at most 25, count as good."
        ),
        PRIOR_WEIGHT,
        replace(
            CANDIDATES_OF_HYPEROPT,
            default=CANDIDATES.default,
            what="Points drawn from the model of the good trials, of which the most promising is suggested.",
        ),
    )
    requires = ("hyperopt",)

    def startup_trials(self) -> int:
        return STARTUP_TRIALS

    def new_model(self) -> "HyperoptTpe":
        from algorithms.parzen.hyperopt_model import HyperoptTpe

        return HyperoptTpe(
            self.cube,
            candidates=self._candidates,
            gamma=GAMMA.of(self.config) or DEFAULT_GAMMA,
            prior_weight=PRIOR_WEIGHT.of(self.config) or DEFAULT_WEIGHT,
        )
