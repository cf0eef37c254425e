"""Published test functions, written from their papers. All are minimised."""

import itertools
import math
from collections.abc import Sequence

from quality_suite.problem import Param, Point, Problem, floats

SHIFT = (0.31, 0.64, 0.22, 0.73, 0.45, 0.58, 0.27, 0.69, 0.36, 0.77)
"""Where in its box the optimum of a shifted function lies: off the centre, where many searches begin."""


def _xs(point: Point) -> list[float]:
    return [float(value) for value in point.values()]


def branin(point: Point) -> float:
    x, y = _xs(point)
    bowl = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return bowl**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def log_goldstein(point: Point) -> float:
    x, y = (4 * u - 2 for u in _xs(point))
    first = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    second = 30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    return (math.log(first * second) - 8.693) / 2.427


_ALPHA = (1.0, 1.2, 3.0, 3.2)
_A = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8), (17, 8, 0.05, 10, 0.1, 14))
_P = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def hartmann6(point: Point) -> float:
    xs = _xs(point)
    return -sum(
        alpha * math.exp(-sum(a * (x - p) ** 2 for a, x, p in zip(row, xs, centre, strict=True)))
        for alpha, row, centre in zip(_ALPHA, _A, _P, strict=True)
    )


def rosenbrock(point: Point) -> float:
    xs = _xs(point)
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(xs))


def levy(point: Point) -> float:
    ws = [1 + (x - 1) / 4 for x in _xs(point)]
    middle = sum((w - 1) ** 2 * (1 + 10 * math.sin(math.pi * w + 1) ** 2) for w in ws[:-1])
    last = (ws[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * ws[-1]) ** 2)
    return math.sin(math.pi * ws[0]) ** 2 + middle + last


def michalewicz(point: Point) -> float:
    return -sum(math.sin(x) * math.sin((i + 1) * x * x / math.pi) ** 20 for i, x in enumerate(_xs(point)))


def styblinski_tang(point: Point) -> float:
    return sum(x**4 - 16 * x**2 + 5 * x for x in _xs(point)) / 2


def _ackley(xs: Sequence[float]) -> float:
    root = math.sqrt(sum(x * x for x in xs) / len(xs))
    waves = sum(math.cos(2 * math.pi * x) for x in xs) / len(xs)
    return -20 * math.exp(-0.2 * root) - math.exp(waves) + 20 + math.e


def _rastrigin(xs: Sequence[float]) -> float:
    return sum(x * x - 10 * math.cos(2 * math.pi * x) + 10 for x in xs)


def ackley10(point: Point) -> float:
    return _ackley([x - 32.768 * (2 * s - 1) for x, s in zip(_xs(point), SHIFT, strict=True)])


def rastrigin10(point: Point) -> float:
    return _rastrigin([x - 5.12 * (2 * s - 1) for x, s in zip(_xs(point), SHIFT, strict=True)])


def _camel(x: float, y: float) -> float:
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (4 * y**2 - 4) * y**2


def _beale(x: float, y: float) -> float:
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def func2c(point: Point) -> float:
    x, y = 2 * point["x0"], 2 * point["x1"]
    parts = {
        "rosenbrock": (100 * (y - x * x) ** 2 + (1 - x) ** 2) / 300,
        "camel": _camel(x, y) / 10,
        "beale": _beale(x, y) / 50,
    }
    return parts[point["first"]] + parts[point["second"]]


def ackley5c(point: Point) -> float:
    return _ackley([*(int(point[f"c{i}"]) / 8 - 1 for i in range(5)), point["x"]])


def pressure_vessel(point: Point) -> float:
    shell, head, radius, length = point["shell"] / 16, point["head"] / 16, point["radius"], point["length"]
    cost = 0.6224 * shell * radius * length + 1.7781 * head * radius**2
    cost += 3.1661 * shell**2 * length + 19.84 * shell**2 * radius
    volume = math.pi * radius**2 * length + 4 / 3 * math.pi * radius**3
    violated = (0.0193 * radius - shell, 0.00954 * radius - head, 1 - volume / 1_296_000)
    violation = sum(max(part, 0.0) for part in violated)
    # So the best feasible point is the lowest one.
    return cost + (10_000 * (1 + violation) if violation > 0 else 0.0)


_ARITIES = (2, 2, 4, 4, 8, 8, 16, 16)
_PLACES = (1, 0, 1, 2, 5, 2, 4, 11)


def _mixint(value: int, arity: int) -> float:
    return -4 + 8 * (value + 1) / (arity + 1)


def mixint_rastrigin(point: Point) -> float:
    zs = [_mixint(point[f"n{i}"], arity) - _mixint(_PLACES[i], arity) for i, arity in enumerate(_ARITIES)]
    return _rastrigin([*zs, point["x0"] - 1.37, point["x1"] + 2.11])


def jenatton(point: Point) -> float:
    leaves = {"00": ("x4", 0.1, "r8"), "01": ("x5", 0.2, "r8"), "10": ("x6", 0.3, "r9"), "11": ("x7", 0.4, "r9")}
    side = point["x1"]
    leaf, constant, shared = leaves[side + point["x2" if side == "0" else "x3"]]
    return float(point[leaf] ** 2 + constant + point[shared])


