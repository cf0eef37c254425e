"""Tune a Python function: no YAML, no script of its own for the training.

The function names its parameters, or takes one dictionary of all. What it returns is the objective; katib.report adds
the values on the way. Each trial runs in a process of its own, so an exception fails that trial only.
"""

import math
import random

import katib


def fit(lr: float, degree: int, optimizer: str) -> float:
    """Fit a polynomial to a noisy sine by stochastic gradient descent; return the error on points not trained on."""
    rng = random.Random(0)
    points = [(x, math.sin(3 * x) + rng.gauss(0, 0.1)) for x in (rng.uniform(-1, 1) for _ in range(60))]
    train, test = points[:40], points[40:]
    weights = [0.0] * (degree + 1)
    squares = [1e-8] * len(weights)

    def residual(x: float, y: float) -> float:
        return sum(weight * x**power for power, weight in enumerate(weights)) - y

    def error() -> float:
        return sum(residual(x, y) ** 2 for x, y in test) / len(test)

    for epoch in range(1, 31):
        for x, y in rng.sample(train, len(train)):
            wrong = residual(x, y)
            for power in range(len(weights)):
                slope = wrong * x**power
                squares[power] += slope * slope
                scale = 1 / math.sqrt(squares[power]) if optimizer == "adagrad" else 1.0
                weights[power] -= lr * scale * slope
        if epoch % 10 == 0:
            katib.report(loss=error(), step=epoch)
    return error()


def main() -> None:
    result = katib.tune(
        fit,
        {"lr": "log:1e-4:0.3", "degree": "int:1:6", "optimizer": ["sgd", "adagrad"]},
        objective="loss",
        direction="minimize",
        algorithm="tpe",
        max_trials=20,
        parallel=2,
    )
    print(result.best)
    print(result.to_dataframe().sort_values("value").head())


if __name__ == "__main__":
    main()
