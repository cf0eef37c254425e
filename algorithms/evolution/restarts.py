"""When CMA-ES has converged: how large the population and the first step of its next run are.

IPOP: A. Auger, N. Hansen, A restart CMA evolution strategy with increasing population size, CEC 2005.
BIPOP: N. Hansen, Benchmarking a BI-population CMA-ES on the BBOB-2009 function testbed, GECCO 2009.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

INCREASE = 2
"""Each larger run has so many times the population of the one before."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of CMA-ES.

    Attributes:
        population: lambda, trials per generation.
        shrink: the first step is sigma * shrink.
        small: whether it counts to BIPOP's regime of small populations.
    """

    population: int
    shrink: float = 1.0
    small: bool = True


Restart = Callable[[Sequence[Run], Sequence[int], Sequence[float]], Run]
"""(the runs so far, how many trials each was told, two draws in [0, 1)) -> the next run."""


def ipop(runs: Sequence[Run], told: Sequence[int], draws: Sequence[float]) -> Run:  # noqa: ARG001 - see Restart
    """The population doubles."""
    return Run(population=runs[-1].population * INCREASE, small=False)


def bipop(runs: Sequence[Run], told: Sequence[int], draws: Sequence[float]) -> Run:
    """The regime that was told fewer trials is next: doubled populations, or small ones with a small first step.

    The first run counts as small, so the first restart doubles. With L the largest population so far, l the first one,
    and U, V uniform, a small run has the population l * (L / 2l)^(U^2) and the first step sigma * 10^(-2V).
    """
    first = runs[0].population
    large = max((run.population for run in runs if not run.small), default=first)
    small_told = sum(count for run, count in zip(runs, told, strict=True) if run.small)
    if small_told >= sum(told) - small_told:
        return Run(population=large * INCREASE, small=False)
    population = int(first * (large / (2 * first)) ** (draws[0] ** 2))
    return Run(population=population, shrink=10.0 ** (-2 * draws[1]), small=True)


RESTARTS: dict[str, Restart] = {"ipop": ipop, "bipop": bipop}