def _choice(name: str, *choices: str, when: tuple[str, tuple[str, ...]] | None = None) -> Param:
    return Param(name=name, kind="choice", choices=choices, when=when)


def _float(name: str, low: float, high: float, when: tuple[str, tuple[str, ...]] | None = None) -> Param:
    return Param(name=name, kind="float", low=low, high=high, when=when)


def _int(name: str, low: int, high: int) -> Param:
    return Param(name=name, kind="int", low=low, high=high)


CONTINUOUS = ("continuous",)

STANDARD = (
    Problem(
        name="branin",
        params=(_float("x", -5, 10), _float("y", 0, 15)),
        function=branin,
        best=0.39788735772973816,
        source="Dixon and Szego, Towards Global Optimisation 2, 1978",
        tags=CONTINUOUS,
    ),
    Problem(
        name="log_goldstein",
        params=floats(2, 0, 1),
        function=log_goldstein,
        best=(math.log(3) - 8.693) / 2.427,
        source="Goldstein and Price 1971, in the logarithmic form of Picheny, Wagner and Ginsbourger 2013",
        tags=CONTINUOUS,
    ),
    Problem(
        name="hartmann6",
        params=floats(6, 0, 1),
        function=hartmann6,
        best=-3.322368011415515,
        source="Hartmann 1973; Dixon and Szego 1978",
        tags=CONTINUOUS,
    ),
    Problem(
        name="rosenbrock4",
        params=floats(4, -5, 10),
        function=rosenbrock,
        best=0.0,
        source="Rosenbrock, The Computer Journal 3, 1960",
        tags=CONTINUOUS,
    ),
    Problem(
        name="levy5",
        params=floats(5, -10, 10),
        function=levy,
        best=0.0,
        source="Levy and Montalvo 1985; Laguna and Marti 2005",
        tags=CONTINUOUS,
    ),
    Problem(
        name="michalewicz5",
        params=floats(5, 0, math.pi),
        function=michalewicz,
        best=-4.687658179088148,
        source="Michalewicz, Genetic Algorithms + Data Structures = Evolution Programs, 1992",
        tags=CONTINUOUS,
    ),
    Problem(
        name="styblinski_tang5",
        params=floats(5, -5, 5),
        function=styblinski_tang,
        best=-39.16616570377142 * 5,
        source="Styblinski and Tang, Neural Networks 3, 1990",
        tags=CONTINUOUS,
    ),
    Problem(
        name="ackley10",
        params=floats(10, -32.768, 32.768),
        function=ackley10,
        best=0.0,
        source="Ackley, A Connectionist Machine for Genetic Hillclimbing, 1987; shifted off the centre",
        tags=CONTINUOUS,
    ),
    Problem(
        name="rastrigin10",
        params=floats(10, -5.12, 5.12),
        function=rastrigin10,
        best=0.0,
        source="Rastrigin 1974; Muehlenbein, Schomisch and Born 1991; shifted off the centre",
        tags=CONTINUOUS,
    ),
    Problem(
        name="func2c",
        params=(
            _choice("first", "rosenbrock", "camel", "beale"),
            _choice("second", "rosenbrock", "camel", "beale"),
            *floats(2, -1, 1),
        ),
        function=func2c,
        best=-0.2063256906918058,
        source="Ru, Alvi, Nguyen, Osborne and Roberts, ICML 2020 (Func-2C)",
        tags=("mixed",),
    ),
    Problem(
        name="ackley5c",
        params=(*(_choice(f"c{i}", *map(str, range(17))) for i in range(5)), _float("x", -1, 1)),
        function=ackley5c,
        best=0.0,
        source="Ru et al., ICML 2020 (Ackley-5C: 5 lists of 17 values without an order, one number)",
        tags=("mixed",),
    ),
    Problem(
        name="pressure_vessel",
        params=(_int("shell", 1, 99), _int("head", 1, 99), _float("radius", 10, 200), _float("length", 10, 200)),
        function=pressure_vessel,
        best=6059.714335048436,
        source="Kannan and Kramer 1994; what is not feasible costs at least 10,000 more",
        tags=("mixed", "integer"),
    ),
    Problem(
        name="mixint_rastrigin10",
        params=(*(_int(f"n{i}", 0, arity - 1) for i, arity in enumerate(_ARITIES)), *floats(2, -4, 4)),
        function=mixint_rastrigin,
        best=0.0,
        source="Tusar, Brockhoff and Hansen, GECCO 2019 (bbob-mixint: 2, 4, 8 and 16 values a coordinate)",
        tags=("mixed", "integer"),
    ),
    Problem(
        name="jenatton",
        params=(
            _choice("x1", "0", "1"),
            _choice("x2", "0", "1", when=("x1", ("0",))),
            _choice("x3", "0", "1", when=("x1", ("1",))),
            _float("x4", -1, 1, when=("x2", ("0",))),
            _float("x5", -1, 1, when=("x2", ("1",))),
            _float("x6", -1, 1, when=("x3", ("0",))),
            _float("x7", -1, 1, when=("x3", ("1",))),
            _float("r8", 0, 1, when=("x1", ("0",))),
            _float("r9", 0, 1, when=("x1", ("1",))),
        ),
        function=jenatton,
        best=0.1,
        source="Jenatton, Archambeau, Gonzalez and Seeger, ICML 2017",
        tags=("mixed", "conditional"),
    ),
)
