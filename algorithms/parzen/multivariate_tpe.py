"""Multivariate TPE: one model of all parameters together, so that it sees which values go well with which.

Optuna's TPESampler with `multivariate=True`. What a trial means, how long records are dealt with, and how the space is
seen is as in `algorithms.parzen.tpe`.
"""

from algorithms.options import random_state
from algorithms.parzen.tpe import CANDIDATES, STARTUP, TpeSearch


class MultivariateTpeSearch(TpeSearch):
    """Optuna's multivariate TPE with the constant liar."""

    about = """\
Models all parameters together, so that it sees which values go well with which. It is optuna's tree-structured Parzen
estimator with `multivariate=True`; all else is as for `tpe`: random points when it repeats itself, and what it is
told of long records. Parameters that are active under the same condition are modelled together."""
    paper = """\
S. Falkner, A. Klein, F. Hutter, BOHB: Robust and Efficient Hyperparameter Optimization at Scale, ICML 2018, section
3.2."""
    stream = "multivariate-tpe"
    multivariate = True
    settings = (random_state(), STARTUP, CANDIDATES)
