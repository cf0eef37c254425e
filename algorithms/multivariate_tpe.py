"""Multivariate TPE: one model of all parameters together, so that it sees which values go well with which.

S. Falkner, A. Klein, F. Hutter, BOHB: Robust and Efficient Hyperparameter Optimization at Scale, ICML 2018, section
3.2; optuna's TPESampler with `multivariate=True`. What a trial means, how long records are dealt with, and how the
space is seen is as in `algorithms.tpe`.
"""

from algorithms.options import random_state
from algorithms.tpe import CANDIDATES, STARTUP, TpeSearch


class MultivariateTpeSearch(TpeSearch):
    """Optuna's multivariate TPE with the constant liar."""

    multivariate = True
    settings = (random_state(), STARTUP, CANDIDATES)
