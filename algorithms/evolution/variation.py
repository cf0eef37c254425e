"""How children differ from their parents, coordinate by coordinate of the unit cube.

K. Deb, R. B. Agrawal, Simulated binary crossover for continuous search space, 1995; K. Deb, M. Goyal, A combined
genetic adaptive search (GeneAS) for engineering design, 1996. Both in the form that stays between the bounds, as in
Deb's own code for NSGA-II. `u` is a number in [0, 1) that chance gives.

Plain arithmetic, so that the algorithm needs nothing but the base; optuna has the crossover since its version 3 and the
mutation since 5, with numpy's chance.
"""

CROSSOVER_INDEX = 20.0
"""eta_c, the paper's: the larger it is, the nearer children are to their parents."""

MUTATION_INDEX = 20.0
"""eta_m, the paper's."""

EQUAL = 1e-14
"""Parents closer than this are the same."""


def crossed(one: float, other: float, u: float, *, upper: bool, index: float = CROSSOVER_INDEX) -> float:
    """One of the two children that simulated binary crossover gives two coordinates: the upper or the lower one.

    `u` is a draw, 0 <= u < 1.
    """
    low, high = min(one, other), max(one, other)
    if high - low < EQUAL:
        return one
    # How far the child may go is a matter of the bound on its side.
    room = 1.0 - high if upper else low
    alpha = 2.0 - (1.0 + 2.0 * room / (high - low)) ** -(index + 1.0)
    spread = u * alpha if u <= 1.0 / alpha else 1.0 / (2.0 - u * alpha)
    reach = spread ** (1.0 / (index + 1.0)) * (high - low)
    return _within((low + high + reach if upper else low + high - reach) / 2.0)


def mutated(at: float, u: float, *, least: float = 0.0, index: float = MUTATION_INDEX) -> float:
    """The coordinate moved by polynomial mutation: down for u < 1/2, else up.

    Args:
        least: how far it moves at least, where there is room: a value's share of the coordinate, so that one of few
            values becomes another.
    """
    power = index + 1.0
    if u < 0.5:
        change = (2.0 * u + (1.0 - 2.0 * u) * (1.0 - at) ** power) ** (1.0 / power) - 1.0
        return _within(at + min(change, -least))
    change = 1.0 - (2.0 * (1.0 - u) + (2.0 * u - 1.0) * at**power) ** (1.0 / power)
    return _within(at + max(change, least))


def _within(at: float) -> float:
    return min(max(at, 0.0), 1.0)
